//! A step that calls tools directly, without the interpreter.

use sandbox::{Failure, ToolError, ToolHost as _, ToolRecord};

use super::{Play, lock};
use crate::episode::step::{DirectCall, Info, Observation, ToolCallRecord, parse_calls};
use crate::error::{Error, Violation};

impl Play {
    pub(super) fn call_tools(&mut self, calls: &[DirectCall]) -> Result<(Observation, Info), Error> {
        let carried: usize = calls.iter().map(|call| call.name.len() + call.arguments_json.len()).sum();
        let most = self.limits.step.tool_bytes;
        if carried > most {
            let rule = format!("carries {carried} bytes; limits.tool_bytes_per_step is {most}");
            return Err(Violation::new("action.tool_calls", rule).into());
        }
        let mut bytes_left = most - carried;
        // All calls are parsed before the first one acts.
        let calls = parse_calls(calls)?;
        let mut tools = lock(&self.tools);
        tools.set_span(tracing::Span::current());
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
            let answer = tools.call(&call);
            let record = ToolCallRecord::from(ToolRecord { call, answer });
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
}

fn exception(error: &ToolError) -> (String, Failure) {
    (error.message.clone(), Failure::Exception { type_name: error.kind.exception().to_owned() })
}
