//! What must hold beyond types: names that exist, counts that suffice, keys that the study sets itself.

use std::collections::BTreeSet;

use fields::Place;
use indexmap::IndexMap;
use proto::study::Cell;
use serde_json::Value;

use super::evaluation::Evaluation;
use super::model::Model;
use super::settings::{Settings, merged};
use super::sources::Traces;
use super::training::Training;
use super::whole::Experiment;

/// Keys of training configs that the study sets.
const STUDY_KEYS: [&str; 6] = ["base_model", "datasets", "output_dir", "sequence_len", "seed", "rl"];
/// Keys of a training's `rollout` that the study sets.
const STUDY_ROLLOUT_KEYS: [&str; 3] = ["config", "env", "tasks_root"];
/// Keys of an agent that the study sets.
const STUDY_AGENT_KEYS: [&str; 3] = ["name", "persistent_state", "llm"];
/// Keys of the evaluation's `llm` that the study sets.
const STUDY_LLM_KEYS: [&str; 7] =
    ["backend", "model", "url", "lora_path", "temperature", "max_tokens", "max_concurrent_requests"];
/// The stage before the first phase.
const FRESH: &str = "fresh";

const SET_BY_STUDY: &str =
    "is set by the study itself (seeds by `first_seed`, lengths by `sequence_len`); remove it";
const AGENT_SET_BY_STUDY: &str = "is set by the study itself; remove it";
const ROLLOUT_SET_BY_STUDY: &str = "is set by the study itself (by `episodes`); remove it";
const LLM_SET_BY_STUDY: &str =
    "is set by the study itself (by the keys beside `llm`, and by `evaluation.server`); remove it";

/// Records every problem of an experiment.
pub fn check(experiment: &Experiment, root: &Place<'_>) {
    let at = |key: &str| root.key(key);
    require(!experiment.title.trim().is_empty(), &at("title"), "must say what the study is");
    for (key, count) in [("seeds", experiment.seeds), ("sequence_len", experiment.sequence_len)] {
        require(count >= 1, &at(key), "must be at least 1");
    }
    require(experiment.threads != Some(0), &at("threads"), "must be at least 1, or left out");
    names(&at("tasks"), &experiment.tasks);
    names(&at("traces"), &experiment.traces);
    names(&at("drills"), &experiment.drills);
    names(&at("base"), &experiment.base);
    names(&at("adapters"), &experiment.adapters);
    sources(experiment, root);
    model(experiment, root);
    refuse(&at("training"), &experiment.training, &STUDY_KEYS, SET_BY_STUDY);
    refuse(&at("tuning"), &experiment.tuning, &STUDY_KEYS, SET_BY_STUDY);
    for (name, phase) in &experiment.base {
        let place = at("base").key(name);
        require(name != FRESH, &place, "is what the model before all phases is called");
        require(phase.episodes.is_none(), &place.key("episodes"), "is for adapters");
        training(experiment, &place, phase);
    }
    for (name, adapter) in &experiment.adapters {
        let place = at("adapters").key(name);
        require(name != Cell::BASE, &place, "is what the model without adapter is called");
        training(experiment, &place, adapter);
        let has_kind = experiment.adapter_settings(adapter).contains_key("adapter");
        require(has_kind, &place.key("adapter"), "must be qlora or lora, here or in `tuning`");
    }
    agents(experiment, root);
    evaluation(experiment, &experiment.evaluation, &at("evaluation"));
}

fn sources(experiment: &Experiment, root: &Place<'_>) {
    for (name, traces) in &experiment.traces {
        let twice = experiment.drills.contains_key(name);
        require(!twice, &root.key("drills").key(name), "names traces too; give it a name of its own");
        if let Traces::Played(teacher) = traces {
            let place = root.key("traces").key(name);
            known(&place.key("tasks"), &teacher.tasks, &experiment.tasks);
            require(teacher.count != Some(0), &place.key("count"), "must be at least 1");
        }
    }
    for (name, drills) in &experiment.drills {
        require(drills.count >= 1, &root.key("drills").key(name).key("count"), "must be at least 1");
    }
}

fn model(experiment: &Experiment, root: &Place<'_>) {
    let base = root.key("base");
    match &experiment.model {
        Model::Fresh(fresh) => {
            let corpus = root.key("model").key("corpus");
            require(!fresh.corpus.is_empty(), &corpus, "must name traces or drills");
            for name in &fresh.corpus {
                source(&corpus, name, experiment);
            }
            let has_phase = !experiment.base.is_empty();
            require(has_phase, &base, "needs a phase: random weights have learnt nothing");
        }
        Model::Folder(_) => {
            let problem = "must be left out with `model.path`: that model is the base";
            require(experiment.base.is_empty(), &base, problem);
            let seeded = experiment.base_seed.is_some();
            require(!seeded, &root.key("base_seed"), problem);
        }
    }
}

fn training(experiment: &Experiment, place: &Place<'_>, training: &Training) {
    let data = place.key("data");
    let either = "must name traces or drills, or `episodes` say what it plays, and not both";
    require(training.data.is_empty() == training.episodes.is_some(), &data, either);
    if let Some(episodes) = &training.episodes {
        let place = place.key("episodes");
        known(&place.key("tasks"), &episodes.tasks, &experiment.tasks);
        refuse(&place.key("agent"), &episodes.agent, &STUDY_AGENT_KEYS, AGENT_SET_BY_STUDY);
    }
    if let Some(Value::Object(rollout)) = training.settings.get("rollout") {
        refuse(&place.key("rollout"), rollout, &STUDY_ROLLOUT_KEYS, ROLLOUT_SET_BY_STUDY);
    }
    for (name, count) in &training.data {
        let place = data.key(name);
        source(&place, name, experiment);
        require(
            *count >= 1,
            &place,
            "must be at least 1; to leave it out in a file that extends another, say null",
        );
        if let Some(drills) = experiment.drills.get(name) {
            place.require(*count <= drills.count, || {
                format!("is more than the {} that are made", drills.count)
            });
        }
    }
    refuse(place, &training.settings, &STUDY_KEYS, SET_BY_STUDY);
}

fn agents(experiment: &Experiment, root: &Place<'_>) {
    let evaluation = root.key("evaluation").key("agent");
    for (name, traces) in &experiment.traces {
        if let Traces::Played(teacher) = traces {
            let place = root.key("traces").key(name).key("agent");
            refuse(&place, &teacher.agent, &STUDY_AGENT_KEYS, AGENT_SET_BY_STUDY);
        }
    }
    refuse(&root.key("agent"), &experiment.agent, &STUDY_AGENT_KEYS, AGENT_SET_BY_STUDY);
    refuse(&evaluation, &experiment.evaluation.agent, &STUDY_AGENT_KEYS, AGENT_SET_BY_STUDY);
    let llm = root.key("evaluation").key("llm");
    refuse(&llm, &experiment.evaluation.llm, &STUDY_LLM_KEYS, LLM_SET_BY_STUDY);
    let agent = merged(&experiment.agent, &experiment.evaluation.agent);
    let loss = agent.get("state_loss").and_then(Value::as_f64).unwrap_or(0.0);
    require(
        loss == 0.0,
        &evaluation.key("state_loss"),
        "must be 0: the report is about runtimes that always or never keep state",
    );
}

fn evaluation(experiment: &Experiment, evaluation: &Evaluation, place: &Place<'_>) {
    for model in evaluation.models.iter().filter(|model| *model != Cell::BASE) {
        known(&place.key("models"), model, &experiment.adapters);
    }
    for tasks in &evaluation.tasks {
        known(&place.key("tasks"), tasks, &experiment.tasks);
    }
    let options =
        [("load_in_4bit", evaluation.load_in_4bit.is_some()), ("dtype", evaluation.dtype.is_some())];
    for (option, is_given) in options {
        require(
            evaluation.server.is_none() || !is_given,
            &place.key(option),
            "must be left out with `evaluation.server`: it is an option of `trainer serve`",
        );
    }
    distinct(&place.key("models"), &evaluation.models);
    distinct(&place.key("runtimes"), &evaluation.runtimes);
    distinct(&place.key("tasks"), &evaluation.tasks);
}

fn distinct<T: Ord>(place: &Place<'_>, values: &[T]) {
    require(!values.is_empty(), place, "must name at least one");
    let all: BTreeSet<_> = values.iter().collect();
    require(all.len() == values.len(), place, "names one twice");
}

/// A name of traces or drills.
fn source(place: &Place<'_>, name: &str, experiment: &Experiment) {
    if !experiment.drills.contains_key(name) {
        known(place, name, &experiment.traces);
    }
}

fn known<T>(place: &Place<'_>, name: &str, map: &IndexMap<String, T>) {
    place.require(map.contains_key(name), || {
        let known: Vec<&str> = map.keys().map(String::as_str).collect();
        format!("there is no `{name}`, but {}", known.join(", "))
    });
}

/// Names become folders, and parts of run names.
fn names<T>(place: &Place<'_>, map: &IndexMap<String, T>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    for name in map.keys() {
        let good = !name.is_empty() && !name.starts_with('.') && name.chars().all(allowed);
        let problem = "must be made of letters, digits, `.`, `_` and `-`, and not begin with `.`";
        require(good, &place.key(name), problem);
    }
}

/// Refuses settings with these keys.
fn refuse(place: &Place<'_>, settings: &Settings, keys: &[&str], problem: &str) {
    for key in keys.iter().filter(|key| settings.contains_key(**key)) {
        require(false, &place.key(key), problem);
    }
}

fn require(holds: bool, place: &Place<'_>, problem: &str) {
    place.require(holds, || problem.to_owned());
}
