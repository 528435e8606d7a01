//! Turns as they are shown in a terminal, or in a pipe without colours.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use proto::run::EpisodeResult;
use proto::trace::{EventKind, Trace};

use crate::recorder::Watcher;
use crate::view::python::{Kind, Piece};
use crate::view::{Budget, Change, Fate, Reader, Turn, words};

const TITLE: Style = AnsiColor::Cyan.on_default().bold();
const DIM: Style = Style::new().dimmed();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const PLAIN: Style = Style::new();

/// Shows an episode's turns on standard output, each when it has ended.
#[derive(Debug)]
pub struct Screen {
    /// Whether what was written is shown, which who typed it has seen.
    shows_code: bool,
    reader: Mutex<Reader>,
}

impl Screen {
    /// A screen for a person who watches, or who plays.
    pub fn new(watches: bool) -> Self {
        Self { shows_code: watches, reader: Mutex::default() }
    }

    /// Shows how the episode ended.
    pub fn end(&self, result: &EpisodeResult) {
        show(&match (&result.result, &result.error) {
            (Some(evaluation), _) => {
                let (style, verdict) =
                    if evaluation.is_solved { (GOOD, "Solved") } else { (WARN, "Not solved") };
                let metrics: Vec<String> =
                    evaluation.metrics.iter().map(|(name, value)| format!("{name} {value}")).collect();
                format!(
                    "\n{}: score {:.1} %\n{}\n",
                    styled(style.bold(), verdict),
                    evaluation.score * 100.0,
                    styled(DIM, &metrics.join(", "))
                )
            }
            (None, error) => {
                format!(
                    "\n{}: {}\n",
                    styled(BAD, "Failed"),
                    clean(error.as_deref().unwrap_or("no evaluation"))
                )
            }
        });
    }
}

impl Watcher for Screen {
    fn saw(&self, trace: &Trace) {
        let Some(event) = trace.events.last() else { return };
        let turn = self.reader.lock().unwrap_or_else(PoisonError::into_inner).read(trace, event);
        match (&event.kind, turn) {
            (_, Some(turn)) => show(&self.turn(&turn)),
            (EventKind::SystemPromptEvent { prompts }, None) => show(&self.opening(trace, prompts)),
            (EventKind::ErrorEvent { error }, None) => show(&format!("{}\n", styled(BAD, error))),
            _ => {}
        }
    }
}

impl Screen {
    fn opening(&self, trace: &Trace, prompts: &[String]) -> String {
        let origin = trace.provenance.clone().unwrap_or_default();
        let title = format!(
            "{}: {} interpreter, played by {}",
            origin.task_id, origin.interpreter_state, origin.versions.model
        );
        let mut text = format!("{}\n\n{}\n", styled(TITLE, &title), clean(&trace.summary.task));
        if !self.shows_code {
            for prompt in prompts {
                let _ = write!(text, "\n{}\n", styled(DIM, prompt));
            }
            let _ = writeln!(text, "\n{}", styled(DIM, ":help shows this again; Ctrl-D ends the episode."));
        }
        text
    }

    fn turn(&self, turn: &Turn) -> String {
        let mut text = format!("\n{}", styled(TITLE, &format!("turn {}", turn.number)));
        if self.shows_code {
            let tokens = &turn.tokens;
            let mut cost = format!(
                " {} tokens sent, {} written",
                words::thousands(tokens.prompt_tokens),
                words::thousands(tokens.completion_tokens)
            );
            if let Some(seconds) = turn.model_s {
                let _ = write!(cost, ", model {}", words::seconds(seconds));
            }
            text += &styled(DIM, &cost);
        }
        text.push('\n');
        if turn.state_lost {
            line(&mut text, WARN, "the interpreter's state was lost before this step");
        }
        if self.shows_code {
            line(&mut text, DIM, &turn.thoughts);
            line(&mut text, PLAIN, &turn.words);
            for pieces in &turn.code {
                text += &format!("  {}\n", pieces.iter().map(coloured).collect::<String>());
            }
        }
        if turn.calls_tools {
            for call in &turn.calls {
                let style = if call.failed { BAD } else { PLAIN };
                line(&mut text, style, &format!("{}({}) -> {}", call.name, call.arguments, call.answer));
            }
        }
        line(&mut text, PLAIN, &turn.output);
        line(&mut text, WARN, &turn.error_output);
        if let Some(failure) = &turn.failure {
            line(&mut text, DIM, &failure.before);
            line(&mut text, BAD, if failure.last.is_empty() { &failure.kind } else { &failure.last });
        }
        if let Some(missing) = &turn.missing {
            let why = format!("`{}` was bound in turn {}; {}.", missing.name, missing.turn, missing.why);
            line(&mut text, WARN, &why);
        }
        if turn.did_nothing {
            line(&mut text, WARN, "there was nothing to run");
        }
        if let Some(names) = &turn.names {
            text += &named(names);
        }
        let budgets: Vec<String> = turn.budgets.iter().filter_map(|budget| self.budget(budget)).collect();
        line(&mut text, DIM, &budgets.join(" · "));
        text
    }

    /// A budget in words; `None` if it does not matter to who plays.
    fn budget(&self, budget: &Budget) -> Option<String> {
        let amount = |number: f64| {
            if budget.is_time { words::seconds(number) } else { words::thousands(number as u64) }
        };
        let name = &budget.name;
        match (budget.used, budget.left) {
            (Some(_), None) => None,
            (Some(_), _) if budget.is_time && !self.shows_code => None,
            (Some(used), Some(left)) => Some(format!("{name} {} of {}", amount(used), amount(used + left))),
            (None, left) => Some(format!("{name} {} left", amount(left?))),
        }
    }
}

/// The names after a step, and what became of them.
fn named(change: &Change) -> String {
    let mut text = String::new();
    let mut names: Vec<String> = Vec::new();
    for name in &change.names {
        names.push(match name.fate {
            Fate::New => styled(GOOD, &format!("+{}", name.name)),
            Fate::Again => styled(WARN, &format!("+{}", name.name)),
            Fate::Changed => styled(TITLE, &format!("~{}", name.name)),
            Fate::Same | Fate::Kept => clean(&name.name),
            Fate::Deleted => styled(WARN, &format!("-{}", name.name)),
        });
    }
    if !change.lost.is_empty() {
        line(&mut text, WARN, &format!("names lost: {}", change.lost.join(", ")));
    }
    let of = if change.taken { "names at its end" } else { "names" };
    let names = if names.is_empty() { "none".to_owned() } else { names.join(" ") };
    let taken = if change.taken && !change.names.is_empty() { "; the reset takes them away" } else { "" };
    let _ = writeln!(text, "{}{names}{}", styled(DIM, &format!("{of}: ")), styled(WARN, taken));
    text
}

fn coloured(piece: &Piece) -> String {
    let style = match piece.kind {
        Kind::Keyword => AnsiColor::Magenta.on_default(),
        Kind::Call => AnsiColor::Blue.on_default(),
        Kind::String => GOOD,
        Kind::Number => AnsiColor::Cyan.on_default(),
        Kind::Comment => DIM,
        Kind::Plain => PLAIN,
    };
    styled(style, &piece.text)
}

/// Adds a text, if there is one, and ends its line.
fn line(text: &mut String, style: Style, added: &str) {
    let added = added.trim_end();
    if !added.is_empty() {
        text.push_str(&styled(style, added));
        text.push('\n');
    }
}

fn styled(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{}{style:#}", clean(text)) }
}

/// A text without characters that control a terminal.
fn clean(text: &str) -> String {
    let shown = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
    text.chars().filter(|c| *c != '\r').map(shown).collect()
}

/// Writes to standard output: in colours if that is a terminal and `NO_COLOR` is not set.
fn show(text: &str) {
    let mut output = anstream::stdout().lock();
    // Without someone who reads there is nobody to tell.
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_cannot_control_the_terminal() {
        assert_eq!(clean("a\x1b[2J\x07\tb\r\n\u{9b}1m"), "a\u{fffd}[2J\u{fffd}\tb\n\u{fffd}1m");
    }
}
