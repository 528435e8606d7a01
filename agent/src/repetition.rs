//! An answer that repeats itself without an end, shortened: a model writes it up to its limit, and would read it again in
//! every later turn.

/// How often a text must be repeated at an answer's end.
const LEAST_REPEATS: usize = 4;

/// How often it is kept.
const KEPT: usize = 2;

/// How many bytes must be saved for an answer to be shortened.
const LEAST_SAVED: usize = 256;

/// The answer with an endless repetition at its end shortened, and a last line that says so; `None` if there is none. Numbers
/// that differ are the same to it, so that a list which counts on is a repetition, too.
pub fn shortened(answer: &str) -> Option<String> {
    let pieces = pieces(answer);
    let (length, period) = tail(&pieces)?;
    let end = pieces.len() - length + KEPT * period;
    let kept = &answer[..pieces[end].0];
    let left_out = answer.len() - kept.len();
    let times = length / period - KEPT;
    (left_out >= LEAST_SAVED).then(|| {
        format!(
            "{}\n[... this is repeated {times} more times: {left_out} bytes were left out]",
            kept.trim_end()
        )
    })
}

/// Where each character begins, with a whole number as one character.
fn pieces(text: &str) -> Vec<(usize, char)> {
    let mut pieces: Vec<(usize, char)> = Vec::with_capacity(text.len());
    let mut in_number = false;
    for (index, c) in text.char_indices() {
        let is_digit = c.is_ascii_digit();
        if !(is_digit && in_number) {
            pieces.push((index, if is_digit { '0' } else { c }));
        }
        in_number = is_digit;
    }
    pieces
}

/// The end that consists of the most repeats that need not be kept: its length and its period, in pieces.
fn tail(pieces: &[(usize, char)]) -> Option<(usize, usize)> {
    let at = |index: usize| pieces[pieces.len() - 1 - index].1;
    // For each end of the text, the longest shorter one that it begins with, read backwards: they overlap by a period.
    let mut borders = vec![0; pieces.len()];
    let mut best = None;
    let mut saved = 0;
    for index in 1..pieces.len() {
        let mut border: usize = borders[index - 1];
        while border > 0 && at(border) != at(index) {
            border = borders[border - 1];
        }
        borders[index] = border + usize::from(at(border) == at(index));
        let (length, period) = (index + 1, index + 1 - borders[index]);
        if length / period >= LEAST_REPEATS && length - KEPT * period > saved {
            saved = length - KEPT * period;
            best = Some((length, period));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn an_endless_repetition_is_kept_twice() {
        let sentence = "I look at the next item.\n";
        let answer = format!("First I list.\n{}I look at", sentence.repeat(100));
        let short = shortened(&answer).unwrap();
        assert!(short.starts_with(&format!("First I list.\n{sentence}")), "{short}");
        assert!(short.matches(sentence.trim()).count() <= 4 && short.len() < 200, "{short}");
        assert!(short.ends_with("bytes were left out]"), "{short}");
        let said: usize = short.split("times: ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        let kept = short.rfind("\n[...").unwrap();
        assert!(answer.len() - said - kept <= 1, "the number is that of the bytes: {short}");
    }

    #[test]
    fn lists_that_count_on_and_single_characters_are_repetitions() {
        let counted: String =
            (1..200).map(|number| format!("{number}. inspect item {}\n", number * 7)).collect();
        assert!(shortened(&counted).unwrap().len() < 150);
        assert!(shortened(&"ha".repeat(5000)).unwrap().len() < 100);
        assert!(
            shortened(&format!("```python\nx = [{}", "1, ".repeat(4000)))
                .unwrap()
                .starts_with("```python\nx = [")
        );
        assert!(shortened(&"日本".repeat(400)).unwrap().starts_with("日本"));
    }

    #[test]
    fn other_answers_stay() {
        let words = "I list the items, look at each of them, and take those that fit. Then I finish. ";
        for text in ["", "a", "aaaa", words, &words.repeat(3), &format!("{}Then I stop.", "a b ".repeat(200))]
        {
            assert_eq!(shortened(text), None, "{text}");
        }
    }
}
