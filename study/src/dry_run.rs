//! Says what a study would do, what is missing for it, and what it would take; does nothing.

use std::fmt::Write as _;
use std::net::TcpListener;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use crate::experiment::{Experiment, Model, Settings, Sizes};
use crate::plan::{Place, Plan};
use crate::programs::Programs;
use crate::stage::{self, Kind, Record, Stage};
use crate::{checks, machine, words};

/// From so many weights on, a study without a GPU would not end in days.
const NEEDS_GPU: u64 = 1_000_000_000;
/// Of an episode: trace, page, result; as measured, rounded up.
const EPISODE_BYTES: u64 = 100_000;
/// Of a checkpoint beside the weights: the optimiser's value, mean and mean square, in f32.
const OPTIMIZER_BYTES: u64 = 12;
/// Answers under way at once, unless fewer episodes are.
const SERVED_AT_ONCE: u64 = 32;

/// What a dry run found.
#[derive(Debug)]
pub struct Findings {
    /// For people.
    pub text: String,
    /// What is missing, a line each.
    pub missing: Vec<String>,
}

/// Looks at everything that can be looked at.
///
/// # Errors
/// If a program can't be asked about a config.
pub fn look(
    experiment: &Experiment,
    plan: &Plan,
    place: Place<'_>,
    programs: Result<&Programs, &anyhow::Error>,
    fresh: bool,
) -> Result<Findings> {
    let before = stage::records(&place.stages());
    let open = stage::open(&plan.stages, fresh);
    let mut missing = plan.missing.clone();
    match programs {
        Ok(programs) => missing.extend(checks::problems(&open, programs)?),
        Err(error) => missing.push(format!("{error:#}")),
    }
    if let Err(error) = TcpListener::bind("127.0.0.1:0") {
        missing.push(format!("servers can't listen on 127.0.0.1: {error}"));
    }

    let done = plan.stages.len() - open.len();
    let mut text = format!("{}: {} stages, {done} done\n\n", experiment.title, plan.stages.len());
    let _ = writeln!(text, "{}\n", table(&plan.stages, &open, &before));
    let _ = writeln!(text, "{}", sums(&open, &before));
    let disk = disk(&open, plan.sizes);
    let free_disk = machine::free_disk(place.out);
    let _ = writeln!(
        text,
        "disk: about {} for what is not done, {} free",
        words::bytes(disk),
        free_disk.map_or_else(|| "unknown".to_owned(), words::bytes)
    );
    if free_disk.is_some_and(|free| free < disk) {
        missing.push(format!("disk: about {} are needed", words::bytes(disk)));
    }
    match plan.sizes {
        Some(sizes) => model(experiment, sizes, &mut text, &mut missing),
        None => {
            text.push_str("model: how large it is can't be said before it is there; `model.sizes` may say\n")
        }
    }
    Ok(Findings { text, missing })
}

/// A line a stage.
fn table(stages: &[Stage], open: &[&Stage], before: &[Record]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["", "stage", "does", "of", "takes"]);
    for stage in stages {
        let status = match (open.iter().any(|open| open.name == stage.name), stage.begun()) {
            (false, _) => "done",
            (true, true) => "begun",
            (true, false) => "to do",
        };
        let work = stage.work.as_ref().map_or_else(String::new, |work| {
            // Sequences need not be full.
            let at_most = if work.unit == "tokens" { "at most " } else { "" };
            format!("{at_most}{} {}", words::count(work.amount), work.unit)
        });
        let takes = match (status, expected(stage, before)) {
            ("done", _) => String::new(),
            (_, Some(seconds)) => format!("about {}", words::duration(seconds)),
            (_, None) => "not measured yet".to_owned(),
        };
        table.add_row([status, &stage.name, stage.kind.name(), &work, &takes]);
    }
    if let Some(column) = table.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Seconds that a stage should take, as fast as those like it were.
fn expected(stage: &Stage, before: &[Record]) -> Option<f64> {
    let like = |record: &&Record| {
        let same = record.work.as_ref().zip(stage.work.as_ref());
        record.kind == stage.kind
            && same.is_some_and(|(one, other)| one.unit == other.unit && one.like == other.like)
    };
    let alike: Vec<&Record> = before.iter().filter(like).collect();
    let seconds: f64 = alike.iter().map(|record| record.seconds).sum();
    let amount: u64 = alike.iter().filter_map(|record| Some(record.work.as_ref()?.amount)).sum();
    (amount > 0).then(|| seconds / amount as f64 * stage.work.as_ref().map_or(0, |work| work.amount) as f64)
}

/// What all that is not done comes to.
fn sums(open: &[&Stage], before: &[Record]) -> String {
    let sum = |kind: Kind| -> u64 {
        let of_kind = open.iter().filter(|stage| stage.kind == kind);
        of_kind.filter_map(|stage| Some(stage.work.as_ref()?.amount)).sum()
    };
    let known: Vec<f64> = open.iter().filter_map(|stage| expected(stage, before)).collect();
    let time = match (open.len(), known.len()) {
        (0, _) => "nothing is left to do".to_owned(),
        (_, 0) => "nothing like it was measured here yet".to_owned(),
        (all, some) => format!(
            "about {} for {some} of {all} stages{}",
            words::duration(known.iter().sum()),
            if some < all { "; nothing like the others was measured here yet" } else { "" }
        ),
    };
    format!(
        "to do: {} tasks to generate, {} episodes of teachers, at most {} tokens to train on, {} episodes of models\n\
         time: {time}",
        words::count(sum(Kind::Tasks)),
        words::count(sum(Kind::Traces)),
        words::count(sum(Kind::Train)),
        words::count(sum(Kind::Evaluate)),
    )
}

/// Bytes that stages will write, roughly.
fn disk(open: &[&Stage], sizes: Option<Sizes>) -> u64 {
    let bytes = |stage: &&Stage| match stage.kind {
        Kind::Traces | Kind::Evaluate => stage.work.as_ref().map_or(0, |work| work.amount) * EPISODE_BYTES,
        Kind::Init => sizes.map_or(0, |sizes| 4 * sizes.parameters()),
        Kind::Train => sizes.map_or(0, |sizes| {
            let config = stage.settings["config"].as_object().cloned().unwrap_or_default();
            let trained = trained(sizes, &config);
            let kept = number(&config, "save_total_limit", 4.0) as u64;
            trained * (4 + kept * (4 + OPTIMIZER_BYTES))
        }),
        _ => 0,
    };
    open.iter().map(bytes).sum()
}

/// What the models take, and whether this machine has it.
fn model(experiment: &Experiment, sizes: Sizes, text: &mut String, missing: &mut Vec<String>) {
    let gpu = machine::gpu_memory();
    let (place, memory) = match gpu {
        Some(memory) => ("GPU", memory),
        None => ("main", machine::free_memory()),
    };
    // As `trainer train` computes unless told otherwise.
    let width = if gpu.is_some() || sizes.parameters() >= NEEDS_GPU { 2 } else { 4 };
    let _ = writeln!(
        text,
        "model: {} weights; {} as it is served{}",
        words::count(sizes.parameters()),
        words::bytes(held(sizes, experiment.served_in_4bit(), width)),
        if experiment.served_in_4bit() { " (NF4)" } else { "" }
    );
    let phases = experiment.base.values().map(|phase| experiment.phase_settings(phase));
    let adapters = experiment.adapters.values().map(|adapter| experiment.adapter_settings(adapter));
    let train = phases.chain(adapters).map(|config| training(sizes, &config, experiment.sequence_len, width));
    let train = train.max().unwrap_or(0);
    let at_once = experiment.evaluation.max_concurrent_runs.min(SERVED_AT_ONCE);
    // With less, the server takes fewer at once.
    let serve = serving(experiment, sizes, width, 1);
    let _ = writeln!(
        text,
        "memory, roughly: {} to train, {} to serve, up to {} with {at_once} conversations at once; {place} memory: {}",
        words::bytes(train),
        words::bytes(serve),
        words::bytes(serving(experiment, sizes, width, at_once)),
        words::bytes(memory)
    );
    if sizes.parameters() >= NEEDS_GPU && gpu.is_none() {
        missing.push("a GPU: none is visible (nvidia-smi), and this model is too large for a CPU".to_owned());
    } else if memory > 0 && train.max(serve) > memory {
        missing
            .push(format!("memory: roughly {} of {place} memory are needed", words::bytes(train.max(serve))));
    }
}

/// Bytes of the weights. In NF4, a block of 64 has a byte for its scale, and 256 blocks another four (QLoRA, section 3).
fn held(sizes: Sizes, four_bit: bool, width: u64) -> u64 {
    let linear = sizes.linear_parameters();
    let linear = if four_bit { linear / 2 + linear / 64 + linear / (64 * 256) * 4 } else { linear * width };
    linear + sizes.other_parameters() * width
}

/// Weights that a config trains.
fn trained(sizes: Sizes, config: &Settings) -> u64 {
    match config.contains_key("adapter") {
        true => sizes.adapter_parameters(number(config, "lora_r", 8.0) as u64),
        false => sizes.parameters(),
    }
}

/// Bytes to train in: weights; what is trained, in f32 with its gradient and two moments; activations.
fn training(sizes: Sizes, config: &Settings, sequence_len: u64, width: u64) -> u64 {
    let four_bit = config.get("load_in_4bit") == Some(&Value::Bool(true));
    let base = if config.contains_key("adapter") { held(sizes, four_bit, width) } else { 0 };
    let tokens = number(config, "micro_batch_size", 1.0) as u64 * sequence_len;
    // What one layer keeps of a token for its backward pass: inputs, norms, queries, keys, values, the three inner ones.
    let attention = (2 * sizes.heads + 2 * sizes.kv_heads) * sizes.head_dim;
    let layer = 4 * sizes.hidden_size + attention + 4 * sizes.intermediate_size;
    let kept = match config.get("gradient_checkpointing") == Some(&Value::Bool(true)) {
        true => sizes.layers * sizes.hidden_size + layer,
        false => sizes.layers * layer,
    };
    base + 16 * trained(sizes, config) + tokens * kept * width
}

/// Bytes to serve in: weights, and keys and values of so many whole conversations.
fn serving(experiment: &Experiment, sizes: Sizes, width: u64, at_once: u64) -> u64 {
    let model = match &experiment.model {
        Model::Fresh(fresh) => fresh.context_length,
        Model::Folder(_) => experiment.sequence_len,
    };
    let context = experiment.evaluation.context.unwrap_or(model);
    let token = 2 * sizes.layers * sizes.kv_heads * sizes.head_dim * width;
    held(sizes, experiment.served_in_4bit(), width) + at_once * context * token
}

fn number(config: &Settings, key: &str, default: f64) -> f64 {
    config.get(key).and_then(Value::as_f64).unwrap_or(default)
}
