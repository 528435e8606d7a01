//! A small grammar of Python programs: what agents write, and what depends on hashes, clocks, addresses and
//! randomness.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sandbox::InterpreterState;

/// Steps for one interpreter.
#[derive(Clone, Debug)]
pub struct Program {
    pub state: InterpreterState,
    pub seed: u64,
    pub steps: Vec<String>,
}

pub fn program() -> impl Strategy<Value = Program> {
    let state = select(vec![InterpreterState::Persistent, InterpreterState::Reset]);
    (state, any::<u64>(), vec(step(), 1..=4)).prop_map(|(state, seed, steps)| Program { state, seed, steps })
}

/// Imports, names for the statements to use, and statements; sometimes one that does not compile or does not
/// end.
fn step() -> impl Strategy<Value = String> {
    let start = "import collections, datetime, functools, itertools, json, math, os, random, re, secrets, sys, time, uuid\n\
                 try: a\nexcept NameError: a, b, c, d = 3, 'text', [2, 1, 3], {'k': 1, 'l': 2}\n";
    let end = prop_oneof![
        40 => Just(""),
        2 => select(vec!["x = = 1", "if x\n", "print('a", "  y = 1", "return 5", "f'{'"]),
        1 => Just("while True: a = [a, b][:1]"),
        1 => Just("import os\nos._exit(1)"),
        1 => Just("while True: count()"),
    ];
    (vec(statement(), 1..8), end).prop_map(move |(body, end)| format!("{start}{}\n{end}", body.join("\n")))
}

fn name() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "c", "d"])
}

fn atom() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => name().prop_map(str::to_owned),
        2 => (-9..100i64).prop_map(|n| n.to_string()),
        1 => any::<i128>().prop_map(|n| format!("({n})")),
        2 => any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("({n:e})")),
        1 => (-100..100i32).prop_map(|n| format!("({:.1})", f64::from(n) / 7.0)),
        2 => "[a-e\u{e9}\u{1f40d} ]{0,6}".prop_map(|text| format!("'{text}'")),
        3 => select(vec![
            "random.random()", "random.choice(range(100))", "random.gauss(0, 1)", "time.time()", "time.perf_counter()",
            "datetime.datetime.now()", "uuid.uuid4()", "uuid.uuid1()", "os.urandom(4)", "secrets.token_hex(4)",
            "hash('text')", "hash((1, 'x', 2.5))", "id(a)", "id(object())", "object()", "sys.getsizeof(c)", "None", "True",
            "len(dir())", "sorted(globals())", "os.getpid()", "time.localtime()", "float('nan')", "lambda: 0",
        ])
        .prop_map(str::to_owned),
        1 => select(vec!["count()", "echo(a)", "describe(a, k=c)", "refuse('no')"]).prop_map(str::to_owned),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    atom().prop_recursive(3, 16, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        let some = vec(inner.clone(), 0..4);
        prop_oneof![
            (
                pair.clone(),
                select(vec!["+", "-", "*", "/", "//", "%", "==", "<", "and", "or", "in", "|", "is"])
            )
                .prop_map(|((x, y), operator)| format!("({x} {operator} {y})")),
            some.clone().prop_map(|parts| format!("[{}]", parts.join(", "))),
            some.clone().prop_map(|parts| format!("({},)", parts.join(", ")).replace("(,)", "()")),
            some.clone().prop_map(|parts| format!("{{{}}}", parts.join(", "))),
            some.prop_map(|parts| format!("{{str(n): n for n in [{}]}}", parts.join(", "))),
            pair.prop_map(|(x, y)| format!("{{{x}: {y}}}")),
            (inner.clone(), name())
                .prop_map(|(x, n)| format!("[{x} for {n} in sorted({{'p', 'q', 'r'}} | set(map(str, c)))]")),
            (
                inner.clone(),
                select(vec![
                    "repr",
                    "str",
                    "sorted",
                    "list",
                    "set",
                    "hash",
                    "len",
                    "type",
                    "json.dumps",
                    "sum",
                    "max",
                    "bool",
                    "id",
                    "round",
                    "math.sqrt",
                    "collections.Counter",
                    "frozenset",
                    "abs",
                    "tuple",
                    "ascii",
                    "enumerate",
                    "vars",
                ])
            )
                .prop_map(|(x, function)| format!("{function}({x})")),
            (inner.clone(), select(vec!["", "!r", ":>8", ":.3f", "="]))
                .prop_map(|(x, f)| format!("f\"{{{x}{f}}}\"")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(x, y, z)| format!("({x} if {y} else {z})")),
            (inner.clone(), -3..4i32).prop_map(|(x, n)| format!("{x}[{n}]")),
            inner.prop_map(|x| format!("(lambda n: (n, {x}))(1)")),
        ]
    })
}

fn statement() -> impl Strategy<Value = String> {
    let guarded = |code: String| {
        format!("try:\n    {code}\nexcept Exception as error: print(type(error).__name__, error)")
    };
    let assign = || (name(), expression()).prop_map(|(n, x)| format!("{n} = {x}"));
    let show = || expression().prop_map(|x| format!("print({x})"));
    prop_oneof![
        4 => assign(),
        8 => assign().prop_map(guarded),
        2 => show(),
        8 => show().prop_map(guarded),
        2 => (name(), expression()).prop_map(move |(n, x)| guarded(format!("{n} += {x}"))),
        2 => expression().prop_map(|x| format!("for i in range(3):\n    try: print(i, {x})\n    except Exception: break")),
        2 => (name(), expression()).prop_map(|(n, x)| format!("def f({n}={n}, *more):\n    return {x}\ntry: print(f())\nexcept Exception as error: print(repr(error))")),
        2 => expression().prop_map(|x| format!("class K:\n    def __init__(self, v=1): self.v = v\n    def __repr__(self): return f'K({{self.v}})'\n    def get(self): return {x}\nk = K()\nprint(k, K)")),
        1 => expression().prop_map(|x| format!("def g():\n    for n in range(9):\n        yield n, {x}\nh = g()")),
        2 => Just("try: print(next(h))\nexcept Exception as error: print(error)".to_owned()),
        1 => Just("random.seed(7)".to_owned()),
        1 => (1..10_000u32).prop_map(|n| format!("time.sleep({n} / 7)")),
        1 => Just("random.shuffle(c) if type(c) is list else None".to_owned()),
        1 => (1..400u32).prop_map(|n| format!("print(sum(i * i for i in range({n})), end=' ')")),
        1 => Just("for n in {'one', 'two', 'three', ('four', 4), None, 5.5}: print(n, end=';')".to_owned()),
        1 => Just("print([type(o).__name__ for o in (a, b, c, d)], file=sys.stderr)".to_owned()),
        1 => name().prop_map(|n| format!("del {n}")),
    ]
}
