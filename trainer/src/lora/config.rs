//! An adapter's settings: `adapter_config.json`.

use std::path::Path;

use fields::{Collector, FromJson as _, Place};
use serde_json::{Map, Value, json};

use super::modules::{Modules, Names};
use crate::json::Object;
use crate::message::is_empty;
use crate::{Error, Result, json as json_file};

/// An adapter's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The rank.
    pub r: i64,
    /// The change is scaled by `alpha / r`, or by `alpha / sqrt(r)` if `rslora`.
    pub alpha: f64,
    /// Rank-stabilised LoRA.
    pub rslora: bool,
    /// The share of inputs that training zeroes, 0 to 1.
    pub dropout: f64,
    /// Which matrices are adapted.
    pub target_modules: Modules,
    /// The model that it was trained on, for people and tools; ignored when loading.
    pub base_model: Option<String>,
}

/// Keys of PEFT's that do not affect what is computed.
const IGNORED: [&str; 9] = [
    "auto_mapping",
    "ensure_weight_tying",
    "inference_mode",
    "init_lora_weights",
    "megatron_core",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
];

/// PEFT's values where a key is missing.
const DEFAULT_RANK: i64 = 8;
const DEFAULT_ALPHA: f64 = 8.0;

impl Config {
    /// Reads an `adapter_config.json`.
    ///
    /// # Errors
    /// [`Error::Config`] with every key that is missing or malformed, or that asks for more than plain LoRA.
    pub fn read(path: &Path) -> Result<Self> {
        let file = Object::read(path)?;
        let collector = Collector::default();
        let config = Self::from_keys(&file.map, &collector.root());
        collector.finish(config).map_err(|problems| Error::Config { path: path.into(), problems })
    }

    fn from_keys(map: &Map<String, Value>, root: &Place<'_>) -> Option<Self> {
        for (key, value) in map.iter().filter(|(key, _)| !IGNORED.contains(&key.as_str())) {
            let supported: Vec<Value> = match key.as_str() {
                "r" | "lora_alpha" | "lora_dropout" | "base_model_name_or_path" => continue,
                "target_modules" | "exclude_modules" | "layers_to_transform" => continue,
                "use_rslora" if value.is_boolean() => continue,
                "peft_type" => vec![json!("LORA")],
                "task_type" => vec![json!("CAUSAL_LM")],
                "bias" => vec![json!("none")],
                // The only list of layers that these models have.
                "layers_pattern" => vec![json!("layers"), json!(["layers"])],
                _ => vec![],
            };
            let says_nothing = is_empty(value) || value.as_f64() == Some(0.0);
            let holds = says_nothing || supported.contains(value);
            root.key(key).require(holds, || format!("is not supported: {value}"));
        }
        // Some initialisations ("pissa", "olora") also changed the base, and that change is not in the
        // folder.
        let initial = map.get("init_lora_weights").unwrap_or(&Value::Null);
        let known = is_empty(initial) || [json!(true), json!("gaussian")].contains(initial);
        root.key("init_lora_weights").require(known, || format!("is not supported: {initial}"));

        let get = |key: &str| map.get(key).filter(|value| !value.is_null());
        let number = |key: &str, default| {
            get(key).map_or(Some(default), |value| f64::from_json(value, &root.key(key)))
        };
        let names = |key: &str| {
            get(key)
                .filter(|value| !is_empty(value))
                .map(|value| Names::read(value).map_err(|problem| root.key(key).fail::<()>(problem)).ok())
        };
        let r = get("r").map_or(Some(DEFAULT_RANK), |value| i64::from_json(value, &root.key("r")));
        root.key("r").require(r.is_none_or(|r| r >= 1), || "must be at least 1".to_owned());
        let dropout = number("lora_dropout", 0.0);
        let share = dropout.is_none_or(|dropout| (0.0..1.0).contains(&dropout));
        root.key("lora_dropout").require(share, || "must be from 0 to below 1".to_owned());
        let targets =
            names("target_modules").unwrap_or_else(|| root.key("target_modules").fail("is missing"));
        let exclude = names("exclude_modules").map_or(Some(None), |names| names.map(Some));
        let alpha = number("lora_alpha", DEFAULT_ALPHA);
        let layers = match get("layers_to_transform").filter(|value| !is_empty(value)) {
            None => Some(None),
            Some(Value::Array(layers)) => {
                layers.iter().map(Value::as_i64).collect::<Option<Vec<_>>>().map(Some)
            }
            Some(layer) => layer.as_i64().map(|layer| Some(vec![layer])),
        };
        let layers = layers.or_else(|| root.key("layers_to_transform").fail("must be numbers of layers"));
        Some(Self {
            r: r?,
            alpha: alpha?,
            rslora: map.get("use_rslora") == Some(&json!(true)),
            dropout: dropout?,
            target_modules: Modules { targets: targets?, exclude: exclude?, layers: layers? },
            base_model: get("base_model_name_or_path").and_then(Value::as_str).map(str::to_owned),
        })
    }

    /// Writes an `adapter_config.json`.
    pub fn write(&self, path: &Path) -> Result<()> {
        let map = [
            ("peft_type", json!("LORA")),
            ("task_type", json!("CAUSAL_LM")),
            ("base_model_name_or_path", json!(self.base_model)),
            ("inference_mode", json!(true)),
            ("r", json!(self.r)),
            ("lora_alpha", number(self.alpha)),
            ("lora_dropout", json!(self.dropout)),
            ("bias", json!("none")),
            ("fan_in_fan_out", json!(false)),
            ("use_dora", json!(false)),
            ("use_rslora", json!(self.rslora)),
        ];
        let keys = map.into_iter().chain(self.target_modules.keys());
        json_file::write(path, &keys.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
    }

    /// The factor of the change.
    pub fn scaling(&self) -> f64 {
        let r = self.r as f64;
        self.alpha / if self.rslora { r.sqrt() } else { r }
    }

    /// Whether a matrix of this name, as in `model.layers.0.self_attn.q_proj`, is adapted.
    pub fn targets(&self, name: &str) -> bool {
        self.target_modules.contain(name)
    }
}

/// A whole number is written without a decimal point: PEFT and vLLM expect an integer alpha.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}
