//! The report as one page that is complete in itself: no scripts, fonts, pictures or network.

use anyhow::Context as _;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use serde_json::json;

use super::document::{Block, Section};
use super::measured::label;
use super::whole::Report;
use crate::figure::style;
use crate::results::example::{self, Example, PlayedTurn};
use crate::turn::Turn;

const TEMPLATE: &str = include_str!("../../templates/report.html");
const STYLE: &str = include_str!("../../templates/report.css");

/// Sections that are closed when the page opens.
const FOLDED: [&str; 2] = ["statistics", "seeds"];

/// Renders the page.
///
/// # Errors
/// If the template is broken.
pub fn render(report: &Report) -> anyhow::Result<String> {
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    engine.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    let sections: Vec<Value> = report.sections.iter().map(section).collect();
    let style = style::page() + STYLE;
    let context = context! { title => &report.title, style, sections };
    engine.render_str(TEMPLATE, context).context("rendering the page")
}

fn section(section: &Section) -> Value {
    context! {
        name => section.name,
        title => &section.title,
        folded => FOLDED.contains(&section.name),
        blocks => section.blocks.iter().map(block).collect::<Vec<Value>>(),
    }
}

fn block(block: &Block) -> Value {
    match block {
        Block::Heading { text } => context! { kind => "heading", text },
        Block::Paragraph { lead, text } => context! { kind => "paragraph", lead, text },
        Block::List { lead, items } => context! { kind => "list", lead, items },
        Block::Note { text } => context! { kind => "note", text },
        Block::Square(tiles) => {
            let tiles = tiles.iter().map(|tile| {
                json!({"label": tile.label, "colour": tile.colour, "headline": tile.headline, "lines": tile.lines})
            });
            context! { kind => "square", tiles => Serde(tiles.collect::<Vec<_>>()) }
        }
        Block::Table { name, caption, table } => {
            let rows =
                table.rows.iter().map(|row| row.iter().map(|cell| cell_parts(cell)).collect::<Vec<_>>());
            let rows = Serde(rows.collect::<Vec<_>>());
            // A table of words, not of numbers.
            let prose = name.as_deref().is_none_or(|name| name.starts_with("aims"));
            context! { kind => "table", prose, caption, header => &table.header, rows }
        }
        Block::Figure(figure) => {
            context! { kind => "figure", svg => figure.inline(), caption => &figure.caption, name => &figure.name }
        }
        Block::Example(example) => example_block(example),
        Block::Code { title, text, .. } => context! { kind => "code", title, text },
    }
}

/// The value of a table's cell, and its interval, which is shown below the value; empty without one.
fn cell_parts(text: &str) -> [&str; 2] {
    match text.split_once(" [") {
        Some((value, interval)) if interval.ends_with(']') => [value, &text[value.len() + 1..]],
        _ => [text, ""],
    }
}

fn example_block(example: &Example) -> Value {
    let episodes = example.episodes.iter().map(|episode| {
        json!({
            "label": label(&episode.train, episode.runtime),
            "generated": episode.turns.iter().map(|turn| turn.generated_tokens).sum::<u64>(),
            "turns": episode.turns.iter().map(turn).collect::<Vec<_>>(),
        })
    });
    context! {
        kind => "example",
        rule => example::RULE,
        example => Serde(json!({
            "tasks": example.tasks, "task_id": example.task_id, "seed": example.seed, "task": example.task,
            "episodes": episodes.collect::<Vec<_>>(),
        })),
    }
}

fn turn(turn: &PlayedTurn) -> serde_json::Value {
    json!({
        "letter": turn.outcome,
        "outcome": turn.turn().map_or("", Turn::title),
        "parts": parts(&turn.text),
        "output": turn.output,
        "error": turn.error,
        "generated": turn.generated_tokens,
    })
}

/// A model's answer, split into prose and blocks of code, without the fences.
fn parts(text: &str) -> Vec<serde_json::Value> {
    let mut parts: Vec<(bool, String)> = vec![(false, String::new())];
    for line in text.lines() {
        let is_code = parts.last().is_some_and(|(is_code, _)| *is_code);
        if line.trim_start().starts_with("```") {
            parts.push((!is_code, String::new()));
        } else if let Some((_, part)) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    let parts = parts.into_iter().filter(|(_, text)| !text.trim().is_empty());
    parts.map(|(is_code, text)| json!({"code": is_code, "text": text.trim_end()})).collect()
}
