//! PEFT's names: the files of an adapter's folder, and the tensors in them.

/// The file of an adapter's [`Config`](super::Config).
pub const CONFIG: &str = "adapter_config.json";
/// The file of an adapter's weights.
pub const WEIGHTS: &str = "adapter_model.safetensors";

/// The stored name of a part (`lora_A` or `lora_B`) of the adapter of matrix `name`. PEFT wraps the model
/// twice, hence the two prefixes.
pub fn key(name: &str, part: &str) -> String {
    format!("base_model.model.{name}.{part}.weight")
}
