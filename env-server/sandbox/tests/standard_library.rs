//! The standard library works, and the document about it is up to date.

#![allow(clippy::unwrap_used)] // helpers are tests too

mod common;
#[path = "../examples/standard_library/differences.rs"]
mod differences;
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

/// One block per module, with its name in the first line: small computations that check their results.
const COMPUTES: &str = include_str!("standard_library/computes.py");

/// Blocks that use modules which the library imports late: if these were missing in the snapshot, every
/// import would work, but these blocks would fail.
const LATE: &str = include_str!("standard_library/late.py");

/// Blocks that use what the guest changes in the library.
const CHANGED: &str = include_str!("standard_library/changed.py");

/// A block that writes and reads files with various modules.
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
fn modules_that_the_library_imports_late_are_available() {
    for (_, block) in blocks(LATE) {
        assert_eq!(prints(&mut reset(), block), "");
    }
}

#[test]
fn what_the_guest_changes_works_as_on_linux() {
    for (_, block) in blocks(CHANGED) {
        assert_eq!(prints(&mut reset(), block), "");
    }
}

#[test]
fn the_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/STANDARD_LIBRARY.md");
    let document = fs::read_to_string(&path).unwrap();
    let survey = Survey::of(&SANDBOX).unwrap();
    assert!(
        document::update(&document, &survey).unwrap() == document,
        "docs/STANDARD_LIBRARY.md differs from what the sandbox says; regenerate it:\n  \
         cargo run --release -p sandbox --example standard_library -- --update docs/STANDARD_LIBRARY.md"
    );
}

#[test]
fn exactly_the_failures_are_explained() {
    let survey = Survey::of(&SANDBOX).unwrap();
    for (module, error) in &survey.modules {
        assert_eq!(modules::reason(module).is_some(), error.is_some(), "{module}: {error:?}");
    }
    for (tried, error) in &survey.uses {
        assert!(error.is_some(), "`{}` works now, and needs no row", tried.expression);
        assert_eq!(survey.modules[tried.module], None, "{}", tried.module);
    }
    for (difference, here) in &survey.differences {
        assert_ne!(
            difference.elsewhere, here,
            "`{}` is as elsewhere, and needs no row",
            difference.expression
        );
        assert!(!here.contains("NameError"), "{here}");
    }
}

#[test]
fn a_document_without_a_marker_for_a_part_is_an_error() {
    let survey = Survey {
        python: "3.14.0".into(),
        modules: BTreeMap::new(),
        uses: Vec::new(),
        differences: Vec::new(),
    };
    let parts = document::parts(&survey);
    let document: String =
        parts.iter().map(|(name, _)| format!("<!-- generated: {name} -->\n<!-- end -->\n")).collect();
    let updated = document::update(&document, &survey).unwrap();
    assert_eq!(document::update(&updated, &survey).unwrap(), updated);
    let refused = |document: &str| document::update(document, &survey).unwrap_err();
    assert!(
        refused(&document.replace("differences", "other"))
            .contains("no line `<!-- generated: differences -->`")
    );
    assert!(refused(document.trim_end_matches("<!-- end -->\n")).contains("`differences` does not end"));
}
