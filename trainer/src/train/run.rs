//! The loop.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

use super::batches::{Batches, Pass};
use super::checkpoint::{self, Checkpoints};
use super::data::Data;
use super::loss::Targets;
use super::metrics::{self, Metrics, Values};
use super::optimizer::Optimizer;
use super::progress::{Progress, Shown};
use super::{Config, Failure, Interrupt, RECORD, Record, Schedule, memory};
use crate::dataset::{Dataset, Sample};
use crate::model::{self, Batch, Model};
use crate::{Error, Result, lora};

/// Streams of the generator from which steps draw; epochs count from zero.
const STEPS: u64 = 1 << 32;

/// What is said beside the config.
pub struct Options {
    /// Where to compute.
    pub device: Device,
    /// Whether what an earlier start left in the output folder is removed.
    pub restart: bool,
    /// Who may stop it.
    pub interrupt: Interrupt,
}

/// A training under way.
pub struct Training {
    config: Config,
    interrupt: Interrupt,
    data: Data,
    batches: Batches,
    schedule: Schedule,
    model: Model,
    optimizer: Optimizer,
    checkpoints: Checkpoints,
    last: Option<PathBuf>,
    metrics: Metrics,
    record: Record,
}

/// What a step came to.
struct Step {
    loss: f64,
    grad_norm: f64,
    learning_rate: f64,
    tokens: u64,
}

impl Training {
    /// Reads the inputs and builds the model; where the output folder has a checkpoint of this training, goes back
    /// to that.
    pub fn open(config: Config, options: Options) -> Result<Self> {
        let folder = config.output_dir.clone();
        memory::guard(|| Self::build(config, options)).unwrap_or_else(|reason| {
            let when = "while the model was loaded".to_owned();
            Err(Failure::Memory { when, reason, last: checkpoint::last(&folder).ok().flatten() }.into())
        })
    }

    fn build(config: Config, options: Options) -> Result<Self> {
        let Options { device, restart, interrupt } = options;
        let compute = config.compute(device.is_cuda());

        // 1. Where it stands.
        let checkpoints = Checkpoints::open(&config.output_dir, config.save_total_limit)?;
        if checkpoints.is_foreign()? {
            return Err(Failure::Foreign { folder: config.output_dir }.into());
        }
        let last = if restart { None } else { checkpoints.last()? };
        if last.is_none() && !restart && config.output_dir.join(RECORD).exists() {
            return Err(Failure::Finished { folder: config.output_dir }.into());
        }
        let mut record = Record::new(&config, device, compute, tch::get_num_threads())?;
        if let Some(checkpoint) = &last {
            let before = Record::read(checkpoint)?;
            record.must_continue(&before, checkpoint)?;
            record.position = before.position;
        }

        // 2. The data.
        let sizes = model::Config::read(&config.base_model.join(model::folder::CONFIG))?;
        let data = Data::read(&config, sizes.vocab_size)?;
        let batches = Batches {
            lengths: data.train.samples().map(|sample| sample.tokens.len()).collect(),
            packing: config.sample_packing.then_some(config.sequence_len),
            sequences_per_pass: config.micro_batch_size,
            passes_per_step: config.gradient_accumulation_steps,
            seed: config.seed,
        };
        let schedule = Schedule::new(&config, batches.steps_per_epoch());
        record.samples = [data.train.len(), data.validation.len()];
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
        }
        record.trained_parameters = optimizer.parameters().iter().map(|one| one.value.numel()).sum();

        // Only now that everything can be read.
        if restart {
            checkpoints.clear()?;
            metrics::remove(&config.output_dir)?;
        }
        let metrics = Metrics::open(&config.output_dir, record.position.step)?;
        Ok(Self {
            config,
            interrupt,
            data,
            batches,
            schedule,
            model,
            optimizer,
            checkpoints,
            last,
            metrics,
            record,
        })
    }

    /// How far it is, and what it comes from.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// All steps that are left, and the result.
    pub fn run(mut self) -> Result<Record> {
        let mut progress = Progress::new(self.schedule.steps, self.record.position.step);
        let outcome = memory::guard(|| self.steps(&mut progress)).unwrap_or_else(|reason| {
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
                Err(Failure::Stopped { step, reason: Box::new(reason), last }.into())
            }
        }
    }

    fn steps(&mut self, progress: &mut Progress) -> Result<()> {
        let (steps, per_epoch) = (self.schedule.steps, self.schedule.steps_per_epoch);
        let eval_interval = self.schedule.interval(self.config.eval_steps);
        let save_interval = self.schedule.interval(self.config.save_steps);
        let began = (self.record.position.step, Instant::now());
        let mut since_line = (0, Duration::ZERO); // tokens, and the time they took
        let mut epoch = (u64::MAX, vec![]); // its number, and its steps
        while self.record.position.step < steps {
            let number = self.record.position.step;
            if epoch.0 != number / per_epoch {
                epoch = (number / per_epoch, self.batches.epoch(number / per_epoch));
            }

            // 1. The step.
            let start = Instant::now();
            let step = self.step(number, &epoch.1[(number % per_epoch) as usize])?;
            let time = start.elapsed();
            let done = number + 1;
            let position = &mut self.record.position;
            position.step = done;
            position.tokens += step.tokens;
            position.seconds += time.as_secs_f64();
            position.loss = Some(step.loss);

            // 2. What to say of it.
            since_line = (since_line.0 + step.tokens, since_line.1 + time);
            let tokens_per_second = since_line.0 as f64 / since_line.1.as_secs_f64();
            let memory_bytes = memory::in_use();
            let Step { loss, grad_norm, learning_rate, .. } = step;
            let left = began.1.elapsed().div_f64((done - began.0) as f64).mul_f64((steps - done) as f64);
            progress.step(done, &Shown { loss, learning_rate, tokens_per_second, memory_bytes, left });
            if done.is_multiple_of(self.config.logging_steps) || done == steps {
                let tokens = position.tokens;
                let values =
                    Values::Step { loss, learning_rate, grad_norm, tokens, tokens_per_second, memory_bytes };
                self.metrics.add(done, done as f64 / per_epoch as f64, values)?;
                since_line = (0, Duration::ZERO);
            }

            // 3. What is due after it.
            let due = |interval: u64| done.is_multiple_of(interval) || done == steps;
            let stop = self.interrupt.asked() && done < steps;
            if due(eval_interval) && !self.data.validation.is_empty() {
                let eval_loss = self.evaluate();
                self.finite(done, "loss of the evaluation", eval_loss)?;
                self.record.position.eval_loss = Some(eval_loss);
                self.metrics.add(done, done as f64 / per_epoch as f64, Values::Evaluation { eval_loss })?;
                progress.say(&format!("step {done}: evaluation loss {eval_loss:.4}"));
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

    /// A step: the mean loss over all the tokens to learn of its passes, as transformers has it since 4.46
    /// (`num_items_in_batch`), and not the mean of the passes' means.
    fn step(&mut self, number: u64, passes: &[Pass]) -> Result<Step> {
        let (mut tokens, mut targets) = (0, 0);
        for sample in passes.iter().flatten().map(|sample| self.data.train.sample(*sample)) {
            tokens += sample.tokens.len() as u64;
            targets += sample.targets.iter().skip(1).filter(|target| **target).count() as u64;
        }
        let scale = 1.0 / targets as f64;

        let mut random = ChaCha8Rng::seed_from_u64(self.config.seed);
        random.set_stream(STEPS | number);
        let mut sum = Tensor::zeros([0i64; 0], (Kind::Double, self.model.device()));
        for pass in passes {
            let (batch, targets) = self.batch(&self.data.train, pass);
            let seed = random.next_u64() as i64;
            let how = model::Backward { seed, checkpointing: self.config.gradient_checkpointing };
            self.model.backpropagate(&batch, how, |hidden| {
                let (loss, gradient) = targets.backpropagate(&self.model, hidden, scale);
                sum += loss;
                gradient
            });
        }
        let loss = sum.double_value(&[]) * scale;
        self.finite(number + 1, "loss", loss)?;
        let grad_norm = self.optimizer.clip(self.config.max_grad_norm);
        self.finite(number + 1, "gradient's length", grad_norm)?;
        let learning_rate = self.schedule.learning_rate(number);
        self.optimizer.step(number + 1, learning_rate);
        self.record.position.target_tokens += targets;
        Ok(Step { loss, grad_norm, learning_rate, tokens })
    }

    /// The mean loss over the tokens of the samples that were kept back.
    fn evaluate(&self) -> f64 {
        let data = &self.data.validation;
        let lengths = data.samples().map(|sample| sample.tokens.len()).collect();
        let batches = Batches { lengths, ..self.batches.clone() };
        let (mut sum, mut count) = (0.0, 0);
        tch::no_grad(|| {
            for pass in batches.epoch(0).concat() {
                let (batch, targets) = self.batch(data, &pass);
                sum += targets.loss(&self.model, &self.model.hidden(&batch, false)).double_value(&[]);
                count += targets.len();
            }
        });
        sum / count as f64
    }

    fn save(&mut self) -> Result<()> {
        let step = self.record.position.step;
        // Gradients were finite, but the step along them may not have been.
        self.finite(step, "weights' sum of magnitudes", self.optimizer.magnitude())?;
        match self.checkpoints.save(&self.model, &self.optimizer, &self.record) {
            Ok(path) => {
                self.last = Some(path);
                self.checkpoints.thin()?;
                self.metrics.draw()
            }
            Err(reason) => {
                Err(Failure::Unsaved { step, reason: Box::new(reason), last: self.last.clone() }.into())
            }
        }
    }

    fn batch(&self, data: &Dataset, pass: &Pass) -> (Batch, Targets) {
        let samples: Vec<Sample<'_>> = pass.iter().map(|number| data.sample(*number)).collect();
        let tokens: Vec<&[i64]> = samples.iter().map(|sample| sample.tokens).collect();
        let device = self.model.device();
        (Batch::packed(&tokens, device), Targets::new(&samples, device))
    }

    fn finite(&self, step: u64, what: &'static str, value: f64) -> Result<()> {
        if value.is_finite() {
            return Ok(());
        }
        Err(Failure::NotFinite { step, what, value, last: self.last.clone() }.into())
    }
}
