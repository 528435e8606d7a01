//! On which of two servers an episode begins: power of two choices. Two servers are drawn at random, and the one with more
//! free places is taken. It is nearly as even as asking all of them, and clients that know the same numbers do not
//! all choose the same server.

/// Two different numbers below `count`, which is 2 at least. `draw` gives a random number below its argument.
pub fn two(count: usize, mut draw: impl FnMut(usize) -> usize) -> [usize; 2] {
    let first = draw(count);
    let second = draw(count - 1);
    [first, second + usize::from(second >= first)]
}

/// The one with more free places; of equal ones the first, which was drawn at random.
pub fn freer<T>([first, second]: [T; 2], free: impl Fn(&T) -> i64) -> T {
    if free(&second) > free(&first) { second } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::below;

    #[test]
    fn two_different_ones_are_drawn_and_each_pair_as_often() {
        let mut drawn = [[0_u32; 4]; 4];
        for _ in 0..12_000 {
            let [first, second] = two(4, below);
            drawn[first][second] += 1;
        }
        for (first, row) in drawn.iter().enumerate() {
            assert_eq!(row[first], 0);
            let others = row.iter().enumerate().filter(|(second, _)| *second != first);
            // 1,000 are expected, with a standard deviation of 30.
            assert!(others.clone().all(|(_, count)| (800..1200).contains(count)), "{drawn:?}");
        }
        assert_eq!(two(2, |_| 0), [0, 1]);
        assert_eq!(two(2, |count| count - 1), [1, 0]);
    }

    #[test]
    fn the_one_with_more_free_places_is_taken() {
        assert_eq!(freer(["a", "b"], |server| if *server == "a" { 3 } else { 4 }), "b");
        assert_eq!(freer(["a", "b"], |server| if *server == "a" { 4 } else { 3 }), "a");
        assert_eq!(freer(["a", "b"], |_| 0), "a");
        assert_eq!(freer(["a", "b"], |server| if *server == "a" { -1 } else { 0 }), "b");
    }

    /// How many episodes servers with these free places get of `episodes`, one after the other.
    fn filled(mut free: Vec<i64>, episodes: usize) -> Vec<i64> {
        let before = free.clone();
        for _ in 0..episodes {
            let chosen = freer(two(free.len(), below), |&server| free[server]);
            free[chosen] -= 1;
        }
        before.iter().zip(&free).map(|(before, after)| before - after).collect()
    }

    #[test]
    fn many_draws_fill_the_servers_evenly() {
        let even = filled(vec![10_000; 10], 10_000);
        // One choice at random would leave differences of some 30 around the mean of 1,000.
        assert!(even.iter().all(|&got| (990..=1_010).contains(&got)), "{even:?}");
        // The fullest gets none, since the other one is always freer; the freest gets those of the two pairs that it is in, of
        // three: 400, with a standard deviation of 12.
        let uneven = filled(vec![0, 500, 1_000], 600);
        assert_eq!(uneven[0], 0, "{uneven:?}");
        assert!((340..=460).contains(&uneven[2]), "{uneven:?}");
    }
}
