//! The arguments of commands that generate: which model, and how it is loaded.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tch::{Device, Kind};
use trainer::model::{self, Model};
use trainer::{Error, Result, openmp};

/// The number of elements of a matrix above which several threads are faster than one at multiplying it by
/// the few rows of a generation step. `make bench` has the numbers for a width of 128.
const PARALLEL_ELEMENTS: i64 = 1 << 20;

/// Which model, on which device, in which precision.
#[derive(Args)]
#[group(skip)] // both users have other arguments
pub struct Arguments {
    /// The base: a Hugging Face folder of a Llama, Qwen2 or Qwen3 model.
    #[arg(long = "model", value_name = "DIR")]
    pub folder: PathBuf,

    /// `cpu`, `cuda` or `cuda:N`. [default: the first GPU if there is one]
    #[arg(long, value_parser = device)]
    device: Option<Device>,

    /// Element type of the computation. [default: that of the model's config]
    #[arg(long, value_enum)]
    dtype: Option<Precision>,

    /// Quantise the matrices of the layers to four bits (NF4). They are dequantised at each use: less memory,
    /// slower.
    #[arg(long)]
    load_in_4bit: bool,

    /// Most tokens of prompt and answer together. [default: that of the model's config]
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(2..))]
    context: Option<u32>,

    /// Threads that libtorch uses. [default: all processors; one for small models, which are slower on
    /// several]
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

impl Arguments {
    /// Loads the model.
    pub fn load(&self) -> Result<Model> {
        let options = model::folder::Options {
            kind: self.dtype.map(|precision| match precision {
                Precision::Float32 => Kind::Float,
                Precision::Bfloat16 => Kind::BFloat16,
            }),
            device: self.device.unwrap_or_else(Device::cuda_if_available),
            nf4: self.load_in_4bit,
            master_weights: false,
        };
        let model = openmp::apart(|| model::folder::load(&self.folder, &options))?;
        let config = model.config();
        let largest = config.hidden_size * config.intermediate_size.max(config.vocab_size);
        match self.threads {
            Some(threads) => tch::set_num_threads(threads.into()),
            None if largest < PARALLEL_ELEMENTS => tch::set_num_threads(1),
            None => {}
        }
        Ok(model)
    }

    /// The context length in tokens: the requested one, which must not exceed the model's own.
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
