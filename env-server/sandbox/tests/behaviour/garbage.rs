//! Collecting cyclic garbage costs little, and frees it in time.

use crate::common::{config, counter, interpreter, persistent, prints, reset};
use sandbox::{Config, InterpreterState, Limits};

/// The fuel of a block in a new interpreter.
fn fuel(code: &str) -> u64 {
    let limits = Limits { fuel: 1 << 40, ..Limits::default() };
    let mut python = interpreter(Config { limits, ..config(InterpreterState::Reset) }, counter().0);
    let outcome = python.run(code).unwrap();
    assert!(outcome.success, "{outcome:?}");
    outcome.fuel_used
}

#[test]
fn building_a_large_structure_costs_about_what_it_does_without_collections() {
    for build in [
        "z = {i: (i, i) for i in range(400_000)}",
        "z = [[n] for n in range(400_000)]",
        "z = None\nfor n in range(400_000): z = (n, z)",
        "memo = {}\nfor n in range(400_000): memo[n, n + 1] = [n]",
        "class P:\n    def __init__(self, x): self.x = [x]\nz = [P(n) for n in range(200_000)]",
    ] {
        let (with, without) = (fuel(build), fuel(&format!("import gc\ngc.disable()\n{build}")));
        assert!(with < without * 3 / 2, "{build}: {with} with collections, {without} without");
    }
}

#[test]
fn the_cost_grows_as_the_structure_does() {
    let of = |count: u32| fuel(&format!("z = {{i: (i, i) for i in range({count})}}"));
    let (small, large) = (of(100_000), of(800_000));
    assert!(large < small * 10, "{small} for 100,000, {large} for 800,000");
}

#[test]
fn cyclic_garbage_is_freed_within_the_limit_of_memory() {
    for code in [
        // 1.2 GB in all.
        "for n in range(30_000):\n    page = [n] * 10_000\n    page.append(page)",
        "class Node: pass\nfor n in range(1_000_000):\n    node = Node()\n    node.self, node.data = node, [n] * 100",
        // After a phase in which nothing was to be freed.
        "table = {n: [n] for n in range(200_000)}\nfor n in range(300_000):\n    page = [n] * 400\n    page.append(page)",
    ] {
        for mut python in [persistent(), reset()] {
            assert_eq!(prints(&mut python, code), "", "{code}");
        }
    }
}

#[test]
fn a_threshold_that_the_code_sets_stays() {
    let code = "import gc\ngc.set_threshold(500, 5)\nz = [[n] for n in range(50_000)]\nprint(gc.get_threshold()[:2], gc.isenabled())";
    assert_eq!(prints(&mut reset(), code), "(500, 5) True\n");
}
