//! PEFT's adapters loaded here, the trainer's adapters loaded by PEFT, and merged models loaded by
//! transformers.

use std::process::Command;

use tch::Tensor;
use trainer::lora;
use trainer::model::folder::{load, save};
use trainer::weights::MAX_SHARD_BYTES;

use crate::{FAMILIES, assert_close, oracle};

#[test]
fn adapters_of_peft_give_its_logits_attached_and_merged() {
    let folder = oracle::folder();
    for (family, name) in FAMILIES.into_iter().flat_map(|family| ["all", "two"].map(|name| (family, name))) {
        let adapter = format!("{family}_{name}");
        let theirs = |file: &str| oracle::tensor(&format!("{file}.safetensors"), "logits");
        let mut model = load(&folder.join(family), &crate::options()).unwrap();
        let plain = model.forward(&oracle::batch());
        lora::load(&mut model, &folder.join(&adapter)).unwrap();
        let attached = model.forward(&oracle::batch());
        assert!(crate::difference(&plain, &attached) > 0.1, "the adapter does nothing");
        assert_close(&adapter, &attached, &theirs(&adapter), 1e-4);
        lora::merge(&mut model).unwrap();
        let merged = model.forward(&oracle::batch());
        assert_close(&adapter, &merged, &theirs(&format!("{adapter}_merged")), 1e-4);
    }
}

#[test]
fn our_adapters_and_merged_models_give_our_logits_under_theirs() {
    FAMILIES.into_iter().for_each(check_ours);
}

fn check_ours(family: &str) {
    let base = oracle::folder().join(format!("{family}_untied"));
    let out = tempfile::tempdir().unwrap();
    let mut model = load(&base, &crate::options()).unwrap();
    let config = lora::Config {
        r: 4,
        alpha: 12.0,
        rslora: false,
        dropout: 0.05,
        target_modules: [lora::Target::KProj, lora::Target::OProj, lora::Target::GateProj].into(),
        base_model: Some(base.display().to_string()),
    };
    tch::manual_seed(5);
    lora::attach(&mut model, &config);
    let fresh = model.forward(&oracle::batch());
    for linear in model.linears_mut() {
        if let Some(mut adapter) = linear.adapter().map(copy) {
            let _ = adapter.b.normal_(0.0, 0.1);
            linear.set_adapter(Some(adapter));
        }
    }
    let trained = model.forward(&oracle::batch());
    assert!(crate::difference(&fresh, &trained) > 0.1, "the adapter does nothing");

    let adapter = out.path().join("adapter");
    lora::save(&model, &config, &adapter).unwrap();
    let error = save(&model, &out.path().join("refused"), MAX_SHARD_BYTES).unwrap_err();
    assert!(error.to_string().contains("carries an adapter"), "{error}");

    let mut again = load(&base, &crate::options()).unwrap();
    assert_eq!(lora::load(&mut again, &adapter).unwrap(), config);
    assert_close("loaded again", &again.forward(&oracle::batch()), &trained, 0.0);

    let merged = out.path().join("merged");
    let status = Command::new(env!("CARGO_BIN_EXE_trainer"))
        .arg("merge")
        .arg("--model")
        .arg(&base)
        .arg("--adapter")
        .arg(&adapter)
        .arg("--out")
        .arg(&merged)
        .status()
        .unwrap();
    assert!(status.success());
    assert!(merged.join("generation_config.json").exists());

    let theirs = oracle::logits(&[(base, Some(adapter)), (merged, None)]);
    assert_close("ours under PEFT", &trained, &theirs[0], 1e-4);
    assert_close("ours merged under transformers", &trained, &theirs[1], 1e-4);
}

/// A deep copy.
fn copy(lora: &lora::Lora) -> lora::Lora {
    let copy = |tensor: &Tensor| tensor.detach().copy();
    lora::Lora { a: copy(&lora.a), b: copy(&lora.b), ..*lora }
}
