//! Stages of the base and its adapters.

use std::path::Path;

use anyhow::{Result, ensure};
use proto::study::{self, Cell};
use serde_json::{Value, json};

use super::planner::{Call, Draft, Planner, text, yaml};
use crate::content_hash;
use crate::experiment::{Family, Fresh, Model, Settings, Sizes, Training, number};
use crate::kind::Kind;
use crate::programs::Program;
use crate::stage::{Artifact, Work};

/// The files of a model's folder that hold its tokenizer and its chat template.
const TOKENIZER: [&str; 3] = ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"];

/// A model that adapters are trained on.
pub struct Base {
    /// The model.
    pub model: Artifact,
    /// A digest of what its tokenizer depends on; equal for all repeats.
    pub tokenizer: String,
}

/// A training that is planned.
pub struct Run<'a> {
    /// The repeat's seed.
    pub seed: u64,
    /// The stage's name.
    pub name: String,
    data: &'a Training,
    /// Its config, without the keys that the study sets.
    pub settings: Settings,
    /// The model that it starts from.
    pub start: &'a Artifact,
    tokenizer: &'a str,
}

impl Planner<'_> {
    /// The base of a repeat: the model's folder, or a new one after all its phases.
    pub fn base(&mut self, seed: u64) -> Result<Base> {
        let fresh = match &self.experiment.model {
            Model::Folder(folder) => {
                let model = self.external(&folder.path, "`model.path`");
                self.check_folder(&folder.path, folder.sizes)?;
                let parts =
                    TOKENIZER.map(|name| files::digest::file(&folder.path.join(name)).unwrap_or_default());
                return Ok(Base { model, tokenizer: content_hash::value(&json!(parts)) });
            }
            Model::Fresh(fresh) => fresh,
        };
        let (mut model, tokenizer) = self.init(seed, fresh)?;
        for (phase, data) in &self.experiment.base {
            let run = Run {
                seed,
                name: format!("seed{seed}/base/{phase}"),
                data,
                settings: self.experiment.phase_settings(data),
                start: &model,
                tokenizer: &tokenizer,
            };
            model = self.train(run, Cell::BASE, phase)?;
        }
        Ok(Base { model, tokenizer })
    }

    /// An adapter of a repeat.
    pub fn adapter(&mut self, seed: u64, name: &str, base: &Base) -> Result<Artifact> {
        let data = &self.experiment.adapters[name];
        let run = Run {
            seed,
            name: format!("seed{seed}/adapters/{name}"),
            data,
            settings: self.experiment.adapter_settings(data),
            start: &base.model,
            tokenizer: &base.tokenizer,
        };
        match &data.episodes {
            Some(episodes) => self.practise(run, episodes, name),
            None => self.train(run, name, ""),
        }
    }

    /// Notes what a model's folder lacks.
    ///
    /// # Errors
    /// If the model has other sizes than the experiment says.
    fn check_folder(&mut self, path: &Path, expected: Option<Sizes>) -> Result<()> {
        if !path.is_dir() {
            return Ok(()); // already noted as missing
        }
        for name in ["config.json", "tokenizer.json"] {
            if !path.join(name).is_file() {
                self.note_missing(path, format!("`model.path` {}: no {name} in it", path.display()));
            }
        }
        let weights = |name: &Path| name.extension().is_some_and(|suffix| suffix == "safetensors");
        if !content_hash::files_below(path)?.iter().any(|(name, _)| weights(name)) {
            self.note_missing(path, format!("`model.path` {}: no *.safetensors in it", path.display()));
        }
        if let (Ok(found), Some(expected)) = (Sizes::read(path), expected) {
            ensure!(
                found == expected,
                "`model.sizes` says {expected:?}, but {} has {found:?}",
                path.display()
            );
        }
        Ok(())
    }

    /// A model with random weights, and [`Base::tokenizer`].
    fn init(&mut self, seed: u64, fresh: &Fresh) -> Result<(Artifact, String)> {
        let (mut corpus, mut traces, mut chats) = (vec![], vec![], vec![]);
        for name in &fresh.corpus {
            let (made, reading) = self.source(name)?;
            if reading[0] == "--chat" { &mut chats } else { &mut traces }.push(text(&made.path));
            corpus.push(made);
        }
        let keys: Vec<&str> = corpus.iter().map(|made| made.key.as_str()).collect();
        let tokenizer = json!({ "corpus": keys, "split": fresh.split, "vocab_size": fresh.sizes.vocab_size });
        let mut settings = json!({ "seed": seed, "model": fresh });
        if let Some(model) = settings["model"].as_object_mut() {
            model.shift_remove("corpus"); // names of inputs, which their keys identify
        }
        let draft = Draft {
            name: format!("seed{seed}/base/fresh"),
            kind: Kind::Init,
            settings,
            inputs: corpus,
            output: "model".into(),
            work: Some(Work { amount: 1, unit: "model".to_owned(), like: self.like("made") }),
        };
        let made = self.add(draft, |folder| {
            let out = text(&folder.join("model"));
            let mut arguments = vec!["init".to_owned(), "--out".to_owned(), out];
            arguments.extend(flags(fresh, seed));
            for (flag, values) in [("--traces", traces), ("--chat", chats), ("--split", fresh.split.clone())]
            {
                if !values.is_empty() {
                    arguments.push(flag.to_owned());
                    arguments.extend(values);
                }
            }
            Ok(Call::new(Program::Trainer, arguments))
        })?;
        Ok((made, content_hash::value(&tokenizer)))
    }

    /// A training of `model`, which is the base or an adapter; `phase` is empty for an adapter.
    fn train(&mut self, run: Run<'_>, model: &str, phase: &str) -> Result<Artifact> {
        let Run { seed, name, data, settings, start, tokenizer } = run;
        let samples: Vec<Artifact> = (data.data.iter())
            .map(|(source, count)| self.samples(source, *count, start, tokenizer))
            .collect::<Result<_>>()?;
        let kind = if settings.contains_key("adapter") { "adapter" } else { "all" };
        let output = if kind == "adapter" { "adapter" } else { "model" };
        let work = Work {
            amount: tokens(&settings, data, self.experiment.sequence_len),
            unit: "tokens".to_owned(),
            like: self.like(kind),
        };
        let mut config = Value::Object(settings);
        config["seed"] = json!(seed);
        config["sequence_len"] = json!(self.experiment.sequence_len);
        let threads = self.experiment.threads;
        let draft = Draft {
            name: name.clone(),
            kind: Kind::Train,
            settings: json!({ "config": config, "threads": threads }),
            inputs: [start.clone()].into_iter().chain(samples.iter().cloned()).collect(),
            output: output.into(),
            work: Some(work),
        };
        config["base_model"] = json!(start.path);
        config["datasets"] = samples.iter().map(|samples| json!({ "path": samples.path })).collect();
        let made = self.add(draft, |folder| {
            config["output_dir"] = json!(folder.join(output));
            let path = text(&folder.join("config.yaml"));
            let mut arguments = vec!["train".to_owned(), "--config".to_owned(), path];
            arguments
                .extend(threads.iter().flat_map(|threads| ["--threads".to_owned(), threads.to_string()]));
            Ok(Call::new(Program::Trainer, arguments).with_file("config.yaml", yaml(&config)?))
        })?;
        let (model, phase) = (model.to_owned(), phase.to_owned());
        self.plan.training.push(study::Training { seed, model, phase, folder: name.into() });
        Ok(made)
    }
}

/// A model's sizes as arguments of `trainer init`.
fn flags(fresh: &Fresh, seed: u64) -> Vec<String> {
    let sizes = &fresh.sizes;
    let numbers = [
        ("--vocab-size", sizes.vocab_size),
        ("--hidden-size", sizes.hidden_size),
        ("--layers", sizes.layers),
        ("--heads", sizes.heads),
        ("--kv-heads", sizes.kv_heads),
        ("--head-dim", sizes.head_dim),
        ("--intermediate-size", sizes.intermediate_size),
        ("--context-length", fresh.context_length),
        ("--seed", seed),
    ];
    let floats = [("--rope-theta", fresh.rope_theta), ("--init-std", fresh.init_std)];
    let numbers = numbers.into_iter().map(|(flag, number)| (flag, number.to_string()));
    let floats = floats.into_iter().filter_map(|(flag, number)| Some((flag, number?.to_string())));
    let valued = numbers.chain(floats).flat_map(|(flag, value)| [flag.to_owned(), value]);
    let family = match sizes.model_type {
        Family::Qwen3 => vec![],
        other => vec!["--model-type".to_owned(), other.name().to_owned()],
    };
    valued.chain(family).chain(sizes.untied.then(|| "--untied".to_owned())).collect()
}

/// Most tokens that a training sees. It may see fewer: sequences are not always full.
fn tokens(settings: &Settings, data: &Training, sequence_len: u64) -> u64 {
    let samples: u64 = data.data.values().sum();
    (learnt(settings, samples as f64) * sequence_len as f64) as u64
}

/// Sequences, or rollouts, that a training of settings learns from: those of its steps, or else of its epochs of this many.
pub fn learnt(settings: &Settings, an_epoch: f64) -> f64 {
    let a_step =
        number(settings, "micro_batch_size", 1.0) * number(settings, "gradient_accumulation_steps", 1.0);
    match settings.get("max_steps").and_then(Value::as_f64) {
        Some(steps) => steps * a_step,
        None => an_epoch * number(settings, "num_epochs", 1.0),
    }
}
