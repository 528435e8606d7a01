//! A step that runs a block of Python.

use sandbox::{Interpreter, Stop};

use super::{Play, lock, sandbox_error};
use crate::episode::step::{self, Info, Observation};
use crate::error::Error;

impl Play {
    pub(super) async fn run_code(
        &mut self,
        index: u64,
        code: &str,
        stop: &Stop,
    ) -> Result<(Observation, Info), Error> {
        lock(&self.tools).begin(tracing::Span::current(), stop);
        let struck = self.state_loss.strikes(self.config.seed, index);
        let lost = if struck { self.interpreter.take() } else { None };
        let state_lost = self.code_ran && self.interpreter.is_none();
        let ran = match self.interpreter() {
            Ok(interpreter) => interpreter.step(index, code, stop).await,
            Err(error) => Err(error),
        };
        let outcome = ran.map_err(|error| {
            // The step is not taken.
            lock(&self.tools).undo();
            if struck {
                self.interpreter = lost;
            }
            sandbox_error(error)
        })?;
        lock(&self.tools).keep();
        self.code_ran = true;
        let (observation, info) = step::of_outcome(outcome);
        Ok((observation, Info { state_lost, ..info }))
    }

    /// The interpreter; a new one if there is none.
    pub(super) fn interpreter(&mut self) -> Result<&mut Interpreter, sandbox::Error> {
        Ok(match &mut self.interpreter {
            Some(interpreter) => interpreter,
            none => none.insert(self.sandbox.interpreter(self.config.clone(), self.tools.clone())?),
        })
    }
}
