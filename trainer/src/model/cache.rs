//! The KV cache: keys and values of tokens that were processed earlier.

use tch::{Device, Kind, TchError, Tensor};

use super::Config;

/// Keys and values by slot: a slot holds one sequence, from its first token on. The owner keeps track of
/// which slots are in use, and how far each is filled.
pub struct Cache {
    layers: Vec<[Tensor; 2]>, // keys and values, [slots, key heads, capacity, d]
    slots: i64,
    capacity: i64,
}

impl Cache {
    /// A cache without slots.
    pub fn new(config: &Config, kind: Kind, device: Device) -> Self {
        let empty = || Tensor::zeros([0, config.num_key_value_heads, 0, config.head_dim], (kind, device));
        let layers = (0..config.num_hidden_layers).map(|_| [empty(), empty()]).collect();
        Self { layers, slots: 0, capacity: 0 }
    }

    /// Bytes per token, over all layers.
    pub fn bytes_per_token(config: &Config, kind: Kind) -> u64 {
        let elements = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim;
        elements as u64 * kind.elt_size_in_bytes() as u64
    }

    /// The number of sequences that it has room for.
    pub fn slots(&self) -> i64 {
        self.slots
    }

    /// The number of tokens that each slot has room for.
    pub fn capacity(&self) -> i64 {
        self.capacity
    }

    /// Grows to at least `slots` slots of `capacity` tokens, keeping its content.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn reserve(&mut self, slots: i64, capacity: i64) -> Result<(), TchError> {
        let (slots, capacity) = (slots.max(self.slots), capacity.max(self.capacity));
        if (slots, capacity) == (self.slots, self.capacity) {
            return Ok(());
        }
        for tensor in self.layers.iter_mut().flatten() {
            let (_, heads, _, d) = tensor.size4().expect("slots of keys");
            // Zeros, not uninitialised memory: masked values are multiplied by zero, which must give zero,
            // not NaN.
            let options = (tensor.kind(), tensor.device());
            let grown = Tensor::f_zeros([slots, heads, capacity, d], options)?;
            grown.narrow(0, 0, self.slots).narrow(2, 0, self.capacity).copy_(tensor);
            *tensor = grown;
        }
        (self.slots, self.capacity) = (slots, capacity);
        Ok(())
    }

    /// Copies the first `tokens` tokens of a slot to another slot.
    pub fn copy(&mut self, from: i64, to: i64, tokens: i64) {
        for tensor in self.layers.iter().flatten() {
            let part = |slot| tensor.select(0, slot).narrow(1, 0, tokens);
            part(to).copy_(&part(from));
        }
    }

    /// The causal mask of new tokens at `positions`, `[b, t]`: `[b, 1, g * t, seen]`, minus infinity where
    /// hidden.
    fn mask(&self, positions: &Tensor, seen: i64, config: &Config) -> Tensor {
        let (b, t) = positions.size2().expect("a matrix of positions");
        let (kind, device) = (self.layers[0][0].kind(), positions.device());
        let columns = Tensor::arange(seen, (Kind::Int64, device));
        let hidden = columns.gt_tensor(&positions.unsqueeze(-1)).unsqueeze(1); // [b, 1, t, seen]
        let mask = Tensor::zeros([b, 1, t, seen], (kind, device)).masked_fill(&hidden, f64::NEG_INFINITY);
        mask.repeat([1, 1, config.num_attention_heads / config.num_key_value_heads, 1])
    }

    /// Exchanges the first `tokens` tokens of two slots.
    pub fn swap(&mut self, one: i64, other: i64, tokens: i64) {
        for tensor in self.layers.iter().flatten() {
            let part = |slot| tensor.select(0, slot).narrow(1, 0, tokens);
            let kept = part(one).copy();
            part(one).copy_(&part(other));
            part(other).copy_(&kept);
        }
    }
}

/// How a pass extends a slot.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The number of tokens that the slot holds.
    pub held: i64,
    /// The number of tokens that it gets.
    pub new: i64,
}

impl Row {
    /// The tokens that its last one attends to.
    fn seen(&self) -> i64 {
        self.held + self.new
    }
}

/// The slots that a pass extends, and what their new tokens attend to.
pub struct Window<'a> {
    cache: &'a Cache,
    places: Tensor, // [key heads * n]: rows of the flattened cache that the new tokens are written to
    groups: Vec<Group>,
}

/// Consecutive slots that get the same number of tokens, and are attended to in one operation.
struct Group {
    first: i64,
    rows: i64,
    new: i64,             // tokens that each row gets
    seen: i64,            // tokens of the longest row, new ones included
    mask: Option<Tensor>, // [rows, 1, g * new, seen], added to scores; g: query heads per key head; None: no mask
}

/// Splits rows into groups of consecutive ones that are attended to in one operation, padded to the longest; all of a group get
/// the same number of tokens. A GPU gains from the largest groups. (There a mask excludes the flash kernel; the
/// memory-efficient one takes it.) On a CPU at most half of what is computed is padding: an operation for each row takes
/// longer than that, as a row has less work than a thread needs.
fn together(rows: &[Row], device: Device) -> Vec<&[Row]> {
    let mut groups = vec![];
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let (mut longest, mut sum) = (0, 0);
        let joins = |(count, row): &(i64, &Row)| {
            longest = longest.max(row.seen());
            sum += row.seen();
            row.new == first.new && (device != Device::Cpu || count * longest <= 2 * sum)
        };
        let count = (1..).zip(rest).take_while(joins).count();
        let (group, others) = rest.split_at(count);
        groups.push(group);
        rest = others;
    }
    groups
}

impl<'a> Window<'a> {
    /// The first slots, one for each of `rows`; `positions`, `[n]`, are those of all new tokens.
    pub(super) fn new(cache: &'a Cache, rows: &[Row], positions: &Tensor, config: &Config) -> Self {
        debug_assert!(rows.len() as i64 <= cache.slots);
        let device = positions.device();
        let heads = config.num_key_value_heads;
        let slots: Vec<i64> =
            (0..).zip(rows).flat_map(|(slot, row)| std::iter::repeat_n(slot, row.new as usize)).collect();
        let slots = Tensor::from_slice(&slots).to_device(device) * (heads * cache.capacity);
        let heads = Tensor::arange(heads, (Kind::Int64, device)).unsqueeze(1) * cache.capacity;
        let places = (slots + positions).unsqueeze(0) + heads;

        let (mut slot, mut token) = (0, 0);
        let group = |members: &[Row]| {
            let (rows, new) = (members.len() as i64, members[0].new);
            let seen = members.iter().map(Row::seen).max().unwrap_or(new);
            debug_assert!(seen <= cache.capacity);
            let positions = positions.narrow(0, token, rows * new).view([rows, new]);
            let mask = (rows > 1 || new > 1).then(|| cache.mask(&positions, seen, config));
            let group = Group { first: slot, rows, new, seen, mask };
            slot += rows;
            token += rows * new;
            group
        };
        let groups = together(rows, device).into_iter().map(group).collect();
        Self { cache, places: places.reshape([-1]), groups }
    }

    /// Stores the new keys and values of a layer, `[1, key heads, n, d]`, and attends to all tokens of each
    /// row: queries `[1, heads, n, d]` in, the same shape out. The queries that share a head of keys are rows
    /// of one product, so that keys and values are read in place, without repeating them.
    pub(super) fn attend(&self, layer: usize, q: &Tensor, k: &Tensor, v: &Tensor) -> Tensor {
        let (_, heads, _, d) = q.size4().expect("queries");
        let key_heads = k.size()[1];
        let cached = &self.cache.layers[layer];
        for (cached, new) in cached.iter().zip([k, v]) {
            let _ = cached.view([-1, d]).index_copy_(0, &self.places, &new.reshape([-1, d]));
        }
        let mut before = 0;
        let parts: Vec<Tensor> = (self.groups.iter())
            .map(|Group { first, rows, new, seen, mask }| {
                let [keys, values] =
                    cached.each_ref().map(|cached| cached.narrow(0, *first, *rows).narrow(2, 0, *seen));
                let q = q.narrow(2, before, rows * new).reshape([heads, *rows, *new, d]).transpose(0, 1);
                let q = q.reshape([*rows, key_heads, -1, d]);
                before += rows * new;
                let y = Tensor::scaled_dot_product_attention(
                    &q,
                    &keys,
                    &values,
                    mask.as_ref(),
                    0.0,
                    false,
                    None,
                    false,
                );
                y.reshape([*rows, heads, *new, d]).transpose(0, 1).reshape([1, heads, -1, d])
            })
            .collect();
        Tensor::cat(&parts, 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_similar_lengths_are_attended_to_together() {
        let rows = |all: &[(i64, i64)]| all.iter().map(|&(held, new)| Row { held, new }).collect::<Vec<_>>();
        let sizes =
            |rows: &[Row], device| together(rows, device).iter().map(|group| group.len()).collect::<Vec<_>>();
        let similar = rows(&[(99, 1), (120, 1), (60, 1)]);
        let uneven = rows(&[(999, 1), (9, 1), (9, 1), (9, 1)]);
        let mixed = rows(&[(99, 1), (99, 1), (0, 100), (0, 100), (0, 30)]);
        assert_eq!(sizes(&similar, Device::Cpu), [3]);
        assert_eq!(sizes(&uneven, Device::Cpu), [2, 2], "three would be two thirds padding");
        assert_eq!(sizes(&mixed, Device::Cpu), [2, 2, 1], "each group's rows get as many tokens");
        assert_eq!(sizes(&uneven, Device::Cuda(0)), [4]);
        assert_eq!(sizes(&[], Device::Cpu), [0_usize; 0]);
    }
}
