//! What code can see of the world around it: nothing that tells what is behind its tools, or its seed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbox::{
    Config, Interpreter, InterpreterState, Outcome, SharedTools, ToolCall, ToolError, ToolErrorKind, ToolHost,
};
use serde_json::{Value, json};

use crate::common::{Counter, config, interpreter, prints};
use crate::history::small;

/// Tools with data behind them, which they give away only when they are asked for it.
struct Vault {
    secret: String,
    delay: Duration,
}

impl ToolHost for Vault {
    fn call(&mut self, call: &ToolCall) -> Result<Value, ToolError> {
        std::thread::sleep(self.delay);
        match call.name.as_str() {
            "echo" => Ok(json!(self.secret)),
            "refuse" => Err(ToolError { kind: ToolErrorKind::Runtime, message: "no".into() }),
            _ => Ok(Value::Null),
        }
    }
}

fn vault(secret: &str, delay: Duration) -> SharedTools {
    Arc::new(Mutex::new(Vault { secret: secret.to_owned(), delay }))
}

fn with(state: InterpreterState, seed: u64, tools: SharedTools) -> Interpreter {
    interpreter(Config { seed, tools: Counter::tools(), limits: small(), ..config(state) }, tools)
}

/// Everything of an outcome that an agent or its trace shows.
fn shown(outcome: Outcome) -> String {
    format!("{:?}", Outcome { wall: Duration::ZERO, ..outcome })
}

/// Looks around: random numbers, addresses, hashes, clocks, memory, and what the system says of itself.
const LOOK: [&str; 6] = [
    "import os, random, secrets, uuid\nprint(hash(random.getstate()), os.urandom(16).hex(), uuid.uuid4(), uuid.uuid1(), uuid.getnode(), secrets.token_hex())",
    "import sys, gc\nprint(id(object()), id(count), id([]), hash('x'), hash(count), sys.hash_info, sys.flags, len(gc.get_objects()), gc.get_count(), sys.getrefcount(count), sys.getallocatedblocks())",
    "import time\nprint(time.time_ns(), time.monotonic_ns(), time.perf_counter_ns(), time.process_time_ns(), time.clock_gettime(0))",
    "import os, platform, socket, sys\nprint(dict(os.environ), sys.argv, os.getcwd(), sorted(os.listdir('/')), os.getpid(), platform.uname(), sys.version, sys.path)",
    "import inspect\nprint(count.__doc__, repr(count), [c.cell_contents if type(c.cell_contents) in (str, int) else type(c.cell_contents).__name__ for c in count.__closure__], dir(count))",
    "import gc\nprint(sorted({o for o in gc.get_objects() if type(o) is int} | {v for o in gc.get_objects() if type(o) is dict for v in o.values() if type(v) is int})[-20:])",
];

#[test]
fn what_is_behind_the_tools_shows_only_in_their_answers() {
    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        let mut one = with(state, 7, vault("alpha", Duration::ZERO));
        let mut two = with(state, 7, vault("omega", Duration::from_millis(30)));
        let look = |python: &mut Interpreter| LOOK.map(|code| shown(python.run(code).unwrap()));
        assert_eq!(look(&mut one), look(&mut two), "before any call");
        // Calls that answer alike, at different speed.
        let timed = "import time\nstart = time.perf_counter_ns()\ncount(); describe(1)\ntry: refuse('x')\nexcept Exception as e: print(e)\nprint(time.perf_counter_ns() - start)";
        assert_eq!(shown(one.run(timed).unwrap()), shown(two.run(timed).unwrap()));
        assert_eq!(look(&mut one), look(&mut two), "after answers that are alike");
        // Answers of one length that differ in their text only.
        assert_eq!(prints(&mut one, "answer = echo(1)\nprint(answer)"), "alpha\n");
        assert_eq!(prints(&mut two, "answer = echo(1)\nprint(answer)"), "omega\n");
        assert_eq!(look(&mut one), look(&mut two), "and nothing but the answer differs");
    }
}

#[test]
fn a_look_around_shows_no_seed() {
    // Seeds that stand out in any text.
    for seed in [0xDEAD_BEEF_0BAD_CAFE_u64, 1_234_567_890_123_456_789] {
        for state in [InterpreterState::Persistent, InterpreterState::Reset] {
            let mut python = with(state, seed, vault("", Duration::ZERO));
            let bytes = |bytes: [u8; 8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            for code in LOOK {
                let all = shown(python.run(code).unwrap()).to_lowercase();
                for form in [seed.to_string(), bytes(seed.to_be_bytes()), bytes(seed.to_le_bytes())] {
                    assert!(!all.contains(&form), "{code}\n{all}");
                }
            }
        }
    }
}

#[test]
fn only_random_numbers_depend_on_the_seed() {
    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        let look = |seed| {
            let mut python = with(state, seed, vault("", Duration::ZERO));
            // Not the first, which draws; nor the last, which finds the state of `random`.
            LOOK[1..5].iter().map(|code| shown(python.run(code).unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(look(1), look(2));
    }
}
