//! Interpreters that are copied, and interpreters that sleep: all that was alive goes on.

#![allow(clippy::unwrap_used)] // helpers are tests too

mod common;

use common::{config, counter, fails, interpreter, persistent, prints, reset, with_limits};
use sandbox::{Error, Failure, Interpreter, InterpreterState, Limits, Options, Sandbox, Stats};

/// Everything that pickling would lose.
const ALIVE: &str = "
import collections, contextlib, itertools, os, random, sys, time, weakref

def counting():
    received = []
    try:
        while True:
            received.append((yield len(received)))
    finally:
        print('closed', received)

machine = counting(); next(machine); machine.send('a')
squares = (n * n for n in range(100)); next(squares)
total = 0
def add(n):
    global total
    total += n
    return lambda m: total + n + m
closure = add(5)
class Node:
    __slots__ = ('value', 'next', '__weakref__')
ring = Node(); ring.value = 1; ring.next = ring
seen = weakref.ref(ring)
paired = zip(itertools.count(), iter('abc')); next(paired)
file = open('/tmp/notes', 'w+'); file.write('one\\n'); file.flush()
@contextlib.contextmanager
def inside():
    yield 'in'
    print('out')
manager = inside(); entered = manager.__enter__()
sys.setrecursionlimit(1234)
os.environ['MARK'] = 'set'
random.random()
async def later(): return 7
waiting = later()
";

/// What can be seen of all that, and moves it on.
const LOOK: &str = "
print(machine.send('b'), next(squares), closure(1), ring.next is ring, seen() is ring, next(paired))
file.write('two\\n'); file.seek(0); print(file.read().split(), sys.getrecursionlimit(), os.environ['MARK'])
print(random.random(), time.time(), os.urandom(4).hex(), id(ring), hash('x'), sorted(globals())[:5])
total += 1
";

const END: &str = "
machine.close(); manager.__exit__(None, None, None)
try: waiting.send(None)
except StopIteration as end: print(end.value)
";

/// More work than anybody would do again.
const LONG: &str = "spent = sum(n for n in range(200_000))";

fn look_and_end(python: &mut Interpreter) -> Vec<String> {
    [LOOK, LOOK, END].map(|code| prints(python, code)).into()
}

fn alive() -> Interpreter {
    let mut python = persistent();
    prints(&mut python, ALIVE);
    python
}

#[test]
fn a_copy_has_everything_alive_and_neither_sees_the_other() {
    let expected = look_and_end(&mut alive());
    let mut python = alive();
    let mut copies: Vec<_> = (0..3).map(|_| python.fork(counter().0).unwrap()).collect();
    assert_eq!(look_and_end(&mut copies[0]), expected);
    assert_eq!(look_and_end(&mut python), expected);
    // A copy of a copy, whose original is gone.
    let mut third = copies.remove(1).fork(counter().0).unwrap();
    assert_eq!(look_and_end(&mut third), expected);
    assert_eq!(look_and_end(&mut copies[1]), expected);
}

#[test]
fn what_sleeps_wakes_with_everything_alive_whether_it_was_packed_or_not() {
    for (work, packed) in [("spent = 0", false), (LONG, true)] {
        let mut undisturbed = alive();
        prints(&mut undisturbed, work);
        let expected = look_and_end(&mut undisturbed);

        let mut python = alive();
        prints(&mut python, work);
        python.hibernate();
        let asleep = python.stats();
        assert_eq!((asleep.memory_bytes, python.is_awake()), (0, false));
        assert_eq!(asleep.kept_bytes > 5_000, packed, "{asleep:?}");
        let mut printed = Vec::new();
        for code in [LOOK, LOOK, END] {
            printed.push(prints(&mut python, code));
            assert!(python.is_awake());
            python.hibernate();
            python.hibernate();
        }
        assert_eq!(printed, expected);
    }
}

#[test]
fn a_large_memory_comes_along() {
    let mut python = persistent();
    prints(&mut python, "rows = [bytes([n % 251]) * 100_000 for n in range(600)]\nrows[3] = None");
    prints(&mut python, LONG);
    let mut copy = python.fork(counter().0).unwrap();
    assert_eq!(python.stats().memory_bytes, copy.stats().memory_bytes);
    python.hibernate();
    let look = "print(sum(row[99_999] for row in rows if row), len(rows), rows[3])";
    let expected = format!("{} 600 None\n", (0..600).filter(|n| *n != 3).map(|n| n % 251).sum::<u32>());
    assert_eq!(prints(&mut copy, look), expected);
    assert_eq!(prints(&mut python, look), expected);
}

#[test]
fn limits_hold_in_a_copy_and_a_killed_step_is_undone_there() {
    let limits = Limits { fuel: 800_000_000, memory_bytes: 80 << 20, ..Limits::default() };
    let mut python = with_limits(InterpreterState::Persistent, limits);
    prints(&mut python, &format!("{LONG}\nkept = [1]"));
    let mut copy = python.fork(counter().0).unwrap();
    for (code, failure) in [
        ("kept.append(2)\nwhile True: pass", Failure::OutOfFuel),
        ("kept.append(2)\nx = bytearray(60_000_000)", Failure::OutOfMemory),
        ("kept.append(2)\nimport os; os._exit(1)", Failure::Crashed),
    ] {
        assert_eq!(fails(&mut copy, code).failure, Some(failure));
        copy.hibernate();
        assert_eq!(prints(&mut copy, "print(kept)"), "[1]\n");
    }
}

#[test]
fn after_much_work_a_killed_step_is_undone_without_doing_the_work_again() {
    let mut python = persistent();
    for _ in 0..30 {
        prints(&mut python, LONG);
    }
    prints(&mut python, "kept = iter('abc')\nnext(kept)");
    let kill = python.run("next(kept)\nimport os; os._exit(1)").unwrap();
    assert_eq!(kill.failure, Some(Failure::Crashed));
    let used = python.stats().fuel_used;
    let outcome = python.run("print(next(kept))").unwrap();
    assert_eq!(outcome.output, "b\n");
    // Not a matter of time: what is run again is no part of the statistics, but is bounded by what is kept.
    assert!(python.stats().fuel_used - used < 10_000_000);
    assert!(python.stats().kept_bytes > 5_000, "{:?}", python.stats());
}

#[test]
fn much_work_with_a_large_memory_is_done_again_once_at_most() {
    let mut python = persistent();
    prints(&mut python, "import random\nlarge = random.Random(1).randbytes(12_000_000)");
    for _ in 0..5 {
        prints(&mut python, LONG);
    }
    assert!(python.stats().kept_bytes < 100_000, "while it lives, no copy is kept");
    for _ in 0..2 {
        fails(&mut python, "import os; os._exit(1)");
        prints(&mut python, "print(len(large))");
        assert!(python.stats().kept_bytes > 10_000_000, "but what took long once is not done twice");
    }
}

#[test]
fn the_past_of_many_tool_calls_is_not_kept_for_ever() {
    let limits = Limits { tool_bytes: 8 << 20, ..Limits::default() };
    let mut python = with_limits(InterpreterState::Persistent, limits);
    for _ in 0..12 {
        prints(&mut python, "x = [echo('x' * 1_000_000) for _ in range(2)]");
        assert!(python.stats().kept_bytes < 9 << 20, "{:?}", python.stats());
    }
}

#[test]
fn files_of_a_sleeper_count_as_kept() {
    let mut python = persistent();
    prints(&mut python, &format!("{LONG}\nopen('f', 'wb').write(b'x' * 3_000_000)"));
    python.hibernate();
    assert!(python.stats().kept_bytes > 3_000_000, "{:?}", python.stats());
    assert_eq!(prints(&mut python, "print(len(open('f').read()))"), "3000000\n");
}

#[test]
fn a_sleeper_gives_its_place_to_others_and_needs_one_to_wake() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        max_interpreters: 1,
        hibernation_dir: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let sandbox = Sandbox::new(&options).unwrap();
    let new = || sandbox.interpreter(config(InterpreterState::Persistent), counter().0);
    let mut first = new().unwrap();
    prints(&mut first, &format!("{LONG}\nx = iter('abc')\nnext(x)"));
    assert!(matches!(new(), Err(Error::AtCapacity { max: 1 })));
    assert!(matches!(first.fork(counter().0), Err(Error::AtCapacity { max: 1 })));
    first.hibernate();
    assert!(first.stats().kept_on_disk_bytes > 5_000, "{:?}", first.stats());

    let mut second = new().unwrap();
    assert!(matches!(first.run("next(x)"), Err(Error::AtCapacity { max: 1 })), "nothing was run");
    second.hibernate();
    assert_eq!(prints(&mut first, "print(next(x))"), "b\n");
}

#[test]
fn a_resetting_interpreter_has_nothing_to_copy_or_keep() {
    let mut python = reset();
    prints(&mut python, "x = 1");
    python.hibernate();
    let mut copy = python.fork(counter().0).unwrap();
    assert_eq!(prints(&mut copy, "print('x' in globals())"), "False\n");
    let Stats { memory_bytes, kept_bytes, kept_on_disk_bytes, .. } = python.stats();
    assert_eq!((memory_bytes, kept_bytes, kept_on_disk_bytes), (0, 0, 0));
}

#[test]
fn statistics_count_steps_fuel_and_calls() {
    let mut python = persistent();
    let one = python.run("count(); count()").unwrap();
    let two = python.run("1/0").unwrap();
    let three = python.run("import os; os._exit(1)").unwrap();
    let stats = python.stats();
    assert_eq!((stats.steps, stats.tool_calls), (3, 2));
    assert_eq!(stats.fuel_used, one.fuel_used + two.fuel_used + three.fuel_used);
    assert_eq!(stats.memory_bytes, 0, "killed, and not rebuilt yet");
    let mut python = interpreter(config(InterpreterState::Persistent), counter().0);
    assert!(python.stats().memory_bytes > 30 << 20);
    assert_eq!(python.run("pass").unwrap().fuel_used, python.stats().fuel_used);
}
