//! Notebook semantics, in both regimes, and what scripts do instead.

use crate::common::{config, counter, fails, interpreter, notebook, notebooks, persistent, prints, reset};
use sandbox::{Config, Failure, Interpreter, InterpreterState, Semantics};

fn scripts() -> [Interpreter; 2] {
    [persistent(), reset()]
}

#[test]
fn a_last_expression_is_shown() {
    for (code, shown) in [
        ("1 + 1", "2\n"),
        ("x = 'é'\nx", "'é'\n"),
        ("'a'; 'b'", "'b'\n"),
        ("5\n6", "6\n"),
        ("print('out')\n[1, 2]  # a list", "out\n[1, 2]\n"),
        ("(1,\n 2)", "(1, 2)\n"),
        ("lambda: 0,\n\n# end\n", "(<function <lambda> at "),
        ("None", ""),
        ("print('p')", "p\n"),
        ("1;", ""),
        ("x = [3]; x[0] ; # quiet", ""),
        ("(4\n);\n\n", ""),
        ("';'", "';'\n"),
        ("'#;'", "'#;'\n"),
        ("x = 1", ""),
        ("if True: 7", ""),
        ("def f(): return 8\nf()", "8\n"),
        ("from __future__ import annotations\n9", "9\n"),
        ("x = '\\ud800'\nx", "'\\ud800'\n"),
        ("", ""),
        ("# nothing", ""),
        ("echo(3)", "3\n"),
    ] {
        for mut python in notebooks() {
            let printed = prints(&mut python, code);
            assert!(
                printed == shown || printed.starts_with(shown) && shown.ends_with("at "),
                "{code}: {printed}"
            );
        }
        for mut python in scripts() {
            let printed = prints(&mut python, code);
            assert_eq!(
                printed,
                if code.contains("print('") {
                    shown.lines().next().unwrap().to_owned() + "\n"
                } else {
                    String::new()
                }
            );
        }
    }
}

#[test]
fn what_was_shown_last_is_there_by_name() {
    let mut python = notebook(InterpreterState::Persistent);
    assert_eq!(prints(&mut python, "6 * 7"), "42\n");
    let outcome = python.run("x = _ + 1\nx").unwrap();
    assert_eq!((outcome.output.as_str(), outcome.globals), ("43\n", vec!["x".to_owned()]));
    assert_eq!(prints(&mut python, "for _ in range(3): pass\nprint(_)"), "2\n");
    assert_eq!(prints(&mut python, "import sys\nsys.displayhook = None\n1;"), "");
    assert_eq!(prints(&mut python, "'shown again'"), "'shown again'\n");
}

/// Names that shadow builtins, and what the next block sees.
const SHADOWING: [&str; 2] = [
    "input = '3 4'\nmax = 10\ndef hash(s): return sum(map(ord, s)) % 97\ndef table(keys): return [hash(k) for k in keys]\nprint(table(['ab']))",
    "print(table(['ab']))\nprint(max)\nprint(input.split())",
];

#[test]
fn names_that_shadow_builtins_stay() {
    let mut python = notebook(InterpreterState::Persistent);
    let outcome = python.run(SHADOWING[0]).unwrap();
    assert_eq!(
        (outcome.output.as_str(), outcome.globals),
        ("[1]\n", ["hash", "input", "max", "table"].map(String::from).to_vec())
    );
    assert_eq!(prints(&mut python, SHADOWING[1]), "[1]\n10\n['3', '4']\n");
    let mut python = notebook(InterpreterState::Reset);
    assert_eq!(prints(&mut python, SHADOWING[0]), "[1]\n");
    assert_eq!(prints(&mut python, "print(max(1, 2))"), "2\n");
    let mut python = persistent();
    assert_eq!(prints(&mut python, SHADOWING[0]), "[1]\n");
    assert_eq!(prints(&mut python, "print(max(1, 2))"), "2\n", "a script's are gone");
    for mut python in notebooks() {
        prints(&mut python, "count = 5");
        assert_eq!(prints(&mut python, "count()"), "1\n", "tools are put back");
    }
}

#[test]
fn causes_and_contexts_are_shown() {
    let code = "try:\n    json.loads('{oops')\nexcept ValueError as e:\n    raise RuntimeError('config unreadable') from e";
    let cause = "Traceback (most recent call last):
  File \"<cell 1>\", line 2, in <module>
    json.loads('{oops')
json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File \"<cell 1>\", line 4, in <module>
    raise RuntimeError('config unreadable') from e
RuntimeError: config unreadable";
    for mut python in notebooks() {
        let outcome = fails(&mut python, code);
        assert_eq!(outcome.error.as_deref(), Some(cause));
        assert_eq!(outcome.failure, Some(Failure::Exception { type_name: "RuntimeError".into() }));
    }
    for mut python in scripts() {
        let error = fails(&mut python, code).error.unwrap();
        assert_eq!(
            error,
            "Traceback (most recent call last):\n  File \"<string>\", line 4, in <module>\nRuntimeError: config unreadable"
        );
    }
    let shown = |code: &str| fails(&mut notebook(InterpreterState::Reset), code).error.unwrap();
    let during = shown("try:\n    1/0\nfinally:\n    {}['k']");
    let order: Vec<_> =
        ["ZeroDivisionError: division by zero", "During handling of the above exception", "KeyError: 'k'"]
            .iter()
            .map(|part| during.find(part).unwrap())
            .collect();
    assert!(order.is_sorted(), "{during}");
    assert!(
        !shown("try:\n    1/0\nexcept Exception:\n    raise KeyError(1) from None").contains("ZeroDivision")
    );
    let ring = shown("a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a");
    assert_eq!(ring.matches("ValueError: ").count(), 2, "{ring}");
    let long = shown(
        "e = None\nfor n in range(1000):\n    f = ValueError(n)\n    f.__cause__ = e\n    e = f\nraise e",
    );
    assert!(
        long.starts_with("[older exceptions are left out]") && long.ends_with("ValueError: 999"),
        "{long}"
    );
}

#[test]
fn the_members_of_a_group_are_shown() {
    let code = "
def fail(kind, text):
    try: raise kind(text)
    except kind as error: return error
raise ExceptionGroup('several', [fail(ValueError, 'bad a'), ExceptionGroup('inner', [TypeError('bad b\\nsecond line')])])";
    let expected = "  + Exception Group Traceback (most recent call last):
  |   File \"<cell 1>\", line 5, in <module>
  |     raise ExceptionGroup('several', [fail(ValueError, 'bad a'), ExceptionGroup('inner', [TypeError('bad b\\nsecond line')])])
  | ExceptionGroup: several (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File \"<cell 1>\", line 3, in fail
    |     try: raise kind(text)
    | ValueError: bad a
    +---------------- 2 ----------------
    | ExceptionGroup: inner (1 sub-exception)
    +-+---------------- 1 ----------------
      | TypeError: bad b
      | second line
      +------------------------------------";
    for mut python in notebooks() {
        assert_eq!(fails(&mut python, code).error.unwrap(), expected);
    }
    for mut python in scripts() {
        let error = fails(&mut python, code).error.unwrap();
        assert!(
            error.ends_with("line 5, in <module>\nExceptionGroup: several (2 sub-exceptions)"),
            "{error}"
        );
    }
    let shown = |code: &str| fails(&mut notebook(InterpreterState::Reset), code).error.unwrap();
    let wide = shown("raise ExceptionGroup('w', [ValueError(n) for n in range(100)])");
    assert!(wide.contains("ValueError: 14") && wide.contains("and 85 more exceptions"), "{wide}");
    let deep = shown("e = ValueError('core')\nfor _ in range(500): e = ExceptionGroup('g', [e])\nraise e");
    assert!(!deep.contains("core") && deep.contains("max_group_depth"), "{deep}");
}

#[test]
fn odd_exceptions_in_a_chain_are_harmless() {
    for code in [
        "class E(Exception):\n    __cause__ = __context__ = property(lambda self: 1/0)\nraise E('odd')",
        "class G(ExceptionGroup):\n    exceptions = property(lambda self: 1/0)\nraise G('odd', [ValueError()])",
        "class E(Exception):\n    def __str__(self): raise SystemExit\nraise ValueError('odd') from E()",
        "try: raise SyntaxError('inner', (1, [], {}, 'x'))\nexcept SyntaxError: raise ValueError('odd')",
        "class M(type):\n    def __instancecheck__(c, o): raise OSError\n    def __subclasscheck__(c, o): raise OSError\nclass E(Exception, metaclass=M): pass\nraise E('odd') from E('cause')",
    ] {
        for mut python in notebooks() {
            let error = fails(&mut python, code).error.unwrap();
            assert!(error.contains("odd"), "{code}: {error}");
            assert_eq!(prints(&mut python, "print('on')"), "on\n", "{code}");
        }
    }
}

#[test]
fn the_source_of_functions_and_classes_is_found() {
    let code = "import inspect
def f(a): return a + 1
class Empty: pass
@staticmethod
def g(): pass
class Full(Empty):
    \"\"\"Doc.\"\"\"
    def m(self):
        return 1
print(inspect.getsource(f) + inspect.getsource(Empty) + inspect.getsource(Full.m), end='')
print(inspect.getsource(Full).count('\\n'), inspect.getsourcelines(f)[1], inspect.getsourcefile(f))";
    let found =
        "def f(a): return a + 1\nclass Empty: pass\n    def m(self):\n        return 1\n4 2 <cell 1>\n";
    for mut python in notebooks() {
        assert_eq!(prints(&mut python, code), found);
    }
    for mut python in scripts() {
        let error = fails(&mut python, code).error.unwrap();
        assert!(error.ends_with("OSError: could not get source code"), "{error}");
    }
}

#[test]
fn the_source_of_earlier_cells_survives_forks_and_hibernation() {
    let mut python = notebook(InterpreterState::Persistent);
    prints(&mut python, "def f(a): return a + 1\nclass K: pass");
    prints(&mut python, "def f(a):\n    return a / 0\ndef g(): return f(1)");
    let check = |python: &mut Interpreter, cell: u32| {
        let code = "import inspect\nprint(inspect.getsource(f), inspect.getsource(K), end='')";
        assert_eq!(prints(python, code), "def f(a):\n    return a / 0\n class K: pass\n");
        let expected = format!(
            "Traceback (most recent call last):\n  File \"<cell {}>\", line 1, in <module>\n    g()\n  File \"<cell 2>\", line 3, in g\n    def g(): return f(1)\n  File \"<cell 2>\", line 2, in f\n    return a / 0\nZeroDivisionError: division by zero",
            cell + 1
        );
        assert_eq!(fails(python, "g()").error.unwrap(), expected);
    };
    check(&mut python, 3);
    let mut fork = python.fork(counter().0).unwrap();
    check(&mut fork, 5);
    python.hibernate();
    check(&mut python, 5);
    prints(&mut python, "for n in range(50_000): n * n");
    python.hibernate();
    check(&mut python, 8);
    assert!(!python.run("while True: pass").unwrap().success);
    check(&mut python, 10);
}

#[test]
fn await_works_at_top_level() {
    for (code, printed) in [
        ("import asyncio\nasync def f(n):\n    await asyncio.sleep(n)\n    return n\nawait f(2)", "2\n"),
        (
            "import asyncio\nx = await asyncio.gather(asyncio.sleep(1, 'a'), asyncio.sleep(2, 'b'))\nx",
            "['a', 'b']\n",
        ),
        ("async def g():\n    for n in range(3): yield n\nasync for n in g(): print(n)", "0\n1\n2\n"),
        ("async def g():\n    for n in range(3): yield n\n[n async for n in g()]", "[0, 1, 2]\n"),
        ("import asyncio\nlock = asyncio.Lock()\nasync with lock: print(lock.locked())", "True\n"),
        (
            "import asyncio\nasync with asyncio.timeout(5):\n    await asyncio.sleep(1)\nprint('in time')",
            "in time\n",
        ),
    ] {
        for mut python in notebooks() {
            assert_eq!(prints(&mut python, code), printed, "{code}");
        }
        for mut python in scripts() {
            assert_eq!(fails(&mut python, code).failure, Some(Failure::Syntax), "{code}");
        }
    }
    for mut python in notebooks() {
        let error = fails(&mut python, "async def f():\n    return 1 / 0\nawait f()").error.unwrap();
        assert_eq!(
            error,
            "Traceback (most recent call last):\n  File \"<cell 1>\", line 3, in <module>\n    await f()\n  File \"<cell 1>\", line 2, in f\n    return 1 / 0\nZeroDivisionError: division by zero"
        );
        assert_eq!(prints(&mut python, "import asyncio\nawait asyncio.sleep(1)\nprint('on')"), "on\n");
    }
}

#[test]
fn tasks_outlive_their_cell() {
    let mut python = notebook(InterpreterState::Persistent);
    let begin = "import asyncio
async def work():
    await asyncio.sleep(10)
    return 'done'
task = asyncio.create_task(work())
await asyncio.sleep(0)
task.done()";
    assert_eq!(prints(&mut python, begin), "False\n");
    let mut copy = python.fork(counter().0).unwrap();
    for python in [&mut python, &mut copy] {
        assert_eq!(prints(python, "await task"), "'done'\n");
    }
    assert_eq!(prints(&mut python, "asyncio.run(work())"), "'done'\n", "outside the notebook's loop");
    fails(&mut python, "asyncio.get_running_loop().stop()\nawait asyncio.sleep(1)");
    assert_eq!(prints(&mut python, "await asyncio.sleep(1, 'on')"), "'on'\n");
}

#[test]
fn what_does_not_compile_is_a_syntax_failure_and_runs_nothing() {
    for code in
        ["print('ran')\nx = = 1", "print('ran')\nreturn 1", "print('ran')\nyield", "print('ran')\n(break)"]
    {
        for mut python in notebooks() {
            let outcome = fails(&mut python, code);
            assert_eq!((outcome.failure, outcome.output.as_str()), (Some(Failure::Syntax), ""), "{code}");
            let error = outcome.error.unwrap();
            assert!(error.starts_with("File \"<cell 1>\", line 2"), "{error}");
        }
    }
    for mut python in notebooks() {
        let code = format!("x = 1\n{}", "(".repeat(80) + "1" + &")".repeat(80));
        assert_eq!(prints(&mut python, &code), "1\n");
        let outcome = python.run(&format!("a{}", ".b".repeat(100_000))).unwrap();
        assert!(
            matches!(outcome.failure, Some(Failure::Exception { .. } | Failure::Syntax)),
            "{:?}",
            outcome.failure
        );
    }
}

#[test]
fn definitions_are_recorded_of_the_whole_cell() {
    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        let recording = |semantics| {
            interpreter(Config { record_definitions: true, semantics, ..config(state) }, counter().0)
        };
        let code = "def f(x): return x\ny = [1]\n(z := 5)";
        let names = |mut python: Interpreter| -> Vec<(String, String)> {
            python
                .run(code)
                .unwrap()
                .definitions
                .into_iter()
                .map(|found| (found.name, found.digest))
                .collect()
        };
        let (cell, script) = (names(recording(Semantics::Notebook)), names(recording(Semantics::Script)));
        assert_eq!(cell.len(), 3);
        assert_eq!(cell, script, "a digest does not depend on the semantics");
    }
}
