//! Odd arguments of tool calls, and the limit of their size.

use sandbox::{Config, InterpreterState, Limits, Outcome};
use serde_json::{Value, json};

use crate::common::{Counter, config, counter, interpreter, prints};
use crate::history::{is_survived, small};

fn run(code: &str) -> Outcome {
    let config = Config { tools: Counter::tools(), ..config(InterpreterState::Persistent) };
    interpreter(config, counter().0).run(code).unwrap()
}

/// The type and the value of one argument as received by the host.
fn argument(setting: &str, expression: &str) -> (String, Option<Value>) {
    let outcome = run(&format!("{setting}\ndescribe({expression})"));
    assert!(outcome.success, "{expression}: {outcome:?}");
    let argument = outcome.tool_calls[0].call.args[0].clone();
    (argument.python_type, argument.value)
}

#[test]
fn values_that_json_cannot_represent_arrive_as_types_only() {
    for (expression, python_type) in [
        ("float('nan')", "float"),
        ("float('-inf')", "float"),
        ("[1, float('nan')]", "list"),
        ("2**64", "int"),
        ("-2**63 - 1", "int"),
        ("10**5000", "int"),
        ("'\\ud800'", "str"),
        ("{'a': '\\udfff'}", "dict"),
        ("b'bytes'", "bytes"),
        ("{(1, 2): 3}", "dict"),
        ("print", "builtin_function_or_method"),
        ("(n for n in range(3))", "generator"),
        ("...", "ellipsis"),
        ("1j", "complex"),
        ("object()", "object"),
        ("cyclic", "list"),
        ("ring", "dict"),
        ("deep", "list"),
    ] {
        let setting = "cyclic = []; cyclic.append(cyclic)\nring = {}; ring['r'] = ring\ndeep = []\nfor _ in range(100_000): deep = [deep]";
        assert_eq!(argument(setting, expression), (python_type.to_owned(), None), "{expression}");
    }
}

#[test]
fn values_that_json_can_represent_arrive_exactly() {
    for (expression, value) in [
        ("2**64 - 1", json!(u64::MAX)),
        ("-2**63", json!(i64::MIN)),
        ("-0.0", json!(-0.0)),
        ("5e-324", json!(5e-324)),
        ("'\\0\\x7f\\u2028'", json!("\0\u{7f}\u{2028}")),
        ("{1: 2, None: 3, True: 4, 1.5: 5}", json!({"1": 4, "null": 3, "1.5": 5})),
        ("nested", json!([[[[]]]])),
    ] {
        assert_eq!(argument("nested = [[[[]]]]", expression).1, Some(value), "{expression}");
    }
}

#[test]
fn objects_with_false_attributes_arrive_as_what_they_are() {
    for (class, python_type, value) in [
        (
            "class A(int):\n    def __repr__(self): return '99'\n    __str__ = __repr__\na = A(5)",
            "A",
            Some(json!(5)),
        ),
        ("class A(float):\n    def __repr__(self): return '99'\na = A(1.5)", "A", Some(json!(1.5))),
        (
            "class A(str):\n    def __str__(self): return 'lie'\n    encode = __str__\na = A('x')",
            "A",
            Some(json!("x")),
        ),
        ("class A:\n    __class__ = int\n    def __int__(self): return 1\na = A()", "A", None),
        (
            "class A:\n    def __repr__(self): raise SystemExit\n    __str__ = __getattr__ = __repr__\na = A()",
            "A",
            None,
        ),
        ("class A(dict):\n    def items(self): 1/0\na = A(x=1)", "A", None),
        (
            "class A(list):\n    def __iter__(self): 1/0\n    def __len__(self): return 10**9\na = A([1])",
            "A",
            None,
        ),
        ("import enum\nclass A(enum.IntEnum): X = 3\na = A.X", "A", Some(json!(3))),
        (
            "class M(type):\n    __name__ = property(lambda c: 1/0)\nclass A(metaclass=M): pass\na = A()",
            "A",
            None,
        ),
        ("a = type('', (), {})()", "", None),
    ] {
        let (got, received) = argument(class, "a");
        assert_eq!((got.as_str(), received), (python_type, value), "{class}");
    }
}

#[test]
fn keywords_can_be_any_text() {
    let outcome = run("describe(**{'': 1, 'a b': 2, '\\ud800': 3, 'self': 4, 'name': 5})");
    let names: Vec<_> = outcome.tool_calls[0].call.kwargs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["", "a b", "\\ud800", "self", "name"]);
}

#[test]
fn an_argument_that_fails_in_its_own_encoding_fails_the_step_like_other_code() {
    for code in [
        "class D(dict):\n    def items(self):\n        while True: pass\necho(D(a=1))",
        "class D(dict):\n    def items(self): raise SystemExit\necho(D(a=1))",
        "class D(dict):\n    def items(self): return [('a', self)]\necho(D(a=1))",
        "class D(dict):\n    def items(self): return iter(int, 1)\necho(D(a=1))",
        "echo(*[1] * 10**6)",
        "echo(**{str(n): n for n in range(10**5)})",
    ] {
        let outcome = is_survived(&small(), code);
        assert!(outcome.tool_calls.len() <= 1, "{code}");
    }
}

/// The approximate size of a value in the host's memory.
fn size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(size).sum(),
            Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + size(value)).sum(),
            _ => 0,
        }
}

#[test]
fn no_distribution_of_data_over_calls_exceeds_the_limit() {
    let limits = Limits { tool_bytes: 100_000, ..Limits::default() };
    for code in [
        "echo('x' * 10**6)",
        "for _ in range(20):\n    try: echo('x' * 20_000)\n    except Exception: pass",
        "echo(*['x'] * 10**5)",
        "echo(*[type('', (), {})()] * 10**5)",
        "echo([[0]] * 20_000)",
        "echo([{}] * 20_000)",
        "echo(**{'x' * 10**6: 1})",
        "echo(type('x' * 10**6, (), {})())",
        "import wit_world\nwit_world.call_tool('x' * 10**6, [])",
        "import wit_world\nfor _ in range(20):\n    try: wit_world.call_tool('', [wit_world.Argument(None, '', None)] * 10**5)\n    except Exception: pass",
    ] {
        let config = Config {
            limits: limits.clone(),
            tools: Counter::tools(),
            ..config(InterpreterState::Persistent)
        };
        let mut python = interpreter(config, counter().0);
        let outcome = python.run(code).unwrap();
        let kept: usize = outcome
            .tool_calls
            .iter()
            .flat_map(|record| {
                record.call.args.iter().chain(record.call.kwargs.iter().map(|(_, argument)| argument))
            })
            .map(|argument| size_of_val(argument) + argument.value.as_ref().map_or(0, size))
            .sum();
        assert!(kept <= 2 * limits.tool_bytes, "{code}: {kept} bytes");
        assert_eq!(prints(&mut python, "print(echo('fits'))"), "fits\n", "{code}");
    }
}
