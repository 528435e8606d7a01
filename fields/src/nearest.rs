//! The known word that a misspelt one may stand for.

/// The known word with the fewest edits to `word`, if these are at most a third of its letters.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let most = length.div_ceil(3);
    // One that is much longer or shorter is not near: a very long word is compared with none.
    let known = known.filter(|known| length.abs_diff(known.chars().count()) <= most);
    let (edits, nearest) = known.map(|known| (distance(word, known), known)).min()?;
    (edits <= most).then_some(nearest)
}

/// Levenshtein distance: insertions, deletions and replacements between two words.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_very_long_word_is_near_to_none() {
        for word in ["n_items_range".repeat(5_000_000), "語".repeat(20_000_000)] {
            assert_eq!(nearest(&word, ["n_items_range", "weight_range"].into_iter()), None);
        }
        assert_eq!(nearest("n_item_range", ["n_items_range"].into_iter()), Some("n_items_range"));
    }

    #[test]
    fn distance_counts_edits() {
        for (left, right, edits) in
            [("", "abc", 3), ("n_item_range", "n_items_range", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(left, right), edits, "{left} {right}");
        }
    }
}
