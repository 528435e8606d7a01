//! Broken bytecode: it can read and write all memory of its own interpreter, and nothing else.

use sandbox::{Failure, Interpreter, Options, Sandbox};

use crate::common::{config, counter, prints, with_limits};
use crate::history::{each, is_bounded, is_contained, is_killed, is_survived, small};

/// Defines `memory()`, which returns all of the interpreter's memory as one bytearray. It uses a constant
/// index outside of the constants' tuple.
const MEMORY: &str = "
import struct
def memory(size):
    fake = struct.pack('<IIiiIIi', 5 << 28, id(bytearray), size - 1024, size - 1024, 1024, 1024, 0)
    pointer = struct.pack('<I', id(fake) + 16)
    def template(): return None
    code = template.__code__
    constants = code.co_consts
    index = (id(pointer) - id(constants)) // 4 % (1 << 30)
    import opcode
    extended, load, back = (opcode.opmap[name] for name in ('EXTENDED_ARG', 'LOAD_CONST', 'RETURN_VALUE'))
    broken = bytes([opcode.opmap['RESUME'], 0, extended, index >> 24, extended, index >> 16 & 255,
                    extended, index >> 8 & 255, load, index & 255, back, 0])
    template.__code__ = code.replace(co_code=broken, co_consts=constants)
    assert id(template.__code__.co_consts) == id(constants)
    result = template()
    memory.kept = fake, pointer, template
    return result
top = id(bytes(1 << 20)) + (1 << 20)
";

/// Fills memory with copies of the text that `needle()` makes. The text is stored nowhere else.
const NEEDLE: &str = "
def needle(): return bytes(reversed(b'terces a si siht :edosipe na fo'))
";

fn plant(python: &mut Interpreter) {
    prints(python, &format!("{NEEDLE}\nplanted = needle() * 300_000"));
}

/// The number of copies in the interpreter's memory and in newly grown memory that was not written yet.
fn found(python: &mut Interpreter) -> usize {
    let room = "import os\nos.read(0, 40_000_000)\ntop = id(bytes(20_000_000)) + 39_900_000";
    prints(python, &format!("{NEEDLE}{MEMORY}\n{room}\nprint(memory(top).count(needle()))"))
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn all_memory_can_be_read_and_holds_nothing_of_another_episode() {
    let sandbox = Sandbox::new(&Options { max_interpreters: 2, ..Options::default() }).unwrap();
    let new = || sandbox.interpreter(config(sandbox::InterpreterState::Persistent), counter().0).unwrap();
    let mut first = new();
    plant(&mut first);
    assert!(found(&mut first) >= 300_000, "the search works");
    let mut beside = new();
    assert!(found(&mut beside) < 10, "concurrent interpreters");
    drop((first, beside));
    for _ in 0..4 {
        let mut after = new();
        prints(&mut after, "room = bytearray(20_000_000)");
        assert!(found(&mut after) < 10, "successive interpreters in the same place");
    }
}

#[test]
fn no_address_outside_of_its_memory_can_be_read() {
    is_killed(&small(), &format!("{MEMORY}\nmemory(2**31 - 1).count(b'x')"), &[Failure::Crashed]);
    is_killed(
        &small(),
        &format!("{MEMORY}\nm = memory(2**31 - 1)\nm[2**31 - 5000] = 7"),
        &[Failure::Crashed],
    );
}

#[test]
fn overwriting_all_memory_costs_only_the_step() {
    let killed = [Failure::Crashed, Failure::OutOfFuel, Failure::OutOfMemory];
    each(
        &[
            "m = memory(top)\nm[:] = bytes(len(m))",
            "m = memory(top)\nn = len(m)\nm[:n] = b'\\xff' * n",
            "m = memory(top)\nfor at in range(id(type) - 1024, id(type) + 500): m[at] = 255\nclass A: pass",
            "m = memory(top)\nm[id(None) - 1024] = m[id(None) - 1020] = 0\nprint(None)\nx = [None] * 100\ndel x",
        ],
        |code| {
            is_contained(&small(), &format!("{MEMORY}\n{code}"));
        },
    );
    is_killed(&small(), &format!("{MEMORY}\nm = memory(top)\nm[:] = b'\\xff' * len(m)"), &killed);
}

#[test]
fn invalid_code_objects_are_harmless() {
    each(
        &[
            "def f(): pass\nf.__code__ = f.__code__.replace(co_code=bytes(range(256)))\nf()",
            "def f(): pass\nf.__code__ = f.__code__.replace(co_code=b'')\nf()",
            "def f(): pass\nf.__code__ = f.__code__.replace(co_stacksize=0, co_nlocals=0, co_varnames=())\nf()",
            "def f(a): return a\nf.__code__ = f.__code__.replace(co_consts=(), co_names=())\nf(1)",
            "def f(): return (yield)\nf.__code__ = f.__code__.replace(co_flags=0)\nprint(f())",
            "def f():\n    try: 1/0\n    except E: pass\nf.__code__ = f.__code__.replace(co_exceptiontable=b'\\xff' * 40)\nf()",
            "def f():\n    1/0\nf.__code__ = f.__code__.replace(co_linetable=b'\\xff' * 40)\nf()",
            "import random, types\nrandom.seed(1)\ndef f(a, b=1, *c): return [a for a in c] or g(a, b)\nfor _ in range(300):\n    try:\n        f.__code__ = f.__code__.replace(co_code=random.randbytes(40))\n        f(1)\n    except Exception: pass",
            "import types\nclass A: pass\na = A()\ntypes.FunctionType.__call__(lambda: 0)\ntype.__dict__['__dict__']",
            "def g(): yield\nh = g()\nh.gi_frame.f_lineno = 1",
            "def f(): return x\nf.__code__ = (lambda: (yield)).__code__\nf.__code__ = f.__code__.replace(co_code=f.__code__.co_code[2:])\nfor _ in f() or (): pass",
        ],
        |code| {
            is_survived(&small(), code);
        },
    );
}

#[test]
fn random_bytecode_in_a_resetting_interpreter_is_harmless() {
    let mut python = with_limits(sandbox::InterpreterState::Reset, small());
    for seed in 0..60 {
        let code = format!(
            "import random\nrandom.seed({seed})\ndef f(a=1, b=2): return a + b\nf.__code__ = f.__code__.replace(co_code=bytes(2 * [128]) + random.randbytes(60))\nf()"
        );
        let outcome = python.run(&code).unwrap();
        is_bounded(&code, &small(), &outcome);
    }
    assert_eq!(prints(&mut python, "print(count())"), "1\n");
}
