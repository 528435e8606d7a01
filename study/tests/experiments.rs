//! Experiment files: what is refused, and what the plans of this repository's files are.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use study::experiment::Experiment;
use study::kind::Kind;
use study::model_server::{ModelServer, Serves};
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

/// A change of the episodes that an adapter learns from.
fn practice(key: &str) -> String {
    format!("adapters: {{practised: {{episodes: {{{key}}}}}}}")
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
        ("traces: {reset: {policy: null}}", "`traces.reset.policy`: missing; name a scripted policy, or"),
        ("traces: {reset: {llm: {model: gpt}}}", "`traces.reset.policy`: must be left out with `llm`"),
        ("evaluation: {llm: {model: x}}", "`evaluation.llm.model`: is set by the study itself"),
        ("evaluation: {server: {}}", "`evaluation.server.program`: missing"),
        ("evaluation: {server: {program: []}}", "`evaluation.server.program`: must not be empty"),
        ("evaluation: {server: {program: vllm, url: x}}", "`evaluation.server.program`: unknown key"),
        (
            "evaluation: {server: {program: vllm, arguments: ['--port=1']}}",
            "`evaluation.server.arguments[0]`: `--port`",
        ),
        ("evaluation: {load_in_4bit: true, server: {url: x}}", "`evaluation.load_in_4bit`: must be left out"),
        ("evaluation: {dtype: float32, server: {url: x}}", "`evaluation.dtype`: must be left out"),
        ("evaluation: {dtype: f32}", "`evaluation.dtype`: expected one of float32, bfloat16"),
        ("adapters: {reset: {episodes: {tasks: teaching, state: reset}}}", "and not both"),
        (
            "adapters: {reset: {data: null}}",
            "`adapters.reset.data`: must name traces or drills, or `episodes`",
        ),
        (&practice("tasks: teachings"), "`adapters.practised.episodes.tasks`: there is no `teachings`"),
        (&practice("stat: reset"), "`adapters.practised.episodes.stat`: unknown key; did you mean state?"),
        (&practice("agent: {name: x}"), "`adapters.practised.episodes.agent.name`: is set by the study"),
        (&practice("tasks: held-out"), "`tasks.held-out` is for evaluation"),
        (
            "adapters: {reset: {rollout: {tasks_root: x}}}",
            "`adapters.reset.rollout.tasks_root`: is set by the",
        ),
        ("tuning: {rl: grpo}", "`tuning.rl`: is set by the study"),
        (
            "base: {mixture: {episodes: {tasks: teaching, state: reset}}}",
            "`base.mixture.episodes`: is for adapters",
        ),
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
fn an_adapter_may_learn_from_episodes_of_its_own() {
    let plan = plan_of(&file("smoke.yaml")).unwrap();
    let practised = |plan: &Plan| {
        let stage = plan.stages.iter().find(|stage| stage.name == "seed1/adapters/practised");
        stage.unwrap().clone()
    };
    let stage = practised(&plan);
    assert_eq!(stage.arguments[0], "grpo");
    let inputs: Vec<&str> = stage.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(inputs, ["seed1/base/mixture", "tasks/teaching"]);
    let [config, agent] =
        [0, 1].map(|number| -> serde_json::Value { serde_saphyr::from_str(&stage.files[number].1).unwrap() });
    assert_eq!((&config["rl"], &config["datasets"]), (&"grpo".into(), &serde_json::Value::Null));
    assert_eq!(config["rollout"]["config"], stage.folder.join(stage.files[1].0).to_str().unwrap());
    assert_eq!(config["rollout"]["tasks_root"], stage.inputs[1].path.to_str().unwrap());
    assert_eq!(agent["agents"][0]["persistent_state"], false);
    assert_eq!(stage.work.as_ref().unwrap().amount, 8, "two steps of four rollouts");
    // Whoever plays, and how, decides what is learnt.
    let changed = changed("adapters: {practised: {episodes: {state: persistent}}}");
    assert_eq!(changed, ["report", "seed1/adapters/practised"]);
    let folder = tempfile::tempdir().unwrap();
    let other = variant(folder.path(), "adapters: {practised: {episodes: {agent: {max_turns: 4}}}}");
    assert_ne!(practised(&plan_of(&other).unwrap()).key, stage.key);
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
    let shared = keys(&plan_of(&variant(folder.path(), "seeds: 2\nbase_seed: 1")).unwrap());
    let bases: Vec<&String> = shared.keys().filter(|name| name.contains("/base/")).collect();
    assert!(!bases.is_empty() && bases.iter().all(|name| name.starts_with("seed1/")), "{bases:?}");
    assert_eq!(shared["seed1/adapters/reset"], two["seed1/adapters/reset"]);
    assert_ne!(shared["seed2/adapters/reset"], shared["seed1/adapters/reset"]);
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

/// The smoke test with vLLM in place of `trainer serve`.
const VLLM: &str = "evaluation: {server: {program: [env, vllm], arguments: [--dtype, float32]}}";

#[test]
fn where_models_are_served_is_no_part_of_a_key_but_how_is() {
    let folder = tempfile::tempdir().unwrap();
    let cell = |changes: &str| {
        keys(&plan_of(&variant(folder.path(), changes)).unwrap())["seed1/cells/held-out/reset_in_reset"]
            .clone()
    };
    let vllm = cell(VLLM);
    assert_ne!(vllm, cell(""));
    assert_eq!(vllm, cell(&VLLM.replace("env, vllm", "elsewhere/vllm")));
    assert_ne!(vllm, cell(&VLLM.replace("float32", "bfloat16")));
    let running = cell("evaluation: {server: {url: 'http://one:8000/v1'}}");
    assert_ne!(running, vllm);
    assert_eq!(
        running,
        cell("evaluation: {server: {url: ['http://two/v1', 'http://three/v1'], model: qwen}}")
    );
    let with = |llm: &str| cell(&format!("evaluation: {{llm: {llm}, server: {{url: x}}}}"));
    assert_eq!(running, with("{api_key_env: KEY, max_retries: 3}"));
    assert_ne!(running, with("{extra_body: {top_p: 0.5}}"));
}

#[test]
fn vllm_serves_the_base_and_its_adapters() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_of(&variant(folder.path(), VLLM)).unwrap();
    let cell = plan.stages.iter().find(|stage| stage.name.ends_with("persistent_in_reset")).unwrap();
    let config: serde_json::Value = serde_saphyr::from_str(&cell.files[0].1).unwrap();
    let llm = &config["agents"][0]["llm"];
    assert_eq!((&llm["backend"], &llm["model"]), (&"vllm".into(), &"persistent".into()));
    let Some(ModelServer::Started(server)) = &cell.server else { panic!("{:?}", cell.server) };
    let adapters: Vec<&str> = server.adapters.iter().map(|adapter| adapter.name.as_str()).collect();
    assert_eq!(adapters, ["persistent", "reset"]);
    let Serves::Vllm { program, rank, arguments, .. } = &server.program else {
        panic!("{:?}", server.program)
    };
    assert_eq!(
        (program.join(" "), *rank, arguments.join(" ")),
        ("env vllm".into(), Some(4), "--dtype float32".into())
    );
    // Only what is played is served.
    let plan = plan.only(&["*/reset_in_reset".to_owned()]).unwrap();
    let cell = plan.stages.iter().find(|stage| stage.kind == Kind::Evaluate).unwrap();
    let Some(ModelServer::Started(server)) = &cell.server else { panic!("{:?}", cell.server) };
    assert_eq!(server.adapters.iter().map(|adapter| adapter.name.as_str()).collect::<Vec<_>>(), ["reset"]);
}

#[test]
fn running_servers_load_adapters_and_have_their_own_name_of_the_base() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan =
        plan_of(&variant(folder.path(), "evaluation: {server: {url: 'http://one:8000/v1'}}")).unwrap();
    let before = keys(&plan);
    assert_eq!(plan.unnamed_base().unwrap().urls, ["http://one:8000/v1"]);
    plan.name_base("Qwen/Qwen3-8B").unwrap();
    assert_eq!(keys(&plan), before);
    let config = |cell: &str| -> serde_json::Value {
        let stage = plan.stages.iter().find(|stage| stage.name.ends_with(cell)).unwrap();
        serde_saphyr::from_str(&stage.files[0].1).unwrap()
    };
    let adapter =
        plan.stages.iter().find(|stage| stage.name == "seed1/adapters/reset").unwrap().output_path();
    let (base, reset) = (config("base_in_reset"), config("reset_in_reset"));
    assert_eq!(base["agents"][0]["llm"]["model"], "Qwen/Qwen3-8B");
    assert_eq!(reset["agents"][0]["llm"]["lora_path"], adapter.to_str().unwrap());
    assert_eq!(reset["agents"][0]["llm"]["model"], "reset");
    assert!(base["output_dir"].as_str().unwrap().starts_with("runs/stages/evaluate-"), "{base}");
}

#[test]
fn a_teacher_may_be_a_model_and_how_it_is_called_is_no_part_of_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let teacher = |llm: &str, count: u64| {
        let changes = format!("traces: {{reset: {{policy: null, count: {count}, llm: {llm}}}}}");
        plan_of(&variant(folder.path(), &changes)).unwrap()
    };
    let key = |llm: &str| keys(&teacher(llm, 6))["traces/reset"].clone();
    let plain = key("{backend: openai, model: gemini}");
    let called =
        "{backend: openai, model: gemini, url: 'https://x/v1', api_key_env: K, max_concurrent_requests: 2}";
    assert_eq!(plain, key(called));
    assert_ne!(plain, key("{backend: openai, model: gpt}"));
    let plan = teacher(called, 6);
    let traces = plan.stages.iter().find(|stage| stage.name == "traces/reset").unwrap();
    let config: serde_json::Value = serde_saphyr::from_str(&traces.files[0].1).unwrap();
    assert_eq!(config["max_concurrent_runs"], 2);
    assert_eq!(config["agents"][0]["llm"]["url"], "https://x/v1");
    assert_eq!(config["agents"][0]["persistent_state"], false);
}

#[test]
fn react_is_an_experiment_of_its_own() {
    let plan = plan_of(&file("paper_react.yaml")).unwrap();
    let configs = plan.stages.iter().filter(|stage| matches!(stage.kind, Kind::Traces | Kind::Evaluate));
    let configs: Vec<serde_json::Value> =
        configs.map(|stage| serde_saphyr::from_str(&stage.files[0].1).unwrap()).collect();
    assert_eq!(configs.len(), 5);
    assert!(configs.iter().all(|config| config["agents"][0]["agent_type"] == "react"));
}

/// The spec of the paper's main table names the cells of both of its experiments.
#[test]
fn the_main_table_is_made_of_the_studys_cells() {
    let spec: serde_json::Value = files::read_json(&file("paper_table.json")).unwrap();
    let listed = spec["cells"].as_array().unwrap();
    assert_eq!(listed.len(), 8);
    for experiment in ["paper.yaml", "paper_tiny.yaml", "paper_teacher.yaml"] {
        let plan = plan_of(&file(experiment)).unwrap();
        for entry in listed {
            let word = |key: &str| entry[key].as_str().unwrap().to_lowercase();
            let run = format!("{}_in_{}", word("train"), word("runtime"));
            let is_meant = |cell: &&proto::study::Cell| {
                (&cell.tasks, &cell.train, cell.runtime.name())
                    == (&word("difficulty"), &word("train"), &word("runtime"))
            };
            let cell = plan.cells.iter().find(is_meant).unwrap_or_else(|| panic!("{experiment}: {entry}"));
            let layout = proto::run::Layout { root: cell.run.clone() };
            assert_eq!(entry["path"], layout.summary(&run, "knapsack").to_str().unwrap(), "{experiment}");
            assert_eq!(entry["metrics_path"], layout.results(&run, "knapsack").to_str().unwrap());
        }
    }
}

/// Names of the stages that patterns select.
fn selected(patterns: &[&str]) -> Vec<String> {
    let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    let plan = plan_of(&file("paper.yaml")).unwrap().only(&patterns).unwrap();
    plan.stages.iter().map(|stage| stage.name.clone()).collect()
}

#[test]
fn patterns_select_stages_with_what_they_need() {
    assert_eq!(selected(&["traces/*"]), ["tasks/teaching", "traces/persistent", "traces/reset"]);
    assert_eq!(selected(&["tasks/easy", "tasks/medium"]), ["tasks/easy", "tasks/medium"]);
    assert_eq!(
        selected(&["*/cells/medium/persistent_in_reset"]),
        [
            "tasks/teaching",
            "traces/persistent",
            "data/persistent-1000",
            "seed3407/adapters/persistent",
            "tasks/medium",
            "seed3407/cells/medium/persistent_in_reset"
        ]
    );
    assert_eq!(selected(&["report"]).len(), plan_of(&file("paper.yaml")).unwrap().stages.len());
    let plan = plan_of(&file("paper.yaml")).unwrap();
    assert!(!plan.missing.is_empty(), "the model is not in the repository");
    let traces = plan.only(&["traces/*".to_owned()]).unwrap();
    assert_eq!((traces.missing.len(), traces.cells.len(), traces.training.len()), (0, 0, 0));
    let error = plan_of(&file("paper.yaml")).unwrap().only(&["trace/*".to_owned()]).unwrap_err().to_string();
    assert!(error.contains("trace/*") && error.lines().any(|line| line.trim() == "traces/reset"), "{error}");
    assert!(plan_of(&file("paper.yaml")).unwrap().only(&["[".to_owned()]).is_err());
}

#[test]
fn every_key_is_in_the_readme() {
    let readme = std::fs::read_to_string(file("README.md")).unwrap();
    let keys = [
        "traces.NAME.llm",
        "evaluation.llm",
        "evaluation.server.program",
        "evaluation.server.arguments",
        "evaluation.server.url",
        "evaluation.server.model",
    ];
    assert!(keys.iter().all(|key| readme.contains(&format!("| `{key}` |"))));
}

/// A running server is asked before anything runs, and a dry run says so too.
#[test]
fn a_server_that_does_not_answer_is_missing() {
    let out = tempfile::tempdir().unwrap();
    let study = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_study"))
            .args([
                "run",
                "experiments/smoke.yaml",
                "--inference",
                "http://127.0.0.1:9/v1",
                "--dry-run",
                "--out",
            ])
            .arg(out.path())
            .args(more)
            .current_dir(root())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = study(&[]);
    assert!(said.contains("http://127.0.0.1:9/v1") && said.contains("evaluation.server.model"), "{said}");
    assert!(!study(&["--only", "traces/*"]).contains("127.0.0.1:9"), "no cell is played");
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
