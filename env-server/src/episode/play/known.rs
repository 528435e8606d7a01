//! A step whose outcome is known, because another machine ran it: only its tool calls are made.

use sandbox::{ToolCall, ToolHost as _, ToolRecord};

use super::{Next, Play, sandbox_error};
use crate::episode::step::{Info, Observation, Request};
use crate::episode::tool_record::ToolCallRecord;
use crate::error::Error;

impl Play {
    /// Takes a step of code that was killed where it ran: it left the interpreter as it was before, and the task as its tool
    /// calls made it. `calls` are made again; those that failed changed nothing, and may be left out. The answer holds what
    /// the tools answered, and nothing of what the code did.
    ///
    /// # Errors
    /// The episode has ended, the server's memory is used up, or the sandbox failed.
    pub fn take_known(&mut self, request: Request, calls: Vec<ToolCall>) -> Result<Next, Error> {
        self.check_running()?;
        let share = self.share_of_step(&request)?;
        if self.state_loss.strikes(self.config.seed, request.index) {
            self.interpreter = None;
        }
        let state_lost = self.code_ran && self.interpreter.is_none();
        self.interpreter().map_err(sandbox_error)?;
        self.code_ran = true;
        let mut tools = self.bridge();
        let call_again =
            |call: ToolCall| ToolCallRecord::from(ToolRecord { answer: tools.call(&call), call });
        let tool_calls = calls.into_iter().map(call_again).collect();
        drop(tools);
        let info = Info { tool_calls, state_lost, ..Info::default() };
        Ok(self.next(request, Observation::default(), info, share))
    }
}
