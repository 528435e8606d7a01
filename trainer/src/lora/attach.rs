//! Adapters on a model: attached to its matrices, and listed.

use tch::Tensor;

use super::layout::key;
use super::{Config, Lora, MatrixInfo};
use crate::model::{Linear, Model};

/// Attaches new adapters to the matrices that the config targets, and removes any others.
pub fn attach(model: &mut Model, config: &Config) {
    for linear in model.linears_mut() {
        let lora = config.targets(linear.name()).then(|| Lora::new(linear.size(), linear.device(), config));
        linear.set_adapter(lora);
    }
}

/// Runs `work` on the model without its adapter: on the base.
pub fn without<T>(model: &mut Model, work: impl FnOnce(&Model) -> T) -> T {
    let take = |linear: &mut Linear| {
        let kept = linear.adapter().map(Lora::shared);
        linear.set_adapter(None);
        kept
    };
    let kept: Vec<Option<Lora>> = model.linears_mut().map(take).collect();
    let result = work(model);
    model.linears_mut().zip(kept).for_each(|(linear, lora)| linear.set_adapter(lora));
    result
}

/// The matrices of a model, in order.
pub fn matrices(model: &Model) -> Vec<MatrixInfo> {
    let info = |linear: &Linear| MatrixInfo {
        name: linear.name().to_owned(),
        size: linear.size(),
        device: linear.device(),
    };
    model.linears().map(info).collect()
}

/// The weights of the adapter that a model carries, by PEFT's names; the model's own tensors, not copies.
pub fn tensors(model: &Model) -> Vec<(String, Tensor)> {
    let adapted = model.linears().filter_map(|linear| linear.adapter().map(|lora| (linear, lora)));
    adapted
        .flat_map(|(linear, lora)| {
            [("lora_A", &lora.a), ("lora_B", &lora.b)]
                .map(|(part, tensor)| (key(linear.name(), part), tensor.shallow_clone()))
        })
        .collect()
}
