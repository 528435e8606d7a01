//! How a model acts in an episode: what it is told, how its answer becomes an action, and how the result becomes its next message.
//!
//! | module           | what it holds                                                            |
//! |------------------|--------------------------------------------------------------------------|
//! | [`conversation`] | the conversation of an episode, from its first message to its last       |
//! | [`style`]        | how an agent acts: the part of its config that a model can tell          |
//! | `way`            | what the conversation needs from a way of acting                         |
//! | `codeact`        | acting by writing Python                                                 |
//! | [`react`]        | acting by calling tools                                                  |
//! | [`reply`]        | what a model's reply asks for: code, or nothing, and why                 |
//! | [`prompts`]      | the texts that a model is told, as files                                 |
//! | [`facts`]        | what they show of a task                                                 |
//!
//! It knows neither models nor servers, so that agents in other programs and languages act in the same words as ours: a model is
//! run on what it was trained on.

mod codeact;
pub mod conversation;
pub mod facts;
pub mod prompts;
pub mod react;
pub mod reply;
pub mod style;
mod way;

pub use conversation::Conversation;
pub use style::{
    AgentType, CutAnswers, Prompt, PromptDetail, RuntimePrompt, SeveralBlocks, Style, ToolCalls,
};
pub use way::{Action, Answer};
