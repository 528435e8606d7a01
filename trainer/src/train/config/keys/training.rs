//! Keys of Axolotl's that say what is trained and how: the model, the adapter, the loss, the optimizer.

use super::Does::{Accept, Nothing, Refused};
use super::{Row, Values};

const CONFIG: &str =
    "`config.json` of `base_model` says what the model is: leave it out, or change that file";
const PLAIN: &str = "only plain LoRA is trained, on `lora_target_modules` of all layers: leave it out";
const ALL_WEIGHTS: &str = "without `adapter` all weights are trained: leave it out, or train an adapter";
const MULTIMODAL: &str = "only text is learnt: leave it out";
const METHODS: &str =
    "`rl: grpo` is the only method of reinforcement learning, with its own settings in `trl`: leave it out";
const MOMENTS: &str = "AdamW has `adam_beta1`, `adam_beta2` and `adam_epsilon`: leave it out, or write those";
const SHAPE: &str = "the learning rate rises and falls as `lr_scheduler` says: leave it out";
const QUANTISED: &str =
    "write `load_in_4bit: true` with `adapter: qlora` instead, or leave it out for a base in full precision";

/// The keys.
pub const KEYS: &[Row] = &[
    Row {
        keys: &["model_type", "type_of_model"],
        does: Accept {
            values: Values::Words(&[
                "AutoModelForCausalLM",
                "LlamaForCausalLM",
                "Qwen2ForCausalLM",
                "Qwen3ForCausalLM",
            ]),
            why: "`config.json` of `base_model` says what the model is",
            refused: "dense decoders of Llama, Qwen2 and Qwen3 are trained: leave it out, and choose such a `base_model`",
        },
    },
    Row {
        keys: &["base_model_config"],
        does: Accept {
            values: Values::Same("base_model"),
            why: "it is the config of `base_model`",
            refused: CONFIG,
        },
    },
    Row {
        keys: &[
            "is_llama_derived_model",
            "is_mistral_derived_model",
            "is_falcon_derived_model",
            "is_qwen_derived_model",
        ],
        does: Nothing("`config.json` of `base_model` says what the model is"),
    },
    Row {
        keys: &[
            "cls_model_config",
            "model_config",
            "overrides_of_model_config",
            "model_kwargs",
            "overrides_of_model_kwargs",
            "rope_scaling",
            "use_pose",
            "pose_*",
        ],
        does: Refused(CONFIG),
    },
    Row {
        keys: &[
            "quantize_moe_experts",
            "experts_implementation",
            "use_scattermoe",
            "use_sonicmoe",
            "llama4_linearized_experts",
            "expert_parallel_*",
        ],
        does: Refused("models with experts are not trained: leave it out, and choose a dense `base_model`"),
    },
    Row {
        keys: &["model_revision", "revision_of_model"],
        does: Refused("`base_model` is a folder: leave it out, and download that revision"),
    },
    Row {
        keys: &["reinit_weights"],
        does: Refused("leave it out, and make a new `base_model` by `trainer init`"),
    },
    Row {
        keys: &[
            "processor_type",
            "processor_kwargs",
            "freeze_mm_modules",
            "image_size",
            "image_resize_algorithm",
            "role_boundaries",
        ],
        does: Refused(MULTIMODAL),
    },
    Row {
        keys: &[
            "load_in_8bit",
            "gptq",
            "gptq_*",
            "bnb_config",
            "model_quantization_config",
            "model_quantization_config_kwargs",
        ],
        does: Refused(QUANTISED),
    },
    Row {
        keys: &["qat", "quantization", "fp8", "fp8_enable_fsdp_float8_all_gather", "use_onebitllms"],
        does: Refused(
            "is not computed here: leave it out, and write `bf16: true`, or `adapter: qlora` with `load_in_4bit: true`",
        ),
    },
    Row {
        keys: &["fp16", "float16"],
        does: Refused("is not computed here: write `bf16: true`, or `bf16: false` for f32"),
    },
    Row {
        keys: &["bfloat16"],
        does: Refused("write `bf16: true` instead, which computes in bf16 and holds trained weights in f32"),
    },
    Row { keys: &["float32"], does: Refused("write `bf16: false` instead") },
    Row {
        keys: &["lora_model_dir"],
        does: Refused(
            "every training makes a new adapter: leave it out; to learn on top of another one, merge that by `trainer merge` and train on the result",
        ),
    },
    Row {
        keys: &["lora_modules_to_save", "peft_trainable_token_indices"],
        does: Refused(
            "with an adapter, embedding and head are not trained: leave it out, or leave `adapter` out",
        ),
    },
    Row {
        keys: &[
            "peft_use_dora",
            "peft",
            "peft_layers_to_transform",
            "peft_layers_pattern",
            "peft_layer_replication",
            "lora_target_parameters",
            "lora_exclude_modules",
            "lora_rank_pattern",
            "lora_alpha_pattern",
            "lora_fan_in_fan_out",
            "lora_bias",
            "adapter_type",
            "relora",
            "relora_*",
            "jagged_restart_*",
        ],
        does: Refused(PLAIN),
    },
    Row {
        keys: &["loraplus_lr_ratio", "embedding_lr", "embedding_lr_scale", "lr_groups"],
        does: Refused("all trained weights have the same learning rate: leave it out"),
    },
    Row {
        keys: &["loraplus_lr_embedding"],
        does: Nothing("it is for `loraplus_lr_ratio`, which is refused"),
    },
    Row {
        keys: &["peft_init_lora_weights"],
        does: Accept {
            values: Values::Words(&["true"]),
            why: "A is drawn as PEFT draws it by default, and B is zero",
            refused: "A is drawn as PEFT draws it by default, and B is zero: leave it out",
        },
    },
    Row {
        keys: &["peft_autocast_adapter_dtype"],
        does: Accept {
            values: Values::Kind("`true`", is_true),
            why: "the adapter's weights are held in f32",
            refused: "the adapter's weights are held in f32: leave it out",
        },
    },
    Row {
        keys: &["peft_ensure_weight_tying"],
        does: Nothing("it is for `lora_modules_to_save`, which is refused"),
    },
    Row { keys: &["unfrozen_parameters", "lisa_*", "spectrum_*"], does: Refused(ALL_WEIGHTS) },
    Row {
        keys: &["neftune_noise_alpha", "noisy_embedding_alpha"],
        does: Refused("no noise is added to embeddings: leave it out"),
    },
    Row {
        keys: &["use_eaft", "eaft_*", "kd_*", "diffusion"],
        does: Refused("the loss is the cross-entropy of the target tokens: leave it out"),
    },
    Row {
        keys: &[
            "reward_model",
            "process_reward_model",
            "num_labels",
            "center_rewards_coefficient",
            "trainer_cls",
        ],
        does: Refused("language models are trained, and no others: leave it out"),
    },
    Row {
        keys: &[
            "rl_beta",
            "dpo_*",
            "orpo_alpha",
            "rpo_alpha",
            "simpo_gamma",
            "cpo_alpha",
            "kto_*",
            "precompute_ref_log_probs",
            "ebft",
        ],
        does: Refused(METHODS),
    },
    Row {
        keys: &["vllm"],
        does: Refused(
            "`trainer grpo` draws answers itself: leave it out; `rollout.max_num_seqs` says how many at once",
        ),
    },
    Row { keys: &["optim_args", "adam_epsilon2", "adam_beta3"], does: Refused(MOMENTS) },
    Row {
        keys: &["optim_target_modules", "dion_*", "qgalore_*"],
        does: Refused(
            "is for optimizers that are not here: leave it out; `optimizer` is a name of AdamW, or `muon`",
        ),
    },
    Row { keys: &["torchdistx_path"], does: Nothing("AdamW is the same under all its names") },
    Row { keys: &["lr_quadratic_warmup", "lr_div_factor"], does: Refused(SHAPE) },
];

fn is_true(value: &serde_json::Value) -> bool {
    value == &serde_json::Value::Bool(true)
}
