//! Prepared data: samples of token ids, and which of the tokens bear loss.
//!
//! A folder of two files: `samples.safetensors` holds all samples end to end (`tokens` I64 `[n]`, `targets`
//! U8 `[n]`, `ends` I64 `[samples]`, where each sample ends), `dataset.json` is their [`record`].

pub mod record;

use std::path::Path;

use proto::dataset::RECORD;
use tch::{Kind, Tensor};

use crate::weights::{Weights, write_file};
use crate::{Error, Result};

/// The file of the samples.
pub const SAMPLES: &str = "samples.safetensors";

/// Tokenised samples.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Dataset {
    tokens: Vec<i64>,
    targets: Vec<bool>,
    ends: Vec<usize>,
}

/// One sample.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sample<'a> {
    /// Its ids.
    pub tokens: &'a [i64],
    /// For each token, whether the model learns to predict it.
    pub targets: &'a [bool],
}

impl Dataset {
    /// Adds a sample.
    ///
    /// # Panics
    /// If the numbers of tokens and targets differ.
    pub fn push(&mut self, tokens: &[i64], targets: &[bool]) {
        assert_eq!(tokens.len(), targets.len(), "a target flag for every token");
        self.tokens.extend(tokens);
        self.targets.extend(targets);
        self.ends.push(self.tokens.len());
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The sample of an index.
    pub fn sample(&self, number: usize) -> Sample<'_> {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        let range = start..self.ends[number];
        Sample { tokens: &self.tokens[range.clone()], targets: &self.targets[range] }
    }

    /// All samples, in order.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = Sample<'_>> {
        (0..self.len()).map(|number| self.sample(number))
    }

    /// Writes [`SAMPLES`] into a folder.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let ends: Vec<i64> = self.ends.iter().map(|end| *end as i64).collect();
        let tensors = [
            ("tokens", Tensor::from_slice(&self.tokens)),
            ("targets", Tensor::from_slice(&self.targets).to_kind(Kind::Uint8)),
            ("ends", Tensor::from_slice(&ends)),
        ];
        write_file(&folder.join(SAMPLES), tensors.map(|(name, tensor)| (name.to_owned(), tensor)).into())
    }

    /// Reads a folder that `trainer prepare` has written. Its record must exist: it is written last, so a
    /// folder without one is unfinished.
    ///
    /// # Errors
    /// If a file is missing, or the tensors are malformed.
    pub fn read(folder: &Path) -> Result<Self> {
        if !folder.join(RECORD).exists() {
            return Err(unfinished(folder));
        }
        let path = folder.join(SAMPLES);
        let file = Weights::open_file(&path)?;
        let read = |name: &str, kind: Kind| -> Result<Tensor> {
            let tensor = file.read_any(name)?;
            if tensor.dim() != 1 || tensor.kind() != kind {
                return Err(file.error(name, format!("is not one row of {kind:?}")));
            }
            Ok(tensor)
        };
        let tokens: Vec<i64> = numbers(&read("tokens", Kind::Int64)?);
        let targets: Vec<bool> = numbers(&read("targets", Kind::Uint8)?.to_kind(Kind::Int64))
            .iter()
            .map(|flag| *flag != 0)
            .collect();
        let ends: Vec<usize> = numbers(&read("ends", Kind::Int64)?).iter().map(|end| *end as usize).collect();
        let rising = ends.windows(2).all(|pair| pair[0] < pair[1]) && ends.first().is_none_or(|end| *end > 0);
        if !rising || ends.last().copied().unwrap_or(0) != tokens.len() || targets.len() != tokens.len() {
            return Err(file.error("ends", "does not fit the tokens"));
        }
        Ok(Self { tokens, targets, ends })
    }
}

fn numbers(tensor: &Tensor) -> Vec<i64> {
    let mut numbers = vec![0; tensor.numel()];
    tensor.copy_data(&mut numbers, tensor.numel());
    numbers
}

fn unfinished(folder: &Path) -> Error {
    let problem = "is missing: no folder of `trainer prepare`, or one that it did not finish";
    Error::file(folder.join(RECORD))(std::io::Error::other(problem))
}
