//! Forks and hibernation keep the whole state of an interpreter.

use crate::common::{config, counter, fails, interpreter, persistent, prints, reset, with_limits};
use sandbox::{Error, Failure, Interpreter, InterpreterState, Limits, Options, Sandbox, Stats};

/// State that pickling would lose.
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

/// Prints and advances all of that state.
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

/// A step that is too long to be replayed.
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
fn forks_have_the_whole_state_and_are_independent() {
    let expected = look_and_end(&mut alive());
    let mut python = alive();
    let mut copies: Vec<_> = (0..3).map(|_| python.fork(counter().0).unwrap()).collect();
    assert_eq!(look_and_end(&mut copies[0]), expected);
    assert_eq!(look_and_end(&mut python), expected);
    // A copy of a copy that no longer exists.
    let mut third = copies.remove(1).fork(counter().0).unwrap();
    assert_eq!(look_and_end(&mut third), expected);
    assert_eq!(look_and_end(&mut copies[1]), expected);
}

#[test]
fn hibernation_keeps_the_whole_state_with_and_without_a_snapshot() {
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
fn a_large_memory_is_copied() {
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
fn limits_hold_in_a_fork_and_its_killed_steps_are_undone() {
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
fn undoing_a_step_does_not_replay_a_long_history() {
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
    // Not measured as time: a replay is not part of the statistics; the kept snapshot shows that there was
    // none.
    assert!(python.stats().fuel_used - used < 10_000_000);
    assert!(python.stats().kept_bytes > 5_000, "{:?}", python.stats());
}

#[test]
fn a_large_memory_is_kept_when_replays_took_as_long() {
    let mut python = persistent();
    prints(&mut python, "import random\nlarge = random.Random(1).randbytes(12_000_000)");
    while python.stats().fuel_used < 1_100_000_000 {
        prints(&mut python, LONG);
    }
    assert!(python.stats().kept_bytes < 100_000, "no snapshot yet: a replay takes less");
    // In use are the value, and what making it left in the memory.
    let most = 64 * python.stats().memory_bytes as u64;
    for _ in 0..8 {
        fails(&mut python, "import os; os._exit(1)");
        prints(&mut python, "print(len(large))");
    }
    let stats = python.stats();
    assert!(stats.kept_bytes > 10_000_000, "replays are replaced by a snapshot");
    assert!(stats.replayed_fuel > 1_000_000_000 && stats.replayed_fuel < most, "{stats:?}");
}

#[test]
fn the_log_of_many_tool_calls_is_bounded() {
    let limits = Limits { tool_bytes: 8 << 20, ..Limits::default() };
    let mut python = with_limits(InterpreterState::Persistent, limits);
    for _ in 0..12 {
        prints(&mut python, "x = [echo('x' * 1_000_000) for _ in range(2)]");
        assert!(python.stats().kept_bytes < 9 << 20, "{:?}", python.stats());
    }
}

#[test]
fn files_of_a_hibernated_interpreter_count_as_kept_bytes() {
    let mut python = persistent();
    prints(&mut python, &format!("{LONG}\nopen('f', 'wb').write(b'x' * 3_000_000)"));
    python.hibernate();
    assert!(python.stats().kept_bytes > 3_000_000, "{:?}", python.stats());
    assert_eq!(prints(&mut python, "print(len(open('f').read()))"), "3000000\n");
}

#[test]
fn hibernation_frees_the_place_and_waking_needs_one() {
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
fn a_resetting_interpreter_has_no_state_to_copy_or_keep() {
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
