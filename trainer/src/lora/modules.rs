//! Which matrices of a model an adapter changes, in PEFT's terms: names, whole paths, or a pattern; without some;
//! in some layers.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Value, json};

use super::target::Target;

/// Names, or a pattern.
#[derive(Clone, Debug)]
pub enum Names {
    /// Names such as `q_proj`, or ends of paths such as `layers.0.self_attn.q_proj`.
    List(Vec<String>),
    /// A regular expression of the whole path.
    Pattern(Regex),
}

impl Names {
    /// Reads a list of names or a regular expression.
    ///
    /// # Errors
    /// What is wrong with the value.
    pub fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(all) if all == "all-linear" => Ok(Target::ALL.into()),
            Value::String(pattern) => match Regex::new(&format!("^(?:{pattern})$")) {
                Ok(regex) => Ok(Self::Pattern(regex)),
                Err(error) => Err(format!("is a pattern that cannot be read: {error}")),
            },
            Value::Array(names) if names.iter().any(|name| name == "lm_head" || name == "embed_tokens") => {
                Err("names the embedding or the head; only matrices of layers can be adapted".to_owned())
            }
            Value::Array(names) => {
                let names = names.iter().map(|name| name.as_str().map(str::to_owned));
                names
                    .collect::<Option<_>>()
                    .map(Self::List)
                    .ok_or_else(|| "is not a list of names".to_owned())
            }
            _ => Err("must be a list of names, or a pattern".to_owned()),
        }
    }

    /// As it is written in `adapter_config.json`.
    fn json(&self) -> Value {
        match self {
            Self::List(names) => json!(names),
            Self::Pattern(regex) => json!(regex.as_str().trim_start_matches("^(?:").trim_end_matches(")$")),
        }
    }

    fn hold(&self, path: &str) -> bool {
        match self {
            Self::Pattern(regex) => regex.is_match(path),
            Self::List(names) => names.iter().any(|name| is_end(path, name)),
        }
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

impl<const N: usize> From<[Target; N]> for Names {
    fn from(targets: [Target; N]) -> Self {
        BTreeSet::from(targets).into()
    }
}

impl From<BTreeSet<Target>> for Names {
    fn from(targets: BTreeSet<Target>) -> Self {
        Self::List(targets.into_iter().map(|target| target.name().to_owned()).collect())
    }
}

/// The matrices that an adapter changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Modules {
    /// PEFT's `target_modules`.
    pub targets: Names,
    /// PEFT's `exclude_modules`.
    pub exclude: Option<Names>,
    /// PEFT's `layers_to_transform`; `None`: all layers. Names that are whole paths are taken in any layer.
    pub layers: Option<Vec<i64>>,
}

impl Modules {
    /// Whether a matrix of this path, as in `model.layers.0.self_attn.q_proj`, is changed.
    pub fn contain(&self, path: &str) -> bool {
        if self.exclude.as_ref().is_some_and(|names| names.hold(path)) || !self.targets.hold(path) {
            return false;
        }
        match (&self.layers, &self.targets) {
            (Some(layers), Names::List(names)) if !names.iter().any(|name| name == path) => {
                layer(path).is_some_and(|layer| layers.contains(&layer))
            }
            _ => true,
        }
    }

    /// The keys of `adapter_config.json`.
    pub fn keys(&self) -> Vec<(&'static str, Value)> {
        let mut keys = vec![("target_modules", self.targets.json())];
        keys.extend(self.exclude.iter().map(|names| ("exclude_modules", names.json())));
        keys.extend(self.layers.iter().map(|layers| ("layers_to_transform", json!(layers))));
        keys
    }
}

impl<const N: usize> From<[Target; N]> for Modules {
    fn from(targets: [Target; N]) -> Self {
        BTreeSet::from(targets).into()
    }
}

impl From<BTreeSet<Target>> for Modules {
    fn from(targets: BTreeSet<Target>) -> Self {
        Self { targets: targets.into(), exclude: None, layers: None }
    }
}

/// Whether a path is, or ends in, this name.
fn is_end(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// The number in a path such as `model.layers.0.self_attn.q_proj`.
fn layer(path: &str) -> Option<i64> {
    path.split('.').skip(2).find_map(|part| part.parse().ok())
}
