//! Keys of Axolotl's that say where a training is recorded, when it is evaluated, and which checkpoints there are.

use super::Does::{Accept, Nothing, Refused};
use super::{Row, Values};

const WHEN: &[&str] = &["steps", "epoch", "no"];

/// The keys.
pub const KEYS: &[Row] = &[
    Row {
        keys: &[
            "use_wandb",
            "wandb_*",
            "use_mlflow",
            "mlflow_*",
            "hf_mlflow_log_artifacts",
            "use_comet",
            "comet_*",
            "use_trackio",
            "trackio_*",
            "use_swanlab",
            "swanlab_*",
            "use_otel_metrics",
            "otel_metrics_*",
            "use_tensorboard",
            "include_tokens_per_second",
            "include_tkps",
        ],
        does: Nothing("metrics are written to `metrics.jsonl` and as TensorBoard's events"),
    },
    Row {
        keys: &[
            "hub_*",
            "push_dataset_to_hub",
            "hf_use_auth_token",
            "use_auth_token",
            "trust_remote_code",
            "base_model_ignore_patterns",
        ],
        does: Nothing("nothing is downloaded or uploaded, and no code of a model is run"),
    },
    Row {
        keys: &[
            "save_safetensors",
            "save_only_model",
            "save_first_step",
            "dynamic_checkpoint",
            "tokenizer_save_jinja_files",
        ],
        does: Nothing("a checkpoint holds safetensors, and all that a training resumes from"),
    },
    Row {
        keys: &["save_strategy"],
        does: Accept {
            values: Values::Words(WHEN),
            why: "`save_steps` or `saves_per_epoch` says when; checkpoints are always saved, to resume from",
            refused: "no checkpoint is kept as the best one: leave it out; `metrics.jsonl` has `eval_loss`",
        },
    },
    Row {
        keys: &["eval_strategy", "evaluation_strategy"],
        does: Accept {
            values: Values::Words(WHEN),
            why: "`eval_steps` or `evals_per_epoch` says when; `val_set_size: 0` leaves evaluations out",
            refused: "write `eval_steps` or `evals_per_epoch` instead",
        },
    },
    Row {
        keys: &["load_best_model_at_end"],
        does: Refused(
            "the result is that of the last step: leave it out, and take the checkpoint with the lowest `eval_loss` in \
             `metrics.jsonl`",
        ),
    },
    Row {
        keys: &["early_stopping_patience"],
        does: Refused(
            "all steps are trained: leave it out, and write fewer `num_epochs`, or take the checkpoint with the lowest \
             `eval_loss` in `metrics.jsonl`",
        ),
    },
    Row {
        keys: &["metric_for_best_model", "greater_is_better"],
        does: Nothing("no checkpoint is chosen as the best one"),
    },
    Row {
        keys: &["loss_watchdog_threshold", "loss_watchdog_patience"],
        does: Nothing("it only stops a training that fails; here a loss that is no number does"),
    },
    Row {
        keys: &[
            "eval_table_size",
            "eval_table_max_new_tokens",
            "eval_max_new_tokens",
            "do_causal_lm_eval",
            "eval_causal_lm_metrics",
            "do_bench_eval",
            "bench_dataset",
            "bench_split",
            "generate_samples",
            "num_generation_samples",
            "generation_*",
        ],
        does: Nothing("an evaluation measures the loss only"),
    },
    Row {
        keys: &["resume_from_checkpoint"],
        does: Refused(
            "leave it out: the same command resumes from the last checkpoint, and `--restart` starts from the beginning",
        ),
    },
    Row { keys: &["auto_resume_from_checkpoints"], does: Nothing("the same command always resumes") },
    Row { keys: &["strict"], does: Nothing("unknown keys are always refused") },
    Row {
        keys: &["debug", "profiler_steps", "profiler_steps_start", "axolotl_config_path", "gradio_*"],
        does: Nothing("it is for Axolotl's own programs"),
    },
    Row { keys: &["merge_lora", "merge_method"], does: Nothing("`trainer merge` merges adapters") },
];
