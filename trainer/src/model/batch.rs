//! The tokens of a pass, their positions, and which of them attend to which.

use tch::{Device, Kind, Tensor};

/// The input of one pass.
pub struct Batch {
    /// Token ids, `[b, t]`.
    pub tokens: Tensor,
    /// Positions, `[b, t]`, or `[1, t]` if all rows have the same.
    pub positions: Tensor,
    /// The lengths of the samples packed into the only row, each attending only to itself; `None`: each row
    /// is one sample.
    pub samples: Option<Vec<i64>>,
}

impl Batch {
    /// One sample per row, all of the same length: `tokens` is `[b, t]`.
    pub fn rows(tokens: Tensor) -> Self {
        let t = tokens.size()[1];
        let positions = Tensor::arange(t, (Kind::Int64, tokens.device())).unsqueeze(0);
        Self { tokens, positions, samples: None }
    }

    /// Several samples packed into one row, `b = 1`: each starts at position zero and attends only to itself.
    pub fn packed(samples: &[&[i64]], device: Device) -> Self {
        let lengths: Vec<i64> = samples.iter().map(|sample| sample.len() as i64).collect();
        let positions: Vec<i64> = lengths.iter().flat_map(|length| 0..*length).collect();
        Self {
            tokens: Tensor::from_slice(&samples.concat()).to_device(device).unsqueeze(0),
            positions: Tensor::from_slice(&positions).to_device(device).unsqueeze(0),
            samples: Some(lengths),
        }
    }
}
