//! How commands that generate load their model.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tch::{Device, Kind};
use trainer::model::{self, Model};
use trainer::{Error, Result};

/// Elements of a matrix from which on several threads are faster at it than one: a step of generation multiplies it by
/// a few rows only. `make bench` has the numbers for a width of 128.
const WORTH_SHARING: i64 = 1 << 20;

/// Which model, where to, how precise.
#[derive(Args)]
pub struct Loading {
    /// The base: a Hugging Face folder of a Qwen3 model.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,

    /// `cpu`, `cuda` or `cuda:N`. [default: the first GPU if there is one]
    #[arg(long, value_parser = device)]
    device: Option<Device>,

    /// What to compute in. [default: what the model's config says]
    #[arg(long, value_enum)]
    dtype: Option<Precision>,

    /// Keep the layers' matrices in four bits (NF4). Each is unpacked whenever it is used: less memory, slower.
    #[arg(long)]
    load_in_4bit: bool,

    /// Most tokens of prompt and answer together. [default: what the model's config says]
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(2..))]
    context: Option<u32>,

    /// Processors that libtorch uses. [default: all; one where the model is so small that they would mostly wait for
    /// one another]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Precision {
    Float32,
    Bfloat16,
}

fn device(text: &str) -> std::result::Result<Device, String> {
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number"));
    let device = match text.split_once(':') {
        None if text == "cpu" => return Ok(Device::Cpu),
        None if text == "cuda" => Device::Cuda(0),
        Some(("cuda", index)) => Device::Cuda(number(index)?),
        _ => return Err("must be cpu, cuda or cuda:N".to_owned()),
    };
    match device {
        Device::Cuda(index) if (index as i64) < tch::Cuda::device_count() => Ok(device),
        _ => Err(format!("there is no such GPU: libtorch sees {}", tch::Cuda::device_count())),
    }
}

impl Loading {
    /// Loads the model.
    pub fn model(&self) -> Result<Model> {
        let options = model::folder::Options {
            kind: self.dtype.map(|precision| match precision {
                Precision::Float32 => Kind::Float,
                Precision::Bfloat16 => Kind::BFloat16,
            }),
            device: self.device.unwrap_or_else(Device::cuda_if_available),
            nf4: self.load_in_4bit,
            master_weights: false,
        };
        let model = model::folder::load(&self.model, &options)?;
        let largest = model.config().hidden_size * model.config().intermediate_size;
        match self.threads {
            Some(threads) => tch::set_num_threads(threads.into()),
            None if largest < WORTH_SHARING => tch::set_num_threads(1),
            None => {}
        }
        Ok(model)
    }

    /// Tokens of context: those asked for, at most the model's own.
    pub fn context(&self, model: &Model) -> Result<usize> {
        let own = model.config().context_length();
        match (self.context.map(|tokens| tokens as usize), own) {
            (Some(asked), Some(own)) if asked > own => {
                Err(Error::Serve(format!("--context is {asked}; the model was made for {own} tokens")))
            }
            (Some(asked), _) => Ok(asked),
            (None, Some(own)) => Ok(own),
            (None, None) => {
                Err(Error::Serve("the model does not say how long its context is: give --context".to_owned()))
            }
        }
    }
}
