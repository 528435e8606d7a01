//! Gradients of rows.

use tch::{Device, Kind, Tensor};

use super::batch::{Batch, Row};
use super::surrogate::{Columns, Sums, Surrogate};
use crate::dataset::Sample;
use crate::lora;
use crate::model::{self, Backward, Model};
use crate::train::Config;
use crate::train::batches::pack;
use crate::train::config::Trl;
use crate::train::loss::Targets;

/// Computes gradients of rows.
pub struct Learner {
    surrogate: Surrogate,
    temperature: f64,
    needs_reference: bool,
    checkpointing: bool,
    /// Capacity in tokens of a pass; `None`: a number of rows.
    packing: Option<usize>,
    rows_per_pass: usize,
}

impl Learner {
    /// As a config says.
    pub fn new(config: &Config, trl: &Trl) -> Self {
        Self {
            surrogate: Surrogate::new(trl),
            temperature: trl.temperature,
            needs_reference: trl.beta != 0.0,
            checkpointing: config.gradient_checkpointing,
            packing: config.sample_packing.then_some(config.sequence_len),
            rows_per_pass: config.micro_batch_size,
        }
    }

    /// Adds the gradient of the rows' loss to the model's tensors. The first time it also notes in the rows how likely their
    /// targets are to this policy and to the reference. Returns sums over the targets, and the number of tokens.
    pub fn backpropagate(&self, model: &mut Model, batch: &mut Batch) -> (Sums, u64) {
        let passes = self.passes(&batch.rows);
        if passes.is_empty() {
            zero_gradient(model);
        }
        if self.needs_reference {
            self.refer(model, batch, &passes);
        }
        let (mut sums, mut tokens) = (Sums::default(), 0);
        for pass in &passes {
            let rows: Vec<&Row> = pass.iter().map(|row| &batch.rows[*row]).collect();
            tokens += rows.iter().map(|row| row.tokens.len() as u64).sum::<u64>();
            let noted = self.pass(model, &rows, &mut sums);
            note(noted, pass, &mut batch.rows, |row| &mut row.old);
        }
        (sums, tokens)
    }

    /// Which rows share a pass.
    fn passes(&self, rows: &[Row]) -> Vec<Vec<usize>> {
        let order: Vec<usize> = (0..rows.len()).collect();
        match self.packing {
            Some(capacity) => {
                let lengths: Vec<usize> = rows.iter().map(|row| row.tokens.len()).collect();
                pack(&order, &lengths, capacity)
            }
            None => order.chunks(self.rows_per_pass).map(<[_]>::to_vec).collect(),
        }
    }

    /// One pass. Returns how likely each target is now.
    fn pass(&self, model: &Model, rows: &[&Row], sums: &mut Sums) -> Vec<f32> {
        let device = model.device();
        let (batch, targets) = input(rows, device);
        let columns = whole(rows, device);
        let mut now = vec![];
        // There is no dropout, so there is nothing to seed.
        let how = Backward { seed: 0, checkpointing: self.checkpointing };
        model.backpropagate(&batch, how, |hidden| {
            targets.backpropagate_logprobs(model, hidden, self.temperature, |logprobs, places| {
                now.extend(floats(&logprobs.detach()));
                let part = |column: &Tensor| column.narrow(0, places.start as i64, places.len() as i64);
                let (loss, part) = self.surrogate.loss(
                    logprobs,
                    &Columns {
                        advantage: part(&columns.advantage),
                        weight: part(&columns.weight),
                        old: columns.old.as_ref().map(part),
                        drawn: part(&columns.drawn),
                        reference: columns.reference.as_ref().map(part),
                    },
                );
                *sums += part;
                loss
            })
        });
        now
    }

    /// Notes how likely the targets are to the reference, unless that is known.
    fn refer(&self, model: &mut Model, batch: &mut Batch, passes: &[Vec<usize>]) {
        for pass in passes {
            let rows: Vec<&Row> = pass.iter().map(|row| &batch.rows[*row]).collect();
            if rows.iter().all(|row| !row.reference.is_empty()) {
                continue;
            }
            let (input, targets) = input(&rows, model.device());
            let logprobs = lora::without(model, |base| {
                tch::no_grad(|| targets.logprobs(base, &base.hidden(&input, false), self.temperature))
            });
            note(floats(&logprobs), pass, &mut batch.rows, |row| &mut row.reference);
        }
    }
}

/// Adds a gradient of zeros: to an optimizer, which has momentum, that is not the same as none.
fn zero_gradient(model: &Model) {
    let zeros: Vec<Tensor> =
        model.trained().iter().map(|(_, tensor)| (tensor * 0.0).sum(Kind::Float)).collect();
    Tensor::stack(&zeros, 0).sum(Kind::Float).backward();
}

/// Splits what a pass computed of its targets among the rows that lack it.
fn note(values: Vec<f32>, pass: &[usize], rows: &mut [Row], place: impl Fn(&mut Row) -> &mut Vec<f32>) {
    let mut rest = values.as_slice();
    for number in pass {
        let row = &mut rows[*number];
        let (own, others) = rest.split_at(row.drawn.len());
        rest = others;
        if place(row).is_empty() {
            *place(row) = own.to_vec();
        }
    }
}

/// The input and the targets of a pass.
fn input(rows: &[&Row], device: Device) -> (model::Batch, Targets) {
    let tokens: Vec<&[i64]> = rows.iter().map(|row| row.tokens.as_slice()).collect();
    let samples: Vec<Sample<'_>> =
        rows.iter().map(|row| Sample { tokens: &row.tokens, targets: &row.targets }).collect();
    (model::Batch::packed(&tokens, device), Targets::new(&samples, device))
}

/// The columns of all targets of a pass.
fn whole(rows: &[&Row], device: Device) -> Columns {
    let tensor = |values: Vec<f32>| Tensor::from_slice(&values).to_device(device);
    let each = |value: fn(&Row) -> f64| {
        tensor(rows.iter().flat_map(|row| std::iter::repeat_n(value(row) as f32, row.drawn.len())).collect())
    };
    let known = |values: fn(&Row) -> &Vec<f32>| {
        let all: Vec<f32> = rows.iter().flat_map(|row| values(row).iter().copied()).collect();
        (!all.is_empty()).then(|| tensor(all))
    };
    Columns {
        advantage: each(|row| row.advantage),
        weight: each(|row| row.weight),
        old: known(|row| &row.old),
        drawn: tensor(rows.iter().flat_map(|row| row.drawn.iter().copied()).collect()),
        reference: known(|row| &row.reference),
    }
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    let tensor = tensor.to_kind(Kind::Float).to_device(Device::Cpu).contiguous();
    let mut values = vec![0.0; tensor.numel()];
    tensor.copy_data(&mut values, tensor.numel());
    values
}
