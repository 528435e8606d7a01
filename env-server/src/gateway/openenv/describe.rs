//! What a server says of itself.

use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::gateway::place::Place;
use crate::version::VERSION;

/// The version of OpenEnv's HTTP interface that this is.
const INTERFACE: &str = "1.0.0";

/// `GET /health`.
pub async fn health() -> Json<Value> {
    Json(json!({ "status": "healthy" }))
}

/// `GET /metadata`.
pub async fn metadata(Extension(place): Extension<Place>) -> Json<Value> {
    let Place { state, tasks } = place;
    let persists = if state.is_persistent() {
        "Variables, imports and files of one step are there in the next."
    } else {
        "Every step begins in a fresh interpreter: nothing of the step before is there."
    };
    let description = format!(
        "Tasks that are solved by writing Python, {} of `{}`. {persists}",
        tasks.count(),
        tasks.name()
    );
    Json(json!({
        "name": tasks.name(),
        "description": description,
        "readme_content": null,
        "version": VERSION,
        "author": null,
        "documentation_url": null,
    }))
}

/// `GET /schema`.
pub async fn schema() -> Json<Value> {
    Json(json!({
        "action": action(),
        "observation": observation(),
        "reset_observation": reset_observation(),
        "state": state(),
    }))
}

fn action() -> Value {
    let arguments = json!({
        "description": "Positional arguments, or arguments by keyword.",
        "anyOf": [{ "type": "array" }, { "type": "object" }],
        "default": {},
    });
    let call = json!({
        "type": "object",
        "properties": { "name": { "type": "string" }, "arguments": arguments },
        "required": ["name"],
        "additionalProperties": false,
    });
    json!({
        "title": "PythonAction",
        "type": "object",
        "properties": {
            "code": { "type": "string", "description": "A block of Python." },
            "tool_calls": {
                "description": "Calls of tools without the interpreter; the code is then empty or left out.",
                "type": "array",
                "items": call,
                "default": [],
            },
            "metadata": { "type": "object", "additionalProperties": true },
        },
        "required": ["code"],
        "additionalProperties": false,
    })
}

fn observation() -> Value {
    let optional = json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] });
    json!({
        "title": "PythonObservation",
        "type": "object",
        "properties": {
            "success": { "type": "boolean", "description": "Whether there was no error." },
            "output": { "type": "string", "description": "Standard output." },
            "output_truncated": { "type": "boolean" },
            "output_bytes_left_out": { "type": "integer" },
            "error_output": { "type": "string", "description": "Standard error." },
            "error_output_bytes_left_out": { "type": "integer" },
            "error": { "type": "string", "description": "What went wrong, for the agent to read." },
            "error_kind": optional,
            "exception_type": optional,
            "globals": { "type": "array", "items": { "type": "string" } },
            "tool_results": { "type": "array", "items": { "type": "object" } },
        },
        "required": ["success", "output", "error"],
    })
}

fn reset_observation() -> Value {
    json!({
        "title": "PythonResetObservation",
        "type": "object",
        "properties": {
            "goal": { "type": "string", "description": "The task in words." },
            "public": { "type": "object", "description": "The task's public data." },
            "tools": {
                "type": "array",
                "items": { "type": "object" },
                "description": "The functions that the agent's code can call.",
            },
        },
        "required": ["goal", "public", "tools"],
    })
}

fn state() -> Value {
    json!({
        "title": "State",
        "type": "object",
        "properties": {
            "episode_id": { "anyOf": [{ "type": "string" }, { "type": "null" }], "default": null },
            "step_count": { "type": "integer", "minimum": 0, "default": 0 },
            "done": { "type": "boolean", "default": false },
        },
        "additionalProperties": true,
    })
}

/// `GET /openapi.json`.
pub async fn openapi(Extension(place): Extension<Place>) -> Json<Value> {
    let told = json!({
        "type": "object",
        "properties": {
            "observation": { "type": "object" },
            "reward": { "anyOf": [{ "type": "number" }, { "type": "null" }] },
            "done": { "type": "boolean" },
            "metadata": { "type": "object" },
        },
        "required": ["observation"],
    });
    let object = json!({ "type": "object" });
    let step = json!({
        "type": "object",
        "properties": { "action": action(), "timeout_s": { "type": "number" } },
        "required": ["action"],
    });
    let name = place.tasks.name();
    Json(json!({
        "openapi": "3.1.0",
        "info": { "title": format!("OpenEnv: {name}"), "version": INTERFACE },
        "servers": [{ "url": format!("/openenv/{}/{name}", place.state.name()) }],
        "paths": {
            "/reset": { "post": call("Begin an episode", Some(&reset()), &told) },
            "/step": { "post": call("Take a step", Some(&step), &told) },
            "/state": { "get": call("Where the session stands", None, &state()) },
            "/health": { "get": call("Whether the server runs", None, &object) },
            "/metadata": { "get": call("What the environment is", None, &object) },
            "/schema": { "get": call("Schemas of actions, observations and state", None, &object) },
            "/mcp": { "post": call("JSON-RPC", Some(&object), &object) },
            "/list_environments": { "get": call("Names of environments", None, &json!({ "type": "array" })) },
        },
    }))
}

fn reset() -> Value {
    json!({
        "type": "object",
        "properties": {
            "seed": { "type": "integer", "minimum": 0 },
            "episode_id": { "type": "string", "maxLength": 128 },
            "task_id": { "type": "string" },
            "task_index": { "type": "integer", "minimum": 0 },
            "semantics": { "enum": ["script", "notebook"] },
            "state_loss": { "type": "number", "minimum": 0, "maximum": 1 },
            "limits": { "type": "object" },
            "lease": { "type": "number", "description": "Seconds." },
        },
        "additionalProperties": false,
    })
}

fn call(summary: &str, body: Option<&Value>, answer: &Value) -> Value {
    let json = |schema: &Value| json!({ "application/json": { "schema": schema } });
    let answers = json!({ "200": { "description": "Successful Response", "content": json(answer) } });
    let mut call = json!({ "summary": summary, "responses": answers });
    if let (Some(call), Some(body)) = (call.as_object_mut(), body) {
        call.insert("requestBody".to_owned(), json!({ "content": json(body) }));
    }
    call
}
