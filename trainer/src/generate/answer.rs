//! What comes of a request.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::{Error, Result};

/// How likely a token was, before temperature and filters.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprob {
    /// The token.
    pub id: i64,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// The likeliest tokens with theirs, likeliest first; the token itself may be among them.
    pub alternatives: Vec<(i64, f32)>,
}

/// One step of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// New text, whole characters only; empty while it may be part of a stop string.
    pub text: String,
    /// New tokens.
    pub ids: Vec<i64>,
    /// Theirs, where they were asked for.
    pub logprobs: Vec<TokenLogprob>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finish {
    /// The model ended its turn, or a stop string or token was met.
    Stop,
    /// It has as many tokens as were asked for, or as the context holds.
    Length,
    /// The engine was stopped.
    Cancelled,
}

/// What ended an answer besides the model.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StoppedBy {
    /// This stop string.
    Text(String),
    /// This token of the request's.
    Token(i64),
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Text before the stop string, without special tokens.
    pub text: String,
    /// Every token that was generated, with the one that ended it.
    pub ids: Vec<i64>,
    /// Of every token, where asked for.
    pub logprobs: Vec<TokenLogprob>,
    /// Of the prompt's tokens from the second on, where asked for.
    pub prompt_logprobs: Vec<TokenLogprob>,
    /// Why it ended.
    pub finish: Finish,
    /// What stopped it, where that was in the request.
    pub stopped_by: Option<StoppedBy>,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Those of them that were in the cache.
    pub cached_tokens: usize,
    /// From the request to its first step.
    pub queue_time: Duration,
    /// From there to the end.
    pub generate_time: Duration,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer grew.
    Piece(Piece),
    /// The answer ended: all of it.
    End(Box<Answer>),
}

/// A request under way. Dropping it ends the generation before its next step.
#[derive(Debug)]
pub struct Answering {
    pub(super) events: UnboundedReceiver<Event>,
}

impl Answering {
    /// The next event; [`Event::End`] is the last.
    ///
    /// # Errors
    /// [`Error::Stopped`] where the engine failed before the end.
    pub async fn next(&mut self) -> Result<Event> {
        self.events.recv().await.ok_or(Error::Stopped)
    }

    /// The same, for a thread that may wait.
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

    /// The same, for a thread that may wait.
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
