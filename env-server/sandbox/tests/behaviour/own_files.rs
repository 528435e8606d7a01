//! The agent's own files: they can be imported, and their frames are shown.

use crate::common::{Counter, config, counter, fails, interpreter, notebooks, persistent, prints, reset};
use sandbox::{Config, Failure, InterpreterState, Limits};

const HELPER: &str = "open('helper.py', 'w').write('def go(): return 42\\n')";

#[test]
fn a_file_in_the_working_directory_can_be_imported() {
    let code = format!("n = {HELPER}\nimport helper\nprint(helper.go(), helper.__file__)");
    for mut python in [persistent(), reset()].into_iter().chain(notebooks()) {
        assert_eq!(prints(&mut python, &code), "42 /helper.py\n");
    }
    let mut python = persistent();
    prints(&mut python, &format!("n = {HELPER}"));
    assert_eq!(prints(&mut python, "from helper import go\nprint(go())"), "42\n");
    let mut python = reset();
    prints(&mut python, &format!("n = {HELPER}"));
    let error = fails(&mut python, "import helper").error.unwrap();
    assert!(error.ends_with("ModuleNotFoundError: No module named 'helper'"), "files are gone: {error}");
}

#[test]
fn packages_and_other_directories_can_be_imported_from() {
    let code = "
import os, sys
os.makedirs('pack/inner')
for name, text in {'pack/__init__': 'from .a import A', 'pack/a': 'A = 1', 'pack/inner/b': 'from ..a import A as B'}.items():
    with open(name + '.py', 'w') as file: file.write(text)
import pack, pack.inner.b
print(pack.A, pack.inner.b.B)
os.makedirs('/tmp/elsewhere')
with open('/tmp/elsewhere/there.py', 'w') as file: file.write('X = 2')
os.chdir('/tmp/elsewhere')
import there
print(there.X, sys.path)";
    assert_eq!(prints(&mut reset(), code), "1 1\n2 ['']\n");
}

#[test]
fn a_file_is_found_as_soon_as_it_is_there_and_run_as_it_is() {
    let code = "
import importlib, os, sys
try: import late
except ModuleNotFoundError as error: print(error)
with open('late.py', 'w') as file: file.write('x = 1')
import late
print(late.x)
with open('late.py', 'w') as file: file.write('x = 2')
importlib.reload(late)
print(late.x, os.listdir('.'))";
    assert_eq!(prints(&mut reset(), code), "No module named 'late'\n1\n2 ['late.py', 'tmp']\n");
}

#[test]
fn a_missing_module_costs_little() {
    let code =
        "for n in range(100):\n    try: __import__(f'missing{n}')\n    except ModuleNotFoundError: pass";
    let outcome = reset().run(code).unwrap();
    assert!(outcome.success && outcome.fuel_used < 50_000_000, "{}", outcome.fuel_used);
}

/// Defines `solver.f`, which fails in its third line.
const SOLVER: &str =
    "n = open('/tmp/solver.py', 'w').write('def f(x):\\n    y = x - 1\\n    return 1 / y\\n')
import sys; sys.path.append('/tmp')
import solver
solver.f(1)";

#[test]
fn frames_of_own_files_are_shown_with_their_lines() {
    let script = "Traceback (most recent call last):
  File \"<string>\", line 4, in <module>
  File \"/tmp/solver.py\", line 3, in f
    return 1 / y
ZeroDivisionError: division by zero";
    for mut python in [persistent(), reset()] {
        assert_eq!(fails(&mut python, SOLVER).error.unwrap(), script);
    }
    let cell =
        script.replace("<string>\", line 4, in <module>", "<cell 1>\", line 4, in <module>\n    solver.f(1)");
    for mut python in notebooks() {
        assert_eq!(fails(&mut python, SOLVER).error.unwrap(), cell);
    }
}

#[test]
fn frames_of_compiled_text_are_shown_under_its_name() {
    for name in ["solution.py", "<solution>", "<stdin>", "/python/nothing.py"] {
        let code = format!("exec(compile('x = 1\\n\\n1 / 0', '{name}', 'exec'))");
        let expected = format!(
            "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n  File \"{name}\", line 3, in <module>\nZeroDivisionError: division by zero"
        );
        assert_eq!(fails(&mut reset(), &code).error.unwrap(), expected);
    }
}

#[test]
fn frames_of_the_library_and_of_the_guest_are_not_shown() {
    for code in [
        "json.loads('{')",
        "import statistics\nstatistics.mean([])",
        "import asyncio\nasync def f(): 1/0\nasyncio.run(f())",
        "import time\ntime.strftime(5)",
        "import importlib\nimportlib.import_module('missing')",
        "look = __import__('functools').reduce(lambda a, b: 1/0, [1, 2])",
    ] {
        let error = fails(&mut reset(), code).error.unwrap();
        let files: Vec<_> = error.lines().filter(|line| line.trim_start().starts_with("File")).collect();
        assert!(!files.is_empty() && files.iter().all(|line| line.contains("\"<string>\"")), "{error}");
    }
}

#[test]
fn a_file_that_does_not_compile_shows_its_place() {
    let code = "n = open('broken.py', 'w').write('x = 1\\ny = = 2\\n')\nimport broken";
    let error = fails(&mut reset(), code).error.unwrap();
    let expected = "Traceback (most recent call last):
  File \"<string>\", line 2, in <module>
  File \"/broken.py\", line 2
    y = = 2
        ^
SyntaxError: invalid syntax";
    assert_eq!(error, expected);
}

#[test]
fn a_broken_linecache_hides_a_line_and_nothing_else() {
    for breakage in
        ["linecache.getline = lambda *a: 1/0", "linecache.cache = None", "linecache.getline = lambda *a: 5"]
    {
        let code = SOLVER.replace("solver.f(1)", &format!("import linecache\n{breakage}\nsolver.f(1)"));
        let error = fails(&mut reset(), &code).error.unwrap();
        assert!(error.contains("solver.py\", line 3, in f\nZeroDivisionError"), "{breakage}: {error}");
    }
}

#[test]
fn the_limit_of_tool_calls_holds_in_own_files() {
    let (tools, counter) = counter();
    let limits = Limits { tool_calls: 3, ..Limits::default() };
    let mut python = interpreter(
        Config { limits, tools: Counter::tools(), ..config(InterpreterState::Persistent) },
        tools,
    );
    let code = "n = open('caller.py', 'w').write('''
def call(tool):
    reached = 0
    for _ in range(9):
        try: tool()
        except BaseException: pass
        reached += 1
    print('over', reached)
''')
import caller
caller.call(count)";
    let outcome = python.run(code).unwrap();
    assert_eq!((outcome.failure, outcome.output.as_str()), (Some(Failure::ToolCallLimit), ""));
    assert_eq!(counter.lock().unwrap().count, 3);
}
