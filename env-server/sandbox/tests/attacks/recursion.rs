//! Recursion and nesting that are too deep, in Python and in C code.

use sandbox::{Failure, Limits};

use crate::history::{each, is_bounded, is_killed, is_survived, small, with_history};

/// Limits with enough fuel to reach the recursion limit.
fn deep() -> Limits {
    Limits { fuel: 3_000_000_000, memory_bytes: 128 << 20, ..small() }
}

#[test]
fn recursion_raises() {
    each(
        &[
            "class A:\n    def __repr__(self): return repr(self)\nrepr(A())",
            "class A:\n    def __getattr__(self, name): return getattr(self, name)\nA().x",
            "class A:\n    def __hash__(self): return hash(self)\nhash(A())",
            "class A:\n    def __index__(self): return [0][self]\n[0][A()]",
            "class A:\n    def __call__(self): return self()\nA()()",
            "class A:\n    def __format__(self, s): return format(self)\nf'{A()}'",
            "class A:\n    @property\n    def x(self): return self.x\nA().x",
            "class A:\n    def __iter__(self): return iter(self)\nlist(A())",
            "class A:\n    def __reduce__(self): return A.__reduce__(self)\nimport pickle\npickle.dumps(A())",
            "class D(dict):\n    def __missing__(self, k): return self[k]\nD()[1]",
            "async def f(): await f()\nf().send(None)",
            "def g(): yield from g()\nlist(g())",
            "import contextlib\n@contextlib.contextmanager\ndef c():\n    with c(): yield\nwith c(): pass",
            "s = 'exec(s)'\nexec(s)",
            "s = 'eval(s)'\neval(s)",
            "again = lambda: again()\nsorted([1, 2], key=lambda _: again())",
        ],
        |code| {
            let outcome = is_survived(&deep(), code);
            let expected = Failure::Exception { type_name: "RecursionError".into() };
            assert_eq!(outcome.failure, Some(expected), "{code}: {:?}", outcome.error);
        },
    );
}

#[test]
fn nested_data_does_not_crash() {
    each(
        &[
            "import json\njson.dumps(x)",
            "repr(x)",
            "str({1: x})",
            "import pickle\npickle.dumps(x)",
            "import copy\ncopy.deepcopy(x)",
            "import pprint\npprint.pformat(x)",
            "y = []\nfor _ in range(20_000): y = [y]\nx == y",
            "t = ()\nfor _ in range(20_000): t = (t,)\nhash(t)",
            "t = int\nfor _ in range(20_000): t = (t,)\nisinstance('', t)",
            "import json\njson.loads('[' * 20_000 + ']' * 20_000)",
            "import ast\nast.literal_eval('[' * 20_000 + ']' * 20_000)",
            "import re\nre.compile('(' * 20_000 + ')' * 20_000)",
        ],
        |code| {
            let outcome = is_survived(&deep(), &format!("x = []\nfor _ in range(20_000): x = [x]\n{code}"));
            assert_ne!(outcome.failure, Some(Failure::Crashed), "{code}");
        },
    );
}

/// Programs that nest objects to a depth and free them.
fn nests(depth: u32) -> Vec<String> {
    [
        "x = None\nfor _ in range(N): x = [x]\ndel x",
        "x = None\nfor _ in range(N): x = (x,)\ndel x",
        "x = None\nfor _ in range(N): x = {1: x}\ndel x",
        "class N: pass\nx = None\nfor _ in range(N_):\n    n = N(); n.next = x; x = n\ndel x, n",
        "e = None\nfor _ in range(N):\n    f = ValueError(); f.__context__ = e; e = f\ndel e, f",
        "def g(x): yield x\nx = None\nfor _ in range(N): x = g(x)\ndel x",
        "f = None\nfor _ in range(N): f = (lambda f: lambda: f)(f)\ndel f",
    ]
    .iter()
    .map(|code| code.replace("range(N)", &format!("range({depth})")).replace("N_", &depth.to_string()))
    .collect()
}

#[test]
fn nested_objects_can_be_freed() {
    each(&nests(20_000), |code| assert!(is_survived(&deep(), code).success, "{code}"));
}

#[test]
fn objects_nested_far_deeper_crash_only_their_own_step() {
    each(&nests(300_000), |code| drop(is_survived(&deep(), code)));
}

#[test]
fn nested_source_is_refused_or_runs() {
    each(
        &[
            "(".repeat(50_000) + &")".repeat(50_000),
            "(".repeat(190) + "1" + &")".repeat(190),
            "[".repeat(50_000),
            "{".repeat(50_000),
            "-".repeat(50_000) + "1",
            "not ".repeat(50_000) + "1",
            "1".to_owned() + &"+1".repeat(50_000),
            "x".to_owned() + &".x".repeat(50_000),
            "x".to_owned() + &"()".repeat(50_000),
            "x".to_owned() + &"[0]".repeat(50_000),
            "lambda: ".repeat(50_000) + "1",
            "1 if 1 else ".repeat(50_000) + "1",
            "f(".repeat(50_000),
            "await ".repeat(50_000) + "x",
            "*".repeat(50_000) + "x",
            "f'{".repeat(500) + &"}'".repeat(500),
            "x = ".repeat(50_000) + "1",
            "x, ".repeat(50_000) + "= ()",
            "if 1: pass\n".to_owned() + &"elif 1: pass\n".repeat(10_000),
            "@x\n".repeat(10_000) + "def f(): pass",
            "match 1:\n    case ".to_owned() + &"[".repeat(5_000) + &"]".repeat(5_000) + ": pass",
            (0..99).map(|depth| "  ".repeat(depth) + "if 1:\n").collect::<String>()
                + &"  ".repeat(99)
                + "x = 1",
            (0..40).map(|depth| "  ".repeat(depth) + "for _ in (): \n").collect::<String>()
                + &"  ".repeat(40)
                + "pass",
            (0..400).map(|depth| " ".repeat(depth) + "def f():\n").collect::<String>()
                + &" ".repeat(400)
                + "pass",
            "def f(".to_owned() + &(0..9_000).map(|n| format!("a{n}, ")).collect::<String>() + "): pass",
            "'\\N{".repeat(1_000) + "'",
            "\\\n".repeat(50_000) + "1",
            "#".repeat(200_000),
            "\u{0}".to_owned(),
            "\u{feff}x = 1".to_owned(),
            "# coding: utf-16\nx = 1".to_owned(),
            "9".repeat(100_000),
            "0x".to_owned() + &"f".repeat(200_000),
        ],
        |code| {
            let start: String = code.chars().take(30).collect();
            let mut python = with_history(&small());
            let outcome = python.run(code).unwrap();
            is_bounded(&start, &small(), &outcome);
            assert_ne!(outcome.failure, Some(Failure::Crashed), "{start}");
            assert_eq!(crate::common::prints(&mut python, "print(kept)"), "[1, {'a': 2}]\n", "{start}");
        },
    );
}

#[test]
fn recursion_that_python_does_not_count_crashes_only_its_own_step() {
    each(
        &[
            "import itertools\nx = iter([])\nfor _ in range(200_000): x = itertools.chain(x, [])\nnext(x)",
            "x = iter([1])\nfor _ in range(200_000): x = map(int, x)\nnext(x)",
            "x = iter([1])\nfor _ in range(200_000): x = filter(None, x)\nnext(x)",
            "x = iter([1])\nfor _ in range(200_000): x = zip(x)\nnext(x)",
            "import itertools\nx = iter([1])\nfor _ in range(200_000): x = itertools.islice(x, 9)\nnext(x)",
            "import operator\nf = int\nfor _ in range(100_000): f = operator.methodcaller('__call__', f)\nf(1)",
            "import functools\nf = lambda *a: 1\nclass P(functools.partial): pass\nfor _ in range(100_000): f = P(f, 1); f.x = 1\nf()",
            "class A: pass\nfor _ in range(20_000): A = type('A', (A,), {})\nA().missing",
            "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __eq__(self, o): return [self] == [o]\nA() == A()",
            "import sys\nsys.setrecursionlimit(10**9)\nx = []\nfor _ in range(200_000): x = [x]\nrepr(x)",
            "import xml.etree.ElementTree as E\nE.fromstring('<a>' * 100_000 + '</a>' * 100_000)",
            "import xml.dom.minidom as m\nm.parseString('<a>' * 20_000 + '</a>' * 20_000).toxml()",
            "import pickle\npickle.loads(b'(' * 10**6 + b'.')",
            "import marshal\nmarshal.loads(b'[\\x01\\x00\\x00\\x00' * 10**5)",
            "import ast\nt = ast.Constant(1)\nfor _ in range(50_000): t = ast.UnaryOp(ast.USub(), t)\ncompile(ast.fix_missing_locations(ast.Expression(t)), 'x', 'eval')",
            "import ast\nt = ast.Name('x', ast.Load())\nfor _ in range(50_000): t = ast.Attribute(t, 'x', ast.Load())\nast.dump(t)",
            "import re\nre.match('(?:a|b)*' * 100 + '$', 'ab' * 10**5 + 'c')",
            "import re\nre.fullmatch('((?:(?:a|b)|c)*?)*x', 'abc' * 10**5)",
            "import string\nstring.Formatter().vformat('{' * 5000, (), {})",
            "'{:{:{}}}'.format(1, 2, 3), '{' * 10**5",
            "e = ValueError()\nfor _ in range(50_000): e = ExceptionGroup('x', [e])\nraise e",
            "e = ValueError()\nfor _ in range(50_000): e = ExceptionGroup('x', [e])\ne.split(KeyError)",
            "import typing\nt = int\nfor _ in range(50_000): t = list[t]\nrepr(t), hash(t)",
            "t = int\nfor n in range(5_000): t = t | list[t]\nrepr(t)",
            "import copy\nx = {}\nfor _ in range(50_000): x = {'x': x}\ncopy.deepcopy(x)",
            "import weakref\nclass W: pass\nw = W()\nfor _ in range(50_000): p = weakref.proxy(w); w = W(); w.p = p\nstr(w.p)",
            "m = memoryview(bytes(9))\nfor _ in range(100_000): m = memoryview(m)\ndel m",
        ],
        |code| {
            is_survived(&small(), code);
        },
    );
}

#[test]
fn endless_calls_without_a_recursion_limit_end_by_memory() {
    let code = "import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f(n + 1)\nf(0)";
    is_killed(&small(), code, &[Failure::OutOfMemory, Failure::OutOfFuel]);
}
