//! What clients send: resets and actions.

use proto::env::v1;
use proto::env::v1::step_request::Action;
use proto::semantics::Semantics;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::value::RawValue;

use super::failure::{Code, Failure};
use crate::gateway::client::Client;
use crate::gateway::json::{Limits, duration};
use crate::gateway::place::Place;
use crate::gateway::tasks::Choice;

/// The data of a reset: which task is played, and how. All of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reset {
    seed: Option<u64>,
    episode_id: Option<String>,
    task_id: Option<String>,
    task_index: Option<u64>,
    semantics: Option<String>,
    state_loss: Option<f64>,
    limits: Option<Limits>,
    lease: Option<f64>,
}

/// The data of a step: code, or calls of tools.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Act {
    code: Option<String>,
    tool_calls: Vec<ToolCall>,
    /// Every action of OpenEnv may have some.
    #[serde(rename = "metadata")]
    _metadata: IgnoredAny,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolCall {
    name: String,
    /// A list (positional) or an object (by keyword).
    #[serde(default)]
    arguments: Option<Box<RawValue>>,
}

/// Reads a part of a message.
///
/// # Errors
/// The field that is wrong.
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| Failure::field(&error.path().to_string(), error.inner().to_string()))
}

/// Reads the body of a call; an empty one is an empty object.
///
/// # Errors
/// It is not JSON, or a field is wrong.
pub fn read_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let body = if body.is_empty() { b"{}" } else { body };
    let value = serde_json::from_slice(body)
        .map_err(|error| Failure::new(Code::InvalidJson, format!("Invalid JSON: {error}")))?;
    read(value)
}

impl Reset {
    /// The episode that it asks for.
    ///
    /// # Errors
    /// A field that is wrong.
    pub fn create(self, place: &Place, client: &Client) -> Result<v1::CreateEpisodeRequest, Failure> {
        let semantics = match self.semantics.as_deref().map(|name| (name, Semantics::named(name))) {
            None => v1::Semantics::Unspecified,
            Some((_, Some(semantics))) => semantics.into(),
            Some((name, None)) => {
                return Err(Failure::field(
                    "semantics",
                    format!("`{name}` is neither `script` nor `notebook`"),
                ));
            }
        };
        let limits = self
            .limits
            .map(|limits| limits.message().ok_or_else(|| no_seconds("limits.wall_clock_per_step")));
        let limits = limits.transpose()?;
        let lease = self.lease.map(|lease| duration(lease).ok_or_else(|| no_seconds("lease"))).transpose()?;
        if self.task_id.is_some() && self.task_index.is_some() {
            return Err(Failure::field("task_index", "names a task, and so does task_id"));
        }
        let choice = Choice::of(self.task_id, self.task_index, self.seed);
        // The last one: what is refused takes nobody's turn.
        let task = place.tasks.choose(client.catalog(), choice).map_err(Failure::of_create)?;
        Ok(v1::CreateEpisodeRequest {
            task: Some(v1::create_episode_request::Task::TaskRef(task)),
            interpreter_state: v1::InterpreterState::from(place.state).into(),
            limits,
            seed: self.seed,
            episode_id: self.episode_id.unwrap_or_default(),
            lease,
            state_loss: self.state_loss.unwrap_or_default(),
            semantics: semantics.into(),
            ..v1::CreateEpisodeRequest::default()
        })
    }

    /// A reset to the first task.
    pub fn first() -> Self {
        Self { task_index: Some(0), ..Self::default() }
    }
}

/// What is wrong with a field of seconds.
fn no_seconds(field: &str) -> Failure {
    Failure::field(field, "must be a number of seconds")
}

impl Act {
    /// The action.
    ///
    /// # Errors
    /// It has neither code nor calls of tools, or both.
    pub fn action(self) -> Result<Action, Failure> {
        let code = self.code.filter(|code| !code.is_empty() || self.tool_calls.is_empty());
        match (code, self.tool_calls) {
            (Some(code), calls) if calls.is_empty() => Ok(Action::Code(v1::CodeAction { code })),
            (None, calls) if !calls.is_empty() => {
                let calls = calls.into_iter().map(|call| v1::ToolCall {
                    name: call.name,
                    arguments_json: call
                        .arguments
                        .map_or_else(|| "{}".to_owned(), |json| json.get().to_owned()),
                });
                Ok(Action::ToolCalls(v1::ToolCallsAction { calls: calls.collect() }))
            }
            (Some(_), _) => {
                Err(Failure::field("tool_calls", "an action is code or calls of tools, not both"))
            }
            (None, _) => Err(Failure::field("code", "Field required")),
        }
    }

    /// An action of code.
    pub fn code(code: String) -> Self {
        Self { code: Some(code), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn action(data: Value) -> Result<Action, String> {
        read::<Act>(data).and_then(Act::action).map_err(|failure| failure.message)
    }

    #[test]
    fn an_action_is_code_or_calls_of_tools() {
        let code = |code: &str| Ok(Action::Code(v1::CodeAction { code: code.to_owned() }));
        assert_eq!(action(json!({ "code": "x = 1" })), code("x = 1"));
        assert_eq!(action(json!({ "code": "", "metadata": { "by": "me" } })), code(""));
        let calls = json!([{ "name": "add", "arguments": [12345678901234567890123_u128.to_string()] }, { "name": "end" }]);
        for data in [json!({ "tool_calls": calls }), json!({ "code": "", "tool_calls": calls })] {
            let Ok(Action::ToolCalls(told)) = action(data) else { panic!("no calls") };
            let told: Vec<_> = told.calls.iter().map(|call| (&*call.name, &*call.arguments_json)).collect();
            assert_eq!(told, [("add", r#"["12345678901234567890123"]"#), ("end", "{}")]);
        }
    }

    #[test]
    fn a_wrong_action_names_its_field() {
        for (data, part) in [
            (json!({}), "code: Field required"),
            (json!({ "kode": "" }), "unknown field `kode`"),
            (json!({ "code": 1 }), "code: invalid type"),
            (json!({ "code": "x", "tool_calls": [{ "name": "f" }] }), "not both"),
            (json!({ "tool_calls": [{}] }), "tool_calls[0]: missing field `name`"),
            (json!([]), ""),
        ] {
            let problem = action(data.clone()).unwrap_err();
            assert!(problem.contains(part), "{data}: {problem}");
        }
    }
}
