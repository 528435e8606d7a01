//! Attackers beside an ordinary interpreter: its outcomes do not change. `benches/neighbours.rs` measures its
//! latency.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use sandbox::{InterpreterState, Limits, Outcome};

use crate::common::with_limits;
use crate::history::small;

const ATTACKS: [&str; 4] = [
    "while True: pass",
    "x = []\nwhile True: x.append(bytes(10**6))",
    "while True: print('x' * 1000)",
    "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
];

/// The outcomes of quick steps as text, without their duration.
fn quick_steps() -> Vec<String> {
    let mut python = with_limits(InterpreterState::Persistent, Limits::default());
    (0..200)
        .map(|n| {
            let outcome =
                python.run(&format!("x = {n}\nprint(x + 1, count() if x % 9 == 0 else '')")).unwrap();
            assert!(outcome.success, "{outcome:?}");
            format!("{:?}", Outcome { wall: Duration::ZERO, ..outcome })
        })
        .collect()
}

#[test]
fn quick_steps_give_the_same_outcomes_beside_attackers() {
    let alone = quick_steps();
    let over = AtomicBool::new(false);
    let attack = |code: &str| {
        let mut python = with_limits(InterpreterState::Persistent, small());
        while !over.load(Ordering::Relaxed) {
            assert!(!python.run(code).unwrap().success);
        }
    };
    let beside = thread::scope(|scope| {
        for code in ATTACKS {
            scope.spawn(move || attack(code));
        }
        let beside = thread::Builder::new().spawn_scoped(scope, quick_steps).unwrap().join();
        over.store(true, Ordering::Relaxed);
        beside.unwrap()
    });
    assert_eq!(beside, alone);
}
