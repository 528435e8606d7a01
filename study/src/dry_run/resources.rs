//! Approximate bytes of memory and disk. A model's `width` is the number of bytes of a weight that is not
//! quantised.

use serde_json::Value;

use crate::experiment::{Experiment, Model, Settings, Sizes, number};
use crate::kind::Kind;
use crate::stage::Stage;

/// Bytes of an episode's files (trace, page, result): measured, rounded up.
const EPISODE_BYTES: u64 = 100_000;
/// Bytes of a trained weight in a checkpoint, beside the weight: the optimizer's value, mean and mean square,
/// in f32.
const OPTIMIZER_BYTES: u64 = 12;

/// Approximate bytes that stages will write.
pub fn disk(stages: &[&Stage], sizes: Option<Sizes>) -> u64 {
    let bytes = |stage: &&Stage| match stage.kind {
        Kind::Traces | Kind::Evaluate => stage.work.as_ref().map_or(0, |work| work.amount) * EPISODE_BYTES,
        Kind::Init => sizes.map_or(0, |sizes| 4 * sizes.parameters()),
        Kind::Train => sizes.map_or(0, |sizes| {
            let config = stage.settings["config"].as_object().cloned().unwrap_or_default();
            let trained = trained(sizes, &config);
            let kept = number(&config, "save_total_limit", 4.0) as u64;
            trained * (4 + kept * (4 + OPTIMIZER_BYTES))
        }),
        _ => 0,
    };
    stages.iter().map(bytes).sum()
}

/// Bytes of the weights in memory. In NF4, each block of 64 weights has a scale of one byte, and each 256
/// blocks have another four bytes (QLoRA, section 3).
pub fn weights(sizes: Sizes, four_bit: bool, width: u64) -> u64 {
    let linear = sizes.linear_parameters();
    let linear = if four_bit { linear / 2 + linear / 64 + linear / (64 * 256) * 4 } else { linear * width };
    linear + sizes.other_parameters() * width
}

/// Number of weights that a config trains.
fn trained(sizes: Sizes, config: &Settings) -> u64 {
    match config.contains_key("adapter") {
        true => sizes.adapter_parameters(number(config, "lora_r", 8.0) as u64),
        false => sizes.parameters(),
    }
}

/// Bytes of memory of a training: the weights; the trained weights in f32, with gradients and two moments;
/// activations.
pub fn training(sizes: Sizes, config: &Settings, sequence_len: u64, width: u64) -> u64 {
    let four_bit = config.get("load_in_4bit") == Some(&Value::Bool(true));
    let base = if config.contains_key("adapter") { weights(sizes, four_bit, width) } else { 0 };
    let tokens = number(config, "micro_batch_size", 1.0) as u64 * sequence_len;
    // Numbers that a layer keeps of each token for the backward pass: inputs, norms, queries, keys, values,
    // and the three activations of the feed-forward part.
    let attention = (2 * sizes.heads + 2 * sizes.kv_heads) * sizes.head_dim;
    let layer = 4 * sizes.hidden_size + attention + 4 * sizes.intermediate_size;
    let kept = match config.get("gradient_checkpointing") == Some(&Value::Bool(true)) {
        true => sizes.layers * sizes.hidden_size + layer,
        false => sizes.layers * layer,
    };
    base + 16 * trained(sizes, config) + tokens * kept * width
}

/// Bytes of memory of the server: the weights, and the keys and values of this many whole conversations.
pub fn serving(experiment: &Experiment, sizes: Sizes, width: u64, conversations: u64) -> u64 {
    let model = match &experiment.model {
        Model::Fresh(fresh) => fresh.context_length,
        Model::Folder(_) => experiment.sequence_len,
    };
    let context = experiment.evaluation.context.unwrap_or(model);
    let token = 2 * sizes.layers * sizes.kv_heads * sizes.head_dim * width;
    weights(sizes, experiment.served_in_4bit(), width) + conversations * context * token
}
