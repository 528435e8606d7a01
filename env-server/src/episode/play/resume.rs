//! Coming to the same state again: an episode is played from its stored steps.
//!
//! The task's state follows from the tool calls, which are made again; that of a hosted family is stored with the steps. The
//! interpreter is made from its snapshot and the steps since, when a step needs it. Whatever depended on the machine was decided when the steps were taken: a step that was killed
//! is not run again.

use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use proto::interpreter_state::InterpreterState;
use sandbox::{PastStep, Sandbox, StoredSnapshot, ToolHost as _};

use super::{Play, lock, sandbox_error};
use crate::episode::bridge::Bridge;
use crate::episode::opening::Opening;
use crate::episode::progress::Progress;
use crate::episode::spec::Spec;
use crate::episode::step::{Action, DirectCall, Record};
use crate::error::Error;
use crate::family::Environment;

/// What is stored of an episode that goes on.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Its steps: all of them, from the first.
    pub records: Vec<Arc<Record>>,
    /// The stored snapshot of its interpreter, if there is one.
    pub snapshot: Option<StoredSnapshot>,
}

/// What an interpreter is made of again.
#[derive(Default)]
struct Ingredients {
    /// Whether there was one.
    exists: bool,
    /// The index of the step before which it was made.
    began: u64,
    /// The steps that changed it, with their indexes.
    steps: Vec<(u64, PastStep)>,
    /// The names that the agent's code has defined.
    globals: Vec<String>,
}

impl Play {
    /// An episode with this past, whose task is `environment` in its first state; and what an agent knew before the first step. The
    /// episode occupies no place yet.
    ///
    /// # Errors
    /// A tool answers otherwise than it did, the server's memory is used up, or the sandbox failed.
    pub fn with_past(
        sandbox: Sandbox,
        spec: &Spec,
        environment: Box<dyn Environment>,
        past: Past,
        progress: Arc<Mutex<Progress>>,
    ) -> Result<(Opening, Self), Error> {
        let opening = Opening::of(environment.as_ref());
        let mut play = Self::new(sandbox, spec, &opening.tools, Bridge::new(environment), None, progress)?;
        play.resume(past)?;
        Ok((opening, play))
    }

    /// Takes the steps of the past, in an episode before its first step.
    fn resume(&mut self, past: Past) -> Result<(), Error> {
        let mut ingredients = Ingredients::default();
        for record in &past.records {
            match &record.request.action {
                Some(Action::ToolCalls(calls)) => self.call_tools_again(calls, record)?,
                _ => self.take_again(record, &mut ingredients)?,
            }
            if let Some(state) = &record.state {
                self.bridge().restore(state);
            }
        }
        let end = past.records.last().and_then(|last| last.answer.end.clone());
        if end.is_none() && ingredients.exists {
            self.interpreter = Some(self.revive(ingredients, past.snapshot, past.records.len() as u64)?);
        }
        let mut progress = lock(&self.progress);
        progress.end = end;
        progress.history.restart();
        for record in past.records {
            let share = self.sandbox.budget().hold(0);
            progress.history.push(record, share);
        }
        Ok(())
    }

    /// A step that ran code, without running it.
    fn take_again(&mut self, record: &Record, ingredients: &mut Ingredients) -> Result<(), Error> {
        let (index, info) = (record.request.index, &record.answer.info);
        if self.state_loss.strikes(self.config.seed, index) {
            *ingredients = Ingredients { began: index, ..Ingredients::default() };
        }
        let mut calls = Vec::with_capacity(info.tool_calls.len());
        for call in &info.tool_calls {
            let known = call.exact().map_err(|error| changed(index, &error.to_string()))?;
            if !self.bridge().keeps_state() && self.bridge().call(&known.call) != known.answer {
                return Err(changed(index, "a tool answers otherwise"));
            }
            calls.push(known);
        }
        self.code_ran = true;
        ingredients.exists = true;
        record.answer.observation.globals.clone_into(&mut ingredients.globals);
        if let (true, Some(Action::Code(code))) = (info.kept, &record.request.action) {
            let step = PastStep { code: code.clone(), tool_calls: calls, fuel_used: info.fuel_used };
            ingredients.steps.push((index, step));
        }
        Ok(())
    }

    /// A step that called tools directly.
    fn call_tools_again(&mut self, calls: &[DirectCall], record: &Record) -> Result<(), Error> {
        if self.bridge().keeps_state() {
            return Ok(());
        }
        // A step that ended early made fewer calls than were asked for.
        for (call, known) in calls.iter().zip(&record.answer.info.tool_calls) {
            let again = self.record(call).now_or_never();
            let again = again.ok_or_else(|| changed(record.request.index, "a tool takes a while"))??;
            if again.answer != known.answer {
                return Err(changed(record.request.index, "a tool answers otherwise"));
            }
        }
        Ok(())
    }

    fn revive(
        &self,
        ingredients: Ingredients,
        snapshot: Option<StoredSnapshot>,
        next_step: u64,
    ) -> Result<sandbox::Interpreter, Error> {
        let Ingredients { began, steps, globals, .. } = ingredients;
        let revive = |snapshot: Option<StoredSnapshot>| {
            let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.before);
            let steps = steps.iter().filter(|(index, _)| *index >= after).map(|(_, step)| step.clone());
            let past =
                sandbox::Past { snapshot, steps: steps.collect(), globals: globals.clone(), next_step };
            self.sandbox.revive(self.config.clone(), self.tools.clone(), past)
        };
        // That of an interpreter whose state was lost since is of no use.
        let snapshot = snapshot
            .filter(|snapshot| snapshot.before > began && self.config.state == InterpreterState::Persistent)
            .filter(|snapshot| snapshot.before <= next_step);
        let Some(snapshot) = snapshot else { return revive(None).map_err(sandbox_error) };
        revive(Some(snapshot)).or_else(|error| {
            tracing::warn!(
                error = %error,
                "a stored snapshot can't be used; the steps before it run again, which takes longer"
            );
            revive(None).map_err(sandbox_error)
        })
    }
}

fn changed(index: u64, why: &str) -> Error {
    Error::Internal(format!(
        "the episode's step {index} can't be taken again: {why}. Was it stored by another version of the server?"
    ))
}
