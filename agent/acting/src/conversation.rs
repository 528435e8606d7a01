//! The conversation of an episode, from its first message to its last.

use std::sync::Arc;

use proto::conversation::{self, Message};
use proto::env::v1::step_request::Action as Request;
use proto::env::v1::{CodeAction, InitialObservation, Limits, Observation, StepInfo};
use proto::tool_call::Prepared;
use proto::trace::{self, Step};
use serde_json::Value;

use crate::facts;
use crate::prompts::{Facts, Prompts, Text};
use crate::style::{AgentType, CutAnswers, Style};
use crate::way::{Acting, Action, Answer};
use crate::{codeact, react};

/// Why an answer ends, where the model ended it itself.
pub const STOP: &str = "stop";
/// Why an answer ends, where the limit of its length was reached.
pub const LENGTH: &str = "length";

/// The conversation of an episode. A clone goes on by itself, as a forked episode does.
#[derive(Clone, Debug)]
pub struct Conversation {
    style: Style,
    acting: Arc<dyn Acting>,
    messages: Vec<Message>,
    tools: Vec<Value>,
    /// The names in the interpreter after the last step.
    globals: Vec<String>,
}

impl Conversation {
    /// The conversation before the model's first turn: a system message, and the task.
    ///
    /// # Errors
    /// What the prompts' templates report.
    pub fn begin(
        style: Style,
        prompts: &Prompts,
        observation: &InitialObservation,
        limits: &Limits,
    ) -> Result<Self, minijinja::Error> {
        let tools = facts::with_finish(&observation.tools).0;
        let acting: Arc<dyn Acting> = match style.agent_type {
            AgentType::Codeact => Arc::new(codeact::CodeAct::new(&style)),
            AgentType::React => Arc::new(react::ReAct::new(&style, &tools)),
        };
        let opening = acting.opening(prompts, facts::facts(observation, limits, &style))?;
        let messages = vec![Message::system(opening.system), Message::user(opening.task)];
        Ok(Self { style, acting, messages, tools: opening.tools, globals: Vec::new() })
    }

    /// What was said so far.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The functions that the model can call beside its text, in OpenAI's form.
    pub fn tools(&self) -> &[Value] {
        &self.tools
    }

    /// What the next request to the model ends with, and the conversation does not keep: the names in a persistent interpreter.
    ///
    /// # Errors
    /// What the prompts' templates report.
    pub fn reminder(&self, prompts: &Prompts) -> Result<Option<String>, minijinja::Error> {
        let names = || Facts { names: self.globals.clone(), ..Facts::default() };
        self.acting.shows_names().then(|| prompts.say(Text::Names, &names())).transpose()
    }

    /// The messages of the next request to the model.
    pub fn request(&self, reminder: Option<&str>) -> Vec<Message> {
        let mut messages = self.messages.clone();
        if let Some(reminder) = reminder {
            conversation::push(&mut messages, Message::user(reminder));
        }
        messages
    }

    /// Reads the model's answer in `step`: its text, and the tools that it calls beside the text. `ended` says why the answer ends
    /// ([`STOP`], [`LENGTH`], or what the model's server says), or why there is none.
    pub fn read(&self, mut step: Step, ended: Result<&str, &str>) -> Turn {
        let calls = std::mem::take(&mut step.calls);
        let answer = Answer { text: &step.assistant_text, calls: &calls };
        let runs_cut = || self.style.cut_answers == CutAnswers::Run && self.acting.is_whole(answer);
        let action = match ended {
            Ok(STOP) => self.acting.action(answer),
            Ok(LENGTH) if runs_cut() => self.acting.action(answer),
            Ok(reason) => Err(facts::failed_call(&format!("it was cut off (finish reason: {reason})"))),
            Err(reason) => Err(facts::failed_call(reason)),
        };
        let mut sent = None;
        match action {
            Ok(Some(Action::Code(code))) => {
                step.code = Some(code);
                sent = Some(Sent::Code);
            }
            Ok(Some(Action::Tools(calls))) => {
                let prepared = Prepared::new(&calls);
                step.calls = calls;
                match prepared.action() {
                    Some(_) => sent = Some(Sent::Tools(prepared)),
                    None => step.results = Some(prepared.outputs(None)),
                }
            }
            Ok(None) => {}
            Err(error) => step.error = Some(error),
        }
        Turn { step, sent }
    }

    /// What the model is shown of a turn: the messages that answer it.
    pub fn replies(&self, step: &Step) -> Vec<Message> {
        conversation::replies(step, self.style.shown())
    }

    /// Adds a turn, once its action was run: what the model said, and [`Self::replies`]. Returns the turn as a trace records it.
    pub fn push(&mut self, turn: Turn) -> Step {
        let step = turn.step;
        if let (Some(info), None) = (&step.info, &step.results) {
            self.globals.clone_from(&info.globals);
        }
        let turn = conversation::said(&step).into_iter().chain(self.replies(&step));
        turn.for_each(|message| conversation::push(&mut self.messages, message));
        step
    }
}

/// A turn whose answer was read.
#[derive(Debug)]
pub struct Turn {
    /// As a trace records it.
    step: Step,
    /// What waits for the environment's answer.
    sent: Option<Sent>,
}

#[derive(Debug)]
enum Sent {
    /// The step's code.
    Code,
    Tools(Prepared),
}

impl Turn {
    /// What the environment is asked to run; `None` if the answer asks for nothing that can be run.
    pub fn action(&self) -> Option<Request> {
        match self.sent.as_ref()? {
            Sent::Code => self.step.code.clone().map(|code| Request::Code(CodeAction { code })),
            Sent::Tools(prepared) => prepared.action().map(Request::ToolCalls),
        }
    }

    /// Takes what the environment answers.
    pub fn answered(&mut self, step_index: u64, observation: Observation, info: StepInfo) {
        match self.sent.take() {
            Some(Sent::Code) => {
                let (result, info) = trace::step_result(step_index, observation, info);
                self.step.interpreter_result = Some(result);
                self.step.info = Some(info);
            }
            Some(Sent::Tools(prepared)) => {
                self.step.results = Some(prepared.outputs(Some(&observation)));
                self.step.info = Some(trace::step_result(step_index, observation, info).1);
            }
            None => {}
        }
    }
}
