//! Group-relative policy optimisation (<https://arxiv.org/abs/2402.03300>): the model plays episodes in groups, and learns from
//! how much better each is than the others of its group. The reward is the environment's evaluation, nothing else.
//!
//! | file        | what it holds                                                       |
//! |-------------|---------------------------------------------------------------------|
//! | `player`    | the agent that plays the episodes, a child                          |
//! | `sampler`   | the model answers the agent                                         |
//! | `plan`      | which tasks, seeds and branches the groups of a step have           |
//! | `advantage` | how much better a rollout is than the others of its group           |
//! | `batch`     | rollouts as rows to learn from                                      |
//! | `surrogate` | the loss of tokens: clipped ratios, divergence from the reference   |
//! | `learn`     | gradients of rows                                                   |
//! | `measures`  | what is measured of the episodes of a step                          |
//!
//! Nothing is encoded again: the tokens and their log-probabilities are the engine's. Tokens that the model did not write,
//! or that a group shares, bear no loss: the advantages of a group sum to zero, and so does what they would add to the gradient
//! of a shared token. The episodes of a step follow from weights, seed and step alone, so a training that was stopped resumes to the
//! same weights.

mod advantage;
mod batch;
mod learn;
mod measures;
mod plan;
mod player;
mod sampler;
mod surrogate;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use proto::training::{Input, Policy, Values};
use serde_json::Value;

use self::plan::Plan;
use self::player::Player;
use self::sampler::Sampler;
use super::config::{Rollout, Trl};
use super::objective::{Gradient, Objective};
use super::{Config, Failure};
use crate::Result;
use crate::model::Model;
use crate::tokenizer::Tokenizer;

pub use advantage::advantages;
pub use batch::{Batch, Row};
pub use learn::Learner;
pub use player::check;
pub use surrogate::{Columns, Sums, Surrogate};

/// Learning from episodes.
pub struct Grpo {
    trl: Trl,
    rollout: Rollout,
    player: Player,
    sampler: Sampler,
    plan: Plan,
    learner: Learner,
    /// What the next step learns from, if it does not play.
    batch: Option<Batch>,
}

impl Grpo {
    /// Starts the agent, the program at this path, and splits its tasks.
    ///
    /// # Errors
    /// If the agent can't be started or has no tasks to learn from, or the tokenizer can't be read.
    pub fn open(config: &Config, agent: &Path) -> Result<Self> {
        let trl = config.trl();
        let Some(rollout) = config.rollout.clone() else {
            let problem = "`rollout` is missing".to_owned();
            return Err(Failure::Samples { problem }.into());
        };
        let player = Player::start(agent, &rollout, &config.output_dir)?;
        let sampler = Sampler {
            tokenizer: Arc::new(Tokenizer::read(&config.base_model)?),
            context: config.sequence_len,
            at_once: rollout.max_num_seqs,
            max_tokens: trl.max_completion_length,
        };
        let plan = Plan::new(config, &trl, player.offer().tasks.len(), rollout.branch)?;
        let learner = Learner::new(config, &trl);
        Ok(Self { trl, rollout, player, sampler, plan, learner, batch: None })
    }

    /// Plays the episodes that a step learns from.
    fn play(&mut self, model: &Model, sampling: u64) -> Result<(Batch, proto::training::Played)> {
        let groups = self.plan.groups(sampling);
        let count = groups.len();
        let sampled = self.sampler.play(model, &mut self.player, groups, self.trl.temperature)?;
        let batch = Batch::new(sampling, &sampled.played, &self.trl, model.config().vocab_size)?;
        Ok((batch, measures::played(&sampled, count)))
    }
}

impl Objective for Grpo {
    fn inputs(&self) -> Result<Vec<Input>> {
        let offer = self.player.offer();
        let tasks =
            offer.tasks.iter().map(|task| [&task.task_id, &task.public_sha256].map(String::as_str).join(" "));
        let played: Vec<String> =
            [offer.agent.to_string(), offer.interpreter_sha256.clone()].into_iter().chain(tasks).collect();
        let record = match &offer.agent {
            Value::Object(agent) => agent.clone(),
            _ => Default::default(),
        };
        let path = self.rollout.config.clone();
        Ok(vec![Input { path, sha256: files::digest::bytes(played.join("\n")), record }])
    }

    fn steps_per_epoch(&self) -> u64 {
        self.plan.samplings_per_epoch() * self.trl.num_iterations
    }

    fn samples(&self) -> [usize; 2] {
        self.plan.tasks()
    }

    /// The first of `num_iterations` steps plays the episodes, and the others learn from them again.
    fn backpropagate(&mut self, model: &mut Model, step: u64) -> Result<Gradient> {
        let sampling = step / self.trl.num_iterations;
        let mut gradient = Gradient::default();
        let mut batch = match self.batch.take().filter(|batch| batch.sampling == sampling) {
            Some(batch) => batch,
            None => {
                let (batch, played) = self.play(model, sampling)?;
                gradient.played = Some(played);
                batch
            }
        };
        let began = Instant::now();
        let (sums, tokens) = self.learner.backpropagate(model, &mut batch);
        let seconds = began.elapsed().as_secs_f64();
        let targets: usize = batch.rows.iter().map(|row| row.drawn.len()).sum();
        let mean = |sum: f64| sum / targets.max(1) as f64;
        gradient.policy = Some(Policy {
            kl: mean(sums.kl),
            clip_ratio: mean(sums.clipped),
            sampling_logp_difference: mean(sums.difference),
            train_seconds: seconds,
            train_tokens_per_second: tokens as f64 / seconds,
        });
        self.batch = Some(batch);
        Ok(Gradient { loss: sums.loss, tokens, target_tokens: targets as u64, ..gradient })
    }

    /// Plays each held-out task once.
    fn evaluate(&mut self, model: &mut Model) -> Result<Option<Values>> {
        let groups = self.plan.evaluation();
        if groups.is_empty() {
            return Ok(None);
        }
        let sampled = self.sampler.play(model, &mut self.player, groups, self.rollout.eval_temperature)?;
        Ok(Some(measures::evaluation(&sampled.played)))
    }

    fn save(&self, folder: &Path, step: u64) -> Result<()> {
        let unused = self.batch.as_ref().filter(|batch| batch.sampling == step / self.trl.num_iterations);
        unused.map_or(Ok(()), |batch| batch.save(folder))
    }

    fn load(&mut self, folder: &Path, step: u64) -> Result<()> {
        if !step.is_multiple_of(self.trl.num_iterations) {
            self.batch = Some(Batch::load(folder)?);
        }
        Ok(())
    }
}
