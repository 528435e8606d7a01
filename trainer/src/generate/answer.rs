//! The answer to a request, in pieces and whole.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::{Error, Result};

/// The log-probability of a token under the model, before temperature and filters.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprob {
    /// The token.
    pub id: i64,
    /// Natural logarithm of the probability.
    pub logprob: f32,
    /// The most likely tokens and their log-probabilities, in descending order; may include the token itself.
    pub alternatives: Vec<(i64, f32)>,
}

/// What one step adds to an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// New text, whole characters only; text that may be part of a stop string is held back.
    pub text: String,
    /// New tokens.
    pub ids: Vec<i64>,
    /// The log-probabilities of the new tokens, if the request asks for them.
    pub logprobs: Vec<TokenLogprob>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finish {
    /// The model ended its turn, or a stop string or stop token occurred.
    Stop,
    /// It reached the requested number of tokens, or the end of the context.
    Length,
    /// The engine was stopped.
    Cancelled,
}

/// The stop of the request that ended an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StoppedBy {
    /// A stop string.
    Text(String),
    /// A stop token.
    Token(i64),
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The text up to the stop string, without special tokens.
    pub text: String,
    /// All generated tokens, including the one that ended the answer.
    pub ids: Vec<i64>,
    /// The log-probabilities of `ids`, if the request asks for them.
    pub logprobs: Vec<TokenLogprob>,
    /// The log-probabilities of the prompt's tokens from the second on, if the request asks for them.
    pub prompt_logprobs: Vec<TokenLogprob>,
    /// Why it ended.
    pub finish: Finish,
    /// The stop of the request that ended it, if one did.
    pub stopped_by: Option<StoppedBy>,
    /// Number of tokens of the prompt.
    pub prompt_tokens: usize,
    /// Number of these that were in the cache already.
    pub cached_tokens: usize,
    /// Time from the request to its first step.
    pub queue_time: Duration,
    /// Time from the first step to the end.
    pub generate_time: Duration,
}

/// An event of a generation.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer grew.
    Piece(Piece),
    /// The answer ended; holds all of it.
    End(Box<Answer>),
}

/// A generation under way. Dropping this ends it before its next step.
#[derive(Debug)]
pub struct Generation {
    pub(super) events: UnboundedReceiver<Event>,
}

impl Generation {
    /// The next event; [`Event::End`] is the last.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the engine failed before the end.
    pub async fn next(&mut self) -> Result<Event> {
        self.events.recv().await.ok_or(Error::Stopped)
    }

    /// Blocking version, for threads outside an async runtime.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn blocking_next(&mut self) -> Result<Event> {
        self.events.blocking_recv().ok_or(Error::Stopped)
    }

    /// The whole answer.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn whole(mut self) -> Result<Answer> {
        loop {
            if let Event::End(answer) = self.next().await? {
                return Ok(*answer);
            }
        }
    }

    /// Blocking version, for threads outside an async runtime.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn blocking_whole(mut self) -> Result<Answer> {
        loop {
            if let Event::End(answer) = self.blocking_next()? {
                return Ok(*answer);
            }
        }
    }
}
