//! The thoughts of a reasoning model, which servers that do not separate them leave in the reply.

/// Tags that models put around their thoughts.
const TAGS: [&str; 4] = ["think", "thinking", "thought", "reasoning"];

/// The reply after its thoughts; nothing where they are never closed. Thoughts stand at the beginning; a chat template may
/// have opened them in the prompt, so that only their end is in the reply.
pub fn without(reply: &str) -> &str {
    let mut rest = reply;
    // Some models think more than once before they answer.
    loop {
        let start = rest.trim_start_matches(|c: char| c.is_whitespace() || is_invisible(c));
        let Some(tag) = TAGS.into_iter().find(|tag| starts_with_tag(start, tag)) else { break };
        match end_of(start, tag) {
            Some(after) => rest = after,
            None => return "",
        }
    }
    if rest.len() == reply.len() {
        // Opened in the prompt.
        let ends = TAGS.into_iter().filter_map(|tag| unopened_end(reply, tag));
        return ends.min_by_key(|after| after.len()).unwrap_or(reply);
    }
    rest
}

/// Characters without a width, which some models and editors put before anything: byte-order mark, zero-width space, joiner
/// and non-joiner, word joiner.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{2060}')
}

fn starts_with_tag(text: &str, tag: &str) -> bool {
    text.strip_prefix('<').and_then(|text| text.strip_prefix(tag)).is_some_and(|text| text.starts_with('>'))
}

/// What stands after the closing tag.
fn end_of<'text>(text: &'text str, tag: &str) -> Option<&'text str> {
    text.split_once(&format!("</{tag}>")).map(|(_, after)| after)
}

/// What stands after a closing tag at a line's beginning or end that was never opened.
fn unopened_end<'text>(text: &'text str, tag: &str) -> Option<&'text str> {
    let (before, after) = text.split_once(&format!("</{tag}>"))?;
    let alone = before.trim_end_matches(' ').ends_with('\n') || before.trim().is_empty();
    let ends_line = after.trim_start_matches([' ', '\r']).starts_with('\n') || after.trim().is_empty();
    (!before.contains(&format!("<{tag}>")) && (alone || ends_line)).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn thoughts_are_not_part_of_the_reply() {
        let cases = [
            ("<think>a</think>b", "b"),
            ("\u{feff}\n<think>\na\n</think>\n\nb", "\n\nb"),
            ("<think>never closed\n```python\nfinish()\n```", ""),
            ("<thinking>a</thinking><think>b</think>c", "c"),
            ("opened in the prompt\n```python\nfinish()\n```\n</think>\nb", "\nb"),
            ("opened in the prompt</think>\nb", "\nb"),
            ("</think>b", "b"),
            ("no thoughts", "no thoughts"),
            ("```python\nprint('</think>', 1)\n```", "```python\nprint('</think>', 1)\n```"),
            ("```python\nprint('<think>')\n```", "```python\nprint('<think>')\n```"),
        ];
        for (reply, expected) in cases {
            assert_eq!(without(reply), expected, "{reply}");
        }
    }
}
