//! The tool of an interpreter without a task.

use std::sync::{Arc, Mutex, PoisonError};

use proto::env::v1;
use proto::interpreter_state::InterpreterState;
use rmcp::ErrorData;
use rmcp::model::{CallToolResult, Extensions, Tool};
use sandbox::Interpreter;
use serde::Deserialize;
use serde_json::{Value, json};

use super::tools::{self, RUN, Tools};
use crate::episode::step;

/// An interpreter.
pub struct Alone {
    state: InterpreterState,
    interpreter: Arc<Mutex<Interpreter>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    code: String,
}

impl Alone {
    /// The tools of this interpreter.
    pub fn new(state: InterpreterState, interpreter: Interpreter) -> Self {
        Self { state, interpreter: Arc::new(Mutex::new(interpreter)) }
    }
}

impl Tools for Alone {
    fn list(&self, _from: &Extensions) -> Result<Vec<Tool>, ErrorData> {
        Ok(vec![tools::run_tool(self.state, "")])
    }

    async fn call(
        &self,
        name: &str,
        arguments: Value,
        _from: &Extensions,
    ) -> Result<CallToolResult, ErrorData> {
        if name != RUN {
            return Err(tools::unknown(name));
        }
        let Run { code } = tools::arguments(arguments)?;
        let interpreter = self.interpreter.clone();
        let run = move || interpreter.lock().unwrap_or_else(PoisonError::into_inner).run(&code);
        let ran = tokio::task::spawn_blocking(run).await;
        let outcome = ran
            .map_err(|error| error.to_string())
            .and_then(|ran| ran.map_err(|error| error.to_string()))
            .map_err(|error| ErrorData::internal_error(error, None))?;
        let fuel = json!({ "fuel_used": outcome.fuel_used, "run_time": outcome.wall.as_secs_f64() });
        let (observation, _) = step::of_outcome(outcome);
        Ok(tools::observed(&v1::Observation::from(&observation).into(), Some(&fuel)))
    }
}
