//! The assignment of sequences to the slots of the cache, and the reuse of prefixes.

use std::rc::Rc;

use crate::lora::Adapter;
use crate::model::{Cache, Row};

/// Initial capacity of a slot, in tokens.
const FIRST_CAPACITY: usize = 64;

/// The slots of a cache. Those in use come first, so that a batch is a view of them. Idle slots keep their
/// last content until they are needed.
pub struct Slots {
    pub cache: Cache,
    slots: Vec<Slot>,
    most: usize,
    context: usize,
    clock: u64,
}

/// The content of a slot.
struct Slot {
    tokens: Vec<i64>,
    adapter: Option<Rc<Adapter>>,
    /// When it became idle, by the slots' clock.
    released_at: u64,
}

impl Slots {
    /// At most `most` slots of at most `context` tokens.
    pub fn new(cache: Cache, most: usize, context: usize) -> Self {
        Self { cache, slots: vec![], most, context, clock: 0 }
    }

    /// The number of tokens that a slot holds.
    pub fn len(&self, slot: usize) -> usize {
        self.slots[slot].tokens.len()
    }

    /// Makes room for more tokens in the first slots: `new[i]` in slot `i`. Returns what each holds, and gets.
    pub fn reserve(&mut self, new: &[usize]) -> Vec<Row> {
        let rows: Vec<Row> = (new.iter().enumerate())
            .map(|(slot, new)| Row { held: self.len(slot) as i64, new: *new as i64 })
            .collect();
        self.grow(rows.iter().map(|row| row.held + row.new).max().unwrap_or(0));
        rows
    }

    /// Makes room for all slots, and for this many tokens in each.
    fn grow(&mut self, tokens: i64) {
        // By doubling: each token is copied a constant number of times on average.
        let grown = |needed: i64, have: i64, least: usize, most: usize| match needed <= have {
            true => have,
            false => needed.max(2 * have).max(least as i64).min(most as i64),
        };
        let slots = grown(self.slots.len() as i64, self.cache.slots(), 1, self.most);
        let capacity = grown(tokens, self.cache.capacity(), FIRST_CAPACITY, self.context);
        self.cache.reserve(slots, capacity).expect("memory that was free at the start");
    }

    /// Records tokens that are about to be written to a slot of the cache.
    pub fn append(&mut self, slot: usize, tokens: &[i64]) {
        self.slots[slot].tokens.extend(tokens);
    }

    /// How many of the first tokens of a prompt are cached, by a sequence with the same adapter.
    pub fn cached(&self, reusable: &[i64], adapter: Option<&Rc<Adapter>>) -> usize {
        self.longest(reusable, adapter).0
    }

    /// The length of the longest cached prefix, and the slot that holds it.
    fn longest(&self, reusable: &[i64], adapter: Option<&Rc<Adapter>>) -> (usize, usize) {
        let shared = |slot: &Slot| match same(slot.adapter.as_ref(), adapter) {
            true => common(&slot.tokens, reusable),
            false => 0,
        };
        self.slots.iter().enumerate().map(|(slot, held)| (shared(held), slot)).max().unwrap_or((0, 0))
    }

    /// Prepares slot `place`, the first idle one, for a prompt that begins with `reusable`. Returns how many
    /// of these tokens are cached already, by an earlier sequence with the same adapter and a common prefix.
    pub fn claim(&mut self, place: usize, reusable: &[i64], adapter: Option<&Rc<Adapter>>) -> usize {
        let (cached, best) = self.longest(reusable, adapter);

        // An idle slot that is a prefix of the prompt is continued. Otherwise a new slot, or the least
        // recently used.
        let slot = if cached > 0 && best >= place && cached == self.len(best) {
            best
        } else if self.slots.len() < self.most {
            self.slots.push(Slot { tokens: vec![], adapter: None, released_at: 0 });
            self.grow(0);
            self.slots.len() - 1
        } else {
            let idle = place..self.most;
            idle.min_by_key(|slot| self.slots[*slot].released_at).expect("an idle slot")
        };
        if cached > 0 && best != slot {
            self.cache.copy(best as i64, slot as i64, cached as i64);
        }
        let held = &mut self.slots[slot];
        held.tokens = reusable[..cached].to_vec();
        held.adapter = adapter.cloned();
        self.swap(slot, place);
        cached
    }

    /// Exchanges the content of two slots.
    pub fn swap(&mut self, one: usize, other: usize) {
        let tokens = self.len(one).max(self.len(other));
        if one != other && tokens > 0 {
            self.cache.swap(one as i64, other as i64, tokens as i64);
        }
        self.slots.swap(one, other);
    }

    /// Marks a slot as idle; its content may be reused.
    pub fn release(&mut self, slot: usize) {
        self.clock += 1;
        self.slots[slot].released_at = self.clock;
    }

    /// Clears the idle slots, those from `place` on, whose adapters are gone.
    pub fn forget(&mut self, place: usize, gone: impl Fn(&Rc<Adapter>) -> bool) {
        for slot in &mut self.slots[place..] {
            if slot.adapter.as_ref().is_some_and(&gone) {
                *slot = Slot { tokens: vec![], adapter: None, released_at: 0 };
            }
        }
    }
}

/// The length of the common prefix.
pub fn common(one: &[i64], other: &[i64]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// Whether both are the base, or the same adapter. An adapter that replaced another under its name is a
/// different one.
pub fn same(one: Option<&Rc<Adapter>>, other: Option<&Rc<Adapter>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Rc::ptr_eq(one, other),
        _ => false,
    }
}
