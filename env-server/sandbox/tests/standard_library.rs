//! The standard library computes, and the document about it says what the sandbox says.

#![allow(clippy::unwrap_used)] // helpers are tests too

mod common;
#[path = "../examples/standard_library/document.rs"]
mod document;
#[path = "../examples/standard_library/modules.rs"]
mod modules;
#[path = "../examples/standard_library/survey.rs"]
mod survey;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{SANDBOX, prints, reset};
use survey::Survey;

/// A block a module, whose name is its first line: small computations and what must come out.
const COMPUTES: &str = include_str!("standard_library/computes.py");

/// Blocks for what the library imports only when it is used: without it in the snapshot these fail, although
/// every import works.
const LATE: &str = include_str!("standard_library/late.py");

/// Files, by the modules that keep something in them.
const FILES: &str = include_str!("standard_library/files.py");

/// Each block's first line without its `# `, and the block.
fn blocks(file: &str) -> impl Iterator<Item = (&str, &str)> {
    file.split("# ---\n").map(|block| (block.lines().next().unwrap().trim_start_matches("# "), block))
}

#[test]
fn the_modules_of_data_work_and_algorithms_compute() {
    let needed = "bisect collections copy csv dataclasses datetime decimal enum fractions functools hashlib heapq io \
                  itertools json math operator random re statistics string textwrap time typing";
    assert_eq!(blocks(COMPUTES).map(|(name, _)| name).collect::<Vec<_>>().join(" "), needed);
    for (_, block) in blocks(COMPUTES) {
        assert_eq!(prints(&mut reset(), block), "");
    }
}

#[test]
fn files_can_be_written_and_read_back() {
    assert_eq!(prints(&mut reset(), FILES), "");
}

#[test]
fn what_is_imported_late_is_there() {
    for (_, block) in blocks(LATE) {
        assert_eq!(prints(&mut reset(), block), "");
    }
}

#[test]
fn the_document_is_what_the_sandbox_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/STANDARD_LIBRARY.md");
    let document = fs::read_to_string(&path).unwrap();
    let survey = Survey::of(&SANDBOX).unwrap();
    assert!(
        document::update(&document, &survey).unwrap() == document,
        "docs/STANDARD_LIBRARY.md differs from what the sandbox says; make it anew:\n  \
         cargo run --release -p sandbox --example standard_library -- --update docs/STANDARD_LIBRARY.md"
    );
}

#[test]
fn every_failure_is_explained_and_nothing_else() {
    let survey = Survey::of(&SANDBOX).unwrap();
    for (module, error) in &survey.modules {
        assert_eq!(modules::reason(module).is_some(), error.is_some(), "{module}: {error:?}");
    }
    for (tried, error) in &survey.uses {
        assert!(error.is_some(), "`{}` works now, and needs no row", tried.expression);
        assert_eq!(survey.modules[tried.module], None, "{}", tried.module);
    }
}

#[test]
fn a_document_without_a_place_for_a_part_is_refused() {
    let survey = Survey { python: "3.14.0".into(), modules: BTreeMap::new(), uses: Vec::new() };
    let parts = document::parts(&survey);
    let document: String =
        parts.iter().map(|(name, _)| format!("<!-- generated: {name} -->\n<!-- end -->\n")).collect();
    let updated = document::update(&document, &survey).unwrap();
    assert_eq!(document::update(&updated, &survey).unwrap(), updated);
    let refused = |document: &str| document::update(document, &survey).unwrap_err();
    assert!(refused(&document.replace("uses", "other")).contains("no line `<!-- generated: uses -->`"));
    assert!(refused(document.trim_end_matches("<!-- end -->\n")).contains("`uses` does not end"));
}
