//! Prints what a block gave and cost: what an agent sees, or everything as JSON.

use std::io::Write as _;

use ::sandbox::Outcome;
use anyhow::Context as _;
use proto::env;
use serde_json::json;

use crate::wire;

/// What a block wrote and its error on standard output, and a line of costs on standard error.
pub fn text(name: &str, outcome: &Outcome, memory_bytes: Option<usize>) -> anyhow::Result<()> {
    let mut shown = outcome.output.clone();
    for part in [Some(&outcome.error_output), outcome.error.as_ref()].into_iter().flatten() {
        end_line(&mut shown);
        shown.push_str(part);
    }
    end_line(&mut shown);
    write(&shown)?;

    let cut = left_out("output", outcome.output_left_out)
        + &left_out("standard error", outcome.error_output_left_out);
    let memory =
        memory_bytes.map_or(String::new(), |bytes| format!(", memory {:.1} MiB", bytes as f64 / 1048576.0));
    let milliseconds = outcome.wall.as_secs_f64() * 1e3;
    eprintln!("[{name}: {}{cut}; fuel {}, {milliseconds:.2} ms{memory}]", how(outcome), outcome.fuel_used);
    Ok(())
}

/// One line of JSON. The keys are those of observations and traces.
pub fn json(name: &str, outcome: &Outcome, memory_bytes: Option<usize>) -> anyhow::Result<()> {
    let (kind, exception) = outcome.failure.as_ref().map(wire::error_kind).unzip();
    let line = json!({
        "block": name,
        "success": outcome.success,
        "output": outcome.output,
        "output_bytes_left_out": outcome.output_left_out,
        "error_output": outcome.error_output,
        "error_output_bytes_left_out": outcome.error_output_left_out,
        "error": outcome.error,
        "error_kind": kind.map(env::error_kind_name),
        "exception_type": exception.filter(|name| !name.is_empty()),
        "globals": outcome.globals,
        "fuel_used": outcome.fuel_used,
        "run_time_us": u64::try_from(outcome.wall.as_micros()).unwrap_or(u64::MAX),
        "memory_bytes": memory_bytes,
    });
    write(&format!("{line}\n"))
}

fn left_out(what: &str, bytes: u64) -> String {
    if bytes == 0 { String::new() } else { format!(", {bytes} bytes of {what} left out") }
}

/// The outcome in words, such as `failed (exception NameError)`.
fn how(outcome: &Outcome) -> String {
    let Some(failure) = &outcome.failure else { return "ok".to_owned() };
    let (kind, exception) = wire::error_kind(failure);
    format!("failed ({})", [env::error_kind_name(kind).as_str(), exception].join(" ").trim_end())
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).context("writing to stdout")
}
