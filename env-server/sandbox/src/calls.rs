//! Tool calls: reading a call from the guest's memory, answering it, and writing the answer back.

use std::sync::PoisonError;
use std::time::Instant;

use serde_json::Value;
use wasmtime::Caller;

use crate::abi::{Bytes, Malformed, Record};
use crate::message;
use crate::state::{Answers, Calls, State};
use crate::tool::{Argument, ToolAnswer, ToolCall, ToolError, ToolErrorKind, ToolRecord};

/// The fuel left to a step after it hit the tool call limit: enough to unwind, but little for code that
/// catches every exception.
const UNWINDING_FUEL: u64 = 100_000_000;

/// A replayed step made a tool call that differs from the recorded one.
#[derive(Debug, thiserror::Error)]
#[error("a replayed step called another tool")]
pub struct Diverged;

/// The reply to the guest: JSON, or the exception to raise and its message.
type Reply = Result<String, Refusal>;

/// The exception to raise, and its message.
type Refusal = (FailureKind, String);

/// The enum `tool-failure-kind` of `guest/wit/python.wit`.
#[derive(Clone, Copy)]
enum FailureKind {
    Invocation = 0,
    Runtime = 1,
    Limit = 2,
}

/// Answers one call of the guest. The parameters are the lowered form of `call-tool` in
/// `guest/wit/python.wit`: the tool's name, the list of arguments, and the address for the result.
pub async fn call_tool(
    mut guest: Caller<'_, State>,
    (name, name_length, arguments, count, to): (u32, u32, u32, u32, u32),
) -> wasmtime::Result<()> {
    let reply = match read(&mut guest, (name, name_length), (arguments, count))? {
        Ok(call) => {
            let answer = ask(&mut guest, &call).await?;
            reply(&mut guest.data_mut().calls, call, answer)
        }
        Err(refusal) => Err(refusal),
    };
    let access = guest.data().access.clone().ok_or(Malformed)?;
    let record = match reply {
        Ok(json) => Record::default().word(0).pointer(access.pass_text(&mut guest, &json).await?),
        Err((kind, message)) => {
            Record::default().word(1).word(kind as u32).pointer(access.pass_text(&mut guest, &message).await?)
        }
    };
    access.write_record(&mut guest, to, &record)
}

/// The guest's call, unless it is refused before it reaches the tools.
fn read(
    guest: &mut Caller<'_, State>,
    name: (u32, u32),
    arguments: (u32, u32),
) -> wasmtime::Result<Result<ToolCall, Refusal>> {
    let access = guest.data().access.clone().ok_or(Malformed)?;
    let (memory, state) = access.memory.data_and_store_mut(&mut *guest);
    let calls = &mut state.calls;
    if calls.left == 0 {
        calls.limit_hit = true;
        let message = message::tool_call_limit(calls.limit);
        let fuel = access.fuel.left(guest);
        let kept = fuel.min(UNWINDING_FUEL);
        access.fuel.set(guest, kept)?;
        guest.data_mut().calls.fuel_withheld += fuel - kept;
        return Ok(Err((FailureKind::Limit, message)));
    }
    calls.left -= 1;
    // The size is checked three times: the number of arguments before they are read, their texts before they
    // are decoded, and the decoded call.
    let fits = arguments.1 as usize <= calls.bytes_left / size_of::<Argument>();
    let raw = fits.then(|| RawCall::read(Bytes(memory), name, arguments)).transpose()?;
    let read = raw.filter(|raw| raw.text_bytes() <= calls.bytes_left).map(RawCall::decode).transpose()?;
    let counted = read.map(|call| (call_bytes(&call), call)).filter(|(bytes, _)| *bytes <= calls.bytes_left);
    let Some((bytes, call)) = counted else {
        return Ok(Err(refusal(ToolError::too_much_data())));
    };
    calls.bytes_left -= bytes;
    Ok(Ok(call))
}

/// The answer to a call.
async fn ask(guest: &mut Caller<'_, State>, call: &ToolCall) -> wasmtime::Result<Result<Value, ToolError>> {
    let answer = match &mut guest.data_mut().calls.answers {
        Answers::None => return Err(Diverged.into()),
        Answers::Tools(tools) => tools.lock().unwrap_or_else(PoisonError::into_inner).ask(call),
        Answers::Recorded(answers) => match answers.pop_front() {
            Some(record) if record.call == *call => ToolAnswer::Now(record.answer),
            _ => return Err(Diverged.into()),
        },
    };
    match answer {
        ToolAnswer::Now(answer) => Ok(answer),
        ToolAnswer::Later(answer) => {
            let asked = Instant::now();
            let answer = answer.await?;
            // The agent is not to blame for it.
            guest.data_mut().allowance.put_off(asked.elapsed());
            Ok(answer)
        }
    }
}

/// What the guest is told of a call that was made.
fn reply(calls: &mut Calls, call: ToolCall, answer: Result<Value, ToolError>) -> Reply {
    let reply = encode(&answer);
    // Answers count too. The last one may exceed the limit.
    calls.bytes_left = calls.bytes_left.saturating_sub(reply_bytes(&reply));
    calls.made.push(ToolRecord { call, answer });
    reply
}

/// A call whose texts are still in the guest's memory.
struct RawCall<'a> {
    name: &'a [u8],
    arguments: Vec<RawArgument<'a>>,
}

/// The record `argument` of `guest/wit/python.wit`.
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

    /// The length of all its texts.
    fn text_bytes(&self) -> usize {
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

/// The size of a call in the host's memory: its texts, its arguments, and the values inside them.
fn call_bytes(call: &ToolCall) -> usize {
    let argument = |argument: &Argument| {
        let value = argument.value.as_ref().map_or(0, value_bytes);
        size_of::<Argument>() + argument.python_type.len() + value
    };
    let positional = call.args.iter().map(argument);
    let by_keyword = call.kwargs.iter().map(|(keyword, value)| keyword.len() + argument(value));
    call.name.len() + positional.chain(by_keyword).sum::<usize>()
}

/// The size of a call and its answer in the host's memory.
pub fn record_bytes(record: &ToolRecord) -> usize {
    let answer = match &record.answer {
        Ok(value) => value_bytes(value),
        Err(error) => error.message.len(),
    };
    size_of::<ToolRecord>() + call_bytes(&record.call) + answer
}

/// The memory that a value owns, without the `Value` itself.
fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(|value| size_of::<Value>() + value_bytes(value)).sum(),
        Value::Object(fields) => {
            let field =
                |(name, value): (&String, &Value)| name.len() + 2 * size_of::<Value>() + value_bytes(value);
            fields.iter().map(field).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn reply_bytes(reply: &Reply) -> usize {
    match reply {
        Ok(json) => json.len(),
        Err((_, message)) => message.len(),
    }
}

/// Parses a value; `None` if `Value` cannot represent it: JSON text with a lone surrogate does not parse, and
/// an integer beyond 64 bits would become a float.
fn exact(python_type: &str, json: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(json).ok()?;
    (python_type != "int" || !value.is_f64()).then_some(value)
}

fn encode(answer: &Result<Value, ToolError>) -> Reply {
    match answer {
        Ok(value) => Ok(value.to_string()),
        Err(error) => Err(refusal(error.clone())),
    }
}

fn refusal(error: ToolError) -> Refusal {
    let kind = match error.kind {
        ToolErrorKind::Invocation => FailureKind::Invocation,
        ToolErrorKind::Runtime => FailureKind::Runtime,
    };
    (kind, error.message)
}
