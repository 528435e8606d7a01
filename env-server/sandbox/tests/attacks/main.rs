//! Attacks by hostile code, one module for each kind. The worst effect of an attack is a typed failure of its
//! own step, which is undone.

#![allow(clippy::unwrap_used)] // helpers are tests too

#[path = "../common/mod.rs"]
mod common;

mod alone;
mod bytecode;
mod endless;
mod files;
mod floods;
mod history;
mod host_memory;
mod introspection;
mod leaks;
mod memory;
mod modules;
mod neighbours;
mod network;
mod processes;
mod recursion;
mod tool_arguments;
mod tool_bridge;
mod tool_limit;

use common::{prints, reset};

/// The value of an expression, or the exception that it raises.
fn outcome_of(expression: &str) -> String {
    let code = format!(
        "import os, sys\ntry:\n    print({expression})\nexcept BaseException as e:\n    print(type(e).__name__)"
    );
    prints(&mut reset(), &code).trim().to_owned()
}

/// Checks that evaluating each expression raises an ordinary error.
#[track_caller]
fn all_are_refused(expressions: &[&str]) {
    for expression in expressions {
        let outcome = outcome_of(expression);
        let refused =
            outcome.ends_with("Error") || outcome == "gaierror" || outcome == "UnsupportedOperation";
        assert!(refused, "{expression}: {outcome}");
    }
}
