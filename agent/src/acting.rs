//! Ways of acting: how a model is told to act, how its answer becomes an action, and how the result becomes
//! its next message.
//!
//! Each way is a module here and a value of [`AgentType`]. The episode's loop knows only the trait.
//!
//! | module    | what it holds                            |
//! |-----------|------------------------------------------|
//! | `way`     | what the loop needs from a way of acting |
//! | `codeact` | acting by writing Python                 |
//! | `react`   | acting by calling tools                  |

use proto::env::v1::Tool;

use crate::config::{AgentConfig, AgentType};

mod codeact;
pub mod react;
mod way;

pub use way::{Acting, Action, Answer};

/// The way in which an agent acts; `tools` are the functions that it has.
pub fn of(agent: &AgentConfig, tools: &[Tool]) -> Box<dyn Acting> {
    match agent.agent_type {
        AgentType::Codeact => Box::new(codeact::CodeAct::new(agent)),
        AgentType::React => Box::new(react::ReAct::new(agent, tools)),
    }
}
