//! Places for interpreters, threads, and the versions of Python and the guest.

#![allow(clippy::unwrap_used)] // helpers are tests too

mod common;

use std::sync::{Arc, Barrier, Mutex};
#[cfg(target_os = "linux")]
use std::time::Duration;

use common::{Counter, SANDBOX, config, counter, prints};
use sandbox::{
    Config, Error, Interpreter, InterpreterState, Options, Sandbox, ToolCall, ToolError, ToolHost,
};
use serde_json::{Value, json};

fn persistent(sandbox: &Sandbox) -> Result<Interpreter, Error> {
    sandbox.interpreter(config(InterpreterState::Persistent), counter().0)
}

#[test]
fn a_full_sandbox_is_an_error_and_a_freed_place_is_reused() {
    let sandbox = Sandbox::new(&Options { max_interpreters: 2, ..Options::default() }).unwrap();
    let first = persistent(&sandbox).unwrap();
    let _second = persistent(&sandbox).unwrap();
    assert!(matches!(persistent(&sandbox), Err(Error::AtCapacity { max: 2 })));
    let mut reset = sandbox.interpreter(config(InterpreterState::Reset), counter().0).unwrap();
    assert!(matches!(reset.run("1"), Err(Error::AtCapacity { max: 2 })));
    drop(first);
    for _ in 0..5 {
        assert_eq!(
            prints(&mut reset, "print(1)"),
            "1\n",
            "a resetting interpreter takes a place only during a step"
        );
    }
    persistent(&sandbox).unwrap();
}

#[test]
fn clones_share_one_sandbox_and_threads_run_in_parallel() {
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let sandbox = SANDBOX.clone();
            std::thread::spawn(move || {
                let mut python = persistent(&sandbox).unwrap();
                prints(&mut python, &format!("x = {n}"));
                prints(&mut python, "print(x)")
            })
        })
        .collect();
    let printed: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(printed, (0..8).map(|n| format!("{n}\n")).collect::<Vec<_>>());
}

#[test]
fn runs_from_a_blocking_thread_of_an_async_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let printed = runtime.block_on(async {
        tokio::task::spawn_blocking(|| {
            prints(&mut common::reset(), "import time\ntime.sleep(9)\nprint('slept', count())")
        })
        .await
    });
    assert_eq!(printed.unwrap(), "slept 1\n");
}

/// Answers once all interpreters wait for an answer.
struct Together(Arc<Barrier>);

impl ToolHost for Together {
    fn call(&mut self, _call: &ToolCall) -> Result<Value, ToolError> {
        self.0.wait();
        Ok(json!("x".repeat(1000)))
    }
}

#[test]
fn all_places_may_be_inside_a_tool_call_at_the_same_time() {
    let sandbox = Sandbox::new(&Options { max_interpreters: 4, ..Options::default() }).unwrap();
    let barrier = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (sandbox, barrier) = (sandbox.clone(), barrier.clone());
            std::thread::spawn(move || {
                let config = Config { tools: Counter::tools(), ..config(InterpreterState::Persistent) };
                let mut python =
                    sandbox.interpreter(config, Arc::new(Mutex::new(Together(barrier)))).unwrap();
                for _ in 0..10 {
                    assert_eq!(prints(&mut python, "print(len(count()))"), "1000\n");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn the_versions_of_python_and_of_the_guest_are_known() {
    assert!(SANDBOX.python_version().starts_with("3.14."), "{}", SANDBOX.python_version());
    assert_eq!(SANDBOX.guest_sha256().len(), 64);
}

#[test]
fn a_sandbox_is_sync_and_an_interpreter_is_send() {
    fn shared<T: Send + Sync + Clone>(_: &T) {}
    fn moved<T: Send>(_: &T) {}
    shared(&*SANDBOX);
    moved(&persistent(&SANDBOX).unwrap());
}

/// The memory that this process has to itself, in bytes.
#[cfg(target_os = "linux")]
fn private_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: Vec<usize> = statm.split_whitespace().map(|pages| pages.parse().unwrap()).collect();
    (pages[1] - pages[2]) * rustix::param::page_size()
}

#[test]
#[cfg(target_os = "linux")]
fn free_places_give_their_memory_back_and_can_be_used_again() {
    const COUNT: usize = 200;
    let sandbox = Sandbox::new(&Options { max_interpreters: 256, ..Options::default() }).unwrap();
    let used = |_| {
        let mut python = persistent(&sandbox).unwrap();
        prints(&mut python, "x = list(range(50_000))");
        python
    };
    let before = private_bytes();
    let mut kept = used(0);
    drop((1..COUNT).map(used).collect::<Vec<_>>());
    let in_free_places = private_bytes().saturating_sub(before);
    assert!(in_free_places > COUNT * (200 << 10), "{in_free_places} bytes");
    assert_eq!(sandbox.trim(Duration::from_secs(600)), 0);
    assert_eq!(sandbox.trim(Duration::ZERO), COUNT - 1);
    // Other tests run in this process.
    let still = private_bytes().saturating_sub(before);
    assert!(still < in_free_places / 2, "{still} bytes of {in_free_places}");
    assert_eq!(prints(&mut kept, "print(len(x), sum(x))"), "50000 1249975000\n");
    // What runs there now finds Python as new.
    let fresh = |_| {
        prints(&mut persistent(&sandbox).unwrap(), "import random\nprint(random.random(), 'x' in globals())")
    };
    let seen: Vec<String> = (0..COUNT).map(fresh).collect();
    assert!(seen.iter().all(|line| *line == seen[0] && line.ends_with("False\n")), "{seen:?}");
}
