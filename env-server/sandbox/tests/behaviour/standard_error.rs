//! Standard error: what goes there, what does not, and its limit.

use crate::common::{fails, persistent, reset, with_limits};
use sandbox::{Failure, InterpreterState, Limits, Outcome};

/// Runs a block in a new interpreter; it must succeed.
#[track_caller]
fn run(code: &str) -> Outcome {
    let outcome = reset().run(code).unwrap();
    assert!(outcome.success, "{code}\n{outcome:?}");
    outcome
}

#[test]
fn what_programs_report_goes_there_and_not_to_the_output() {
    for (code, expected) in [
        ("import sys\nprint('e', file=sys.stderr)", "e\n"),
        ("import sys\nsys.stderr.write('no line end')", "no line end"),
        ("import os\nos.write(2, b'raw')", "raw"),
        ("import sys\nsys.__stderr__.write('original')", "original"),
        ("import sys\nsys.stderr.buffer.write(b'bytes')", "bytes"),
        ("import sys\nprint('\\ud800', file=sys.stderr)", "\\ud800\n"),
        ("import warnings\nwarnings.warn('careful')", "<string>:2: UserWarning: careful\n"),
        ("x = '\\d'", "<string>:1: SyntaxWarning: "),
        ("import logging\nlogging.warning('low')", "WARNING:root:low\n"),
        ("import logging\nlogging.getLogger('a.b').error('last resort')", "last resort\n"),
        (
            "import logging\nlogging.basicConfig(level='INFO', format='%(levelname)s %(message)s')\nlogging.info('told')",
            "INFO told\n",
        ),
        (
            "import traceback\ntry: 1 / 0\nexcept ZeroDivisionError: traceback.print_exc()",
            "ZeroDivisionError: division by zero\n",
        ),
        ("class D:\n    def __del__(self): 1 / 0\nx = D()\ndel x", "ZeroDivisionError: division by zero\n"),
        ("class D:\n    def __del__(self): 1 / 0\nx = D()\ndel x", "Exception ignored "),
        (
            "import argparse\ntry: argparse.ArgumentParser('p').parse_args(['-x'])\nexcept SystemExit: pass",
            "p: error: unrecognized arguments: -x\n",
        ),
        (
            "import unittest\nclass T(unittest.TestCase):\n    def test_sum(self): self.assertEqual(1 + 1, 3)\nx = unittest.main(argv=[''], exit=False)",
            "AssertionError: 2 != 3\n",
        ),
        (
            "import contextlib, io, sys\nwith contextlib.redirect_stdout(sys.stderr): print('there')",
            "there\n",
        ),
    ] {
        let outcome = run(code);
        assert!(outcome.error_output.contains(expected), "{code}\n{:?}", outcome.error_output);
        assert_eq!((outcome.output.as_str(), outcome.error_output_left_out), ("", 0), "{code}");
    }
}

#[test]
fn it_is_empty_where_nothing_is_reported() {
    for code in [
        "print('o')",
        "import contextlib, io, sys\nwith contextlib.redirect_stderr(io.StringIO()): print('e', file=sys.stderr)",
        "import warnings\nwarnings.simplefilter('ignore')\nwarnings.warn('careful')",
        "import logging\nlogging.info('below the level')",
    ] {
        assert_eq!(run(code).error_output, "", "{code}");
    }
}

#[test]
fn the_exception_that_ends_a_step_is_not_in_it() {
    for code in ["1 / 0", "x = (", "raise SystemExit('why')", "import sys\nsys.exit(3)"] {
        assert_eq!(fails(&mut persistent(), code).error_output, "", "{code}");
    }
    let outcome = fails(&mut persistent(), "import sys\nprint('before', file=sys.stderr)\n1 / 0");
    assert_eq!(outcome.error_output, "before\n");
    assert!(outcome.error.unwrap().ends_with("ZeroDivisionError: division by zero"));
}

#[test]
fn each_step_has_its_own() {
    let mut python = persistent();
    let code = "import logging, sys\nhandler = logging.StreamHandler()\nlog = logging.getLogger('x')\nlog.addHandler(handler)\nlog.error('first')";
    assert_eq!(python.run(code).unwrap().error_output, "first\n");
    assert_eq!(python.run("print('o')").unwrap().error_output, "");
    assert_eq!(
        python.run("log.error('third')").unwrap().error_output,
        "third\n",
        "the handler's stream lasts"
    );
    python.run("sys.stderr.close()").unwrap();
    assert_eq!(python.run("print('again', file=sys.stderr)").unwrap().error_output, "again\n");
    let mut copy = python.fork(crate::common::counter().0).unwrap();
    assert_eq!(copy.run("print('copy', file=sys.stderr)").unwrap().error_output, "copy\n");
    assert_eq!(python.run("print('o')").unwrap().error_output, "");
}

#[test]
fn it_has_a_limit_of_its_own_and_no_character_is_cut() {
    let code = "import sys\nprint('x' * 100_000, file=sys.stderr)\nprint('o' * 20_000)";
    let outcome = run(code);
    let kept = Limits::default().error_output_bytes;
    assert_eq!((outcome.error_output.len(), outcome.error_output_left_out), (kept, 100_001 - kept as u64));
    assert_eq!((outcome.output.len(), outcome.output_left_out), (20_001, 0));

    let limits = Limits { error_output_bytes: 4, ..Limits::default() };
    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        let mut python = with_limits(state, limits.clone());
        let outcome = python.run("import sys\nprint('aéé', file=sys.stderr)").unwrap();
        assert_eq!((outcome.error_output.as_str(), outcome.error_output_left_out), ("aé", 3));
        let outcome = python.run("import sys\nprint('abc', file=sys.stderr)").unwrap();
        assert_eq!((outcome.error_output.as_str(), outcome.error_output_left_out), ("abc\n", 0));
    }
    let none = Limits { error_output_bytes: 0, ..Limits::default() };
    let outcome =
        with_limits(InterpreterState::Reset, none).run("import sys\nprint('a', file=sys.stderr)").unwrap();
    assert_eq!((outcome.error_output.as_str(), outcome.error_output_left_out), ("", 2));
}

#[test]
fn a_killed_step_keeps_it() {
    let limits = Limits { fuel: 200_000_000, ..Limits::default() };
    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        let mut python = with_limits(state, limits.clone());
        let outcome = fails(&mut python, "import sys\nprint('before', file=sys.stderr)\nwhile True: pass");
        assert_eq!((outcome.failure, outcome.error_output.as_str()), (Some(Failure::OutOfFuel), "before\n"));
    }
    let large = fails(&mut persistent(), &"x = 1\n".repeat(100_000));
    assert_eq!((large.failure, large.error_output.as_str()), (Some(Failure::CodeTooLarge), ""));
}
