//! Calls of tools by JSON-RPC, as messages of a session or over HTTP: the tool `run_python` takes a step. Clients of the Model
//! Context Protocol itself are served by the gateway `mcp`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;
use super::reply::Told;

/// The one tool.
const TOOL: &str = "run_python";

const PARSE_ERROR: i32 = -32_700;
const INVALID_REQUEST: i32 = -32_600;
const METHOD_NOT_FOUND: i32 = -32_601;
const INVALID_PARAMS: i32 = -32_602;
const SERVER_ERROR: i32 = -32_000;

/// What runs code.
pub trait Runs {
    /// Runs code as a step.
    fn run(&mut self, code: String) -> impl Future<Output = Result<Told, Failure>> + Send;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    jsonrpc: String,
    method: String,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    id: Value,
}

#[derive(Deserialize)]
struct Call {
    name: String,
    #[serde(default)]
    arguments: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    code: String,
}

/// Answers a request.
pub async fn answer(request: Value, runner: &mut impl Runs) -> Value {
    let request: Request = match serde_json::from_value(request) {
        Ok(request) => request,
        Err(error) => return failed(Value::Null, INVALID_REQUEST, format!("Invalid request: {error}")),
    };
    let Request { jsonrpc, method, params, id } = request;
    if jsonrpc != "2.0" {
        return failed(id, INVALID_REQUEST, "Invalid request: jsonrpc must be \"2.0\"".to_owned());
    }
    match method.as_str() {
        "tools/list" => succeeded(id, json!({ "tools": [tool()] })),
        "tools/call" => match code(params) {
            Err(problem) => failed(id, INVALID_PARAMS, problem),
            Ok(code) => match runner.run(code).await {
                Ok(told) => succeeded(id, result(&told)),
                Err(failure) => failed(id, SERVER_ERROR, failure.message),
            },
        },
        _ => failed(id, METHOD_NOT_FOUND, format!("Method not found: {method}")),
    }
}

/// The answer to what is not JSON.
pub fn unreadable() -> Value {
    failed(Value::Null, PARSE_ERROR, "Parse error".to_owned())
}

fn code(params: Value) -> Result<String, String> {
    let Call { name, arguments } = serde_json::from_value(params).map_err(|error| error.to_string())?;
    if name != TOOL {
        return Err(format!("Tool not found: {name}"));
    }
    let Arguments { code } = serde_json::from_value(arguments).map_err(|error| error.to_string())?;
    Ok(code)
}

fn tool() -> Value {
    let code = json!({ "type": "string", "description": "A block of Python." });
    json!({
        "name": TOOL,
        "description": "Takes a step of the episode: runs a block of Python.",
        "inputSchema": { "type": "object", "properties": { "code": code }, "required": ["code"] },
    })
}

fn result(told: &Told) -> Value {
    let told = json!(told);
    json!({
        "content": [{ "type": "text", "text": told["observation"].to_string() }],
        "structuredContent": told,
        "isError": false,
    })
}

fn succeeded(id: Value, result: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

fn failed(id: Value, code: i32, message: String) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message, "data": null } })
}
