//! Keys that change nothing here, which Axolotl's own files carry: they are dropped before the config is read.
//!
//! A key with an empty value says nothing, whether it is one of ours (it then has its default) or Axolotl's. A key of
//! Axolotl's may also be switched off, ask for what is so anyway, or concern what does not affect the weights. All
//! other keys stay, and are refused by name: a misspelt key, too, even with an empty value.

use serde_json::{Map, Value};

use super::Config;
use crate::message;

/// Keys of any value: where a run is logged and uploaded, how fast it computes, what the dataset decides.
const ANY: &[&str] = &[
    "auto_resume_from_checkpoints",
    "dataloader_num_workers",
    "dataloader_pin_memory",
    "dataloader_prefetch_factor",
    "dataset_num_proc",
    "dataset_prepared_path",
    "dataset_processes",
    "ddp_timeout",
    "debug",
    "eager_attention",
    "eval_batch_size",
    "eval_sample_packing",
    "flash_attention",
    "flash_attn_cross_entropy",
    "flash_attn_rms_norm",
    "flex_attention",
    "group_by_length",
    "hf_use_auth_token",
    "hub_model_id",
    "hub_strategy",
    "is_qwen_derived_model",
    "low_cpu_mem_usage",
    "mlflow_experiment_name",
    "mlflow_run_name",
    "mlflow_tracking_uri",
    "pad_to_sequence_len",
    "sample_packing_bin_size",
    "sample_packing_eff_est",
    "sample_packing_group_size",
    "save_only_model",
    "save_safetensors",
    "sdp_attention",
    "shuffle_merged_datasets",
    "strict",
    "tf32",
    "torch_compile",
    "trust_remote_code",
    "use_tensorboard",
    "wandb_entity",
    "wandb_log_model",
    "wandb_mode",
    "wandb_name",
];

/// Keys of one more value that changes nothing.
const ONE: &[(&str, &str)] = &[
    ("attn_implementation", "sdpa"),
    ("chat_template", "tokenizer_default"),
    ("model_type", "AutoModelForCausalLM"),
    ("saves_per_epoch", "1"),
    ("evals_per_epoch", "1"),
    ("tokenizer_type", "AutoTokenizer"),
    ("type_of_model", "AutoModelForCausalLM"),
];

/// Other keys of Axolotl's, which may be empty or switched off.
const OFF: &[&str] = &[
    "adapter_type",
    "attn_implementation",
    "auto_find_batch_size",
    "base_model_config",
    "base_model_ignore_patterns",
    "bench_dataset",
    "bfloat16",
    "bnb_config",
    "chat_template",
    "chat_template_jinja",
    "comet_project_name",
    "comet_workspace",
    "cosine_constant_lr_ratio",
    "cosine_min_lr_ratio",
    "curriculum_sampling",
    "ddp",
    "ddp_broadcast_buffers",
    "ddp_bucket_cap_mb",
    "deepspeed",
    "device_map",
    "do_bench_eval",
    "do_causal_lm_eval",
    "early_stopping_patience",
    "embeddings_skip_upcast",
    "eval_causal_lm_metrics",
    "eval_max_new_tokens",
    "eval_strategy",
    "eval_table_size",
    "evals_per_epoch",
    "excess_length_strategy",
    "float16",
    "float32",
    "fp16",
    "fp8",
    "fsdp",
    "fsdp_config",
    "gptq",
    "gptq_disable_exllama",
    "gpu_memory_limit",
    "gradient_checkpointing_kwargs",
    "include_tokens_per_second",
    "is_falcon_derived_model",
    "is_llama_derived_model",
    "is_mistral_derived_model",
    "is_preprocess",
    "kd_trainer",
    "load_best_model_at_end",
    "load_in_8bit",
    "local_rank",
    "lora_bias",
    "lora_fan_in_fan_out",
    "lora_mlp_kernel",
    "lora_model_dir",
    "lora_modules_to_save",
    "lora_o_kernel",
    "lora_on_cpu",
    "lora_qkv_kernel",
    "loraplus_lr_embedding",
    "loraplus_lr_ratio",
    "lr_quadratic_warmup",
    "max_packed_sequence_len",
    "metric_for_best_model",
    "neftune_noise_alpha",
    "noisy_embedding_alpha",
    "optim_args",
    "optim_target_modules",
    "peft",
    "peft_init_lora_weights",
    "peft_layers_to_transform",
    "peft_use_dora",
    "peft_use_rslora",
    "plugins",
    "pretraining_dataset",
    "push_dataset_to_hub",
    "relora",
    "relora_steps",
    "resize_token_embeddings_to_32x",
    "resume_from_checkpoint",
    "rl",
    "rope_scaling",
    "s2_attention",
    "save_strategy",
    "saves_per_epoch",
    "special_tokens",
    "test_datasets",
    "tokenizer_config",
    "tokens",
    "unfrozen_parameters",
    "wandb_project",
    "wandb_run_id",
    "wandb_watch",
    "xformers_attention",
];

/// The config without the keys that change nothing.
pub fn without(document: Value) -> Value {
    let Value::Object(map) = document else { return document };
    let says_something = |key: &str, value: &Value| match key {
        key if ANY.contains(&key) => false,
        key if key.starts_with("wandb_") || key.starts_with("mlflow_") || key.starts_with("comet_") => false,
        "max_steps" => value.as_i64() != Some(-1), // the Trainer's way of not setting it
        key if OFF.contains(&key) && message::is_empty(value) => false,
        key if ONE.iter().any(|(known, neutral)| *known == key && text(value) == *neutral) => false,
        key if Config::KEYS.contains(&key) => !is_empty(value),
        _ => true,
    };
    let kept = map.into_iter().filter(|(key, value)| says_something(key, value));
    Value::Object(kept.map(|(key, value)| (key, without_empty(value))).collect::<Map<_, _>>())
}

/// Objects, also those in a list, without keys that have no value.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !is_empty(value));
            Value::Object(kept.map(|(key, value)| (key, without_empty(value))).collect::<Map<_, _>>())
        }
        value => value,
    }
}

/// Null, or without content. An empty list stays: `datasets: []` is a mistake.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
