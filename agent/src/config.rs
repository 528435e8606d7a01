//! The run config: one YAML file, read once into typed values.
//!
//! | module   | what it holds                                               |
//! |----------|-------------------------------------------------------------|
//! | `agent`  | an agent: a model, a way of acting, an interpreter state    |
//! | `llm`    | the model and how it is called                              |
//! | `prompt` | what the model is told                                      |
//! | `keys`   | readers of keys, with the rules that their values must keep |
//!
//! The keys are those of the paper's system and some of our own. All problems of a config are reported at once, each
//! with its key. Unknown keys are problems: a misspelt limit would otherwise
//! silently have its default. `agent_configs/README.md` describes every key.

use std::path::PathBuf;

use fields::{Fields, FromJson, Place, Problems};
use serde::Serialize;
use serde_json::Value;

mod agent;
mod keys;
mod llm;

pub use acting::{AgentType, CutAnswers, Prompt, PromptDetail, RuntimePrompt, SeveralBlocks, ToolCalls};
pub use agent::{AgentConfig, StepLimits};
pub use keys::MAX_SECONDS;
pub use llm::{Backend, Llm, Prices};

/// A run: which agents play which tasks, and where the results go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunConfig {
    /// Results go to `<output_dir>/<run_name>`.
    pub output_dir: PathBuf,
    /// Name of the run.
    pub run_name: String,
    /// Base of the models' seeds.
    pub seed_start: u64,
    /// How many episodes are played at once.
    pub max_concurrent_runs: usize,
    /// A folder with texts that a model is told, in place of ours; none: ours. `--prompts` replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<PathBuf>,
    /// An SQLite file in which answers of models on servers are kept, so that no call is made twice; none: they are not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_db_path: Option<PathBuf>,
    /// URLs of running environment servers; none: the run starts its own. `--env` replaces them.
    #[serde(rename = "env", skip_serializing_if = "Vec::is_empty")]
    pub envs: Vec<String>,
    /// The server's task set; may be omitted if the server has only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_set: Option<String>,
    /// Families to play, in order.
    pub task_families: Vec<String>,
    /// Agents that play them.
    pub agents: Vec<AgentConfig>,
}

/// Everything that is wrong in a config, one line per problem, each with its key.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.quoted())]
pub struct Error(#[from] pub Problems);

impl RunConfig {
    /// Reads and checks a config.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn parse(yaml: &str) -> Result<Self, Error> {
        Ok(fields::read(&fields::from_yaml(yaml)?)?)
    }

    /// Replaces `llm.url` of all agents whose model is on a server.
    pub fn set_inference(&mut self, urls: &[String]) {
        for agent in &mut self.agents {
            if agent.llm.backend != Some(Backend::Scripted) {
                agent.llm.urls = urls.to_vec();
            }
        }
    }

    /// The config as YAML, defaults included.
    ///
    /// # Errors
    /// What the YAML writer reports.
    pub fn to_yaml(&self) -> Result<String, serde_saphyr::SerializeError> {
        serde_saphyr::to_string(self)
    }
}

impl FromJson for RunConfig {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        // All keys are read before giving up, to report the problems of all.
        let output_dir = fields.required("output_dir");
        let run_name = keys::name(&fields, "run_name");
        let seed_start = fields.or_default("seed_start");
        let max_concurrent_runs = keys::at_least_one(&fields, "max_concurrent_runs", 4);
        let prompts = fields.or_default("prompts");
        let cache_db_path = fields.or_default("cache_db_path");
        let envs = fields.or_as("env", Vec::new(), keys::urls);
        let task_set = fields.or_default("task_set");
        let task_families = fields.required_as("task_families", families);
        let agents = fields.required_as("agents", agents);
        fields.refuse_unknown();
        Some(Self {
            output_dir: output_dir?,
            run_name: run_name?,
            seed_start: seed_start?,
            max_concurrent_runs: max_concurrent_runs?,
            prompts: prompts?,
            cache_db_path: cache_db_path?,
            envs: envs?,
            task_set: task_set?,
            task_families: task_families?,
            agents: agents?,
        })
    }
}

fn families(value: &Value, place: &Place<'_>) -> Option<Vec<String>> {
    let families = Vec::<String>::from_json(value, place)?;
    place.require(!families.is_empty(), || "name at least one family, such as knapsack".into());
    for (index, family) in families.iter().enumerate() {
        let place = place.index(index);
        keys::check_name(family, &place);
        place.require(!families[..index].contains(family), || format!("`{family}` is listed twice"));
    }
    Some(families)
}

fn agents(value: &Value, place: &Place<'_>) -> Option<Vec<AgentConfig>> {
    let agents = Vec::<AgentConfig>::from_json(value, place);
    let values = value.as_array()?;
    place.require(!values.is_empty(), || "describe at least one agent".into());
    // Names are compared as they are in the document, so that an agent with another problem is compared, too.
    let names: Vec<Option<&str>> = values.iter().map(|agent| agent.get("name")?.as_str()).collect();
    for (index, name) in names.iter().enumerate() {
        let (Some(name), true) = (name, names[..index].contains(name)) else { continue };
        place
            .index(index)
            .key("name")
            .fail::<()>(format!("`{name}` names two agents; their files would be the same"));
    }
    agents
}

#[cfg(test)]
mod tests;
