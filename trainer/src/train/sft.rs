//! Supervised fine-tuning: the objective is the mean cross-entropy of the target tokens of prepared samples.
//!
//! It knows samples, and how they are grouped into steps.

use std::path::PathBuf;

use proto::training::{Input, Values};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor};

use super::Config;
use super::batches::{Batches, Samples};
use super::data::Data;
use super::loss::Targets;
use super::objective::{Gradient, Objective};
use super::record;
use crate::Result;
use crate::dataset::{Dataset, Sample};
use crate::model::{Backward, Batch, Model};

/// Streams of the random generator that steps draw from; epochs use the streams from zero.
const STEPS: u64 = 1 << 32;

/// The samples of a training, and the order in which they are learnt.
pub struct Sft {
    folders: Vec<PathBuf>,
    data: Data,
    batches: Batches,
    steps_per_epoch: u64,
    seed: u64,
    checkpointing: bool,
    epoch: Option<Epoch>,
}

/// The steps of the current epoch.
struct Epoch {
    number: u64,
    steps: Vec<Vec<Samples>>,
}

impl Sft {
    /// Reads the datasets of a config, for a model with this size of vocabulary.
    pub fn open(config: &Config, vocabulary: i64) -> Result<Self> {
        let data = Data::read(config, vocabulary)?;
        let batches = Batches {
            lengths: lengths(&data.train),
            packing: config.sample_packing.then_some(config.sequence_len),
            sequences_per_pass: config.micro_batch_size,
            passes_per_step: config.gradient_accumulation_steps,
            seed: config.seed,
        };
        Ok(Self {
            folders: config.datasets.iter().map(|entry| entry.path.clone()).collect(),
            steps_per_epoch: batches.steps_per_epoch(),
            seed: config.seed,
            checkpointing: config.gradient_checkpointing,
            data,
            batches,
            epoch: None,
        })
    }

    /// The passes of a step.
    fn passes(&mut self, step: u64) -> Vec<Samples> {
        let (number, index) = (step / self.steps_per_epoch, step % self.steps_per_epoch);
        let epoch = match self.epoch.take() {
            Some(epoch) if epoch.number == number => epoch,
            _ => Epoch { number, steps: self.batches.epoch(number) },
        };
        self.epoch.insert(epoch).steps[index as usize].clone()
    }
}

impl Objective for Sft {
    fn inputs(&self) -> Result<Vec<Input>> {
        self.folders.iter().map(|folder| record::dataset(folder)).collect()
    }

    fn steps_per_epoch(&self) -> u64 {
        self.steps_per_epoch
    }

    fn samples(&self) -> [usize; 2] {
        [self.data.train.len(), self.data.validation.len()]
    }

    /// The loss is the mean over all target tokens of the step, as in transformers since 4.46
    /// (`num_items_in_batch`), not the mean of the means of passes.
    fn backpropagate(&mut self, model: &mut Model, step: u64) -> Result<Gradient> {
        let model = &*model;
        let passes = self.passes(step);
        let (mut tokens, mut target_tokens) = (0, 0);
        for sample in passes.iter().flatten().map(|sample| self.data.train.sample(*sample)) {
            tokens += sample.tokens.len() as u64;
            target_tokens += sample.targets.iter().skip(1).filter(|target| **target).count() as u64;
        }
        let scale = 1.0 / target_tokens as f64;

        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(STEPS | step);
        let mut sum = Tensor::zeros([0i64; 0], (Kind::Double, model.device()));
        for pass in &passes {
            let (batch, targets) = batch(&self.data.train, pass, model);
            let seed = random.next_u64() as i64;
            let how = Backward { seed, checkpointing: self.checkpointing };
            model.backpropagate(&batch, how, |hidden| {
                let (loss, gradient) = targets.backpropagate(model, hidden, scale);
                sum += loss;
                gradient
            });
        }
        let loss = sum.double_value(&[]) * scale;
        Ok(Gradient { loss, tokens, target_tokens, ..Gradient::default() })
    }

    /// The mean loss over the target tokens of the held-out samples.
    fn evaluate(&mut self, model: &mut Model) -> Result<Option<Values>> {
        let (model, data) = (&*model, &self.data.validation);
        if data.is_empty() {
            return Ok(None);
        }
        let batches = Batches { lengths: lengths(data), ..self.batches.clone() };
        let (mut sum, mut count) = (0.0, 0);
        tch::no_grad(|| {
            for pass in batches.epoch(0).concat() {
                let (batch, targets) = batch(data, &pass, model);
                sum += targets.loss(model, &model.hidden(&batch, false)).double_value(&[]);
                count += targets.len();
            }
        });
        Ok(Some(Values::Evaluation { eval_loss: sum / count as f64 }))
    }
}

fn lengths(data: &Dataset) -> Vec<usize> {
    data.samples().map(|sample| sample.tokens.len()).collect()
}

/// The input and the targets of a pass.
fn batch(data: &Dataset, pass: &Samples, model: &Model) -> (Batch, Targets) {
    let samples: Vec<Sample<'_>> = pass.iter().map(|index| data.sample(*index)).collect();
    let tokens: Vec<&[i64]> = samples.iter().map(|sample| sample.tokens).collect();
    let device = model.device();
    (Batch::packed(&tokens, device), Targets::new(&samples, device))
}
