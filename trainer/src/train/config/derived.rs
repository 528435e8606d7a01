//! What follows from the keys of a config.

use tch::Kind;

use super::{Config, Dtype, FourBit, Switch, Trl};
use crate::lora::{self, Target};

impl Config {
    /// The element type of the computation, on a GPU or a CPU.
    pub fn compute(&self, gpu: bool) -> Kind {
        let bf16 = match (self.bf16, self.four_bit().bnb_4bit_compute_dtype) {
            (Switch::Auto, Some(dtype)) => dtype == Dtype::Bfloat16,
            (Switch::Auto, None) => gpu,
            (switch, _) => switch == Switch::On,
        };
        if bf16 { Kind::BFloat16 } else { Kind::Float }
    }

    /// The adapter's settings, if an adapter is trained.
    pub fn lora(&self) -> Option<lora::Config> {
        self.adapter.map(|_| lora::Config {
            r: self.lora_r.unwrap_or_default(), // `check` requires it
            alpha: self.lora_alpha.unwrap_or_default(),
            rslora: self.peft_use_rslora,
            dropout: self.lora_dropout.unwrap_or_default(),
            target_modules: match &self.lora_target_modules {
                Some(modules) if self.lora_target_linear != Some(true) => modules.clone().into(),
                _ => Target::ALL.into(),
            },
            base_model: Some(self.base_name()),
        })
    }

    /// What PEFT and vLLM find the base by, wherever they run: its absolute path.
    fn base_name(&self) -> String {
        self.base_model.canonicalize().unwrap_or_else(|_| self.base_model.clone()).display().to_string()
    }

    /// The settings of `trl`, or its defaults.
    pub fn trl(&self) -> Trl {
        self.trl.clone().unwrap_or_default()
    }

    /// The settings of quantisation, from both places.
    pub(super) fn four_bit(&self) -> FourBit {
        let nested = self.bnb_config_kwargs;
        FourBit {
            bnb_4bit_quant_type: self.bnb_4bit_quant_type.or(nested.bnb_4bit_quant_type),
            bnb_4bit_use_double_quant: self.bnb_4bit_use_double_quant.or(nested.bnb_4bit_use_double_quant),
            bnb_4bit_compute_dtype: self.bnb_4bit_compute_dtype.or(nested.bnb_4bit_compute_dtype),
        }
    }

    /// Steps between two evaluations, below 1 as a share of all steps; `None`: an epoch.
    pub fn eval_interval(&self) -> Option<f64> {
        self.eval_steps.or_else(|| self.share(self.evals_per_epoch))
    }

    /// Steps between two checkpoints, below 1 as a share of all steps; `None`: an epoch.
    pub fn save_interval(&self) -> Option<f64> {
        self.save_steps.or_else(|| self.share(self.saves_per_epoch))
    }

    /// The share of all steps between two events that take place so often in an epoch, as Axolotl computes it. `None` for one
    /// event in the whole training, which takes place at its end.
    fn share(&self, per_epoch: Option<u64>) -> Option<f64> {
        let times = per_epoch? as f64 * self.num_epochs;
        (times > 1.0).then(|| 1.0 / times)
    }
}
