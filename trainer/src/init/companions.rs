//! The files that accompany a new model's weights.

use std::path::Path;

use serde_json::json;
use tokenizers::Tokenizer;

use super::Sizes;
use super::bpe::{END_OF_TEXT, IM_END, IM_START};
use crate::{Error, Result, json};

/// ChatML: each message between two special tokens.
const TEMPLATE: &str = "\
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
";

/// Writes tokenizer, chat template and generation config.
pub fn write(tokenizer: &Tokenizer, sizes: &Sizes, folder: &Path) -> Result<()> {
    let path = folder.join("tokenizer.json");
    tokenizer
        .save(&path, true)
        .map_err(|error| Error::Tokenizer { path: path.clone(), reason: error.to_string() })?;
    let path = folder.join("chat_template.jinja");
    std::fs::write(&path, TEMPLATE).map_err(Error::file(&path))?;
    let config = json!({
        // This class uses tokenizer.json unchanged; those of the families would apply their own regexes.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": IM_END.text,
        "pad_token": END_OF_TEXT.text,
        "additional_special_tokens": [IM_START.text],
        "model_max_length": sizes.context_length,
        "clean_up_tokenization_spaces": false,
        "add_prefix_space": false,
    });
    json::write(&folder.join("tokenizer_config.json"), &config)?;
    let ends = json!({ "eos_token_id": [IM_END.id, END_OF_TEXT.id], "pad_token_id": END_OF_TEXT.id });
    json::write(&folder.join("generation_config.json"), &ends)
}
