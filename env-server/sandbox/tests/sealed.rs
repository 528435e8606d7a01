//! The code can reach nothing of the host.

#![allow(clippy::unwrap_used)] // helpers are tests too

mod common;

use common::{prints, reset};

/// What evaluating each expression raises, or its value.
fn outcome_of(expression: &str) -> String {
    let code = format!(
        "import os, sys\ntry:\n    print({expression})\nexcept BaseException as e:\n    print(type(e).__name__)"
    );
    prints(&mut reset(), &code).trim().to_owned()
}

#[test]
fn there_is_no_environment() {
    assert_eq!(outcome_of("dict(os.environ), sys.argv, sys.path"), "{} [''] []");
}

#[test]
fn there_are_no_files() {
    for expression in [
        "open('/etc/passwd')",
        "open('file.txt', 'w')",
        "os.listdir('/')",
        "os.listdir('.')",
        "os.mkdir('/tmp')",
        "os.open('/', os.O_RDONLY)",
        "os.stat('/')",
        "__import__('pathlib').Path('/python').iterdir().__next__()",
        "__import__('tempfile').TemporaryFile()",
        "open(3)",
        "os.fdopen(4).read()",
    ] {
        let outcome = outcome_of(expression);
        assert!(outcome.ends_with("Error"), "{expression}: {outcome}");
    }
}

#[test]
fn there_is_no_network() {
    for expression in [
        "__import__('socket').create_connection(('127.0.0.1', 80))",
        "__import__('socket').getaddrinfo('localhost', 80)",
        "__import__('socket').socket().bind(('127.0.0.1', 0))",
        "__import__('urllib.request').request.urlopen('http://127.0.0.1/')",
    ] {
        let outcome = outcome_of(expression);
        assert!(outcome.ends_with("Error") || outcome == "gaierror", "{expression}: {outcome}");
    }
}

#[test]
fn there_are_no_processes_and_no_threads() {
    for expression in [
        "os.system('true')",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "__import__('subprocess').run(['true'])",
        "__import__('threading').Thread(target=print).start()",
        "os.kill(1, 9)",
    ] {
        let outcome = outcome_of(expression);
        assert!(outcome.ends_with("Error"), "{expression}: {outcome}");
    }
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
fn the_usual_standard_library_is_there() {
    let modules = "abc array ast base64 bisect calendar cmath collections.abc contextlib copy csv dataclasses datetime \
                   decimal difflib enum fractions functools graphlib hashlib heapq inspect io itertools json logging \
                   math numbers operator os pathlib pickle pprint queue random re secrets statistics string struct sys \
                   textwrap time timeit traceback types typing unicodedata unittest uuid warnings weakref zlib";
    for module in modules.split_whitespace() {
        prints(&mut reset(), &format!("import {module}"));
    }
}
