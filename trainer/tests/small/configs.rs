//! Supported and refused options of `config.json`.

use serde_json::{Value, json};
use tch::Kind;
use trainer::model::Config;
use trainer::model::folder::{Options, load};

use crate::{folder, refusal, set};

#[test]
fn options_of_other_models_are_refused_by_name() {
    let (_work, folder) = folder();
    let file = folder.join("config.json");
    let original = std::fs::read(&file).unwrap();
    for (key, value, named) in [
        ("rope_scaling", json!({ "rope_type": "yarn", "factor": 4.0 }), "rope_scaling"),
        ("rope_parameters", json!({ "rope_type": "yarn", "rope_theta": 1e6 }), "rope_parameters.rope_type"),
        ("rope_parameters", json!({ "rope_type": "default" }), "rope_parameters.rope_theta"),
        ("use_sliding_window", json!(true), "use_sliding_window"),
        ("layer_types", json!(["full_attention", "sliding_attention"]), "layer_types"),
        ("attention_bias", json!(true), "attention_bias"),
        ("attention_dropout", json!(0.1), "attention_dropout"),
        ("model_type", json!("qwen3_moe"), "model_type"),
        ("num_experts", json!(128), "num_experts"),
        ("hidden_act", json!("gelu"), "hidden_act"),
        ("quantization_config", json!({ "quant_method": "fp8" }), "quantization_config"),
        ("dtype", json!("float16"), "dtype"),
        ("vocab_size", json!("many"), "vocab_size"),
        ("hidden_size", Value::Null, "hidden_size"),
        ("num_hidden_layers", json!(0), "num_hidden_layers"),
        ("head_dim", json!(33), "head_dim"),
    ] {
        set(&file, key, value);
        let message = refusal(load(&folder, &Options::default()));
        assert!(message.contains("config.json") && message.contains(&format!("`{named}`")), "{message}");
        std::fs::write(&file, &original).unwrap();
    }
    // Options without effect are accepted and kept.
    for (key, value) in [
        ("use_sliding_window", json!(false)),
        ("rope_scaling", Value::Null),
        ("eos_token_id", json!([1, 2])),
        ("rope_parameters", json!({ "rope_type": "default", "rope_theta": 1e6 })),
    ] {
        set(&file, key, value);
    }
    let config = Config::read(&file).unwrap();
    assert_eq!((config.rope_theta, &config.other["eos_token_id"]), (1e6, &json!([1, 2])));
}

#[test]
fn configs_as_published_are_read_and_written_back() {
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("config.json");
    let published = json!({
        "architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
        "bos_token_id": 151643, "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu",
        "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 12288,
        "max_position_embeddings": 40960, "max_window_layers": 36, "model_type": "qwen3",
        "num_attention_heads": 32, "num_hidden_layers": 36, "num_key_value_heads": 8, "rms_norm_eps": 1e-6,
        "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null, "tie_word_embeddings": false,
        "torch_dtype": "bfloat16", "transformers_version": "4.51.0", "use_cache": true,
        "use_sliding_window": false, "vocab_size": 151936,
    });
    std::fs::write(&file, published.to_string()).unwrap();
    let config = Config::read(&file).unwrap();
    assert_eq!((config.num_hidden_layers, config.head_dim, config.kind), (36, 128, Kind::BFloat16));
    assert_eq!((config.rope_theta, config.other["max_position_embeddings"].as_i64()), (1e6, Some(40960)));
    config.write(&file).unwrap();
    assert_eq!(Config::read(&file).unwrap(), config);
}
