//! Plays groups with the model that is being trained: the agent asks, the engine answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::rollout::{Answer, Ask, Group, Played, Said};

use super::player::Player;
use crate::chat::Rendering;
use crate::generate::{self, Finish, Handle, Options, Request, Sampling, run_here};
use crate::model::Model;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

/// Plays groups with a model.
pub struct Sampler {
    /// The model's tokenizer.
    pub tokenizer: Arc<Tokenizer>,
    /// Most tokens of a prompt and its answer together.
    pub context: usize,
    /// Most answers that are generated at the same time.
    pub at_once: usize,
    /// Most tokens of an answer.
    pub max_tokens: usize,
}

/// What was played, and what it took.
#[derive(Clone, Debug, Default)]
pub struct Sampled {
    /// The rollouts.
    pub played: Played,
    /// What the engine did.
    pub engine: Engine,
    /// How long it took, the engine's time included.
    pub time: Duration,
}

/// What the engine did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Engine {
    /// Tokens that it generated.
    pub generated_tokens: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// How many of them it had in its cache.
    pub cached_tokens: u64,
    /// The time that it took.
    pub time: Duration,
}

impl Sampler {
    /// Plays groups with the weights that the model has now. The engine is a new one, with an empty cache, and gets the questions
    /// of a round together, so the same weights and groups give the same answers to the bit.
    ///
    /// # Errors
    /// If the cache does not fit into memory, or the agent ends.
    pub fn play(
        &self,
        model: &Model,
        player: &mut Player,
        groups: Vec<Group>,
        temperature: f64,
    ) -> Result<Sampled> {
        let episodes: usize = groups.iter().map(|group| group.seeds.len()).sum();
        let options = Options {
            max_batch: self.at_once.min(episodes.max(1)),
            context: self.context,
            queue: episodes.max(1),
        };
        let began = Instant::now();
        let work = |handle: &Handle| -> Result<(Played, Engine)> {
            let mut engine = Engine::default();
            let played = player.play(groups, |asks| self.answer(handle, asks, temperature, &mut engine))?;
            Ok((played, engine))
        };
        let (played, engine) =
            run_here(model, &self.tokenizer, options, work).map_err(|error| match error {
                Error::Memory { problem } => Error::Memory {
                    problem: format!("{problem} (here: `rollout.max_num_seqs` and `sequence_len`)"),
                },
                error => error,
            })??;
        Ok(Sampled { played, engine, time: began.elapsed() })
    }

    fn answer(
        &self,
        handle: &Handle,
        asks: Vec<Ask>,
        temperature: f64,
        engine: &mut Engine,
    ) -> Result<Vec<Answer>> {
        let began = Instant::now();
        // 1. The prompts. What cannot be one is the model's own fault, and part of its episode.
        let prompts: Vec<Result<Vec<i64>>> = asks.iter().map(|ask| self.prompt(ask)).collect();
        let requests = asks.iter().zip(&prompts).filter_map(|(ask, prompt)| {
            Some(Request {
                tokens: prompt.as_ref().ok()?.clone(),
                sampling: Sampling { temperature, seed: Some(ask.seed), ..Sampling::default() },
                max_tokens: Some(self.max_tokens),
                stop: ask.stop.clone(),
                logprobs: Some(0),
                of_draws: temperature > 0.0,
                ..Request::default()
            })
        });
        // 2. All of them begin together.
        let stopped = |error: generate::Error| Error::Agent(format!("the engine has failed: {error}"));
        let mut begun = handle.generate_all(requests.collect()).map_err(stopped)?.into_iter();
        // 3. The answers.
        let mut answers = Vec::with_capacity(prompts.len());
        for prompt in prompts {
            answers.push(match prompt.map(|prompt| (prompt, begun.next())) {
                Err(error) => Answer::Refused(error.to_string()),
                Ok((_, None)) => return Err(stopped(generate::Error::Stopped)),
                Ok((_, Some(Err(error @ generate::Error::Overflow { .. })))) => {
                    Answer::TooLong(error.to_string())
                }
                Ok((_, Some(Err(error)))) => return Err(stopped(error)),
                Ok((prompt, Some(Ok(generation)))) => {
                    let answer = generation.blocking_whole().map_err(stopped)?;
                    if answer.finish == Finish::Cancelled {
                        return Err(stopped(generate::Error::Stopped));
                    }
                    engine.generated_tokens += answer.ids.len() as u64;
                    engine.prompt_tokens += answer.prompt_tokens as u64;
                    engine.cached_tokens += answer.cached_tokens as u64;
                    Answer::Said(Said {
                        text: answer.text,
                        is_cut: answer.finish == Finish::Length,
                        prompt: unsigned(&prompt),
                        answer: unsigned(&answer.ids),
                        logprobs: answer.logprobs.iter().map(|token| token.logprob).collect(),
                    })
                }
            });
        }
        engine.time += began.elapsed();
        Ok(answers)
    }

    fn prompt(&self, ask: &Ask) -> Result<Vec<i64>> {
        let rendering =
            Rendering { add_generation_prompt: true, enable_thinking: Some(ask.enable_thinking), tools: &[] };
        self.tokenizer.encode(&self.tokenizer.render(&ask.messages, rendering)?)
    }
}

/// Ids of a vocabulary, which always fit.
fn unsigned(ids: &[i64]) -> Vec<u32> {
    ids.iter().map(|id| *id as u32).collect()
}
