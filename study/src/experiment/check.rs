//! What a file must hold beyond its types: names that exist, counts that are there.

use indexmap::IndexMap;
use proto::study::Cell;
use serde_json::Value;

use super::{Experiment, Model, Traces, Training, merged};

/// A key, and what is wrong with it.
type Problem = (String, String);

/// Keys of training configs that follow from the rest of the experiment.
const OURS: [&str; 5] = ["base_model", "datasets", "output_dir", "sequence_len", "seed"];

/// Finds the first problem.
pub fn check(experiment: &Experiment) -> Result<(), Problem> {
    require(!experiment.title.trim().is_empty(), "title", "must say what the study is")?;
    for (key, count) in [("seeds", experiment.seeds), ("sequence_len", experiment.sequence_len)] {
        require(count >= 1, key, "must be at least 1")?;
    }
    require(experiment.threads != Some(0), "threads", "must be at least 1, or left out")?;
    names("tasks", &experiment.tasks)?;
    names("traces", &experiment.traces)?;
    names("drills", &experiment.drills)?;
    names("base", &experiment.base)?;
    names("adapters", &experiment.adapters)?;
    sources(experiment)?;
    model(experiment)?;
    for (map, settings) in [("training", &experiment.training), ("tuning", &experiment.tuning)] {
        let key = OURS.iter().find(|key| settings.contains_key(**key));
        require(key.is_none(), &format!("{map}.{}", key.unwrap_or(&"")), SET_BY_US)?;
    }
    for (name, phase) in &experiment.base {
        require(name != FRESH, &format!("base.{name}"), "is what the model before all phases is called")?;
        training(experiment, &format!("base.{name}"), phase)?;
    }
    for (name, adapter) in &experiment.adapters {
        require(
            name != Cell::BASE,
            &format!("adapters.{name}"),
            "is what the model without adapter is called",
        )?;
        training(experiment, &format!("adapters.{name}"), adapter)?;
        require(
            experiment.adapter_settings(adapter).contains_key("adapter"),
            &format!("adapters.{name}.adapter"),
            "must be qlora or lora, here or in `tuning`",
        )?;
    }
    agents(experiment)?;
    evaluation(experiment)
}

/// The stage before the first phase.
const FRESH: &str = "fresh";

const SET_BY_US: &str =
    "is set by the study itself (seeds by `first_seed`, lengths by `sequence_len`); remove it";

fn sources(experiment: &Experiment) -> Result<(), Problem> {
    for (name, traces) in &experiment.traces {
        let twice = experiment.drills.contains_key(name);
        require(!twice, &format!("drills.{name}"), "names traces too; give it a name of its own")?;
        if let Traces::Played(teacher) = traces {
            known(&format!("traces.{name}.tasks"), &teacher.tasks, &experiment.tasks)?;
            require(teacher.count != Some(0), &format!("traces.{name}.count"), "must be at least 1")?;
        }
    }
    for (name, drills) in &experiment.drills {
        require(drills.count >= 1, &format!("drills.{name}.count"), "must be at least 1")?;
    }
    Ok(())
}

fn model(experiment: &Experiment) -> Result<(), Problem> {
    match &experiment.model {
        Model::Fresh(fresh) => {
            require(!fresh.corpus.is_empty(), "model.corpus", "must name traces or drills")?;
            fresh.corpus.iter().try_for_each(|name| source("model.corpus", name, experiment))?;
            require(!experiment.base.is_empty(), "base", "needs a phase: random weights have learnt nothing")
        }
        Model::Folder(_) => {
            let problem = "must be left out with `model.path`: that model is the base";
            require(experiment.base.is_empty(), "base", problem)
        }
    }
}

fn training(experiment: &Experiment, key: &str, training: &Training) -> Result<(), Problem> {
    require(!training.data.is_empty(), &format!("{key}.data"), "must name traces or drills")?;
    for (name, count) in &training.data {
        let key = format!("{key}.data.{name}");
        source(&key, name, experiment)?;
        require(
            *count >= 1,
            &key,
            "must be at least 1; to leave it out in a file that extends another, say null",
        )?;
        let there = experiment.drills.get(name).map(|drills| drills.count);
        let enough = there.is_none_or(|there| *count <= there);
        require(enough, &key, &format!("is more than the {} that are made", there.unwrap_or(0)))?;
    }
    let ours = OURS.iter().find(|ours| training.settings.contains_key(**ours));
    require(ours.is_none(), &format!("{key}.{}", ours.unwrap_or(&"")), SET_BY_US)
}

/// Keys of an agent that follow from the rest of the experiment.
const OURS_OF_AGENTS: [&str; 4] = ["name", "agent_type", "persistent_state", "llm"];

fn agents(experiment: &Experiment) -> Result<(), Problem> {
    let teachers = experiment.traces.iter().filter_map(|(name, traces)| match traces {
        Traces::Played(teacher) => Some((format!("traces.{name}.agent"), &teacher.agent)),
        Traces::Ready(_) => None,
    });
    let evaluation = ("evaluation.agent".to_owned(), &experiment.evaluation.agent);
    for (map, agent) in [("agent".to_owned(), &experiment.agent), evaluation].into_iter().chain(teachers) {
        let key = OURS_OF_AGENTS.iter().find(|key| agent.contains_key(**key));
        require(
            key.is_none(),
            &format!("{map}.{}", key.unwrap_or(&"")),
            "is set by the study itself; remove it",
        )?;
    }
    let lossy = merged(&experiment.agent, &experiment.evaluation.agent);
    let loss = lossy.get("state_loss").and_then(Value::as_f64).unwrap_or(0.0);
    require(
        loss == 0.0,
        "evaluation.agent.state_loss",
        "must be 0: the report is about runtimes that always or never keep state",
    )
}

fn evaluation(experiment: &Experiment) -> Result<(), Problem> {
    let evaluation = &experiment.evaluation;
    for model in evaluation.models.iter().filter(|model| *model != Cell::BASE) {
        known("evaluation.models", model, &experiment.adapters)?;
    }
    for tasks in &evaluation.tasks {
        known("evaluation.tasks", tasks, &experiment.tasks)?;
    }
    distinct("evaluation.models", &evaluation.models)?;
    distinct("evaluation.runtimes", &evaluation.runtimes)?;
    distinct("evaluation.tasks", &evaluation.tasks)
}

fn distinct<T: Ord>(key: &str, values: &[T]) -> Result<(), Problem> {
    require(!values.is_empty(), key, "must name at least one")?;
    let all: std::collections::BTreeSet<_> = values.iter().collect();
    require(all.len() == values.len(), key, "names one twice")
}

fn source(key: &str, name: &str, experiment: &Experiment) -> Result<(), Problem> {
    if experiment.drills.contains_key(name) {
        return Ok(());
    }
    known(key, name, &experiment.traces)
}

fn known<T>(key: &str, name: &str, map: &IndexMap<String, T>) -> Result<(), Problem> {
    let there: Vec<&str> = map.keys().map(String::as_str).collect();
    require(map.contains_key(name), key, &format!("there is no `{name}`, but {}", there.join(", ")))
}

/// Names become folders, and parts of run names.
fn names<T>(key: &str, map: &IndexMap<String, T>) -> Result<(), Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    for name in map.keys() {
        let good = !name.is_empty() && !name.starts_with('.') && name.chars().all(allowed);
        let problem = "must be made of letters, digits, `.`, `_` and `-`, and not begin with `.`";
        require(good, &format!("{key}.{name}"), problem)?;
    }
    Ok(())
}

fn require(holds: bool, key: &str, problem: &str) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err((key.to_owned(), problem.to_owned())) }
}
