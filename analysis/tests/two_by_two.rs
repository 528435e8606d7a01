//! `two-by-two` on runs made for the tests.
#![allow(clippy::unwrap_used, reason = "clippy exempts tests, but not their helpers")]

mod support;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{analysis, result, write_episode};

const TASKS: u32 = 20;
/// In the order of [`runs`].
const CELLS: [&str; 4] = ["pp", "pr", "rp", "rr"];

/// A trace of one step in this runtime, which ends in a missing-variable error or not.
fn trace(runtime: char, generated: u64, missing: bool) -> Value {
    let usage =
        json!({"prompt_tokens": 100, "completion_tokens": generated, "total_tokens": 100 + generated});
    let error = if missing { json!("NameError: name 'x' is not defined") } else { Value::Null };
    let step = json!({
        "code": "x", "token_usage": usage,
        "interpreter_result": {"success": !missing, "error": error},
    });
    json!({
        "provenance": {"interpreter_state": if runtime == 'p' { "persistent" } else { "reset" }},
        "summary": {"num_steps": 1, "finish_reason": "finish_tool", "token_usage": usage},
        "events": [{"type": "StepEvent", "timestamp": "t", "data": step}],
    })
}

/// Four runs. Only the persistent-trained one in a reset runtime has missing variables and lower scores.
fn runs(root: &Path) -> Vec<PathBuf> {
    for cell in CELLS {
        for task in 0..TASKS {
            let (suffers, varied) = (cell == "pr", u64::from(task % 5));
            let score = if suffers { 0.5 } else { 0.8 } + 0.02 * f64::from(task % 7);
            let generated = if cell.starts_with('r') { 300 + 10 * varied } else { 100 + varied };
            let solved = task % 2 == 0 && !suffers;
            let missing = suffers && task > 1;
            let runtime = cell.chars().nth(1).unwrap();
            write_episode(
                &root.join(cell),
                cell,
                task,
                &result(solved, score),
                &trace(runtime, generated, missing),
            );
        }
    }
    CELLS.map(|cell| root.join(cell)).into()
}

/// The arguments of these runs, each with the option of its cell.
fn arguments(runs: &[PathBuf]) -> Vec<OsString> {
    let options = runs.iter().zip(CELLS.iter().cycle());
    let options = options.flat_map(|(run, cell)| [format!("--{cell}").into(), run.clone().into_os_string()]);
    [OsString::from("two-by-two")].into_iter().chain(options).collect()
}

fn json_of(runs: &[PathBuf], file: &Path) -> Value {
    let mut arguments = arguments(runs);
    arguments.extend(["--json".into(), file.into()]);
    analysis(&arguments).succeeded();
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn comparison<'a>(report: &'a Value, outcome: &str, contrast: &str) -> &'a Value {
    let comparisons = report["comparisons"].as_array().unwrap();
    comparisons.iter().find(|c| c["outcome"] == outcome && c["contrast"] == contrast).unwrap()
}

#[test]
fn a_cell_that_suffers_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let runs = runs(folder.path());
    let outcome = analysis(&arguments(&runs)).succeeded();
    assert!(
        outcome.stdout.starts_with("knapsack: 20 tasks x 1 seed in each of 4 cells"),
        "{}",
        outcome.stdout
    );
    // 18 of 20; Wilson's interval is from statsmodels.
    let row = outcome.row("PR");
    assert_eq!((row[0], row[2], row[3]), ("20", "0.0 [0.0, 16.1]", "90.0 [69.9, 97.2]"));
    assert_eq!(outcome.row("PP")[4..], ["102.0 [101.4, 102.6]", "202.0 [201.4, 202.6]"]);

    let file = folder.path().join("out.json");
    let report = json_of(&runs, &file);
    assert_eq!(report["schema_version"], "runtime_gym.two_by_two.v1");
    assert_eq!(report["comparisons"].as_array().unwrap().len(), 30);
    // Every task scores 0.3 less: two of all flips of 20 signs are as extreme.
    let score = comparison(&report, "score", "PR - PP");
    assert!((score["difference"]["value"].as_f64().unwrap() + 0.3).abs() < 1e-12);
    assert_eq!(score["test"]["rank_biserial"]["value"], -1.0);
    assert_eq!(
        (&score["p_value"], &score["test"]["exact"]),
        (&json!(2.0 / f64::from(1 << 20)), &json!(true))
    );
    // 10 solved against none: 2 / 2^10. It is not among the smallest of 30 p-values.
    let solved = comparison(&report, "solved", "PR - PP");
    assert_eq!((&solved["test"]["name"], &solved["test"]["second_only"]), (&json!("mcnemar"), &json!(10)));
    assert_eq!(solved["p_value"], 2.0 / 1024.0);
    assert!(solved["p_holm"].as_f64().unwrap() > 0.01);
    // The interaction: (0.8 - 0.5) - (0.8 - 0.8).
    let interaction = comparison(&report, "score", "(PP - PR) - (RP - RR)");
    assert!((interaction["difference"]["value"].as_f64().unwrap() - 0.3).abs() < 1e-12);
    let tokens = comparison(&report, "generated_tokens", "RP - PP");
    assert!((tokens["ratio"]["value"].as_f64().unwrap() - 320.0 / 102.0).abs() < 1e-12);
    // The matched cells do not differ in score, despite rounding errors.
    assert_eq!(comparison(&report, "score", "PP - RR")["test"]["zeros"], 20);
    assert_eq!(comparison(&report, "score", "PP - RR")["detectable"], Value::Null);
}

#[test]
fn a_seed_that_repeats_another_adds_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let once = runs(&folder.path().join("s1"));
    let twice = [once.clone(), runs(&folder.path().join("s2"))].concat();
    let file = folder.path().join("out.json");
    let (once, twice) = (json_of(&once, &file), json_of(&twice, &file));
    assert_eq!((&twice["seeds"], &twice["cells"][0]["episodes"]), (&json!(2), &json!(40)));
    assert_eq!(once["cells"][1]["means"], twice["cells"][1]["means"]);
    for (one, two) in
        once["comparisons"].as_array().unwrap().iter().zip(twice["comparisons"].as_array().unwrap())
    {
        for key in ["difference", "p_value", "p_holm", "detectable"] {
            assert_eq!(one[key], two[key], "{} {} {key}", one["outcome"], one["contrast"]);
        }
        assert_eq!(two["difference_by_seed"].as_array().unwrap().len(), 2);
        for key in ["rank_biserial", "odds_ratio"] {
            assert_eq!(one["test"][key], two["test"][key], "{} {} {key}", one["outcome"], one["contrast"]);
        }
    }
}

#[test]
fn unpaired_tasks_are_refused_or_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let runs = runs(folder.path());
    fs::remove_file(runs[2].join("results/rp/knapsack/knapsack-knapsack-0000000003.json")).unwrap();
    let mut arguments = arguments(&runs);
    analysis(&arguments).refused(&[
        "1 task(s) are not evaluated in every run",
        "RP: ",
        "lacks 1: knapsack-0000000003",
        "--common-tasks for the 19 task(s)",
    ]);
    arguments.push("--common-tasks".into());
    let outcome = analysis(&arguments).succeeded();
    assert!(outcome.stdout.contains("1 task(s) left out"), "{}", outcome.stdout);
    assert_eq!(outcome.row("PP")[0], "19");
}

#[test]
fn runs_that_are_not_what_they_are_given_as_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let runs = runs(folder.path());
    let [pp, pr, rp, rr] = [0, 1, 2, 3].map(|index: usize| runs[index].clone());
    analysis(&arguments(&runs[..3])).refused(&["required arguments were not provided", "--rr <RUN>"]);
    analysis(&arguments(&[pr.clone(), pp.clone(), rp.clone(), rr.clone()]))
        .refused(&["PP: ", "run in a persistent runtime, but task knapsack-0000000000 ran in a reset one"]);
    analysis(&arguments(&[pp.clone(), pr.clone(), pp.clone(), rr.clone()]))
        .refused(&["the same run is given twice: PP: ", " and RP: "]);
    analysis(&arguments(&[pp.clone(), pr.clone(), rp.clone(), rr.clone(), pp.clone()]))
        .refused(&["differ in their number of runs (PP has 2, PR has 1, RP has 1, RR has 1)"]);
    analysis(&arguments(&[pp.clone(), pr.clone(), rp.clone(), folder.path().to_owned()]))
        .refused(&["several conditions (pp, pr, rp, and 1 more)"]);

    let mut lossy = trace('p', 100, false);
    lossy["provenance"]["state_loss"] = json!(0.3);
    write_episode(&pp, "pp", 0, &result(true, 1.0), &lossy);
    analysis(&arguments(&[pp, pr, rp, rr])).refused(&["PP: ", "state_loss 0.3", "without `state_loss`"]);
}

#[test]
fn families_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let runs = runs(folder.path());
    for run in &runs {
        let agent = run.file_name().unwrap();
        let results = run.join("results").join(agent);
        fs::create_dir_all(results.join("navigation")).unwrap();
        for ending in ["json", "trace.json"] {
            fs::copy(
                results.join(format!("knapsack/knapsack-knapsack-0000000000.{ending}")),
                results.join(format!("navigation/navigation-navigation-0000000000.{ending}")),
            )
            .unwrap();
        }
    }
    let mut arguments = arguments(&runs);
    analysis(&arguments).refused(&["several task families (knapsack, navigation)", "--family"]);
    arguments.extend(["--family".into(), "chess".into()]);
    analysis(&arguments).refused(&["no task of family chess; the runs have: knapsack, navigation"]);
    *arguments.last_mut().unwrap() = "knapsack".into();
    assert_eq!(analysis(&arguments).succeeded().row("RR")[0], "20");
}

#[test]
fn what_is_unknown_of_an_episode_is_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let runs = runs(folder.path());
    fs::remove_file(runs[0].join("results/pp/knapsack/knapsack-knapsack-0000000003.trace.json")).unwrap();
    let outcome = analysis(&arguments(&runs)).succeeded();
    assert!(outcome.stderr.contains("Generated tokens: not compared"), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("over all 12 tests"), "{}", outcome.stdout);
}
