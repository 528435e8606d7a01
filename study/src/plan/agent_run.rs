//! A run of `agent run`: its config and its call.

use std::path::Path;

use anyhow::Result;
use proto::interpreter_state::InterpreterState;
use proto::run::OPERATIONAL_KEYS;
use serde_json::{Value, json};

use super::planner::{Call, text, yaml};
use super::task_set::TaskSet;
use crate::experiment::{Settings, merged};
use crate::programs::Program;
use crate::stage::Artifact;

/// The config's file, in a stage's folder.
const CONFIG: &str = "config.yaml";

/// A run: one agent on all tasks of a set.
pub struct AgentRun<'a> {
    pub name: &'a str,
    pub state: InterpreterState,
    pub set: &'a TaskSet,
    /// Settings of the agent; the second are merged over the first.
    pub agent: [&'a Settings; 2],
    pub seed: u64,
    /// Most episodes that are played concurrently.
    pub concurrency: u64,
}

impl AgentRun<'_> {
    /// The run config with a model, without the folder of its results.
    pub fn config(&self, llm: &Settings) -> Value {
        let ours = Settings::from_iter([
            ("agent_type".to_owned(), json!("codeact")),
            ("llm".to_owned(), json!(llm)),
        ]);
        let mut agent = merged(&merged(&ours, self.agent[0]), self.agent[1]);
        agent.insert("name".to_owned(), json!(self.name));
        agent.insert("persistent_state".to_owned(), json!(self.state.is_persistent()));
        json!({
            "run_name": self.name,
            "seed_start": self.seed,
            "max_concurrent_runs": self.concurrency,
            "task_families": self.set.families,
            "agents": [agent],
        })
    }
}

/// Settings of a model without those that do not affect what is measured, such as where its server is.
pub fn measured(llm: &Settings) -> Settings {
    let kept = llm.iter().filter(|(key, _)| !OPERATIONAL_KEYS.contains(&key.as_str()));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The call that plays a run; its results go to the stage's folder.
pub fn play(folder: &Path, config: &Value, tasks: &Artifact) -> Result<Call> {
    let path = text(&folder.join(CONFIG));
    let arguments = ["run", "--config", &path, "--tasks-root", &text(&tasks.path)];
    Ok(Call::new(Program::Agent, arguments).with_file(CONFIG, config_file(folder, config)?))
}

/// The config's text in a stage's folder, where its results go.
pub fn config_file(folder: &Path, config: &Value) -> Result<String> {
    let mut config = config.clone();
    config["output_dir"] = json!(folder);
    yaml(&config)
}
