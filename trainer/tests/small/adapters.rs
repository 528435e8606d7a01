//! Supported and refused options of `adapter_config.json`, and weights that do not fit it.

use serde_json::{Value, json};
use trainer::lora;
use trainer::model::folder::{Options, load};

use crate::{folder, refusal, set};

#[test]
fn adapters_beyond_lora_are_refused_by_name() {
    let (work, folder) = folder();
    let mut model = load(&folder, &Options::default()).unwrap();
    let config = lora::Config {
        r: 2,
        alpha: 4.0,
        dropout: 0.0,
        target_modules: [lora::Target::QProj, lora::Target::DownProj].into(),
        base_model: None,
    };
    lora::attach(&mut model, &config);
    let adapter = work.path().join("adapter");
    lora::save(&model, &config, &adapter).unwrap();
    let file = adapter.join("adapter_config.json");
    let original = std::fs::read(&file).unwrap();
    for (key, value) in [
        ("use_dora", json!(true)),
        ("use_rslora", json!(true)),
        ("bias", json!("all")),
        ("peft_type", json!("VERA")),
        ("rank_pattern", json!({ "q_proj": 8 })),
        ("modules_to_save", json!(["lm_head"])),
        ("layers_to_transform", json!([1])),
        ("init_lora_weights", json!("pissa")),
        ("target_modules", json!(["q_proj", "lm_head"])),
        ("target_modules", json!("model.*proj")),
        ("r", json!(0)),
        ("r", Value::Null),
        ("lora_dropout", json!(1.0)),
        ("an_option_of_tomorrow", json!({ "on": true })),
    ] {
        set(&file, key, value);
        let message = refusal(lora::load(&mut model, &adapter));
        assert!(message.contains(&format!("adapter_config.json: `{key}` ")), "{message}");
        std::fs::write(&file, &original).unwrap();
    }

    // More targets than weights, fewer targets, another rank.
    for (key, value, named) in [
        (
            "target_modules",
            json!(["q_proj", "k_proj", "down_proj"]),
            "self_attn.k_proj.lora_A.weight` is missing",
        ),
        ("target_modules", json!(["q_proj"]), "mlp.down_proj.lora_A.weight` is not part of this adapter"),
        ("r", json!(4), "self_attn.q_proj.lora_A.weight` has shape [2, 64], not [4, 64]"),
    ] {
        set(&file, key, value);
        let message = refusal(lora::load(&mut model, &adapter));
        assert!(message.contains(named), "{message}");
        std::fs::write(&file, &original).unwrap();
    }
    assert_eq!(lora::load(&mut model, &adapter).unwrap(), config);

    // A NaN would spread to all sequences of a batch.
    if let Some(lora) = model.linears_mut().next().and_then(|linear| linear.adapter()) {
        let _ = lora.b.get(0).get(0).fill_(f64::NAN);
    }
    lora::save(&model, &config, &adapter).unwrap();
    let message = refusal(lora::load(&mut model, &adapter));
    assert!(message.contains("self_attn.q_proj.lora_B.weight` has values that are not finite"), "{message}");
}
