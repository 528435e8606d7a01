//! What clients are told.

use proto::env::v1;
use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;
use crate::gateway::json::{Beginning, Facts, Observation, Opening};
use crate::gateway::player::Player;

/// A message to a client.
#[derive(Serialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Reply {
    /// Of a reset, or a step.
    Observation(Box<Told>),
    /// The session's state.
    State(SessionState),
    /// The answer of JSON-RPC.
    Mcp(Value),
    /// There is no other answer.
    Error(Failure),
}

/// What a reset or a step has led to.
#[derive(Serialize)]
pub struct Told {
    observation: Seen,
    /// `null` of a reset.
    reward: Option<f64>,
    done: bool,
    metadata: Known,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Seen {
    Opening(Opening),
    Step(Observation),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Known {
    Beginning(Box<Beginning>),
    Step(Box<Facts>),
}

/// Where a session stands.
#[derive(Default, Serialize)]
pub struct SessionState {
    episode_id: Option<String>,
    step_count: u64,
    done: bool,
}

impl Told {
    /// What a reset has led to: an episode, which may go on from where it stood.
    pub fn reset(created: v1::CreateEpisodeResponse, player: &Player) -> Self {
        let (opening, beginning) = Beginning::new(created, player.steps());
        let metadata = Known::Beginning(Box::new(beginning));
        Self { observation: Seen::Opening(opening), reward: None, done: player.has_ended(), metadata }
    }

    /// What a step has led to.
    pub fn step(stepped: v1::StepResponse) -> Self {
        let (reward, done) = (Some(stepped.reward), stepped.terminated || stepped.truncated);
        let (observation, facts) = Facts::new(stepped);
        Self { observation: Seen::Step(observation), reward, done, metadata: Known::Step(Box::new(facts)) }
    }
}

impl SessionState {
    /// That of an episode.
    pub fn of(player: &Player) -> Self {
        Self {
            episode_id: Some(player.id().to_owned()),
            step_count: player.steps(),
            done: player.has_ended(),
        }
    }
}
