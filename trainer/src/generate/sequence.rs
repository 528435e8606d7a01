//! One generation under way.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedSender;

use super::command::Accepted;
use super::sampling::Sampler;
use super::stop::Stopper;
use super::text::TextStream;
use super::{Answer, Event, Finish, Piece, Request, StoppedBy, TokenLogprob};
use crate::lora::Adapter;
use crate::tokenizer::Tokenizer;

/// One generation under way: the request and the answer so far.
pub struct Sequence {
    pub request: Request,
    pub adapter: Option<Rc<Adapter>>,
    /// Number of tokens of the prompt that have been processed.
    pub prefilled: usize,
    sampler: Sampler,
    events: UnboundedSender<Event>,
    place: Option<OwnedSemaphorePermit>,
    max_tokens: usize,
    text: TextStream,
    stopper: Stopper,
    arrived: Instant,
    started: Instant,
    answer: Answer,
}

impl Sequence {
    pub fn new(
        accepted: Accepted,
        adapter: Option<Rc<Adapter>>,
        context: usize,
        tokenizer: Arc<Tokenizer>,
    ) -> Self {
        let Accepted { request, events, place, arrived } = accepted;
        let room = context - request.tokens.len();
        Self {
            adapter,
            prefilled: 0,
            sampler: Sampler::new(request.sampling),
            events,
            place: Some(place),
            max_tokens: request.max_tokens.unwrap_or(room).min(room),
            text: TextStream::new(tokenizer),
            stopper: Stopper::new(request.stop.clone()),
            arrived,
            started: arrived,
            answer: Answer {
                text: String::new(),
                ids: vec![],
                logprobs: vec![],
                prompt_logprobs: vec![],
                finish: Finish::Cancelled,
                stopped_by: None,
                prompt_tokens: request.tokens.len(),
                cached_tokens: 0,
                queue_time: Default::default(),
                generate_time: Default::default(),
            },
            request,
        }
    }

    /// The first tokens of the prompt, which need not be processed if they are cached. The last one gives the first token of
    /// the answer, and log-probabilities of a prompt need all of it.
    pub fn reusable(&self) -> &[i64] {
        let prompt = &self.request.tokens;
        &prompt[..if self.request.prompt_logprobs { 0 } else { prompt.len() - 1 }]
    }

    /// Leaves the queue; the first `cached` tokens of the prompt are in the cache already.
    pub fn start(&mut self, cached: usize) {
        self.place = None;
        self.started = Instant::now();
        self.answer.queue_time = self.started - self.arrived;
        self.answer.cached_tokens = cached;
        self.prefilled = cached;
    }

    /// Whether the caller has dropped its [`Generation`](super::Generation).
    pub fn is_abandoned(&self) -> bool {
        self.events.is_closed()
    }

    /// The number of tokens of the answer so far.
    pub fn tokens(&self) -> usize {
        self.answer.ids.len()
    }

    /// The last token of the answer, which the next step processes.
    pub fn last(&self) -> i64 {
        *self.answer.ids.last().expect("a sequence past its prompt")
    }

    /// Draws the next token from its logits.
    pub fn choose(&mut self, logits: &[f32]) -> i64 {
        self.sampler.choose(logits)
    }

    /// What the next token is drawn by: from 0 to below 1. Instead of [`Self::choose`].
    pub fn point(&mut self) -> f64 {
        self.sampler.point()
    }

    /// Adds log-probabilities of the next tokens of the prompt.
    pub fn add_prompt_logprobs(&mut self, logprobs: Vec<TokenLogprob>) {
        self.answer.prompt_logprobs.extend(logprobs);
    }

    /// Adds the next token to the answer and reports it; `ends` says whether it is an end token of the model.
    /// Returns whether the answer has ended.
    pub fn accept(&mut self, id: i64, logprob: Option<TokenLogprob>, ends: bool) -> bool {
        self.answer.ids.push(id);
        let logprobs: Vec<_> = logprob.into_iter().collect();
        self.answer.logprobs.extend(logprobs.iter().cloned());

        let is_stop = self.request.stop_ids.contains(&id);
        let ended = is_stop || (ends && !self.request.ignore_end);
        let full = self.answer.ids.len() >= self.max_tokens;
        let mut decoded = String::new();
        if !ended {
            decoded += &self.decoded(|text| text.push(id));
        }
        if ended || full {
            decoded += &self.decoded(TextStream::finish);
        }
        let (mut text, stop) = self.stopper.push(&decoded);
        let finish = match stop {
            Some(_) => Some(Finish::Stop),
            None if ended => Some(Finish::Stop),
            None if full => Some(Finish::Length),
            None => None,
        };
        if stop.is_none() && finish.is_some() {
            text += &self.stopper.finish();
        }
        self.answer.stopped_by = match stop {
            Some(stop) => Some(StoppedBy::Text(stop)),
            None => is_stop.then_some(StoppedBy::Token(id)),
        };
        self.answer.text.push_str(&text);
        // If the caller is gone, the scheduler notices before the next step.
        let _ = self.events.send(Event::Piece(Piece { text, ids: vec![id], logprobs }));
        if let Some(finish) = finish {
            self.end(finish);
        }
        finish.is_some()
    }

    /// Ends the answer.
    pub fn end(&mut self, finish: Finish) {
        self.answer.finish = finish;
        self.answer.generate_time = self.started.elapsed();
        let _ = self.events.send(Event::End(Box::new(self.answer.clone())));
    }

    fn decoded(&mut self, step: impl FnOnce(&mut TextStream) -> crate::Result<String>) -> String {
        step(&mut self.text).unwrap_or_else(|error| {
            tracing::error!("{error}");
            String::new()
        })
    }
}
