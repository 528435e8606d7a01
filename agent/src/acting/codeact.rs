//! Acting by writing Python: each turn holds reasoning and at most one block of code. The block becomes a
//! step, and the step's observation the next message.

use proto::env::v1::{InitialObservation, Limits};
use proto::semantics::Semantics;

use super::way::{Acting, Action, Answer, Opening};
use crate::config::{AgentConfig, Prompt, PromptDetail, SeveralBlocks};
use crate::prompt;
use crate::reply::{self, Nothing, Request};

mod texts;

/// An agent that acts by writing Python.
#[derive(Debug)]
pub struct CodeAct {
    /// Whether the interpreter keeps its state from step to step.
    persistent: bool,
    semantics: Semantics,
    max_turns: u32,
    prompt: Prompt,
    several_blocks: SeveralBlocks,
}

impl CodeAct {
    /// Acts as the agent's config says.
    pub fn new(agent: &AgentConfig) -> Self {
        Self {
            persistent: agent.interpreter_state.is_persistent(),
            semantics: agent.semantics,
            max_turns: agent.max_turns,
            prompt: agent.prompt,
            several_blocks: agent.several_blocks,
        }
    }
}

impl Acting for CodeAct {
    fn opening(&self, observation: &InitialObservation, limits: &Limits) -> Opening {
        let (acting, task) = match self.prompt.detail {
            PromptDetail::Full => {
                let rules = texts::Rules {
                    semantics: self.semantics,
                    several_blocks: self.several_blocks,
                    max_turns: self.max_turns,
                    observation: self.prompt.observation,
                };
                (texts::acting(&observation.tools, limits, &rules), prompt::task(observation))
            }
            PromptDetail::Brief => (
                texts::acting_in_brief(&observation.tools, limits, self.semantics),
                prompt::brief_task(observation),
            ),
        };
        let state = texts::interpreter_state(self.prompt.runtime, self.persistent);
        let system = std::iter::once(acting).chain(state).collect::<Vec<_>>().join("\n\n");
        Opening { system, task, tools: Vec::new() }
    }

    fn reminder(&self, globals: &[String]) -> Option<String> {
        (self.persistent && !self.prompt.hide_names).then(|| texts::globals(globals))
    }

    fn action(&self, answer: Answer<'_>) -> Result<Option<Action>, String> {
        match (reply::request(answer.text), self.several_blocks) {
            (Request::Run(code), _) => Ok(Some(Action::Code(code))),
            (Request::Several(codes), SeveralBlocks::Refuse) => Err(texts::several_blocks(codes.len())),
            (Request::Several(codes), SeveralBlocks::First) => Ok(codes.into_iter().next().map(Action::Code)),
            (Request::Nothing(Nothing::NoBlock), _) => Ok(None),
            (Request::Nothing(Nothing::ToolCall), _) => Err(texts::TOOL_CALL.to_owned()),
            (Request::Nothing(Nothing::Observation), _) => Err(texts::OBSERVATION.to_owned()),
        }
    }

    fn is_whole(&self, cut_answer: Answer<'_>) -> bool {
        reply::holds_whole_block(cut_answer.text)
    }
}
