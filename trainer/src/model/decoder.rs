//! The model as a whole.

use tch::{Device, Kind, Tensor};

use super::cache::{Cache, Row, Window};
use super::frequencies::Frequencies;
use super::layer::Layer;
use super::norm::Norm;
use super::pass::{Adapted, Pass};
use super::rope::Rope;
use super::{Batch, Config, Linear, Matrix, Source};
use crate::Result;

/// A decoder: embedding, layers, head.
pub struct Model {
    config: Config,
    frequencies: Frequencies,
    pub(super) embedding: Tensor, // [vocabulary, h]
    pub(super) layers: Vec<Layer>,
    pub(super) norm: Norm,
    head: Option<Matrix>, // [vocabulary, h]; None if it is the embedding
}

impl Model {
    /// A model with weights from `source`, by their Hugging Face names.
    ///
    /// # Errors
    /// Those of the source.
    pub fn new(config: Config, source: &mut Source<'_>) -> Result<Self> {
        let size = [config.vocab_size, config.hidden_size];
        let embedding = source.tensor("model.embed_tokens.weight", &size)?;
        let layers = (0..config.num_hidden_layers)
            .map(|number| Layer::new(source, number as usize, &config))
            .collect::<Result<_>>()?;
        let norm = Norm::new(source, "model.norm", config.hidden_size, config.rms_norm_eps)?;
        let head = match config.tie_word_embeddings {
            true => None,
            false => Some(Matrix::Dense(source.tensor("lm_head.weight", &size)?)),
        };
        let frequencies = Frequencies::new(&config, embedding.device());
        Ok(Self { config, frequencies, embedding, layers, norm, head })
    }

    /// Logits at every token, `[b, t, vocabulary]`, without dropout.
    pub fn forward(&self, batch: &Batch) -> Tensor {
        self.logits(&self.hidden(batch, false))
    }

    /// The normalised output of the last layer: `[b, t, h]`. `train` turns dropout on.
    pub fn hidden(&self, batch: &Batch, train: bool) -> Tensor {
        self.run(&batch.tokens, &self.pass(batch, train))
    }

    /// Processes more tokens of the sequences in the cache's first slots, one slot for each of `rows`. `tokens` are those of
    /// all rows, `[n]`, one row after the other. Returns `[1, n, h]`, as [`Self::hidden`].
    pub fn extend(
        &self,
        cache: &mut Cache,
        rows: &[Row],
        tokens: &Tensor,
        adapted: &[Adapted<'_>],
    ) -> Tensor {
        let positions: Vec<i64> = rows.iter().flat_map(|row| row.held..row.held + row.new).collect();
        let positions = Tensor::from_slice(&positions).to_device(self.device()); // [n]
        let window = Window::new(cache, rows, &positions, &self.config);
        let rope = Rope::new(&self.frequencies, &positions.unsqueeze(0), self.kind());
        let pass = Pass { rope, samples: None, train: false, window: Some(window), adapted };
        self.run(&tokens.unsqueeze(0), &pass)
    }

    fn run(&self, tokens: &Tensor, pass: &Pass<'_>) -> Tensor {
        let x = self.embed(tokens);
        let x = self.layers.iter().fold(x, |x, layer| layer.forward(&x, pass));
        self.norm.forward(&x)
    }

    pub(super) fn pass<'a>(&self, batch: &'a Batch, train: bool) -> Pass<'a> {
        let rope = Rope::new(&self.frequencies, &batch.positions, self.kind());
        Pass { rope, samples: batch.samples.as_deref(), train, window: None, adapted: &[] }
    }

    pub(super) fn embed(&self, tokens: &Tensor) -> Tensor {
        Tensor::embedding(&self.embedding, tokens, -1, false, false).to_kind(self.kind())
    }

    /// The weight of the output head, `[vocabulary, h]`.
    pub(super) fn head(&self) -> Tensor {
        self.head.as_ref().map_or_else(|| self.embedding.shallow_clone(), Matrix::weight)
    }

    /// The output head: `[.., h]` to `[.., vocabulary]`.
    pub fn logits(&self, hidden: &Tensor) -> Tensor {
        match &self.head {
            Some(head) => head.multiply(hidden, None),
            None => hidden.linear(&self.embedding.to_kind(hidden.kind()), None::<Tensor>),
        }
    }

    /// Lays the matrices out for generating: for products with the few tokens of a step. A head that is the embedding becomes a
    /// copy. Such a model cannot be trained.
    pub fn lay_out_for_generating(&mut self) {
        self.linears_mut().for_each(Linear::lay_out_in_blocks);
        let head = self.head.get_or_insert_with(|| Matrix::Dense(self.embedding.shallow_clone()));
        head.lay_out_in_blocks();
    }

    /// The family and sizes.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The element type of the computation; the weights may be held in f32.
    pub fn kind(&self) -> Kind {
        self.config.kind
    }

    /// The device that holds it.
    pub fn device(&self) -> Device {
        self.embedding.device()
    }

    /// The matrices of the layers, in order: those that can be quantised and adapted.
    pub fn linears(&self) -> impl Iterator<Item = &Linear> {
        self.layers.iter().flat_map(Layer::linears)
    }

    /// The matrices of the layers, mutably.
    pub fn linears_mut(&mut self) -> impl Iterator<Item = &mut Linear> {
        self.layers.iter_mut().flat_map(Layer::linears_mut)
    }

    /// The tensors of the base by name, without adapters. These are the tensors themselves, not copies,
    /// except that quantised ones are dequantised.
    pub fn tensors(&self) -> Vec<(String, Tensor)> {
        let mut tensors = vec![("model.embed_tokens.weight".to_owned(), self.embedding.shallow_clone())];
        for layer in &self.layers {
            tensors.extend(layer.linears().into_iter().flat_map(Linear::tensors));
            tensors.extend(layer.norms().map(|(name, weight)| (name, weight.shallow_clone())));
        }
        tensors.push(("model.norm.weight".to_owned(), self.norm.weight.shallow_clone()));
        if let (Some(head), false) = (&self.head, self.config.tie_word_embeddings) {
            tensors.push(("lm_head.weight".to_owned(), head.weight()));
        }
        tensors
    }
}
