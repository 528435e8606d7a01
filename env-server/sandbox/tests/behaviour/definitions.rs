//! The digests of definitions, which show whether a name was defined again with an equal value.

use std::collections::BTreeMap;

use crate::common::{config, counter, interpreter, prints};
use sandbox::{Config, Interpreter, InterpreterState};

const BOTH: [InterpreterState; 2] = [InterpreterState::Persistent, InterpreterState::Reset];

fn recording(state: InterpreterState) -> Interpreter {
    interpreter(Config { record_definitions: true, ..config(state) }, counter().0)
}

fn definitions(python: &mut Interpreter, code: &str) -> BTreeMap<String, String> {
    let outcome = python.run(code).unwrap();
    outcome.definitions.into_iter().map(|definition| (definition.name, definition.digest)).collect()
}

fn names(python: &mut Interpreter, code: &str) -> Vec<String> {
    definitions(python, code).into_keys().collect()
}

#[test]
fn equal_data_has_equal_digests() {
    for state in BOTH {
        let mut python = recording(state);
        let one = definitions(&mut python, "a = [1, (2.5, 'x'), {'k': {3}}, None, b'']; n = 10**40");
        let shared =
            "s = 'x'\na = [1, (2.5, s), {'k': {3}}]\na.append(None)\na += [b'']\nn = int('1' + '0' * 40)";
        let two = definitions(&mut python, shared);
        assert_eq!(one["a"], two["a"]);
        assert_eq!(one["n"], two["n"]);
        let other = definitions(&mut python, "a = [1, (2.5, 'x'), {'k': {4}}, None, b'']; n = float(10**40)");
        assert_ne!(one["a"], other["a"]);
        assert_ne!(one["n"], other["n"]);
        assert!(one["a"].len() == 16 && one["a"].bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}

#[test]
fn equal_functions_have_equal_digests_on_any_line() {
    let mut python = recording(InterpreterState::Reset);
    let function =
        "def f(a, b=2, *, c=(3,)):\n    'Doc.'\n    g = lambda x: x[1:2] + a\n    return [g(i) for i in b]\n";
    let one = definitions(&mut python, function);
    let two = definitions(&mut python, &format!("# moved down\n\n\nx = 1\n{function}"));
    assert_eq!(one["f"], two["f"]);
    for (what, other) in [
        ("a default", function.replace("b=2", "b=3")),
        ("a constant", function.replace("1:2", "1:3")),
        ("a name", function.replace("b]", "c]")),
        ("a nested body", function.replace("+ a", "- a")),
        ("the doc", function.replace("Doc", "Dok")),
    ] {
        assert_ne!(one["f"], definitions(&mut python, &other)["f"], "{what}");
    }
}

#[test]
fn only_names_stored_by_the_top_level_are_recorded() {
    let mut python = recording(InterpreterState::Persistent);
    let code = "
import math
from math import pi
for i in range(3): j = i
def f():
    global hidden
    hidden = 1
f()
gone = 1
del gone
with open_() if 0 else __import__('contextlib').nullcontext(4) as w: pass
list = 3
class C: y = 1
o = C()
m = math.sqrt
[z for z in (1,)]";
    assert_eq!(names(&mut python, code), ["f", "i", "j", "pi", "w"]);
    assert_eq!(names(&mut python, "k = 1"), ["k"], "only the definitions of this step");
    assert_eq!(names(&mut python, "q = 1\n1/0\nr = 1"), ["q"], "only the definitions before the failure");
    assert_eq!(names(&mut python, "q ="), [""; 0]);
}

#[test]
fn names_past_the_256th_are_found() {
    let code: String = (0..400).map(|n| format!("name{n} = {n}\n")).collect();
    assert_eq!(names(&mut recording(InterpreterState::Reset), &code).len(), 400);
}

#[test]
fn large_and_cyclic_values_are_left_out() {
    let code = "
large = list(range(10_001))
fits = list(range(10_000))
nested = [list(range(5_000))] * 9_000
text = 'x' * 5_000_000
ring = []; ring.append(ring)
deep = []
for _ in range(9_000): deep = [deep]
small = 1
del _";
    assert_eq!(names(&mut recording(InterpreterState::Reset), code), ["fits", "small"]);
}

#[test]
fn computing_digests_runs_no_code_of_the_agent() {
    let code = "
class Meta(type):
    def __hash__(self): print('hash'); return 1
    def __eq__(self, other): print('eq'); return True
class Value(int, metaclass=Meta):
    def __sizeof__(self): print('sizeof')
    def __eq__(self, other): print('eq')
    def __hash__(self): print('hash'); return 1
    def __reduce__(self): print('reduce')
a = Value(1); b = [Value(2)]; c = (1, Value(3)); d = Value
def f(x=a): pass
ok = 1";
    let mut python = recording(InterpreterState::Persistent);
    let outcome = python.run(code).unwrap();
    assert_eq!(outcome.output, "");
    assert_eq!(outcome.definitions.len(), 1);
}

#[test]
fn nothing_is_recorded_by_default() {
    let mut python = interpreter(config(InterpreterState::Persistent), counter().0);
    assert!(python.run("x = 1").unwrap().definitions.is_empty());
    prints(&mut python, "x");
}
