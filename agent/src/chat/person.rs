//! A person as a model, and the config of an agent that is one.

use std::path::PathBuf;
use std::sync::mpsc;

use proto::interpreter_state::InterpreterState;
use proto::semantics::Semantics;
use tokio::sync::oneshot;

use super::input::{self, Ask};
use crate::config::{AgentConfig, AgentType, Llm, MAX_SECONDS, RunConfig};
use crate::model::{Completion, Error, GenerateRequest, Model, estimate_usage};

/// The name of the model in traces.
const NAME: &str = "person";

/// A person who plays.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// What happens to the interpreter's state after a block.
    pub state: InterpreterState,
    /// How a block runs.
    pub semantics: Semantics,
    /// Turns after which the episode ends.
    pub max_turns: u32,
}

impl Person {
    /// A run config with the person as its agent, `person-persistent` or `person-reset`.
    pub fn config(self) -> RunConfig {
        let agent = AgentConfig {
            name: format!("{NAME}-{}", self.state),
            agent_type: AgentType::Codeact,
            interpreter_state: self.state,
            semantics: self.semantics,
            state_loss: 0.0,
            max_turns: self.max_turns,
            timeout_s: MAX_SECONDS,
            max_total_tokens: None,
            max_tool_calls: 25,
            limits: Default::default(),
            several_blocks: Default::default(),
            tool_calls: Default::default(),
            cut_answers: Default::default(),
            prompt: Default::default(),
            llm: Llm { timeout_s: MAX_SECONDS, ..Llm::unserved(NAME) },
        };
        RunConfig {
            output_dir: PathBuf::new(),
            run_name: "chat".to_owned(),
            seed_start: 0,
            max_concurrent_runs: 1,
            prompts: None,
            cache_db_path: None,
            envs: Vec::new(),
            task_set: None,
            task_families: Vec::new(),
            agents: vec![agent],
        }
    }
}

/// A person at this terminal as a model.
#[derive(Debug)]
pub struct AtTerminal {
    asks: mpsc::Sender<Ask>,
}

impl AtTerminal {
    /// Begins to read what the person types.
    pub fn new() -> Self {
        Self { asks: input::start() }
    }
}

#[tonic::async_trait]
impl Model for AtTerminal {
    fn name(&self) -> &str {
        NAME
    }

    async fn generate(&self, request: &GenerateRequest) -> Result<Completion, Error> {
        let (answer, answered) = oneshot::channel();
        let help = request.messages.first().map(|message| message.content.clone()).unwrap_or_default();
        self.asks.send(Ask { help, answer }).map_err(|_| Error::Left)?;
        let code = answered.await.ok().flatten().ok_or(Error::Left)?;
        let text = fenced(&code);
        let usage = estimate_usage(&request.messages, &text);
        Ok(Completion { text, usage, ..Completion::default() })
    }
}

/// Code as a model writes it: in a fence that is longer than any in the code.
fn fenced(code: &str) -> String {
    let runs = code.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0).max(2) + 1);
    format!("{fence}python\n{}\n{fence}", code.trim_end())
}

#[cfg(test)]
mod tests {
    use acting::reply::{Request, request};

    use super::*;

    #[test]
    fn what_is_typed_is_what_runs() {
        for code in ["x = 1", "if x:\n    y\n", "print('```')", "s = '''\n```\n~~~~\n'''\nprint(s)", "# ````"]
        {
            let expected = code.trim_end().to_owned();
            match request(&fenced(code)) {
                Request::Run(run) => assert_eq!(run.trim_end(), expected),
                other => assert!(code.starts_with('#'), "{code}: {other:?}"),
            }
        }
    }
}
