//! Greedy answers and sampling distributions, compared with transformers and PEFT.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tch::{Kind, Tensor};
use trainer::generate::{Engine, Options, Request, Sampling};
use trainer::lora::{self, Lora};
use trainer::model::folder::{load, save};
use trainer::tokenizer::Tokenizer;
use trainer::weights::{MAX_SHARD_BYTES, Weights};

use crate::{FAMILIES, oracle, tokenizer};

const COUNT: usize = 32;

pub fn prompts() -> Vec<Vec<i64>> {
    let rows: Vec<Vec<i64>> = oracle::batch().tokens.try_into().unwrap();
    vec![rows[0][..7].to_vec(), rows[1].clone(), rows[2][..20].to_vec()]
}

/// The trainer's answers with each adapter (`None`: the base), all in one batch: by adapter, by prompt.
pub fn ours(model: &Path, adapters: &[Option<&Path>], prompts: &[Vec<i64>]) -> Vec<Vec<Vec<i64>>> {
    // The oracle's models have no tokenizer; only the tokens matter here.
    let files = tempfile::tempdir().unwrap();
    tokenizer::write(files.path());
    let options = Options { max_batch: 16, context: 256, queue: 16 };
    let loaded = load(model, &crate::options()).unwrap();
    let engine = Engine::start(loaded, Arc::new(Tokenizer::read(files.path()).unwrap()), options).unwrap();
    let name = |number: usize| format!("adapter {number}");
    for (number, adapter) in adapters.iter().enumerate() {
        if let Some(path) = adapter {
            engine.handle().load(&name(number), path, false).unwrap();
        }
    }
    let ask = |number: usize, tokens: Vec<i64>| {
        let adapter = adapters[number].map(|_| name(number));
        let max_tokens = Some(COUNT);
        engine.handle().generate(Request {
            tokens,
            adapter,
            max_tokens,
            ignore_end: true,
            ..Request::default()
        })
    };
    let all: Vec<Vec<_>> = (0..adapters.len())
        .map(|number| prompts.iter().map(|tokens| ask(number, tokens.clone()).unwrap()).collect())
        .collect();
    all.into_iter()
        .map(|some| some.into_iter().map(|one| one.blocking_whole().unwrap().ids).collect())
        .collect()
}

/// The answers of transformers and PEFT: by model and adapter, by prompt.
pub fn theirs(runs: &[(&Path, Option<&Path>)], prompts: &[Vec<i64>]) -> Vec<Vec<Vec<i64>>> {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out.json");
    let run = |(model, adapter): &(&Path, Option<&Path>)| json!({ "model": model, "adapter": adapter, "prompts": prompts, "count": COUNT });
    let jobs = json!({ "runs": runs.iter().map(run).collect::<Vec<_>>(), "out": out });
    let file = work.path().join("jobs.json");
    std::fs::write(&file, jobs.to_string()).unwrap();
    oracle::run("oracle_generation.py", "generate", &file);
    serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap()
}

#[test]
fn adapters_of_peft_answer_as_under_peft_mixed_in_one_batch() {
    for family in FAMILIES {
        let base = oracle::folder().join(family);
        let [all, two] = ["all", "two"].map(|name| oracle::folder().join(format!("{family}_{name}")));
        let found = ours(&base, &[None, Some(&all), Some(&two)], &prompts());
        let runs = [(base.as_path(), None), (&base, Some(all.as_path())), (&base, Some(&two))];
        assert_eq!(found, theirs(&runs, &prompts()), "{family}");
        assert!(found[0] != found[1] && found[0] != found[2], "the adapters do nothing");
    }
}

#[test]
fn models_with_scaled_positions_and_biases_answer_the_same() {
    let models = ["llama_llama3", "llama_yarn", "qwen2_yarn", "qwen3_yarn", "llama_biased", "qwen3_biased"];
    let folders = models.map(|name| oracle::folder().join(name));
    let theirs = theirs(&folders.each_ref().map(|folder| (folder.as_path(), None)), &prompts());
    for ((name, folder), theirs) in models.iter().zip(&folders).zip(theirs) {
        assert_eq!(ours(folder, &[None], &prompts())[0], theirs, "{name}");
    }
}

#[test]
fn our_adapters_and_merged_models_answer_the_same_under_theirs() {
    FAMILIES.into_iter().for_each(check_ours);
}

fn check_ours(family: &str) {
    let base = oracle::folder().join(format!("{family}_untied"));
    let out = tempfile::tempdir().unwrap();
    let (adapter, merged): (PathBuf, PathBuf) = (out.path().join("adapter"), out.path().join("merged"));
    let mut model = load(&base, &crate::options()).unwrap();
    let config = lora::Config {
        r: 3,
        alpha: 6.0,
        rslora: false,
        dropout: 0.1,
        target_modules: [lora::Target::QProj, lora::Target::VProj, lora::Target::DownProj].into(),
        base_model: None,
    };
    lora::attach(&mut model, &config);
    for (number, linear) in model.linears_mut().enumerate() {
        if let Some(lora) = linear.adapter() {
            // libtorch's generator is shared by all tests; sine waves are deterministic.
            let waves = |tensor: &Tensor, phase: f64| {
                let count = tensor.numel() as i64;
                let angles = Tensor::arange(count, (Kind::Float, tensor.device())) * 12.9898 + phase;
                (angles.sin() * 0.2).reshape(tensor.size())
            };
            let phase = number as f64;
            let lora = Lora { a: waves(&lora.a, phase), b: waves(&lora.b, -phase - 1.0), ..*lora };
            linear.set_adapter(Some(lora));
        }
    }
    lora::save(&model, &config, &adapter).unwrap();
    lora::merge(&mut model).unwrap();
    save(&model, &merged, MAX_SHARD_BYTES).unwrap();

    let found = ours(&base, &[None, Some(&adapter)], &prompts());
    let expected = theirs(&[(&base, None), (&base, Some(&adapter)), (&merged, None)], &prompts());
    assert_eq!(found[..], expected[..2]);
    assert_eq!(found[1], expected[2]);
    assert_eq!(ours(&merged, &[None], &prompts())[0], expected[2]);
    assert_ne!(found[0], found[1], "the adapter does nothing");
}

#[test]
fn filtered_distributions_are_theirs() {
    let work = tempfile::tempdir().unwrap();
    let (file, out) = (work.path().join("jobs.json"), work.path().join("out.safetensors"));
    let samplings = [
        (1.0, 0, 1.0),
        (0.7, 0, 1.0),
        (1.0, 5, 1.0),
        (1.3, 0, 0.9),
        (0.8, 20, 0.95),
        (2.0, 7, 0.3),
        (1.0, 0, 0.01),
    ]
    .map(|(temperature, top_k, top_p)| Sampling { temperature, top_k, top_p, seed: None });
    let told = samplings.map(|s| json!({ "temperature": s.temperature, "top_k": s.top_k, "top_p": s.top_p }));
    // The logits of one sequence, a row per token.
    let logits = oracle::tensor("qwen3.safetensors", "logits").select(0, 0).contiguous();
    let given = work.path().join("logits.safetensors");
    trainer::weights::write_file(&given, vec![("logits".to_owned(), logits.shallow_clone())]).unwrap();
    std::fs::write(&file, json!({ "logits": given, "samplings": told, "out": out }).to_string()).unwrap();
    oracle::run("oracle_generation.py", "filter", &file);
    let answers = Weights::open_file(&out).unwrap();
    let rows: Vec<Vec<f32>> = logits.try_into().unwrap();
    for (number, sampling) in samplings.iter().enumerate() {
        let theirs: Vec<Vec<f32>> = answers.read_any(&number.to_string()).unwrap().try_into().unwrap();
        for (row, theirs) in rows.iter().zip(theirs) {
            let mut ours = vec![0.0; row.len()];
            for (id, probability) in sampling.distribution(row) {
                ours[id] = probability;
            }
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_eq!(*ours > 0.0, *theirs > 0.0, "{sampling:?}");
                assert!((ours - f64::from(*theirs)).abs() < 1e-5, "{sampling:?}: {ours}, {theirs}");
            }
        }
    }
}
