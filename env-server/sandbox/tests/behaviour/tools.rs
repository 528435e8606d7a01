//! Tools as the agent's code sees them.

use crate::common::{Counter, config, counter, fails, interpreter, persistent, prints, with_limits};
use sandbox::{Config, Failure, InterpreterState, Limits, Tool};
use serde_json::json;

#[test]
fn arguments_arrive_with_their_types_and_values() {
    let mut python = persistent();
    let printed = prints(
        &mut python,
        "print(json.dumps(describe('a', 1, 2.5, None, True, [1, 'b'], {'k': 1}, {3}, float('nan'), 2**70, '\\ud800', k=(1,))))",
    );
    let expected = json!([
        ["str", "a"],
        ["int", 1],
        ["float", 2.5],
        ["NoneType", null],
        ["bool", true],
        ["list", [1, "b"]],
        ["dict", {"k": 1}],
        ["set", null],
        ["float", null],
        ["int", null],
        ["str", null],
        ["k", "tuple", [1]],
    ]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), expected);
}

#[test]
fn a_tool_tells_its_parameters() {
    let tool = |name: &str, parameters: &[&str]| Tool {
        name: name.into(),
        parameters: parameters.iter().map(|parameter| (*parameter).to_owned()).collect(),
        doc: "Does something.".into(),
    };
    let tools = vec![
        tool("none", &[]),
        tool("two", &["item_id: str", "count: int"]),
        tool("open", &["first", "/", "*rest: float", "key='a'", "**more"]),
        tool("unknown", &["kind: Kind"]),
    ];
    let config = Config { tools, ..config(InterpreterState::Persistent) };
    let mut python = interpreter(config, counter().0);
    let code = "
import inspect
for tool in (none, two, open, unknown): print(inspect.signature(tool), inspect.signature(tool))
print([(p.name, p.annotation, p.kind.name) for p in inspect.signature(two).parameters.values()])
print(inspect.signature(two).bind('a', count=2).arguments)
try: inspect.signature(two).bind('a')
except TypeError as e: print(e)
import functools
@functools.wraps(two)
def wrapped(*args): return two(*args)
print(inspect.signature(wrapped), inspect.isfunction(two), two.__doc__.splitlines()[0])
import pydoc
print(pydoc.plain(pydoc.render_doc(two)))";
    assert_eq!(
        prints(&mut python, code),
        "() ()\n(item_id: str, count: int) (item_id: str, count: int)\n\
         (first, /, *rest: float, key='a', **more) (first, /, *rest: float, key='a', **more)\n\
         (kind: Kind) (kind: Kind)\n\
         [('item_id', <class 'str'>, 'POSITIONAL_OR_KEYWORD'), ('count', <class 'int'>, 'POSITIONAL_OR_KEYWORD')]\n\
         {'item_id': 'a', 'count': 2}\nmissing a required argument: 'count'\n\
         (item_id: str, count: int) True two(item_id: str, count: int)\n\
         Python Library Documentation: function two in module __main__\n\ntwo(item_id: str, count: int)\n    two(item_id: str, count: int)\n\n    Does something.\n\n"
    );
}

#[test]
fn a_type_with_a_false_name_is_named_correctly() {
    let code = "
class Meta(type):
    __name__ = property(lambda self: 1 / 0)
class Honest(metaclass=Meta): pass
print(describe(Honest()))";
    assert_eq!(prints(&mut persistent(), code), "[['Honest', None]]\n");
}

#[test]
fn answers_keep_their_type() {
    let mut python = persistent();
    let code = "print([echo(v) for v in ('x', 1, 1.5, None, [1, {'a': 'é\\n\\u2028'}])])";
    assert_eq!(prints(&mut python, code), "['x', 1, 1.5, None, [1, {'a': 'é\\n\\u2028'}]]\n");
}

#[test]
fn failures_are_ordinary_named_exceptions() {
    let mut python = persistent();
    let code = "
try:
    refuse('no')
except ToolRuntimeException as e:
    print(type(e).__name__, str(e), e.__context__)
try:
    echo({1})
except ToolInvocationException as e:
    print(type(e).__name__, str(e))";
    assert_eq!(prints(&mut python, code), "ToolRuntimeException no None\nToolInvocationException no value\n");
    let outcome = fails(&mut python, "def f():\n    refuse('line\\nbreak')\nf()");
    assert_eq!(
        outcome.error.unwrap(),
        "Traceback (most recent call last):\n  File \"<string>\", line 3, in <module>\n  File \"<string>\", line 2, \
         in f\nToolRuntimeException: line\nbreak"
    );
    assert_eq!(outcome.globals, ["f"], "the exceptions are not the agent's names");
}

#[test]
fn a_rebound_tool_is_restored_in_the_next_step() {
    let mut python = persistent();
    let outcome = python.run("count = echo = 5\ndel refuse\nToolRuntimeException = 1\nprint = None").unwrap();
    assert_eq!((outcome.success, outcome.globals), (true, vec![]));
    assert_eq!(prints(&mut python, "print(count(), echo('x'), refuse.__name__)"), "1 x refuse\n");
}

#[test]
fn help_shows_the_signature_and_the_doc() {
    let mut python = persistent();
    assert_eq!(
        prints(&mut python, "print(refuse.__doc__)"),
        "refuse(why: str)\n\nThe refuse of the tests.\n"
    );
    assert!(prints(&mut python, "help(refuse)").contains("refuse(why: str)"));
}

#[test]
fn every_call_is_recorded_with_its_answer() {
    let mut python = persistent();
    let outcome =
        python.run("count()\ntry:\n    refuse('no')\nexcept Exception: pass\necho(value=1)").unwrap();
    let calls: Vec<_> = outcome.tool_calls.iter().map(|record| record.call.name.as_str()).collect();
    assert_eq!(calls, ["count", "refuse", "echo"]);
    assert_eq!(outcome.tool_calls[0].answer, Ok(json!(1)));
    assert_eq!(outcome.tool_calls[1].answer.as_ref().unwrap_err().message, "no");
    assert_eq!(outcome.tool_calls[2].call.kwargs[0].0, "value");
}

const LIMIT: &str = "Tool call limit exceeded: allowed 3 per run.";

fn limited(state: InterpreterState) -> (sandbox::Interpreter, std::sync::Arc<std::sync::Mutex<Counter>>) {
    let (tools, counter) = counter();
    let limits = Limits { tool_calls: 3, ..Limits::default() };
    (interpreter(Config { limits, tools: Counter::tools(), ..config(state) }, tools), counter)
}

#[test]
fn the_call_past_the_limit_ends_the_step_whatever_is_caught() {
    let catch_alls = [
        "for n in range(9):\n    count()",
        "for n in range(9):\n    try: count()\n    except: pass\nprint('on')",
        "while True:\n    try:\n        count()\n    except BaseException:\n        print('caught')",
        "while 1:\n  try: count()\n  except: continue",
        "import contextlib\nwhile True:\n    with contextlib.suppress(BaseException):\n        count()",
        "def f():\n    try:\n        count()\n    finally:\n        return 1\nwhile f(): pass",
        "def f():\n    try: count(); f()\n    except: f()\nf()",
        "import sys\nsys.monitoring.use_tool_id(4, 'mine')\nwhile True:\n    try: count()\n    except: pass",
    ];
    for code in catch_alls {
        let (mut python, counter) = limited(InterpreterState::Persistent);
        let outcome = fails(&mut python, code);
        assert_eq!(outcome.failure, Some(Failure::ToolCallLimit), "{code}");
        assert_eq!(outcome.error.as_deref(), Some(LIMIT), "{code}");
        assert_eq!(outcome.output, "", "no code runs after the limit: {code}");
        assert_eq!((outcome.tool_calls.len(), counter.lock().unwrap().count), (3, 3), "{code}");
        assert_eq!(prints(&mut python, "print(count())"), "4\n", "the next step has a new limit: {code}");
    }
}

#[test]
fn effects_before_the_limit_persist() {
    let (mut python, _) = limited(InterpreterState::Persistent);
    let outcome = fails(&mut python, "print('a', end='')\nseen = []\nwhile True:\n    seen.append(count())");
    assert_eq!((outcome.output.as_str(), outcome.globals), ("a", vec!["seen".to_owned()]));
    assert_eq!(prints(&mut python, "print(seen)"), "[1, 2, 3]\n");
}

#[test]
fn the_limit_may_be_zero() {
    let mut python = with_limits(InterpreterState::Reset, Limits { tool_calls: 0, ..Limits::default() });
    let outcome = fails(&mut python, "count()");
    assert_eq!(outcome.error.as_deref(), Some("Tool call limit exceeded: allowed 0 per run."));
}
