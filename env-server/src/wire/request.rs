//! What clients ask for.

use std::time::Duration;

use prost::Message as _;
use proto::env::v1;
use proto::env::v1::create_episode_request::Task as TaskMessage;
use proto::interpreter_state::InterpreterState;
use proto::semantics::Semantics;

use crate::catalog::Query;
use crate::episode::episode::Steps;
use crate::episode::limits::Asked;
use crate::episode::registry::Query as EpisodeQuery;
use crate::episode::spec::{Request, Task};
use crate::error::Violation;

impl From<v1::CreateEpisodeRequest> for Request {
    fn from(mut message: v1::CreateEpisodeRequest) -> Self {
        // It says where the request may go, not what is asked for.
        let boot_id = std::mem::take(&mut message.boot_id);
        Self {
            boot_id,
            digest: files::digest::bytes(message.encode_to_vec()),
            interpreter_state: InterpreterState::from_wire(message.interpreter_state()),
            semantics: v1::Semantics::try_from(message.semantics).ok().map(Semantics::from_wire),
            limits: message.limits.map(Asked::from).unwrap_or_default(),
            lease: message.lease.map(duration),
            episode_id: message.episode_id,
            task: message.task.map(Task::from),
            seed: message.seed,
            record_definitions: message.record_definitions,
            state_loss: message.state_loss,
        }
    }
}

impl From<TaskMessage> for Task {
    fn from(message: TaskMessage) -> Self {
        match message {
            TaskMessage::TaskRef(v1::TaskRef { set, task_id }) => Self::Reference { set, task_id },
            TaskMessage::TaskJson(text) => Self::Inline(text),
            TaskMessage::TaskFromConfig(v1::TaskFromConfig { family, config_json, seed, seed_salt }) => {
                Self::Generated { family, config_json, seed, seed_salt }
            }
        }
    }
}

impl From<v1::Limits> for Asked {
    fn from(message: v1::Limits) -> Self {
        Self {
            max_steps: set(message.max_steps),
            tool_calls_per_step: set(message.tool_calls_per_step),
            fuel_per_step: set(message.fuel_per_step),
            wall_clock_per_step: message.wall_clock_per_step.map(duration),
            memory_bytes: set(message.memory_bytes).map(bytes),
            output_bytes_per_step: set(message.output_bytes_per_step).map(bytes),
            error_output_bytes_per_step: set(message.error_output_bytes_per_step).map(bytes),
            code_bytes_per_step: set(message.code_bytes_per_step).map(bytes),
            tool_bytes_per_step: set(message.tool_bytes_per_step).map(bytes),
            scratch_bytes: set(message.scratch_bytes).map(bytes),
        }
    }
}

impl From<v1::ListTasksRequest> for Query {
    fn from(message: v1::ListTasksRequest) -> Self {
        Self {
            set: message.set,
            family: message.family,
            page_size: message.page_size as usize,
            page_token: message.page_token,
        }
    }
}

impl From<v1::ListEpisodesRequest> for EpisodeQuery {
    fn from(message: v1::ListEpisodesRequest) -> Self {
        Self {
            interpreter_state: InterpreterState::from_wire(message.interpreter_state()),
            page_size: message.page_size as usize,
            page_token: message.page_token,
            only_running: message.only_running,
            set: message.set,
            task_id: message.task_id,
            family: message.family,
        }
    }
}

/// The steps that a `GetEpisode` asks for.
///
/// # Errors
/// A violation for a page token that is not the server's.
pub fn steps(message: &v1::GetEpisodeRequest) -> Result<Steps, Violation> {
    let token = message.step_page_token.as_str();
    let index = token.parse().map(Some);
    match (message.include_steps, token) {
        (false, "") => Ok(Steps::None),
        (false, _) => Err(Violation::new("step_page_token", "needs include_steps")),
        (true, "") => Ok(Steps::From(None)),
        (true, _) => index
            .map(Steps::From)
            .map_err(|_| Violation::new("step_page_token", "is not a token of an earlier answer")),
    }
}

/// A number whose default, 0, stands for "not set".
fn set<T: Default + PartialEq>(number: T) -> Option<T> {
    (number != T::default()).then_some(number)
}

fn bytes(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A negative duration becomes zero, which is out of range too wherever a request may hold a duration.
fn duration(message: prost_types::Duration) -> Duration {
    // The conversion of prost_types negates what is negative, and the least number has no opposite.
    let prost_types::Duration { seconds, nanos } = message.normalized();
    match (seconds.try_into(), nanos.try_into()) {
        (Ok(seconds), Ok(nanos)) => Duration::new(seconds, nanos),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::episode::Limits;

    #[test]
    fn unset_limits_take_the_defaults() {
        let asked = Asked::from(v1::Limits::default());
        let limits = Limits::new(&asked, &Limits::default(), &Limits::default(), 30 << 20).unwrap();
        assert_eq!(v1::Limits::from(&limits), v1::Limits::from(&Limits::default()));
    }

    #[test]
    fn every_duration_can_be_read() {
        for seconds in [i64::MIN, -1, 0, 1, i64::MAX] {
            for nanos in [i32::MIN, -1, 0, 1, i32::MAX] {
                let read = duration(prost_types::Duration { seconds, nanos });
                let all = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
                assert_eq!(read.is_zero(), all <= 0, "{seconds} {nanos}");
            }
        }
        assert_eq!(duration(prost_types::Duration { seconds: 2, nanos: -1 }), Duration::new(1, 999_999_999));
    }

    #[test]
    fn a_negative_duration_is_out_of_range() {
        let negative = prost_types::Duration { seconds: -1, nanos: 0 };
        let asked = Asked::from(v1::Limits { wall_clock_per_step: Some(negative), ..Default::default() });
        let violation = Limits::new(&asked, &Limits::default(), &Limits::default(), 30 << 20).unwrap_err();
        assert_eq!(violation.field, "limits.wall_clock_per_step");
    }

    #[test]
    fn an_unknown_interpreter_state_is_none() {
        for (number, state) in [(0, None), (1, Some(InterpreterState::Persistent)), (7, None)] {
            let message = v1::CreateEpisodeRequest { interpreter_state: number, ..Default::default() };
            assert_eq!(Request::from(message).interpreter_state, state);
        }
    }
}
