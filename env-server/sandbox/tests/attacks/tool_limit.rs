//! Attempts to get around the tool call limit: deferred calls, calls from callbacks, caught exceptions.

use std::sync::{Arc, Mutex};

use sandbox::{Config, Failure, Interpreter, InterpreterState, Limits};

use crate::common::{Counter, config, counter, interpreter, prints};

fn limited(state: InterpreterState) -> (Interpreter, Arc<Mutex<Counter>>) {
    let (tools, counter) = counter();
    let limits = Limits { tool_calls: 3, ..Limits::default() };
    (interpreter(Config { limits, tools: Counter::tools(), ..config(state) }, tools), counter)
}

/// Code that attempts nine calls and catches all exceptions.
const NINE: &str = "
def nine():
    for _ in range(9):
        try: count()
        except BaseException: pass
";

#[test]
fn the_limit_holds_for_calls_from_anywhere() {
    for code in [
        "nine()",
        "class D:\n    def __del__(self): nine()\nD()",
        "class D:\n    def __del__(self): nine()\nd = D()\nd.d = d\ndel d\nimport gc\ngc.collect()",
        "class D:\n    def __del__(self): nine()\ndef f():\n    d = D()\n    raise ValueError\nf()",
        "class E(Exception):\n    def __str__(self): nine(); return 'x'\nraise E",
        "class E(Exception):\n    def __str__(self):\n        while True: nine()\nraise E",
        "def g():\n    try: yield\n    finally: nine()\nh = g(); next(h); h.close()",
        "import weakref\nclass W: pass\nw = W(); weakref.finalize(w, nine); del w",
        "import atexit\natexit.register(nine)\natexit._run_exitfuncs()",
        "import sys\nsys.settrace(lambda *a: nine())\n(lambda: 1)()",
        "import sys\nsys.setprofile(lambda *a: nine())\n(lambda: 1)()",
        "import signal\nsignal.signal(signal.SIGINT, lambda *a: nine())\nsignal.raise_signal(signal.SIGINT)\nfor _ in range(1000): pass",
        "import sys\nclass S:\n    def write(self, text): nine()\n    def flush(self): nine()\nsys.stdout = S()\nprint(1)",
        "sorted([3, 1, 2], key=lambda n: nine() or n)",
        "async def f(): nine()\ntry: f().send(None)\nexcept StopIteration: pass",
        "import contextlib\nwith contextlib.ExitStack() as stack: stack.callback(nine)",
        "exec(compile('while True:\\n    try: count()\\n    except BaseException: pass', 'elsewhere', 'exec'))",
        "exec(compile('for _ in range(9):\\n    try: count()\\n    except BaseException: pass', 'elsewhere', 'exec'))",
        "import gc\ngc.callbacks.append(lambda *a: nine())\ngc.collect()",
        "import sys\nsys.unraisablehook = lambda *a: nine()\nclass D:\n    def __del__(self): 1/0\nD()",
        "import warnings\nwarnings.showwarning = lambda *a: nine()\nwarnings.warn('x')",
        "import sys\nsys.monitoring.use_tool_id(4, 'mine')\nnine()",
        "import sys\nsys.monitoring.use_tool_id = lambda *a: None\nnine()",
        "import sys\nsys.monitoring.set_events = lambda *a: None\nnine()",
        "import gym_guest.limit as l\nl.impose = lambda: None\nl.ToolCallLimit = ValueError\nnine()",
        "import wit_world\ndef direct():\n    try: wit_world.call_tool('count', [])\n    except BaseException: pass\nfor _ in range(9): direct()",
    ] {
        for state in [InterpreterState::Persistent, InterpreterState::Reset] {
            let (mut python, counter) = limited(state);
            let outcome = python.run(&format!("{NINE}{code}")).unwrap();
            assert_eq!(outcome.failure, Some(Failure::ToolCallLimit), "{code}: {outcome:?}");
            assert_eq!((outcome.tool_calls.len(), counter.lock().unwrap().count), (3, 3), "{code}");
            let next = python.run("print(count())").unwrap();
            assert_eq!(
                (next.output.as_str(), next.failure),
                ("4\n", None),
                "the next step is a step as any: {code}"
            );
        }
    }
}

#[test]
fn deferred_calls_count_in_the_step_that_makes_them() {
    for (now, later) in [
        ("def g():\n    try: yield\n    finally: nine()\nh = g(); next(h)", "del h"),
        ("class D:\n    def __del__(self): nine()\nd = D()", "d = None"),
        ("class D:\n    def __del__(self): nine()\nd = D(); d.d = d", "del d\nimport gc\ngc.collect()"),
        ("import atexit\natexit.register(nine)", "atexit._run_exitfuncs()"),
        ("import weakref\nclass W: pass\nw = W(); weakref.finalize(w, nine)", "del w"),
        ("import gc\ngc.callbacks.append(lambda *a: nine())", "gc.collect()"),
        (
            "def g():\n    while True:\n        try: yield count()\n        except BaseException: pass\nh = g(); next(h)",
            "for _ in h: pass",
        ),
    ] {
        let (mut python, counter) = limited(InterpreterState::Persistent);
        prints(&mut python, NINE);
        let first = python.run(now).unwrap();
        assert!(first.success, "{now}: {first:?}");
        let outcome = python.run(later).unwrap();
        assert_eq!(outcome.failure, Some(Failure::ToolCallLimit), "{now}: {outcome:?}");
        assert_eq!(outcome.tool_calls.len(), 3, "{now}");
        assert_eq!(counter.lock().unwrap().count as usize, first.tool_calls.len() + 3, "{now}");
    }
}

#[test]
fn effects_persist_if_a_destructor_exceeds_the_limit() {
    for code in [
        "class D:\n    def __del__(self): nine()\ndef f():\n    d = D()\n    raise ValueError\ndone = 1\nf()",
        "class E(Exception):\n    def __str__(self): nine(); return 'x'\ndone = 1\nraise E",
    ] {
        let (mut python, _) = limited(InterpreterState::Persistent);
        let outcome = python.run(&format!("{NINE}{code}")).unwrap();
        assert_eq!(outcome.failure, Some(Failure::ToolCallLimit), "{code}");
        assert_eq!(prints(&mut python, "print(done)"), "1\n", "{code}");
    }
}

#[test]
fn no_thread_can_be_started_to_call_from() {
    let (mut python, counter) = limited(InterpreterState::Persistent);
    let code =
        "import threading\ntry: threading.Thread(target=count).start()\nexcept RuntimeError as e: print(e)";
    assert_eq!(prints(&mut python, code), "can't start new thread\n");
    assert_eq!(counter.lock().unwrap().count, 0);
}

#[test]
fn the_fuel_left_after_the_limit_is_little() {
    let limits = Limits { tool_calls: 0, ..Limits::default() };
    let config = Config { limits, tools: Counter::tools(), ..config(InterpreterState::Persistent) };
    let mut python = interpreter(config, counter().0);
    let code = "import wit_world\nwhile True:\n    try: wit_world.call_tool('count', [])\n    except BaseException: pass";
    let outcome = python.run(code).unwrap();
    assert_eq!(outcome.failure, Some(Failure::ToolCallLimit));
    assert!(outcome.fuel_used < 300_000_000, "{}", outcome.fuel_used);
    assert_eq!(prints(&mut python, "print(1)"), "1\n");
}
