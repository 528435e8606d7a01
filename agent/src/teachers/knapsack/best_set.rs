//! The best set of items, computed.

/// Positions of the items with the greatest total value that fit into `capacity`; items are (weight, value).
///
/// Dynamic programming: after each item, `best[c]` is the greatest value within weight `c`, and `taken` says for each item
/// and weight whether the item is part of it.
pub fn best_set(items: &[(u64, u64)], capacity: u64) -> Vec<usize> {
    // More room than all items need changes nothing.
    let all: u64 = items.iter().map(|(weight, _)| weight).sum();
    let width = capacity.min(all) as usize + 1;
    let mut best = vec![0; width];
    let mut taken = vec![vec![false; width]; items.len()];
    for (&(weight, value), taken) in items.iter().zip(&mut taken) {
        for room in (weight as usize..width).rev() {
            let with = best[room - weight as usize] + value;
            if with > best[room] {
                best[room] = with;
                taken[room] = true;
            }
        }
    }
    let mut room = width - 1;
    let mut chosen = Vec::new();
    for (index, (&(weight, _), taken)) in items.iter().zip(&taken).enumerate().rev() {
        if taken[room] {
            chosen.push(index);
            room -= weight as usize;
        }
    }
    chosen.reverse();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teachers::random::Random;

    fn sums(items: &[(u64, u64)], chosen: &[usize]) -> (u64, u64) {
        let chosen = || chosen.iter().map(|&index| items[index]);
        (chosen().map(|(weight, _)| weight).sum(), chosen().map(|(_, value)| value).sum())
    }

    #[test]
    fn no_set_is_better() {
        for seed in 0..200 {
            let mut random = Random::of_episode(seed);
            let count = random.between(0, 9);
            let mut number = |high| random.between(0, high) as u64;
            let items: Vec<(u64, u64)> = (0..count).map(|_| (number(9), number(9))).collect();
            let capacity = number(30);
            let chosen = best_set(&items, capacity);
            let (weight, value) = sums(&items, &chosen);
            assert!(weight <= capacity, "{items:?}");
            let best = (0_u32..1 << count)
                .map(|set| (0..count).filter(|index| set & (1 << index) != 0).collect::<Vec<_>>())
                .map(|set| sums(&items, &set))
                .filter(|(weight, _)| *weight <= capacity)
                .map(|(_, value)| value)
                .max();
            assert_eq!(Some(value), best, "{items:?} within {capacity}");
        }
    }
}
