//! The supported families of models.

use std::str::FromStr;

/// A family, by the name that transformers gives it as `model_type`. All families are decoders of the same layers:
/// grouped-query attention with rotary positions, SwiGLU, and RMSNorm before each. [`Config`](super::Config) says
/// where they differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ModelType {
    /// Llama 2 and 3, SmolLM2, and others of this architecture.
    Llama,
    /// Qwen2 and Qwen2.5: queries, keys and values have biases.
    Qwen2,
    /// Qwen3, dense: queries and keys are normalised, head by head.
    Qwen3,
}

impl ModelType {
    /// Every family.
    pub const ALL: [Self; 3] = [Self::Llama, Self::Qwen2, Self::Qwen3];

    /// The value of `model_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    /// The only value in `architectures`: the class in transformers.
    pub fn architecture(self) -> &'static str {
        match self {
            Self::Llama => "LlamaForCausalLM",
            Self::Qwen2 => "Qwen2ForCausalLM",
            Self::Qwen3 => "Qwen3ForCausalLM",
        }
    }

    /// The keys of biases that the class in transformers reads.
    pub(super) fn bias_keys(self) -> &'static [&'static str] {
        match self {
            Self::Llama => &["attention_bias", "mlp_bias"],
            Self::Qwen2 => &[],
            Self::Qwen3 => &["attention_bias"],
        }
    }

    /// The size of a head where `head_dim` is not given; `None`: the width, divided by the number of heads.
    pub(super) fn default_head_dim(self) -> Option<i64> {
        match self {
            Self::Llama | Self::Qwen2 => None,
            Self::Qwen3 => Some(128),
        }
    }

    /// The names of all families, for messages.
    pub(super) fn names() -> String {
        Self::ALL.map(|one| format!("{:?}", one.name())).join(", ")
    }
}

impl FromStr for ModelType {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|one| one.name() == name);
        known.ok_or_else(|| format!("{name:?} is not supported; supported are {}", Self::names()))
    }
}
