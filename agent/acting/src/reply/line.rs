//! What stands at a line's beginning: white space, markers of lists and quotes, fences.

/// What stands before a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before<'text> {
    /// Columns of white space and of the markers of lists.
    pub indent: usize,
    /// Whether there is a quote's mark.
    pub is_quoted: bool,
    /// The rest of the line.
    pub rest: &'text str,
}

/// What stands before a fence on its line: white space, invisible characters, markers of lists and quotes.
pub fn before_fence(line: &str) -> Before<'_> {
    let mut rest = visible(line);
    let mut is_quoted = false;
    loop {
        let is_space = |text: &str| text.starts_with([' ', '\t']);
        let bullet = rest.strip_prefix(['-', '*', '+', '•']).filter(|after| is_space(after));
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = Some(digits).filter(|digits| digits.len() < rest.len());
        let number =
            number.and_then(|digits| digits.strip_prefix(['.', ')'])).filter(|after| is_space(after));
        let quote = rest.strip_prefix('>');
        is_quoted |= quote.is_some();
        match bullet.or(number).or(quote) {
            Some(after) => rest = visible(after),
            None => break,
        }
    }
    let indent = line[..line.len() - rest.len()].chars().count();
    Before { indent, is_quoted, rest }
}

/// A text without white space and invisible characters at its beginning.
pub fn visible(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// Characters without a width, which some models and editors put before anything: byte-order mark, zero-width space,
/// joiner and non-joiner, word joiner.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{2060}')
}

/// The length of the fence that a text begins with, at least `least`, and what stands after it.
pub fn fence(text: &str, character: char, least: usize) -> Option<(usize, &str)> {
    let rest = text.trim_start_matches(character);
    let length = text.len() - rest.len();
    let rest =
        if rest.trim_matches(|c: char| c.is_whitespace() || is_invisible(c)).is_empty() { "" } else { rest };
    (length >= least).then_some((length, rest))
}
