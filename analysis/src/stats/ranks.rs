//! Ranks of magnitudes.

/// Ranks of magnitudes, from 1. Equal magnitudes share their mean rank.
pub struct Ranks {
    /// Twice the ranks, which are whole numbers even if mean ranks are not.
    pub doubled: Vec<usize>,
    /// Sizes of the groups of equal magnitudes, from the smallest magnitude up.
    pub tied_groups: Vec<usize>,
}

impl Ranks {
    /// The ranks of the values' magnitudes, in the values' order.
    pub fn of_magnitudes(values: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].abs().total_cmp(&values[b].abs()));
        let mut doubled = vec![0; values.len()];
        let mut tied_groups = Vec::new();
        let mut ranked = 0;
        for group in order.chunk_by(|&a, &b| values[a].abs() == values[b].abs()) {
            // Ranks ranked+1 ..= ranked+size have the mean ranked + (size+1)/2.
            for &index in group {
                doubled[index] = 2 * ranked + group.len() + 1;
            }
            ranked += group.len();
            tied_groups.push(group.len());
        }
        Self { doubled, tied_groups }
    }
}
