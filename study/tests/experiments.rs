//! Experiment files: what is refused, and what the plans of this repository's files are.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use study::experiment::Experiment;
use study::kind::Kind;
use study::plan::{self, Place, Plan};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn file(name: &str) -> PathBuf {
    root().join("experiments").join(name)
}

/// The plan of an experiment file whose paths are relative to the repository.
fn plan_of(file: &Path) -> anyhow::Result<Plan> {
    let mut experiment = Experiment::read(file)?;
    for tasks in experiment.tasks.values_mut() {
        tasks.config = root().join(&tasks.config);
    }
    plan::plan(&experiment, Place { out: Path::new("runs"), name: "name" }, "")
}

/// Each stage's key, by its name.
fn keys(plan: &Plan) -> BTreeMap<String, String> {
    plan.stages.iter().map(|stage| (stage.name.clone(), stage.key.clone())).collect()
}

/// A file that extends the smoke test's.
fn variant(folder: &Path, changes: &str) -> PathBuf {
    let path = folder.join("variant.yaml");
    std::fs::write(&path, format!("extends: {}\n{changes}", file("smoke.yaml").display())).unwrap();
    path
}

/// The error of a file that extends the smoke test's.
fn refused(changes: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = variant(folder.path(), changes);
    let error = plan_of(&path).map(|_| ()).expect_err(changes);
    format!("{error:#}")
}

#[test]
fn every_experiment_of_the_repository_can_be_planned() {
    let mut files: Vec<PathBuf> = vec![];
    for folder in [file(""), file("ablations")] {
        let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
        files.extend(entries.filter(|path| path.extension().is_some_and(|suffix| suffix == "yaml")));
    }
    assert!(files.len() >= 6, "{files:?}");
    for file in files {
        let plan = plan_of(&file).unwrap_or_else(|error| panic!("{}: {error:#}", file.display()));
        assert!(!plan.cells.is_empty(), "{}", file.display());
        assert_eq!(plan.stages.last().unwrap().kind, Kind::Report);
        // A stage's inputs come before it.
        for (number, stage) in plan.stages.iter().enumerate() {
            let needed = stage.inputs.iter().filter(|input| input.path.starts_with("runs/stages"));
            for input in needed {
                assert!(plan.stages[..number].iter().any(|other| other.name == input.name), "{}", stage.name);
            }
        }
    }
}

#[test]
fn what_cannot_be_used_is_refused_by_its_key() {
    let cases = [
        ("titel: x", "titel"),
        ("title: ''", "`title`"),
        ("tasks: {teaching: {seeds: 3}}", "`tasks.teaching.seeds`"),
        ("traces: {reset: {polcy: x}}", "`traces.reset.polcy`: unknown key; did you mean policy?"),
        ("traces: {reset: {tasks: nowhere}}", "`traces.reset.tasks`: there is no `nowhere`"),
        ("evaluation: {temprature: 1}", "evaluation.temprature"),
        ("evaluation: {models: [base, nobody]}", "`evaluation.models`: there is no `nobody`"),
        ("evaluation: {runtimes: [reset, reset]}", "`evaluation.runtimes`: names one twice"),
        ("base: {mixture: {data: {rows: 3}}}", "`base.mixture.data.rows`: there is no `rows`"),
        ("base: {mixture: {data: {spans: 41}}}", "`base.mixture.data.spans`: is more than the 40"),
        ("base: {mixture: {data: {reset: 7}}}", "7 traces of `reset`"),
        ("base: {mixture: {seed: 3}}", "`base.mixture.seed`"),
        ("training: {base_model: x}", "`training.base_model`"),
        ("tuning: {adapter: null}", "`adapters.persistent.adapter`"),
        ("tasks: {held-out: {seed_start: 12000005}}", "shares seeds with `tasks.teaching`"),
        ("tasks: {held-out: {config: nowhere.json}}", "nowhere.json"),
        ("model: {sizes: {layers: -1}}", "`model.sizes.layers`"),
        ("base: {fresh: {data: {spans: 3}, max_steps: 1}}", "`base.fresh`: is what the model before"),
        ("agent: {name: x}", "`agent.name`: is set by the study"),
        ("traces: {reset: {agent: {persistent_state: true}}}", "`traces.reset.agent.persistent_state`"),
        ("evaluation: {agent: {state_loss: 0.3}}", "`evaluation.agent.state_loss`: must be 0"),
        ("traces: {'a/b': {folder: x}}", "`traces.a/b`"),
        ("extends: nowhere.yaml", "duplicate"),
    ];
    for (changes, said) in cases {
        let error = refused(changes);
        assert!(error.contains(said), "{changes}: {error}");
    }
}

#[test]
fn all_problems_of_a_file_are_named_at_once() {
    let error = refused(
        "titel: x\n\
         seeds: many\n\
         tasks: {teaching: {config: null, num_task: 3}}\n\
         traces: {reset: {state: kept}, other: {foldr: x}}\n\
         evaluation: {runtimes: [reset, forgetful], max_tokens: null}",
    );
    for problem in [
        "`titel`: unknown key; did you mean title?",
        "`seeds`: expected an integer, found a string, \"many\"",
        "`tasks.teaching.config`: missing",
        "`tasks.teaching.num_task`: unknown key; did you mean num_tasks?",
        "`traces.reset.state`: expected one of persistent, reset, found a string, \"kept\"",
        "`traces.other.policy`: missing",
        "`evaluation.runtimes[1]`: expected one of persistent, reset",
        "`evaluation.max_tokens`: missing",
    ] {
        assert!(error.lines().any(|line| line.contains(problem)), "{problem} is not in\n{error}");
    }
    assert!(error.lines().all(|line| line.contains("variant.yaml: `")), "{error}");
    // What must hold beyond types.
    let error = refused(
        "title: ''\nthreads: 0\ntuning: {seed: 1, output_dir: x}\nevaluation: {models: [nobody, base, base]}",
    );
    for problem in [
        "`title`: must say",
        "`threads`: must be at least 1",
        "`tuning.seed`: is set by the study itself",
        "`tuning.output_dir`: is set by the study itself",
        "`evaluation.models`: there is no `nobody`",
        "`evaluation.models`: names one twice",
    ] {
        assert!(error.lines().any(|line| line.contains(problem)), "{problem} is not in\n{error}");
    }
}

#[test]
fn a_file_that_extends_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), "extends: b.yaml").unwrap();
    std::fs::write(folder.path().join("b.yaml"), "extends: a.yaml").unwrap();
    let error = Experiment::read(&folder.path().join("a.yaml")).unwrap_err().to_string();
    assert!(error.contains("comes back"), "{error}");
}

/// Names of the stages whose keys these changes change.
fn changed(changes: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let before = keys(&plan_of(&file("smoke.yaml")).unwrap());
    let after = keys(&plan_of(&variant(folder.path(), changes)).unwrap());
    after.into_iter().filter(|(name, key)| before.get(name) != Some(key)).map(|(name, _)| name).collect()
}

#[test]
fn a_change_reaches_what_depends_on_it_and_nothing_else() {
    assert_eq!(changed(""), [] as [&str; 0]);
    assert_eq!(changed("title: Another"), ["report"]);
    assert_eq!(
        changed("adapters: {reset: {max_steps: 3}}"),
        [
            "report",
            "seed1/adapters/reset",
            "seed1/cells/held-out/reset_in_persistent",
            "seed1/cells/held-out/reset_in_reset"
        ]
    );
    let tokenizer = changed("model: {sizes: {vocab_size: 500}}");
    assert!(
        tokenizer.contains(&"data/reset-6".to_owned()) && !tokenizer.contains(&"traces/reset".to_owned())
    );
    let wider = changed("model: {sizes: {hidden_size: 64}}");
    assert!(wider.contains(&"seed1/base/fresh".to_owned()) && !wider.contains(&"data/reset-6".to_owned()));
}

#[test]
fn repeats_share_their_data() {
    let folder = tempfile::tempdir().unwrap();
    let one = keys(&plan_of(&file("smoke.yaml")).unwrap());
    let two = keys(&plan_of(&variant(folder.path(), "seeds: 2")).unwrap());
    let added: Vec<&String> = two.keys().filter(|name| !one.contains_key(*name)).collect();
    assert!(!added.is_empty() && added.iter().all(|name| name.starts_with("seed2/")), "{added:?}");
    assert!(one.iter().filter(|(name, _)| *name != "report").all(|(name, key)| two[name] == *key));
    assert_ne!(two["seed1/base/fresh"], two["seed2/base/fresh"]);
}

#[test]
fn ablations_share_the_base_unless_it_is_what_they_change() {
    let small = keys(&plan_of(&file("small.yaml")).unwrap());
    let shares = |name: &str| {
        let ablation = keys(&plan_of(&file(&format!("ablations/{name}.yaml"))).unwrap());
        ablation["seed1/base/mixture"] == small["seed1/base/mixture"]
    };
    assert!(["mixed-25", "mixed-50", "mixed-75"].into_iter().all(shares));
    assert!(!shares("no-recovery"));
}

/// A stage's key must not change from version to version: otherwise every existing output is made again.
#[test]
fn keys_are_stable() {
    let key = study::stage::Stage::key(Kind::Drills, &serde_json::json!({"kind": "spans", "count": 3}), &[]);
    assert_eq!(key, "e5e5d232f7ecfdd65363a1417995052fa1af7e1b25a83fb526a83df24f7080d3");
}

#[test]
fn a_dry_run_says_what_the_papers_study_lacks_and_takes() {
    let out = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_study"))
        .args(["run", "experiments/paper.yaml", "--dry-run", "--out"])
        .arg(out.path())
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in
        ["models/Qwen3-8B", "8,190,735,360 weights", "2,000 episodes of teachers", "1,200 episodes of models"]
    {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
    assert_eq!(out.path().read_dir().unwrap().count(), 0, "a dry run writes nothing");
}
