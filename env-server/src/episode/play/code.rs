//! A step that runs a block of Python.

use sandbox::Stop;

use super::{Play, lock, sandbox_error};
use crate::episode::step::{Info, Observation, ToolCallRecord};
use crate::error::Error;

impl Play {
    pub(super) async fn run_code(
        &mut self,
        index: u64,
        code: &str,
        stop: &Stop,
    ) -> Result<(Observation, Info), Error> {
        lock(&self.tools).begin(tracing::Span::current());
        if self.state_loss.strikes(self.config.seed, index) {
            self.interpreter = None;
        }
        let state_lost = self.code_ran && self.interpreter.is_none();
        let interpreter = match &mut self.interpreter {
            Some(interpreter) => interpreter,
            none => none.insert(
                self.sandbox.interpreter(self.config.clone(), self.tools.clone()).map_err(sandbox_error)?,
            ),
        };
        let ran = interpreter.step(index, code, stop).await;
        match &ran {
            Err(sandbox::Error::Stopped | sandbox::Error::NoMemory(_)) => lock(&self.tools).undo(),
            _ => lock(&self.tools).keep(),
        }
        let outcome = ran.map_err(sandbox_error)?;
        self.code_ran = true;
        let observation = Observation {
            success: outcome.error.is_none(),
            output: outcome.output,
            output_left_out: outcome.output_left_out,
            error_output: outcome.error_output,
            error_output_left_out: outcome.error_output_left_out,
            error: outcome.error.unwrap_or_default(),
            failure: outcome.failure,
            globals: outcome.globals,
            tool_results: Vec::new(),
        };
        let info = Info {
            tool_calls: outcome.tool_calls.into_iter().map(ToolCallRecord::from).collect(),
            fuel_used: outcome.fuel_used,
            definitions: outcome.definitions,
            state_lost,
            ..Info::default()
        };
        Ok((observation, info))
    }
}
