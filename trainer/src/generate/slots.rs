//! Which sequence lies where in the cache, and what of it can be reused.

use std::rc::Rc;

use crate::lora::Adapter;
use crate::model::Cache;

/// Tokens a slot has room for at first.
const FIRST_CAPACITY: usize = 64;

/// The slots of a cache. Those in use come first, so that a batch is a view of them; the rest keep what was last in
/// them until their room is needed.
pub struct Slots {
    pub cache: Cache,
    slots: Vec<Slot>,
    most: usize,
    context: usize,
    clock: u64,
}

/// What a slot holds.
struct Slot {
    tokens: Vec<i64>,
    adapter: Option<Rc<Adapter>>,
    left_at: u64,
}

impl Slots {
    /// At most `most` slots of at most `context` tokens.
    pub fn new(cache: Cache, most: usize, context: usize) -> Self {
        Self { cache, slots: vec![], most, context, clock: 0 }
    }

    /// Tokens that a slot holds.
    pub fn len(&self, slot: usize) -> usize {
        self.slots[slot].tokens.len()
    }

    /// Makes room for `new` more tokens in each of `count` slots from `first` on; returns how many each holds.
    pub fn reserve(&mut self, first: usize, count: usize, new: usize) -> Vec<i64> {
        let lengths: Vec<i64> = (first..first + count).map(|slot| self.len(slot) as i64).collect();
        let needed = lengths.iter().max().map_or(0, |longest| *longest as usize + new);
        // By doubling, so that a token is moved a constant number of times.
        let grown = |needed: usize, have: i64, least: usize, most: usize| match needed as i64 <= have {
            true => have,
            false => needed.max(2 * have as usize).max(least).min(most) as i64,
        };
        let slots = grown(self.slots.len(), self.cache.slots(), 1, self.most);
        let capacity = grown(needed, self.cache.capacity(), FIRST_CAPACITY, self.context);
        self.cache.reserve(slots, capacity).expect("memory that was free at the start");
        lengths
    }

    /// Says that the cache holds these tokens of a slot now.
    pub fn append(&mut self, slot: usize, tokens: &[i64]) {
        self.slots[slot].tokens.extend(tokens);
    }

    /// Makes slot `place`, the first that is not in use, ready for a prompt that begins with `useful`; returns how
    /// many tokens of that are there already: of an earlier sequence with the same adapter that began alike.
    pub fn claim(&mut self, place: usize, useful: &[i64], adapter: Option<&Rc<Adapter>>) -> usize {
        let shared = |slot: &Slot| match same(slot.adapter.as_ref(), adapter) {
            true => slot.tokens.iter().zip(useful).take_while(|(one, other)| one == other).count(),
            false => 0,
        };
        let (cached, best) =
            self.slots.iter().enumerate().map(|(slot, held)| (shared(held), slot)).max().unwrap_or((0, 0));

        // A slot that goes on is taken over. Otherwise there is a new one, or the one that was left longest ago.
        let slot = if cached > 0 && best >= place && cached == self.len(best) {
            best
        } else if self.slots.len() < self.most {
            self.slots.push(Slot { tokens: vec![], adapter: None, left_at: 0 });
            self.reserve(place, 0, 0);
            self.slots.len() - 1
        } else {
            let idle = place..self.most;
            idle.min_by_key(|slot| self.slots[*slot].left_at).expect("a slot that is not in use")
        };
        if cached > 0 && best != slot {
            self.cache.copy(best as i64, slot as i64, cached as i64);
        }
        let held = &mut self.slots[slot];
        held.tokens = useful[..cached].to_vec();
        held.adapter = adapter.cloned();
        self.swap(slot, place);
        cached
    }

    /// Exchanges what two slots hold.
    pub fn swap(&mut self, one: usize, other: usize) {
        let tokens = self.len(one).max(self.len(other));
        if one != other && tokens > 0 {
            self.cache.swap(one as i64, other as i64, tokens as i64);
        }
        self.slots.swap(one, other);
    }

    /// Says that a slot is no longer in use; what it holds may be used again.
    pub fn leave(&mut self, slot: usize) {
        self.clock += 1;
        self.slots[slot].left_at = self.clock;
    }

    /// Forgets what slots from `place` on, which are not in use, hold of adapters that are gone.
    pub fn forget(&mut self, place: usize, gone: impl Fn(&Rc<Adapter>) -> bool) {
        for slot in &mut self.slots[place..] {
            if slot.adapter.as_ref().is_some_and(&gone) {
                *slot = Slot { tokens: vec![], adapter: None, left_at: 0 };
            }
        }
    }
}

/// Whether both are the base, or the same adapter: not one that was replaced under its name.
fn same(one: Option<&Rc<Adapter>>, other: Option<&Rc<Adapter>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Rc::ptr_eq(one, other),
        _ => false,
    }
}
