//! `env-server sandbox`, end to end: the real binary, with files and with a pipe.

#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Runs the command with `input` in its pipe.
fn run(arguments: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_env-server"))
        .arg("sandbox")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may end before it reads; writing fails then.
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The output of `--json`, one value for each block.
fn lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A folder with files in it, and their paths.
fn files(contents: &[(&str, &str)]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = contents.iter().map(|(name, code)| {
        let path = folder.path().join(name);
        fs::write(&path, code).unwrap();
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

const TWO_BLOCKS: &str = "x = 41\nprint('é')\n# ---\nprint(x + 1)\n";

#[test]
fn blocks_run_as_scripts_or_as_cells_of_a_notebook() {
    let blocks = "max = 1\nmax + 1\n# ---\nprint(max)\n1 / 0\n";
    for (arguments, printed) in [
        (&["--semantics", "notebook"][..], "2\n1\n"),
        (&["--semantics", "script"], "<built-in function max>\n"),
        (&[], "<built-in function max>\n"),
        (&["--semantics", "notebook", "--reset"], "2\n<built-in function max>\n"),
    ] {
        let output = run(arguments, blocks);
        assert!(stdout(&output).starts_with(&format!("{printed}Traceback")), "{arguments:?}: {output:?}");
    }
    let output = run(&["--semantics", "cell"], "");
    assert!(!output.status.success() && stderr(&output).contains("script, notebook"), "{output:?}");
}

#[test]
fn what_a_block_defines_is_there_in_the_next() {
    let output = run(&[], TWO_BLOCKS);
    assert_eq!(stdout(&output), "é\n42\n");
    assert!(output.status.success());
    let said = stderr(&output);
    assert!(said.contains("[block 1: ok; fuel ") && said.contains("[block 2: ok; fuel "), "{said}");
    assert!(!said.contains(">>>"), "nobody is asked: {said}");
}

#[test]
fn a_reset_forgets_it_and_the_failure_is_told() {
    let output = run(&["--reset"], TWO_BLOCKS);
    let traceback = "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n";
    assert_eq!(stdout(&output), format!("é\n{traceback}NameError: name 'x' is not defined\n"));
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("[block 2: failed (exception NameError); fuel "), "{said}");
    assert!(said.contains("error: 1 of 2 blocks failed"), "{said}");
}

#[test]
fn every_file_is_a_block_and_a_failure_does_not_end_the_run() {
    let code = [("a.py", "x = [1]\n# ---\n"), ("b.py", "x.append(2)\nx["), ("c.py", "print(x)")];
    let (_folder, paths) = files(&code);
    let paths: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let output = run(&paths, "print('not read')");
    let printed = stdout(&output);
    assert!(printed.contains("SyntaxError") && printed.ends_with("\n[1]\n"), "{printed}");
    let said = stderr(&output);
    assert!(said.contains(&format!("[{}: failed (syntax); fuel ", paths[1])), "{said}");
    assert!(said.contains("error: 1 of 3 blocks failed"), "{said}");
}

#[test]
fn json_holds_all_of_it() {
    let output = run(&["--json"], "n = 1\nprint('a\"b')\n# ---\n1 / 0");
    let [first, second] = &lines(&output)[..] else { panic!("{output:?}") };
    assert_eq!((&first["success"], &first["output"]), (&true.into(), &"a\"b\n".into()));
    assert_eq!((&first["error"], &first["error_kind"]), (&Value::Null, &Value::Null));
    assert_eq!(first["globals"], serde_json::json!(["n"]));
    assert!(first["fuel_used"].as_u64().unwrap() > 10_000 && first["run_time_us"].as_u64().unwrap() > 0);
    assert!(first["memory_bytes"].as_u64().unwrap() > 1 << 20);
    assert_eq!((&second["block"], &second["success"]), (&"block 2".into(), &false.into()));
    assert_eq!(
        (&second["error_kind"], &second["exception_type"]),
        (&"exception".into(), &"ZeroDivisionError".into())
    );
    assert!(second["error"].as_str().unwrap().ends_with("ZeroDivisionError: division by zero"));
    assert!(!stderr(&output).contains("fuel"), "JSON has it");
}

#[test]
fn standard_error_is_shown_after_the_output_and_before_the_error() {
    let code = "import sys\nprint('e', file=sys.stderr)\nprint('o')\n1 / 0";
    let shown = stdout(&run(&[], code));
    assert!(shown.starts_with("o\ne\nTraceback ") && shown.ends_with("division by zero\n"), "{shown}");
    let [line] = &lines(&run(&["--json"], code))[..] else { panic!("{code}") };
    assert_eq!((&line["output"], &line["error_output"]), (&"o\n".into(), &"e\n".into()));
    assert_eq!(
        (&line["output_bytes_left_out"], &line["error_output_bytes_left_out"]),
        (&0.into(), &0.into())
    );

    let flood = run(&[], "import sys\nprint('e' * 100_000, file=sys.stderr)\nprint('o' * 100_000)");
    assert!(
        stderr(&flood)
            .contains("ok, 34465 bytes of output left out, 83617 bytes of standard error left out; fuel"),
        "{}",
        stderr(&flood)
    );
}

#[test]
fn limits_stop_a_block_and_the_next_one_runs() {
    let cases: [(&[&str], &str, &str); 3] = [
        (&["--fuel", "100000000"], "while True: pass", "fuel"),
        (&["--memory", "64"], "x = bytearray(10**8)", "memory"),
        (&["--wall-clock", "0.2", "--fuel", "18446744073709551615"], "while True: pass", "wall_clock"),
    ];
    for (flags, code, kind) in cases {
        let output =
            run(&[flags, &["--json"]].concat(), format!("kept = 1\n# ---\n{code}\n# ---\nprint(kept)"));
        let lines = lines(&output);
        assert_eq!(lines[1]["error_kind"], kind, "{output:?}");
        assert_eq!(lines[2]["output"], "1\n", "as before the block that was stopped");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn the_seed_decides_what_is_random() {
    let drawn =
        |seed| stdout(&run(&["--seed", seed], "import random, os\nprint(random.random(), os.urandom(4))"));
    assert_eq!(drawn("3"), drawn("3"));
    assert_ne!(drawn("3"), drawn("4"));
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let cases: [(&[&str], &str); 6] = [
        (&["nowhere.py"], "error: reading nowhere.py: No such file or directory"),
        (&["--memory", "1"], "error: --memory 1: an interpreter starts with "),
        (&["--memory", "9000"], "error: --memory 9000: at most 1024 MiB"),
        (&["--wall-clock=-1"], "error: --wall-clock -1: cannot convert"),
        (&["--wall-clock", "nan"], "error: --wall-clock NaN"),
        (&["--fuel", "0"], "invalid value '0' for '--fuel <N>'"),
    ];
    for (arguments, said) in cases {
        let output = run(arguments, "print(1)");
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}: {output:?}");
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
    }
    let output = run(&[], b"print('\xff')");
    assert!(stderr(&output).contains("error: reading standard input: stream did not contain valid UTF-8"));
}

#[test]
fn a_folder_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&[folder.path().to_str().unwrap()], "");
    assert!(stderr(&output).contains("Is a directory"), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(1));
}
