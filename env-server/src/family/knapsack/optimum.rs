//! The exact optimum of a 0/1 knapsack.

use std::cmp::Reverse;

use super::play::Item;

/// The best set of items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Optimum {
    /// Positions of the items, ascending.
    pub(super) chosen: Vec<usize>,
    pub(super) value: i64,
    pub(super) weight: i64,
}

/// The set with the greatest value that fits. Ties are broken by the smaller weight, then by leaving out the last item
/// in which the sets differ.
///
/// Dynamic programming over items and capacities: `best[c]` is the greatest (value, lightness) of the items so far
/// within weight `c`, and `taken` holds for each item and capacity whether the item is part of it.
pub(super) fn solve(items: &[Item], capacity: i64) -> Optimum {
    let width = capacity as usize + 1;
    let mut best = vec![(0_i64, Reverse(0_i64)); width];
    let mut taken = vec![false; items.len() * width];
    for (i, item) in items.iter().enumerate() {
        let weight = item.weight as usize;
        // Downwards, so that `best[c - weight]` is still without this item.
        for c in (weight..width).rev() {
            let (value, Reverse(used)) = best[c - weight];
            let with = (value + item.value, Reverse(used + item.weight));
            if with > best[c] {
                best[c] = with;
                taken[i * width + c] = true;
            }
        }
    }
    let mut chosen = Vec::new();
    let mut left = width - 1;
    for (i, item) in items.iter().enumerate().rev() {
        if taken[i * width + left] {
            chosen.push(i);
            left -= item.weight as usize;
        }
    }
    chosen.reverse();
    let (value, Reverse(weight)) = best[width - 1];
    Optimum { chosen, value, weight }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same optimum, by trying every set.
    fn brute_force(items: &[Item], capacity: i64) -> Optimum {
        let mut best = Optimum { chosen: vec![], value: 0, weight: 0 };
        let key = |set: &Optimum| {
            let latest_first: Vec<usize> = set.chosen.iter().rev().copied().collect();
            (set.value, Reverse(set.weight), Reverse(latest_first))
        };
        for subset in 0_u32..1 << items.len() {
            let chosen: Vec<usize> = (0..items.len()).filter(|i| subset & (1 << i) != 0).collect();
            let weight = chosen.iter().map(|&i| items[i].weight).sum();
            let value = chosen.iter().map(|&i| items[i].value).sum();
            let set = Optimum { chosen, value, weight };
            if set.weight <= capacity && key(&set) > key(&best) {
                best = set;
            }
        }
        best
    }

    /// A greedy solution, by value per weight.
    fn greedy(items: &[Item], capacity: i64) -> i64 {
        let mut order: Vec<&Item> = items.iter().collect();
        order.sort_by_key(|item| Reverse(item.value * 1_000 / item.weight));
        let (mut value, mut weight) = (0, 0);
        for item in order {
            if weight + item.weight <= capacity {
                value += item.value;
                weight += item.weight;
            }
        }
        value
    }

    fn items(count: usize) -> impl Strategy<Value = Vec<Item>> {
        let item =
            (1_i64..=8, 1_i64..=8).prop_map(|(weight, value)| Item { class: "A".into(), value, weight });
        proptest::collection::vec(item, 0..=count)
    }

    proptest! {
        /// Small numbers, so that ties are common.
        #[test]
        fn optimum_equals_brute_force(items in items(10), capacity in 0_i64..40) {
            prop_assert_eq!(solve(&items, capacity), brute_force(&items, capacity));
        }

        #[test]
        fn optimum_is_at_least_greedy(items in items(60), capacity in 0_i64..200) {
            let optimum = solve(&items, capacity);
            prop_assert!(optimum.value >= greedy(&items, capacity));
            prop_assert!(optimum.weight <= capacity);
            let value: i64 = optimum.chosen.iter().map(|&i| items[i].value).sum();
            prop_assert_eq!(value, optimum.value);
        }
    }
}
