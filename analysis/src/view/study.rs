//! A study and its report, as the page reads them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::found::FoundStudy;
use crate::report::document::Block;
use crate::report::whole::Report;
use crate::results::file::Results;
use crate::two_by_two::options::Options;

/// A study's manifest, with the runs of its cells.
pub fn manifest(found: &FoundStudy) -> Value {
    let study = &found.study;
    let cells = study.cells.iter().zip(&found.runs).map(|(cell, run)| {
        json!({"seed": cell.seed, "train": cell.train, "runtime": cell.runtime, "tasks": cell.tasks, "run": run})
    });
    json!({
        "title": study.title,
        "commit": study.commit,
        "machine": study.machine,
        "started_at": study.started_at,
        "cells": cells.collect::<Vec<_>>(),
    })
}

/// A study's report.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its sections.
    pub sections: Value,
    /// Its figures as SVG, by name.
    pub figures: BTreeMap<String, String>,
}

impl Shown {
    /// Computes the report of a study, from its episodes or from the file of its results.
    ///
    /// # Errors
    /// If the study has no report yet: the message says why.
    pub fn of(found: &FoundStudy) -> anyhow::Result<Self> {
        let mut warnings = Vec::new();
        let results = Results::open(&found.path, &mut warnings)?;
        let report = Report::of(&results, &[], &Options::default(), &mut warnings)?;
        let sections = report.sections.iter().filter_map(|section| {
            let blocks: Vec<Value> = section.blocks.iter().filter_map(block).collect();
            let shown = json!({"name": section.name, "title": section.title, "blocks": blocks});
            (!blocks.is_empty()).then_some(shown)
        });
        let sections = json!({"sections": sections.collect::<Vec<_>>(), "warnings": warnings});
        let figures = report.figures().map(|figure| (figure.name.clone(), figure.file())).collect();
        Ok(Self { sections, figures })
    }
}

/// A block; none if the page shows the same in its own way.
fn block(block: &Block) -> Option<Value> {
    Some(match block {
        Block::Heading { text } => json!({"kind": "heading", "text": text}),
        Block::Paragraph { lead, text } => json!({"kind": "paragraph", "lead": lead, "text": text}),
        Block::List { lead, items } => json!({"kind": "list", "lead": lead, "items": items}),
        Block::Note { text } => json!({"kind": "note", "text": text}),
        Block::Table { caption, table, .. } => {
            json!({"kind": "table", "caption": caption, "header": table.header, "rows": table.rows})
        }
        Block::Figure(figure) => json!({"kind": "figure", "name": figure.name, "caption": figure.caption}),
        Block::Code { title, text, .. } => json!({"kind": "code", "title": title, "text": text}),
        Block::Square(_) | Block::Example(_) => return None,
    })
}
