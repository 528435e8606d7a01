//! Acting by calling tools (ReAct): each turn holds reasoning and calls of tools, and no code. All calls of a turn are one
//! step of the environment.
//!
//! | file    | what it holds                                          |
//! |---------|--------------------------------------------------------|
//! | `calls` | a model's calls as calls of the environment, and their answers |
//! | `text`  | calls in the text of a model without function calling  |
//! | `texts` | what the model is told                                 |

use proto::conversation::ToolCall;
use proto::env::v1::{InitialObservation, Limits};

use super::way::{Acting, Action, Answer, Opening};
use crate::config::{AgentConfig, Prompt, PromptDetail, ToolCalls};
use crate::prompt;

pub mod calls;
mod schema;
pub mod text;
mod texts;

/// An agent that acts by calling tools.
#[derive(Debug)]
pub struct ReAct {
    max_turns: u32,
    prompt: Prompt,
    tool_calls: ToolCalls,
}

impl ReAct {
    /// Acts as the agent's config says.
    pub fn new(agent: &AgentConfig) -> Self {
        Self { max_turns: agent.max_turns, prompt: agent.prompt, tool_calls: agent.tool_calls }
    }
}

impl Acting for ReAct {
    fn opening(&self, observation: &InitialObservation, limits: &Limits) -> Opening {
        let tools = schema::with_finish(&observation.tools);
        let task = match self.prompt.detail {
            PromptDetail::Full => prompt::task(observation),
            PromptDetail::Brief => prompt::brief_task(observation),
        };
        let written = (self.tool_calls == ToolCalls::Text).then_some(tools.as_slice());
        let system = match self.prompt.detail {
            PromptDetail::Full => texts::acting(written, limits, self.max_turns),
            PromptDetail::Brief => texts::acting_in_brief(written, limits),
        };
        let tools = match self.tool_calls {
            ToolCalls::Native => tools.iter().map(schema::function).collect(),
            ToolCalls::Text => Vec::new(),
        };
        Opening { system, task, tools }
    }

    fn reminder(&self, _globals: &[String]) -> Option<String> {
        None
    }

    fn action(&self, answer: Answer<'_>) -> Result<Option<Action>, String> {
        let calls = match answer.calls {
            // A server that does not know the model's way of calling leaves its calls in the text.
            [] => text::calls(answer.text),
            calls => calls.to_vec(),
        };
        Ok((!calls.is_empty()).then_some(Action::Tools(calls)))
    }

    fn is_whole(&self, answer: Answer<'_>) -> bool {
        let is_whole = |call: &ToolCall| calls::arguments(&call.arguments).is_ok();
        match answer.calls {
            [] => !text::calls(answer.text).is_empty() && text::calls(answer.text).iter().all(is_whole),
            calls => calls.iter().all(is_whole),
        }
    }
}
