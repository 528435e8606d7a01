//! Leaks between episodes, concurrent or in the same place one after another: there are none.

use std::time::Duration;

use sandbox::{Config, Interpreter, InterpreterState, Limits, Options, Outcome, Sandbox};

use crate::common::{Counter, config, counter, prints};

/// Leaves a mark in everything that could outlive a step.
const MARK: &str = "
import builtins, codecs, copyreg, collections, decimal, functools, gc, json, locale, logging, os, random, re, string
import sys, time, types, warnings
planted = 'planted'
builtins.planted = json.planted = collections.Counter.planted = string.digits = 'planted'
sys.modules['planted'] = types.ModuleType('planted')
sys.path.append('/planted'); sys.argv.append('planted'); os.environ['PLANTED'] = '1'
del sys.modules['base64']
random.seed(99); random.random()
time.sleep(10**6)
decimal.getcontext().prec = 3
warnings.simplefilter('error')
logging.getLogger('planted').addHandler(logging.NullHandler())
codecs.register(lambda name: None)
copyreg.pickle(complex, lambda c: (complex, (9, 9)))
sys.setrecursionlimit(5000); sys.set_int_max_str_digits(0); sys.setswitchinterval(1)
sys.excepthook = sys.unraisablehook = print
sys.monitoring.use_tool_id(2, 'planted')
gc.disable(); gc.set_threshold(1, 1, 1); gc.callbacks.append(print)
re.compile('planted'); functools.lru_cache(len)('planted'); sys.intern('planted text')
sys.stdout.reconfigure(encoding='utf-16')
held = bytearray(b'planted text ' * 2_000_000)
os.urandom(100)
if 'count' in globals(): count()
";

/// Prints what a step can see in general.
const LOOK: &str = "
import sys, builtins, gc, random, time, os, decimal, warnings, logging, codecs, base64
print(sorted(dir()), sorted(vars(builtins)), len(sys.modules), sorted(map(str, sys.modules)))
print(sys.path, sys.argv, dict(os.environ), random.random(), random.getstate()[1][:5], time.time(), os.urandom(8))
print(decimal.getcontext(), warnings.filters, len(logging.root.manager.loggerDict), sys.getrecursionlimit())
print(gc.isenabled(), gc.get_threshold(), gc.callbacks, sys.monitoring.get_tool(2), sys.get_int_max_str_digits())
print(id(object()), id([]), id(bytes(10**6)), len(gc.get_objects()), hash('x'), {'a', 'b', 'c'}, 1j.__reduce_ex__(2))
for name, module in sorted(sys.modules.items()):
    if isinstance(getattr(module, '__dict__', None), dict): print(name, len(module.__dict__), end=' ')
room = bytearray(30_000_000)
print(room.count(0), b'planted' in room)
";

fn sandbox(places: u32) -> Sandbox {
    Sandbox::new(&Options { max_interpreters: places, ..Options::default() }).unwrap()
}

fn new(sandbox: &Sandbox, state: InterpreterState, tools: bool) -> Interpreter {
    let tools = if tools { Counter::tools() } else { Vec::new() };
    let limits = Limits { fuel: 5_000_000_000, ..Limits::default() };
    sandbox.interpreter(Config { tools, limits, ..config(state) }, counter().0).unwrap()
}

/// The outcome of [`LOOK`] as text, without its duration. A resetting interpreter draws the numbers of its first step.
#[track_caller]
fn looks(python: &mut Interpreter) -> String {
    let outcome = python.run_step(0, LOOK).unwrap();
    assert!(outcome.success, "{outcome:?}");
    format!("{:?}", Outcome { wall: Duration::ZERO, ..outcome })
}

fn clean() -> String {
    looks(&mut new(&sandbox(1), InterpreterState::Persistent, false))
}

#[test]
fn a_reused_place_is_clean() {
    let (one, clean) = (sandbox(1), clean());
    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        for end in ["", "1/0", "while True: pass", "import os\nos._exit(0)", "x = bytearray(10**9)"] {
            let mut first = new(&one, state, true);
            first.run(&format!("{MARK}{end}")).unwrap();
            drop(first);
            assert_eq!(looks(&mut new(&one, InterpreterState::Persistent, false)), clean, "{state:?} {end}");
        }
    }
}

#[test]
fn concurrent_interpreters_see_nothing_of_each_other() {
    let (two, clean) = (sandbox(2), clean());
    let mut first = new(&two, InterpreterState::Persistent, true);
    let mut second = new(&two, InterpreterState::Persistent, false);
    prints(&mut first, MARK);
    assert_eq!(looks(&mut second), clean);
    assert_eq!(prints(&mut first, "print(planted, json.planted, random.random(), len(held))"), {
        let mut other = new(&sandbox(1), InterpreterState::Persistent, true);
        prints(&mut other, MARK);
        prints(&mut other, "print(planted, json.planted, random.random(), len(held))")
    });
}

#[test]
fn a_resetting_interpreter_is_clean_at_every_step() {
    let mut python = new(&sandbox(1), InterpreterState::Reset, false);
    let first = looks(&mut python);
    for _ in 0..3 {
        prints(&mut python, MARK);
        assert_eq!(looks(&mut python), first);
    }
}

#[test]
fn a_rebuilt_interpreter_has_no_trace_of_the_killed_step() {
    let mut python = new(&sandbox(1), InterpreterState::Persistent, false);
    assert!(!python.run(&format!("{MARK}\nos._exit(0)")).unwrap().success);
    assert_eq!(looks(&mut python), clean());
}

#[test]
fn each_interpreter_has_its_own_tools() {
    let two = sandbox(2);
    let ((tools, first), (others, second)) = (counter(), counter());
    let with = |tools| {
        let config = Config { tools: Counter::tools(), ..config(InterpreterState::Persistent) };
        two.interpreter(config, tools).unwrap()
    };
    let (mut one, mut two) = (with(tools), with(others));
    for _ in 0..3 {
        prints(&mut one, "count()");
        prints(&mut two, "count(); count()");
    }
    assert_eq!((first.lock().unwrap().count, second.lock().unwrap().count), (3, 6));
}
