//! Code that never ends: fuel stops it in any construct and in any C function.

use std::time::Duration;

use sandbox::{Failure, Limits};

use crate::history::{each, is_killed, is_survived, small, with_history};

#[test]
fn loops_end_by_fuel_in_any_construct() {
    each(
        &[
            "while True: pass",
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
            "try:\n    1/0\nfinally:\n    while True: pass",
            "class D:\n    def __del__(self):\n        while True: pass\nD()",
            "class D:\n    def __del__(self):\n        while True: pass\nd = D(); d.d = d; del d\nimport gc\ngc.collect()",
            "def g():\n    try: yield\n    finally:\n        while True: pass\nh = g(); next(h); h.close()",
            "def g():\n    while True:\n        try: yield\n        except GeneratorExit: pass\nh = g(); next(h)\nwhile True:\n    try: h.close()\n    except RuntimeError: pass",
            "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
            "class M(type):\n    def __instancecheck__(c, o):\n        while True: pass\nclass A(metaclass=M): pass\nisinstance(1, A)",
            "import contextlib\nwith contextlib.suppress(BaseException):\n    while True: pass",
            "import sys\ndef t(*a):\n    while True: pass\nsys.settrace(t)\n(lambda: 1)()",
            "import weakref\nclass W: pass\ndef f():\n    while True: pass\nw = W(); weakref.finalize(w, f); del w",
            "import time\nwhile True: time.sleep(1)",
            "import sys\nclass S:\n    def write(self, t):\n        while True: pass\n    flush = write\nsys.stdout = S()\nprint(1)",
        ],
        |code| {
            is_killed(&small(), code, &[Failure::OutOfFuel]);
        },
    );
}

#[test]
fn work_in_c_code_ends_by_fuel() {
    each(
        &[
            "import itertools\nsum(itertools.repeat(1))",
            "import itertools\nsum(itertools.count())",
            "any(iter(int, 1))",
            "import itertools, collections\ncollections.deque(itertools.count(), maxlen=0)",
            "import itertools\nmax(itertools.repeat(1))",
            "import itertools\n1 in itertools.cycle([0])",
            "import itertools\nfor _ in itertools.filterfalse(None, itertools.repeat(1)): pass",
            "class K:\n    def __lt__(self, other):\n        while True: pass\nsorted([K(), K()])",
            "import random\nclass K:\n    def __lt__(self, other): return random.random() < 0.5\nsorted([K() for _ in range(10**5)])",
            "class K:\n    __hash__ = lambda self: 1\n    def __eq__(self, other): return False\n{K() for _ in range(10**5)}",
            "{n * (2**61 - 1) for n in range(10**5)}, {(2**61 - 1) * n: n for n in range(10**6)}",
            "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
            "import re\nre.match('(a|aa)+$', 'a' * 100 + 'b')",
            "10**10**8",
            "1 << 10**9 >> 1, pow(3, 10**7), pow(7, 10**7)",
            "pow(3, 10**10**5, 10**5000 + 1)",
            "import math\nmath.factorial(10**7)",
            "import decimal\ndecimal.getcontext().prec = 10**5\nwhile True: decimal.Decimal(2).ln()",
            "import fractions\nx = fractions.Fraction(1, 3)\nwhile True: x = x * x + 1",
            "x = bytes(10**7)\nwhile True: bytearray(x)",
            "x = 'a' * 10**7\nwhile True: x.replace('a', 'b')",
            "x = list(range(10**6))\nwhile True: x.reverse()",
            "import zlib\nx = bytes(10**7)\nwhile True: zlib.crc32(x)",
            "import hashlib\nx = bytes(10**7)\nwhile True: hashlib.sha256(x)",
            "import difflib\ndifflib.get_close_matches('a' * 5000, ['a' * 4999 + 'b'] * 100)",
            "list(range(10**6)) * 10**3 == list(range(10**6)) * 10**3",
            "import struct\nstruct.unpack('1000000x', bytes(10**6))\nwhile True: struct.calcsize('x' * 10**5)",
            "import gc\nx = [[] for _ in range(10**5)]\nwhile True: gc.collect(); gc.unfreeze()",
            "import ast\nwhile True: ast.parse('x = 1\\n' * 1000)",
            "while True: compile('x = 1\\n' * 1000, 'x', 'exec')",
        ],
        |code| {
            is_killed(&small(), code, &[Failure::OutOfFuel, Failure::OutOfMemory]);
        },
    );
}

#[test]
fn fuel_is_spent_in_proportion_to_time() {
    // Operations on large data cost fuel per byte. If they cost fuel per call, these would take minutes.
    let limits = Limits { memory_bytes: 128 << 20, ..small() };
    each(
        &[
            "x = bytearray(10**7)\nwhile True: x[:] = bytes(10**7)",
            "while True: bytes(2 * 10**7)",
            "x = [0] * 10**6\nwhile True: x.copy()",
            "x = bytes(10**7)\nwhile True: x.find(b'x')",
            "x = bytes(10**7)\nwhile True: x == x[:]",
        ],
        |code| {
            let mut python = with_history(&limits);
            let outcome = python.run(code).unwrap();
            assert_eq!(outcome.failure, Some(Failure::OutOfFuel), "{code}");
            assert!(outcome.wall < Duration::from_secs(120), "{code}: {:?}", outcome.wall);
        },
    );
}

#[test]
fn the_wall_clock_ends_code_with_unlimited_fuel() {
    let limits =
        Limits { fuel: u64::MAX, wall_clock: Duration::from_millis(100), memory_bytes: 128 << 20, ..small() };
    each(
        &[
            "while True: pass",
            "import itertools\nsum(itertools.repeat(1))",
            "10**10**8",
            "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
            "x = bytearray(10**7)\nwhile True: x[:] = bytes(10**7)",
            "while True: print('x')",
            "import time\nwhile True: time.sleep(1)",
        ],
        |code| {
            let mut python = with_history(&limits);
            let outcome = python.run(code).unwrap();
            assert_eq!(outcome.failure, Some(Failure::WallClock), "{code}");
            assert!(outcome.wall < Duration::from_secs(120), "{code}: {:?}", outcome.wall);
            assert!(python.run("print(kept)").unwrap().success);
        },
    );
}

#[test]
fn sleeping_until_the_end_of_time_is_harmless() {
    each(
        &[
            "import time\nfor _ in range(30): time.sleep(9 * 10**9)\nprint(time.time(), time.monotonic())",
            "import time\nfor _ in range(30):\n    time.sleep(9 * 10**9)\n    print(time.time_ns(), time.gmtime())",
            "import time\ntime.sleep(float('inf'))",
            "import datetime, time\ntime.sleep(8 * 10**9)\nfor _ in range(40):\n    time.sleep(8 * 10**9)\n    print(datetime.datetime.now())",
            "import select\nfor _ in range(30): select.select([], [], [], 9 * 10**9)",
            "import threading\nfor _ in range(5): threading.Event().wait(4 * 10**9)",
        ],
        |code| {
            is_survived(&small(), code);
        },
    );
}
