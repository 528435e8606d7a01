//! What was run: programs, machine, inputs, and durations.

use std::collections::BTreeSet;

use proto::study::Stage;
use proto::trace::Versions;

use super::document::Block;
use crate::results::file::Results;
use crate::table::{self, Table, UNKNOWN};

/// Number of digits of a hash that are shown.
const DIGITS: usize = 12;

/// The durations: a row for each kind of stage, then every stage.
pub fn durations(results: &Results) -> Vec<Block> {
    let stages = &results.study.stages;
    if stages.is_empty() {
        return Vec::new();
    }
    let total: f64 = stages.iter().map(|stage| stage.seconds).sum();
    let mut kinds: Vec<&str> = Vec::new();
    for stage in stages {
        if !kinds.contains(&stage.kind.as_str()) {
            kinds.push(&stage.kind);
        }
    }
    let row = |name: &str, stages: Vec<&Stage>| {
        let seconds: f64 = stages.iter().map(|stage| stage.seconds).sum();
        let share = if total > 0.0 { 100.0 * seconds / total } else { 0.0 };
        vec![name.to_owned(), stages.len().to_string(), duration(seconds), table::number(share, 1)]
    };
    let mut rows: Vec<Vec<String>> = kinds
        .iter()
        .map(|kind| row(kind, stages.iter().filter(|stage| stage.kind == **kind).collect()))
        .collect();
    rows.push(row("all", stages.iter().collect()));
    let by_kind = Table { header: ["Stage", "Runs", "Time", "Share (%)"].map(String::from).into(), rows };
    let each = stages.iter().map(|stage| {
        vec![
            stage.name.clone(),
            stage.kind.clone(),
            duration(stage.seconds),
            if stage.reused { "reused" } else { "ran" }.to_owned(),
            short(&stage.key),
        ]
    });
    let each = Table {
        header: ["Stage", "Kind", "Time", "In the last start", "Key"].map(String::from).into(),
        rows: each.collect(),
    };
    let machine = &results.study.machine;
    let caption = format!(
        "On {} cores of {}. The time is what each stage took when it ran; a later start of the study reuses stages \
         whose inputs and settings have not changed.",
        machine.cores, machine.processor
    );
    vec![
        Block::Table { name: Some("durations".into()), caption, table: by_kind },
        Block::Code { title: "Every stage".to_owned(), language: "text", text: each.markdown() },
    ]
}

/// A duration for people.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

/// The first digits of a hash.
fn short(hash: &str) -> String {
    hash.chars().take(DIGITS).collect()
}

/// The programs, the machine, and the inputs.
pub fn blocks(results: &Results) -> Vec<Block> {
    let study = &results.study;
    let or_unknown = |text: &str| if text.is_empty() { UNKNOWN.to_owned() } else { text.to_owned() };
    let machine = &study.machine;
    let seeds: BTreeSet<u64> = results.cells.iter().map(|results| results.cell.seed).collect();
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    let mut rows = vec![
        vec!["Study".into(), study.name.clone()],
        vec!["Commit".into(), or_unknown(&study.commit)],
        vec!["Last start".into(), format!("{} to {}", study.started_at, study.finished_at)],
        vec![
            "Machine".into(),
            format!(
                "{}, {} cores, {} GiB, {}",
                machine.processor,
                machine.cores,
                table::number(machine.memory_bytes as f64 / f64::from(1 << 30), 1),
                machine.system
            ),
        ],
        vec!["Training seeds".into(), seeds.join(", ")],
    ];
    for program in &study.programs {
        rows.push(vec![
            program.name.clone(),
            format!("{}, SHA-256 {}", program.version, short(&program.sha256)),
        ]);
    }
    rows.extend(evaluated(results));
    let table = Table { header: vec!["What".into(), "Which".into()], rows };
    let mut blocks = vec![Block::Table { name: None, caption: String::new(), table }];
    blocks.extend(trained(results));
    blocks.push(Block::Code {
        title: "The experiment".to_owned(),
        language: "yaml",
        text: serde_saphyr::to_string(&study.experiment).unwrap_or_else(|_| study.experiment.to_string()),
    });
    blocks
}

/// The versions in the traces of the evaluation episodes.
fn evaluated(results: &Results) -> Vec<Vec<String>> {
    let versions: Vec<&Versions> = results.cells.iter().flat_map(|results| &results.versions).collect();
    let distinct = |value: fn(&Versions) -> String| {
        let values: BTreeSet<String> =
            versions.iter().map(|v| value(v)).filter(|text| !text.is_empty()).collect();
        values.into_iter().collect::<Vec<_>>().join(", ")
    };
    let rows = [
        ("Python in the episodes", distinct(|v| v.python.clone())),
        ("Interpreter, SHA-256", distinct(|v| short(&v.interpreter_sha256))),
        ("Base models' weights, SHA-256", distinct(|v| short(&v.model_sha256))),
        ("Adapters' weights, SHA-256", distinct(|v| short(&v.adapter_sha256))),
    ];
    let rows = rows.into_iter().filter(|(_, text)| !text.is_empty());
    rows.map(|(what, text)| vec![what.to_owned(), text]).collect()
}

/// A row for each training; none without trainings.
fn trained(results: &Results) -> Option<Block> {
    let header = [
        "Trained",
        "Seed",
        "Steps",
        "Tokens seen",
        "Tokens learnt",
        "Parameters",
        "Last loss (nats a token)",
        "Time of the steps",
        "Computed on",
        "Data, SHA-256",
    ];
    let rows = results.training.iter().map(|curve| {
        let name = if curve.phase.is_empty() {
            curve.model.clone()
        } else {
            format!("{}: {}", curve.model, curve.phase)
        };
        let count = |count: u64| table::number(count as f64, 0);
        vec![
            name,
            curve.seed.to_string(),
            count(curve.steps),
            count(curve.tokens),
            count(curve.target_tokens),
            count(curve.trained_parameters),
            table::number_or_unknown(curve.loss.value.last().copied(), 3),
            duration(curve.seconds),
            curve.device.clone(),
            curve.data_sha256.iter().map(|hash| short(hash)).collect::<Vec<_>>().join(", "),
        ]
    });
    let table = Table { header: header.map(String::from).into(), rows: rows.collect() };
    (!table.rows.is_empty()).then(|| Block::Table { name: None, caption: String::new(), table })
}
