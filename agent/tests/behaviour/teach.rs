//! Training data of a run's good episodes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::support::{Fake, Setup};
use agent::config::RunConfig;
use agent::run::{self, Options};
use agent::teach::{self, Error, Filter, Reason, Report};
use client::Retry;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use proto::dataset::Observations;
use serde_json::{Value, json};
use tokio::sync::watch;

const CONFIG: &str = "
output_dir: OUT
run_name: pair
task_families: [knapsack]
agents:
  - {name: keeps, agent_type: codeact, persistent_state: true, llm: {backend: scripted, model: persistent-habit}}
  - {name: loses, agent_type: codeact, persistent_state: false, llm: {backend: scripted, model: reset-habit}}
";

/// Both teachers play three tasks; the run's folder.
async fn play(folder: &Path) -> PathBuf {
    let fake = Fake::start(Setup::default()).await;
    let options = Options {
        config: RunConfig::parse(&CONFIG.replace("OUT", folder.to_str().unwrap())).unwrap(),
        tasks_root: None,
        envs: vec![fake.url.clone()],
        max_examples: None,
        retry: Retry::default(),
    };
    let (_keep, stop) = watch::channel(false);
    run::execute(options, stop).await.unwrap().folder
}

fn taught(run: &Path, out: &Path, filter: Filter, paired: bool) -> Result<Report, Error> {
    teach::write(&teach::Options {
        run: run.to_owned(),
        filter,
        paired,
        observations: None,
        out: out.to_owned(),
    })
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn good_episodes_become_the_files_that_trainers_read() {
    let folder = tempfile::tempdir().unwrap();
    let run = play(folder.path()).await;
    let out = folder.path().join("taught");
    let report = taught(&run, &out, Filter::default(), true).unwrap();
    assert_eq!(
        report.agents.iter().map(|agent| (agent.played, agent.kept)).collect::<Vec<_>>(),
        [(3, 3), (3, 3)]
    );
    assert_eq!(files::read_json::<Value>(&out.join("report.json")).unwrap()["agents"][1]["kept"], 3);
    for (agent, state) in [("keeps", "persistent"), ("loses", "reset")] {
        let rows = lines(&out.join(agent).join("messages.jsonl"));
        let talk = rows[1]["messages"].as_array().unwrap();
        assert_eq!((rows.len(), &rows[1]["task_id"]), (3, &json!("knapsack-0000000001")));
        assert_eq!((&rows[1]["interpreter_state"], &rows[1]["is_solved"]), (&json!(state), &json!(true)));
        let roles: Vec<&str> = talk.iter().map(|message| message["role"].as_str().unwrap()).collect();
        assert_eq!(roles[..4], ["system", "user", "assistant", "user"]);
        assert_eq!(
            (roles.last(), rows[1]["turns"].as_u64().unwrap()),
            (Some(&"assistant"), (talk.len() as u64 - 1) / 2)
        );

        let shared = lines(&out.join(agent).join("sharegpt.jsonl"));
        let turns = shared[1]["conversations"].as_array().unwrap();
        assert_eq!(turns.len(), talk.len());
        assert_eq!((&turns[2]["from"], &turns[2]["value"]), (&json!("gpt"), &talk[2]["content"]));
        assert_eq!((&turns[0]["from"], &turns[1]["from"]), (&json!("system"), &json!("human")));

        let table =
            SerializedFileReader::new(File::open(out.join(agent).join("train.parquet")).unwrap()).unwrap();
        let read: Vec<_> = table.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(read.len(), 3);
        let messages = read[1].get_list(0).unwrap();
        assert_eq!(messages.len(), talk.len());
        let parquet::record::Field::Group(third) = &messages.elements()[2] else { panic!("{messages:?}") };
        assert_eq!(json!(third.get_string(1).unwrap()), talk[2]["content"]);
        assert_eq!(
            (read[1].get_string(1).unwrap().as_str(), read[1].get_bool(4).unwrap()),
            ("knapsack-0000000001", true)
        );
        assert_eq!(read[1].get_long(6).unwrap() as u64, rows[1]["turns"].as_u64().unwrap());
    }
    // An earlier output is replaced; another folder is not.
    taught(&run, &out, Filter::default(), true).unwrap();
    let error = taught(&run, folder.path(), Filter::default(), true).unwrap_err().to_string();
    assert!(error.contains("--out"), "{error}");
}

/// Changes the result of an agent's second task. The first is solved by neither, the others by both.
fn change(run: &Path, agent: &str, change: impl Fn(&mut Value)) {
    let path = run.join(format!("results/{agent}/knapsack/knapsack-knapsack-0000000001.json"));
    let mut result: Value = files::read_json(&path).unwrap();
    change(&mut result);
    files::write_json(&path, &result).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_good_is_dropped_in_both_regimes() {
    let folder = tempfile::tempdir().unwrap();
    let run = play(folder.path()).await;
    change(&run, "loses", |result| {
        result["result"]["is_solved"] = json!(false);
        result["result"]["score"] = json!(0.5);
    });
    let out = folder.path().join("taught");
    let solved = Filter { only_solved: true, ..Filter::default() };
    let kept = |report: &Report| report.agents.iter().map(|agent| agent.kept).collect::<Vec<_>>();
    let report = taught(&run, &out, solved, true).unwrap();
    assert_eq!(kept(&report), [1, 1]);
    assert_eq!(report.agents[0].dropped[&Reason::Partner], 1);
    assert_eq!(report.agents[1].dropped[&Reason::NotSolved], 2);
    assert!(report.to_string().contains("2 dropped: not solved"), "{report}");
    let tasks = |agent: &str| -> Vec<Value> {
        lines(&out.join(agent).join("messages.jsonl")).iter().map(|row| row["task_id"].clone()).collect()
    };
    assert_eq!(tasks("keeps"), tasks("loses"));
    assert_eq!(kept(&taught(&run, &out, solved, false).unwrap()), [2, 1]);
    assert_eq!(
        kept(&taught(&run, &out, Filter { min_score: 0.5, ..Filter::default() }, true).unwrap()),
        [3, 3]
    );
    assert_eq!(
        kept(&taught(&run, &out, Filter { min_score: 0.6, ..Filter::default() }, true).unwrap()),
        [2, 2]
    );
    change(&run, "keeps", |result| {
        result["status"] = json!("failed");
        result["result"] = Value::Null;
    });
    let report = taught(&run, &out, Filter::default(), false).unwrap();
    assert_eq!((kept(&report), report.agents[0].dropped[&Reason::Failed]), (vec![2, 3], 1));
    for filter in [
        Filter { max_turns: Some(1), ..Filter::default() },
        Filter { max_total_tokens: Some(1), ..Filter::default() },
    ] {
        let error = taught(&run, &out, filter, true).unwrap_err().to_string();
        assert!(error.contains("no episode is good enough") && error.contains("too many"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn observations_may_be_written_as_the_paper_trains() {
    let folder = tempfile::tempdir().unwrap();
    let run = play(folder.path()).await;
    let out = folder.path().join("taught");
    let options = teach::Options {
        run,
        filter: Filter::default(),
        paired: true,
        observations: Some(Observations::Paper),
        out: out.clone(),
    };
    teach::write(&options).unwrap();
    let rows = lines(&out.join("keeps/messages.jsonl"));
    let observation = rows[0]["messages"][3]["content"].as_str().unwrap();
    assert!(observation.starts_with("{\"output\": "), "{observation}");
}
