//! Acting by calling tools (ReAct): each turn holds reasoning and calls of tools, and no code. All calls of a turn are one
//! step of the environment.
//!
//! | file     | what it holds                                         |
//! |----------|-------------------------------------------------------|
//! | `text`   | calls in the text of a model without function calling |
//! | `schema` | the functions in OpenAI's form                        |

use proto::conversation::ToolCall;
use proto::env::v1::Tool;
use proto::tool_call;
use serde_json::Value;

use crate::prompts::{Facts, Prompts, Text};
use crate::style::{Prompt, PromptDetail, Style, ToolCalls};
use crate::way::{Acting, Action, Answer, Opening};

mod schema;
pub mod text;

/// An agent that acts by calling tools.
#[derive(Debug)]
pub struct ReAct {
    prompt: Prompt,
    functions: Vec<Value>,
}

impl ReAct {
    /// Acts in this style, with these functions.
    pub fn new(style: &Style, tools: &[Tool]) -> Self {
        let functions = match style.tool_calls {
            ToolCalls::Native => tools.iter().map(schema::function).collect(),
            ToolCalls::Text => Vec::new(),
        };
        Self { prompt: style.prompt, functions }
    }
}

impl Acting for ReAct {
    fn opening(&self, prompts: &Prompts, facts: Facts) -> Result<Opening, minijinja::Error> {
        let (acting, task) = match self.prompt.detail {
            PromptDetail::Full => (Text::ReAct, Text::Task),
            PromptDetail::Brief => (Text::ReActBrief, Text::TaskBrief),
        };
        let tools = self.functions.clone();
        Ok(Opening { system: prompts.say(acting, &facts)?, task: prompts.say(task, &facts)?, tools })
    }

    fn shows_names(&self) -> bool {
        false
    }

    fn action(&self, answer: Answer<'_>) -> Result<Option<Action>, String> {
        let calls = called(answer);
        Ok((!calls.is_empty()).then_some(Action::Tools(calls)))
    }

    fn is_whole(&self, answer: Answer<'_>) -> bool {
        let calls = called(answer);
        !calls.is_empty() && calls.iter().all(|call| tool_call::arguments(&call.arguments).is_ok())
    }
}

/// The calls of an answer. A server that does not know the model's way of calling leaves them in the text.
fn called(answer: Answer<'_>) -> Vec<ToolCall> {
    match answer.calls {
        [] => text::calls(answer.text),
        calls => calls.to_vec(),
    }
}
