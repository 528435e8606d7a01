//! One request under way.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedSender;

use super::sampling::Sampler;
use super::stop::Stopper;
use super::text::TextStream;
use super::{Answer, Event, Finish, Piece, Request, StoppedBy, TokenLogprob};
use crate::lora::Adapter;
use crate::tokenizer::Tokenizer;

/// A request that has been checked, on its way to the engine.
pub struct Accepted {
    pub request: Request,
    pub events: UnboundedSender<Event>,
    /// Its place in the queue, given back when it leaves it.
    pub place: OwnedSemaphorePermit,
    pub arrived: Instant,
}

/// One request under way: its answer so far.
pub struct Sequence {
    pub request: Request,
    pub adapter: Option<Rc<Adapter>>,
    /// Tokens of the prompt that have been read.
    pub read: usize,
    sampler: Sampler,
    events: UnboundedSender<Event>,
    place: Option<OwnedSemaphorePermit>,
    most: usize,
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
            read: 0,
            sampler: Sampler::new(request.sampling),
            events,
            place: Some(place),
            most: request.max_tokens.unwrap_or(room).min(room),
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

    /// Leaves the queue; `cached` tokens of the prompt need no reading.
    pub fn start(&mut self, cached: usize) {
        self.place = None;
        self.started = Instant::now();
        self.answer.queue_time = self.started - self.arrived;
        self.answer.cached_tokens = cached;
        self.read = cached;
    }

    /// Whether nobody listens any more.
    pub fn is_dropped(&self) -> bool {
        self.events.is_closed()
    }

    /// The token that the next step reads.
    pub fn last(&self) -> i64 {
        *self.answer.ids.last().expect("a sequence past its prompt")
    }

    /// The next token, drawn from its logits.
    pub fn choose(&mut self, logits: &[f32]) -> i64 {
        self.sampler.choose(logits)
    }

    /// Takes in how likely some of the prompt's tokens were.
    pub fn tell_prompt(&mut self, logprobs: Vec<TokenLogprob>) {
        self.answer.prompt_logprobs.extend(logprobs);
    }

    /// Takes in the next token, and tells of it; says whether the answer has ended.
    pub fn accept(&mut self, id: i64, logprob: Option<TokenLogprob>, ends: bool) -> bool {
        self.answer.ids.push(id);
        let logprobs: Vec<_> = logprob.into_iter().collect();
        self.answer.logprobs.extend(logprobs.iter().cloned());

        let asked_for = self.request.stop_ids.contains(&id);
        let ended = asked_for || (ends && !self.request.ignore_end);
        let full = self.answer.ids.len() >= self.most;
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
            None => asked_for.then_some(StoppedBy::Token(id)),
        };
        self.answer.text.push_str(&text);
        // Nobody listening is seen before the next step.
        let _ = self.events.send(Event::Piece(Piece { text, ids: vec![id], logprobs }));
        if let Some(finish) = finish {
            self.end(finish);
        }
        finish.is_some()
    }

    /// Ends the answer where it is.
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
