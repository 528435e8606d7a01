//! A revived interpreter does what one does that was never disturbed.

use super::{LONG, Player, persistent, sandbox};
use crate::common::{Counter, config, counter};
use sandbox::{Config, Error, InterpreterState, Options, Outcome, Past, Sandbox};

const ALIVE: &str = "
import itertools, os, random, sys, time, uuid
def counting():
    received = []
    while True: received.append((yield len(received)))
machine = counting(); next(machine); machine.send('a')
squares = (n * n for n in range(100)); next(squares)
paired = zip(itertools.count(), iter('abc')); next(paired)
os.makedirs('/tmp/below/deep')
for name in 'abc': open(f'/tmp/below/{name}', 'w').write(name * 1000)
file = open('/tmp/notes', 'w+'); file.write('one\\n'); file.flush()
reader = open('/tmp/below/b'); reader.read(10)
gone = open('/tmp/below/c'); os.remove('/tmp/below/c')
listing = os.scandir('/tmp/below'); next(listing)
os.chdir('/tmp/below')
os.environ['MARK'] = 'set'
sys.setrecursionlimit(1234)
random.random(), os.urandom(7), time.time()
total = count()
async def later(): return 7
waiting = later()
";

/// Prints and advances all of that state.
const LOOK: &str = "
print(machine.send('b'), next(squares), next(paired, None), total, echo({'a': [total, None]}), count())
file.write('two\\n'); file.seek(0); print(file.read().split(), sys.getrecursionlimit(), os.environ['MARK'])
print(reader.read(10), len(gone.read()), [entry.name for entry in itertools.islice(listing, 1)], os.getcwd(), os.listdir())
print(random.random(), time.time(), time.monotonic(), os.urandom(5).hex(), uuid.uuid4(), id(machine), hash('x'))
print(os.stat('a').st_mtime, os.stat('/tmp/notes').st_mtime_ns, sorted(globals())[:5])
print('to standard error', file=sys.stderr)
total += 1
total
";

/// A killed step calls a tool first, and changes what must be undone.
const OUT_OF_FUEL: &str = "total = count(); os.remove('/tmp/below/a')\nwhile True: pass";
const OUT_OF_MEMORY: &str = "total = count(); next(squares); x = bytearray(10**9)";
const EXITS: &str = "total = count(); random.random(); os._exit(1)";
const RAISES: &str = "total += next(squares)\nrefuse('no')";
const TOO_MANY_CALLS: &str = "while True: total += count()";
const NO_SYNTAX: &str = "total = = 1";

/// Hibernates; it is no code.
const SLEEP: &str = "sleep";

/// What an agent sees of a step, and what is written down of it.
fn seen(outcome: Outcome) -> impl PartialEq + std::fmt::Debug {
    let Outcome { success, output, error_output, error, globals, kept, fuel_used, tool_calls, .. } = outcome;
    let definitions = outcome.definitions;
    (success, output, error_output, error, globals, definitions, kept, fuel_used, tool_calls)
}

/// Plays the first part, revives the interpreter in another sandbox, and plays the second part, each step of it in an
/// interpreter that was revived once more.
fn check(before: &[&str], after: &[&str]) {
    let undisturbed = Sandbox::new(&Options { max_interpreters: 1, ..Options::default() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut twin = Player::new(&undisturbed, persistent());
    let first = sandbox(folder.path());
    let mut player = Player::new(&first, persistent());
    for code in before {
        if *code == SLEEP {
            player.python.hibernate();
        } else {
            assert_eq!(seen(player.step(code)), seen(twin.step(code)), "{code}");
        }
    }
    let second = sandbox(folder.path());
    player = player.revived(&second);
    drop(first);
    for code in after {
        assert!(!player.python.is_awake());
        assert_eq!(player.python.globals(), twin.python.globals());
        let outcome = player.step(code);
        assert!(outcome.success || ![ALIVE, LOOK, LONG].contains(code), "{outcome:?}");
        assert_eq!(seen(outcome), seen(twin.step(code)), "{code}");
        player = player.revived(&second);
    }
}

#[test]
fn from_its_steps() {
    check(&[ALIVE, LOOK, RAISES, LOOK], &[LOOK, RAISES, LOOK, LOOK]);
}

#[test]
fn from_nothing() {
    check(&[], &[ALIVE, LOOK, LOOK]);
}

#[test]
fn from_a_snapshot() {
    check(&[ALIVE, LONG, LOOK, SLEEP], &[LOOK, LOOK, LONG, LOOK]);
}

#[test]
fn from_a_snapshot_and_steps() {
    check(&[ALIVE, LONG, SLEEP, LOOK, RAISES, LOOK], &[LOOK, LONG, LOOK, LONG, LOOK]);
}

#[test]
fn after_steps_that_were_undone() {
    let killed = [OUT_OF_FUEL, OUT_OF_MEMORY, EXITS];
    for (at, kill) in killed.into_iter().enumerate() {
        check(&[ALIVE, LOOK, kill], &[LOOK, killed[(at + 1) % 3], LOOK]);
        check(&[ALIVE, LONG, kill, LOOK, SLEEP, kill], &[kill, LOOK]);
    }
    check(&[NO_SYNTAX, ALIVE, TOO_MANY_CALLS, NO_SYNTAX], &[LOOK, TOO_MANY_CALLS, LOOK]);
}

#[test]
fn a_step_counts_as_kept_if_its_effects_stay() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path());
    let mut config = persistent();
    config.limits.code_bytes = 2000;
    let mut player = Player::new(&sandbox, config.clone());
    let long = " ".repeat(2001);
    for (code, kept) in [
        (ALIVE, true),
        (RAISES, true),
        (NO_SYNTAX, true),
        (TOO_MANY_CALLS, true),
        (OUT_OF_FUEL, false),
        (OUT_OF_MEMORY, false),
        (EXITS, false),
        (&long, false),
        ("pass", true),
    ] {
        assert_eq!(player.step(code).kept, kept, "{code}");
    }
    let mut reset = Player::new(&sandbox, Config { state: InterpreterState::Reset, ..config });
    assert!(!reset.step("pass").kept);
}

#[test]
fn the_random_numbers_of_a_resetting_interpreter_follow_from_its_next_step() {
    const DRAW: &str = "import random, os\nprint(random.random(), os.urandom(4), 'x' in globals())\nx = 1";
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path());
    let config = config(InterpreterState::Reset);
    let mut twin = sandbox.interpreter(config.clone(), counter().0).unwrap();
    let expected: Vec<_> = (0..4).map(|_| twin.run(DRAW).unwrap().output).collect();
    let past = Past { next_step: 2, ..Past::default() };
    let mut revived = sandbox.revive(config, counter().0, past).unwrap();
    assert_eq!([0; 2].map(|_| revived.run(DRAW).unwrap().output), expected[2..]);
}

#[test]
fn a_past_that_does_not_replay_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path());
    let mut player = Player::new(&sandbox, persistent());
    player.step("x = count()");
    player.step("y = count()");
    let past = player.past();
    let diverges = |change: &dyn Fn(&mut Past)| {
        let mut past = past.clone();
        change(&mut past);
        let mut python = sandbox.revive(persistent(), player.tools.clone(), past).unwrap();
        matches!(python.run("z = 1"), Err(Error::Diverged { step: 1, of: 2 }))
    };
    assert!(!diverges(&|_| {}));
    assert!(diverges(&|past| past.steps[1].fuel_used += 1));
    assert!(diverges(&|past| past.steps[1].tool_calls[0].call.name = "echo".into()));
    assert!(diverges(&|past| past.steps[1].tool_calls.clear()));
    assert!(diverges(&|past| past.steps[1].code.push_str("; count()")));
    assert_eq!(player.tools.lock().unwrap().count, 2, "no tool is called");
}

#[test]
fn copies_of_a_revived_interpreter_are_independent() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path());
    let mut player = Player::new(&sandbox, persistent());
    player.step(ALIVE);
    player.step(LONG);
    player.python.hibernate();
    player = player.revived(&sandbox);
    let tools = std::sync::Arc::new(std::sync::Mutex::new(Counter { count: 1 }));
    let mut copy = player.python.fork(tools).unwrap();
    assert_eq!(copy.stored_snapshot(), player.python.stored_snapshot());
    let copied = seen(copy.run(LOOK).unwrap());
    assert_eq!(copied, seen(player.step(LOOK)));
}
