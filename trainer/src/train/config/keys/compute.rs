//! Keys of Axolotl's that say how fast, in how much memory and on which devices a training computes, and how its passes are
//! filled.

use serde_json::Value;

use super::Does::{Accept, Nothing, Refused};
use super::{Row, Values, text};

const ATTENTION: &str = "attention is computed by PyTorch's fused kernels, with the same result";
const ONE_DEVICE: &str = "one process trains on one device: leave it out, and multiply \
                          `gradient_accumulation_steps` by the number of devices";

/// Backends of attention, which compute the same.
const BACKENDS: [&str; 6] =
    ["eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention", "xformers"];
/// Plugins of kernels and of logs.
const PLUGINS: [&str; 4] = [
    "axolotl.integrations.cut_cross_entropy.CutCrossEntropyPlugin",
    "axolotl.integrations.kernels.KernelsPlugin",
    "axolotl.integrations.liger.LigerPlugin",
    "axolotl.integrations.swanlab.SwanLabPlugin",
];

fn is_exact(backend: &Value) -> bool {
    let name = text(backend);
    backend == &Value::Bool(false)
        || BACKENDS.contains(&name.as_str())
        || name.starts_with("kernels-community/")
}

fn are_kernels(plugins: &Value) -> bool {
    let known = |plugin: &Value| PLUGINS.contains(&text(plugin).as_str());
    plugins.as_array().is_some_and(|plugins| plugins.iter().all(known))
}

/// The keys.
pub const KEYS: &[Row] = &[
    Row {
        keys: &[
            "flash_attention",
            "sdp_attention",
            "xformers_attention",
            "flex_attention",
            "eager_attention",
            "flex_attn_compile_kwargs",
            "sdpa_varlen",
            "large_head_attention",
            "flash_attn_d512",
            "gemma4_hybrid_attn_impl",
            "flash_optimum",
        ],
        does: Nothing(ATTENTION),
    },
    Row {
        keys: &["attn_implementation"],
        does: Accept {
            values: Values::Kind(
                "`eager`, `sdpa`, `flash_attention_2`, `flash_attention_3`, `flex_attention`, `xformers`, \
                 `kernels-community/...`",
                is_exact,
            ),
            why: ATTENTION,
            refused: "is not computed here, or not exactly: leave it out, or write `sdpa`",
        },
    },
    Row {
        keys: &[
            "sage_attention",
            "s2_attention",
            "scaling_softmax",
            "scaling_softmax_factor",
            "scaling_softmax_bias",
        ],
        does: Refused("changes the result of attention, which is exact here: leave it out"),
    },
    Row {
        keys: &[
            "lora_mlp_kernel",
            "lora_qkv_kernel",
            "lora_o_kernel",
            "lora_embedding_kernel",
            "fused_attn_kernel",
            "use_kernels",
            "liger_rope",
            "liger_rms_norm",
            "liger_rms_norm_gated",
            "liger_layer_norm",
            "liger_swiglu",
            "liger_glu_activation",
            "liger_cross_entropy",
            "liger_fused_linear_cross_entropy",
            "cut_cross_entropy",
            "flash_attn_cross_entropy",
            "flash_attn_fuse_mlp",
            "flash_attn_rms_norm",
            "chunked_cross_entropy",
            "chunked_cross_entropy_num_chunks",
            "tiled_mlp",
            "tiled_mlp_num_shards",
            "tiled_mlp_use_original_mlp",
            "torch_compile*",
            "unsloth_*",
        ],
        does: Nothing("these kernels compute the same, faster or in less memory"),
    },
    Row {
        keys: &["liger_use_token_scaling"],
        does: Refused("weights the loss of each token, which is not supported: leave it out"),
    },
    Row {
        keys: &["plugins"],
        does: Accept {
            values: Values::Kind(
                "`LigerPlugin`, `CutCrossEntropyPlugin`, `KernelsPlugin`, `SwanLabPlugin`",
                are_kernels,
            ),
            why: "these plugins change kernels and logs, not results",
            refused: "a plugin may change what is trained: leave out all but LigerPlugin, CutCrossEntropyPlugin, \
                      KernelsPlugin and SwanLabPlugin of axolotl.integrations",
        },
    },
    Row {
        keys: &[
            "gradient_checkpointing_kwargs",
            "selective_checkpointing",
            "activation_offloading",
            "layer_offloading",
            "low_cpu_mem_usage",
            "lora_on_cpu",
            "gpu_memory_limit",
            "max_memory",
            "qlora_sharded_model_loading",
            "experimental_skip_move_to_device",
            "gc_steps",
            "gc_collect_steps",
            "torch_empty_cache_steps",
        ],
        does: Nothing(
            "it changes where memory is used, not the result; `gradient_checkpointing: true` saves memory",
        ),
    },
    Row { keys: &["tf32"], does: Nothing("products of f32 matrices are computed in full precision") },
    Row {
        keys: &["embeddings_skip_upcast"],
        does: Nothing("an adapter leaves the embedding as it is, in the precision of the computation"),
    },
    Row {
        keys: &["pad_to_sequence_len", "pad_to_multiple_of", "batch_flattening"],
        does: Nothing("nothing is padded, with or without packing"),
    },
    Row {
        keys: &[
            "sample_packing_bin_size",
            "sample_packing_group_size",
            "sample_packing_eff_est",
            "sample_packing_seq_len_multiplier",
            "sample_packing_mp_start_method",
            "multipack_real_batches",
            "total_num_tokens",
            "total_supervised_tokens",
        ],
        does: Nothing("all samples are packed together, and their number is counted"),
    },
    Row {
        keys: &["eval_batch_size", "eval_sample_packing"],
        does: Nothing("the loss of an evaluation is a mean over its tokens, whatever shares a pass"),
    },
    Row {
        keys: &[
            "group_by_length",
            "curriculum_sampling",
            "sample_packing_sequentially",
            "dataloader_drop_last",
        ],
        does: Refused("each epoch uses all samples, in an order that is drawn from `seed`: leave it out"),
    },
    Row {
        keys: &["batch_size"],
        does: Refused(
            "write `gradient_accumulation_steps` instead: `batch_size` divided by `micro_batch_size`",
        ),
    },
    Row {
        keys: &["auto_find_batch_size"],
        does: Refused(
            "a step must not depend on the memory of the device: leave it out, and set `micro_batch_size`",
        ),
    },
    Row {
        keys: &[
            "deepspeed",
            "deepcompile",
            "fsdp",
            "fsdp_config",
            "fsdp_version",
            "fsdp_final_state_dict_type",
            "fp32_norms",
            "fp32_norm_classes",
            "accelerator_config",
            "ddp",
            "use_ray",
        ],
        does: Refused(ONE_DEVICE),
    },
    Row {
        keys: &[
            "dp_shard_size",
            "dp_replicate_size",
            "context_parallel_size",
            "sequence_parallel_degree",
            "tensor_parallel_size",
            "ray_num_workers",
            "world_size",
        ],
        does: Accept {
            values: Values::Words(&["1"]),
            why: "one process trains on one device",
            refused: ONE_DEVICE,
        },
    },
    Row {
        keys: &[
            "device",
            "device_map",
            "local_rank",
            "ddp_timeout",
            "ddp_bucket_cap_mb",
            "ddp_broadcast_buffers",
            "ddp_find_unused_parameters",
            "heads_k_stride",
            "ring_attn_func",
            "ray_run_name",
            "resources_per_worker",
        ],
        does: Nothing("one process trains on one device, which `--device` chooses"),
    },
];
