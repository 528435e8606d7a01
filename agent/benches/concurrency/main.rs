//! What the agent costs with 200 episodes at once, each with a model that takes 50 ms: processors, and time added to a
//! turn. Beside it what the same conversations cost a Python program with the `openai` package, without an environment.
//!
//! `cargo bench -p agent --bench concurrency`, with `env-server` built. `BENCH_PYTHON` names a Python that has `openai`
//! (`scripts/bench_python.sh` makes one); without it the peer is left out.
//!
//! | file    | what it holds                                             |
//! |---------|-----------------------------------------------------------|
//! | `load`  | what is played: how many conversations and turns          |
//! | `model` | the model's server, which measures how long it takes      |
//! | `ours`  | `agent run` and an environment server, as they are used   |
//! | `peer`  | the same conversations from Python                        |
//! | `side`  | what is measured, and processor time of programs that end |
//!
//! All programs share one machine, so the environment server has the lowest priority, and the wait for it does not count:
//! what is added to a turn is added to the model's time and to the step. A step is given as means, since the server measures
//! its own part. Other programs' load does count, where it makes the agent wait for a processor. The processors in use depend
//! on how fast the environment server answers. So the table also tells how many the agent would use if nobody waited for it;
//! an environment server with processors of its own comes nearer to that.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // the report is the purpose; a failure ends the benchmark

mod load;
mod model;
mod ours;
mod peer;
mod side;

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use load::{AT_ONCE, LATENCY, TURNS};
use model::Model;
use side::Measured;

/// The most processors that the agent may need, and the most that it may add to a turn at the median.
const PROCESSORS_AIM: f64 = 1.0;
const ADDED_AIM: Duration = Duration::from_millis(5);

#[tokio::main]
async fn main() {
    let model = Model::start().await;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "{AT_ONCE} episodes of {TURNS} turns at once on {cores} processors; the model takes {} ms.",
        LATENCY.as_millis()
    );
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "",
        "turns/s",
        "processors",
        "processor time a turn, µs",
        "processors without waits",
        "added to a turn, ms: p50",
        "p90",
        "p99",
    ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut notes = Vec::new();
    for (answers, stream) in [("streamed answers", true), ("whole answers", false)] {
        let (ours, conversation, environment) = ours::play(&model, stream).await;
        table.add_row(row(&format!("the agent, {answers}"), &ours, None));
        notes.push(format!(
            "{answers}: processors <= {PROCESSORS_AIM} {}, p50 added <= {} ms {}; {environment}",
            met(ours.processors() <= PROCESSORS_AIM),
            ADDED_AIM.as_millis(),
            met(ours.added(0.5) <= ADDED_AIM),
        ));
        match peer::play(&model, stream, &conversation).await {
            Ok(theirs) => {
                table.add_row(row(&format!("openai in Python, {answers}"), &theirs, Some(&ours)));
            }
            Err(why) => notes.push(format!("openai in Python: left out, {why}")),
        }
    }
    println!("{table}");
    println!(
        "Added: a turn's time without the model's, as its server measured it, and without the step. Without waits: at \
         {AT_ONCE} turns every {} ms. A peer's ratio is to ours; it has no environment, and writes no traces.",
        LATENCY.as_millis()
    );
    println!("{}", notes.join("\n"));
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

fn row(what: &str, measured: &Measured, ours: Option<&Measured>) -> Vec<String> {
    let micros = measured.cpu_per_turn().as_secs_f64() * 1e6;
    let ratio = ours.map(|ours| micros / (ours.cpu_per_turn().as_secs_f64() * 1e6));
    let ratio = ratio.map_or_else(String::new, |ratio| format!("  ({ratio:.1}x)"));
    let mut row = vec![
        what.to_owned(),
        format!("{:.0}", measured.turns_per_s()),
        format!("{:.2}", measured.processors()),
        format!("{micros:.0}{ratio}"),
        format!("{:.2}", measured.processors_without_waits()),
    ];
    row.extend([0.5, 0.9, 0.99].map(|share| format!("{:.1}", measured.added(share).as_secs_f64() * 1e3)));
    row
}
