//! Reports what a study would run, what is missing, and how much time, disk and memory it would take. Runs
//! nothing.

mod resources;

use std::fmt::Write as _;
use std::net::TcpListener;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};

use crate::experiment::{Experiment, Sizes};
use crate::kind::Kind;
use crate::plan::{Place, Plan};
use crate::programs::Programs;
use crate::record::{self, Record};
use crate::stage::Stage;
use crate::{checks, machine, words};

/// A model with at least this many weights needs a GPU: without one, a study would take more than days.
const NEEDS_GPU: u64 = 1_000_000_000;
/// Most conversations that are served concurrently.
const SERVED_CONCURRENTLY: u64 = 32;

/// What a dry run found.
#[derive(Debug)]
pub struct Findings {
    /// The report for people.
    pub text: String,
    /// What is missing, one line each.
    pub missing: Vec<String>,
}

/// Checks everything that can be checked without running a stage.
///
/// # Errors
/// If a program that has to check a config can't be started.
pub fn inspect(
    experiment: &Experiment,
    plan: &Plan,
    place: Place<'_>,
    programs: Result<&Programs, &anyhow::Error>,
    fresh: bool,
) -> Result<Findings> {
    let before = record::read_all(&place.stages());
    let pending = record::pending(&plan.stages, fresh);
    let mut missing: Vec<String> = plan.missing.iter().map(|missing| missing.problem.clone()).collect();
    match programs {
        Ok(programs) => missing.extend(checks::problems(&pending, programs)?),
        Err(error) => missing.push(format!("{error:#}")),
    }
    if let Err(error) = TcpListener::bind("127.0.0.1:0") {
        missing.push(format!("servers can't listen on 127.0.0.1: {error}"));
    }

    let done = plan.stages.len() - pending.len();
    let mut text = format!("{}: {} stages, {done} done\n\n", experiment.title, plan.stages.len());
    let _ = writeln!(text, "{}\n", table(&plan.stages, &pending, &before));
    let _ = writeln!(text, "{}", sums(&pending, &before));
    let disk = resources::disk(&pending, plan.sizes);
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
    let needs_model = |stage: &&Stage| matches!(stage.kind, Kind::Init | Kind::Train | Kind::Evaluate);
    match plan.sizes.filter(|_| pending.iter().any(needs_model)) {
        Some(sizes) => model(experiment, sizes, &mut text, &mut missing),
        None if !pending.iter().any(needs_model) => {}
        None => {
            text.push_str("model: how large it is can't be said before it is there; `model.sizes` may say\n")
        }
    }
    Ok(Findings { text, missing })
}

/// One line for each stage.
fn table(stages: &[Stage], pending: &[&Stage], before: &[Record]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["", "stage", "does", "of", "takes"]);
    for stage in stages {
        let status =
            match (pending.iter().any(|pending| pending.name == stage.name), record::can_resume(stage)) {
                (false, _) => "done",
                (true, true) => "begun",
                (true, false) => "to do",
            };
        let work = stage.work.as_ref().map_or_else(String::new, |work| {
            // Sequences are not always full.
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

/// Estimated seconds of a stage, from the speed of finished stages like it; none without any.
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

/// The total work and time of the stages that are not finished.
fn sums(pending: &[&Stage], before: &[Record]) -> String {
    let sum = |kind: Kind, plays: bool| -> u64 {
        let of_kind = pending.iter().filter(|stage| stage.kind == kind && stage.plays() == plays);
        of_kind.filter_map(|stage| Some(stage.work.as_ref()?.amount)).sum()
    };
    let rollouts = match sum(Kind::Train, true) {
        0 => String::new(),
        count => format!("{} rollouts to learn from, ", words::count(count)),
    };
    let known: Vec<f64> = pending.iter().filter_map(|stage| expected(stage, before)).collect();
    let time = match (pending.len(), known.len()) {
        (0, _) => "nothing is left to do".to_owned(),
        (_, 0) => "nothing like it was measured here yet".to_owned(),
        (all, some) => format!(
            "about {} for {some} of {all} stages{}",
            words::duration(known.iter().sum()),
            if some < all { "; nothing like the others was measured here yet" } else { "" }
        ),
    };
    format!(
        "to do: {} tasks to generate, {} episodes of teachers, at most {} tokens to train on, {rollouts}{} episodes of models\n\
         time: {time}",
        words::count(sum(Kind::Tasks, false)),
        words::count(sum(Kind::Traces, false)),
        words::count(sum(Kind::Train, false)),
        words::count(sum(Kind::Evaluate, false)),
    )
}

/// Adds the memory that the model needs, and reports what this machine lacks.
fn model(experiment: &Experiment, sizes: Sizes, text: &mut String, missing: &mut Vec<String>) {
    let gpu = machine::gpu_memory();
    let (place, memory) = match gpu {
        Some(memory) => ("GPU", memory),
        None => ("main", machine::free_memory()),
    };
    // Bytes of a weight: `trainer train` computes in these precisions by default.
    let width = if gpu.is_some() || sizes.parameters() >= NEEDS_GPU { 2 } else { 4 };
    let _ = writeln!(
        text,
        "model: {} weights; {} as it is served{}",
        words::count(sizes.parameters()),
        words::bytes(resources::weights(sizes, experiment.served_in_4bit(), width)),
        if experiment.served_in_4bit() { " (NF4)" } else { "" }
    );
    let phases = experiment.base.values().map(|phase| experiment.phase_settings(phase));
    let adapters = experiment.adapters.values().map(|adapter| experiment.adapter_settings(adapter));
    let train = phases
        .chain(adapters)
        .map(|config| resources::training(sizes, &config, experiment.sequence_len, width));
    let train = train.max().unwrap_or(0);
    let at_once = experiment.evaluation.max_concurrent_runs.min(SERVED_CONCURRENTLY);
    // The least memory that the server needs: with less than for all conversations, it serves fewer
    // concurrently.
    let serve = resources::serving(experiment, sizes, width, 1);
    let _ = writeln!(
        text,
        "memory, roughly: {} to train, {} to serve, up to {} with {at_once} conversations at once; {place} memory: {}",
        words::bytes(train),
        words::bytes(serve),
        words::bytes(resources::serving(experiment, sizes, width, at_once)),
        words::bytes(memory)
    );
    if sizes.parameters() >= NEEDS_GPU && gpu.is_none() {
        missing.push("a GPU: none is visible (nvidia-smi), and this model is too large for a CPU".to_owned());
    } else if memory > 0 && train.max(serve) > memory {
        missing
            .push(format!("memory: roughly {} of {place} memory are needed", words::bytes(train.max(serve))));
    }
}
