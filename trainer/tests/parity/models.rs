//! Logits of models, compared with transformers in both directions.

use tch::Kind;
use trainer::model::folder::{load, save};
use trainer::model::{Batch, Config, Model, Source};
use trainer::weights::MAX_SHARD_BYTES;

use crate::{assert_close, oracle};

#[test]
fn logits_are_theirs_in_f32() {
    for name in ["tied", "untied"] {
        let model = load(&oracle::folder().join(name), &crate::options()).unwrap();
        let theirs = oracle::tensor(&format!("{name}.safetensors"), "logits");
        assert_close(name, &model.forward(&oracle::batch()), &theirs, 1e-4);
    }
}

#[test]
fn logits_are_theirs_in_bf16() {
    let model = load(&oracle::folder().join("bf16"), &crate::options()).unwrap();
    assert_eq!(model.kind(), Kind::BFloat16);
    let ours = model.forward(&oracle::batch());
    assert_eq!(ours.kind(), Kind::BFloat16);
    // Two of the seven bits of bf16's mantissa: other processors use other kernels, which may sum in another
    // order.
    let theirs = oracle::tensor("bf16.safetensors", "logits");
    let largest = theirs.to_kind(Kind::Float).abs().max().double_value(&[]);
    assert_close("bf16", &ours, &theirs, largest / 64.0);
}

#[test]
fn packed_samples_are_as_if_alone() {
    let model = load(&oracle::folder().join("tied"), &crate::options()).unwrap();
    let rows: Vec<Vec<i64>> = oracle::batch().tokens.try_into().unwrap();
    let samples = [&rows[0][..5], &rows[1][..48], &rows[2][..1], &rows[2][10..30]];
    let packed = model.forward(&Batch::packed(&samples, crate::device()));
    let theirs = oracle::tensor("tied.safetensors", "logits");
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

#[test]
fn saved_models_load_under_transformers() {
    let folder = oracle::folder();
    let out = tempfile::tempdir().unwrap();
    let batch = oracle::batch();
    let mut jobs = vec![];
    let mut ours = vec![];
    // One file, shards, bf16.
    for (name, max_shard_bytes) in [("tied", MAX_SHARD_BYTES), ("untied", 60_000), ("bf16", MAX_SHARD_BYTES)]
    {
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
    let shards = std::fs::read_dir(out.path().join("untied")).unwrap().count();
    assert!(shards > 4, "{shards} files");

    let config = Config {
        vocab_size: 160,
        hidden_size: 48,
        intermediate_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 6,
        num_key_value_heads: 3,
        head_dim: 16,
        rms_norm_eps: 1e-6,
        rope_theta: 10_000.0,
        tie_word_embeddings: false,
        kind: Kind::Float,
        other: Default::default(),
    };
    tch::manual_seed(3);
    let model = Model::new(config, &mut Source::random(0.2, Kind::Float, crate::device())).unwrap();
    save(&model, &out.path().join("own"), MAX_SHARD_BYTES).unwrap();
    ours.push(model.forward(&batch));
    jobs.push((out.path().join("own"), None));

    for ((job, ours), theirs) in jobs.iter().zip(ours).zip(oracle::logits(&jobs)) {
        assert_eq!(ours.kind(), theirs.kind());
        let largest = theirs.to_kind(Kind::Float).abs().max().double_value(&[]);
        let tolerance = if theirs.kind() == Kind::Float { 1e-4 } else { largest / 64.0 };
        assert_close(&job.0.display().to_string(), &ours, &theirs, tolerance);
    }
}
