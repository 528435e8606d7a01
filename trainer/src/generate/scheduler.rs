//! The engine's loop: continuous batching. Between two steps of the batch, requests join it, leave it, and
//! have a part of their prompts processed.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::slice::from_mut;
use std::sync::Arc;

use tch::{Kind, Tensor};
use tokio::sync::mpsc::UnboundedReceiver;

use super::choose::choose;
use super::command::Command;
use super::logprobs::of_rows;
use super::sequence::Sequence;
use super::slots::Slots;
use super::{Finish, Options, TokenLogprob};
use crate::lora::Adapter;
use crate::model::{Adapted, Cache, Model};
use crate::tokenizer::Tokenizer;

/// Prompt tokens that are processed between two decoding steps. It bounds how long the generations under way
/// wait.
const PREFILL_TOKENS: usize = 512;

/// Rows whose logits are held at once while the log-probabilities of a prompt are computed.
const LOGIT_ROWS: usize = 64;

/// The state of the engine's thread.
pub struct Scheduler<'model> {
    model: &'model Model,
    tokenizer: Arc<Tokenizer>,
    end_ids: BTreeSet<i64>,
    options: Options,
    slots: Slots,
    commands: UnboundedReceiver<Command>,
    adapters: HashMap<String, Rc<Adapter>>,
    waiting: VecDeque<Sequence>,
    /// The sequence whose prompt is being processed, in the slot after those of `decoding`.
    prefilling: Option<Sequence>,
    /// The sequences that get one token per step, each in the slot of its index.
    decoding: Vec<Sequence>,
}

impl<'model> Scheduler<'model> {
    pub fn new(
        model: &'model Model,
        cache: Cache,
        tokenizer: Arc<Tokenizer>,
        options: Options,
        commands: UnboundedReceiver<Command>,
    ) -> Self {
        Self {
            slots: Slots::new(cache, options.max_batch, options.context),
            end_ids: tokenizer.end_ids().clone(),
            model,
            tokenizer,
            options,
            commands,
            adapters: HashMap::new(),
            waiting: VecDeque::new(),
            prefilling: None,
            decoding: vec![],
        }
    }

    /// Runs until [`Command::Stop`], or until there are no handles and no work left.
    pub fn run(mut self) {
        let _guard = tch::no_grad_guard();
        while self.take_commands() {
            self.drop_abandoned();
            self.prefill();
            self.decode();
        }
        let all = self.decoding.iter_mut().chain(&mut self.prefilling).chain(&mut self.waiting);
        all.for_each(|sequence| sequence.end(Finish::Cancelled));
    }

    /// Handles the commands that have arrived; waits for one if there is no work. Returns false at the end.
    fn take_commands(&mut self) -> bool {
        loop {
            let idle = self.waiting.is_empty() && self.prefilling.is_none() && self.decoding.is_empty();
            let command = match idle {
                true => self.commands.blocking_recv(),
                false => self.commands.try_recv().ok(),
            };
            match command {
                Some(Command::Generate(all)) => {
                    for accepted in all {
                        let name = accepted.request.adapter.as_ref();
                        let adapter = name.and_then(|name| self.adapters.get(name)).cloned();
                        let (context, tokenizer) = (self.options.context, self.tokenizer.clone());
                        self.waiting.push_back(Sequence::new(accepted, adapter, context, tokenizer));
                    }
                }
                Some(Command::Load(name, adapter)) => {
                    self.adapters.insert(name, Rc::new(adapter));
                    self.forget_adapters();
                }
                Some(Command::Unload(name)) => {
                    self.adapters.remove(&name);
                    self.forget_adapters();
                }
                Some(Command::Stop) => return false,
                None => return !idle,
            }
        }
    }

    /// Forgets what idle slots hold of adapters that are no longer loaded.
    fn forget_adapters(&mut self) {
        let in_use = self.decoding.len() + usize::from(self.prefilling.is_some());
        let adapters = &self.adapters;
        self.slots.forget(in_use, |adapter| !adapters.values().any(|loaded| Rc::ptr_eq(loaded, adapter)));
    }

    /// Ends the generations whose callers are gone.
    fn drop_abandoned(&mut self) {
        self.waiting.retain(|sequence| !sequence.is_abandoned());
        if self.prefilling.as_ref().is_some_and(Sequence::is_abandoned) {
            self.prefilling = None;
            self.slots.release(self.decoding.len());
        }
        self.remove_where(|_, sequence| {
            let abandoned = sequence.is_abandoned();
            if abandoned {
                tracing::debug!(tokens = sequence.tokens(), "generation abandoned");
            }
            abandoned
        });
    }

    /// Removes sequences from the batch. The last ones move into the slots that become free.
    fn remove_where(&mut self, is_due: impl Fn(usize, &Sequence) -> bool) {
        let before = self.decoding.len();
        for slot in (0..self.decoding.len()).rev() {
            if !is_due(slot, &self.decoding[slot]) {
                continue;
            }
            self.decoding.swap_remove(slot);
            let free = self.decoding.len();
            self.slots.swap(slot, free);
            if self.prefilling.is_some() {
                self.slots.swap(free, free + 1);
            }
            self.slots.release(free + usize::from(self.prefilling.is_some()));
        }
        if self.decoding.len() < before {
            self.forget_adapters(); // a replaced adapter is kept until its last sequence has ended
        }
    }

    /// Processes prompts, at most [`PREFILL_TOKENS`] of them, while the batch has room.
    fn prefill(&mut self) {
        let mut budget = PREFILL_TOKENS;
        while budget > 0 {
            let slot = self.decoding.len();
            let mut sequence = match self.prefilling.take() {
                Some(sequence) => sequence,
                None if slot == self.options.max_batch => return,
                None => match self.waiting.pop_front() {
                    Some(sequence) => self.start(slot, sequence),
                    None => return,
                },
            };
            let ended = self.prefill_chunk(slot, &mut sequence, &mut budget);
            if sequence.prefilled < sequence.request.tokens.len() {
                self.prefilling = Some(sequence);
            } else if ended {
                self.slots.release(slot);
            } else {
                self.decoding.push(sequence);
            }
        }
    }

    fn start(&mut self, slot: usize, mut sequence: Sequence) -> Sequence {
        let prompt = &sequence.request.tokens;
        // The log-probabilities of a prompt need a pass over all of its tokens.
        let reusable = if sequence.request.prompt_logprobs { 0 } else { prompt.len() - 1 };
        let cached = self.slots.claim(slot, &prompt[..reusable], sequence.adapter.as_ref());
        tracing::debug!(prompt_tokens = sequence.request.tokens.len(), cached, "generation started");
        sequence.start(cached);
        sequence
    }

    /// Processes as much of a prompt as the budget allows, and at its end draws the first token of the
    /// answer. Returns whether that token ends the answer.
    fn prefill_chunk(&mut self, slot: usize, sequence: &mut Sequence, budget: &mut usize) -> bool {
        let left = &sequence.request.tokens[sequence.prefilled..];
        let tokens = &left[..left.len().min(*budget)];
        let lengths = self.slots.reserve(slot, 1, tokens.len());
        self.slots.append(slot, tokens);
        let input = Tensor::from_slice(tokens).to_device(self.model.device()).unsqueeze(0);
        let adapted = adapted(from_mut(sequence), self.model);
        let hidden = self.model.extend(&mut self.slots.cache, slot as i64, &lengths, &input, &adapted);
        let hidden = hidden.squeeze_dim(0); // [t, h]
        drop(adapted);

        let start = sequence.prefilled;
        sequence.prefilled += input.numel();
        *budget -= input.numel();
        if sequence.request.prompt_logprobs {
            let followed = sequence.request.tokens.len().min(sequence.prefilled + 1) - start - 1;
            let next = sequence.request.tokens[start + 1..][..followed].to_vec();
            let alternatives = sequence.request.logprobs.unwrap_or(0);
            for (rows, ids) in (0..).step_by(LOGIT_ROWS).zip(next.chunks(LOGIT_ROWS)) {
                let logits = self.model.logits(&hidden.narrow(0, rows, ids.len() as i64));
                sequence.add_prompt_logprobs(of_rows(&logits, ids, alternatives));
            }
        }
        if sequence.prefilled < sequence.request.tokens.len() {
            return false;
        }
        let logits = self.model.logits(&hidden.narrow(0, hidden.size()[0] - 1, 1));
        self.accept(from_mut(sequence), &logits)[0]
    }

    /// Adds one token to every answer in the batch.
    fn decode(&mut self) {
        let mut decoding = std::mem::take(&mut self.decoding);
        if decoding.is_empty() {
            return;
        }
        let lengths = self.slots.reserve(0, decoding.len(), 1);
        let tokens: Vec<i64> = decoding.iter().map(Sequence::last).collect();
        for (slot, token) in tokens.iter().enumerate() {
            self.slots.append(slot, &[*token]);
        }
        let input = Tensor::from_slice(&tokens).to_device(self.model.device()).unsqueeze(1);
        let adapted = adapted(&decoding, self.model);
        let hidden = self.model.extend(&mut self.slots.cache, 0, &lengths, &input, &adapted);
        drop(adapted);
        let ended = self.accept(&mut decoding, &self.model.logits(&hidden.squeeze_dim(1)));
        self.decoding = decoding;
        self.remove_where(|slot, _| ended[slot]);
    }

    /// Draws the next token of each sequence from its row of logits. Returns which answers have ended.
    fn accept(&self, sequences: &mut [Sequence], logits: &Tensor) -> Vec<bool> {
        let logits = logits.to_kind(Kind::Float);
        let ids = choose(sequences, &logits);
        let logprobs = logprobs(sequences, &logits, &ids);
        let accept = |((sequence, id), logprob): ((&mut Sequence, i64), Option<TokenLogprob>)| {
            sequence.accept(id, logprob, self.end_ids.contains(&id))
        };
        sequences.iter_mut().zip(ids).zip(logprobs).map(accept).collect()
    }
}

/// The log-probabilities of the chosen tokens, for the sequences whose requests ask for them.
fn logprobs(sequences: &[Sequence], logits: &Tensor, ids: &[i64]) -> Vec<Option<TokenLogprob>> {
    let most = sequences.iter().filter_map(|sequence| sequence.request.logprobs).max();
    let Some(most) = most else { return vec![None; ids.len()] };
    let all = of_rows(&divided(sequences, logits), ids, most).into_iter().zip(sequences);
    all.map(|(mut logprob, sequence)| {
        logprob.alternatives.truncate(sequence.request.logprobs?);
        Some(logprob)
    })
    .collect()
}

/// The logits, divided by the temperature for the sequences whose requests ask for the probabilities of draws.
fn divided(sequences: &[Sequence], logits: &Tensor) -> Tensor {
    if !sequences.iter().any(|sequence| sequence.request.of_draws) {
        return logits.shallow_clone();
    }
    let divisor = |sequence: &Sequence| match sequence.request.of_draws {
        true => sequence.request.sampling.temperature,
        false => 1.0,
    };
    let divisors: Vec<f64> = sequences.iter().map(divisor).collect();
    logits / Tensor::from_slice(&divisors).to_kind(Kind::Float).to_device(logits.device()).unsqueeze(1)
}

/// The adapters of a batch, each with its rows.
fn adapted<'a>(sequences: &'a [Sequence], model: &Model) -> Vec<Adapted<'a>> {
    let mut groups: Vec<(&Rc<Adapter>, Vec<i64>)> = vec![];
    for (row, sequence) in sequences.iter().enumerate() {
        let Some(adapter) = &sequence.adapter else { continue };
        match groups.iter_mut().find(|(known, _)| Rc::ptr_eq(known, adapter)) {
            Some((_, rows)) => rows.push(row as i64),
            None => groups.push((adapter, vec![row as i64])),
        }
    }
    let rows = |rows: Vec<i64>| {
        (rows.len() < sequences.len()).then(|| Tensor::from_slice(&rows).to_device(model.device()))
    };
    groups.into_iter().map(|(adapter, members)| Adapted { adapter, rows: rows(members) }).collect()
}
