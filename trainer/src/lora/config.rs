//! An adapter's settings: `adapter_config.json`.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::json::Object;
use crate::{Result, json as json_file};

/// An adapter's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The rank.
    pub r: i64,
    /// The change is scaled by `alpha / r`.
    pub alpha: f64,
    /// The share of inputs that training zeroes, 0 to 1.
    pub dropout: f64,
    /// Which matrices of every layer are adapted.
    pub target_modules: BTreeSet<Target>,
    /// The model that it was trained on, for people and tools; ignored when loading.
    pub base_model: Option<String>,
}

/// A matrix of a layer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the names are the model's
pub enum Target {
    QProj,
    KProj,
    VProj,
    OProj,
    GateProj,
    UpProj,
    DownProj,
}

fields::words! {
    Target {
        "q_proj" => QProj,
        "k_proj" => KProj,
        "v_proj" => VProj,
        "o_proj" => OProj,
        "gate_proj" => GateProj,
        "up_proj" => UpProj,
        "down_proj" => DownProj,
    }
}

impl Target {
    /// Every matrix of a layer: PEFT's "all-linear".
    pub const ALL: [Self; 7] =
        [Self::QProj, Self::KProj, Self::VProj, Self::OProj, Self::GateProj, Self::UpProj, Self::DownProj];

    fn name(self) -> &'static str {
        match self {
            Self::QProj => "q_proj",
            Self::KProj => "k_proj",
            Self::VProj => "v_proj",
            Self::OProj => "o_proj",
            Self::GateProj => "gate_proj",
            Self::UpProj => "up_proj",
            Self::DownProj => "down_proj",
        }
    }
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

impl Config {
    /// Reads an `adapter_config.json`.
    ///
    /// # Errors
    /// Names the key that is missing or malformed, or that asks for more than plain LoRA.
    pub fn read(path: &Path) -> Result<Self> {
        let file = Object::read(path)?;
        for key in file.map.keys().map(String::as_str).filter(|key| !IGNORED.contains(key)) {
            match key {
                "r" | "lora_alpha" | "lora_dropout" | "target_modules" | "base_model_name_or_path" => {}
                "peft_type" => file.refuse_unless(key, &[json!("LORA")])?,
                "task_type" => file.refuse_unless(key, &[json!("CAUSAL_LM")])?,
                "bias" => file.refuse_unless(key, &[json!("none")])?,
                _ => file.refuse_unless(key, &[])?,
            }
        }
        // Some initialisations ("pissa", "olora") also changed the base, and that change is not in the
        // folder.
        file.refuse_unless("init_lora_weights", &[json!(true), json!("gaussian")])?;

        let target_modules = match file.map.get("target_modules") {
            Some(Value::String(all)) if all == "all-linear" => Target::ALL.into(),
            _ => file.get("target_modules")?,
        };
        let config = Self {
            r: file.get("r")?,
            alpha: file.get("lora_alpha")?,
            dropout: file.optional("lora_dropout")?.unwrap_or(0.0),
            target_modules,
            base_model: file.optional("base_model_name_or_path")?,
        };
        if config.r < 1 {
            return Err(file.error("r", format!("must be at least 1, is {}", config.r)));
        }
        if !(0.0..1.0).contains(&config.dropout) {
            return Err(
                file.error("lora_dropout", format!("must be from 0 to below 1, is {}", config.dropout))
            );
        }
        Ok(config)
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
            ("target_modules", json!(self.target_modules)),
            ("bias", json!("none")),
            ("fan_in_fan_out", json!(false)),
            ("use_dora", json!(false)),
            ("use_rslora", json!(false)),
        ];
        json_file::write(
            path,
            &map.map(|(key, value)| (key.to_owned(), value)).into_iter().collect::<Map<_, _>>(),
        )
    }

    /// The factor of the change.
    pub fn scaling(&self) -> f64 {
        self.alpha / self.r as f64
    }

    /// Whether a matrix of this name, as in `model.layers.0.self_attn.q_proj`, is adapted.
    pub fn targets(&self, name: &str) -> bool {
        let last = name.rsplit('.').next();
        self.target_modules.iter().any(|target| last == Some(target.name()))
    }
}

/// A whole number is written without a decimal point: PEFT and vLLM expect an integer alpha.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}
