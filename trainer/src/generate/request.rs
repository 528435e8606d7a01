//! A request for an answer, and its bounds.

use std::collections::BTreeSet;

use super::{Error, Result, Sampling};

/// Most alternatives reported per token.
pub const MAX_ALTERNATIVES: usize = 20;
/// Most stop strings.
pub const MAX_STOPS: usize = 64;
/// Most bytes of a stop string, which is also the most text that is held back.
const MAX_STOP_BYTES: usize = 4096;

/// A request for an answer.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The prompt, as tokens.
    pub tokens: Vec<i64>,
    /// The adapter's name; `None`: the base model.
    pub adapter: Option<String>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Most tokens of the answer; `None`: as many as fit into the context, which is always a limit.
    pub max_tokens: Option<usize>,
    /// The answer ends before the first occurrence of any of these.
    pub stop: Vec<String>,
    /// Tokens that end the answer, besides the model's own end tokens.
    pub stop_ids: BTreeSet<i64>,
    /// Whether the model's own end tokens do not end the answer; for measurements.
    pub ignore_end: bool,
    /// Whether to report log-probabilities: of each chosen token, and of this number of most likely tokens.
    pub logprobs: Option<usize>,
    /// Whether the answer's log-probabilities are those of the draws: under the temperature, which must be above 0, and before
    /// `top_p` and `top_k`. By default they are those of the model.
    pub of_draws: bool,
    /// Whether to report log-probabilities of the prompt's tokens, too, from the second on.
    pub prompt_logprobs: bool,
}

impl Request {
    /// Checks the request against a model's context length and vocabulary size.
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
        if let Some(asked) = self.logprobs.filter(|asked| *asked > MAX_ALTERNATIVES) {
            let problem = format!("is {asked}; at most {MAX_ALTERNATIVES} alternatives are reported");
            return Err(Error::field("logprobs", problem));
        }
        if self.stop.len() > MAX_STOPS {
            let problem = format!("has {} strings; at most {MAX_STOPS} are allowed", self.stop.len());
            return Err(Error::field("stop", problem));
        }
        if self.stop.iter().any(|stop| stop.is_empty() || stop.len() > MAX_STOP_BYTES) {
            let problem = format!("has a string that is empty or longer than {MAX_STOP_BYTES} bytes");
            return Err(Error::field("stop", problem));
        }
        if self.of_draws && self.sampling.is_greedy() {
            return Err(Error::field("temperature", "is 0, at which nothing is drawn"));
        }
        self.sampling.check()
    }
}
