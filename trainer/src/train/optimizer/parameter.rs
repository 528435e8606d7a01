//! A trained tensor and the state that its optimizer keeps.

use tch::Tensor;

/// A trained tensor and the state that its optimizer keeps.
pub struct Parameter {
    /// Its name in files.
    pub name: String,
    /// The values: f32, and the model's own tensor.
    pub value: Tensor,
    /// The first-moment estimate: a moving average of the gradients.
    pub mean: Tensor,
    /// AdamW's second-moment estimate: a moving average of the squared gradients. `None` if Muon trains the
    /// tensor.
    pub mean_square: Option<Tensor>,
    /// Whether weight decay applies.
    pub decays: bool,
}
