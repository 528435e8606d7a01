//! A run of `agent run`: its config and its call.

use std::path::Path;

use anyhow::Result;
use proto::interpreter_state::InterpreterState;
use serde_json::{Value, json};

use super::planner::{Call, text, yaml};
use super::task_set::TaskSet;
use crate::experiment::{Settings, merged};
use crate::programs::Program;
use crate::stage::Artifact;

/// A run: one agent on all tasks of a set.
pub struct AgentRun<'a> {
    pub name: &'a str,
    pub state: InterpreterState,
    pub set: &'a TaskSet,
    /// Settings of the agent; the second are merged over the first.
    pub agent: [&'a Settings; 2],
    pub llm: Value,
    pub seed: u64,
    /// Most episodes that are played concurrently.
    pub concurrency: u64,
}

impl AgentRun<'_> {
    /// The run config, without the folder of its results.
    pub fn config(&self) -> Value {
        let ours = Settings::from_iter([
            ("agent_type".to_owned(), json!("codeact")),
            ("llm".to_owned(), self.llm.clone()),
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

/// The call that plays a run; its results go to the stage's folder.
pub fn play(folder: &Path, config: &Value, tasks: &Artifact) -> Result<Call> {
    let mut config = config.clone();
    config["output_dir"] = json!(folder);
    let arguments =
        ["run", "--config", &text(&folder.join("config.yaml")), "--tasks-root", &text(&tasks.path)];
    Ok(Call::new(Program::Agent, arguments).with_file("config.yaml", yaml(&config)?))
}
