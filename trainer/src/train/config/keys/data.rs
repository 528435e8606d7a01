//! Keys of Axolotl's that say what is learnt from: datasets, their tokens and their texts. `trainer prepare` has made the
//! samples before, so that they say here what is so, or are refused.

use serde_json::Value;

use super::Does::{Accept, Nothing, Read, Refused};
use super::{Row, Values, text};

const PREPARED: &str = "`trainer prepare` has made the samples, which are read once";
const TEMPLATE: &str = "`trainer prepare` renders conversations with the model's own chat template: leave it out, or put \
                        another one into `chat_template.jinja` of the model's folder";
const ANSWERS: &str = "`trainer prepare` marks each answer and the token that ends it";
const VOCABULARY: &str = "the tokenizer is that of `base_model`: leave it out, and change the tokenizer's files and the \
                          model before `trainer prepare` if it is needed";

/// The names of transformers' classes that read `tokenizer.json`.
const TOKENIZERS: &[&str] = &[
    "AutoTokenizer",
    "LlamaTokenizer",
    "LlamaTokenizerFast",
    "PreTrainedTokenizerFast",
    "Qwen2Tokenizer",
    "Qwen2TokenizerFast",
];

/// A config and an entry of its `datasets` may both name a chat template.
const CHAT_TEMPLATE: Row = Row {
    keys: &["chat_template"],
    does: Accept {
        values: Values::Kind("`tokenizer_default`, `tokenizer_default_fallback_...`", is_tokenizers_own),
        why: "`trainer prepare` renders conversations with the model's own chat template",
        refused: TEMPLATE,
    },
};
const CHAT_TEMPLATE_JINJA: Row = Row { keys: &["chat_template_jinja"], does: Refused(TEMPLATE) };

/// The template that a tokenizer has, whatever would be taken if it had none.
fn is_tokenizers_own(template: &Value) -> bool {
    text(template).starts_with("tokenizer_default")
}

fn is_padding_only(tokens: &Value) -> bool {
    tokens.as_object().is_some_and(|tokens| {
        tokens.iter().all(|(name, token)| name == "pad_token" || super::is_empty(token))
    })
}

/// `{"role": "role", "content": "content"}`, whole or in part.
fn is_identity(mapping: &Value) -> bool {
    mapping
        .as_object()
        .is_some_and(|mapping| mapping.iter().all(|(to, from)| from.as_str() == Some(to.as_str())))
}

/// `[assistant]`, under any of its names.
fn is_assistant(roles: &Value) -> bool {
    let assistant = |role: &Value| matches!(role.as_str(), Some("assistant" | "gpt" | "model"));
    roles.as_array().is_some_and(|roles| roles.iter().all(assistant))
}

/// The keys of a config.
pub const KEYS: &[Row] = &[
    Row {
        keys: &[
            "dataset_prepared_path",
            "dataset_processes",
            "dataset_num_proc",
            "dataset_keep_in_memory",
            "dataloader_num_workers",
            "dataloader_pin_memory",
            "dataloader_prefetch_factor",
            "num_dataset_shards_to_save",
            "remove_unused_columns",
            "is_preprocess",
            "preprocess_iterable",
        ],
        does: Nothing(PREPARED),
    },
    Row {
        keys: &["shuffle_merged_datasets", "shuffle_before_merging_datasets"],
        does: Nothing("the order of samples is drawn from `seed`, for each epoch"),
    },
    Row {
        keys: &["excess_length_strategy"],
        does: Nothing(
            "`trainer prepare` has cut samples to its `--sequence-len`; longer ones than `sequence_len` are refused",
        ),
    },
    Row {
        keys: &[
            "dataset_exact_deduplication",
            "dataset_shard_num",
            "dataset_shard_idx",
            "skip_prepare_dataset",
            "min_sample_len",
            "max_prompt_len",
            "eval_sequence_len",
        ],
        does: Refused(
            "all samples of `datasets` are used: leave it out, and choose them before `trainer prepare`",
        ),
    },
    Row {
        keys: &["test_datasets"],
        does: Refused("write `val_set_size` instead, which holds out samples of `datasets`"),
    },
    Row {
        keys: &[
            "pretraining_dataset",
            "streaming",
            "streaming_multipack_buffer_size",
            "pretrain_*",
            "pretraining_sample_concatenation",
        ],
        does: Refused("write `datasets` instead, with a folder of `trainer prepare --text`"),
    },
    Row {
        keys: &["max_packed_sequence_len"],
        does: Refused("write `sequence_len` and `sample_packing: true` instead"),
    },
    CHAT_TEMPLATE,
    CHAT_TEMPLATE_JINJA,
    Row {
        keys: &["chat_template_kwargs"],
        does: Refused(
            "leave it out, and write `trainer prepare --enable-thinking`, or `chat_template_kwargs` in the lines",
        ),
    },
    Row {
        keys: &["default_system_message"],
        does: Refused("leave it out, and begin the conversations with that message before `trainer prepare`"),
    },
    Row {
        keys: &["eot_tokens"],
        does: Nothing(
            "the tokens that end answers are `eos_token_id` of the model; `trainer prepare` refuses answers without one",
        ),
    },
    Row {
        keys: &["special_tokens"],
        does: Accept {
            values: Values::Kind("`pad_token` alone", is_padding_only),
            why: "nothing is padded",
            refused: VOCABULARY,
        },
    },
    Row {
        keys: &[
            "tokens",
            "added_tokens_overrides",
            "fix_untrained_tokens",
            "resize_token_embeddings_to_32x",
            "shrink_embeddings",
            "mean_resizing_embeddings",
            "tokenizer_use_mistral_common",
        ],
        does: Refused(VOCABULARY),
    },
    Row {
        keys: &["tokenizer_type"],
        does: Accept {
            values: Values::Words(TOKENIZERS),
            why: "`tokenizer.json` of `base_model` says how texts are split",
            refused: "`tokenizer.json` of `base_model` is read: leave it out",
        },
    },
    Row {
        keys: &["tokenizer_config"],
        does: Accept {
            values: Values::Same("base_model"),
            why: "it is the tokenizer of `base_model`",
            refused: VOCABULARY,
        },
    },
    Row {
        keys: &["tokenizer_use_fast", "tokenizer_legacy"],
        does: Nothing("`tokenizer.json` of `base_model` says how texts are split"),
    },
];

/// The keys of an entry of `datasets`.
pub const OF_DATASETS: &[Row] = &[
    Row { keys: &["path"], does: Read("a folder of `trainer prepare`") },
    Row {
        keys: &["type"],
        does: Accept {
            values: Values::Words(&["chat_template", "completion"]),
            why: "`trainer prepare --chat` or `--text` has made the samples",
            refused: "leave it out, and write the dataset as OpenAI's messages for `trainer prepare --chat`, or as texts for \
                      `--text`",
        },
    },
    CHAT_TEMPLATE,
    CHAT_TEMPLATE_JINJA,
    Row {
        keys: &["roles_to_train"],
        does: Accept {
            values: Values::Kind("`[assistant]`", is_assistant),
            why: ANSWERS,
            refused: "`trainer prepare` marks answers of the assistant only: leave it out, or mark others by \
                      `{% generation %}` in the chat template",
        },
    },
    Row {
        keys: &["train_on_eos", "train_on_eot"],
        does: Accept {
            values: Values::Words(&["turn"]),
            why: ANSWERS,
            refused: "`trainer prepare` marks the token that ends each answer: leave it out, or write `turn`",
        },
    },
    Row {
        keys: &["field_messages"],
        does: Accept {
            values: Values::Words(&["messages"]),
            why: "`trainer prepare --chat` reads `messages`",
            refused: "`trainer prepare --chat` reads `messages`: leave it out, and rename the key in the lines",
        },
    },
    Row {
        keys: &["field_tools"],
        does: Accept {
            values: Values::Words(&["tools"]),
            why: "`trainer prepare --chat` reads `tools`",
            refused: "`trainer prepare --chat` reads `tools`: leave it out, and rename the key in the lines",
        },
    },
    Row {
        keys: &["message_property_mappings"],
        does: Accept {
            values: Values::Kind("`{role: role, content: content}`", is_identity),
            why: "`trainer prepare --chat` reads `role` and `content`",
            refused: "`trainer prepare --chat` reads `role` and `content`: leave it out, and rename the keys in the lines",
        },
    },
    Row {
        keys: &["message_field_role"],
        does: Accept {
            values: Values::Words(&["role"]),
            why: "`trainer prepare --chat` reads `role`",
            refused: "`trainer prepare --chat` reads `role`: leave it out, and rename the key in the lines",
        },
    },
    Row {
        keys: &["message_field_content"],
        does: Accept {
            values: Values::Words(&["content"]),
            why: "`trainer prepare --chat` reads `content`",
            refused: "`trainer prepare --chat` reads `content`: leave it out, and rename the key in the lines",
        },
    },
    Row {
        keys: &["field"],
        does: Accept {
            values: Values::Words(&["text"]),
            why: "`trainer prepare --text` reads `text`",
            refused: "`trainer prepare --text` reads `text`: leave it out, and rename the key in the lines",
        },
    },
    Row {
        keys: &["split"],
        does: Accept {
            values: Values::Words(&["train"]),
            why: "a folder of `trainer prepare` has one split",
            refused: "leave it out, and write that split into a file for `trainer prepare`",
        },
    },
    Row {
        keys: &["ds_type", "trust_remote_code", "preprocess_shards"],
        does: Nothing("the folder of `trainer prepare` is read as it is"),
    },
    Row {
        keys: &[
            "name",
            "revision",
            "data_files",
            "shards",
            "shards_idx",
            "conversation",
            "roles",
            "field_human",
            "field_model",
            "field_thinking",
            "template_thinking_key",
            "split_thinking",
            "message_field_training",
            "message_field_training_detail",
            "drop_system_message",
            "input_format",
            "input_transform",
            "logprobs_field",
            "temperature",
        ],
        does: Refused(
            "leave it out: the path is a folder of `trainer prepare`; write what is to be learnt as OpenAI's messages for \
             `trainer prepare --chat`",
        ),
    },
];
