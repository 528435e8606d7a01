//! Environment, processes, signals and threads.

use sandbox::Failure;

use crate::common::{fails, persistent, prints};
use crate::history::{each, is_survived, small};
use crate::{all_are_refused, outcome_of};

#[test]
fn there_is_no_environment() {
    assert_eq!(outcome_of("dict(os.environ), sys.argv, sys.path"), "{} [''] ['']");
    assert_eq!(outcome_of("dict(os.environb)"), "{}");
    for name in ["PATH", "HOME", "USER", "RUNTIME_GYM_CACHE", "CARGO_MANIFEST_DIR"] {
        assert_eq!(outcome_of(&format!("os.getenv('{name}')")), "None");
    }
    assert_eq!(prints(&mut persistent(), "import os\nos.environ['X'] = '1'\nprint(os.environ['X'])"), "1\n");
}

#[test]
fn nothing_identifies_the_host() {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let pid = std::process::id().to_string();
    for expression in [
        "os.getcwd()",
        "os.getpid()",
        "os.getppid()",
        "os.uname()",
        "os.getlogin()",
        "os.getuid()",
        "os.cpu_count()",
        "os.getloadavg()",
        "sys.executable, sys.flags.hash_randomization",
        "__import__('getpass').getuser()",
        "__import__('locale').getlocale()",
        "__import__('platform').uname()",
        "__import__('socket').gethostname()",
        "__import__('time').tzname",
        "__import__('uuid').getnode()",
    ] {
        let told = outcome_of(expression);
        assert!(host.trim().is_empty() || !told.contains(host.trim()), "{expression}: {told}");
        assert!(
            told.split(|c: char| !c.is_ascii_digit()).all(|number| number != pid),
            "{expression}: {told}"
        );
        assert_eq!(told, outcome_of(expression));
    }
}

#[test]
fn there_are_no_processes() {
    all_are_refused(&[
        "os.system('true')",
        "os.popen('true').read()",
        "os.fork()",
        "os.forkpty()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.spawnv(0, '/bin/true', ['true'])",
        "os.execv('/bin/true', ['true'])",
        "os.execvp('true', ['true'])",
        "os.kill(1, 9)",
        "os.kill(os.getpid(), 9)",
        "os.wait()",
        "os.pipe()",
        "__import__('subprocess').run(['true'])",
        "__import__('subprocess').Popen('true', shell=True)",
        "__import__('multiprocessing').Process(target=print).start()",
        "__import__('asyncio').run(__import__('asyncio').create_subprocess_exec('true'))",
        "__import__('pty').spawn('sh')",
    ]);
}

#[test]
fn there_are_no_threads() {
    all_are_refused(&[
        "__import__('threading').Thread(target=print).start()",
        "__import__('_thread').start_new_thread(print, ())",
        "__import__('threading').Timer(0, print).start()",
        "__import__('concurrent.futures').futures.ThreadPoolExecutor().submit(print).result()",
        "__import__('multiprocessing.pool').pool.ThreadPool(2)",
        "__import__('asyncio').run(__import__('asyncio').to_thread(print))",
        "__import__('_interpreters').create()",
    ]);
}

#[test]
fn waiting_for_events_that_never_happen_ends() {
    each(
        &[
            "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
            "import threading\nthreading.Event().wait()",
            "import queue\nqueue.Queue().get()",
            "import queue\nqueue.Queue().get(timeout=10**6)",
            "import threading\nthreading.Barrier(2).wait()",
            "import asyncio\nasyncio.run(asyncio.Event().wait())",
            "import select\nselect.select([], [], [])",
            "import signal\nsignal.pause()",
        ],
        |code| {
            let outcome = is_survived(&small(), code);
            assert!(!outcome.success, "{code}: {outcome:?}");
        },
    );
}

#[test]
fn signals_and_exits_end_only_the_step() {
    each(
        &[
            "import signal\nsignal.raise_signal(signal.SIGINT)",
            "import signal\nsignal.signal(signal.SIGINT, lambda *a: print('caught'))\nsignal.raise_signal(signal.SIGINT)\nprint(2)",
            "import signal\nsignal.raise_signal(signal.SIGTERM)",
            "import signal\nfor n in range(1, 65):\n    try: signal.raise_signal(n)\n    except BaseException: pass",
            "import signal\nsignal.alarm(1)\nwhile True: pass",
            "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.1)\nwhile True: pass",
            "import _thread\n_thread.interrupt_main()\nfor _ in range(1000): pass",
            "import faulthandler\nfaulthandler._sigsegv()",
            "import faulthandler\nfaulthandler._fatal_error_c_thread()",
            "import faulthandler\nfaulthandler.dump_traceback_later(1)",
            "import sys\nsys.exit()",
            "quit()",
            "import atexit\natexit.register(print, 'at exit')\natexit._run_exitfuncs()",
        ],
        |code| {
            is_survived(&small(), code);
        },
    );
    for code in ["import os\nos._exit(0)", "import os\nos.abort()"] {
        assert_eq!(fails(&mut persistent(), code).failure, Some(Failure::Crashed), "{code}");
    }
}
