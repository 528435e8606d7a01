//! Tool hosts: what they offer, what they are asked, and what they answer.

use std::time::Duration;

use proto::env::v1;
use proto::env::v1::host_answer::Outcome;
use proto::env::v1::host_call::Kind;
use proto::env::v1::host_families_response::Message;
use proto::run::Evaluation;
use proto::task::{TaskState, ToolParameter, ToolSpec};
use serde_json::value::RawValue;

use crate::hosts::{Answer, MAX_TEXT_BYTES, Offer, OfferedFamily, OfferedTask, Question, Request};

impl From<v1::HostOffer> for Offer {
    fn from(message: v1::HostOffer) -> Self {
        Self {
            families: message.families.into_iter().map(OfferedFamily::from).collect(),
            calls_at_a_time: message.calls_at_a_time as usize,
        }
    }
}

impl From<v1::HostedFamily> for OfferedFamily {
    fn from(message: v1::HostedFamily) -> Self {
        let v1::HostedFamily { name, version, tools, call_timeout, tasks } = message;
        Self {
            name,
            version,
            tools: tools.into_iter().map(tool).collect(),
            // A negative one is out of range, as zero is.
            call_timeout: call_timeout.map(|timeout| Duration::try_from(timeout).unwrap_or_default()),
            tasks: tasks.into_iter().map(OfferedTask::from).collect(),
        }
    }
}

impl From<v1::HostedTask> for OfferedTask {
    fn from(message: v1::HostedTask) -> Self {
        let v1::HostedTask { task_id, public_json, private_json } = message;
        Self { task_id, public_json, private_json }
    }
}

fn tool(message: v1::Tool) -> ToolSpec {
    let parameter =
        |parameter: v1::ToolParameter| ToolParameter { name: parameter.name, python_type: parameter.r#type };
    ToolSpec {
        name: message.name,
        description: message.description,
        parameters: message.parameters.into_iter().map(parameter).collect(),
        returns: message.returns,
    }
}

/// A call to a host.
pub fn host_call(call_id: u64, request: &Request) -> v1::HostFamiliesResponse {
    let kind = match &request.question {
        Question::Open => Kind::Open(v1::HostOpen {}),
        Question::Tool { state, tool, arguments_json } => Kind::ToolCall(v1::HostToolCall {
            state_json: state.state_json.clone(),
            tool: tool.clone(),
            arguments_json: arguments_json.clone(),
        }),
    };
    let call = v1::HostCall {
        call_id,
        family: request.family.clone(),
        task_json: request.task_json.to_string(),
        kind: Some(kind),
    };
    v1::HostFamiliesResponse { message: Some(Message::Call(call)) }
}

impl From<v1::HostAnswer> for Answer {
    /// The answer; a fault of the family if it is none.
    fn from(message: v1::HostAnswer) -> Self {
        match message.outcome {
            None => Self::Fault("its answer is empty".to_owned()),
            Some(Outcome::Fault(why)) => Self::Fault(why),
            Some(Outcome::Refusal(words)) if words.len() > MAX_TEXT_BYTES => Self::Fault(too_large()),
            Some(Outcome::Refusal(words)) => Self::Refusal(words),
            Some(Outcome::Opened(v1::HostOpened { goal, state })) => match task_state(state, goal.len()) {
                Ok(state) => Self::Opened { goal, state },
                Err(why) => Self::Fault(why),
            },
            Some(Outcome::Result(v1::HostToolResult { result_json, state })) => {
                let result = serde_json::from_str(&result_json);
                match (result, task_state(state, result_json.len())) {
                    (Ok(result), Ok(state)) => Self::Result { result, state },
                    (Err(error), _) => Self::Fault(format!("its result_json is not JSON: {error}")),
                    (_, Err(why)) => Self::Fault(why),
                }
            }
        }
    }
}

/// The state that a host answers. `other_bytes` is the length of the answer's other texts.
fn task_state(state: Option<v1::HostedState>, other_bytes: usize) -> Result<TaskState, String> {
    let state = state.ok_or("its answer has no state")?;
    let v1::HostedState { state_json, evaluation, budget_left } = state;
    let v1::Evaluation { is_solved, score, metrics_json } =
        evaluation.ok_or("its answer has no evaluation")?;
    let budgets: usize = budget_left.keys().map(String::len).sum();
    if other_bytes + state_json.len() + metrics_json.len() + budgets > MAX_TEXT_BYTES {
        return Err(too_large());
    }
    serde_json::from_str::<&RawValue>(&state_json)
        .map_err(|error| format!("its state_json is not JSON: {error}"))?;
    if !(0.0..=1.0).contains(&score) {
        return Err(format!("its score is {score}, and not 0 to 1"));
    }
    let metrics = match metrics_json.as_str() {
        "" => <_>::default(),
        text => serde_json::from_str(text).map_err(|_| "its metrics_json is no JSON object".to_owned())?,
    };
    let budget_left = budget_left.into_iter().collect();
    Ok(TaskState { budget_left, evaluation: Evaluation { is_solved, score, metrics }, state_json })
}

fn too_large() -> String {
    format!("its answer holds more than {MAX_TEXT_BYTES} bytes")
}
