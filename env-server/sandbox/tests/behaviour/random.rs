//! Random numbers: what they follow from in each regime, and what they do not give away.

use std::collections::HashSet;

use crate::common::{SANDBOX, config, counter, fails, interpreter, prints};
use sandbox::{Config, Interpreter, InterpreterState, Limits};

/// Draws from every source.
const DRAW: &str = "import os, random, secrets, tempfile, uuid
print(random.random(), random.choice(range(10**9)), random.Random().random(), random.SystemRandom().random(), \
uuid.uuid4(), uuid.uuid1().node, secrets.token_hex(8), os.urandom(8).hex(), os.getrandom(8).hex() if hasattr(os, 'getrandom') else '', \
os.path.basename(tempfile.mktemp()))";

fn with_seed(state: InterpreterState, seed: u64) -> Interpreter {
    let limits = Limits { fuel: 300_000_000, code_bytes: 4_000, ..Limits::default() };
    interpreter(Config { seed, limits, ..config(state) }, counter().0)
}

fn resetting() -> Interpreter {
    with_seed(InterpreterState::Reset, 7)
}

#[track_caller]
fn at(python: &mut Interpreter, index: u64) -> String {
    let outcome = python.run_step(index, DRAW).unwrap();
    assert!(outcome.success, "{outcome:?}");
    outcome.output
}

#[test]
fn every_step_of_a_resetting_interpreter_draws_others_from_every_source() {
    let mut python = resetting();
    let mut seen = HashSet::new();
    for step in 0..20 {
        for (source, drawn) in prints(&mut python, DRAW).split_whitespace().enumerate() {
            assert!(seen.insert((source, drawn.to_owned())), "step {step}, source {source}: {drawn}");
        }
    }
    for seed in [6, 8] {
        assert_ne!(at(&mut with_seed(InterpreterState::Reset, seed), 0), at(&mut resetting(), 0));
    }
}

#[test]
fn the_index_alone_decides_what_a_resetting_step_draws() {
    let expected: Vec<String> = (0..8).map(|index| at(&mut resetting(), index)).collect();
    // In order, and in any order.
    let mut python = resetting();
    assert!(expected.iter().all(|drawn| prints(&mut python, DRAW) == *drawn));
    for index in [5, 0, 5, 7] {
        assert_eq!(at(&mut python, index), expected[index as usize]);
    }
    // What runs before a step, and how it ends, has no effect.
    let mut python = resetting();
    fails(&mut python, "while True: pass");
    fails(&mut python, "import os\nos._exit(1)");
    fails(&mut python, &"x = 1\n".repeat(1_000));
    fails(&mut python, "1 / 0");
    fails(&mut python, "x = (");
    assert_eq!(prints(&mut python, DRAW), expected[5], "each of these steps had an index");
    python.hibernate();
    let mut copy = python.fork(counter().0).unwrap();
    assert_eq!(prints(&mut copy, DRAW), expected[6], "a fork goes on");
    assert_eq!(prints(&mut copy, DRAW), expected[7]);
    assert_eq!(prints(&mut python, DRAW), expected[6], "and so does its source");
    // A caller that counts other steps too.
    assert_eq!(at(&mut resetting(), 3), expected[3]);
    assert_eq!(at(&mut resetting(), u64::MAX), at(&mut resetting(), u64::MAX));
}

#[test]
fn a_step_that_found_no_place_has_not_used_its_index() {
    let one = sandbox::Sandbox::new(&sandbox::Options { max_interpreters: 1, ..Default::default() }).unwrap();
    let config = |state| Config { seed: 7, ..config(state) };
    let mut python = one.interpreter(config(InterpreterState::Reset), counter().0).unwrap();
    let first = prints(&mut python, DRAW);
    let other = one.interpreter(config(InterpreterState::Persistent), counter().0).unwrap();
    assert!(matches!(python.run(DRAW), Err(sandbox::Error::AtCapacity { .. })));
    drop(other);
    assert_eq!([first, prints(&mut python, DRAW)], [at(&mut resetting(), 0), at(&mut resetting(), 1)]);
}

#[test]
fn a_persistent_interpreter_is_seeded_once() {
    let draws = |indices: &[u64]| {
        let mut python = with_seed(InterpreterState::Persistent, 7);
        indices.iter().map(|index| at(&mut python, *index)).collect::<Vec<_>>()
    };
    let expected = draws(&[0, 1, 2]);
    assert_eq!(expected, draws(&[0, 4, 9]), "the index has no effect");
    assert_eq!(expected.iter().collect::<HashSet<_>>().len(), 3, "the numbers go on");
    // A new interpreter, as after a loss of state, begins at the start.
    assert_eq!(expected[0], at(&mut with_seed(InterpreterState::Persistent, 7), 5));
    assert_ne!(expected[0], at(&mut resetting(), 0), "the regimes have streams of their own");

    let mut python = with_seed(InterpreterState::Persistent, 7);
    assert_eq!(prints(&mut python, DRAW), expected[0]);
    fails(&mut python, &format!("{DRAW}\nwhile True: pass"));
    python.hibernate();
    let mut copy = python.fork(counter().0).unwrap();
    assert_eq!(prints(&mut copy, DRAW), expected[1], "a killed step is undone");
    assert_eq!(prints(&mut python, DRAW), expected[1]);
}

/// The attack that recovers the seed of `random.seed(seed)`: it undoes the initialisation of the Mersenne Twister
/// (`init_by_array`) for a key of two words.
const INVERT: &str = "
import random
def recover(state):
    M, f = 0xFFFFFFFF, lambda x: x ^ (x >> 30)
    s = list(state)
    first = [19650218]
    for i in range(1, 624): first.append((1812433253 * f(first[-1]) + i) & M)
    s[1] = ((s[1] + 1) & M) ^ (f(s[623]) * 1566083941 & M)
    for i in range(623, 1, -1): s[i] = ((s[i] + i) & M) ^ (f(s[i - 1]) * 1566083941 & M)
    key = [(s[i] - (first[i] ^ (f(s[i - 1]) * 1664525 & M)) - j) & M for i, j in ((3, 0), (4, 1))]
    return key[0] | key[1] << 32
";

#[test]
fn the_state_of_random_does_not_give_the_seed_away() {
    // The attack works: it recovers what `random` was seeded with.
    let mut python = resetting();
    let code = "random.seed(0xABCDEF0123456789)\nprint(hex(recover(random.getstate()[1][:624])))";
    assert_eq!(prints(&mut python, &format!("{INVERT}{code}")), "0xabcdef0123456789\n");

    let mut recovered = HashSet::new();
    let code = "print(recover(random.getstate()[1][:624]))\nk = recover(random.getstate()[1][:624])\nassert random.Random(k).getstate() == random.getstate()";
    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        for seed in [0, 1, 7, 1000, 1 << 40, u64::MAX] {
            let mut python = with_seed(state, seed);
            for step in 0..3_u64 {
                let known: u64 = prints(&mut python, &format!("{INVERT}{code}")).trim().parse().unwrap();
                assert!(known > 1 << 32, "a key of two words");
                for guess in [seed, seed.wrapping_add(step), seed ^ step, seed.swap_bytes(), !seed] {
                    assert_ne!(known, guess);
                }
                if state == InterpreterState::Reset || step == 0 {
                    assert!(recovered.insert(known), "seed {seed}, step {step}");
                }
            }
        }
    }
}

#[test]
fn the_sources_do_not_give_each_other_away() {
    let mut python = resetting();
    // Neither is the start of the other, nor are they the same for the same key.
    let code = "
import os, random
system = os.urandom(64)
state = random.getstate()
mine = random.Random(int.from_bytes(system[:8], 'little')), random.Random(int.from_bytes(system[:8], 'big'))
print(any(other.getstate() == state for other in mine), system[:8] in random.randbytes(4096))";
    assert_eq!(prints(&mut python, code), "False False\n");
}

#[test]
fn all_interpreters_agree_on_a_seed() {
    let drawn = |state| {
        let config = Config { seed: 7, ..config(state) };
        prints(&mut SANDBOX.interpreter(config, counter().0).unwrap(), DRAW)
    };
    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        assert_eq!(drawn(state), drawn(state));
    }
}
