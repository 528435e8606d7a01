//! Modules that give access to native code or to the interpreter's internals.

use sandbox::Failure;

use crate::history::{each, is_killed, is_survived, small};
use crate::outcome_of;

#[test]
fn modules_for_native_code_are_missing() {
    for module in
        ["ctypes", "_ctypes", "cffi", "_cffi_backend", "mmap", "readline", "curses", "resource", "fcntl"]
    {
        let outcome = outcome_of(&format!("__import__('{module}')"));
        assert!(outcome.ends_with("Error"), "{module}: {outcome}");
    }
}

#[test]
fn misused_modules_crash_only_their_own_step() {
    each(
        &[
            "import _testcapi\n_testcapi.crash_no_current_thread()",
            "import _testinternalcapi",
            "import _xxtestfuzz\n_xxtestfuzz.run(b'x')",
            "import sys\nsys._clear_type_cache()\nsys._clear_internal_caches()\nsys.setswitchinterval(1e-6)",
            "import sys\nsys.setdlopenflags(1)",
            "import sys\nsys._debugmallocstats()",
            "import _imp\n_imp.create_dynamic(__import__('importlib.machinery').machinery.ModuleSpec('x', None, origin='/x.so'))",
            "import _imp\nfor name in __import__('sys').builtin_module_names:\n    try: _imp.create_builtin(__import__('importlib.machinery').machinery.ModuleSpec(name, None))\n    except Exception: pass",
            "import _imp\n_imp.init_frozen('os')",
            "import sys, importlib\nfor name in ('json', 'random', 're', 'gym_guest', 'gym_guest.tools', 'wit_world'):\n    try: importlib.reload(sys.modules[name])\n    except BaseException: pass",
            "import _io\n_io._IOBase.close = lambda self: 1/0",
            "import io\nio.open(1, 'w').close()",
            "import os\nos.close(1)\nos.close(2)\nos.close(0)",
            "import os\nos.dup2(1, 0)",
            "import os\nfor n in range(3, 100):\n    try: os.dup2(1, n)\n    except OSError: pass",
            "import marshal\nmarshal.loads(b'c' + bytes(100))",
            "import marshal\nfor n in range(256):\n    try: marshal.loads(bytes([n]) + b'\\xff\\xff\\xff\\x7f' * 9)\n    except (EOFError, ValueError, TypeError, MemoryError): pass",
            "import pickle\npickle.loads(b'cos\\nsystem\\n(S\\'true\\'\\ntR.')",
            "import pickle\nfor n in range(256):\n    try: pickle.loads(bytes([n]) + b'\\xff\\xff\\xff\\x7f' * 9 + b'.')\n    except BaseException: pass",
            "import struct, array\narray.array('I', [1]).__setstate__(None)",
            "import array\na = array.array('b', bytes(100))\nm = memoryview(a)\na.extend(bytes(10**6))",
            "b = bytearray(100)\nm = memoryview(b)\nclass I:\n    def __index__(self): m.release(); b.clear(); return 5\nm[I()] = 1",
        ],
        |code| {
            is_survived(&small(), code);
        },
    );
}

#[test]
fn a_step_that_closes_its_output_is_undone() {
    each(
        &["import os\nos.close(1)", "import os\nos.close(2)", "import io\nio.open(1, 'w').close()"],
        |code| {
            is_killed(&small(), code, &[Failure::Crashed]);
        },
    );
}
