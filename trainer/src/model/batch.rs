//! Tokens, where they stand, and which of them see which.

use tch::{Device, Kind, Tensor};

/// What a model reads in one pass.
pub struct Batch {
    /// Token ids, `[b, t]`.
    pub tokens: Tensor,
    /// Positions, `[b, t]`, or `[1, t]` where all rows are alike.
    pub positions: Tensor,
    /// True where a token (row) sees another (column), `[b, 1, t, t]`; none: each sees itself and all before.
    pub mask: Option<Tensor>,
}

impl Batch {
    /// One sample a row, all of one length: `tokens` is `[b, t]`.
    pub fn rows(tokens: Tensor) -> Self {
        let t = tokens.size()[1];
        let positions = Tensor::arange(t, (Kind::Int64, tokens.device())).unsqueeze(0);
        Self { tokens, positions, mask: None }
    }

    /// Several samples in one row, `b = 1`: each starts at position zero and sees only itself.
    pub fn packed(samples: &[&[i64]], device: Device) -> Self {
        let lengths = samples.iter().map(|sample| sample.len());
        let positions: Vec<i64> = lengths.clone().flat_map(|length| 0..length as i64).collect();
        let owners: Vec<i64> = lengths
            .enumerate()
            .flat_map(|(sample, length)| std::iter::repeat_n(sample as i64, length))
            .collect();
        let owners = Tensor::from_slice(&owners).to_device(device);
        let same = owners.unsqueeze(1).eq_tensor(&owners.unsqueeze(0)); // [t, t]
        Self {
            tokens: Tensor::from_slice(&samples.concat()).to_device(device).unsqueeze(0),
            positions: Tensor::from_slice(&positions).to_device(device).unsqueeze(0),
            mask: Some(same.tril(0).unsqueeze(0).unsqueeze(0)),
        }
    }
}
