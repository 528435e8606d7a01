//! The host's memory for one guest: the guest's own memory, and little else.

use sandbox::{Config, InterpreterState, Limits};

use crate::alone::{alone, status_bytes};
use crate::common::{Counter, SANDBOX, config, counter, prints};

const MEBIBYTE: u64 = 1 << 20;
/// The limit of the guest's own memory.
const GUEST: u64 = 64 * MEBIBYTE;
/// The most additional memory that the host may need at any moment: text that is copied out of the guest, and
/// tool calls while they are decoded.
const BESIDE: u64 = 64 * MEBIBYTE;
/// The most that may remain after an episode: a free place keeps some pages resident, and so does the
/// allocator.
const LEFT: u64 = 32 * MEBIBYTE;

const ATTACKS: &[&str] = &[
    "while True: print('x' * 10**5)",
    "import os\nwhile True: os.write(1, b'x' * 10**6)",
    "import sys\nsys.stderr.write('x' * 10**7)",
    "import os\nwhile True: os.urandom(10**7)",
    "import random\nwhile True: random.SystemRandom().randbytes(10**7)",
    "import socket\nkept = []\nwhile True:\n    try: kept.append(socket.socket())\n    except OSError: pass",
    "import time\nwhile True: time.sleep(1)",
    "import select\nwhile True: select.select([0, 1], [1, 2], [], 1)",
    "raise ValueError('x' * 8_000_000)",
    "raise type('E' * 8_000_000, (Exception,), {})",
    "globals()['x' * 8_000_000] = 1",
    "globals().update({f'name{n}': n for n in range(10**5)})",
    "for _ in range(25):\n    try: echo('x' * 10**6)\n    except ToolInvocationException: pass",
    "for _ in range(25):\n    try: echo([[0]] * 10**5)\n    except ToolInvocationException: pass",
    "for _ in range(25):\n    try: echo('[[0],' * 10**5)\n    except ToolInvocationException: pass",
    "nobody = type('', (), {})()\nfor _ in range(25):\n    try: echo(*[nobody] * 100_000)\n    except ToolInvocationException: pass",
    "import wit_world\nfor _ in range(25):\n    try: wit_world.call_tool('', [wit_world.Argument(None, '', None)] * 200_000)\n    except BaseException: pass",
    "import wit_world\nfor _ in range(25):\n    try: wit_world.call_tool('x' * 10**7, [])\n    except BaseException: pass",
    "import wit_world\nfor _ in range(25):\n    try: wit_world.call_tool('', [wit_world.Argument(None, '', '[[0],' * 10**6 + '0' + ']' * 9)])\n    except BaseException: pass",
    "open('x' * 10**7)",
    "import socket\nsocket.getaddrinfo('x' * 10**7, 80)",
    "10**10**8",
    "x = bytearray(10**9)",
];

#[test]
fn the_host_needs_little_memory_in_addition_to_the_guests() {
    if !alone("host_memory::the_host_needs_little_memory_in_addition_to_the_guests") {
        return;
    }
    let limits = Limits { fuel: 700_000_000, memory_bytes: GUEST as usize, ..Limits::default() };
    let new = || {
        let config = Config {
            limits: limits.clone(),
            tools: Counter::tools(),
            ..config(InterpreterState::Persistent)
        };
        SANDBOX.interpreter(config, counter().0).unwrap()
    };
    prints(&mut new(), "print(count())");
    let start = status_bytes("VmRSS");
    for code in ATTACKS {
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let mut python = new();
        for _ in 0..2 {
            python.run(code).unwrap();
        }
        drop(python);
        let peak = status_bytes("VmHWM").saturating_sub(start);
        let left = status_bytes("VmRSS").saturating_sub(start);
        println!("peak {:>4} MiB, left {:>4} MiB: {code:?}", peak / MEBIBYTE, left / MEBIBYTE);
        assert!(peak <= GUEST + BESIDE, "{code}: {} MiB", peak / MEBIBYTE);
        assert!(left <= LEFT, "{code}: {} MiB stay", left / MEBIBYTE);
    }
}

#[test]
fn the_replay_log_is_not_larger_than_its_code_and_calls() {
    if !alone("host_memory::the_replay_log_is_not_larger_than_its_code_and_calls") {
        return;
    }
    const STEPS: u64 = 40;
    let limits = Limits { tool_bytes: 1 << 20, ..Limits::default() };
    let config = Config { limits, tools: Counter::tools(), ..config(InterpreterState::Persistent) };
    let mut python = SANDBOX.interpreter(config, counter().0).unwrap();
    let code = "for n in (10**6, 10**5, 10**4, 10**3):\n    try: echo([[0]] * (n // 20))\n    except ToolInvocationException: pass";
    python.run(code).unwrap();
    let start = status_bytes("VmRSS");
    for _ in 0..STEPS {
        python.run(code).unwrap();
    }
    let each = status_bytes("VmRSS").saturating_sub(start) / STEPS;
    println!("{} KiB a step", each >> 10);
    assert!(each <= 4 * MEBIBYTE, "{} KiB a step", each >> 10);
}
