//! The engine's loop: continuous batching. Between two passes, requests join the batch or leave it. A pass gives each answer
//! a token, and processes parts of the prompts of requests that have joined. Both in one product cost little more than one of
//! them: a matrix is read once.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use tch::{Kind, Tensor};
use tokio::sync::mpsc::UnboundedReceiver;

use super::choose::choose;
use super::command::Command;
use super::logprobs::of_rows;
use super::sequence::Sequence;
use super::slots::{Slots, common, same};
use super::{Finish, Options, TokenLogprob};
use crate::lora::Adapter;
use crate::model::{Adapted, Cache, Model};
use crate::tokenizer::Tokenizer;

/// Prompt tokens that a pass processes. It bounds how long the generations under way wait for their next token.
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
    /// The sequence whose prompt is processed in part, in the slot after those of `decoding`.
    prefilling: Option<Sequence>,
    /// The sequences that get one token per pass, each in the slot of its index.
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
            self.pass();
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

    /// The sequences whose prompts this pass processes, and how many tokens of each. Their slots are those after the
    /// decoding ones. Only the last one may have more tokens than that.
    fn prompts(&mut self) -> Vec<(Sequence, usize)> {
        let mut prompts = vec![];
        let mut budget = PREFILL_TOKENS;
        while budget > 0 {
            let slot = self.decoding.len() + prompts.len();
            let sequence = match self.prefilling.take() {
                Some(sequence) => sequence,
                None if slot == self.options.max_batch => break,
                None if self.should_wait(&prompts) => break,
                None => match self.waiting.pop_front() {
                    Some(sequence) => self.start(slot, sequence),
                    None => break,
                },
            };
            let tokens = (sequence.request.tokens.len() - sequence.prefilled).min(budget);
            budget -= tokens;
            prompts.push((sequence, tokens));
        }
        prompts
    }

    /// Whether the next request shares more with a prompt of this pass than with the cache: after the pass, it need not be
    /// computed again.
    fn should_wait(&self, prompts: &[(Sequence, usize)]) -> bool {
        let Some(next) = self.waiting.front() else { return false };
        let (reusable, adapter) = (next.reusable(), next.adapter.as_ref());
        let shared = prompts.iter().filter(|(sequence, _)| same(sequence.adapter.as_ref(), adapter));
        let shared = shared.map(|(sequence, _)| common(&sequence.request.tokens, reusable)).max();
        shared.is_some_and(|shared| shared > self.slots.cached(reusable, adapter))
    }

    fn start(&mut self, slot: usize, mut sequence: Sequence) -> Sequence {
        let cached = self.slots.claim(slot, sequence.reusable(), sequence.adapter.as_ref());
        tracing::debug!(prompt_tokens = sequence.request.tokens.len(), cached, "generation started");
        sequence.start(cached);
        sequence
    }

    /// Adds one token to every answer in the batch, and processes parts of prompts. A prompt that is complete gets the first
    /// token of its answer.
    fn pass(&mut self) {
        let (prompts, parts): (Vec<Sequence>, Vec<usize>) = self.prompts().into_iter().unzip();
        let mut sequences = std::mem::take(&mut self.decoding);
        let new: Vec<usize> = std::iter::repeat_n(1, sequences.len()).chain(parts).collect();
        let answering = sequences.len();
        sequences.extend(prompts);
        if sequences.is_empty() {
            return;
        }

        // 1. The tokens of all, in one row.
        let rows = self.slots.reserve(&new);
        let mut tokens: Vec<i64> = vec![];
        for (slot, (sequence, new)) in sequences.iter().zip(&new).enumerate() {
            let before = tokens.len();
            match slot < answering {
                true => tokens.push(sequence.last()),
                false => tokens.extend(&sequence.request.tokens[sequence.prefilled..][..*new]),
            }
            self.slots.append(slot, &tokens[before..]);
        }
        let input = Tensor::from_slice(&tokens).to_device(self.model.device());
        let adapted = adapted(&sequences, &new, self.model);
        let hidden = self.model.extend(&mut self.slots.cache, &rows, &input, &adapted);
        let hidden = hidden.squeeze_dim(0); // [n, h]
        drop(adapted);

        // 2. Prompts.
        let mut start = answering as i64;
        for (sequence, new) in sequences[answering..].iter_mut().zip(&new[answering..]) {
            self.score_prompt(sequence, &hidden.narrow(0, start, *new as i64));
            sequence.prefilled += new;
            start += *new as i64;
        }
        self.prefilling = sequences.pop_if(|last| last.prefilled < last.request.tokens.len());

        // 3. The next token of each answer, from the last of its own.
        let lasts = new.iter().take(sequences.len()).scan(-1, |last, new| {
            *last += *new as i64;
            Some(*last)
        });
        let lasts: Vec<i64> = lasts.collect();
        let hidden = match lasts.len() as i64 == hidden.size()[0] {
            true => hidden,
            false => hidden.index_select(0, &Tensor::from_slice(&lasts).to_device(self.model.device())),
        };
        let ended = match sequences.is_empty() {
            true => vec![],
            false => self.accept(&mut sequences, &self.model.logits(&hidden)),
        };
        self.decoding = sequences;
        self.remove_where(|slot, _| ended[slot]);
    }

    /// Adds the log-probabilities of a prompt's next tokens, if they are asked for; `hidden` are the states of the tokens that
    /// are processed now.
    fn score_prompt(&self, sequence: &mut Sequence, hidden: &Tensor) {
        if !sequence.request.prompt_logprobs {
            return;
        }
        let prompt = &sequence.request.tokens;
        let next = sequence.prefilled + 1;
        let next = prompt[next..prompt.len().min(next + hidden.size()[0] as usize)].to_vec();
        let alternatives = sequence.request.logprobs.unwrap_or(0);
        for (rows, ids) in (0..).step_by(LOGIT_ROWS).zip(next.chunks(LOGIT_ROWS)) {
            let logits = self.model.logits(&hidden.narrow(0, rows, ids.len() as i64));
            sequence.add_prompt_logprobs(of_rows(&logits, ids, alternatives));
        }
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

/// The adapters of a batch, each with its tokens: of each sequence, in order, `new` tokens.
fn adapted<'a>(sequences: &'a [Sequence], new: &[usize], model: &Model) -> Vec<Adapted<'a>> {
    let mut groups: Vec<(&Rc<Adapter>, Vec<i64>)> = vec![];
    let mut start = 0;
    for (sequence, new) in sequences.iter().zip(new) {
        let tokens = start..start + *new as i64;
        start = tokens.end;
        let Some(adapter) = &sequence.adapter else { continue };
        match groups.iter_mut().find(|(known, _)| Rc::ptr_eq(known, adapter)) {
            Some((_, all)) => all.extend(tokens),
            None => groups.push((adapter, tokens.collect())),
        }
    }
    let some = |tokens: Vec<i64>| {
        ((tokens.len() as i64) < start).then(|| Tensor::from_slice(&tokens).to_device(model.device()))
    };
    groups.into_iter().map(|(adapter, tokens)| Adapted { adapter, tokens: some(tokens) }).collect()
}
