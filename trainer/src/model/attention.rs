//! Grouped-query attention: several query heads share one head of keys and values.

use tch::Tensor;

use super::norm::Norm;
use super::pass::Pass;
use super::{Config, Linear, Source};
use crate::Result;

pub struct Attention {
    pub q_proj: Linear,
    pub k_proj: Linear,
    pub v_proj: Linear,
    pub o_proj: Linear,
    pub q_norm: Option<Norm>,
    pub k_norm: Option<Norm>,
    layer: usize,
    head_dim: i64,
}

impl Attention {
    pub fn new(source: &mut Source<'_>, name: &str, layer: usize, config: &Config) -> Result<Self> {
        let h = config.hidden_size;
        let queries = config.num_attention_heads * config.head_dim;
        let keys = config.num_key_value_heads * config.head_dim;
        let biased = config.has_qkv_bias();
        let norm = |source: &mut Source<'_>, part: &str| {
            let norm = || Norm::new(source, &format!("{name}.{part}"), config.head_dim, config.rms_norm_eps);
            config.has_qk_norm().then(norm).transpose()
        };
        Ok(Self {
            q_proj: source.linear(&format!("{name}.q_proj"), h, queries, biased)?,
            k_proj: source.linear(&format!("{name}.k_proj"), h, keys, biased)?,
            v_proj: source.linear(&format!("{name}.v_proj"), h, keys, biased)?,
            o_proj: source.linear(&format!("{name}.o_proj"), queries, h, config.attention_bias)?,
            q_norm: norm(source, "q_norm")?,
            k_norm: norm(source, "k_norm")?,
            layer,
            head_dim: config.head_dim,
        })
    }

    /// `[b, t, h]` to `[b, t, h]`.
    pub fn forward(&self, x: &Tensor, pass: &Pass<'_>) -> Tensor {
        let (b, t, _) = x.size3().expect("a batch of hidden states");

        // 1. Project, split into heads: [b, heads, t, d].
        let heads = |linear: &Linear| linear.forward(x, pass).view([b, t, -1, self.head_dim]);
        let normed = |x: Tensor, norm: &Option<Norm>| match norm {
            Some(norm) => norm.forward(&x),
            None => x,
        };
        let q = normed(heads(&self.q_proj), &self.q_norm).transpose(1, 2);
        let k = normed(heads(&self.k_proj), &self.k_norm).transpose(1, 2);
        let v = heads(&self.v_proj).transpose(1, 2);

        // 2. Positions.
        let q = pass.rope.apply(&q);
        let k = pass.rope.apply(&k);

        // 3. Attend: [b, query heads, t, d].
        let y = match (&pass.window, pass.samples) {
            (Some(window), _) => window.attend(self.layer, &q, &k, &v),
            (None, None) => attend(&q, &k, &v),
            (None, Some(lengths)) => {
                let parts = [&q, &k, &v].map(|x| x.split_with_sizes(lengths, 2));
                let parts: Vec<_> =
                    (0..lengths.len()).map(|i| attend(&parts[0][i], &parts[1][i], &parts[2][i])).collect();
                Tensor::cat(&parts, 2)
            }
        };

        // 4. Concatenate the heads, project back.
        self.o_proj.forward(&y.transpose(1, 2).reshape([b, t, -1]), pass)
    }
}

/// Causal attention within one sample. Packed samples are computed one by one instead of under a mask over
/// the row: libtorch's fused kernels apply, and the cost grows with the lengths of the samples, not of the
/// row. On a GPU that is the flash kernel, which needs bf16, no mask, and heads whose elements are adjacent (the parts
/// of a split row are); it takes grouped queries as they are. In f32, which only tests use there, keys and values are
/// repeated.
fn attend(q: &Tensor, k: &Tensor, v: &Tensor) -> Tensor {
    Tensor::scaled_dot_product_attention(q, k, v, None::<&Tensor>, 0.0, true, None, true)
}
