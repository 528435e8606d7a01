//! The files of a small tokenizer (256 bytes, two merges, three special tokens) and a chat template.

use std::path::Path;

use serde_json::{Map, Value, json};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

/// The id of `<|endoftext|>`.
#[allow(dead_code)] // not used by all tests
pub const BEGIN: i64 = 258;
/// The id of `<|im_end|>`.
#[allow(dead_code)] // not used by all tests
pub const END: i64 = 260;

const TEMPLATE: &str = "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n\
    {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n\
    {% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}{% endif %}";

/// Writes the files into a model folder.
pub fn write(folder: &Path) {
    let mut letters: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    letters.sort_unstable();
    let mut vocabulary: Map<String, Value> =
        letters.iter().enumerate().map(|(id, letter)| (letter.to_string(), json!(id))).collect();
    vocabulary.insert("he".to_owned(), json!(256));
    vocabulary.insert("ll".to_owned(), json!(257));
    let special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"].map(|content| {
        let id = 258
            + ["<|endoftext|>", "<|im_start|>", "<|im_end|>"].iter().position(|one| *one == content).unwrap();
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    });
    let byte_level =
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true });
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": special, "normalizer": null,
        "pre_tokenizer": byte_level, "post_processor": null, "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocabulary, "merges": [["h", "e"], ["l", "l"]],
        },
    });
    std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let config = json!({ "eos_token": "<|im_end|>", "chat_template": TEMPLATE });
    std::fs::write(folder.join("tokenizer_config.json"), config.to_string()).unwrap();
}

/// Lets the tokenizer begin every text with `<|endoftext|>`, as Llama 3's does with its `bos_token`.
#[allow(dead_code)] // not used by all tests
pub fn begin_texts(folder: &Path) {
    let file = folder.join("tokenizer.json");
    let mut tokenizer: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let begin = json!({ "SpecialToken": { "id": "<|endoftext|>", "type_id": 0 } });
    let text = |id: &str| json!({ "Sequence": { "id": id, "type_id": 0 } });
    tokenizer["post_processor"] = json!({
        "type": "TemplateProcessing",
        "single": [begin, text("A")],
        "pair": [begin, text("A"), text("B")],
        "special_tokens": {
            "<|endoftext|>": { "id": "<|endoftext|>", "ids": [BEGIN], "tokens": ["<|endoftext|>"] },
        },
    });
    std::fs::write(file, tokenizer.to_string()).unwrap();
}
