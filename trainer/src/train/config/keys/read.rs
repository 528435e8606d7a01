//! The keys of a config that are read, and what they do in words. `train_configs/README.md` says more of each.

use super::Does::{Count, Read, Switch};
use super::{Does, Row};

const fn key(key: &'static [&'static str; 1], does: Does) -> Row {
    Row { keys: key, does }
}

/// The keys of [`Config`](crate::train::Config), in its order.
pub const KEYS: &[Row] = &[
    key(&["base_model"], Read("starts from the model in this folder")),
    key(&["datasets"], Read("trains on the samples in these folders of `trainer prepare`, concatenated")),
    key(&["output_dir"], Read("writes the result, checkpoints and metrics into this folder")),
    key(&["rl"], Read("learns from episodes that the model plays, by `trainer grpo`")),
    key(&["trl"], Read("how it learns from the episodes")),
    key(&["rollout"], Read("who plays the episodes, and where")),
    key(&["adapter"], Read("trains an adapter, and not the model itself")),
    key(
        &["load_in_4bit"],
        Switch("holds the base in four bits (NF4)", "holds the base in the precision of the computation"),
    ),
    key(&["bnb_config_kwargs"], Read("how the base is quantised")),
    key(&["bnb_4bit_quant_type"], Read("the data type of the quantised base")),
    key(&["bnb_4bit_use_double_quant"], Read("quantises the scales of the base, too")),
    key(&["bnb_4bit_compute_dtype"], Read("computes in {}")),
    key(&["bf16"], Switch("computes in bf16; auto: on a GPU only", "computes in f32, not in bf16")),
    key(&["lora_r"], Read("the rank of the adapter")),
    key(&["lora_alpha"], Read("scales the adapter's change")),
    key(
        &["peft_use_rslora"],
        Switch("divides `lora_alpha` by the root of `lora_r`", "divides `lora_alpha` by `lora_r`"),
    ),
    key(&["lora_dropout"], Read("zeroes this share of the adapter's inputs in each step")),
    key(
        &["lora_target_modules"],
        Read("adapts these matrices of every layer, unless `lora_target_linear` adapts all"),
    ),
    key(
        &["lora_target_linear"],
        Switch("adapts all seven matrices of every layer", "adapts the matrices of `lora_target_modules`"),
    ),
    key(&["sequence_len"], Read("sequences have at most {} tokens")),
    key(
        &["sample_packing"],
        Switch(
            "several samples share a sequence; each attends only to itself",
            "each sample is a sequence of its own",
        ),
    ),
    key(&["train_on_inputs"], Read("the loss is of the tokens that the dataset marks: those of the answers")),
    key(
        &["val_set_size"],
        Read("holds out samples, or tasks, for the evaluation: a share below 1, or a number"),
    ),
    key(&["micro_batch_size"], Read("a pass has {} sequences")),
    key(&["gradient_accumulation_steps"], Read("a step has {} passes")),
    key(&["num_epochs"], Read("uses each sample {} times")),
    key(&["max_steps"], Read("the number of steps, in place of `num_epochs`; -1: no limit")),
    key(
        &["gradient_checkpointing"],
        Switch(
            "computes activations again in the backward pass, to save memory",
            "keeps all activations in memory",
        ),
    ),
    key(&["seed"], Read("seeds the initialisation, the order of samples, and dropout")),
    key(&["optimizer"], Read("AdamW is the same under all its names; muon: Muon for the layers' matrices")),
    key(&["learning_rate"], Read("the highest learning rate")),
    key(&["lr_scheduler"], Read("the shape of the learning rate after the warm-up")),
    key(&["lr_scheduler_kwargs"], Read("the lengths and the shape of the decay")),
    key(&["cosine_min_lr_ratio"], Count("the cosine falls to {} times `learning_rate`")),
    key(&["cosine_constant_lr_ratio"], Count("the cosine has ended after {} times all steps")),
    key(&["warmup_ratio"], Read("the learning rate rises for {} times all steps")),
    key(&["warmup_steps"], Read("the learning rate rises for {} steps")),
    key(&["weight_decay"], Read("decoupled weight decay; norms and biases are exempt")),
    key(&["adam_beta1"], Read("the decay rate of the first-moment estimate")),
    key(&["adam_beta2"], Read("the decay rate of the second-moment estimate")),
    key(&["adam_epsilon"], Read("is added to the root of the second-moment estimate")),
    key(&["max_grad_norm"], Read("clips the gradient of a step to a norm of {}; 0: not at all")),
    key(&["logging_steps"], Read("writes metrics after every {} steps")),
    key(&["eval_steps"], Read("evaluates every {} steps; below 1 it is a share of all steps")),
    key(&["evals_per_epoch"], Count("evaluates {} times an epoch")),
    key(
        &["eval_on_start"],
        Switch("evaluates before the first step, too", "does not evaluate before the first step"),
    ),
    key(&["save_steps"], Read("saves a checkpoint every {} steps; below 1 it is a share of all steps")),
    key(&["saves_per_epoch"], Count("saves a checkpoint {} times an epoch")),
    key(&["save_total_limit"], Read("keeps {} checkpoints")),
];
