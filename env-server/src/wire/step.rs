//! Steps: requests, and the answers to them.

use prost::Message as _;
use proto::env::v1;
use proto::env::v1::step_request::Action as ActionMessage;
use sandbox::Definition;

use super::answer::{end_reason, evaluation};
use super::error_kind::error_kind;
use crate::episode::step::{Action, DirectCall, Info, Observation, Record, Request};
use crate::episode::tool_record::ToolCallRecord;

impl From<v1::StepRequest> for Request {
    fn from(message: v1::StepRequest) -> Self {
        Self {
            episode_id: message.episode_id,
            index: message.step_index,
            action: message.action.map(Action::from),
        }
    }
}

impl From<ActionMessage> for Action {
    fn from(message: ActionMessage) -> Self {
        match message {
            ActionMessage::Code(v1::CodeAction { code }) => Self::Code(code),
            ActionMessage::ToolCalls(v1::ToolCallsAction { calls }) => {
                let call = |v1::ToolCall { name, arguments_json }| DirectCall { name, arguments_json };
                Self::ToolCalls(calls.into_iter().map(call).collect())
            }
        }
    }
}

impl From<&Request> for v1::StepRequest {
    fn from(request: &Request) -> Self {
        Self {
            episode_id: request.episode_id.clone(),
            step_index: request.index,
            action: request.action.as_ref().map(ActionMessage::from),
        }
    }
}

impl From<&Action> for ActionMessage {
    fn from(action: &Action) -> Self {
        match action {
            Action::Code(code) | Action::LongCode { beginning: code, .. } => {
                Self::Code(v1::CodeAction { code: code.clone() })
            }
            Action::ToolCalls(calls) => {
                let call = |DirectCall { name, arguments_json }: &DirectCall| v1::ToolCall {
                    name: name.clone(),
                    arguments_json: arguments_json.clone(),
                };
                Self::ToolCalls(v1::ToolCallsAction { calls: calls.iter().map(call).collect() })
            }
        }
    }
}

impl From<&Record> for v1::StepRecord {
    fn from(record: &Record) -> Self {
        Self { request: Some((&record.request).into()), response: Some(record.into()) }
    }
}

impl From<&Record> for v1::StepResponse {
    fn from(record: &Record) -> Self {
        let answer = &record.answer;
        let end = answer.end.as_ref();
        Self {
            step_index: record.request.index,
            observation: Some((&answer.observation).into()),
            reward: answer.reward(),
            terminated: answer.terminated(),
            truncated: answer.truncated(),
            end_reason: end_reason(end.map(|end| end.reason)).into(),
            info: Some((&answer.info).into()),
            evaluation: end.map(|end| evaluation(&end.evaluation)),
        }
    }
}

impl From<&Observation> for v1::Observation {
    fn from(observation: &Observation) -> Self {
        let (error_kind, exception_type) =
            observation.failure.as_ref().map_or((v1::ErrorKind::Unspecified, ""), error_kind);
        Self {
            success: observation.success,
            output: observation.output.clone(),
            output_truncated: observation.output_left_out > 0,
            error: observation.error.clone(),
            error_kind: error_kind.into(),
            exception_type: exception_type.to_owned(),
            globals: observation.globals.clone(),
            tool_results: observation.tool_results.iter().map(v1::ToolCallRecord::from).collect(),
            error_output: observation.error_output.clone(),
            output_bytes_left_out: observation.output_left_out,
            error_output_bytes_left_out: observation.error_output_left_out,
        }
    }
}

impl From<&Info> for v1::StepInfo {
    fn from(info: &Info) -> Self {
        let definition = |Definition { name, digest }: &Definition| v1::Definition {
            name: name.clone(),
            digest: digest.clone(),
        };
        Self {
            tool_calls: info.tool_calls.iter().map(v1::ToolCallRecord::from).collect(),
            budget_left: info.budget_left.clone().into_iter().collect(),
            steps_left: info.steps_left,
            fuel_used: info.fuel_used,
            run_time: info.run_time.try_into().ok(),
            queue_time: info.queue_time.try_into().ok(),
            definitions: info.definitions.iter().map(definition).collect(),
            state_lost: info.state_lost,
        }
    }
}

impl From<&ToolCallRecord> for v1::ToolCallRecord {
    fn from(record: &ToolCallRecord) -> Self {
        let (result_json, error, error_type) = match &record.answer {
            Ok(result_json) => (result_json.as_str(), "", ""),
            Err(error) => ("", error.message.as_str(), error.kind.exception()),
        };
        Self {
            name: record.name.clone(),
            arguments_json: record.arguments_json.clone(),
            result_json: result_json.to_owned(),
            error: error.to_owned(),
            error_type: error_type.to_owned(),
        }
    }
}

/// Bytes that a step takes as a `StepRecord` message, and those of the task's state.
pub fn step_bytes(record: &Record) -> usize {
    let state = record.state.as_ref().map_or(0, |state| state.state_json.len());
    v1::StepRecord::from(record).encoded_len() + state
}
