//! What tools are, and what they answer.

use std::sync::Arc;

use proto::interpreter_state::InterpreterState;
use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock, ErrorCode, Extensions, JsonObject, MetaObject, Tool};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::gateway::json::Observation;

/// The tool that runs code.
pub const RUN: &str = "run_python";

/// Under this name a result holds what models need not see: reward, end, evaluation.
const FACTS: &str = "runtime-gym/facts";

/// The tools of a session.
pub trait Tools: Send + Sync + 'static {
    /// The tools. `from` is the request's.
    fn list(&self, from: &Extensions) -> Result<Vec<Tool>, ErrorData>;

    /// Calls a tool. What the model does wrong is a result; an error is the caller's mistake or the server's fault.
    fn call(
        &self,
        name: &str,
        arguments: Value,
        from: &Extensions,
    ) -> impl Future<Output = Result<CallToolResult, ErrorData>> + Send;
}

/// The tool that runs code. `beside` says what the code finds in the interpreter.
pub fn run_tool(state: InterpreterState, beside: &str) -> Tool {
    let kept = if state.is_persistent() {
        "The interpreter persists: variables, functions, imports and files stay from one call to the next."
    } else {
        "The interpreter is reset before each call: no variable, function, import or file stays from one call to the next."
    };
    let description = format!(
        "Runs a block of Python 3 in a sandbox without network, and answers what it printed, or its error. {kept}{beside}"
    );
    let code = json!({ "code": { "type": "string", "description": "The block of Python." } });
    tool(RUN, description, &code, &["code"])
}

/// A tool with these parameters.
pub fn tool(name: &'static str, description: String, parameters: &Value, required: &[&str]) -> Tool {
    let schema = json!({
        "type": "object",
        "properties": parameters,
        "required": required,
        "additionalProperties": false,
    });
    Tool::new(name, description, Arc::new(object(schema)))
}

/// Reads the arguments of a call.
pub fn arguments<T: DeserializeOwned>(arguments: Value) -> Result<T, ErrorData> {
    serde_path_to_error::deserialize(arguments)
        .map_err(|error| ErrorData::invalid_params(format!("{}: {}", error.path(), error.inner()), None))
}

/// There is no such tool.
pub fn unknown(name: &str) -> ErrorData {
    ErrorData::invalid_params(format!("there is no tool `{name}`"), None)
}

/// What code has printed, and its error, as text and in parts; and facts beside it.
pub fn observed(observation: &Observation, facts: Option<&impl Serialize>) -> CallToolResult {
    let text = observation.text();
    let mut result = if observation.is_success() {
        CallToolResult::success(vec![ContentBlock::text(text)])
    } else {
        CallToolResult::error(vec![ContentBlock::text(text)])
    };
    result.structured_content = Some(json!(observation));
    result.meta = facts.map(|facts| meta(&json!(facts)));
    result
}

/// What a model is told, as text and in parts; and facts beside it.
pub fn told(text: String, parts: Value, facts: Option<&impl Serialize>) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(parts);
    result.meta = facts.map(|facts| meta(&json!(facts)));
    result
}

/// What a model does wrong that is no Python.
pub fn mistake(text: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

/// What the service refuses, or fails to do: never a result, which a model would take for its own doing.
pub fn failure(status: &Status) -> ErrorData {
    let reason = status.get_details_error_info().map(|info| info.reason);
    let wait = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
    let data = json!({ "reason": reason, "retry_after": wait.map(|wait| wait.as_secs_f64()) });
    let code = match status.code() {
        Code::InvalidArgument | Code::NotFound | Code::AlreadyExists => ErrorCode::INVALID_PARAMS,
        _ => ErrorCode::INTERNAL_ERROR,
    };
    ErrorData::new(code, status.message().to_owned(), Some(data))
}

fn meta(facts: &Value) -> MetaObject {
    MetaObject(object(json!({ FACTS: facts })))
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}
