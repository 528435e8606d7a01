//! The report of episodes that the test plays, opened in a real browser.
//!
//! `UPDATE=1` also keeps a screenshot of the committed study's report for the docs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proto::interpreter_state::InterpreterState;
use proto::study::{self, Cell, Machine, Program, Stage, Study, Training};
use resvg::tiny_skia::Pixmap;
use serde_json::{Value, json};
use tests::{Chromium, Colours, EnvServer, program, root};

const TASKS: &str = "8";
/// A cell's training and runtime, and the scripted habit that stands for its model.
const CELLS: [(&str, &str, &str); 5] = [
    ("persistent", "persistent", "persistent-habit_in_persistent"),
    ("persistent", "reset", "persistent-habit_in_reset"),
    ("reset", "persistent", "reset-habit_in_persistent"),
    ("reset", "reset", "reset-habit_in_reset"),
    ("base", "persistent", "reset-habit_in_persistent"),
];

fn succeed(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(program(name)).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Plays every cell and writes the study's manifest, as the program that runs studies does.
async fn play(folder: &Path) {
    let tasks = folder.join("tasks");
    succeed("env-server", &["generate", "--config", "task_configs/eval_easy.json", "--out", text(&tasks)]);
    let server = EnvServer::start(&[&tasks], &[]).await;
    let cells = CELLS.map(|(train, runtime, habit)| {
        let run = format!("evaluate/{train}_in_{runtime}");
        succeed(
            "agent",
            &[
                "run",
                "--config",
                &format!("agent_configs/habits/{habit}.yaml"),
                "--tasks-root",
                text(&tasks),
                "--env",
                &server.url,
                "--max-examples",
                TASKS,
                "--output-dir",
                text(&folder.join(&run)),
            ],
        );
        Cell {
            seed: 1,
            train: train.into(),
            runtime: InterpreterState::named(runtime).unwrap(),
            tasks: "held-out".into(),
            run: Path::new(&run).join(habit),
        }
    });
    let training = ["base", "persistent", "reset"].map(|model| {
        let trained = PathBuf::from(format!("train/{model}"));
        write_training(&folder.join(&trained));
        Training { seed: 1, model: model.into(), phase: String::new(), folder: trained }
    });
    let study = Study {
        format: study::FORMAT.into(),
        name: "habits".into(),
        title: "Scripted habits in place of trained models".into(),
        experiment: json!({"seeds": [1], "tasks": {"held-out": 8}}),
        machine: Machine { processor: "a processor".into(), cores: 2, ..Machine::default() },
        programs: vec![Program { name: "agent".into(), version: "agent 0".into(), sha256: "12".repeat(32) }],
        stages: vec![Stage {
            name: "evaluate".into(),
            kind: "evaluate".into(),
            seconds: 90.0,
            ..Stage::default()
        }],
        training: training.into(),
        cells: cells.into(),
        ..Study::default()
    };
    files::write_json(&folder.join("study.json"), &study).unwrap();
}

/// Writes the files of `trainer train` that a report reads.
fn write_training(folder: &Path) {
    let record = json!({
        "program": "trainer 0", "git_commit": "", "libraries": "libtorch", "config": {},
        "base_model": {"path": "base", "sha256": "aa", "record": {}},
        "datasets": [{"path": "data", "sha256": "bb", "record": {}}],
        "samples": [20, 0], "device": "cpu", "compute": "bfloat16", "threads": 1, "trained_parameters": 1000,
        "steps": 20, "started_at": "2026-11-01T10:00:00Z", "written_at": "2026-11-01T10:10:00Z",
        "position": {"step": 20, "tokens": 900, "target_tokens": 400, "seconds": 4.5, "loss": 0.5, "eval_loss": null},
    });
    files::write_json(&folder.join("training.json"), &record).unwrap();
    let line = |step: u32| {
        let line = json!({
            "step": step, "epoch": 0.5, "time": 1.0, "loss": 2.0 / f64::from(step), "learning_rate": 0.1,
            "grad_norm": 1.0, "tokens": step * 45, "tokens_per_second": 10.0, "memory_bytes": null,
        });
        format!("{line}\n")
    };
    files::write_text(&folder.join("metrics.jsonl"), &(1..=20).map(line).collect::<String>()).unwrap();
}

/// The share of pixels in the most common colour, and the red part of that colour: 0 (dark) to 255.
fn background(png: &[u8], size: [u32; 2]) -> (f64, u8) {
    let picture = Pixmap::decode_png(png).unwrap();
    assert_eq!([picture.width(), picture.height()], size);
    let mut counts = std::collections::BTreeMap::new();
    for pixel in picture.pixels() {
        *counts.entry((pixel.red(), pixel.green(), pixel.blue())).or_insert(0_usize) += 1;
    }
    let ((red, ..), count) = counts.iter().max_by_key(|(_, count)| **count).unwrap();
    assert!(counts.len() > 100, "only {} colours", counts.len());
    (*count as f64 / picture.pixels().len() as f64, *red)
}

#[tokio::test]
async fn the_page_of_a_played_study_is_readable() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    play(&folder).await;
    let printed = succeed("analysis", &["report", text(&folder)]);
    let page = folder.join("report/index.html");
    assert!(printed.contains(text(&page)), "{printed}");

    let chromium = Chromium::find();
    let (elements, console) = chromium.elements(&page);
    assert!(console.is_empty(), "{console:?}");
    // The numbers are those of the other commands.
    let run = |(train, runtime, habit): &(&str, &str, &str)| {
        folder.join(format!("evaluate/{train}_in_{runtime}/{habit}"))
    };
    for cell in &CELLS {
        let failures = succeed("analysis", &["failures", "--format", "json", text(&run(cell))]);
        let failures: Value = serde_json::from_str(&failures).unwrap();
        let share = 100.0 * failures[0]["missing_variable_share"].as_f64().unwrap();
        let row = format!("<tr><td>{} → {}</td><td>8</td><td>{share:.1} <small>[", cell.0, cell.1);
        assert!(elements.contains(&row), "{row}");
    }
    let runs: Vec<PathBuf> = CELLS[..4].iter().map(run).collect();
    let cells = ["--pp", "--pr", "--rp", "--rr"].iter().zip(&runs);
    let arguments: Vec<&str> =
        std::iter::once("two-by-two").chain(cells.flat_map(|(name, run)| [*name, text(run)])).collect();
    let summary = fs::read_to_string(folder.join("report/summary.md")).unwrap();
    let tables = succeed("analysis", &arguments);
    let tests: Vec<&str> = tables.lines().filter(|line| line.contains(" - ")).collect();
    assert_eq!(tests.len(), 30, "{tables}");
    for line in tests {
        assert!(summary.contains(line), "{line}");
    }
    // The example episode is on the page: its code and its output.
    for words in ["json.loads(list_items())", "NameError: name ", "Turn 1: ran", "Kaplan and Meier"] {
        assert!(elements.contains(words), "{words}");
    }

    let size = [1280, 2400];
    let (share, light) = background(&chromium.screenshot(&page, size, Colours::Light), size);
    assert!((0.5..0.99).contains(&share) && light > 240, "{share} {light}");
    let (share, dark) = background(&chromium.screenshot(&page, size, Colours::Dark), size);
    assert!((0.5..0.99).contains(&share) && dark < 40, "{share} {dark}");
    let narrow = [420, 1200];
    background(&chromium.screenshot(&page, narrow, Colours::Light), narrow);
}

#[test]
fn the_committed_study_says_what_its_results_say() {
    let [results, document, figures] =
        ["docs/study/results.json", "docs/STUDY.md", "docs/study"].map(|p| root().join(p));
    let folder = tempfile::tempdir().unwrap();
    let mut arguments =
        vec!["report", text(&results), "--update", text(&document), "--figures", text(&figures)];
    let ablations = fs::read_dir(figures.join("ablations")).into_iter().flatten();
    let mut ablations: Vec<PathBuf> = ablations.map(|entry| entry.unwrap().path()).collect();
    ablations.sort();
    arguments.extend(ablations.iter().flat_map(|path| ["--with", text(path)]));
    succeed("analysis", &[&arguments[..], &["--check"]].concat());
    succeed("analysis", &[&arguments[..2], &arguments[6..], &["--out", text(folder.path())]].concat());
    let size = [1280, 1500];
    let png = Chromium::find().screenshot(&folder.path().join("index.html"), size, Colours::Light);
    let (share, light) = background(&png, size);
    assert!((0.5..0.99).contains(&share) && light > 240, "{share} {light}");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(figures.join("report.png"), png).unwrap();
    }
}

#[test]
fn the_committed_studies_beside_it_say_what_their_results_say() {
    let document = root().join("docs/STUDY.md");
    for study in ["smollm2", "grpo", "grpo_forks"] {
        let figures = root().join("docs/study").join(study);
        let results = figures.with_extension("json");
        let update = ["--update", text(&document), "--study", study, "--figures", text(&figures), "--check"];
        succeed("analysis", &[&["report", text(&results)], &update[..]].concat());
    }
}
