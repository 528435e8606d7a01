//! Models with matrices in four bits.

use tch::{Device, Kind, Tensor};
use trainer::lora;
use trainer::model::Model;
use trainer::model::folder::{Options, load, save};
use trainer::nf4::Quantised;
use trainer::weights::MAX_SHARD_BYTES;

use crate::{batch, folder, refusal};

#[test]
fn a_quantised_model_is_the_model_of_its_rounded_weights() {
    let (work, folder) = folder();
    let options = |nf4| Options { kind: Some(Kind::BFloat16), nf4, ..Options::default() };
    let quantised = load(&folder, &options(true)).unwrap();
    let rounded = work.path().join("rounded");
    save(&quantised, &rounded, MAX_SHARD_BYTES).unwrap();
    let rounded = load(&rounded, &options(false)).unwrap();
    let exact = load(&folder, &options(false)).unwrap();
    let logits = quantised.forward(&batch());
    assert!(logits.equal(&rounded.forward(&batch())));
    assert!(!logits.equal(&exact.forward(&batch())));
}

#[test]
fn a_quantised_model_learns_by_its_adapter_but_does_not_merge() {
    let (_work, folder) = folder();
    let mut model = load(&folder, &Options { nf4: true, ..Options::default() }).unwrap();
    let batch = batch();

    // A gradient step of an adapter reduces the loss.
    let config = lora::Config {
        r: 4,
        alpha: 8.0,
        rslora: false,
        dropout: 0.0,
        target_modules: lora::Target::ALL.into(),
        base_model: None,
    };
    lora::attach(&mut model, &config);
    let adapters = |model: &Model| -> Vec<Tensor> {
        let adapters = model.linears().filter_map(|linear| linear.adapter());
        adapters.flat_map(|lora| [lora.a.shallow_clone(), lora.b.shallow_clone()]).collect()
    };
    let adapters: Vec<_> =
        adapters(&model).into_iter().map(|tensor| tensor.set_requires_grad(true)).collect();
    assert_eq!(adapters.len(), 2 * 7 * 2);
    let loss = || {
        let logits = model.logits(&model.hidden(&batch, true)).to_kind(Kind::Float);
        logits.flatten(0, 1).cross_entropy_for_logits(&batch.tokens.flatten(0, 1))
    };
    let before = loss();
    before.backward();
    tch::no_grad(|| {
        for mut tensor in adapters {
            let gradient = tensor.grad();
            assert!(gradient.defined());
            tensor -= gradient * 0.05;
        }
    });
    assert!(loss().double_value(&[]) < before.double_value(&[]));

    let message = refusal(lora::merge(&mut model));
    assert!(message.contains("`model.layers.0.self_attn.q_proj` is quantised"), "{message}");
}

#[test]
fn a_matrix_that_does_not_fill_its_blocks_is_not_quantised() {
    let matrix = Tensor::ones([3, 7], (Kind::Float, Device::Cpu));
    let message = refusal(Quantised::new("odd", &matrix));
    assert!(message.contains("`odd` cannot be quantised"), "{message}");
}
