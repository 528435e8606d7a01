//! The loop of an episode: the model is asked, its action is run, the result becomes its next message.

use std::time::Duration;

use client::Environments;
use proto::conversation::{self, Message};
use proto::env::v1;
use proto::semantics::Semantics;
use proto::tool_call::Prepared;
use proto::trace::{self, ModelCall, ModelResponse, RecordedLimits, Step, TokenUsage, Tokens};
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use super::assignment::Assignment;
use super::end::End;
use super::error::{CREATE, Error, KEEP_ALIVE, STEP, call_failed};
use super::player::Player;
use super::spans;
use crate::acting::{self, Acting, Action, Answer};
use crate::config::{AgentConfig, CutAnswers};
use crate::model::{self, Completion, FinishReason, GenerateRequest, Model, Sampling};
use crate::prompts::{Facts, Prompts, Text};
use crate::recorder::{self, Recorder};
use crate::{prompt, repetition, wire};

/// An open episode.
pub struct Turns<'player> {
    agent: &'player AgentConfig,
    model: &'player dyn Model,
    prompts: &'player Prompts,
    environments: &'player Environments,
    assignment: &'player Assignment,
    /// The episode's id, which the server has given.
    episode_id: String,
    acting: Box<dyn Acting>,
    /// The conversation so far.
    messages: Vec<Message>,
    /// The functions that the model can call beside its text.
    tools: Vec<Value>,
    /// The tokens of the last call, prompt and answer, if its server gave them.
    tokens: Vec<u32>,
    /// Whether the conversation continues those tokens: the answer is in it as it is, and nothing that only the last call
    /// was sent was before it.
    continues: bool,
    /// The names in the interpreter after the last step.
    globals: Vec<String>,
    /// Index of the next step.
    step_index: u64,
    /// The wall-clock limit of a step.
    wall_clock: Duration,
    /// When the episode's time is over.
    deadline: Instant,
}

impl<'player> Turns<'player> {
    /// Creates the episode and begins the conversation.
    ///
    /// # Errors
    /// If the server refuses, or does not do what the config requests.
    pub async fn begin(
        player: &'player Player,
        assignment: &'player Assignment,
        recorder: &mut Recorder,
    ) -> Result<Self, Error> {
        let Player { agent, model, prompts, environments, .. } = player;
        let request = create_request(agent, assignment);
        let created = environments.create(request).await.map_err(call_failed(CREATE))?;
        let created_semantics = created.semantics();
        let observation =
            created.observation.as_ref().ok_or(Error::Incomplete { call: CREATE, what: "observation" })?;
        let deadline = Instant::now() + Duration::from_secs_f64(agent.timeout_s);
        let limits = created.limits.unwrap_or_default();
        recorder.provenance().episode_id.clone_from(&created.episode_id);
        recorder.provenance().limits =
            serde_json::to_value(RecordedLimits::from(&limits)).unwrap_or_default();
        recorder.provenance().seeds.episode = created.seed;
        let (asked, in_force) = (agent.state_loss, created.state_loss);
        if asked != in_force {
            return Err(Error::StateLoss { asked, in_force });
        }
        let (asked, in_force) = (agent.semantics, Semantics::from_wire(created_semantics));
        if asked != in_force {
            return Err(Error::Semantics { asked, in_force });
        }

        let facts = prompt::facts(observation, &limits, agent);
        let acting = acting::of(agent, &prompt::with_finish(&observation.tools).0);
        let opening = acting.opening(prompts, facts)?;
        recorder.task(&opening.task, &opening.system);
        recorder.provenance().tools.clone_from(&opening.tools);
        Ok(Self {
            agent,
            model: &**model,
            prompts,
            environments,
            assignment,
            episode_id: created.episode_id.clone(),
            acting,
            messages: vec![Message::system(opening.system), Message::user(opening.task)],
            tools: opening.tools,
            tokens: Vec::new(),
            continues: false,
            globals: Vec::new(),
            step_index: 0,
            wall_clock: wire::wall_clock(&limits),
            deadline,
        })
    }

    /// Takes turns until the episode ends.
    ///
    /// # Errors
    /// If a server fails.
    pub async fn take(&mut self, recorder: &mut Recorder) -> Result<End, Error> {
        for turn in 0..self.agent.max_turns {
            if let Some(end) = self.turn(turn, recorder).await? {
                return Ok(end);
            }
        }
        Ok(End::MaxTurns)
    }

    /// Takes one turn; says how the episode ended, if it did.
    async fn turn(&mut self, turn: u32, recorder: &mut Recorder) -> Result<Option<End>, Error> {
        if Instant::now() >= self.deadline {
            return Ok(Some(End::Timeout));
        }
        if self.agent.max_total_tokens.is_some_and(|most| recorder.tokens() >= most) {
            return Ok(Some(End::TokenBudget));
        }
        let reminder = self.acting.shows_names().then(|| self.names()).transpose()?;
        let request = self.generate_request(reminder.clone());
        let call = ModelCall { timestamp: recorder::now(), reminder, ..ModelCall::default() };
        let answer = match timeout_at(self.deadline, self.ask(&request)).await {
            Err(_) => return Ok(Some(End::Timeout)),
            // Later conversations are longer still.
            Ok(Err(model::Error::ContextOverflow { .. })) => return Ok(Some(End::ContextLength)),
            Ok(Err(model::Error::Left)) => return Ok(Some(End::Left)),
            Ok(Err(error)) if error.is_of_all_calls() => return Err(Error::Model(error)),
            // Nothing that the model said can be the reason: other episodes would begin in the same way.
            Ok(Err(error @ model::Error::Refused { .. })) if turn == 0 => return Err(Error::Model(error)),
            Ok(answer) => answer.map_err(|error| error.to_string()),
        };
        let mut step = Step { turn: u64::from(turn), ..Step::default() };
        self.continues = call.reminder.is_none() && is_whole_turn(&answer);
        let answered = record_answer(answer, call, &mut step, &mut self.tokens, recorder);
        let calls = std::mem::take(&mut step.calls);
        let answer = Answer { text: &step.assistant_text, calls: &calls };
        let action = match answered {
            Ok(FinishReason::Stop) => self.acting.action(answer),
            Ok(FinishReason::Length) if self.runs_cut(answer) => self.acting.action(answer),
            Ok(reason) => Err(prompt::failed_call(&format!("it was cut off (finish reason: {reason})"))),
            Err(reason) => Err(prompt::failed_call(&reason)),
        };
        let end = match action {
            Ok(Some(action)) => self.run(action, &mut step).await,
            Ok(None) => self.renew().await,
            Err(error) => {
                step.error = Some(error);
                self.renew().await
            }
        };
        let turn =
            conversation::said(&step).into_iter().chain(conversation::replies(&step, self.agent.shown()));
        turn.for_each(|message| conversation::push(&mut self.messages, message));
        recorder.step(step);
        end
    }

    /// The names in the interpreter, as the model is told them.
    fn names(&self) -> Result<String, Error> {
        Ok(self.prompts.say(Text::Names, &Facts { names: self.globals.clone(), ..Facts::default() })?)
    }

    /// Whether an answer that was cut off is run all the same.
    fn runs_cut(&self, answer: Answer<'_>) -> bool {
        self.agent.cut_answers == CutAnswers::Run && self.acting.is_whole(answer)
    }

    /// The conversation so far, as a request to the model.
    fn generate_request(&self, reminder: Option<String>) -> GenerateRequest {
        let mut messages = self.messages.clone();
        if let Some(reminder) = reminder {
            conversation::push(&mut messages, Message::user(reminder));
        }
        let llm = &self.agent.llm;
        let continues = llm.token_prompts && self.continues;
        GenerateRequest {
            messages,
            seen: if continues { self.tokens.clone() } else { Vec::new() },
            tools: self.tools.clone(),
            sampling: Sampling { temperature: llm.temperature },
            seed: self.assignment.policy_seed,
            max_tokens: llm.max_tokens,
            stop: llm.stop.clone(),
            enable_thinking: llm.enable_thinking,
        }
    }

    /// Asks the model, within the time limit of a call.
    async fn ask(&self, request: &GenerateRequest) -> Result<Completion, model::Error> {
        let seconds = self.agent.llm.timeout_s;
        let span = spans::chat(self.agent, &self.episode_id, request);
        let generate = span.around(self.model.generate(request));
        let answer = timeout(Duration::from_secs_f64(seconds), generate).await;
        let answer = answer.unwrap_or(Err(model::Error::Timeout { seconds }));
        spans::answered(&span, &answer);
        answer
    }

    /// Runs an action as the next step of the environment.
    async fn run(&mut self, action: Action, step: &mut Step) -> Result<Option<End>, Error> {
        match action {
            Action::Code(code) => {
                step.code = Some(code.clone());
                let action = v1::step_request::Action::Code(v1::CodeAction { code });
                let (observation, info, end) = self.step(action).await?;
                let (result, info) = trace::step_result(self.step_index - 1, observation, info);
                self.globals.clone_from(&info.globals);
                step.interpreter_result = Some(result);
                step.info = Some(info);
                end
            }
            Action::Tools(calls) => {
                let prepared = Prepared::new(&calls);
                step.calls = calls;
                let Some(action) = prepared.action() else {
                    step.results = Some(prepared.outputs(None));
                    return self.renew().await;
                };
                let (observation, info, end) = self.step(v1::step_request::Action::ToolCalls(action)).await?;
                step.results = Some(prepared.outputs(Some(&observation)));
                step.info = Some(trace::step_result(self.step_index - 1, observation, info).1);
                end
            }
        }
    }

    /// Takes the next step of the environment: what is observed, the facts besides, and how the step ended the episode, if
    /// it did.
    async fn step(&mut self, action: v1::step_request::Action) -> Result<Stepped, Error> {
        let span = spans::execute_tool(&action, &self.episode_id, self.step_index);
        let request = v1::StepRequest {
            episode_id: self.episode_id.clone(),
            step_index: self.step_index,
            action: Some(action),
        };
        let response = span.around(self.environments.step(request, self.wall_clock)).await;
        spans::stepped(&span, &response);
        let response = response.map_err(call_failed(STEP))?;
        self.step_index += 1;
        let end = End::of_step(&response);
        let observation =
            response.observation.ok_or(Error::Incomplete { call: STEP, what: "observation" })?;
        Ok((observation, response.info.unwrap_or_default(), end))
    }

    /// Renews the lease in a turn that runs nothing: its length assumes that every turn reaches the server.
    async fn renew(&self) -> Result<Option<End>, Error> {
        self.environments.renew(&self.episode_id).await.map_err(call_failed(KEEP_ALIVE))?;
        Ok(None)
    }
}

/// What came of a step: the observation, facts besides, and how it ended the episode, if it did.
type Stepped = (v1::Observation, v1::StepInfo, Result<Option<End>, Error>);

fn create_request(agent: &AgentConfig, assignment: &Assignment) -> v1::CreateEpisodeRequest {
    let task = v1::TaskRef { set: assignment.task.set.clone(), task_id: assignment.task.task_id.clone() };
    v1::CreateEpisodeRequest {
        task: Some(v1::create_episode_request::Task::TaskRef(task)),
        interpreter_state: v1::InterpreterState::from(agent.interpreter_state).into(),
        limits: Some(wire::requested_limits(agent)),
        seed: None,
        episode_id: assignment.episode_id.clone(),
        lease: Some(wire::lease(agent)),
        record_definitions: true,
        state_loss: agent.state_loss,
        semantics: v1::Semantics::from(agent.semantics).into(),
        // The client names it.
        boot_id: String::new(),
    }
}

/// Whether an answer is a turn that the model ended itself, and that the conversation keeps.
fn is_whole_turn(answer: &Result<Completion, String>) -> bool {
    let tokens = |answer: &Completion| answer.tokens.as_ref().is_some_and(|tokens| tokens.ended);
    answer.as_ref().is_ok_and(|answer| !answer.text.is_empty() && tokens(answer))
}

/// Records a model call and its answer; returns why the answer ends where it does.
///
/// # Errors
/// Why there is no answer.
fn record_answer(
    answer: Result<Completion, String>,
    call: ModelCall,
    step: &mut Step,
    tokens: &mut Vec<u32>,
    recorder: &mut Recorder,
) -> Result<FinishReason, String> {
    // The answer says how many tokens were sent; a call without an answer is recorded all the same.
    let usage = answer.as_ref().map_or_else(|_| TokenUsage::default(), |completion| completion.usage);
    recorder.asked(ModelCall { prompt_tokens: usage.prompt_tokens, ..call });
    let completion = answer?;
    recorder.answered(ModelResponse {
        timestamp: recorder::now(),
        completion_tokens: usage.completion_tokens,
        total_tokens: usage.total_tokens,
        finish_reason: Some(completion.finish_reason.to_string()),
        cached: completion.cached,
        reasoning: completion.reasoning,
        tokens: completion.tokens.map(|call| record_tokens(call, tokens)),
    });
    step.token_usage = usage;
    step.assistant_text = completion.text;
    step.calls = completion.tool_calls;
    if completion.finish_reason != FinishReason::Stop {
        step.kept_text = repetition::shortened(&step.assistant_text);
    }
    Ok(completion.finish_reason)
}

/// The tokens of a call, as a trace records them; `before` are those of the call before, and becomes those of this one.
fn record_tokens(call: model::Tokens, before: &mut Vec<u32>) -> Tokens {
    let recorded = Tokens::after(before, &call.prompt, call.answer, call.logprobs);
    *before = call.prompt;
    before.extend(&recorded.answer);
    recorded
}
