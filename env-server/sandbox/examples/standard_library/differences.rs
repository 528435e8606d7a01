//! Expressions with another value than in CPython on 64-bit Linux.

/// An expression, and its value on 64-bit Linux.
pub struct Difference {
    pub module: &'static str,
    pub expression: &'static str,
    /// Its `repr`.
    pub elsewhere: &'static str,
    pub why: &'static str,
}

impl Difference {
    /// The code that prints its value.
    pub fn code(&self) -> String {
        format!("import {}\nprint(repr({}))", self.module, self.expression)
    }
}

const LENGTH: &str = "lengths and counts have 32 bits";
const LONG: &str = "C's `long` has 32 bits";
const ERRNO: &str = "WASI's numbers: compare with the names in `errno`";

/// What an agent might meet.
pub const DIFFERENCES: &[Difference] = &[
    Difference { module: "sys", expression: "sys.maxsize", elsewhere: "9223372036854775807", why: LENGTH },
    Difference {
        module: "builtins",
        expression: "len(range(10**10))",
        elsewhere: "10000000000",
        why: "lengths have 32 bits; indexing, `in`, iteration, `random` and `bisect` take such a range",
    },
    Difference {
        module: "collections",
        expression: "collections.deque([1], maxlen=2**31)",
        elsewhere: "deque([1], maxlen=2147483648)",
        why: LENGTH,
    },
    Difference {
        module: "itertools",
        expression: "list(itertools.islice('ab', 2**31))",
        elsewhere: "['a', 'b']",
        why: LENGTH,
    },
    Difference {
        module: "itertools",
        expression: "next(itertools.repeat(1, 2**31))",
        elsewhere: "1",
        why: LENGTH,
    },
    Difference {
        module: "functools",
        expression: "functools.lru_cache(2**31)(abs)(-1)",
        elsewhere: "1",
        why: "lengths have 32 bits; `maxsize=None` works",
    },
    Difference {
        module: "io",
        expression: "io.BytesIO(b'abc').read(2**31)",
        elsewhere: "b'abc'",
        why: LENGTH,
    },
    Difference {
        module: "array",
        expression: "array.array('l', [2**31])",
        elsewhere: "array('l', [2147483648])",
        why: "C's `long` has 32 bits; `'q'` has 64",
    },
    Difference { module: "struct", expression: "struct.calcsize('l')", elsewhere: "8", why: LONG },
    Difference {
        module: "builtins",
        expression: "hash(2**61)",
        elsewhere: "1",
        why: "hashes have 32 bits, of strings and tuples too",
    },
    Difference { module: "errno", expression: "errno.ENOENT", elsewhere: "2", why: ERRNO },
    Difference { module: "errno", expression: "errno.EACCES", elsewhere: "13", why: ERRNO },
    Difference {
        module: "sys",
        expression: "sys.platform",
        elsewhere: "'linux'",
        why: "WebAssembly's own name",
    },
    Difference {
        module: "os",
        expression: "os.cpu_count()",
        elsewhere: "2",
        why: "one processor, whatever the host has",
    },
    Difference {
        module: "sys",
        expression: "sys.getsizeof([])",
        elsewhere: "56",
        why: "pointers have 32 bits: objects are about half as large",
    },
];
