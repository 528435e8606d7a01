//! A small model that has a tokenizer and a chat template, and adapters for it.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use trainer::lora::{self, Lora, Target};
use trainer::model::folder::{self, load, save};
use trainer::model::{Config, Model, Source};
use trainer::weights::MAX_SHARD_BYTES;

use crate::config;

/// Ids: the 256 bytes, two merges, three special tokens; the model knows some more, as padded ones do.
pub const END: i64 = 260;
pub const VOCABULARY: i64 = 272;

const TEMPLATE: &str = "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n\
    {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n\
    {%- if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}{% endif %}";

/// The model in a folder of its own.
pub fn folder() -> (tempfile::TempDir, PathBuf) {
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("model");
    let other = json!({ "max_position_embeddings": 128, "eos_token_id": END });
    let config = Config { vocab_size: VOCABULARY, other: other.as_object().unwrap().clone(), ..config() };
    let mut number = 0.0;
    let model = Model::new(
        config,
        &mut Source::new(|_, shape| {
            number += 1.0;
            Ok(noise(number, shape, if shape.len() == 1 { 1.5 } else { 0.4 }))
        }),
    );
    save(&model.unwrap(), &path, MAX_SHARD_BYTES).unwrap();
    write_tokenizer(&path);
    (work, path)
}

/// An adapter of the model, different for every `number`.
pub fn adapter(model: &Path, out: &Path, number: u8, r: i64) {
    let mut model = load(model, &folder::Options::default()).unwrap();
    let target_modules = match number % 2 {
        0 => Target::ALL.into(),
        _ => [Target::QProj, Target::VProj, Target::UpProj].into(),
    };
    let config = lora::Config { r, alpha: 1.5 * r as f64, dropout: 0.1, target_modules, base_model: None };
    lora::attach(&mut model, &config);
    for (place, linear) in model.linears_mut().enumerate() {
        if let Some(lora) = linear.adapter() {
            let phase = f64::from(number) * 100.0 + place as f64 + 0.5;
            let (a, b) = (noise(phase, &lora.a.size(), 0.3), noise(-phase, &lora.b.size(), 0.3));
            let lora = Lora { a, b, ..*lora };
            linear.set_adapter(Some(lora));
        }
    }
    lora::save(&model, &config, out).unwrap();
}

/// Uniform within `scale` of nought, the same each time: libtorch's generator is shared by all tests.
fn noise(phase: f64, shape: &[i64], scale: f64) -> Tensor {
    let count = shape.iter().product::<i64>();
    let waves =
        (Tensor::arange(count, (Kind::Double, Device::Cpu)) * 12.9898 + phase * 78.233).sin() * 43_758.545_3;
    ((waves.frac() * scale).to_kind(Kind::Float)).reshape(shape)
}

fn write_tokenizer(folder: &Path) {
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
