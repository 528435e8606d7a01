//! A tool call on its way out of the guest and back.

use std::sync::PoisonError;

use serde_json::Value;
use wasmtime::Caller;

use crate::abi::{Bytes, Malformed, Record};
use crate::state::{Answers, State};
use crate::tool::{Argument, ToolCall, ToolError, ToolErrorKind, ToolRecord};

/// What a step keeps of its fuel once it has hit the tool call limit: enough to unwind, and no more for code
/// that catches everything.
const UNWINDING_FUEL: u64 = 100_000_000;

/// A replayed step made another call than the first time.
#[derive(Debug, thiserror::Error)]
#[error("a replayed step called another tool")]
pub struct Diverged;

/// What the guest is told: JSON, or which exception to raise.
type Answer = Result<String, (FailureKind, String)>;

/// The `tool-failure-kind` of `guest/wit/python.wit`.
#[derive(Clone, Copy)]
enum FailureKind {
    Invocation = 0,
    Runtime = 1,
    Limit = 2,
}

/// Answers one call of the guest: its name, its arguments, and where the answer goes, by the signature of
/// `call-tool` in `guest/wit/python.wit`.
pub async fn call_tool(
    mut guest: Caller<'_, State>,
    (name, name_length, arguments, count, to): (u32, u32, u32, u32, u32),
) -> wasmtime::Result<()> {
    let reply = answer(&mut guest, (name, name_length), (arguments, count))?;
    let access = guest.data().access.clone().ok_or(Malformed)?;
    let record = match reply {
        Ok(json) => Record::default().word(0).pointer(access.text(&mut guest, &json).await?),
        Err((kind, message)) => {
            Record::default().word(1).word(kind as u32).pointer(access.text(&mut guest, &message).await?)
        }
    };
    access.put(&mut guest, to, &record)
}

fn answer(
    guest: &mut Caller<'_, State>,
    name: (u32, u32),
    arguments: (u32, u32),
) -> wasmtime::Result<Answer> {
    let access = guest.data().access.clone().ok_or(Malformed)?;
    let (memory, state) = access.memory.data_and_store_mut(&mut *guest);
    let calls = &mut state.calls;
    if calls.left == 0 {
        calls.limit_hit = true;
        let message = limit_message(calls.limit);
        let fuel = access.fuel.left(guest);
        let kept = fuel.min(UNWINDING_FUEL);
        access.fuel.set(guest, kept)?;
        guest.data_mut().calls.fuel_withheld += fuel - kept;
        return Ok(Err((FailureKind::Limit, message)));
    }
    calls.left -= 1;
    // What is too long is not even read; what is read may be larger than its text.
    let few = arguments.1 as usize <= calls.bytes_left / size_of::<Argument>();
    let raw = few.then(|| RawCall::read(Bytes(memory), name, arguments)).transpose()?;
    let read = raw.filter(|raw| raw.size() <= calls.bytes_left).map(RawCall::decode).transpose()?;
    let counted = read.map(|call| (held(&call), call)).filter(|(bytes, _)| *bytes <= calls.bytes_left);
    let Some((bytes, call)) = counted else {
        // It does not happen: the tools never hear of it.
        return Ok(encode(&Err(ToolError::too_much_data())));
    };
    calls.bytes_left -= bytes;

    let answer = match &mut calls.answers {
        Answers::None => return Err(Diverged.into()),
        Answers::Tools(tools) => tools.lock().unwrap_or_else(PoisonError::into_inner).call(&call),
        Answers::Recorded(answers) => match answers.pop_front() {
            Some(record) if record.call == call => record.answer,
            _ => return Err(Diverged.into()),
        },
    };
    let reply = encode(&answer);
    // The tools' own words are not unbounded either; the last answer may overdraw.
    calls.bytes_left = calls.bytes_left.saturating_sub(reply_size(&reply));
    calls.made.push(ToolRecord { call, answer });
    Ok(reply)
}

/// A call as it stands in the guest's memory.
struct RawCall<'a> {
    name: &'a [u8],
    arguments: Vec<RawArgument<'a>>,
}

/// The `argument` of `guest/wit/python.wit`.
struct RawArgument<'a> {
    keyword: Option<&'a [u8]>,
    python_type: &'a [u8],
    json: Option<&'a [u8]>,
}

impl<'a> RawCall<'a> {
    fn read(
        memory: Bytes<'a>,
        name: (u32, u32),
        (arguments, count): (u32, u32),
    ) -> Result<RawCall<'a>, Malformed> {
        const ARGUMENT_BYTES: u32 = 32;
        let argument = |at| {
            Ok(RawArgument {
                keyword: memory.optional_bytes_at(at)?,
                python_type: memory.bytes_at(at.wrapping_add(12))?,
                json: memory.optional_bytes_at(at.wrapping_add(20))?,
            })
        };
        let arguments =
            memory.list(arguments, count, ARGUMENT_BYTES)?.map(argument).collect::<Result<_, _>>()?;
        Ok(RawCall { name: memory.slice(name.0, name.1)?, arguments })
    }

    fn size(&self) -> usize {
        let length = |text: Option<&[u8]>| text.map_or(0, <[u8]>::len);
        let argument = |argument: &RawArgument<'_>| {
            argument.python_type.len() + length(argument.keyword) + length(argument.json)
        };
        self.name.len() + self.arguments.iter().map(argument).sum::<usize>()
    }

    fn decode(self) -> Result<ToolCall, Malformed> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Malformed);
        let mut call = ToolCall { name: text(self.name)?.to_owned(), args: Vec::new(), kwargs: Vec::new() };
        for RawArgument { keyword, python_type, json } in self.arguments {
            let python_type = text(python_type)?;
            let value = json.map(text).transpose()?.and_then(|json| exact(python_type, json));
            let argument = Argument { python_type: python_type.to_owned(), value };
            match keyword {
                Some(keyword) => call.kwargs.push((text(keyword)?.to_owned(), argument)),
                None => call.args.push(argument),
            }
        }
        Ok(call)
    }
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

/// What a call and its answer take of the host's memory.
pub fn held_by_record(record: &ToolRecord) -> usize {
    let answer = match &record.answer {
        Ok(value) => held_by(value),
        Err(error) => error.message.len(),
    };
    size_of::<ToolRecord>() + held(&record.call) + answer
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
        Err((_, message)) => message.len(),
    }
}

/// The whole error of a step that made one call too many.
pub fn limit_message(limit: u32) -> String {
    format!("Tool call limit exceeded: allowed {limit} per run.")
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
                ToolErrorKind::Invocation => FailureKind::Invocation,
                ToolErrorKind::Runtime => FailureKind::Runtime,
            };
            Err((kind, message.clone()))
        }
    }
}
