//! A trace as one self-contained web page, for a person to read.
//!
//! The page needs neither scripts nor a network. Whatever a model wrote is escaped by the template engine.

use std::sync::OnceLock;

use jiff::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use picture::Picture;
use proto::run::EpisodeResult;
use proto::trace::Trace;
use serde::Serialize;

use crate::view::{Reader, Turn, words};

mod picture;

/// The template's name in error messages.
const NAME: &str = "trace.html";
const TEMPLATE: &str = include_str!("../templates/trace.html");
const STYLE: &str = include_str!("../templates/trace.css");

/// Renders a trace and its result as a page.
///
/// # Errors
/// What the template engine reports; only a broken template can cause an error.
pub fn render(agent: &str, trace: &Trace, result: &EpisodeResult) -> Result<String, minijinja::Error> {
    let provenance = trace.provenance.clone().unwrap_or_default();
    let turns = Reader::turns(trace);
    engine()?.get_template(NAME)?.render(context! {
        style => minijinja::Value::from_safe_string(STYLE.to_owned()),
        agent,
        trace => Serde(trace),
        provenance => Serde(&provenance),
        result => Serde(result),
        totals => Serde(Totals::of(trace, &turns)),
        picture => Serde(Picture::of(&turns)),
        turns => Serde(&turns),
    })
}

/// The engine, with the template read: once for all pages.
fn engine() -> Result<&'static Environment<'static>, minijinja::Error> {
    static ENGINE: OnceLock<Environment<'static>> = OnceLock::new();
    if let Some(engine) = ENGINE.get() {
        return Ok(engine);
    }
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    engine.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    engine.add_filter("thousands", words::thousands);
    engine.add_filter("seconds", words::seconds);
    engine.add_filter("count", words::count);
    engine.add_template(NAME, TEMPLATE)?;
    Ok(ENGINE.get_or_init(|| engine))
}

/// Sums over all turns.
#[derive(Debug, Serialize)]
struct Totals {
    /// Turns that failed.
    errors: usize,
    /// Turns without an action.
    idle: usize,
    /// Calls of tools that happened.
    calls: usize,
    /// Seconds until the model had answered.
    model_s: f64,
    /// Seconds in the interpreter.
    step_s: f64,
    /// Seconds from the episode's beginning to its end.
    seconds: Option<f64>,
}

impl Totals {
    fn of(trace: &Trace, turns: &[Turn]) -> Self {
        let time = |text: &Option<String>| text.as_deref()?.parse::<Timestamp>().ok();
        let ends = time(&trace.started_at).zip(time(&trace.finished_at));
        Self {
            errors: turns.iter().filter(|turn| turn.failure.is_some()).count(),
            idle: turns.iter().filter(|turn| turn.did_nothing).count(),
            calls: turns.iter().map(|turn| turn.calls.len()).sum(),
            model_s: turns.iter().filter_map(|turn| turn.model_s).sum(),
            step_s: turns.iter().filter_map(|turn| turn.step_s).sum(),
            seconds: ends.map(|(began, ended)| ended.duration_since(began).as_secs_f64().max(0.0)),
        }
    }
}

#[cfg(test)]
mod tests;
