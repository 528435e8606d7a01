//! A decoder layer.

use tch::Tensor;

use super::attention::Attention;
use super::mlp::Mlp;
use super::norm::Norm;
use super::pass::Pass;
use super::{Config, Linear, Source};
use crate::Result;

pub struct Layer {
    name: String,
    input_norm: Norm,
    attention: Attention,
    post_norm: Norm,
    mlp: Mlp,
}

impl Layer {
    pub fn new(source: &mut Source<'_>, number: usize, config: &Config) -> Result<Self> {
        let name = &format!("model.layers.{number}");
        let norm = |source: &mut Source<'_>, part: &str| {
            Norm::new(source, &format!("{name}.{part}"), config.hidden_size, config.rms_norm_eps)
        };
        Ok(Self {
            name: name.clone(),
            input_norm: norm(source, "input_layernorm")?,
            attention: Attention::new(source, &format!("{name}.self_attn"), number, config)?,
            post_norm: norm(source, "post_attention_layernorm")?,
            mlp: Mlp::new(source, &format!("{name}.mlp"), config)?,
        })
    }

    /// `[b, t, h]` to `[b, t, h]`.
    pub fn forward(&self, x: &Tensor, pass: &Pass<'_>) -> Tensor {
        let x = x + self.attention.forward(&self.input_norm.forward(x), pass);
        &x + self.mlp.forward(&self.post_norm.forward(&x), pass)
    }

    pub fn linears(&self) -> [&Linear; 7] {
        let (a, m) = (&self.attention, &self.mlp);
        [&a.q_proj, &a.k_proj, &a.v_proj, &a.o_proj, &m.gate_proj, &m.up_proj, &m.down_proj]
    }

    pub fn linears_mut(&mut self) -> [&mut Linear; 7] {
        let (a, m) = (&mut self.attention, &mut self.mlp);
        [
            &mut a.q_proj,
            &mut a.k_proj,
            &mut a.v_proj,
            &mut a.o_proj,
            &mut m.gate_proj,
            &mut m.up_proj,
            &mut m.down_proj,
        ]
    }

    /// The weights of the norms, by name.
    pub fn norms(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let norms = [
            ("input_layernorm", Some(&self.input_norm)),
            ("self_attn.q_norm", self.attention.q_norm.as_ref()),
            ("self_attn.k_norm", self.attention.k_norm.as_ref()),
            ("post_attention_layernorm", Some(&self.post_norm)),
        ];
        let there = norms.into_iter().filter_map(|(part, norm)| norm.map(|norm| (part, norm)));
        there.map(|(part, norm)| (format!("{}.{part}.weight", self.name), &norm.weight))
    }
}
