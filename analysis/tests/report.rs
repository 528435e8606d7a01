//! `collect` and `report` on studies made for the tests.
#![allow(clippy::unwrap_used, reason = "clippy exempts tests, but not their helpers")]

#[path = "support/study.rs"]
mod study;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use study::{CELLS, Study, TASKS};
use support::{Outcome, analysis};

/// Runs a command with paths and words as arguments.
fn run(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Outcome {
    analysis(&arguments.iter().map(|argument| argument.as_ref().to_owned()).collect::<Vec<_>>())
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(name, bytes)| (path.join(name), bytes)));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found.into_iter().map(|(path, bytes)| (path.strip_prefix(folder).unwrap().to_owned(), bytes)).collect()
}

/// The cells of the row of a Markdown table that begins with these cells.
fn row<'a>(markdown: &'a str, beginning: &[&str]) -> Vec<&'a str> {
    let cells =
        |line: &'a str| -> Vec<&'a str> { line.trim_matches('|').split('|').map(str::trim).collect() };
    let found = markdown.lines().filter(|line| line.starts_with('|')).map(cells);
    let row = found.into_iter().find(|row| row.starts_with(beginning));
    row.unwrap_or_else(|| panic!("no row {beginning:?} in\n{markdown}"))
}

#[test]
fn the_numbers_are_those_of_the_other_commands() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::new(folder.path(), "Made for a test", &[1, 2]);
    let outcome = run(&[&"report", &study.folder]).succeeded();
    assert_eq!(outcome.stderr, "");
    let summary = fs::read_to_string(study.folder.join("report/summary.md")).unwrap();
    assert!(summary.starts_with("# Made for a test\n"), "{summary}");

    let runs = |cell: (&str, &str)| [1, 2].map(|seed| study.run(seed, cell.0, cell.1));
    for (train, runtime) in CELLS {
        let failures = runs((train, runtime)).map(|run| {
            let outcome = analysis(&["failures".into(), run, "--format".into(), "json".into()]).succeeded();
            serde_json::from_str::<Value>(&outcome.stdout).unwrap()[0]["missing_variable_share"]
                .as_f64()
                .unwrap()
        });
        let share = format!("{:.1} [", 50.0 * failures.iter().sum::<f64>());
        let row = row(&summary, &[&format!("{train} → {runtime}"), "40"]);
        assert!(row[2].starts_with(&share), "{row:?} {share}");
    }
    let mut arguments: Vec<PathBuf> = vec!["two-by-two".into()];
    for ((train, runtime), option) in CELLS.iter().zip(["--pp", "--pr", "--rp", "--rr"]) {
        arguments.extend(runs((train, runtime)).into_iter().flat_map(|run| [option.into(), run]));
    }
    let tables = analysis(&arguments).succeeded();
    // Its cells: score, solved, missing variable, generated, prompt + generated.
    for ((train, runtime), cell) in CELLS.iter().zip(["PP", "PR", "RP", "RR"]) {
        let expected = tables.row(cell);
        let row = row(&summary, &[&format!("{train} → {runtime}"), "40"]);
        assert_eq!([row[8], row[9], row[2], row[3], row[5]], expected[1..], "{cell}");
    }
    let tests: Vec<&str> = tables.stdout.lines().filter(|line| line.contains(" - ")).collect();
    assert_eq!(tests.len(), 30);
    for line in tests {
        assert!(summary.contains(line), "{line}");
    }
    // By hand: 19 of 20 tasks miss a variable at their second turn and take 4 turns instead of 2; the base
    // never calls finish().
    let suffering = row(&summary, &["persistent → reset", "40"]);
    assert_eq!((suffering[2].split(' ').next(), suffering[6], suffering[7]), (Some("95.0"), "3.90", "100.0"));
    assert_eq!(row(&summary, &["base → reset", "40"])[7], "0.0");
    assert_eq!(row(&summary, &["reset → reset", "2"])[2..6], ["20", "0.0", "280.0", "280.0"]);
    assert_eq!(row(&summary, &["train", "1"])[2..], ["2 min 00 s", "99.6"]);
}

#[test]
fn the_file_makes_the_same_report_as_the_folder_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::new(&folder.path().join("study"), "Made", &[1]);
    let file = folder.path().join("results.json");
    run(&[&"collect", &study.folder, &"--out", &file]).succeeded();
    let outs = ["a", "b", "c"].map(|name| folder.path().join(name));
    run(&[&"report", &study.folder, &"--out", &outs[0]]).succeeded();
    run(&[&"report", &file, &"--out", &outs[1]]).succeeded();
    run(&[&"report", &file, &"--out", &outs[2]]).succeeded();
    let reports = outs.map(|out| files(&out));
    assert_eq!(reports[0].keys().collect::<Vec<_>>(), reports[1].keys().collect::<Vec<_>>());
    for other in &reports[1..] {
        for (name, bytes) in other {
            assert!(reports[0][name] == *bytes, "{} differs", name.display());
        }
    }
    for name in
        ["index.html", "summary.md", "figures/survival.svg", "figures/training.png", "tables/main.tex"]
    {
        assert!(reports[0].contains_key(Path::new(name)), "{name}");
    }
    let results: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(results["format"], "runtime_gym.results.v1");
    // The outcomes of turns of persistent-trained in a reset runtime, and of the base.
    assert_eq!(results["cells"][1]["episodes"]["turns"][1], "omoe");
    assert_eq!(results["cells"][4]["episodes"]["turns"][1], "ooc");
    assert_eq!(results["training"][0]["loss"]["step"].as_array().unwrap().len(), 150);
    assert_eq!(results["training"][0]["eval_loss"], json!({"step": [300], "value": [0.25]}));
    assert_eq!(results["examples"][0]["episodes"].as_array().unwrap().len(), 4);
}

#[test]
fn policies_that_learnt_from_episodes_have_curves_and_their_ends() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::new(&folder.path().join("study"), "Made", &[1, 2]);
    let played = |step: u32, missing: u32| {
        json!({
            "step": step, "epoch": 0.1, "time": 1.0, "loss": 0.0, "learning_rate": 0.1, "grad_norm": 1.0, "tokens": 30,
            "tokens_per_second": 9.0, "memory_bytes": null,
            "kl": 0.0, "clip_ratio": 0.0, "sampling_logp_difference": 0.0, "train_seconds": 1.0,
            "train_tokens_per_second": 1.0,
            "reward": 0.5, "reward_std": 0.1, "frac_reward_zero_std": 0.0, "solved": 0.5, "rollouts": 8,
            "unbranched_groups": 0, "turns": 3.0, "completion_tokens": 1234.0, "missing_variables": missing,
            "names_redefined": 0.25, "generated_tokens": 9, "prompt_tokens": 9, "cached_tokens": 0, "env_steps": 3,
            "engine_seconds": 1.0, "engine_tokens_per_second": 9.0, "env_seconds": 1.0, "env_steps_per_second": 3.0,
        })
        .to_string()
    };
    for seed in [1, 2] {
        // From 4 or 6 missing variables an episode to none in the last 2 of 20 steps.
        let lines = (1..=20).map(|step| played(step, if step > 18 { 0 } else { 2 + 2 * seed }) + "\n");
        let path = study.folder.join(format!("train/{seed}/persistent/metrics.jsonl"));
        fs::write(path, lines.collect::<String>()).unwrap();
    }
    let file = folder.path().join("results.json");
    run(&[&"collect", &study.folder, &"--out", &file]).succeeded();
    let results: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let learning = |index: usize| &results["training"][index]["learning"];
    assert_eq!(learning(1)["missing_variables"]["value"][0], 4.0);
    assert_eq!(*learning(0), Value::Null, "the base learnt from samples");

    let out = folder.path().join("report");
    run(&[&"report", &file, &"--out", &out]).succeeded();
    let summary = fs::read_to_string(out.join("summary.md")).unwrap();
    let ends = |measure: &str| row(&summary, &["persistent", measure])[2..].to_vec();
    // Two values that differ by 2 have Student's interval 5 +- 12.706.
    assert_eq!(ends("Missing variables an episode"), ["5.00 [-7.71, 17.71]", "0.00 [0.00, 0.00]"]);
    assert_eq!(ends("Generated tokens an episode"), ["1,234.0 [1,234.0, 1,234.0]"; 2]);
    assert_eq!(ends("Generated tokens a step of training"), ["9 [9, 9]"; 2]);
    assert_eq!(ends("Environment steps a step of training"), ["3 [3, 3]"; 2]);
    let figure = fs::read_to_string(out.join("figures/learning.svg")).unwrap();
    assert_eq!(figure.matches("class=\"line faint line-pp\"").count(), 8, "two seeds in four panels");
}

#[test]
fn task_sets_stand_one_below_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut study = Study::new(folder.path(), "Made", &[1]);
    let mut harder = study.manifest["cells"].as_array().unwrap()[..4].to_vec();
    for cell in &mut harder {
        cell["tasks"] = json!("harder");
    }
    study.manifest["cells"].as_array_mut().unwrap().extend(harder);
    study.write();
    run(&[&"report", &study.folder, &"--with", &study.folder]).succeeded();
    let summary = fs::read_to_string(study.folder.join("report/summary.md")).unwrap();
    // Each section has both task sets, with their names.
    assert_eq!(
        summary.matches("### harder (knapsack)\n").count(),
        summary.matches("### held-out (knapsack)\n").count()
    );
    assert_eq!(summary.matches("| base → reset ").count(), 1);
    let names: Vec<PathBuf> = files(&study.folder.join("report")).into_keys().collect();
    for name in ["main", "aims", "tests_score", "ablations"] {
        for set in ["harder", "held-out"] {
            assert!(names.contains(&format!("tables/{name}_{set}_knapsack.tex").into()), "{names:?}");
        }
    }
    assert!(names.contains(&"figures/tokens_harder_knapsack.png".into()), "{names:?}");
}

#[test]
fn three_seeds_of_two_hundred_tasks_stay_small() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::new(folder.path(), "Made", &[1]);
    let file = folder.path().join("results.json");
    run(&[&"collect", &study.folder, &"--out", &file]).succeeded();
    // 120 episodes here, 3,600 in a study with both of the base's cells; the rest grows with seeds alone.
    assert!(fs::metadata(&file).unwrap().len() < (2 << 20) / 30, "{}", fs::metadata(&file).unwrap().len());
}

#[test]
fn the_page_asks_for_nothing_and_escapes_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::new(folder.path(), "Made <b>bold</b>", &[1]);
    run(&[&"report", &study.folder]).succeeded();
    let page = fs::read_to_string(study.folder.join("report/index.html")).unwrap();
    for part in
        ["<script", "<link", "<img", "<iframe", "@import", "url(", "src=", "<b>bold", "<items>", "<fast>"]
    {
        assert!(!page.contains(part), "{part}");
    }
    let addresses = page.matches("://").count();
    assert_eq!(addresses, page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    for part in
        ["Made &lt;b&gt;bold", "12 &lt;items&gt;", "Pack number", "a &lt;fast&gt; processor", "Every test"]
    {
        assert!(page.contains(part), "{part}");
    }
    for (name, bytes) in files(&study.folder.join("report/figures")) {
        match name.extension().unwrap().to_str().unwrap() {
            "svg" => assert!(!String::from_utf8(bytes).unwrap().contains("var("), "{}", name.display()),
            "png" => {
                let picture = resvg::tiny_skia::Pixmap::decode_png(&bytes).unwrap();
                let drawn = picture.pixels().iter().filter(|pixel| pixel.red() < 200).count();
                assert!(picture.width() == 1920 && drawn > 5_000, "{}: {drawn}", name.display());
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn an_ablation_joins_as_rows_with_paired_differences() {
    let folder = tempfile::tempdir().unwrap();
    let main = Study::new(&folder.path().join("main"), "Main", &[1, 2]);
    let mut other = Study::new(&folder.path().join("other"), "Half of each", &[2]);
    other.evaluate(2, "mixed-50", "reset");
    other.manifest["cells"].as_array_mut().unwrap().drain(..6);
    let again = other.manifest["cells"].clone();
    other.write();
    run(&[&"report", &main.folder, &"--with", &other.folder]).succeeded();
    let summary = fs::read_to_string(main.folder.join("report/summary.md")).unwrap();
    // An adapter that the main study does not have is compared with both adapters of the main study in the
    // same runtime, under seed 2 alone.
    let beside = row(
        &summary,
        &["Half of each", "mixed-50 → reset", "1 × 20", "0.0", "68.0", "85.7", "persistent → reset"],
    );
    assert_eq!(beside[7], "1 × 20");
    assert!(beside[8].starts_with("-95.0 [-99.1, "), "{beside:?}");
    // Two times 34 tokens, less (64 + 4 * 648) / 20.
    assert!(beside[9].starts_with("-64.8 ["), "{beside:?}");
    assert!(beside[10].starts_with("28.5 ["), "{beside:?}");
    assert_eq!(row(&summary, &["this study", "persistent → reset"])[2..4], ["2 × 20", "95.0"]);
    assert!(summary.contains("| reset → reset "), "{summary}");

    // Another task under the same id, and a task set of another name.
    let path = other
        .run(2, "mixed-50", "reset")
        .join("results/mixed-50/knapsack/knapsack-knapsack-0000000003.trace.json");
    let trace = fs::read_to_string(&path).unwrap();
    fs::write(&path, trace.replace("Pack number 3", "Pack number 4")).unwrap();
    let refused = run(&[&"report", &main.folder, &"--with", &other.folder]);
    refused.refused(&[
        other.folder.to_str().unwrap(),
        "held-out",
        "task knapsack-0000000003 is another task",
    ]);
    other.manifest["cells"] = again;
    other.manifest["cells"][0]["tasks"] = json!("elsewhere");
    other.write();
    let refused = run(&[&"report", &main.folder, &"--with", &other.folder]);
    refused.refused(&[other.folder.to_str().unwrap(), "task set elsewhere", "held-out (knapsack)"]);
}

#[test]
fn a_study_that_is_not_whole_is_reported_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mut study = Study::new(folder.path(), "Made", &[1, 2]);
    // The second seed's last cells are missing, and an episode of the first seed has failed.
    study.manifest["cells"].as_array_mut().unwrap().truncate(8);
    study.write();
    let failed =
        study.run(1, "reset", "reset").join("results/reset/knapsack/knapsack-knapsack-0000000004.json");
    let result = json!({
        "status": "failed", "error": "server gone", "result": null, "started_at": 0.0, "finished_at": 1.0,
    });
    fs::write(&failed, result.to_string()).unwrap();
    let outcome = run(&[&"report", &study.folder]).succeeded();
    for words in [
        "seed 2 of persistent → persistent, which is not in all four cells",
        "1 task(s), not evaluated in all four cells under every seed",
        "1 failed episode(s) left out",
    ] {
        assert!(outcome.stderr.contains(words), "{words} in {}", outcome.stderr);
    }
    let summary = fs::read_to_string(study.folder.join("report/summary.md")).unwrap();
    assert_eq!(row(&summary, &["base → reset"])[1], (TASKS - 1).to_string());
    for words in [
        "Episodes left out, because they failed, were not evaluated or could not be read: 1 of reset → reset, seed 1.",
        "Left out of every table: seed 2 of persistent → persistent, which is not in all four cells; seed 2 of",
    ] {
        assert!(summary.contains(words), "{words} in {summary}");
    }
    // Without all four cells there is nothing to test.
    study.manifest["cells"].as_array_mut().unwrap().truncate(3);
    study.write();
    run(&[&"report", &study.folder]).succeeded();
    let summary = fs::read_to_string(study.folder.join("report/summary.md")).unwrap();
    assert!(summary.contains("## The cells") && !summary.contains("## Aims"), "{summary}");
}

#[test]
fn what_is_wrong_with_a_study_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut study = Study::new(&folder.path().join("study"), "Made", &[1]);
    let out = folder.path().join("out");
    let report = |study: &Study| run(&[&"report", &study.folder, &"--out", &out]);
    run(&[&"report", &folder.path()]).refused(&["study.json", "give the folder of a study"]);
    run(&[&"collect", &study.folder.join("study.json"), &"--out", &out])
        .refused(&["this is a study's manifest; give its folder"]);

    fs::create_dir(study.folder.join("evaluate/empty")).unwrap();
    let whole = study.manifest.clone();
    let mut with = |change: &dyn Fn(&mut Value), words: &[&str]| {
        study.manifest = whole.clone();
        change(&mut study.manifest);
        study.write();
        report(&study).refused(words);
    };
    with(
        &|m| m["format"] = json!("runtime_gym.study.v9"),
        &["study.json: `format` is \"runtime_gym.study.v9\", expected \"runtime_gym.study.v1\""],
    );
    with(
        &|m| drop(m.as_object_mut().unwrap().remove("machine")),
        &["study.json: not a study", "missing field `machine`"],
    );
    with(&|m| m["cells"][1]["seed"] = json!("one"), &["study.json: not a study", "cells[1].seed"]);
    with(&|m| m["cells"] = json!([]), &["study.json: `cells` is empty"]);
    with(
        &|m| m["cells"][2]["run"] = json!("evaluate/gone"),
        &["study.json: cells[2].run", "evaluate/gone", "No such file"],
    );
    with(
        &|m| m["cells"][2]["run"] = json!("evaluate/empty"),
        &["study.json: cells[2].run", "no episodes found"],
    );
    with(
        &|m| m["cells"][2]["runtime"] = json!("reset"),
        &[
            "study.json: cells[2].run",
            "given as run in a reset runtime, but task knapsack-0000000000 ran in a persistent one",
        ],
    );
    with(
        &|m| m["cells"][4] = m["cells"][0].clone(),
        &["study.json: cells[4]: seed 1, persistent in persistent on held-out is also cells[0]"],
    );
    with(
        &|m| m["training"][1]["folder"] = json!("train/gone"),
        &["study.json: training[1].folder", "train/gone/training.json"],
    );
    assert!(!out.exists());

    study.manifest = whole;
    study.write();
    let metrics = study.folder.join("train/1/base/metrics.jsonl");
    let whole = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, format!("{}\n{{\"step\"", whole.lines().next().unwrap())).unwrap();
    report(&study).refused(&["training[0].folder", "metrics.jsonl:2"]);
    fs::write(&metrics, whole).unwrap();
    let record = study.folder.join("train/1/base/training.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace("trained_parameters", "parameters")).unwrap();
    report(&study).refused(&["training[0].folder", "training.json: missing field `trained_parameters`"]);
}

#[test]
fn what_is_wrong_with_a_results_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::new(&folder.path().join("study"), "Made", &[1]);
    let file = folder.path().join("results.json");
    run(&[&"collect", &study.folder, &"--out", &file]).succeeded();
    let whole: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let with = |change: &dyn Fn(&mut Value), words: &[&str]| {
        let mut changed = whole.clone();
        change(&mut changed);
        fs::write(&file, changed.to_string()).unwrap();
        run(&[&"report", &file]).refused(words);
    };
    with(
        &|r| r["format"] = json!(1),
        &["results.json: `format` is 1, expected \"runtime_gym.results.v1\"", "analysis collect"],
    );
    with(&|r| r["extra"] = json!(1), &["results.json: not the results of a study", "unknown field `extra`"]);
    with(
        &|r| r["cells"][0]["episodes"]["turns"][0] = json!("ox"),
        &["cells[0].episodes", "unknown letter `x`"],
    );
    with(
        &|r| drop(r["cells"][0]["episodes"]["score"].as_array_mut().unwrap().pop()),
        &["cells[0].episodes", "`score` has 19 values, `task_id` has 20"],
    );
    with(
        &|r| r["cells"][0]["episodes"]["task_id"][1] = json!("knapsack-0000000000"),
        &["cells[0]: two episodes of task knapsack-0000000000"],
    );
    with(
        &|r| r["cells"][0]["episodes"]["task_id"][1] = json!("other"),
        &["cells[0]: task other is not of task set held-out"],
    );
}

#[test]
fn the_marked_parts_of_a_document_are_updated_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::new(&folder.path().join("study"), "Made", &[1]);
    let document = folder.path().join("STUDY.md");
    let figures = folder.path().join("figures");
    let prose = "# A study\n\nWords.\n\n<!-- generated: main -->\n<!-- end -->\n\n\
        More words.\n\n<!-- generated: figures -->\n<!-- end -->\n";
    fs::write(&document, prose).unwrap();
    let update = |more: &[&dyn AsRef<std::ffi::OsStr>]| {
        let arguments: [&dyn AsRef<std::ffi::OsStr>; 6] =
            [&"report", &study.folder, &"--update", &document, &"--figures", &figures];
        run(&[&arguments[..], more].concat())
    };
    update(&[&"--check"]).refused(&[
        "STUDY.md: main, figures",
        "figures/score.svg",
        "run the same command without --check",
    ]);
    assert_eq!(fs::read_to_string(&document).unwrap(), prose);
    update(&[]).succeeded();
    let written = fs::read_to_string(&document).unwrap();
    assert!(written.starts_with("# A study\n\nWords.\n\n<!-- generated: main -->\n\n"), "{written}");
    assert!(written.contains("\nMore words.\n") && written.contains("](figures/survival.svg)"), "{written}");
    assert_eq!(row(&written, &["persistent → reset"])[1], "20");
    assert!(figures.join("survival.svg").exists() && !study.folder.join("report").exists());
    update(&[&"--check"]).succeeded();
    fs::write(figures.join("score.svg"), "").unwrap();
    update(&[&"--check"]).refused(&["figures/score.svg"]);
    run(&[&"report", &study.folder, &"--check"])
        .refused(&["--check compares what --update or --figures would write"]);
}
