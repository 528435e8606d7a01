//! The loop of an episode: the model is asked, its action is run, the result becomes its next message.

use std::time::Duration;

use acting::Conversation;
use acting::conversation::Turn;
use acting::prompts::Prompts;
use client::Environments;
use proto::env::v1;
use proto::semantics::Semantics;
use proto::trace::{ModelCall, ModelResponse, RecordedLimits, Step, TokenUsage, Tokens};
use tokio::time::{Instant, timeout, timeout_at};

use super::assignment::Assignment;
use super::end::End;
use super::error::{CREATE, Error, KEEP_ALIVE, STEP, call_failed};
use super::player::Player;
use super::spans;
use crate::config::AgentConfig;
use crate::model::{self, Completion, FinishReason, GenerateRequest, Model, Sampling};
use crate::recorder::{self, Recorder};
use crate::{repetition, wire};

/// An open episode.
pub struct Turns<'player> {
    agent: &'player AgentConfig,
    model: &'player dyn Model,
    prompts: &'player Prompts,
    environments: &'player Environments,
    assignment: &'player Assignment,
    /// The episode's id, which the server has given.
    episode_id: String,
    conversation: Conversation,
    /// The tokens of the last call, prompt and answer, if its server gave them.
    tokens: Vec<u32>,
    /// Whether the conversation continues those tokens: the answer is in it as it is, and nothing that only the last call
    /// was sent was before it.
    continues: bool,
    /// The number of turns taken.
    turn: u32,
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

        let conversation = Conversation::begin(agent.style(), prompts, observation, &limits)?;
        if let [system, task] = conversation.messages() {
            recorder.task(&task.content, &system.content);
        }
        recorder.provenance().tools = conversation.tools().to_vec();
        Ok(Self {
            agent,
            model: &**model,
            prompts,
            environments,
            assignment,
            episode_id: created.episode_id.clone(),
            conversation,
            tokens: Vec::new(),
            continues: false,
            turn: 0,
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
        Ok(self.take_until(self.agent.max_turns, recorder).await?.unwrap_or(End::MaxTurns))
    }

    /// Takes turns until this number of them is taken; says how the episode ended, if it did.
    ///
    /// # Errors
    /// If a server fails.
    pub async fn take_until(&mut self, turns: u32, recorder: &mut Recorder) -> Result<Option<End>, Error> {
        while self.turn < turns.min(self.agent.max_turns) {
            let turn = self.turn;
            self.turn += 1;
            if let Some(end) = self.take_one(turn, recorder).await? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// The turns of a copy of the episode that stands where this one does: `episode_id`, which another player goes on with.
    pub fn forked<'other>(
        &self,
        player: &'other Player,
        assignment: &'other Assignment,
        episode_id: String,
    ) -> Turns<'other> {
        Turns {
            agent: &player.agent,
            model: &*player.model,
            prompts: &player.prompts,
            environments: &player.environments,
            assignment,
            episode_id,
            conversation: self.conversation.clone(),
            tokens: self.tokens.clone(),
            continues: self.continues,
            turn: self.turn,
            step_index: self.step_index,
            wall_clock: self.wall_clock,
            deadline: self.deadline,
        }
    }

    /// The episode's id.
    pub fn episode_id(&self) -> &str {
        &self.episode_id
    }

    /// The number of steps that the environment ran.
    pub fn steps(&self) -> u64 {
        self.step_index
    }

    /// Takes one turn; says how the episode ended, if it did.
    async fn take_one(&mut self, turn: u32, recorder: &mut Recorder) -> Result<Option<End>, Error> {
        if Instant::now() >= self.deadline {
            return Ok(Some(End::Timeout));
        }
        if self.agent.max_total_tokens.is_some_and(|most| recorder.tokens() >= most) {
            return Ok(Some(End::TokenBudget));
        }
        let reminder = self.conversation.reminder(self.prompts)?;
        let request = self.generate_request(reminder.as_deref());
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
        let ended = answered.as_ref().map(ToString::to_string);
        let mut turn = self.conversation.read(step, ended.as_deref().map_err(|reason| reason.as_str()));
        let end = match turn.action() {
            Some(action) => self.run(action, &mut turn).await,
            None => self.renew().await,
        };
        recorder.step(self.conversation.push(turn));
        end
    }

    /// The conversation so far, as a request to the model.
    fn generate_request(&self, reminder: Option<&str>) -> GenerateRequest {
        let llm = &self.agent.llm;
        let continues = llm.token_prompts && self.continues;
        GenerateRequest {
            messages: self.conversation.request(reminder),
            seen: if continues { self.tokens.clone() } else { Vec::new() },
            tools: self.conversation.tools().to_vec(),
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

    /// Runs an action as the next step of the environment; says how the step ended the episode, if it did.
    async fn run(&mut self, action: v1::step_request::Action, turn: &mut Turn) -> Result<Option<End>, Error> {
        let span = spans::execute_tool(&action, &self.episode_id, self.step_index);
        let request = v1::StepRequest {
            episode_id: self.episode_id.clone(),
            step_index: self.step_index,
            action: Some(action),
        };
        let response = span.around(self.environments.step(request, self.wall_clock)).await;
        spans::stepped(&span, &response);
        let response = response.map_err(call_failed(STEP))?;
        let end = End::of_step(&response);
        let observation =
            response.observation.ok_or(Error::Incomplete { call: STEP, what: "observation" })?;
        turn.answered(self.step_index, observation, response.info.unwrap_or_default());
        self.step_index += 1;
        end
    }

    /// Renews the lease in a turn that runs nothing: its length assumes that every turn reaches the server.
    async fn renew(&self) -> Result<Option<End>, Error> {
        self.environments.renew(&self.episode_id).await.map_err(call_failed(KEEP_ALIVE))?;
        Ok(None)
    }
}

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
