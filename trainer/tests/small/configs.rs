//! Supported and refused options of `config.json`.

use serde_json::{Value, json};
use tch::Kind;
use trainer::model::Config;
use trainer::model::folder::{Options, load};
use trainer::weights::write_file;

use crate::{folder, refusal, set, trainer};

#[test]
fn options_of_other_models_are_refused_by_name() {
    let (_work, folder) = folder();
    let file = folder.join("config.json");
    let original = std::fs::read(&file).unwrap();
    for (key, value, named) in [
        ("rope_scaling", json!({ "rope_type": "dynamic", "factor": 4.0 }), "rope_scaling.rope_type"),
        (
            "rope_parameters",
            json!({ "rope_type": "longrope", "rope_theta": 1e6 }),
            "rope_parameters.rope_type",
        ),
        ("rope_scaling", json!({ "type": "linear", "factor": 2.0 }), "rope_scaling.type"),
        ("rope_scaling", json!({ "rope_type": "default", "factor": 2.0 }), "rope_scaling.factor"),
        ("use_sliding_window", json!(true), "use_sliding_window"),
        ("layer_types", json!(["full_attention", "sliding_attention"]), "layer_types"),
        ("mlp_bias", json!(true), "mlp_bias"),
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

#[test]
fn what_says_nothing_new_is_accepted() {
    let (_work, folder) = folder();
    let file = folder.join("config.json");
    let original = std::fs::read(&file).unwrap();
    let default = json!({ "rope_type": "default" });
    for (keys, theta) in [
        (json!({ "rope_scaling": default, "rope_theta": 1_000_000 }), 1e6),
        (json!({ "rope_scaling": { "type": "default", "factor": 1.0 }, "rope_theta": 5e5 }), 5e5),
        (json!({ "rope_parameters": default, "rope_theta": 1_000_000 }), 1e6),
        (json!({ "rope_parameters": { "rope_theta": 1e6, "rope_type": "default", "type": "default" } }), 1e6),
        (
            json!({ "rope_parameters": { "full_attention": { "rope_theta": 1e6, "rope_type": "default" } } }),
            1e6,
        ),
        (json!({ "rope_parameters": { "rope_theta": 2e6 }, "rope_theta": 1e6 }), 2e6),
        (json!({ "rope_parameters": null, "rope_theta": null }), 1e4),
        (
            json!({ "hidden_act": "swish", "torch_dtype": "torch.float32", "num_experts": 0, "rope_theta": 1e4 }),
            1e4,
        ),
        (json!({ "architectures": null, "mlp_only_layers": [], "rope_theta": 1e4 }), 1e4),
    ] {
        for (key, value) in keys.as_object().unwrap() {
            set(&file, key, value.clone());
        }
        if let Err(error) = load(&folder, &Options::default()) {
            panic!("{keys}: {error}");
        }
        assert_eq!(Config::read(&file).unwrap().rope_theta, theta, "{keys}");
        std::fs::write(&file, &original).unwrap();
    }
}

#[test]
fn all_problems_of_a_config_are_named_at_once() {
    let (_work, folder) = folder();
    let file = folder.join("config.json");
    for (key, value) in [
        ("hidden_act", json!("gelu")),
        ("vocab_size", json!("many")),
        ("rope_scaling", json!({ "rope_type": "dynamic" })),
        ("head_dim", json!(33)),
    ] {
        set(&file, key, value);
    }
    let message = refusal(load(&folder, &Options::default()));
    for key in ["hidden_act", "vocab_size", "rope_scaling.rope_type", "head_dim"] {
        assert!(message.contains(&format!("`{key}`")), "{message}");
    }
}

#[test]
fn half_precision_is_converted_where_another_is_chosen() {
    let (_work, folder) = folder();
    let float = load(&folder, &Options::default()).unwrap();
    let file = folder.join("model.safetensors");
    let half = float.tensors().into_iter().map(|(name, tensor)| (name, tensor.detach().to_kind(Kind::Half)));
    write_file(&file, half.collect()).unwrap();
    set(&folder.join("config.json"), "torch_dtype", json!("float16"));
    set(&folder.join("config.json"), "dtype", json!("float16"));
    let message = refusal(load(&folder, &Options::default()));
    assert!(message.contains("`dtype` is float16") && message.contains("--dtype"), "{message}");
    let read = load(&folder, &Options { kind: Some(Kind::Float), ..Options::default() }).unwrap();
    for ((name, ours), (_, theirs)) in float.tensors().into_iter().zip(read.tensors()) {
        assert_eq!(theirs.kind(), Kind::Float);
        assert!(ours.allclose(&theirs, 1e-2, 1e-3, false), "{name}");
    }
}

#[test]
fn a_model_with_weights_that_are_not_finite_is_refused() {
    let (_work, folder) = folder();
    let model = load(&folder, &Options::default()).unwrap();
    for value in [f64::NAN, f64::INFINITY] {
        let broken = model.tensors().into_iter().map(|(name, tensor)| {
            let copy = tensor.detach().copy();
            if name == "model.layers.1.mlp.up_proj.weight" {
                let _ = copy.get(3).get(5).fill_(value);
            }
            (name, copy)
        });
        write_file(&folder.join("model.safetensors"), broken.collect()).unwrap();
        let message = refusal(load(&folder, &Options::default()));
        assert!(
            message.contains("`model.layers.1.mlp.up_proj.weight` has values that are not finite"),
            "{message}"
        );
    }
    let path = folder.display().to_string();
    let said = trainer(&["generate", "--model", &path, "--prompt", "x", "--context", "16"]).unwrap_err();
    assert!(said.contains("not finite"), "{said}");
    let said =
        trainer(&["serve", "--model", &path, "--listen", "127.0.0.1:0", "--context", "16"]).unwrap_err();
    assert!(said.contains("not finite"), "{said}");
}
