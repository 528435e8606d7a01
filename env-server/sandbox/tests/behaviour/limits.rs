//! Limits: a step that exceeds one fails with a type and a text, and the interpreter remains usable.

use std::time::{Duration, Instant};

use crate::common::{fails, persistent, prints, reset, with_limits};
use sandbox::{Failure, InterpreterState, Limits};

const BOTH: [InterpreterState; 2] = [InterpreterState::Persistent, InterpreterState::Reset];

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    for state in BOTH {
        let mut python = with_limits(state, Limits { fuel: 200_000_000, ..Limits::default() });
        let outcome = fails(&mut python, "print('before')\nwhile True: pass");
        assert_eq!(outcome.failure, Some(Failure::OutOfFuel));
        assert_eq!(outcome.output, "before\n", "what was printed is kept");
        assert_eq!(outcome.fuel_used, 200_000_000);
        assert!(outcome.error.unwrap().contains("endless loops"));
        assert_eq!(prints(&mut python, "print(1)"), "1\n");
    }
}

#[test]
fn a_line_without_its_end_is_kept_however_the_step_is_stopped() {
    let limits = Limits { fuel: 300_000_000, wall_clock: Duration::from_secs(600), ..Limits::default() };
    let write = "import os, sys\nprint('a line')\nprint('no end', end='')\nsys.stderr.write('nor here')\n";
    for state in BOTH {
        for (how, failure) in [
            ("while True: pass", Failure::OutOfFuel),
            ("x = bytearray(10**9)", Failure::OutOfMemory),
            ("os._exit(0)", Failure::Crashed),
            ("os.abort()", Failure::Crashed),
            (
                "import itertools\nx = iter([])\nfor _ in range(20_000): x = itertools.chain(x, [])\nsum(range(10**9))",
                Failure::OutOfFuel,
            ),
            ("def f(n): return f(n + 1) if n < 900 else sum(range(10**9))\nf(0)", Failure::OutOfFuel),
            ("sorted([2, 1], key=lambda _: sum(range(10**9)))", Failure::OutOfFuel),
            ("try: raise ValueError\nexcept ValueError:\n    while True: pass", Failure::OutOfFuel),
            ("import re\nre.match('(a*)*b', 'a' * 40)", Failure::OutOfFuel),
        ] {
            let outcome = fails(&mut with_limits(state, limits.clone()), &format!("{write}{how}"));
            assert_eq!(outcome.failure, Some(failure), "{how}");
            assert_eq!(outcome.output, "a line\nno end", "{how}");
            assert_eq!(outcome.error_output, "nor here", "{how}");
        }
    }
    let limits = Limits { fuel: u64::MAX, wall_clock: Duration::from_millis(200), ..Limits::default() };
    let outcome = fails(&mut with_limits(BOTH[0], limits), &format!("{write}while True: pass"));
    assert_eq!((outcome.failure, outcome.output.as_str()), (Some(Failure::WallClock), "a line\nno end"));
}

#[test]
fn what_is_written_while_stopping_stays_within_the_limits() {
    let limits = Limits { fuel: 300_000_000, ..Limits::default() };
    let mut python = with_limits(InterpreterState::Persistent, limits.clone());
    // Much of it is pending when the step is stopped; how much depends on where.
    let outcome = fails(&mut python, "while True: print('0123456789', end='')");
    assert_eq!((outcome.output.len(), outcome.fuel_used), (limits.output_bytes, limits.fuel));
    let outcome =
        fails(&mut python, "n = 0\nwhile True: n += 1; print(n, end=' ') if n % 10_000 == 0 else None");
    let numbers: Vec<usize> = outcome.output.split_whitespace().map(|n| n.parse().unwrap()).collect();
    assert!(numbers.len() > 2 && numbers.iter().zip(1..).all(|(n, at)| *n == at * 10_000), "{numbers:?}");
    // Code that stands in for the stream is not called.
    let code = "import sys\nclass S:\n    def write(self, s): old.write(s)\n    def flush(self): old.write('flushed'); old.flush()\nold = sys.stdout; sys.stdout = S()\nprint(end='x')\nwhile True: pass";
    assert_eq!(fails(&mut python, code).output, "x");
    // What the step had redirected elsewhere stays there.
    let code = "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    print(end='hidden')\n    while True: pass";
    assert_eq!(fails(&mut python, code).output, "");
    assert_eq!(prints(&mut python, "print(1)"), "1\n");
}

#[test]
fn no_handler_survives_the_end_of_fuel() {
    let mut python =
        with_limits(InterpreterState::Persistent, Limits { fuel: 200_000_000, ..Limits::default() });
    let outcome =
        fails(&mut python, "while True:\n    try:\n        while True: pass\n    except BaseException: pass");
    assert_eq!(outcome.failure, Some(Failure::OutOfFuel));
}

#[test]
fn the_wall_clock_stops_what_fuel_does_not() {
    let limits = Limits { fuel: u64::MAX, wall_clock: Duration::from_millis(200), ..Limits::default() };
    let mut python = with_limits(InterpreterState::Persistent, limits);
    let started = Instant::now();
    let outcome = fails(&mut python, "while True: pass");
    assert_eq!(outcome.failure, Some(Failure::WallClock));
    assert!(outcome.error.unwrap().contains("longer than 0.2 s"));
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(prints(&mut python, "print(1)"), "1\n");
}

#[test]
fn a_memory_bomb_is_refused() {
    for bomb in ["x = []\nwhile True: x.append('a' * 1_000_000 + str(len(x)))", "x = bytearray(10**9)"] {
        for state in BOTH {
            let mut python = with_limits(state, Limits::default());
            let outcome = fails(&mut python, bomb);
            assert_eq!(outcome.failure, Some(Failure::OutOfMemory));
            assert!(outcome.error.unwrap().contains("256 MiB"));
            assert_eq!(outcome.globals, [""; 0], "as before the step");
            assert_eq!(prints(&mut python, "print(1)"), "1\n");
        }
    }
}

#[test]
fn a_caught_memory_error_is_no_failure() {
    let code = "try:\n    x = bytearray(10**9)\nexcept MemoryError:\n    print('less, then')";
    assert_eq!(prints(&mut persistent(), code), "less, then\n");
}

#[test]
fn output_past_its_limit_is_dropped_and_flagged() {
    let outcome = persistent().run("for _ in range(10_000): print('x' * 1_000)\nprint('end')").unwrap();
    assert!(outcome.success);
    let kept = Limits::default().output_bytes;
    assert_eq!((outcome.output.len(), outcome.output_left_out), (kept, 10_010_004 - kept as u64));

    let mut small = with_limits(InterpreterState::Reset, Limits { output_bytes: 4, ..Limits::default() });
    let outcome = small.run("print('aéé')").unwrap();
    assert_eq!((outcome.output.as_str(), outcome.output_left_out), ("aé", 3), "cut between characters");
    let outcome = small.run("print('abc')").unwrap();
    assert_eq!((outcome.output.as_str(), outcome.output_left_out), ("abc\n", 0));
}

#[test]
fn a_huge_error_text_is_cut() {
    let outcome = fails(&mut persistent(), "raise ValueError('x' * 5_000_000)");
    let error = outcome.error.unwrap();
    assert!(error.len() < Limits::default().output_bytes + 100 && error.ends_with("[cut]"));
}

#[test]
fn code_past_its_limit_is_not_run() {
    let mut python =
        with_limits(InterpreterState::Persistent, Limits { code_bytes: 20, ..Limits::default() });
    let outcome = fails(&mut python, "print('this is too long to be run')");
    assert_eq!(
        (outcome.failure, outcome.output.as_str(), outcome.fuel_used),
        (Some(Failure::CodeTooLarge), "", 0)
    );
    assert_eq!(prints(&mut python, "print('short')"), "short\n");
}

#[test]
fn recursion_is_an_ordinary_exception() {
    let recursions = [
        "def f(): f()\nf()",
        "def f(n): return n and f(n - 1) + 1\nf(10**6)",
        "class A:\n    def __add__(self, other): return self + other\nA() + 1",
        "class A:\n    def __repr__(self): return repr(self)\nrepr(A())",
        "class A:\n    def __eq__(self, other): return [self] == [other]\nA() == A()",
        "class A:\n    def __getattr__(self, name): return getattr(self, name + 'x')\nA().x",
        "x = []\nfor _ in range(100_000): x = [x]\nrepr(x)",
        "json.loads('[' * 100_000)",
        "x = []\nx.append(x)\njson.dumps([x], check_circular=False)",
        "f = lambda g: sorted([1, 2], key=lambda _: g(g))\nf(f)",
        "import functools\n@functools.lru_cache\ndef f(n): return f(n + 1)\nf(0)",
        "x = {}\nfor _ in range(100_000): x = {1: x}\nx == eval('x') and x == json.loads('1') or repr(x)",
        "def g(): yield from g()\nlist(g())",
    ];
    for state in BOTH {
        for code in recursions {
            let outcome = fails(&mut with_limits(state, Limits::default()), code);
            let expected = Failure::Exception { type_name: "RecursionError".into() };
            assert_eq!(outcome.failure, Some(expected), "{code}: {:?}", outcome.error);
        }
    }
}

#[test]
fn the_folded_traceback_of_a_recursion_is_short() {
    let error = fails(&mut reset(), "def f(n):\n    return f(n + 1)\nf(0)").error.unwrap();
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(
        lines[..2],
        ["Traceback (most recent call last):", "  File \"<string>\", line 3, in <module>"]
    );
    assert_eq!(lines[2..5], ["  File \"<string>\", line 2, in f"; 3]);
    assert!(lines[5].starts_with("  [Previous line repeated 9") && lines[5].ends_with(" more times]"));
    assert!(lines[6].starts_with("RecursionError: maximum recursion depth exceeded") && lines.len() == 7);
}

#[test]
fn source_that_is_nested_too_deeply_does_not_crash() {
    for code in [
        "(".repeat(100_000),
        "-".repeat(200_000) + "1",
        "[".repeat(150),
        "a".to_owned() + &".a".repeat(100_000),
    ] {
        let outcome = fails(&mut persistent(), &code);
        assert_ne!(outcome.failure, Some(Failure::Crashed), "{:?}", outcome.error);
    }
}

#[test]
fn deep_input_of_the_standard_library_raises() {
    let nested = "x = []\nfor _ in range(200_000): x = [x]\n";
    for code in [
        "import ast\nast.parse('a' + '.b' * 100_000)",
        "import ast\nast.parse('a' + '()' * 100_000)",
        "import ast\nast.parse('1' + '+1' * 100_000)",
        "compile('a' + '.b' * 100_000, 'x', 'exec')",
        "import ast\ncompile('a' + '.b' * 100_000, 'x', 'exec', ast.PyCF_ONLY_AST)",
        "import ast\ncompile('f' + '()' * 100_000, 'x', 'eval', ast.PyCF_ONLY_AST)",
        "eval('1' + '+1' * 100_000)",
        "import ast\nt = ast.Constant(1)\nfor _ in range(50_000): t = ast.UnaryOp(ast.USub(), t)\ncompile(ast.fix_missing_locations(ast.Expression(t)), 'x', 'eval')",
        "import ast\nt = ast.Constant(1, lineno=1, col_offset=0)\nfor _ in range(50_000): t = ast.UnaryOp(ast.USub(), t, lineno=1, col_offset=0)\ncompile(ast.Expression(t), 'x', 'eval')",
        "json.loads('[' * 200_000 + ']' * 200_000)",
        "json.loads('{\"a\":' * 200_000 + '1' + '}' * 200_000)",
        &format!("{nested}json.dumps(x)"),
        &format!("{nested}repr(x)"),
        &format!("{nested}print(x)"),
        &format!("{nested}import pickle\npickle.dumps(x)"),
        &format!("{nested}import copy\ncopy.deepcopy(x)"),
        &format!("{nested}y = []\nfor _ in range(200_000): y = [y]\nx == y"),
        "e = ValueError()\nfor _ in range(50_000): e = ExceptionGroup('x', [e])\ne.split(KeyError)",
        "import re\nre.compile('(' * 20_000 + ')' * 20_000)",
    ] {
        let mut python = persistent();
        let outcome = fails(&mut python, code);
        let expected = Failure::Exception { type_name: "RecursionError".into() };
        assert_eq!(outcome.failure, Some(expected), "{code}: {:?}", outcome.error);
        // The step is kept, and what it nested can be freed.
        assert_eq!(prints(&mut python, "x = y = t = e = None\nprint('usable')"), "usable\n", "{code}");
    }
    // Recursion that needs little stack may come to its end.
    for code in [
        "t = ()\nfor _ in range(200_000): t = (t,)\nhash(t)",
        "t = frozenset()\nfor _ in range(200_000): t = frozenset([t])\nhash(t)",
        "t = int\nfor _ in range(200_000): t = (t,)\nisinstance('', t)",
    ] {
        let outcome = persistent().run(code).unwrap();
        assert_ne!(outcome.failure, Some(Failure::Crashed), "{code}");
    }
    // The parser has a limit of its own.
    for code in [
        "import ast\nast.parse('(' * 100_000 + ')' * 100_000)",
        "import ast\nast.parse('-' * 100_000 + '1')",
        "import ast\nast.literal_eval('[' * 100_000 + ']' * 100_000)",
        "eval('f\"{' * 150 + '1' + '}\"' * 150)",
    ] {
        let failure = fails(&mut persistent(), code).failure.unwrap();
        assert!(
            matches!(&failure, Failure::Exception { type_name } if ["MemoryError", "SyntaxError", "RecursionError"].contains(&&**type_name)),
            "{code}: {failure:?}"
        );
    }
}

#[test]
fn recursion_far_beyond_the_default_limit_works() {
    let mut python = persistent();
    let code =
        "import sys\nsys.setrecursionlimit(50_000)\ndef f(n): return n and f(n - 1) + 1\nprint(f(20_000))";
    assert_eq!(prints(&mut python, code), "20000\n");
}
