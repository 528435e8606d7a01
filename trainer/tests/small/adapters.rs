//! Supported and refused options of `adapter_config.json`, and weights that do not fit it.

use serde_json::json;
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
        rslora: false,
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
        ("bias", json!("all")),
        ("peft_type", json!("VERA")),
        ("rank_pattern", json!({ "q_proj": 8 })),
        ("modules_to_save", json!(["lm_head"])),
        ("layers_to_transform", json!(["first"])),
        ("layers_pattern", json!("blocks")),
        ("init_lora_weights", json!("pissa")),
        ("target_modules", json!(["q_proj", "lm_head"])),
        ("target_modules", json!("model.(proj")),
        ("target_modules", json!([])),
        ("exclude_modules", json!(7)),
        ("r", json!(0)),
        ("lora_dropout", json!(1.0)),
        ("an_option_of_tomorrow", json!({ "on": true })),
    ] {
        set(&file, key, value);
        let message = refusal(lora::load(&mut model, &adapter));
        assert!(message.contains(&format!("adapter_config.json: `{key}`")), "{message}");
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

#[test]
fn plain_adapters_are_read_however_peft_names_their_matrices() {
    let (work, folder) = folder();
    let mut model = load(&folder, &Options::default()).unwrap();
    let path = |layer: usize, name: &str| format!("model.layers.{layer}.self_attn.{name}");
    let adapter = work.path().join("adapter");
    let file = adapter.join("adapter_config.json");
    for (keys, adapted) in [
        (
            json!({ "target_modules": r"model\.layers\.\d+\.self_attn\.(q|v)_proj" }),
            ["0q", "0v", "1q", "1v"].as_slice(),
        ),
        (
            json!({ "target_modules": ["model.layers.0.self_attn.q_proj", "layers.1.self_attn.v_proj"] }),
            &["0q", "1v"],
        ),
        (
            json!({ "target_modules": ["q_proj", "v_proj"], "exclude_modules": ["layers.0.self_attn.v_proj"] }),
            &["0q", "1q", "1v"],
        ),
        (json!({ "target_modules": ["q_proj", "v_proj"], "exclude_modules": r".*\.1\..*" }), &["0q", "0v"]),
        (
            json!({ "target_modules": ["q_proj"], "layers_to_transform": [1], "layers_pattern": "layers" }),
            &["1q"],
        ),
        (json!({ "target_modules": ["q_proj", "_proj"], "layers_to_transform": 0 }), &["0q"]),
    ] {
        // The weights of all four matrices that a case may name are there, or not, as PEFT would have saved them.
        let targets = [lora::Target::QProj, lora::Target::VProj].into();
        let config = lora::Config {
            r: 4,
            alpha: 4.0,
            rslora: false,
            dropout: 0.0,
            target_modules: targets,
            base_model: None,
        };
        lora::attach(&mut model, &config);
        let expected: Vec<String> = adapted
            .iter()
            .map(|one| path(one[..1].parse().unwrap(), &format!("{}_proj", &one[1..])))
            .collect();
        for linear in model.linears_mut() {
            if !expected.iter().any(|name| name == linear.name()) {
                linear.set_adapter(None);
            }
        }
        lora::save(&model, &config, &adapter).unwrap();
        for (key, value) in keys.as_object().unwrap() {
            set(&file, key, value.clone());
        }
        set(&file, "use_rslora", json!(true));
        let read = lora::load(&mut model, &adapter).unwrap_or_else(|error| panic!("{keys}: {error}"));
        assert_eq!(read.scaling(), 2.0, "alpha / sqrt(r)");
        let names: Vec<String> = model
            .linears()
            .filter(|linear| linear.adapter().is_some())
            .map(|linear| linear.name().to_owned())
            .collect();
        assert_eq!(names, expected, "{keys}");
        // What was read is written back.
        lora::save(&model, &read, &adapter).unwrap();
        assert_eq!(lora::load(&mut model, &adapter).unwrap(), read);
        std::fs::remove_dir_all(&adapter).unwrap();
    }
    // Names that fit nothing.
    let config = lora::Config {
        r: 4,
        alpha: 4.0,
        rslora: false,
        dropout: 0.0,
        target_modules: lora::Target::ALL.into(),
        base_model: None,
    };
    lora::attach(&mut model, &config);
    lora::save(&model, &config, &adapter).unwrap();
    set(&file, "target_modules", json!(["c_attn"]));
    let message = refusal(lora::load(&mut model, &adapter));
    assert!(message.contains("`target_modules` names no matrix"), "{message}");
}
