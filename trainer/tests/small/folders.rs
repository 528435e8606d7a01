//! Model folders that do not fit their config, are damaged, or are not empty.

use serde_json::json;
use tch::{Device, Kind, Tensor};
use trainer::model::folder::{Options, load, save};
use trainer::weights::{MAX_SHARD_BYTES, Weights, write_file};

use crate::{folder, refusal};

#[test]
fn weights_that_do_not_fit_are_refused_by_name() {
    let (_work, folder) = folder();
    let file = folder.join("model.safetensors");
    let original = std::fs::read(&file).unwrap();
    let norm = "model.layers.1.self_attn.q_norm.weight";
    let bias = "model.layers.0.self_attn.q_proj.bias";
    let weights = Weights::open_folder(&folder).unwrap();
    let tensors: Vec<_> =
        weights.names().map(|name| (name.to_owned(), weights.read_any(name).unwrap())).collect();
    let copy = || tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));

    write_file(&file, copy().filter(|(name, _)| name != norm).collect()).unwrap();
    let message = refusal(load(&folder, &Options::default()));
    assert!(message.contains(&format!("`{norm}` is missing")), "{message}");

    let extra = (bias.to_owned(), Tensor::zeros([64], (Kind::Float, Device::Cpu)));
    write_file(&file, copy().chain([extra]).collect()).unwrap();
    let message = refusal(load(&folder, &Options::default()));
    assert!(message.contains(&format!("`{bias}` is not part of this model")), "{message}");

    let short = (norm.to_owned(), Tensor::zeros([8], (Kind::Float, Device::Cpu)));
    write_file(&file, copy().filter(|(name, _)| name != norm).chain([short]).collect()).unwrap();
    let message = refusal(load(&folder, &Options::default()));
    assert!(message.contains(&format!("`{norm}` has shape [8], not [32]")), "{message}");

    for broken in [&original[..original.len() - 1], &original[..100], &original[..4], b"0123456789abcdef"] {
        std::fs::write(&file, broken).unwrap();
        let message = refusal(load(&folder, &Options::default()));
        assert!(message.contains("model.safetensors: "), "{message}");
    }
    let index =
        json!({ "weight_map": { "model.norm.weight": "model.safetensors", "x": "model.safetensors" } });
    std::fs::write(&file, &original).unwrap();
    std::fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
    let message = refusal(load(&folder, &Options::default()));
    assert!(message.contains("index.json: tensor `x` is not in model.safetensors"), "{message}");
}

#[test]
fn a_folder_that_holds_something_is_not_written_to() {
    let (_work, folder) = folder();
    let model = load(&folder, &Options::default()).unwrap();
    let message = refusal(save(&model, &folder, MAX_SHARD_BYTES));
    assert!(message.contains("not empty"), "{message}");
}
