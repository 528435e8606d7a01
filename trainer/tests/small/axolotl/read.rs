//! Lines of the keys that are read: one or more for each key.

use trainer::lora::Target;
use trainer::train::Config;

/// What a config has to hold.
type Holds = fn(&Config) -> bool;

/// Lines of keys that are read, beside those of the adapter and the required ones, and what the config then holds.
pub const READ: &[(&str, Holds)] = &[
    ("bnb_config_kwargs: {bnb_4bit_compute_dtype: bfloat16}", |c| c.compute(false) == tch::Kind::BFloat16),
    ("bnb_4bit_quant_type: nf4", |c| c.bnb_4bit_quant_type.is_some()),
    ("bnb_4bit_use_double_quant: true", |c| c.bnb_4bit_use_double_quant == Some(true)),
    ("bnb_4bit_compute_dtype: float32", |c| c.compute(true) == tch::Kind::Float),
    ("bf16: true", |c| c.compute(false) == tch::Kind::BFloat16),
    ("lora_dropout: 0.05", |c| c.lora().unwrap().dropout == 0.05),
    ("peft_use_rslora: true", |c| c.lora().unwrap().rslora),
    // With `lora_target_linear` all matrices are adapted, as in Axolotl.
    ("lora_target_modules: [q_proj, v_proj]", |c| c.lora().unwrap().target_modules == Target::ALL.into()),
    ("sample_packing: true", |c| c.sample_packing),
    ("val_set_size: 0.05", |c| c.val_set_size == 0.05),
    ("micro_batch_size: 2", |c| c.micro_batch_size == 2),
    ("gradient_accumulation_steps: 4", |c| c.gradient_accumulation_steps == 4),
    ("num_epochs: 4", |c| c.num_epochs == 4.0),
    ("max_steps: 10", |c| c.max_steps == Some(10)),
    ("gradient_checkpointing: true", |c| c.gradient_checkpointing),
    ("gradient_checkpointing: unsloth", |c| c.gradient_checkpointing),
    ("gradient_checkpointing: offload", |c| c.gradient_checkpointing),
    ("gradient_checkpointing: offload_disk", |c| c.gradient_checkpointing),
    ("seed: 3407", |c| c.seed == 3407),
    ("optimizer: muon", |c| format!("{:?}", c.optimizer) == "Muon"),
    ("lr_scheduler: linear", |c| format!("{:?}", c.lr_scheduler) == "Linear"),
    ("lr_scheduler: constant_with_warmup", |c| format!("{:?}", c.lr_scheduler) == "Constant"),
    ("lr_scheduler_kwargs: {num_decay_steps: 3}\nlr_scheduler: warmup_stable_decay", |c| {
        c.lr_scheduler_kwargs.is_some_and(|kwargs| kwargs.num_decay_steps == 3)
    }),
    ("cosine_min_lr_ratio: 0.1", |c| c.cosine_min_lr_ratio == Some(0.1)),
    ("cosine_constant_lr_ratio: 0.8\ncosine_min_lr_ratio: 0.1", |c| c.cosine_constant_lr_ratio == Some(0.8)),
    ("warmup_ratio: 0.1", |c| c.warmup_ratio == Some(0.1)),
    ("warmup_steps: 10", |c| c.warmup_steps == Some(10)),
    ("weight_decay: 0.01", |c| c.weight_decay == 0.01),
    ("adam_beta1: 0.8", |c| c.adam_beta1 == 0.8),
    ("adam_beta2: 0.95", |c| c.adam_beta2 == 0.95),
    ("adam_epsilon: 1.0e-5", |c| c.adam_epsilon == 1e-5),
    ("max_grad_norm: 0.3", |c| c.max_grad_norm == 0.3),
    ("logging_steps: 5", |c| c.logging_steps == 5),
    ("eval_steps: 0.1", |c| c.eval_interval() == Some(0.1)),
    ("evals_per_epoch: 4", |c| c.eval_interval() == Some(0.25)),
    ("eval_on_start: true", |c| c.eval_on_start),
    ("save_steps: 50", |c| c.save_interval() == Some(50.0)),
    ("saves_per_epoch: 2", |c| c.save_interval() == Some(0.5)),
    ("save_total_limit: 2", |c| c.save_total_limit == 2),
];

/// Keys that the configs of this file's tests have anyway, or that belong to `rl` and are tested there.
pub const READ_ELSEWHERE: &[&str] = &[
    "base_model:",
    "datasets:",
    "output_dir:",
    "rl:",
    "trl:",
    "rollout:",
    "adapter:",
    "load_in_4bit:",
    "lora_r:",
    "lora_alpha:",
    "lora_target_linear:",
    "sequence_len:",
    "train_on_inputs:",
    "learning_rate:",
];
