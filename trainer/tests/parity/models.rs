//! Logits of models, compared with transformers in both directions.

use tch::Kind;
use trainer::model::folder::{load, save};
use trainer::model::{Batch, Config, Model, ModelType, Source};
use trainer::weights::{MAX_SHARD_BYTES, Weights};

use crate::{FAMILIES, assert_close, oracle};

/// Every model of `oracle.py` in f32.
const FLOATS: [&str; 12] = [
    "llama",
    "llama_untied",
    "llama_llama3",
    "llama_yarn",
    "llama_biased",
    "qwen2",
    "qwen2_untied",
    "qwen2_yarn",
    "qwen3",
    "qwen3_untied",
    "qwen3_yarn",
    "qwen3_biased",
];

#[test]
fn logits_are_theirs_in_f32() {
    for name in FLOATS {
        let model = load(&oracle::folder().join(name), &crate::options()).unwrap();
        let theirs = oracle::tensor(&format!("{name}.safetensors"), "logits");
        assert_close(name, &model.forward(&oracle::batch()), &theirs, 1e-4);
    }
}

#[test]
fn scaled_positions_change_the_logits() {
    for name in FLOATS.into_iter().filter(|name| name.ends_with("yarn") || name.ends_with("llama3")) {
        let folder = oracle::folder().join(name);
        let weights = Weights::open_folder(&folder).unwrap();
        let plain = Config { rope_scaling: None, ..Config::read(&folder.join("config.json")).unwrap() };
        let mut source =
            Source::new(|name, shape| Ok(weights.read_finite(name, shape)?.to_device(crate::device())));
        let ours = Model::new(plain, &mut source).unwrap().forward(&oracle::batch());
        let theirs = oracle::tensor(&format!("{name}.safetensors"), "logits");
        assert!(crate::difference(&ours, &theirs) > 0.1, "{name}: scaling does nothing");
    }
}

#[test]
fn logits_are_theirs_in_bf16() {
    for family in FAMILIES {
        let model = load(&oracle::folder().join(format!("{family}_bf16")), &crate::options()).unwrap();
        assert_eq!(model.kind(), Kind::BFloat16);
        let ours = model.forward(&oracle::batch());
        assert_eq!(ours.kind(), Kind::BFloat16);
        // Two of the seven bits of bf16's mantissa: other processors use other kernels, which may sum in another
        // order.
        let theirs = oracle::tensor(&format!("{family}_bf16.safetensors"), "logits");
        let largest = theirs.to_kind(Kind::Float).abs().max().double_value(&[]);
        assert_close(family, &ours, &theirs, largest / 64.0);
    }
}

#[test]
fn packed_samples_are_as_if_alone() {
    for name in ["llama_llama3", "qwen2_yarn", "qwen3"] {
        let model = load(&oracle::folder().join(name), &crate::options()).unwrap();
        let rows: Vec<Vec<i64>> = oracle::batch().tokens.try_into().unwrap();
        let samples = [&rows[0][..5], &rows[1][..48], &rows[2][..1], &rows[2][10..30]];
        let packed = model.forward(&Batch::packed(&samples, crate::device()));
        let theirs = oracle::tensor(&format!("{name}.safetensors"), "logits");
        // The second sample is a whole row of theirs; the others are compared with a pass over the sample alone.
        assert_close("packed", &packed.narrow(1, 5, 48), &theirs.narrow(0, 1, 1), 1e-4);
        let mut start = 0;
        for sample in samples {
            let length = sample.len() as i64;
            let alone = model.forward(&Batch::packed(&[sample], crate::device()));
            assert_close("packed", &packed.narrow(1, start, length), &alone, 1e-4);
            start += length;
        }
    }
}

#[test]
fn saved_models_load_under_transformers() {
    let folder = oracle::folder();
    let out = tempfile::tempdir().unwrap();
    let batch = oracle::batch();
    let mut jobs = vec![];
    let mut ours = vec![];
    // One file, shards, bf16.
    let bf16 = FAMILIES.map(|family| format!("{family}_bf16"));
    let names = FLOATS.into_iter().chain(bf16.iter().map(String::as_str));
    for name in names {
        let max_shard_bytes = if name.ends_with("untied") { 60_000 } else { MAX_SHARD_BYTES };
        let model = load(&folder.join(name), &crate::options()).unwrap();
        let saved = out.path().join(name);
        save(&model, &saved, max_shard_bytes).unwrap();
        let again = load(&saved, &crate::options()).unwrap();
        assert_eq!(again.config(), model.config());
        for ((name, tensor), (other, same)) in model.tensors().iter().zip(again.tensors()) {
            assert_eq!((name, tensor.kind()), (&other, same.kind()));
            assert!(tensor.equal(&same), "{name}");
        }
        ours.push(model.forward(&batch));
        jobs.push((saved, None));
    }
    let shards = std::fs::read_dir(out.path().join("qwen3_untied")).unwrap().count();
    assert!(shards > 4, "{shards} files");

    tch::manual_seed(3);
    for model_type in ModelType::ALL {
        let config = Config {
            model_type,
            vocab_size: 160,
            hidden_size: 48,
            intermediate_size: 64,
            num_hidden_layers: 2,
            num_attention_heads: 6,
            num_key_value_heads: 3,
            head_dim: 16,
            attention_bias: false,
            mlp_bias: false,
            rms_norm_eps: 1e-6,
            rope_theta: 10_000.0,
            rope_scaling: None,
            tie_word_embeddings: false,
            kind: Kind::Float,
            other: Default::default(),
        };
        let model = Model::new(config, &mut Source::random(0.2, Kind::Float, crate::device())).unwrap();
        let saved = out.path().join(format!("own_{}", model_type.name()));
        save(&model, &saved, MAX_SHARD_BYTES).unwrap();
        ours.push(model.forward(&batch));
        jobs.push((saved, None));
    }

    for ((job, ours), theirs) in jobs.iter().zip(ours).zip(oracle::logits(&jobs)) {
        assert_eq!(ours.kind(), theirs.kind());
        let largest = theirs.to_kind(Kind::Float).abs().max().double_value(&[]);
        let tolerance = if theirs.kind() == Kind::Float { 1e-4 } else { largest / 64.0 };
        assert_close(&job.0.display().to_string(), &ours, &theirs, tolerance);
    }
}
