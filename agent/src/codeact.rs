//! One episode of an agent that acts by writing Python.
//!
//! Each turn the model answers with reasoning and at most one block of code;
//! the block becomes a step, the step's observation the next message. What the
//! model or its code does wrong is shown to the model and costs a turn; only a
//! failure of the machinery around it is an [`Error`].

use std::sync::Arc;
use std::time::Duration;

use client::explain;
use proto::env::{self, v1};
use proto::trace;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::config::AgentConfig;
use crate::model::{self, Completion, FinishReason, GenerateRequest, Message, Model, Sampling};
use crate::recorder::{self, Recorder};
use crate::{fence, prompt};
use client::Environment;
use client::is_unreachable;

mod observed;

/// How long closing the episode of a stopped run may take: someone is waiting.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Calls, as errors name them.
const CREATE: &str = "CreateEpisode";
const CLOSE: &str = "CloseEpisode";

/// An agent at an environment server.
#[derive(Clone, Debug)]
pub struct CodeAct {
    /// Its config.
    pub agent: AgentConfig,
    /// Its model.
    pub model: Arc<dyn Model>,
    /// Where it acts.
    pub environment: Environment,
}

/// One episode to play.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The task, as the server lists it.
    pub task: v1::TaskSummary,
    /// The caller's own id of the episode, never used before.
    pub episode_id: String,
    /// Seeds the model's randomness.
    pub policy_seed: u64,
    /// Versions of all that takes part.
    pub versions: trace::Versions,
}

/// Why an episode has no evaluation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refused a call or was gone.
    #[error("{call}: {}", explain(status))]
    Call {
        /// Which call.
        call: &'static str,
        /// What the server said.
        status: Box<tonic::Status>,
    },
    /// The model's server can't be talked to.
    #[error(transparent)]
    Model(model::Error),
    /// The server ended the episode for reasons of its own.
    #[error("the server ended the episode ({reason})")]
    Ended {
        /// Why.
        reason: String,
    },
    /// The server's answer lacks something.
    #[error("the server's answer to {call} has no {what}")]
    Incomplete {
        /// Which call.
        call: &'static str,
        /// What it lacks.
        what: &'static str,
    },
    /// The server does not lose state as the config asks, as one that does not know of it.
    #[error(
        "`state_loss` is {asked} in the config, but the server has {in_force} in force; a server of this agent's \
         version does as it is asked"
    )]
    StateLoss {
        /// The chance asked for.
        asked: f64,
        /// The chance in force.
        in_force: f64,
    },
    /// The run was stopped.
    #[error("interrupted")]
    Interrupted,
}

/// What became of an episode.
#[derive(Debug)]
pub struct Outcome {
    /// All that happened.
    pub trace: trace::Trace,
    /// How well the task was solved, or why nobody knows.
    pub evaluation: Result<v1::Evaluation, Error>,
}

impl Error {
    /// The server that could not be talked to, if it failed for that.
    pub fn unreachable(&self) -> Option<&'static str> {
        match self {
            Self::Call { status, .. } if is_unreachable(status) => Some("environment server"),
            Self::Model(model::Error::Unreachable { .. }) => Some("inference server"),
            _ => None,
        }
    }
}

impl CodeAct {
    /// Plays one episode to its end. When `stop` turns true, the episode is
    /// closed and [`Error::Interrupted`] comes back.
    pub async fn play(&self, assignment: &Assignment, mut stop: watch::Receiver<bool>) -> Outcome {
        let mut recorder = Recorder::start(self.provenance(assignment));
        let played = tokio::select! {
            played = self.play_turns(assignment, &mut recorder) => played,
            () = stopped(&mut stop) => Err(Error::Interrupted),
        };
        let (reason, evaluation) = match played {
            // There is nothing to close.
            Err(error @ Error::Call { call: CREATE, .. }) => ("error".to_owned(), Err(error)),
            Err(error) => {
                // An open episode would hold its place until its lease ends. If closing fails too,
                // the first error is the one to tell.
                let _ = timeout(CLOSE_LIMIT, self.environment.close(&assignment.episode_id)).await;
                let reason = if matches!(error, Error::Interrupted) { "interrupted" } else { "error" };
                (reason.to_owned(), Err(error))
            }
            Ok(reason) => (reason, self.evaluate(&assignment.episode_id).await),
        };
        if let Err(error) = &evaluation {
            recorder.error(&error.to_string());
        }
        Outcome { trace: recorder.finish(&reason), evaluation }
    }

    /// Closes an episode that was played to its end.
    async fn evaluate(&self, episode_id: &str) -> Result<v1::Evaluation, Error> {
        let closed = self.environment.close(episode_id).await.map_err(call_failed(CLOSE))?;
        closed.evaluation.ok_or(Error::Incomplete { call: CLOSE, what: "evaluation" })
    }

    /// Takes turns until the episode ends; says why it did.
    async fn play_turns(&self, assignment: &Assignment, recorder: &mut Recorder) -> Result<String, Error> {
        let created =
            self.environment.create(self.create_request(assignment)).await.map_err(call_failed(CREATE))?;
        let observation =
            created.observation.as_ref().ok_or(Error::Incomplete { call: CREATE, what: "observation" })?;
        let deadline = Instant::now() + Duration::from_secs_f64(self.agent.timeout_s);
        let limits = created.limits.unwrap_or_default();
        let wall_clock = observed::wall_clock(&limits);
        recorder.provenance().limits = observed::limits(&limits);
        recorder.provenance().seeds.episode = created.seed;
        let (asked, in_force) = (self.agent.state_loss, created.state_loss);
        if asked != in_force {
            return Err(Error::StateLoss { asked, in_force });
        }

        let prompts = prompt::system_prompts(observation, &limits, &self.agent);
        let task = prompt::task(observation, self.agent.prompt.detail);
        recorder.task(&task, &prompts);
        let mut messages: Vec<Message> = prompts.into_iter().map(Message::system).collect();
        messages.push(Message::user(task));

        let mut step_index = 0;
        let mut globals: Vec<String> = Vec::new();
        let told = &self.agent.prompt;
        let persistent = self.agent.interpreter_state() == v1::InterpreterState::Persistent;
        let names_shown = persistent && !told.hide_names;
        for turn in 0..self.agent.max_turns {
            if Instant::now() >= deadline {
                return Ok("timeout".to_owned());
            }
            let mut request = self.generate_request(messages.clone(), assignment.policy_seed);
            if names_shown {
                request.messages.push(Message::user(prompt::globals(&globals)));
            }
            let asked_at = recorder::now();
            let answer = match tokio::time::timeout_at(deadline, self.ask(&request)).await {
                Err(_) => return Ok("timeout".to_owned()),
                // No later turn is shorter.
                Ok(Err(model::Error::ContextOverflow { .. })) => return Ok("context_length".to_owned()),
                Ok(Err(error @ model::Error::Unreachable { .. })) => return Err(Error::Model(error)),
                Ok(answer) => answer.map_err(|error| error.to_string()),
            };
            let mut step = trace::Step { turn: u64::from(turn), ..trace::Step::default() };
            let action = read_answer(answer, asked_at, &mut step, recorder);
            if !step.assistant_text.is_empty() {
                messages.push(Message::assistant(&step.assistant_text));
            }
            let code = match action {
                Action::Run(code) => code,
                Action::Nothing { error } => {
                    let text = error.as_ref().map(|error| prompt::turn_error(error, told.observation));
                    messages.push(Message::user(text.unwrap_or_else(|| prompt::NO_BLOCK.to_owned())));
                    step.error = error;
                    recorder.step(step);
                    // The lease is measured for turns that each reach the server.
                    self.environment
                        .renew(&assignment.episode_id)
                        .await
                        .map_err(call_failed("GetEpisode"))?;
                    continue;
                }
            };
            let request = v1::StepRequest {
                episode_id: assignment.episode_id.clone(),
                step_index,
                action: Some(v1::step_request::Action::Code(v1::CodeAction { code })),
            };
            let response = match self.environment.step(request, wall_clock).await {
                Ok(response) => response,
                Err(status) => {
                    recorder.step(step);
                    return Err(call_failed("Step")(status));
                }
            };
            step_index += 1;
            let end = end_of(&response);
            let result = observed::take_in(response, &mut step)?;
            messages.push(Message::user(prompt::observation(&result, told.observation)));
            globals = step.info.as_ref().map(|info| info.globals.clone()).unwrap_or_default();
            step.interpreter_result = Some(result);
            recorder.step(step);
            if let Some(end) = end {
                return end;
            }
        }
        Ok("max_turns".to_owned())
    }

    /// Asks the model, within its own time limit.
    async fn ask(&self, request: &GenerateRequest) -> Result<Completion, model::Error> {
        let seconds = self.agent.llm.timeout_s;
        let answer = timeout(Duration::from_secs_f64(seconds), self.model.generate(request)).await;
        answer.unwrap_or(Err(model::Error::Timeout { seconds }))
    }

    fn generate_request(&self, messages: Vec<Message>, seed: u64) -> GenerateRequest {
        GenerateRequest {
            messages,
            sampling: Sampling { temperature: self.agent.llm.temperature },
            seed,
            max_tokens: self.agent.llm.max_tokens,
        }
    }

    fn create_request(&self, assignment: &Assignment) -> v1::CreateEpisodeRequest {
        let task = v1::TaskRef { set: assignment.task.set.clone(), task_id: assignment.task.task_id.clone() };
        v1::CreateEpisodeRequest {
            task: Some(v1::create_episode_request::Task::TaskRef(task)),
            interpreter_state: self.agent.interpreter_state().into(),
            limits: Some(observed::requested_limits(&self.agent)),
            seed: None,
            episode_id: assignment.episode_id.clone(),
            lease: Some(observed::lease(&self.agent)),
            record_definitions: true,
            state_loss: self.agent.state_loss,
        }
    }

    fn provenance(&self, assignment: &Assignment) -> trace::Provenance {
        trace::Provenance {
            schema_version: recorder::SCHEMA_VERSION.to_owned(),
            episode_id: assignment.episode_id.clone(),
            task_id: assignment.task.task_id.clone(),
            family: assignment.task.family.clone(),
            interpreter_state: env::state_name(self.agent.interpreter_state()).to_owned(),
            state_loss: self.agent.state_loss,
            seeds: trace::Seeds { task: assignment.task.seed, episode: 0, policy: assignment.policy_seed },
            limits: serde_json::Value::Null,
            versions: assignment.versions.clone(),
            agent: serde_json::to_value(&self.agent).unwrap_or_default(),
        }
    }
}

/// What an answer of the model comes to.
enum Action {
    /// Its code is to be run.
    Run(String),
    /// Nothing is run, and the model is told why: for an error, or because there is no code, which is none.
    Nothing { error: Option<String> },
}

impl Action {
    fn refuse(error: String) -> Self {
        Self::Nothing { error: Some(error) }
    }
}

/// Records a model's answer; comes back with what to do.
fn read_answer(
    answer: Result<Completion, String>,
    asked_at: String,
    step: &mut trace::Step,
    recorder: &mut Recorder,
) -> Action {
    // How many tokens were sent, the answer tells; a call without one is recorded all the same.
    let usage = answer.as_ref().map_or_else(|_| trace::TokenUsage::default(), |completion| completion.usage);
    recorder.asked(trace::ModelCall { timestamp: asked_at, prompt_tokens: usage.prompt_tokens });
    let completion = match answer {
        Ok(completion) => completion,
        Err(error) => return Action::refuse(prompt::failed_call(&error)),
    };
    recorder.answered(trace::ModelResponse {
        timestamp: recorder::now(),
        completion_tokens: usage.completion_tokens,
        total_tokens: usage.total_tokens,
        finish_reason: Some(completion.finish_reason.to_string()),
    });
    step.token_usage = usage;
    step.assistant_text = completion.text;
    if completion.finish_reason != FinishReason::Stop {
        let reason = format!("it was cut off (finish reason: {})", completion.finish_reason);
        return Action::refuse(prompt::failed_call(&reason));
    }
    let mut blocks = fence::python_blocks(&step.assistant_text);
    match blocks.len() {
        0 => Action::Nothing { error: None },
        1 => {
            let code = blocks.remove(0);
            step.code = Some(code.clone());
            Action::Run(code)
        }
        count => Action::refuse(prompt::several_blocks(count)),
    }
}

/// Why a step ended its episode, if it did.
fn end_of(response: &v1::StepResponse) -> Option<Result<String, Error>> {
    if response.terminated {
        return Some(Ok("finish_tool".to_owned()));
    }
    if !response.truncated {
        return None;
    }
    Some(match response.end_reason() {
        // A step costs a turn, so both limits are one to the agent.
        v1::EndReason::MaxSteps => Ok("max_turns".to_owned()),
        reason => Err(Error::Ended { reason: env::end_reason_name(reason) }),
    })
}

fn call_failed(call: &'static str) -> impl Fn(tonic::Status) -> Error {
    move |status| Error::Call { call, status: Box::new(status) }
}

/// Waits until the run is to stop; for ever, if nobody can say so any more.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|&stop| stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
