//! A step that calls tools directly, without the interpreter.

use sandbox::{Argument, Failure, Stop, ToolAnswer, ToolCall, ToolError, ToolHost as _, ToolRecord};
use serde_json::Value;

use super::{Play, lock, sandbox_error};
use crate::episode::step::{DirectCall, Info, Observation};
use crate::episode::tool_record::ToolCallRecord;
use crate::error::{Error, Violation};
use crate::tool::invocation_error;

impl Play {
    pub(super) async fn call_tools(
        &mut self,
        calls: &[DirectCall],
        stop: &Stop,
    ) -> Result<(Observation, Info), Error> {
        if calls.is_empty() {
            return Err(Violation::new("action.tool_calls.calls", "holds no call").into());
        }
        let carried: usize = calls.iter().map(|call| call.name.len() + call.arguments_json.len()).sum();
        let most = self.limits.step.tool_bytes;
        if carried > most {
            let rule = format!("carries {carried} bytes; limits.tool_bytes_per_step is {most}");
            return Err(Violation::new("action.tool_calls", rule).into());
        }
        lock(&self.tools).begin(tracing::Span::current(), stop);
        let made = self.make(calls, most - carried).await;
        let mut tools = lock(&self.tools);
        if made.is_ok() {
            tools.keep()
        } else {
            tools.undo()
        }
        made
    }

    /// Makes calls, in order. Their answers may have `bytes_left` bytes together.
    async fn make(&self, calls: &[DirectCall], mut bytes_left: usize) -> Result<(Observation, Info), Error> {
        let allowed = self.limits.step.tool_calls;
        let mut records: Vec<ToolCallRecord> = Vec::new();
        // The first failed call, or what ended the step early.
        let mut failure = None;
        for call in calls {
            if records.len() >= allowed as usize {
                let error = format!("Tool call limit exceeded: allowed {allowed} per run.");
                failure = Some((error, Failure::ToolCallLimit));
                break;
            }
            let record = self.record(call).await?;
            bytes_left = bytes_left.saturating_sub(record.answer_bytes());
            if let (Err(error), None) = (&record.answer, &failure) {
                failure = Some(exception(error));
            }
            records.push(record);
            if bytes_left == 0 {
                failure = Some(exception(&ToolError::too_much_data()));
                break;
            }
        }
        let (error, failure) = failure.unzip();
        let observation = Observation {
            success: failure.is_none(),
            error: error.unwrap_or_default(),
            failure,
            tool_results: records.clone(),
            ..Observation::default()
        };
        Ok((observation, Info { tool_calls: records, ..Info::default() }))
    }

    /// Makes a call, unless its arguments can't be read: that is the agent's mistake, and it should see it.
    pub(super) async fn record(&self, call: &DirectCall) -> Result<ToolCallRecord, Error> {
        let call = match parse(call) {
            Ok(call) => call,
            Err(error) => {
                return Ok(ToolCallRecord::unreadable(call.name.clone(), &call.arguments_json, error));
            }
        };
        let answer = lock(&self.tools).ask(&call);
        let answer = match answer {
            ToolAnswer::Now(answer) => answer,
            ToolAnswer::Later(answer) => {
                answer.await.map_err(|fault| sandbox_error(sandbox::Error::Fault(fault)))?
            }
        };
        Ok(ToolCallRecord::from(ToolRecord { call, answer }))
    }
}

fn parse(call: &DirectCall) -> Result<ToolCall, ToolError> {
    let (mut args, mut kwargs) = (Vec::new(), Vec::new());
    match serde_json::from_str(&call.arguments_json) {
        Ok(Value::Array(values)) => args = values.into_iter().map(Argument::from).collect(),
        Ok(Value::Object(values)) => {
            kwargs = values.into_iter().map(|(name, value)| (name, Argument::from(value))).collect();
        }
        Ok(_) => {
            return Err(invocation_error(
                "arguments must be a JSON object (by keyword) or array (positional)",
            ));
        }
        Err(error) => return Err(invocation_error(format!("arguments are not JSON: {error}"))),
    }
    Ok(ToolCall { name: call.name.clone(), args, kwargs })
}

fn exception(error: &ToolError) -> (String, Failure) {
    (error.message.clone(), Failure::Exception { type_name: error.kind.exception().to_owned() })
}
