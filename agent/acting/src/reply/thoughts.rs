//! The marks of a reasoning model's thoughts, which servers that do not separate them leave in the reply.

use std::borrow::Cow;

use super::line::visible;

/// Marks that models put around their thoughts, in lower case.
const MARKS: [(&str, &str); 11] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<seed:think>", "</seed:think>"),
    ("[think]", "[/think]"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("◁think▷", "◁/think▷"),
];

/// Where a mark is in a text, in capitals or not.
pub fn find(text: &str, mark: &str) -> Option<usize> {
    // Other characters than ASCII stay, so indices do.
    text.to_ascii_lowercase().find(mark)
}

/// The thoughts that begin in a line: what stands before and after their mark, and the mark that ends them. A mark in a
/// sentence begins them only where they end later.
pub fn beginning<'text>(line: &'text str, later: &str) -> Option<(&'text str, &'text str, &'static str)> {
    MARKS.iter().find_map(|(begin, end)| {
        let start = find(line, begin)?;
        let (before, after) = (&line[..start], &line[start + begin.len()..]);
        let is_label = before.trim_end().ends_with([':', '>']);
        let in_sentence = !visible(before).is_empty() && !is_label && !after.trim().is_empty();
        let ends = || find(after, end).is_some() || find(later, end).is_some();
        (!before.ends_with(['`', '\'', '"']) && (!in_sentence || ends())).then_some((before, after, *end))
    })
}

/// The mark that ends thoughts, at a text's beginning.
pub fn end_at(text: &str) -> Option<&'static str> {
    let ends = |end: &str| text.get(..end.len()).is_some_and(|start| start.eq_ignore_ascii_case(end));
    MARKS.iter().map(|(_, end)| *end).find(|end| ends(end))
}

/// What stands after the end of thoughts that the prompt began: a mark that is no word of a sentence.
pub fn unopened_end(line: &str) -> Option<&str> {
    MARKS.iter().find_map(|(_, end)| {
        let start = find(line, end)?;
        let (before, after) = (visible(&line[..start]), &line[start + end.len()..]);
        let is_word = before.ends_with(' ') && !before.trim_end().ends_with(['.', '!', '?', ':']);
        let ends_line = visible(after).is_empty() || visible(after).starts_with(['`', '~', '<']);
        (!before.ends_with(['`', '\'', '"']) && (!is_word || ends_line)).then_some(after)
    })
}

/// Thoughts without the marks around them.
pub fn unmarked(thoughts: &str) -> &str {
    let mut text = thoughts.trim();
    for (begin, end) in MARKS {
        if find(text, begin) == Some(0) {
            text = &text[begin.len()..];
        }
        if text.to_ascii_lowercase().ends_with(end) {
            text = &text[..text.len() - end.len()];
        }
    }
    text.trim()
}

/// Names of the channels of a reply in OpenAI's harmony format that are thoughts.
const ANALYSIS: &str = "analysis";

/// A reply in the harmony format (`<|channel|>final<|message|>...`) in the common form: thoughts and tool calls between
/// tags, code for a Python tool in a fence. Other replies as they are.
pub fn without_channels(reply: &str) -> Cow<'_, str> {
    // Servers that drop special tokens leave the channels' names.
    if let Some(thoughts) = visible(reply).strip_prefix(ANALYSIS)
        && let Some((thoughts, rest)) = thoughts.split_once("assistantfinal")
    {
        return Cow::Owned(format!("<think>{thoughts}</think>\n{rest}"));
    }
    let mut messages = reply.split("<|message|>");
    let first = messages.next().unwrap_or_default();
    let mut header = first.rsplit("<|channel|>").next().unwrap_or_default();
    if header.len() == first.len() && !visible(reply).starts_with("<|") {
        return Cow::Borrowed(reply);
    }
    let mut text = String::new();
    for message in messages {
        let ends = ["<|end|>", "<|return|>", "<|call|>", "<|start|>", "<|channel|>"];
        let end = ends.iter().filter_map(|end| message.find(end)).min().unwrap_or(message.len());
        let (body, next) = message.split_at(end);
        text += &match header {
            header if header.contains("to=python") && !body.contains("```") => {
                format!("```python\n{body}\n```\n")
            }
            header if header.trim_start().starts_with(ANALYSIS) => format!("<think>{body}</think>\n"),
            header if header.contains("to=") => format!("<tool_call>\n{body}\n</tool_call>\n"),
            _ => format!("{body}\n"),
        };
        header = next.rsplit("<|channel|>").next().unwrap_or_default();
    }
    if text.is_empty() { Cow::Borrowed(reply) } else { Cow::Owned(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_begin_at_a_line_or_where_they_end() {
        assert_eq!(beginning("<think>a", ""), Some(("", "a", "</think>")));
        assert_eq!(beginning("\u{feff} <Think>", ""), Some(("\u{feff} ", "", "</think>")));
        assert_eq!(beginning("Well <think>a</think>b", ""), Some(("Well ", "a</think>b", "</think>")));
        assert_eq!(beginning("Well [THINK]a", "b\n[/THINK]"), Some(("Well ", "a", "[/think]")));
        assert_eq!(beginning("Assistant: <think>a", ""), Some(("Assistant: ", "a", "</think>")));
        assert_eq!(beginning("Sure! <think>", "a"), Some(("Sure! ", "", "</think>")));
        assert_eq!(beginning("I use <think> often.", "Then."), None);
        assert_eq!(beginning("I use `<think>` often.", "</think>"), None);
    }

    #[test]
    fn thoughts_may_begin_in_the_prompt() {
        assert_eq!(unopened_end("</think>b"), Some("b"));
        assert_eq!(unopened_end("so.</think>"), Some(""));
        assert_eq!(unopened_end("so.</think>```python"), Some("```python"));
        assert_eq!(unopened_end("No.</think>Then b"), Some("Then b"));
        assert_eq!(unopened_end("No. </think> Then b"), Some(" Then b"));
        assert_eq!(unopened_end("The tag </think> ends them."), None);
        assert_eq!(unopened_end("It ends at `</think>`"), None);
    }

    #[test]
    fn marks_are_taken_off_thoughts() {
        for marked in ["<think>a <b></think>", " <Think>\na <b>\n</THINK> ", "a <b></think>", "<think>a <b>"]
        {
            assert_eq!(unmarked(marked), "a <b>", "{marked}");
        }
    }

    #[test]
    fn channels_become_thoughts_words_and_code() {
        let cases = [
            ("<|channel|>final<|message|>a<|return|>", "a\n"),
            (
                "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b",
                "<think>a</think>\nb\n",
            ),
            (
                "<|start|>assistant<|channel|>commentary to=python code<|message|>a<|call|>",
                "```python\na\n```\n",
            ),
            ("<|channel|>commentary to=functions.a<|message|>{}<|call|>", "<tool_call>\n{}\n</tool_call>\n"),
            ("analysisFirst a.assistantfinalThen b.", "<think>First a.</think>\nThen b."),
            ("No channels.", "No channels."),
            ("```python\nprint('<|message|>')\n```", "```python\nprint('<|message|>')\n```"),
            ("<|im_start|>assistant\na", "<|im_start|>assistant\na"),
        ];
        for (reply, expected) in cases {
            assert_eq!(without_channels(reply), expected, "{reply}");
        }
    }
}
