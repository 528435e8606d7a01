//! The engine's loop: what happens between one step of the batch and the next.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::slice::from_mut;
use std::sync::Arc;

use tch::{Kind, Tensor};
use tokio::sync::mpsc::UnboundedReceiver;

use super::engine::{Command, Options};
use super::logprobs::{floats, integers, of_rows};
use super::sequence::Sequence;
use super::slots::Slots;
use super::{Finish, TokenLogprob};
use crate::lora::Adapter;
use crate::model::{Adapted, Cache, Model};
use crate::tokenizer::Tokenizer;

/// Tokens of prompts that are read between two steps of the answers under way: these wait no longer than that takes.
const PROMPT_TOKENS_A_TURN: usize = 512;

/// What the engine's thread owns.
pub struct Turns {
    model: Model,
    tokenizer: Arc<Tokenizer>,
    end_ids: BTreeSet<i64>,
    options: Options,
    slots: Slots,
    commands: UnboundedReceiver<Command>,
    adapters: HashMap<String, Rc<Adapter>>,
    waiting: VecDeque<Sequence>,
    /// The one whose prompt is being read, in the slot after those of `writing`.
    reading: Option<Sequence>,
    /// Those that get a token a step, each in the slot of its index.
    writing: Vec<Sequence>,
}

impl Turns {
    pub fn new(
        model: Model,
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
            reading: None,
            writing: vec![],
        }
    }

    pub fn run(mut self) {
        let _guard = tch::no_grad_guard();
        while self.take_commands() {
            self.drop_abandoned();
            self.read_prompts();
            self.write_tokens();
        }
        let all = self.writing.iter_mut().chain(&mut self.reading).chain(&mut self.waiting);
        all.for_each(|sequence| sequence.end(Finish::Cancelled));
    }

    /// Takes what has arrived, and waits for it where there is nothing to do; says whether to go on.
    fn take_commands(&mut self) -> bool {
        loop {
            let idle = self.waiting.is_empty() && self.reading.is_none() && self.writing.is_empty();
            let command = match idle {
                true => self.commands.blocking_recv(),
                false => self.commands.try_recv().ok(),
            };
            match command {
                Some(Command::Generate(accepted)) => {
                    let adapter = accepted.request.adapter.as_ref().and_then(|name| self.adapters.get(name));
                    let adapter = adapter.cloned();
                    let tokenizer = self.tokenizer.clone();
                    self.waiting.push_back(Sequence::new(
                        *accepted,
                        adapter,
                        self.options.context,
                        tokenizer,
                    ));
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

    /// What finished sequences left of adapters that are gone is of no use.
    fn forget_adapters(&mut self) {
        let in_use = self.writing.len() + usize::from(self.reading.is_some());
        let adapters = &self.adapters;
        self.slots.forget(in_use, |adapter| !adapters.values().any(|loaded| Rc::ptr_eq(loaded, adapter)));
    }

    /// Ends what nobody listens to.
    fn drop_abandoned(&mut self) {
        self.waiting.retain(|sequence| !sequence.is_dropped());
        if self.reading.as_ref().is_some_and(Sequence::is_dropped) {
            self.reading = None;
            self.slots.leave(self.writing.len());
        }
        self.leave(|_, sequence| sequence.is_dropped());
    }

    /// Takes those out of the batch for which it is time. The last ones move into the slots that become free.
    fn leave(&mut self, is_time: impl Fn(usize, &Sequence) -> bool) {
        let before = self.writing.len();
        for slot in (0..self.writing.len()).rev() {
            if !is_time(slot, &self.writing[slot]) {
                continue;
            }
            self.writing.swap_remove(slot);
            let free = self.writing.len();
            self.slots.swap(slot, free);
            if self.reading.is_some() {
                self.slots.swap(free, free + 1);
            }
            self.slots.leave(free + usize::from(self.reading.is_some()));
        }
        if self.writing.len() < before {
            self.forget_adapters(); // one that was replaced may have had its last answer
        }
    }

    /// Reads some of the prompts that wait, as far as there are places in the batch.
    fn read_prompts(&mut self) {
        let mut budget = PROMPT_TOKENS_A_TURN;
        while budget > 0 {
            let slot = self.writing.len();
            let mut sequence = match self.reading.take() {
                Some(sequence) => sequence,
                None if slot == self.options.max_batch => return,
                None => match self.waiting.pop_front() {
                    Some(sequence) => self.begin(slot, sequence),
                    None => return,
                },
            };
            let ended = self.read_some(slot, &mut sequence, &mut budget);
            if sequence.read < sequence.request.tokens.len() {
                self.reading = Some(sequence);
            } else if ended {
                self.slots.leave(slot);
            } else {
                self.writing.push(sequence);
            }
        }
    }

    fn begin(&mut self, slot: usize, mut sequence: Sequence) -> Sequence {
        let prompt = &sequence.request.tokens;
        // How likely the prompt's tokens were is known only when all of them are read again.
        let reusable = if sequence.request.prompt_logprobs { 0 } else { prompt.len() - 1 };
        let cached = self.slots.claim(slot, &prompt[..reusable], sequence.adapter.as_ref());
        sequence.start(cached);
        sequence
    }

    /// Reads as much of a prompt as the budget allows, and after its end draws the answer's first token; says whether
    /// that is the last one, too.
    fn read_some(&mut self, slot: usize, sequence: &mut Sequence, budget: &mut usize) -> bool {
        let left = &sequence.request.tokens[sequence.read..];
        let tokens = &left[..left.len().min(*budget)];
        let lengths = self.slots.reserve(slot, 1, tokens.len());
        self.slots.append(slot, tokens);
        let input = Tensor::from_slice(tokens).to_device(self.model.device()).unsqueeze(0);
        let adapted = adapted(from_mut(sequence), &self.model);
        let hidden = self.model.extend(&mut self.slots.cache, slot as i64, &lengths, &input, &adapted);
        let hidden = hidden.squeeze_dim(0); // [t, h]
        drop(adapted);

        let start = sequence.read;
        sequence.read += input.numel();
        *budget -= input.numel();
        if sequence.request.prompt_logprobs {
            let followed = sequence.request.tokens.len().min(sequence.read + 1) - start - 1;
            let next = sequence.request.tokens[start + 1..][..followed].to_vec();
            let alternatives = sequence.request.logprobs.unwrap_or(0);
            for (rows, ids) in (0..).step_by(LOGIT_ROWS).zip(next.chunks(LOGIT_ROWS)) {
                let logits = self.model.logits(&hidden.narrow(0, rows, ids.len() as i64));
                sequence.tell_prompt(of_rows(&logits, ids, alternatives));
            }
        }
        if sequence.read < sequence.request.tokens.len() {
            return false;
        }
        let logits = self.model.logits(&hidden.narrow(0, hidden.size()[0] - 1, 1));
        self.accept(from_mut(sequence), &logits)[0]
    }

    /// One more token for every answer under way.
    fn write_tokens(&mut self) {
        let mut writing = std::mem::take(&mut self.writing);
        if writing.is_empty() {
            return;
        }
        let lengths = self.slots.reserve(0, writing.len(), 1);
        let tokens: Vec<i64> = writing.iter().map(Sequence::last).collect();
        for (slot, token) in tokens.iter().enumerate() {
            self.slots.append(slot, &[*token]);
        }
        let input = Tensor::from_slice(&tokens).to_device(self.model.device()).unsqueeze(1);
        let adapted = adapted(&writing, &self.model);
        let hidden = self.model.extend(&mut self.slots.cache, 0, &lengths, &input, &adapted);
        drop(adapted);
        let ended = self.accept(&mut writing, &self.model.logits(&hidden.squeeze_dim(1)));
        self.writing = writing;
        self.leave(|slot, _| ended[slot]);
    }

    /// Draws the next token of each sequence from its row of logits; says which have ended.
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

/// Rows whose logits are held at once while a prompt's log-probabilities are computed.
const LOGIT_ROWS: usize = 64;

/// The next token of each sequence, `logits` being `[n, vocabulary]`.
fn choose(sequences: &mut [Sequence], logits: &Tensor) -> Vec<i64> {
    if sequences.iter().all(|sequence| sequence.request.sampling.is_greedy()) {
        return integers(&logits.argmax(-1, false));
    }
    let values = floats(logits);
    let rows = values.chunks(logits.size()[1] as usize);
    sequences.iter_mut().zip(rows).map(|(sequence, row)| sequence.choose(row)).collect()
}

/// How likely the chosen tokens were, for those who asked.
fn logprobs(sequences: &[Sequence], logits: &Tensor, ids: &[i64]) -> Vec<Option<TokenLogprob>> {
    let most = sequences.iter().filter_map(|sequence| sequence.request.logprobs).max();
    let Some(most) = most else { return vec![None; ids.len()] };
    let told = of_rows(logits, ids, most).into_iter().zip(sequences);
    told.map(|(mut logprob, sequence)| {
        logprob.alternatives.truncate(sequence.request.logprobs?);
        Some(logprob)
    })
    .collect()
}

/// The adapters of a batch, and the rows of each.
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
