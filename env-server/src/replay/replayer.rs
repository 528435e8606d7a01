//! One recording is played again, step by step.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use proto::env::v1;
use proto::tool_call::Prepared;
use proto::trace::{self, StepInfo, Versions};
use sandbox::{Sandbox, Stop, ToolCall};
use serde_json::{Value, json};

use super::difference::Difference;
use super::error::Error;
use super::recording::{RecordedStep, Recording};
use super::tasks;
use crate::catalog::Catalog;
use crate::episode::Limits;
use crate::episode::bridge::Bridge;
use crate::episode::end::EndReason;
use crate::episode::opening::Opening;
use crate::episode::play::{Next, Play, Ran};
use crate::episode::progress::Progress;
use crate::episode::spec::{self, Spec, Terms, unplayable};
use crate::episode::step::{Action, Request};
use crate::episode::tool_record::ToolCallRecord;
use crate::family;
use crate::wire;

/// Why an agent stopped that had called `finish`, and one whose turns were used up.
const FINISHED: &str = "finish_tool";
const MAX_TURNS: &str = "max_turns";
/// Ignored: nothing leaves an episode of a replay untouched.
const LEASE: Duration = Duration::from_secs(60);

/// Plays recordings again.
pub struct Replayer {
    sandbox: Sandbox,
    catalog: Catalog,
    any_interpreter: bool,
    warned: AtomicBool,
}

/// A recording that was played again, up to the first difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// The task's id.
    pub task_id: String,
    /// Steps that the recording has.
    pub steps: u64,
    /// Steps that were run, and gave what was recorded.
    pub verified: u64,
    /// Steps that were not run, because the machine on which they ran decided what came of them.
    pub as_recorded: u64,
    /// Whether there was an evaluation to compare with.
    pub evaluated: bool,
    /// The first difference; nothing after it was compared.
    pub difference: Option<Difference>,
}

/// What a trace tells of a step's place in its episode.
struct Ending<'a> {
    /// Whether no step follows.
    is_last: bool,
    /// Why the agent stopped.
    finish_reason: Option<&'a str>,
    /// The index of the last step that the limits allow.
    last_allowed: u64,
}

impl Replayer {
    /// Plays on tasks of `catalog`. A recording of another interpreter is refused, unless `any_interpreter`.
    pub fn new(sandbox: Sandbox, catalog: Catalog, any_interpreter: bool) -> Self {
        Self { sandbox, catalog, any_interpreter, warned: AtomicBool::new(false) }
    }

    /// Plays a recording again, on this thread, which must not be one that drives async tasks.
    ///
    /// # Errors
    /// It can't be played here. What differs is no error.
    pub fn replay(&self, recording: Recording) -> Result<Replayed, Error> {
        let Recording { provenance, request, steps, finish_reason, evaluation } = recording;
        self.check_interpreter(&provenance.versions)?;
        let mut replayed = Replayed {
            task_id: provenance.task_id.clone(),
            steps: steps.len() as u64,
            verified: 0,
            as_recorded: 0,
            evaluated: false,
            difference: None,
        };
        let Some(request) = request else { return Ok(replayed) };
        let last_allowed = u64::from(request.limits.max_steps.unwrap_or(u32::MAX)).saturating_sub(1);
        let task = Some(tasks::find(&self.catalog, &provenance)?);
        let mut play = self.open(spec::Request { task, ..request })?;
        for (index, step) in (0..).zip(&steps) {
            let Some(info) = &step.info else {
                // Nobody knows whether it was taken, and how the episode ended then.
                replayed.as_recorded += 1;
                return Ok(replayed);
            };
            let is_last = index + 1 == replayed.steps;
            let ending = Ending { is_last, finish_reason: finish_reason.as_deref(), last_allowed };
            let request = Request {
                episode_id: provenance.episode_id.clone(),
                index,
                action: Some(step.action.clone()),
            };
            let difference = if step.is_of_the_machine() {
                replayed.as_recorded += 1;
                take(&mut play, request, info, &ending)?
            } else {
                let difference = run(&mut play, request, step, info, &ending)?;
                replayed.verified += u64::from(difference.is_none());
                difference
            };
            if difference.is_some() {
                replayed.difference = difference.map(|found| found.of_step(index, step.turn.turn));
                return Ok(replayed);
            }
        }
        let end = play.finish(EndReason::Closed);
        if let Some(recorded) = evaluation {
            replayed.evaluated = true;
            replayed.difference = Difference::first("evaluation", &json!(recorded), &json!(end.evaluation));
        }
        Ok(replayed)
    }

    fn check_interpreter(&self, recorded: &Versions) -> Result<(), Error> {
        let (there, here) = (recorded.interpreter_sha256.as_str(), self.sandbox.guest_sha256());
        if there == here {
            return Ok(());
        }
        let rule = format!("is {there:?}, but this program's interpreter is {here:?}");
        if !self.any_interpreter {
            let rule = format!("{rule}; --any-interpreter replays it all the same");
            return Err(Error::field("provenance.versions.interpreter_sha256", rule));
        }
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a trace is of another interpreter, and may differ for that reason: its SHA-256 {rule}"
            );
        }
        Ok(())
    }

    fn open(&self, request: spec::Request) -> Result<Play, Error> {
        let highest = Limits::highest();
        let terms = Terms {
            tenant: "",
            catalog: &self.catalog,
            default_limits: &Limits::default(),
            most_limits: &highest,
            default_lease: LEASE,
            least_memory: self.sandbox.least_memory_bytes(),
        };
        let (mut spec, task) = Spec::new(request, &terms)?;
        let environment =
            family::open(&task).map_err(|error| crate::error::Error::from(unplayable(&error)))?;
        // A slower machine gives the same: fuel bounds a step.
        spec.limits.step.wall_clock = highest.step.wall_clock;
        let tools = Opening::of(environment.as_ref()).tools;
        let progress = Arc::new(Mutex::new(Progress::new(wire::step_bytes)));
        let bridge = Bridge::new(environment);
        Ok(Play::new(self.sandbox.clone(), &spec, &tools, bridge, None, progress)?)
    }
}

/// Runs a step, and compares all that was recorded of it, but for the time that it took.
fn run(
    play: &mut Play,
    request: Request,
    step: &RecordedStep,
    info: &StepInfo,
    ending: &Ending<'_>,
) -> Result<Option<Difference>, Error> {
    let is_code = matches!(step.action, Action::Code(_));
    let next = match block_on(play.step(request, Instant::now(), &Stop::default())).map_err(Error::Play)? {
        Ran::Next(next) => next,
        Ran::Repeated(_) => {
            return Err(Error::Play(crate::error::Error::Internal("a step was repeated".to_owned())));
        }
    };
    let (observation, replayed_info, end) = accept(play, next, ending);
    let results = (!is_code).then(|| Prepared::new(&step.turn.calls).outputs(Some(&observation)));
    let (result, replayed_info) = trace::step_result(info.step_index, observation, replayed_info);
    let recorded = json!({
        "interpreter_result": step.turn.interpreter_result,
        "results": step.turn.results,
        "info": StepInfo { run_time_us: 0, ..info.clone() },
    });
    let replayed = json!({
        "interpreter_result": is_code.then_some(result),
        "results": results,
        "info": StepInfo { run_time_us: 0, ..replayed_info },
    });
    Ok(Difference::first("", &recorded, &replayed).or(end))
}

/// Takes a step of which only the tool calls are made again, and compares what does not depend on the machine.
fn take(
    play: &mut Play,
    request: Request,
    info: &StepInfo,
    ending: &Ending<'_>,
) -> Result<Option<Difference>, Error> {
    // A call that failed changed nothing.
    let answered = (0..).zip(&info.tool_calls).filter(|(_, call)| call.error.is_none());
    let answered: Vec<(usize, &trace::ToolCall)> = answered.collect();
    let calls = answered.iter().map(|(_, call)| exact(call)).collect::<Result<_, _>>()?;
    let next = play.take_known(request, calls).map_err(Error::Play)?;
    let (observation, replayed_info, end) = accept(play, next, ending);
    let (_, replayed) = trace::step_result(info.step_index, observation, replayed_info);
    for ((number, recorded), replayed) in answered.iter().zip(&replayed.tool_calls) {
        let path = format!("info.tool_calls[{number}]");
        if let Some(difference) = Difference::first(&path, &json!(recorded), &json!(replayed)) {
            return Ok(Some(difference));
        }
    }
    let facts = |info: &StepInfo| json!({"budget_left": info.budget_left, "state_lost": info.state_lost});
    Ok(Difference::first("info", &facts(info), &facts(&replayed)).or(end))
}

/// Takes a step that ran: what is told of it, and how its end of the episode differs.
fn accept(
    play: &mut Play,
    next: Next,
    ending: &Ending<'_>,
) -> (v1::Observation, v1::StepInfo, Option<Difference>) {
    let response = v1::StepResponse::from(&*next.record);
    play.accept(next);
    let recorded = ending.of_step(response.step_index);
    let replayed = json!({"terminated": response.terminated, "truncated": response.truncated});
    let end = Difference::first("", &recorded, &replayed);
    (response.observation.unwrap_or_default(), response.info.unwrap_or_default(), end)
}

impl Ending<'_> {
    /// Whether the step ended the episode. A trace tells it by the reason for which the agent stopped.
    fn of_step(&self, index: u64) -> Value {
        let stopped = |reason: &str| self.is_last && self.finish_reason == Some(reason);
        // An agent also stops so if its last turns took no step.
        let truncated = stopped(MAX_TURNS) && index == self.last_allowed;
        json!({"terminated": stopped(FINISHED), "truncated": truncated})
    }
}

/// A recorded call that was answered, as the tools take it.
fn exact(call: &trace::ToolCall) -> Result<ToolCall, Error> {
    let record =
        ToolCallRecord::answered(call.name.clone(), call.arguments.to_string(), call.result.to_string());
    let record = record.exact().map_err(|error| Error::field("info.tool_calls", error.to_string()))?;
    Ok(record.call)
}
