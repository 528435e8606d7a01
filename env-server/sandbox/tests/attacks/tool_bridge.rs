//! The bridge to the tools: every call that reaches the host is counted and recorded as the host received it.

use sandbox::{Config, Failure, Interpreter, InterpreterState, Limits, Outcome};
use serde_json::json;

use crate::common::{Counter, config, counter, interpreter, prints};

/// Runs code in a new interpreter. Returns the outcome, the number of answered calls, and the interpreter.
fn run(code: &str) -> (Outcome, u64, Interpreter) {
    let (tools, counter) = counter();
    let limits = Limits { tool_calls: 3, ..Limits::default() };
    let config = Config { limits, tools: Counter::tools(), ..config(InterpreterState::Persistent) };
    let mut python = interpreter(config, tools);
    let outcome = python.run(code).unwrap();
    let count = counter.lock().unwrap().count;
    (outcome, count, python)
}

#[track_caller]
fn names(outcome: &Outcome) -> Vec<&str> {
    outcome.tool_calls.iter().map(|record| record.call.name.as_str()).collect()
}

#[test]
fn direct_calls_of_the_import_are_counted_like_tools() {
    for call in [
        "wit_world.call_tool('count', [])",
        "sys.modules['gym_guest.tools'].call_tool('count', [])",
        "sys.modules['gym_guest.tools']._call('count', (), {})",
        "componentize_py_runtime.call_import(0, ['count', []], 1)",
    ] {
        let setting =
            "import sys, wit_world\ntry: import componentize_py_runtime\nexcept ImportError: pass\n";
        let (once, count, _) = run(&format!("{setting}try: {call}\nexcept Exception as e: print(e)"));
        assert_eq!(once.tool_calls.len() as u64, count, "{call}: {once:?}");
        let (often, count, mut python) =
            run(&format!("{setting}for _ in range(9):\n    try: {call}\n    except BaseException: pass"));
        assert_eq!(often.tool_calls.len() as u64, count, "{call}");
        assert!(count <= 3, "{call}");
        if count == 3 {
            assert_eq!(often.failure, Some(Failure::ToolCallLimit), "{call}");
        }
        assert!(python.run("print(1)").unwrap().success);
    }
}

#[test]
fn a_hand_made_call_is_recorded_as_it_was_made() {
    let code = "
import wit_world
from wit_world import Argument
for name, arguments in [
    ('no such tool', []), ('', []), ('echo', [Argument(None, 'int', '\"text\"')]), ('echo', [Argument('value', '', None)]),
]:
    try: print(wit_world.call_tool(name, arguments))
    except BaseException as e: print(type(e).__name__)";
    let (outcome, count, _) = run(code);
    assert_eq!(names(&outcome), ["no such tool", "", "echo"]);
    assert_eq!(count, 3);
    let argument = &outcome.tool_calls[2].call.args[0];
    assert_eq!((argument.python_type.as_str(), &argument.value), ("int", &Some(json!("text"))));
    assert_eq!(outcome.failure, Some(Failure::ToolCallLimit));
}

#[test]
fn malformed_calls_kill_only_the_step() {
    for arguments in [
        "",
        "1",
        "'count'",
        "'count', None",
        "'count', 5",
        "'count', [5]",
        "None, []",
        "'count', ['x'] * 10",
        "'count', [Argument(None, None, None)]",
        "'count', [Argument(1, 2, 3)]",
        "'\\ud800', []",
        "b'count', []",
        "'count', [Argument('\\ud800', 'x', 'x')]",
        "'count', (), 3",
        "*range(100)",
    ] {
        let code = format!("from wit_world import call_tool, Argument\nprint(call_tool({arguments}))");
        let (outcome, count, mut python) = run(&code);
        assert_eq!(outcome.tool_calls.len() as u64, count, "{arguments}");
        assert!(outcome.success || outcome.error.is_some());
        assert_eq!(prints(&mut python, "print(echo(5))"), "5\n", "{arguments}");
    }
}

#[test]
fn forged_answers_do_not_reach_the_record() {
    for forgery in [
        "count = lambda: 99",
        "globals().update(count=lambda: 99)",
        "import wit_world, gym_guest.tools as t\nwit_world.call_tool = t.call_tool = lambda *a: '99'",
        "import gym_guest.tools as t\nt.call_tool = lambda *a: '99'",
        "count.__code__ = (lambda *args, **kwargs: 99).__code__.replace(co_freevars=count.__code__.co_freevars)",
        "import sys\nsys._getframe(1).f_locals['self'].reserved['count'] = lambda: 99\ncount = lambda: 99",
        "import builtins\nbuiltins.count = lambda: 99\ndel count",
    ] {
        let (outcome, count, _) = run(&format!("{forgery}\nprint(count())"));
        assert_eq!(
            (outcome.output.as_str(), names(&outcome).len(), count),
            ("99\n", 0, 0),
            "{forgery}: {outcome:?}"
        );
    }
    let code = "import gym_guest.tools as t\nt._scan = lambda text, at: (99, 2)\nprint(count())";
    let (outcome, count, _) = run(code);
    assert_eq!((outcome.output.as_str(), count), ("99\n", 1));
    assert_eq!(outcome.tool_calls[0].answer, Ok(json!(1)), "the record has the real answer");
}

#[test]
fn a_tool_is_restored_in_the_next_step_after_any_change_of_its_name() {
    for vandal in [
        "del count, echo",
        "count = None",
        "globals().clear()",
        "import functools\ncount = functools.partial(print, 'wrapped')",
        "old = count\ncount = lambda: old() + 100",
        "import types\ncount = types.MethodType(lambda self: 5, 1)",
    ] {
        let (outcome, _, mut python) = run(vandal);
        assert!(outcome.success, "{vandal}: {outcome:?}");
        assert_eq!(prints(&mut python, "print(type(count).__name__, count())"), "function 1\n", "{vandal}");
    }
}

#[test]
fn a_nested_call_is_recorded_in_order() {
    let code = "
class D(dict):
    def items(self):
        count()
        return [('a', 1)]
print(echo(D(a=2)))";
    let (outcome, count, _) = run(code);
    assert_eq!((names(&outcome), count), (vec!["count", "echo"], 2));
    assert_eq!(outcome.output, "{'a': 1}\n");
}
