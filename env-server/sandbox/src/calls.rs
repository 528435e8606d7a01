//! A tool call on its way out of the guest and back.

use std::sync::PoisonError;

use serde_json::Value;
use wasmtime::StoreContextMut;

use crate::guest::{Argument as GuestArgument, ToolFailure, ToolFailureKind};
use crate::state::{Answers, State};
use crate::tool::{Argument, ToolCall, ToolError, ToolErrorKind, ToolRecord};

/// What a step keeps of its fuel once it has hit the tool call limit: enough to unwind, and no more for code
/// that catches everything.
const UNWINDING_FUEL: u64 = 100_000_000;

/// A replayed step made another call than the first time.
#[derive(Debug, thiserror::Error)]
#[error("a replayed step called another tool")]
pub struct Diverged;

type Answer = Result<String, ToolFailure>;

/// Answers one call of the guest.
pub fn call_tool(
    mut store: StoreContextMut<'_, State>,
    (name, arguments): (String, Vec<GuestArgument>),
) -> wasmtime::Result<(Answer,)> {
    let calls = &mut store.data_mut().calls;
    if calls.left == 0 {
        calls.limit_hit = true;
        let fuel = store.get_fuel()?;
        let kept = fuel.min(UNWINDING_FUEL);
        store.set_fuel(kept)?;
        store.data_mut().calls.fuel_withheld += fuel - kept;
        let message = limit_message(store.data().calls.limit);
        return Ok((Err(ToolFailure { kind: ToolFailureKind::Limit, message }),));
    }
    calls.left -= 1;
    // Text that is too long is not even read; what is read may be larger than its text.
    let read = (size(&name, &arguments) <= calls.bytes_left).then(|| decode(name, arguments));
    let Some(call) = read.filter(|call| held(call) <= calls.bytes_left) else {
        // It does not happen: the tools never hear of it.
        return Ok((encode(&Err(ToolError::too_much_data())),));
    };
    calls.bytes_left -= held(&call);

    let answer = match &mut calls.answers {
        Answers::None => return Err(Diverged.into()),
        Answers::Live(tools) => tools.lock().unwrap_or_else(PoisonError::into_inner).call(&call),
        Answers::Recorded(answers) => match answers.pop_front() {
            Some(record) if record.call == call => record.answer,
            _ => return Err(Diverged.into()),
        },
    };
    let reply = encode(&answer);
    // The tools' own words are not unbounded either; the last answer may overdraw.
    calls.bytes_left = calls.bytes_left.saturating_sub(reply_size(&reply));
    calls.made.push(ToolRecord { call, answer });
    Ok((reply,))
}

fn size(name: &str, arguments: &[GuestArgument]) -> usize {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let argument = |argument: &GuestArgument| {
        argument.python_type.len() + length(&argument.keyword) + length(&argument.json)
    };
    name.len() + arguments.iter().map(argument).sum::<usize>()
}

/// What a call takes of the host's memory: its text, and a place for each argument and each value in them.
fn held(call: &ToolCall) -> usize {
    let argument = |argument: &Argument| {
        let value = argument.value.as_ref().map_or(0, held_by);
        size_of::<Argument>() + argument.python_type.len() + value
    };
    let positional = call.args.iter().map(argument);
    let by_keyword = call.kwargs.iter().map(|(keyword, value)| keyword.len() + argument(value));
    call.name.len() + positional.chain(by_keyword).sum::<usize>()
}

/// What a value holds beside itself.
fn held_by(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(|value| size_of::<Value>() + held_by(value)).sum(),
        Value::Object(fields) => {
            let field =
                |(name, value): (&String, &Value)| name.len() + 2 * size_of::<Value>() + held_by(value);
            fields.iter().map(field).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn reply_size(reply: &Answer) -> usize {
    match reply {
        Ok(json) => json.len(),
        Err(failure) => failure.message.len(),
    }
}

/// The whole error of a step that made one call too many.
pub fn limit_message(limit: u32) -> String {
    format!("Tool call limit exceeded: allowed {limit} per run.")
}

fn decode(name: String, arguments: Vec<GuestArgument>) -> ToolCall {
    let mut call = ToolCall { name, args: Vec::new(), kwargs: Vec::new() };
    for GuestArgument { keyword, python_type, json } in arguments {
        let value = json.and_then(|json| exact(&python_type, &json));
        let argument = Argument { python_type, value };
        match keyword {
            Some(keyword) => call.kwargs.push((keyword, argument)),
            None => call.args.push(argument),
        }
    }
    call
}

/// The value, unless reading it would change it: JSON text with a lone surrogate does not parse, and an
/// integer that 64 bits cannot hold would become a float.
fn exact(python_type: &str, json: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(json).ok()?;
    (python_type != "int" || !value.is_f64()).then_some(value)
}

fn encode(answer: &Result<Value, ToolError>) -> Answer {
    match answer {
        Ok(value) => Ok(value.to_string()),
        Err(ToolError { kind, message }) => {
            let kind = match kind {
                ToolErrorKind::Invocation => ToolFailureKind::Invocation,
                ToolErrorKind::Runtime => ToolFailureKind::Runtime,
            };
            Err(ToolFailure { kind, message: message.clone() })
        }
    }
}
