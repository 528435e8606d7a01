//! Calls of the trainer's model in rounds: a round is sent when every episode under way waits for the model.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto::rollout::{Answer, Ask, Said};
use proto::trace::TokenUsage;
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

use super::pipe::Pipe;
use crate::model::{Completion, Error, FinishReason, GenerateRequest, Model, Tokens};

/// The name of the model in errors.
const MODEL: &str = "policy";

/// Where an episode is in the order of a round: its group, and its place in it.
pub type Place = (usize, usize);

/// The rounds of a batch of episodes. Clones are of the same batch.
#[derive(Clone, Debug)]
pub struct Rounds {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pipe: Arc<Pipe>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of episodes under way.
    seated: usize,
    /// What those ask that wait for the model.
    waiting: BTreeMap<Place, (Ask, oneshot::Sender<Answered>)>,
}

type Answered = Result<Answer, Error>;

/// An episode's part in the rounds: the model, as the episode sees it.
#[derive(Debug)]
pub struct Seat {
    shared: Arc<Shared>,
    place: Place,
    calls: AtomicU64,
    left: AtomicBool,
}

impl Rounds {
    /// Rounds without episodes.
    pub fn new(pipe: Arc<Pipe>) -> Self {
        Self { shared: Arc::new(Shared { pipe, state: Mutex::default() }) }
    }

    /// Seats an episode: from now on no round is sent without it, until it leaves.
    pub fn seat(&self, place: Place) -> Arc<Seat> {
        self.shared.lock().seated += 1;
        Arc::new(Seat {
            shared: self.shared.clone(),
            place,
            calls: AtomicU64::new(0),
            left: AtomicBool::new(false),
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the round, if everyone waits.
    fn send_if_complete(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.waiting.is_empty() || state.waiting.len() < state.seated {
            return;
        }
        let round = std::mem::take(&mut state.waiting);
        drop(state);
        tokio::spawn(send(self.pipe.clone(), round.into_values().collect()));
    }
}

/// Asks the trainer, and tells every episode its answer. Whoever has stopped waiting is not told.
async fn send(pipe: Arc<Pipe>, round: Vec<(Ask, oneshot::Sender<Answered>)>) {
    let (asks, waiting): (Vec<_>, Vec<_>) = round.into_iter().unzip();
    match pipe.ask(asks).await {
        Ok(Some(answers)) => waiting.into_iter().zip(answers).for_each(|(one, answer)| {
            let _ = one.send(Ok(answer));
        }),
        Ok(None) => waiting.into_iter().for_each(|one| {
            let _ = one.send(Err(Error::Left));
        }),
        Err(lost) => waiting.into_iter().for_each(|one| {
            let _ = one.send(Err(Error::Unreachable { url: MODEL.to_owned(), problem: lost.to_string() }));
        }),
    }
}

impl Seat {
    /// Leaves the rounds; they go on without it.
    pub fn leave(&self) {
        if !self.left.swap(true, Ordering::Relaxed) {
            self.shared.lock().seated -= 1;
            // A seat is also left outside of a runtime, when everything ends.
            if tokio::runtime::Handle::try_current().is_ok() {
                self.shared.send_if_complete();
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Takes back a question that nobody waits for any more.
struct Waiting<'seat>(&'seat Seat);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.shared.lock().waiting.remove(&self.0.place);
    }
}

#[tonic::async_trait]
impl Model for Seat {
    fn name(&self) -> &str {
        MODEL
    }

    async fn generate(&self, request: &GenerateRequest) -> Result<Completion, Error> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let ask = Ask {
            messages: request.messages.clone(),
            seed: seed(request.seed, call),
            stop: request.stop.clone(),
            enable_thinking: request.enable_thinking,
        };
        let (sender, answer) = oneshot::channel();
        self.shared.lock().waiting.insert(self.place, (ask, sender));
        let waiting = Waiting(self);
        self.shared.send_if_complete();
        let answer = answer.await.unwrap_or(Err(Error::Left))?;
        drop(waiting);
        match answer {
            Answer::Said(said) => Ok(completion(said)),
            Answer::TooLong(problem) => Err(Error::ContextOverflow { problem }),
            Answer::Refused(reason) => Err(Error::Conversation { model: MODEL.to_owned(), reason }),
        }
    }
}

/// The seed of a call. Each call of an episode has its own: with one seed for all, each answer would draw the same random
/// numbers.
fn seed(episode: u64, call: u64) -> u64 {
    let digest = Sha256::digest([episode.to_le_bytes(), call.to_le_bytes()].concat());
    digest.iter().take(8).fold(0, |seed, &byte| seed << 8 | u64::from(byte)) >> 11
}

fn completion(said: Said) -> Completion {
    let Said { text, is_cut, prompt, answer, logprobs } = said;
    let (prompt_tokens, completion_tokens) = (prompt.len() as u64, answer.len() as u64);
    Completion {
        text,
        finish_reason: if is_cut { FinishReason::Length } else { FinishReason::Stop },
        usage: TokenUsage {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
            estimated: false,
        },
        tokens: Some(Tokens { prompt, answer, logprobs, ended: !is_cut }),
        ..Completion::default()
    }
}
