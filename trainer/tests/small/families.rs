//! The families of models: their configs as published, and what each may say.

use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};
use trainer::model::folder::{Options, load};
use trainer::model::{Config, Llama3, ModelType, RopeScaling, Yarn};
use trainer::weights::{Weights, write_file};

use crate::{folder, refusal, set, trainer};

/// Reads a config from its keys.
fn read(keys: &Value) -> trainer::Result<Config> {
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("config.json");
    std::fs::write(&file, keys.to_string()).unwrap();
    Config::read(&file)
}

/// The keys with others added or replaced; null removes one.
fn with(keys: &Value, others: Value) -> Value {
    let mut all = keys.as_object().unwrap().clone();
    all.extend(others.as_object().unwrap().clone());
    all.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
}

fn smollm2() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1,
        "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 576, "initializer_range": 0.041666666666666664,
        "intermediate_size": 1536, "is_llama_config": true, "max_position_embeddings": 8192, "mlp_bias": false,
        "model_type": "llama", "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3,
        "pad_token_id": 2, "pretraining_tp": 1, "rms_norm_eps": 1e-5, "rope_interleaved": false,
        "rope_scaling": null, "rope_theta": 100000, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
        "transformers_version": "4.42.3", "use_cache": true, "vocab_size": 49152,
    })
}

fn llama3() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
        "bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009], "head_dim": 64, "hidden_act": "silu",
        "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 8192,
        "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32,
        "num_hidden_layers": 16, "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-5,
        "rope_scaling": {
            "factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192, "rope_type": "llama3",
        },
        "rope_theta": 500000.0, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
        "transformers_version": "4.45.0.dev0", "use_cache": true, "vocab_size": 128256,
    })
}

fn qwen2() -> Value {
    json!({
        "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643,
        "eos_token_id": 151645, "hidden_act": "silu", "hidden_size": 3584, "initializer_range": 0.02,
        "intermediate_size": 18944, "max_position_embeddings": 32768, "max_window_layers": 28,
        "model_type": "qwen2", "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4,
        "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "sliding_window": 131072, "tie_word_embeddings": false,
        "torch_dtype": "bfloat16", "transformers_version": "4.43.1", "use_cache": true,
        "use_sliding_window": false, "vocab_size": 152064,
    })
}

fn yarn() -> Value {
    json!({ "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768 })
}

#[test]
fn published_configs_are_read_as_transformers_4_and_5_write_them() {
    let with_theta = |scaling: Value, theta: f64| with(&scaling, json!({ "rope_theta": theta }));
    let yarn_5 = json!({ "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768 });
    let llama3_5 = llama3()["rope_scaling"].clone();
    let plain = json!({ "rope_type": "default" });
    for (four, parameters) in [
        (smollm2(), with_theta(plain, 1e5)),
        (llama3(), with_theta(llama3_5, 5e5)),
        (with(&qwen2(), json!({ "rope_scaling": yarn() })), with_theta(yarn_5, 1e6)),
    ] {
        let removed = json!({ "rope_theta": null, "rope_scaling": null, "torch_dtype": null });
        let five = with(&four, removed);
        let five = with(&five, json!({ "rope_parameters": parameters, "dtype": "bfloat16" }));
        let config = read(&four).unwrap();
        assert_eq!(read(&five).unwrap(), config, "{five}");
        assert_eq!(config.kind, Kind::BFloat16);
        assert_eq!(config.other["eos_token_id"], four["eos_token_id"]);
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("config.json");
        config.write(&file).unwrap();
        assert_eq!(Config::read(&file).unwrap(), config);
    }

    let config = read(&smollm2()).unwrap();
    assert_eq!((config.model_type, config.head_dim, config.rope_theta), (ModelType::Llama, 64, 1e5));
    assert_eq!((config.has_qkv_bias(), config.has_qk_norm(), config.rope_scaling), (false, false, None));
    assert!(config.tie_word_embeddings);
    let config = read(&llama3()).unwrap();
    let scaling = Llama3 {
        factor: 32.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 8192,
    };
    assert_eq!(config.rope_scaling, Some(RopeScaling::Llama3(scaling)));
    assert_eq!(config.context_length(), Some(131072));
    let config = read(&qwen2()).unwrap();
    assert_eq!((config.model_type, config.head_dim), (ModelType::Qwen2, 128));
    assert_eq!((config.has_qkv_bias(), config.has_qk_norm(), config.attention_bias), (true, false, false));
    assert_eq!(config.context_length(), Some(32768));
}

#[test]
fn yarn_takes_what_is_left_out_from_transformers() {
    let read = |keys: Value| {
        let config = read(&with(&qwen2(), keys)).unwrap();
        let Some(RopeScaling::Yarn(yarn)) = config.rope_scaling else { panic!("{config:?}") };
        (yarn, config.context_length().unwrap())
    };
    let plain = Yarn {
        factor: 4.0,
        original_max_position_embeddings: 32768,
        attention_factor: 0.1 * 4f64.ln() + 1.0,
        beta_fast: 32.0,
        beta_slow: 1.0,
        truncate: true,
    };
    // The context is the one that the frequencies are scaled for.
    assert_eq!(read(json!({ "rope_scaling": yarn() })), (plain, 131072));
    let short = json!({ "rope_type": "yarn", "factor": 4 });
    assert_eq!(read(json!({ "rope_scaling": short })).0, plain);
    let outer = json!({ "rope_scaling": short, "original_max_position_embeddings": 1024 });
    assert_eq!(read(outer).0, Yarn { original_max_position_embeddings: 1024, ..plain });
    for (keys, expected) in [
        (json!({ "attention_factor": 1.25, "mscale": 2 }), Yarn { attention_factor: 1.25, ..plain }),
        (json!({ "mscale": 2.0, "mscale_all_dim": 0 }), plain),
        (
            json!({ "mscale": 2.0, "mscale_all_dim": 0.5 }),
            Yarn { attention_factor: (0.2 * 4f64.ln() + 1.0) / (0.05 * 4f64.ln() + 1.0), ..plain },
        ),
        (
            json!({ "beta_fast": 16, "beta_slow": 2, "truncate": false }),
            Yarn { beta_fast: 16.0, beta_slow: 2.0, truncate: false, ..plain },
        ),
    ] {
        let scaling = with(&yarn(), keys);
        assert_eq!(read(json!({ "rope_scaling": scaling })).0, expected, "{scaling}");
    }
}

#[test]
fn what_a_family_does_not_have_is_refused_by_name() {
    let scaled = |keys: Value| json!({ "rope_scaling": with(&yarn(), keys) });
    let low = with(&llama3()["rope_scaling"], json!({ "high_freq_factor": 1.0 }));
    let missing = with(&llama3()["rope_scaling"], json!({ "low_freq_factor": null }));
    for (keys, named) in [
        (with(&smollm2(), json!({ "model_type": "mistral" })), "model_type"),
        (with(&smollm2(), json!({ "model_type": null })), "model_type"),
        (with(&smollm2(), json!({ "architectures": ["LlamaForSequenceClassification"] })), "architectures"),
        (with(&smollm2(), json!({ "architectures": ["Qwen2ForCausalLM"] })), "architectures"),
        (with(&smollm2(), json!({ "sliding_window": 4096 })), "sliding_window"),
        (with(&smollm2(), json!({ "attention_bias": "yes" })), "attention_bias"),
        (with(&smollm2(), json!({ "hidden_size": 577 })), "head_dim"),
        (with(&smollm2(), json!({ "hidden_size": 27 })), "head_dim"),
        (with(&smollm2(), json!({ "rope_theta": 0 })), "rope_theta"),
        (with(&llama3(), json!({ "rope_scaling": low })), "rope_scaling.high_freq_factor"),
        (with(&llama3(), json!({ "rope_scaling": missing })), "rope_scaling.low_freq_factor"),
        (with(&llama3(), json!({ "rope_scaling": "llama3" })), "rope_scaling"),
        (with(&llama3(), json!({ "rope_parameters": { "rope_theta": 1e4 } })), "rope_parameters"),
        (with(&qwen2(), json!({ "use_sliding_window": true })), "use_sliding_window"),
        (with(&qwen2(), json!({ "mlp_bias": true })), "mlp_bias"),
        (with(&qwen2(), scaled(json!({ "type": "linear" }))), "rope_scaling.type"),
        (with(&qwen2(), scaled(json!({ "type": "dynamic" }))), "rope_scaling.type"),
        (with(&qwen2(), scaled(json!({ "factor": null }))), "rope_scaling.factor"),
        (with(&qwen2(), scaled(json!({ "factor": 0.5 }))), "rope_scaling.factor"),
        (with(&qwen2(), scaled(json!({ "beta_fast": 0.5 }))), "rope_scaling.beta_fast"),
        (with(&qwen2(), scaled(json!({ "attention_factor": -1.0 }))), "rope_scaling.attention_factor"),
        (with(&qwen2(), scaled(json!({ "low_freq_factor": 1.0 }))), "rope_scaling.low_freq_factor"),
        (
            with(&qwen2(), scaled(json!({ "partial_rotary_factor": 0.5 }))),
            "rope_scaling.partial_rotary_factor",
        ),
        (with(&qwen2(), scaled(json!({ "rope_theta": 1.0 }))), "rope_scaling.rope_theta"),
        (
            with(&qwen2(), scaled(json!({ "original_max_position_embeddings": 0 }))),
            "rope_scaling.original_max_position_embeddings",
        ),
        (
            with(
                &qwen2(),
                json!({
                    "rope_scaling": with(&yarn(), json!({ "original_max_position_embeddings": null })),
                    "max_position_embeddings": null,
                }),
            ),
            "rope_scaling.original_max_position_embeddings",
        ),
    ] {
        let message = refusal(read(&keys));
        assert!(message.contains(&format!("`{named}`")), "{named}: {message}");
        if named == "model_type" {
            assert!(message.contains("supported are \"llama\", \"qwen2\", \"qwen3\""), "{message}");
        }
    }
    let several =
        with(&qwen2(), scaled(json!({ "factor": 0, "beta_slow": -1, "truncate": "no", "more": 1 })));
    let message = refusal(read(&several));
    for key in ["factor", "beta_slow", "truncate", "more"] {
        assert!(message.contains(&format!("`rope_scaling.{key}`")), "{message}");
    }
}

#[test]
fn biases_are_those_of_the_config() {
    let (_work, folder) = folder();
    let (config, file) = (folder.join("config.json"), folder.join("model.safetensors"));
    let weights = Weights::open_folder(&folder).unwrap();
    let all: Vec<_> =
        weights.names().map(|name| (name.to_owned(), weights.read_any(name).unwrap())).collect();
    let bias = |part: &str, size: i64| {
        [0, 1].map(|layer| {
            let name = format!("model.layers.{layer}.self_attn.{part}_proj.bias");
            (name, Tensor::ones([size], (Kind::Float, Device::Cpu)))
        })
    };
    let three = || {
        [("q", 64), ("k", 32), ("v", 32)]
            .into_iter()
            .flat_map(|(part, size)| bias(part, size))
            .collect::<Vec<_>>()
    };
    let tensors = |normed: bool, biases: Vec<(String, Tensor)>| {
        let kept = all.iter().filter(|(name, _)| normed || !name.contains("_norm.weight"));
        kept.map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).chain(biases).collect::<Vec<_>>()
    };
    let turn_into = |model_type: &str, class: &str, attention_bias: bool| {
        set(&config, "model_type", json!(model_type));
        set(&config, "architectures", json!([class]));
        set(&config, "attention_bias", json!(attention_bias));
    };

    turn_into("qwen2", "Qwen2ForCausalLM", false);
    write_file(&file, tensors(false, vec![])).unwrap();
    let message = refusal(load(&folder, &Options::default()));
    assert!(message.contains("self_attn.q_proj.bias` is missing"), "{message}");
    write_file(&file, tensors(false, three())).unwrap();
    let model = load(&folder, &Options::default()).unwrap();
    assert_eq!(model.tensors().len(), all.len() - 4 + 6);
    let extra = three().into_iter().chain(bias("o", 64)).collect();
    write_file(&file, tensors(false, extra)).unwrap();
    let message = refusal(load(&folder, &Options::default()));
    assert!(message.contains("self_attn.o_proj.bias` is not part of this model"), "{message}");

    turn_into("qwen3", "Qwen3ForCausalLM", true);
    write_file(&file, tensors(true, three())).unwrap();
    let message = refusal(load(&folder, &Options::default()));
    assert!(message.contains("self_attn.o_proj.bias` is missing"), "{message}");
    let extra = three().into_iter().chain(bias("o", 64)).collect();
    write_file(&file, tensors(true, extra)).unwrap();
    assert_eq!(load(&folder, &Options::default()).unwrap().tensors().len(), all.len() + 8);
}

#[test]
fn init_makes_each_family() {
    let work = tempfile::tempdir().unwrap();
    let text = work.path().join("text.txt");
    std::fs::write(&text, "some words, and some more words\n".repeat(8)).unwrap();
    let init = |name: &str, options: &[&str]| {
        let out = work.path().join(name);
        let common =
            ["init", "--text", text.to_str().unwrap(), "--out", out.to_str().unwrap(), "--layers", "1"];
        trainer(&[&common[..], options].concat()).map(|_| out)
    };
    for (model_type, tensors) in [("llama", 11), ("qwen2", 14), ("qwen3", 13)] {
        let folder = init(model_type, &["--model-type", model_type]).unwrap();
        let model = load(&folder, &Options::default()).unwrap();
        assert_eq!(model.config().model_type.name(), model_type);
        assert_eq!(model.tensors().len(), tensors, "{model_type}");
        let biases = model.tensors().into_iter().filter(|(name, _)| name.ends_with(".bias"));
        assert!(biases.map(|(_, bias)| bias.abs().max().double_value(&[])).all(|largest| largest == 0.0));
    }
    let said = init("gpt2", &["--model-type", "gpt2"]).unwrap_err();
    assert!(said.contains("supported are \"llama\", \"qwen2\", \"qwen3\""), "{said}");
    let said = init("split", &["--model-type", "qwen2", "--split", "a"]).unwrap_err();
    assert!(said.contains("--split: is not for a qwen2"), "{said}");
    let said = init("odd", &["--model-type", "llama", "--heads", "3"]).unwrap_err();
    assert!(said.contains("--hidden-size: must be a multiple of --heads (3) in a llama, is 128"), "{said}");
}
