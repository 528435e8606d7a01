//! The namespace of a step: what it contains at the start, and what persists.

use crate::common::{fails, notebooks, persistent, prints, reset};
use sandbox::Failure;

#[test]
fn a_block_is_a_script() {
    let mut python = persistent();
    let code = "
import __main__, pickle, sys
x = 5
class Point: pass
print(__name__, __main__.x, Point.__module__, type(pickle.loads(pickle.dumps(Point()))).__name__)
if __name__ == '__main__': print('main')
1 + 1";
    assert_eq!(prints(&mut python, code), "__main__ 5 __main__ Point\nmain\n");
    assert_eq!(prints(&mut python, "__name__ = 'other'"), "");
    assert_eq!(prints(&mut python, "print(__name__, __import__('__main__').x)"), "__main__ 5\n");
}

#[test]
fn globals_are_only_the_agents_names() {
    let code = "
import json, math as m
from math import sqrt
from collections import Counter as C
a = _private = __dunder__ = 1
def f(): pass
class K: pass
globals()['not an identifier'] = globals()[3] = globals()['\\ud800'] = 1
list = count = 1";
    let mut python = persistent();
    let outcome = python.run(code).unwrap();
    assert_eq!(outcome.globals, ["C", "K", "a", "f", "sqrt"]);
    assert_eq!(python.globals(), outcome.globals);
    assert_eq!(prints(&mut python, "print(list('ab'), count(), a, __dunder__)"), "['a', 'b'] 1 1 1\n");
    assert_eq!(prints(&mut python, "print(_private)"), "1\n", "private names stay, and are not listed");
    assert_eq!(reset().run(code).unwrap().globals, [""; 0]);
}

#[test]
fn a_rebound_preloaded_name_is_the_agents() {
    let mut python = persistent();
    assert_eq!(python.run("json = {'mine': 1}").unwrap().globals, ["json"]);
    assert_eq!(prints(&mut python, "print(json)"), "{'mine': 1}\n");
}

#[test]
fn a_failed_step_keeps_its_effects() {
    let mut python = persistent();
    assert_eq!(fails(&mut python, "a = 1\nb = missing\nc = 2").globals, ["a"]);
}

#[test]
fn the_names_of_a_script_are_there_in_each_step() {
    let print =
        "print(__name__, __doc__, __package__, __spec__, __loader__.__name__, '__file__' in globals())";
    let change = "'A doc.'\nprint(__doc__)\n__package__ = __spec__ = __name__ = 5\ndel __loader__";
    for mut python in [persistent(), reset()].into_iter().chain(notebooks()) {
        for _ in 0..2 {
            assert_eq!(prints(&mut python, print), "__main__ None None None BuiltinImporter False\n");
            assert_eq!(prints(&mut python, change), "A doc.\n");
        }
    }
}

#[test]
fn the_standard_input_is_empty_in_each_step() {
    let read = "import sys
try: input()
except EOFError: print('no input', repr(sys.stdin.read()), sys.stdin is sys.__stdin__)";
    for close in [
        "exit()",
        "quit(0)",
        "import sys\nsys.stdin.close()\n1/0",
        "import sys\nsys.stdin.detach()\n1/0",
        "import sys\nsys.stdin = sys.__stdin__ = None\n1/0",
    ] {
        for mut python in [persistent(), reset()].into_iter().chain(notebooks()) {
            fails(&mut python, close);
            assert_eq!(prints(&mut python, read), "no input '' True\n", "{close}");
        }
    }
}

#[test]
fn vandalism_ends_with_its_step() {
    let vandals = [
        "import builtins\nbuiltins.print = builtins.len = builtins.sorted = builtins.type = None",
        "import builtins\nvars(builtins).clear()",
        "import sys\nsys.stdout.close()\nsys.stderr.close()",
        "import sys\nsys.stdout.detach()",
        "import sys\nsys.stdout = sys.stderr = sys.stdin = None",
        "import sys\nclass Bad:\n    def __getattr__(self, name): raise SystemExit\nsys.stdout = Bad()",
        "import io, sys\nsys.stdout = io.StringIO()\nprint('lost')",
        "globals().clear()",
        "del __builtins__",
        "__builtins__ = {}",
        "import sys\nsys.settrace(lambda *a: 1/0)\nsys.setprofile(lambda *a: 1/0)",
        "import sys\nsys.setrecursionlimit(30)",
        "import sys\nsys.modules.clear()",
        "import sys\nfor m in list(sys.modules.values()):\n    if m.__name__.startswith('gym_guest.'): m.__dict__.pop('nothing', 0)",
        "import json, json.encoder\njson.dumps = json.loads = json.JSONEncoder.encode = None",
        "import gc\ngc.disable()\ngc.callbacks.append(lambda *a: 1/0)\ngc.collect()",
        "class D:\n    def __del__(self): raise SystemExit\nd = D(); del d; e = [D()]; e.append(e); del e",
        "class K(str):\n    def __hash__(self): raise OSError\n    def __eq__(self, o): raise OSError\nclass V:\n    __class__ = property(lambda self: 1/0)\nv = V()",
    ];
    for vandal in vandals {
        let mut python = persistent();
        let outcome = python.run(vandal).unwrap();
        assert_ne!(outcome.failure, Some(Failure::Crashed), "{vandal}");
        let printed = prints(&mut python, "print(len(sorted([2, 1])), type(1).__name__, count(), echo('é'))");
        assert_eq!(printed, "2 int 1 é\n", "{vandal}");
        let error = fails(&mut python, "1/0").error.unwrap();
        assert!(error.ends_with("ZeroDivisionError: division by zero"), "{vandal}: {error}");
    }
}

#[test]
fn any_text_can_be_printed() {
    let mut python = persistent();
    assert_eq!(prints(&mut python, "print('é \\N{SNAKE} \\ud800', end='')"), "é 🐍 \\ud800");
    assert_eq!(
        prints(&mut python, "import sys\nn = sys.stdout.buffer.write(b'a\\xffb\\x00')"),
        "a\u{fffd}b\0"
    );
    assert_eq!(prints(&mut python, "import os\nn = os.write(1, b'raw')"), "raw");
    assert_eq!(prints(&mut python, "print('a\\r\\nb')"), "a\r\nb\n");
}

#[test]
fn any_text_can_be_code() {
    let mut python = persistent();
    assert_eq!(prints(&mut python, ""), "");
    assert_eq!(prints(&mut python, "# only a comment"), "");
    assert_eq!(prints(&mut python, "print('🐍')\r\nprint(2)\r\n"), "🐍\n2\n");
    fails(&mut python, "print(1)\0");
}
