//! Floods of output, error text, names and definitions: an outcome holds a bounded amount of each.

use sandbox::{Config, Failure, InterpreterState, Limits};

use crate::common::{Counter, config, counter, interpreter, prints};
use crate::history::{each, is_bounded, is_killed, is_survived, small};

#[test]
fn a_flood_of_output_is_cut() {
    each(
        &[
            "while True: print('x' * 1000)",
            "import sys\nwhile True: sys.stdout.write('x')",
            "import sys\nwhile True: sys.stdout.buffer.raw.write(b'x' * 10**5)",
            "import os\nwhile True: os.write(1, b'x' * 10**5)",
            "import sys\nwhile True: print('x', file=sys.stderr)",
            "import sys\nwhile True: sys.__stderr__.write('x' * 1000)",
            "import os\nwhile True: os.write(2, b'x' * 10**5)",
            "import warnings\nwarnings.simplefilter('always')\nwhile True: warnings.warn('x' * 1000)",
            "import logging\nwhile True: logging.error('x' * 1000)",
            "import traceback\nwhile True: traceback.print_stack()",
            "import sys\nwhile True: sys.excepthook(ValueError, ValueError('x' * 1000), None)",
        ],
        |code| {
            is_killed(&small(), code, &[Failure::OutOfFuel]);
        },
    );
}

#[test]
fn output_within_the_fuel_is_cut_at_its_limit() {
    for (code, expected) in [
        ("print('x' * 10**6)", 65_536),
        ("print(end='x' * 10**6)", 65_536),
        ("import sys\nsys.stdout.write('x' * 10**6)\nsys.stdout.flush()", 65_536),
        ("print('\u{1f40d}' * 10**5)", 65_536),
        ("print(end='x')\nprint('\u{1f40d}' * 10**5)", 65_533),
    ] {
        let outcome = is_survived(&small(), code);
        assert!(outcome.success && outcome.output_left_out > 0, "{code}");
        assert_eq!(outcome.output.len(), expected, "{code}");
    }
    let invalid = is_survived(&small(), "import sys\nn = sys.stdout.buffer.write(b'\\xff' * 10**6)");
    assert!(invalid.success && invalid.output_left_out > 0);
    let few = is_survived(&small(), "import sys\nn = sys.stdout.buffer.write(b'\\xff' * 40_000)");
    assert!(few.success && few.output_left_out > 0, "replacement characters count with their own length");
}

#[test]
fn error_texts_have_the_limit_of_the_output() {
    each(
        &[
            "raise ValueError('x' * 10**6)",
            "e = ValueError('x')\nfor _ in range(1000): e.add_note('n' * 1000)\nraise e",
            "raise type('E' * 10**6, (Exception,), {})('x')",
            "class E(Exception): pass\nE.__module__ = 'm' * 10**6\nraise E",
            "class E(Exception): pass\nE.__qualname__ = 'q' * 10**6\nraise E",
            "raise KeyError('\\n' * 10**6)",
            "raise SyntaxError('x' * 10**6, ('f' * 10**6, 1, 1, 't' * 10**6))",
            "raise SyntaxError('x', ('f', 10**4000, 10**4000, 't'))",
            "raise SyntaxError('x', ('f', 1, 5, 't' * 10**5, 1, 10**6))",
            "def f(n): return g(n + 1)\ndef g(n): return f(n + 1)\nf(0)",
            "import sys\nsys.setrecursionlimit(50_000)\ndef f(n): return g(n + 1) if n < 20_000 else 1/0\ndef g(n): return f(n + 1)\nf(0)",
            "def f(): 1/0\nf.__code__ = f.__code__.replace(co_name='n' * 10**6)\nf()",
            "e = None\nfor _ in range(10_000):\n    n = ValueError('x' * 100); n.__cause__ = e; e = n\nraise e",
            "raise ExceptionGroup('g' * 10**5, [ValueError('x' * 10**5)] * 1000)",
            "raise ExceptionGroup('g', [ExceptionGroup('h', [ValueError(str(n))]) for n in range(1000)])",
            "raise UnicodeDecodeError('x' * 10**6, b'x' * 10**6, 0, 10**6, 'r' * 10**6)",
            "raise OSError(1, 's' * 10**6, 'f' * 10**6)",
        ],
        |code| {
            assert!(!is_survived(&small(), code).success, "{code}");
        },
    );
    for code in [
        format!("n{}", "n".repeat(200_000)),
        format!("'{}", "x".repeat(200_000)),
        format!("{} = = 1", "y".repeat(200_000)),
    ] {
        assert!(!is_survived(&small(), &code).success);
    }
}

#[test]
fn names_and_definitions_are_bounded() {
    each(
        &[
            "globals().update({f'name{n}': n for n in range(10**5)})".to_owned(),
            "globals()['x' * 10**6] = 1".to_owned(),
            "globals().update({'x' * n: n for n in range(1, 3000)})".to_owned(),
            "globals().update({'\u{e9}' * 20_000: 1})".to_owned(),
            (0..20_000).map(|n| format!("n{n}=1\n")).collect(),
            (0..2_000).map(|n| format!("{}{n}=1\n", "n".repeat(100))).collect(),
            format!("{} = 1", "n".repeat(200_000)),
            "x = [list(range(9_999))] * 9_999\ny = 'y' * 3_999_999\nz = [y] * 9_999".to_owned(),
        ],
        |code| {
            let start: String = code.chars().take(40).collect();
            let config =
                Config { limits: small(), record_definitions: true, ..config(InterpreterState::Persistent) };
            let mut python = interpreter(config, counter().0);
            let outcome = python.run(code).unwrap();
            is_bounded(&start, &small(), &outcome);
            assert!(outcome.definitions.len() <= 1_000, "{start}");
            assert_eq!(prints(&mut python, "print(1)"), "1\n", "{start}");
        },
    );
}

#[test]
fn code_that_runs_while_a_stopped_step_is_flushed_is_bounded() {
    let evil = |act: &str| {
        format!(
            "import sys\nclass Evil:\n    def flush(self):\n        try: {act}\n        finally:\n            while True: pass\n\
             sys.modules['gym_guest']._interpreter.stdout = Evil()\nwhile True: pass"
        )
    };
    for act in [
        "count()",
        "print('x' * 10**9)",
        "import os; os.write(1, b'x' * 10**6)",
        "bytearray(10**9)",
        "sys.exit()",
    ] {
        is_killed(&small(), &evil(act), &[Failure::OutOfFuel]);
        let (tools, counter) = counter();
        let config = Config { limits: small(), tools: Counter::tools(), ..config(InterpreterState::Reset) };
        let outcome = interpreter(config, tools).run(&evil(act)).unwrap();
        assert_eq!((outcome.tool_calls.len(), counter.lock().unwrap().count), (0, 0), "{act}");
        assert_eq!(outcome.fuel_used, small().fuel, "{act}");
    }
}

#[test]
fn an_output_limit_of_zero_holds() {
    let limits = Limits { output_bytes: 0, ..small() };
    let config = Config { limits: limits.clone(), ..config(InterpreterState::Persistent) };
    let mut python = interpreter(config, counter().0);
    for code in ["print('x')", "1/0", "import os\nos._exit(0)"] {
        let outcome = python.run(code).unwrap();
        assert_eq!(outcome.output, "");
        assert!(outcome.error.map_or(0, |error| error.len()) <= " [cut]".len() + 200, "{code}");
    }
}
