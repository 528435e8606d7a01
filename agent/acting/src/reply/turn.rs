//! The marks with which models end their turn. What follows them is made up: the next user message, another answer.

/// Tokens of chat templates and agents, and those that begin another one's turn.
const ENDS: [&str; 20] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|end_of_turn|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<eos>",
    "</s>",
    "<end_code>",
    "<end_action>",
    "<|im_start|>user",
    "<|start_header_id|>user",
    "<start_of_turn>user",
    "<|user|>",
    "<|observation|>",
];

/// Whether a text begins with the end of a turn.
pub fn starts_with_end(text: &str) -> bool {
    ENDS.iter().any(|end| text.starts_with(end))
}

/// What stands before the end of a turn that a line begins or ends with.
pub fn before_end(line: &str) -> Option<&str> {
    let trimmed = line.trim();
    if starts_with_end(trimmed) {
        return Some("");
    }
    ENDS.iter().find_map(|end| trimmed.strip_suffix(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_ends_at_a_lines_beginning_or_end() {
        assert_eq!(before_end("<|im_end|>"), Some(""));
        assert_eq!(before_end(" <|im_start|>user {}"), Some(""));
        assert_eq!(before_end("Done.<|eot_id|> "), Some("Done."));
        assert_eq!(before_end("I end with `<|im_end|>`."), None);
        assert_eq!(before_end("Done."), None);
    }
}
