//! The virtual world that code sees instead of the host. `attacks` tries to get out of it.

use crate::common::{prints, reset};

/// The value of an expression, or the exception that it raises.
fn outcome_of(expression: &str) -> String {
    let code = format!(
        "import os, sys\ntry:\n    print({expression})\nexcept BaseException as e:\n    print(type(e).__name__)"
    );
    prints(&mut reset(), &code).trim().to_owned()
}

#[test]
fn input_is_at_its_end() {
    assert_eq!(outcome_of("input()"), "EOFError");
    assert_eq!(outcome_of("repr(sys.stdin.read())"), "''");
}

#[test]
fn errors_printed_to_stderr_are_not_output() {
    assert_eq!(prints(&mut reset(), "import sys\nprint('a', file=sys.stderr)\nprint('b')"), "b\n");
}

#[test]
fn common_modules_can_be_imported() {
    let modules = "abc array ast base64 bisect calendar cmath collections.abc contextlib copy csv dataclasses datetime \
                   decimal difflib enum fractions functools graphlib hashlib heapq inspect io itertools json logging \
                   math numbers operator os pathlib pickle pprint queue random re secrets statistics string struct sys \
                   textwrap time timeit traceback types typing unicodedata unittest uuid warnings weakref zlib";
    for module in modules.split_whitespace() {
        prints(&mut reset(), &format!("import {module}"));
    }
}
