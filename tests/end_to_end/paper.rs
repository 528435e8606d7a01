//! The commands of docs/PAPER.md, each in a form that plays nothing and trains nothing.

use std::path::Path;
use std::process::{Command, Output};

use tests::{program, root};

/// The folder of the programs in the document.
const PROGRAMS: &str = "target/release/";

/// The commands in the table of docs/PAPER.md, in words.
fn commands() -> Vec<Vec<String>> {
    let document = std::fs::read_to_string(root().join("docs/PAPER.md")).unwrap();
    let rows = document.lines().filter(|line| line.starts_with('|'));
    let quoted = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    let ours = quoted.filter(|text| text.starts_with(PROGRAMS));
    ours.map(|text| text.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect()).collect()
}

/// Runs a command of the document with further arguments.
fn call(words: &[String], more: &[&str]) -> (Output, String) {
    let name = words[0].strip_prefix(PROGRAMS).unwrap();
    let output =
        Command::new(program(name)).args(&words[1..]).args(more).current_dir(root()).output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = format!("{}\n{}", words.join(" "), String::from_utf8_lossy(&text));
    (output, text)
}

/// Whether a dry run may miss this: it is not in the repository, or not built.
fn is_outside(problem: &str) -> bool {
    let outside = [
        "models/Qwen3-8B",
        "there is no program", // vLLM, or the trainer where it is not built
        "a GPU: ",
        "GEMINI_API_KEY",
        "memory: ",
        "disk: ",
        "http://127.0.0.1:8000/v1",
    ];
    outside.iter().any(|known| problem.contains(known))
}

fn check_study(words: &[String], out: &Path) {
    let (output, text) = call(words, &["--dry-run", "--out", out.to_str().unwrap()]);
    if words[1] == "serve" {
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || is_outside(&problem), "{text}");
        return;
    }
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        assert!(said.contains("nothing is missing"), "{text}");
        return;
    }
    let (_, missing) = said.split_once("missing (").unwrap_or_else(|| panic!("{text}"));
    for problem in missing.lines().skip(1) {
        assert!(is_outside(problem), "{problem}, of\n{text}");
    }
}

/// A command of `analysis` that lacks its runs says so; one that can't be read gets its usage.
fn check_analysis(words: &[String]) {
    let (output, text) = call(words, &[]);
    let problem = String::from_utf8_lossy(&output.stderr);
    let lacks = problem.contains("reading runs/paper/") && !problem.contains("Usage:");
    assert!(output.status.success() || lacks, "{text}");
}

#[test]
fn every_command_of_the_paper_can_be_given_here() {
    let out = tempfile::tempdir().unwrap();
    let commands = commands();
    assert!(commands.len() >= 20, "{commands:?}");
    for words in &commands {
        match (words[0].strip_prefix(PROGRAMS).unwrap(), &*words[1]) {
            ("study", _) => check_study(words, out.path()),
            ("env-server", "generate") | ("agent", "run") => {
                let (output, text) = call(words, &["--check"]);
                assert!(output.status.success(), "{text}");
            }
            ("analysis", _) => check_analysis(words),
            _ => panic!("no check for {}", words.join(" ")),
        }
    }
    assert_eq!(out.path().read_dir().unwrap().count(), 0, "a dry run writes nothing");
}

#[test]
fn the_makefile_has_the_targets_of_the_paper() {
    let document = std::fs::read_to_string(root().join("docs/PAPER.md")).unwrap();
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    for target in ["build", "trainer", "paper-tiny"] {
        assert!(
            document.contains(&format!("make {target}")) && makefile.contains(&format!("\n{target}:")),
            "{target}"
        );
    }
}
