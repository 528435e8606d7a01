//! Acting by writing Python: each turn holds reasoning and at most one block of code. The block becomes a
//! step, and the step's observation the next message.

use crate::prompts::{Facts, Prompts, Text};
use crate::reply::{self, Nothing, Request};
use crate::style::{Prompt, PromptDetail, RuntimePrompt, SeveralBlocks, Style};
use crate::way::{Acting, Action, Answer, Opening};

mod texts;

/// An agent that acts by writing Python.
#[derive(Debug)]
pub struct CodeAct {
    /// Whether the interpreter keeps its state from step to step.
    persistent: bool,
    prompt: Prompt,
    several_blocks: SeveralBlocks,
}

impl CodeAct {
    /// Acts in this style.
    pub fn new(style: &Style) -> Self {
        Self {
            persistent: style.interpreter_state.is_persistent(),
            prompt: style.prompt,
            several_blocks: style.several_blocks,
        }
    }

    /// Which text is said about the interpreter's state; `None` if it is hidden.
    fn state(&self) -> Option<Text> {
        let claimed = match self.prompt.runtime {
            RuntimePrompt::Stated => self.persistent,
            RuntimePrompt::Misstated => !self.persistent,
            RuntimePrompt::Hidden => return None,
        };
        Some(if claimed { Text::StatePersistent } else { Text::StateReset })
    }
}

impl Acting for CodeAct {
    fn opening(&self, prompts: &Prompts, facts: Facts) -> Result<Opening, minijinja::Error> {
        let (acting, task) = match self.prompt.detail {
            PromptDetail::Full => (Text::CodeAct, Text::Task),
            PromptDetail::Brief => (Text::CodeActBrief, Text::TaskBrief),
        };
        let state = self.state().map(|text| prompts.say(text, &facts)).transpose()?.unwrap_or_default();
        let facts = Facts { state, ..facts };
        Ok(Opening {
            system: prompts.say(acting, &facts)?,
            task: prompts.say(task, &facts)?,
            tools: Vec::new(),
        })
    }

    fn shows_names(&self) -> bool {
        self.persistent && !self.prompt.hide_names
    }

    fn action(&self, answer: Answer<'_>) -> Result<Option<Action>, String> {
        match (reply::request(answer.text), self.several_blocks) {
            (Request::Run(code), _) => Ok(Some(Action::Code(code))),
            (Request::Several(codes), SeveralBlocks::Refuse) => Err(texts::several_blocks(codes.len())),
            (Request::Several(codes), SeveralBlocks::First) => Ok(codes.into_iter().next().map(Action::Code)),
            (Request::Nothing(Nothing::NoBlock), _) if answer.calls.is_empty() => Ok(None),
            // A server may read a call from the text, and hand it over apart.
            (Request::Nothing(Nothing::NoBlock | Nothing::ToolCall), _) => Err(texts::TOOL_CALL.to_owned()),
            (Request::Nothing(Nothing::Observation), _) => Err(texts::OBSERVATION.to_owned()),
        }
    }

    fn is_whole(&self, cut_answer: Answer<'_>) -> bool {
        reply::holds_whole_block(cut_answer.text)
    }
}
