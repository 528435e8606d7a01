//! What a config will do, in words: a line for each key of its file, then what follows from all keys, and from those that are
//! left out.

use std::path::Path;

use serde_json::{Map, Value};

use super::keys::{Effect, KEYS, LEFT_OUT, OF_DATASETS, Row, effect, text};
use super::sift::DATASETS;
use super::{Adapter, Config, DecayType, OptimizerName, Shape, Switch};
use crate::lora::Target;
use crate::{Error, Result};

/// The most of a value that is shown, in characters.
const VALUE: usize = 30;
/// The widest key and value that the words beside them are aligned to.
const WIDEST: usize = 48;

/// What a line is about, and what it says.
type Line = (String, String);

impl Config {
    /// The lines for the file that this config was read from.
    ///
    /// # Errors
    /// If the file can no longer be read.
    pub fn explain(&self, path: &Path) -> Result<String> {
        let yaml = std::fs::read_to_string(path).map_err(Error::file(path))?;
        let document =
            fields::from_yaml(&yaml).map_err(|problems| Error::Config { path: path.into(), problems })?;
        let keys = document.as_object().map(keys).unwrap_or_default();
        Ok(format!("{}\n\n{}", aligned(&keys), aligned(&self.follows())))
    }

    /// What follows from the keys.
    fn follows(&self) -> Vec<Line> {
        let lines = [
            ("trains", self.trained()),
            ("computes in", self.precision()),
            ("a step", self.step()),
            ("length", self.length()),
            ("optimizer", self.optimization()),
            ("learning rate", self.rates()),
            ("evaluates", self.evaluations()),
            ("saves", format!("{}, and keeps {}", self.saves(), self.save_total_limit)),
            ("seed", self.seed.to_string()),
        ];
        lines.map(|(about, says)| (about.to_owned(), says)).into()
    }

    fn trained(&self) -> String {
        let Some(lora) = self.lora() else { return "all weights of the model".to_owned() };
        let base = match self.adapter {
            Some(Adapter::Qlora) => "held in NF4",
            _ => "in full precision",
        };
        let named = self.lora_target_modules.as_ref().filter(|_| self.lora_target_linear != Some(true));
        let count = named.map_or(Target::ALL.len(), std::collections::BTreeSet::len);
        format!(
            "an adapter of rank {} on {count} matrices of every layer, scaled by {}; the base is {base}",
            lora.r,
            lora.scaling()
        )
    }

    fn precision(&self) -> String {
        let name = |gpu| match self.compute(gpu) {
            tch::Kind::BFloat16 => "bf16",
            _ => "f32",
        };
        match (self.bf16, name(true), name(false)) {
            (Switch::Auto, gpu, cpu) if gpu != cpu => format!("{gpu} on a GPU, {cpu} on a CPU"),
            (_, gpu, _) => gpu.to_owned(),
        }
    }

    fn step(&self) -> String {
        let (pass, passes) = (self.micro_batch_size, self.gradient_accumulation_steps);
        let (all, tokens) = (pass.saturating_mul(passes), self.sequence_len);
        match (&self.rl, self.sample_packing) {
            (Some(_), _) => {
                let group = self.trl().num_generations;
                format!("{pass} * {passes} = {all} rollouts, in {} groups of {group}", all / group)
            }
            (None, true) => format!(
                "{pass} * {passes} = {all} sequences of up to {tokens} tokens, each of several samples"
            ),
            (None, false) => format!("{pass} * {passes} = {all} samples, each of up to {tokens} tokens"),
        }
    }

    fn length(&self) -> String {
        match self.max_steps {
            Some(steps) => format!("{steps} steps"),
            None => format!("{} epochs", self.num_epochs),
        }
    }

    fn optimization(&self) -> String {
        let name = match self.optimizer {
            OptimizerName::AdamwTorch => "AdamW",
            OptimizerName::Muon => "Muon for the layers' matrices, AdamW for the rest",
        };
        let clipped = match self.max_grad_norm {
            0.0 => "gradients are not clipped".to_owned(),
            norm => format!("gradients are clipped to a norm of {norm}"),
        };
        let (one, two, epsilon) = (self.adam_beta1, self.adam_beta2, self.adam_epsilon);
        let decay = self.weight_decay;
        format!("{name}; betas {one} and {two}, epsilon {epsilon:e}, weight decay {decay}; {clipped}")
    }

    fn rates(&self) -> String {
        let (highest, peak) = (self.learning_rate, rate(self.learning_rate));
        let steps = self
            .warmup_steps
            .filter(|steps| *steps > 0)
            .map(|steps| format!("rises for {steps} steps to {peak}"));
        let share = self.warmup_ratio.filter(|ratio| *ratio > 0.0);
        let share = share.map(|ratio| format!("rises for {ratio} of all steps to {peak}"));
        let begins =
            format!("begins at {peak}, without a warm-up (Axolotl's default has one of 0.03 of all steps)");
        let rises = steps.or(share).unwrap_or(begins);
        let cosine = |least: f64| format!("falls as half a cosine to {}", rate(highest * least));
        let falls = match (self.lr_scheduler, self.lr_scheduler_kwargs) {
            (Shape::Cosine, _) => {
                let end = self
                    .cosine_constant_lr_ratio
                    .map_or(String::new(), |ratio| format!(", after {ratio} of all steps"));
                format!("{}{end}", cosine(self.cosine_min_lr_ratio.unwrap_or(0.0)))
            }
            (Shape::Linear, _) => "falls as a line to 0".to_owned(),
            (Shape::WarmupStableDecay, Some(decay)) => {
                let (last, least) = (decay.num_decay_steps, rate(highest * decay.min_lr_ratio));
                let shape = match decay.decay_type {
                    DecayType::Cosine => "half a cosine",
                    DecayType::Linear => "a line",
                    DecayType::OneMinusRoot => "one minus a root",
                };
                format!("stays, and falls for {last} steps as {shape} to {least}")
            }
            (Shape::Constant | Shape::WarmupStableDecay, _) => "stays".to_owned(),
        };
        format!("{rises}, then {falls}")
    }

    fn evaluations(&self) -> String {
        let what = if self.rl.is_some() { "tasks" } else { "samples" };
        let held_out = match self.val_set_size {
            0.0 => return format!("never: `val_set_size` holds out no {what}"),
            share if share < 1.0 => format!("{share} of the {what}"),
            number => format!("{number} {what}"),
        };
        format!("{}, on {held_out}", when(self.eval_steps, self.evals_per_epoch))
    }

    fn saves(&self) -> String {
        when(self.save_steps, self.saves_per_epoch)
    }
}

/// A learning rate, as people write it.
fn rate(rate: f64) -> String {
    if rate == 0.0 { "0".to_owned() } else { format!("{rate:e}") }
}

fn when(steps: Option<f64>, per_epoch: Option<u64>) -> String {
    match (steps, per_epoch) {
        (Some(share), _) if share < 1.0 => format!("after every {share} of all steps, and at the end"),
        (Some(steps), _) => format!("after every {steps} steps, and at the end"),
        (None, Some(times)) => format!("{times} times an epoch, and at the end"),
        (None, None) => "after every epoch, and at the end".to_owned(),
    }
}

/// A line for each key of a config.
fn keys(map: &Map<String, Value>) -> Vec<Line> {
    let mut lines = vec![];
    for (key, value) in map {
        let entries = value.as_array().filter(|_| key == DATASETS);
        let shown = entries.map_or_else(|| short(value), |entries| format!("{} of them", entries.len()));
        lines.push((format!("{key}: {shown}"), words(&KEYS, key, value, map)));
        for (number, entry) in entries.into_iter().flatten().enumerate() {
            for (key, value) in entry.as_object().into_iter().flatten() {
                let says = words(&OF_DATASETS, key, value, entry.as_object().unwrap_or(map));
                lines.push((format!("{DATASETS}[{number}].{key}: {}", short(value)), says));
            }
        }
    }
    lines
}

fn words(rows: &[&[Row]], key: &str, value: &Value, beside: &Map<String, Value>) -> String {
    match effect(rows, key, value, beside) {
        Effect::Read(does) => does,
        Effect::Nothing(LEFT_OUT) => LEFT_OUT.to_owned(),
        Effect::Nothing(why) => format!("no effect: {why}"),
        Effect::Refused(why) => format!("refused: {why}"),
        Effect::Unknown => "unknown".to_owned(),
    }
}

/// A value on one line, and not much of it.
fn short(value: &Value) -> String {
    let text = if value.is_null() { String::new() } else { text(value).replace('\n', " ") };
    match text.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The lines, with their words below each other.
fn aligned(lines: &[Line]) -> String {
    let width = |line: &Line| line.0.trim_end().chars().count();
    let widest = lines.iter().map(width).max().unwrap_or(0).min(WIDEST);
    let line = |(about, says): &Line| format!("{:<widest$}  {says}", about.trim_end());
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}
