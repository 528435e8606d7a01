//! How libtorch's threads wait for each other.
//!
//! libtorch's threads meet at a barrier after every operation. A thread that arrives first keeps its processor
//! busy for a while before it sleeps. If it sleeps at once, it wakes up late for the next operation, which may
//! be only microseconds away. If it waits for long, and other programs run, it takes the processor from the
//! thread that it waits for: libgomp's default of some milliseconds makes training several times slower there.
//! `benches/waiting.py` measures both.

use std::env;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::panic::resume_unwind;
use std::process::Command;
use std::thread;

/// How often a waiting thread looks before it sleeps, for libgomp: tens of microseconds.
const SPIN_COUNT: &str = "10000";

/// What libgomp, libtorch's OpenMP, reads: whether threads wait actively or passively, and for how long at most.
const VARIABLES: [&str; 2] = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"];

/// The commands that compute for longer than it takes to start the program again.
const COMMANDS: [&str; 4] = ["generate", "grpo", "serve", "train"];

/// Makes threads sleep after a short wait, unless the user has set one of libgomp's variables. libgomp reads
/// them when it is loaded, which is before `main`. So this starts the program again in the same process, with
/// `GOMP_SPINCOUNT`; where that is impossible, threads wait for longer. Must be called before anything that
/// should not happen twice.
pub fn wait_briefly() {
    let mut arguments = env::args_os();
    let name = arguments.next();
    let arguments: Vec<_> = arguments.collect();
    let command = arguments.first().and_then(|first| first.to_str());
    let computes = command.is_some_and(|command| COMMANDS.contains(&command));
    if !computes || VARIABLES.iter().any(|variable| env::var_os(variable).is_some()) {
        return;
    }
    if let Ok(program) = env::current_exe() {
        let name = name.as_deref().unwrap_or(OsStr::new("trainer"));
        // Returns only if it fails.
        let _ = Command::new(program).arg0(name).args(arguments).env("GOMP_SPINCOUNT", SPIN_COUNT).exec();
    }
}

/// Does work that computes once, such as loading a model, on a thread that ends with it. libgomp gives each thread that
/// computes a team of its own, which lives as long as that thread. Where all teams together have more threads than there are
/// processors, libgomp lets them hardly wait before they sleep, and the engine, whose operations are short, is much slower.
pub fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| resume_unwind(panic))
}
