//! A training as a session: its folder and checkpoints, resuming, interrupts and metrics.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lifecycle::Interrupt;
use proto::training::{Played, Policy, RECORD, Record, Values};
use tch::Device;

use super::checkpoint::{self, Checkpoints};
use super::config::Rl;
use super::grpo::Grpo;
use super::metrics::{self, Metrics};
use super::objective::{Gradient, Objective};
use super::optimizer::Optimizer;
use super::progress::{Progress, StepSummary};
use super::sft::Sft;
use super::{Config, Failure, Schedule, memory, record};
use crate::model::{self, Model};
use crate::{Error, Result, cuda, lora};

/// Settings of a run besides its config.
pub struct Options {
    /// The device to compute on.
    pub device: Device,
    /// The program `agent`, which plays episodes for `rl`.
    pub agent: PathBuf,
    /// Whether to remove what an earlier start left in the output folder.
    pub restart: bool,
    /// Asks the training to stop.
    pub interrupt: Interrupt,
}

/// A training under way.
pub struct Training {
    config: Config,
    interrupt: Interrupt,
    objective: Box<dyn Objective>,
    schedule: Schedule,
    model: Model,
    optimizer: Optimizer,
    checkpoints: Checkpoints,
    last: Option<PathBuf>,
    metrics: Metrics,
    record: Record,
}

/// The result of a step.
struct Step {
    loss: f64,
    grad_norm: f64,
    learning_rate: f64,
    tokens: u64,
    policy: Option<Policy>,
    played: Option<Played>,
}

impl Training {
    /// Reads the inputs and builds the model. If the output folder has a checkpoint of this training, resumes
    /// from it.
    ///
    /// # Errors
    /// If an input cannot be read or does not fit, or the output folder cannot be used.
    pub fn open(config: Config, options: Options) -> Result<Self> {
        let folder = config.output_dir.clone();
        memory::catch_exhaustion(|| Self::build(config, options)).unwrap_or_else(|reason| {
            let when = "while the model was loaded".to_owned();
            Err(Failure::Memory { when, reason, last: checkpoint::last(&folder).ok().flatten() }.into())
        })
    }

    fn build(config: Config, options: Options) -> Result<Self> {
        let (device, restart) = (options.device, options.restart);
        let compute = config.compute(device.is_cuda());

        // 1. The folder, and the checkpoint to resume from.
        let checkpoints = Checkpoints::open(&config)?;
        if checkpoints.is_foreign()? {
            return Err(Failure::Foreign { folder: config.output_dir }.into());
        }
        let last = if restart { None } else { checkpoints.last()? };
        if last.is_none() && !restart && config.output_dir.join(RECORD).exists() {
            return Err(Failure::Finished { folder: config.output_dir }.into());
        }

        // 2. The data.
        let sizes = model::Config::read(&config.base_model.join(model::folder::CONFIG))?;
        let mut objective = open_objective(&config, &options.agent, sizes.vocab_size)?;
        let mut record = record::new(&config, objective.inputs()?, device, compute, tch::get_num_threads())?;
        if let Some(checkpoint) = &last {
            let before = record::read(checkpoint)?;
            record::must_continue(&record, &before, checkpoint)?;
            record.position = before.position;
        }
        let schedule = Schedule::new(&config, objective.steps_per_epoch());
        record.samples = objective.samples();
        record.steps = schedule.steps;

        // 3. The model.
        let load = model::folder::Options {
            kind: Some(compute),
            device,
            nf4: config.load_in_4bit,
            master_weights: config.adapter.is_none(),
        };
        let mut model = model::folder::load(&config.base_model, &load)?;
        if let Some(adapter) = config.lora() {
            tch::manual_seed(config.seed as i64);
            lora::attach(&mut model, &adapter);
        }
        let mut optimizer = Optimizer::new(&config, model.trained());
        if let Some(checkpoint) = &last {
            checkpoint::load(checkpoint, &mut optimizer)?;
            objective.load(checkpoint, record.position.step)?;
        }
        record.trained_parameters = optimizer.parameters().iter().map(|one| one.value.numel()).sum();

        // Nothing is removed before everything has been read.
        if restart {
            checkpoints.clear()?;
            metrics::remove(&config.output_dir)?;
        }
        let metrics = Metrics::open(&config.output_dir, record.position.step)?;
        Ok(Self {
            config,
            interrupt: options.interrupt,
            objective,
            schedule,
            model,
            optimizer,
            checkpoints,
            last,
            metrics,
            record,
        })
    }

    /// The training's inputs and its position.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Runs the remaining steps and saves the result.
    ///
    /// # Errors
    /// A [`Failure`]; checkpoints are intact.
    pub fn run(mut self) -> Result<Record> {
        let mut progress = Progress::new(self.schedule.steps, self.record.position.step);
        let outcome = memory::catch_exhaustion(|| self.steps(&mut progress)).unwrap_or_else(|reason| {
            let when = format!("at step {}", self.record.position.step + 1);
            Err(Failure::Memory { when, reason, last: self.last.clone() }.into())
        });
        progress.end();
        let drawn = self.metrics.draw();
        let finished = outcome.and(drawn).and_then(|()| self.checkpoints.finish(&self.model, &self.record));
        match finished {
            Ok(()) => Ok(self.record),
            Err(error @ Error::Training(_)) => Err(error),
            Err(reason) => {
                let (step, last) = (self.record.position.step, self.last);
                Err(Failure::Stopped { step, reason: reason.into(), last }.into())
            }
        }
    }

    fn steps(&mut self, progress: &mut Progress) -> Result<()> {
        let (steps, per_epoch) = (self.schedule.steps, self.schedule.steps_per_epoch);
        let eval_interval = self.schedule.interval(self.config.eval_interval());
        let save_interval = self.schedule.interval(self.config.save_interval());
        let (first, began) = (self.record.position.step, Instant::now());
        if self.config.eval_on_start && first == 0 {
            self.evaluate(0, 0.0, progress)?;
        }
        let mut since_line = (0, Duration::ZERO); // tokens, and the time they took
        while self.record.position.step < steps {
            // 1. The step.
            let start = Instant::now();
            let step = self.step(self.record.position.step)?;
            let time = start.elapsed();
            let position = &mut self.record.position;
            position.step += 1;
            position.tokens += step.tokens;
            position.seconds += time.as_secs_f64();
            position.loss = Some(step.loss);

            // 2. Its metrics.
            let (done, tokens) = (position.step, position.tokens);
            since_line = (since_line.0 + step.tokens, since_line.1 + time);
            let tokens_per_second = since_line.0 as f64 / since_line.1.as_secs_f64();
            let (memory_bytes, device_memory) = (memory::in_use(), cuda::memory(self.model.device()));
            let Step { loss, grad_norm, learning_rate, policy, played, .. } = step;
            let remaining = began.elapsed().div_f64((done - first) as f64).mul_f64((steps - done) as f64);
            let reward = played.map(|played| played.reward);
            let summary = StepSummary {
                reward,
                loss,
                learning_rate,
                tokens_per_second,
                memory_bytes,
                device_memory,
                remaining,
            };
            progress.step(done, &summary);
            let epoch = done as f64 / per_epoch as f64;
            if done.is_multiple_of(self.config.logging_steps) || done == steps {
                let played = played.map(Box::new);
                let values = Values::Step {
                    loss,
                    learning_rate,
                    grad_norm,
                    tokens,
                    tokens_per_second,
                    memory_bytes,
                    device_memory_bytes: device_memory.map(cuda::Memory::used),
                    policy,
                    played,
                };
                self.metrics.add(done, epoch, values)?;
                since_line = (0, Duration::ZERO);
            }

            // 3. Evaluation, checkpoint, interrupt.
            let due = |interval: u64| done.is_multiple_of(interval) || done == steps;
            let stop = self.interrupt.asked() && done < steps;
            if due(eval_interval) {
                self.evaluate(done, epoch, progress)?;
            }
            if due(save_interval) || stop {
                self.save()?;
            }
            if stop {
                let checkpoint = self.last.clone().unwrap_or_default();
                return Err(Failure::Interrupted { step: done, checkpoint }.into());
            }
        }
        Ok(())
    }

    /// Evaluates, if something is held out.
    fn evaluate(&mut self, step: u64, epoch: f64, progress: &Progress) -> Result<()> {
        let Some(values) = self.objective.evaluate(&mut self.model)? else { return Ok(()) };
        progress.print(&self.evaluated(step, &values)?);
        self.metrics.add(step, epoch, values)
    }

    /// Records an evaluation; returns it in words.
    fn evaluated(&mut self, step: u64, values: &Values) -> Result<String> {
        let position = &mut self.record.position;
        match values {
            Values::Evaluation { eval_loss } => {
                position.eval_loss = Some(*eval_loss);
                self.finite(step, "loss of the evaluation", *eval_loss)?;
                Ok(format!("step {step}: evaluation loss {eval_loss:.4}"))
            }
            Values::Episodes { eval_reward, eval_solved, eval_missing_variables, .. } => {
                position.eval_reward = Some(*eval_reward);
                Ok(format!(
                    "step {step}: evaluation reward {eval_reward:.4}, {:.0}% solved, {eval_missing_variables:.2} missing \
                     variables an episode",
                    100.0 * eval_solved
                ))
            }
            Values::Step { .. } => Ok(String::new()),
        }
    }

    /// A step, counted from zero: the objective's gradient, clipped, and an update of the trained tensors.
    fn step(&mut self, number: u64) -> Result<Step> {
        let gradient = self.objective.backpropagate(&mut self.model, number)?;
        self.finite(number + 1, "loss", gradient.loss)?;
        let grad_norm = self.optimizer.clip(self.config.max_grad_norm);
        self.finite(number + 1, "gradient's length", grad_norm)?;
        let learning_rate = self.schedule.learning_rate(number);
        self.optimizer.step(number + 1, learning_rate);
        self.record.position.target_tokens += gradient.target_tokens;
        let Gradient { loss, tokens, policy, played, .. } = gradient;
        Ok(Step { loss, grad_norm, learning_rate, tokens, policy, played })
    }

    fn save(&mut self) -> Result<()> {
        let step = self.record.position.step;
        // The gradient was finite, but the updated weights may not be.
        self.finite(step, "weights' sum of magnitudes", self.optimizer.magnitude())?;
        match self.checkpoints.save(&self.model, &self.optimizer, &*self.objective, &self.record) {
            Ok(path) => {
                self.last = Some(path);
                self.checkpoints.prune()?;
                self.metrics.draw()
            }
            Err(reason) => {
                Err(Failure::Unsaved { step, reason: reason.into(), last: self.last.clone() }.into())
            }
        }
    }

    fn finite(&self, step: u64, what: &'static str, value: f64) -> Result<()> {
        if value.is_finite() {
            return Ok(());
        }
        Err(Failure::NotFinite { step, what, value, last: self.last.clone() }.into())
    }
}

/// The objective of a config, for a model with this size of vocabulary. `agent` is the program that plays episodes.
fn open_objective(config: &Config, agent: &Path, vocabulary: i64) -> Result<Box<dyn Objective>> {
    Ok(match config.rl {
        None => Box::new(Sft::open(config, vocabulary)?),
        Some(Rl::Grpo) => Box::new(Grpo::open(config, agent)?),
    })
}
