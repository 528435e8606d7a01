//! What is asked for.

use std::collections::BTreeSet;

use super::{Error, Result, Sampling};

/// Most alternatives told of a token.
pub const MAX_ALTERNATIVES: usize = 20;
/// Most stop strings.
pub const MAX_STOPS: usize = 64;
/// Most bytes of a stop string: so much text may be held back.
const MAX_STOP_BYTES: usize = 4096;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The prompt, as tokens.
    pub tokens: Vec<i64>,
    /// The adapter's name; none: the base model.
    pub adapter: Option<String>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Most tokens of the answer; none, or more than that: what the context leaves.
    pub max_tokens: Option<usize>,
    /// The answer ends before the first of these.
    pub stop: Vec<String>,
    /// Tokens that end the answer besides the model's own.
    pub stop_ids: BTreeSet<i64>,
    /// Whether the model's own end tokens are tokens like others: for measurements.
    pub ignore_end: bool,
    /// Tell log-probabilities, of each chosen token and so many of the likeliest.
    pub logprobs: Option<usize>,
    /// Tell those of the prompt's tokens too, from the second on.
    pub prompt_logprobs: bool,
}

impl Request {
    /// Whether it can be served by a model with so many tokens of context and vocabulary.
    pub(super) fn check(&self, context: usize, vocabulary: i64) -> Result<()> {
        if self.tokens.is_empty() {
            return Err(Error::field("prompt", "is empty: there is nothing to continue"));
        }
        let known = 0..vocabulary;
        if let Some(id) = self.tokens.iter().find(|id| !known.contains(id)) {
            return Err(Error::field("token_ids", format!("has {id}; ids are below {vocabulary}")));
        }
        if let Some(id) = self.stop_ids.iter().find(|id| !known.contains(id)) {
            return Err(Error::field("stop_token_ids", format!("has {id}; ids are below {vocabulary}")));
        }
        if self.tokens.len() >= context {
            return Err(Error::Overflow { prompt: self.tokens.len(), context });
        }
        if self.max_tokens == Some(0) {
            return Err(Error::field("max_tokens", "must be at least 1"));
        }
        match self.logprobs {
            Some(alternatives) if alternatives > MAX_ALTERNATIVES => {
                return Err(Error::too_many_alternatives(alternatives));
            }
            _ => {}
        }
        if self.stop.len() > MAX_STOPS {
            return Err(Error::too_many_stops(self.stop.len()));
        }
        if self.stop.iter().any(|stop| stop.is_empty() || stop.len() > MAX_STOP_BYTES) {
            let problem = format!("has a string that is empty or longer than {MAX_STOP_BYTES} bytes");
            return Err(Error::field("stop", problem));
        }
        self.sampling.check()
    }
}
