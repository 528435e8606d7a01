//! Drills: short conversations that teach a small model to copy.
//!
//! A model trained from scratch does not learn from traces alone to carry an output's rows into its next
//! block: traces require too many new abilities at once. It does learn this if it first repeats random
//! [spans](Kind::Spans) and then restates printed [rows](Kind::Rows) as the literal that the terse policies
//! write.

use std::io::{self, Write};

use proto::conversation::{Chat, Message};

use super::knapsack::plain::drill;
use super::random::Random;

/// What is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Random lines of words, numbers and signs.
    Spans,
    /// A task's numbers, the rows that one to four outputs printed, and then the chosen positions, as Python
    /// literals.
    Rows,
}

/// Writes `count` drills, one JSON line each ([`Chat`]). The n-th depends only on the kind and on `seed + n`.
///
/// # Errors
/// Those of the writer.
pub fn write(kind: Kind, count: u64, seed: u64, out: &mut impl Write) -> io::Result<()> {
    for number in 0..count {
        let mut random = Random::of_episode(seed.wrapping_add(number));
        let messages = match kind {
            Kind::Spans => spans(&mut random),
            Kind::Rows => drill::rows(&mut random),
        };
        serde_json::to_writer(&mut *out, &Chat { messages })?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// The words and signs of spans. Spans also hold class names and numbers.
const PIECES: &[&str] = &[
    "(", ")", "[", "]", ",", "=", ":", "+", "<=", "rows", "data", "seen", "info", "ids", "items", "keys",
    "look", "scan", "check", "probe", "chosen", "picked", "best", "for", "in", "range", "def", "print",
    "json", "loads", "inspect", "append", "class", "weight", "value", "list", "take", "finish", "sorted",
    "sum", "max", "key", "lambda", "from", "import", "if", "len", "ok", "sets", "now", "next", "some",
    "first", "more", "allowed", "choose", "item", "the", "and",
];

/// Class names as Python and as JSON write them.
const CLASSES: &[&str] = &["'A'", "'B'", "'C'", "'D'", "\"A\"", "\"B\"", "\"C\"", "\"D\""];

/// Four spans in one conversation: long samples train faster than short ones.
fn spans(random: &mut Random) -> Vec<Message> {
    (0..4)
        .flat_map(|_| {
            let span = span(random);
            [Message::user(span.clone()), Message::assistant(span)]
        })
        .collect()
}

/// Random pieces, separated as in a sentence or as in a literal.
fn span(random: &mut Random) -> String {
    let separator = random.pick(&[" ", ", "]);
    let length = random.between(8, 40);
    let pieces: Vec<String> = (0..length)
        .map(|_| match random.between(0, 3) {
            0 => random.pick(PIECES).to_owned(),
            1 => random.pick(CLASSES).to_owned(),
            _ => random.between(0, 99).to_string(),
        })
        .collect();
    pieces.join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(kind: Kind, seed: u64) -> Vec<serde_json::Value> {
        let mut text = Vec::new();
        write(kind, 50, seed, &mut text).unwrap();
        String::from_utf8(text).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_span_is_repeated() {
        for drill in lines(Kind::Spans, 3) {
            let messages = drill["messages"].as_array().unwrap();
            assert_eq!(messages.len(), 8);
            for pair in messages.chunks(2) {
                assert_eq!((&pair[0]["role"], &pair[1]["role"]), (&"user".into(), &"assistant".into()));
                assert_eq!(pair[0]["content"], pair[1]["content"]);
            }
        }
    }

    #[test]
    fn every_printed_row_is_in_the_literal() {
        for drill in lines(Kind::Rows, 3) {
            let messages = drill["messages"].as_array().unwrap();
            let [before @ .., chosen, taking] = &messages[..] else { panic!("{drill}") };
            let (answer, outputs) = before.split_last().unwrap();
            let literal = answer["content"].as_str().unwrap();
            let list = chosen["content"].as_str().unwrap();
            let list = &list[list.find('[').unwrap()..=list.find(']').unwrap()];
            assert!(taking["content"].as_str().unwrap().contains(&format!(" = {list}\n")), "{drill}");
            let printed: Vec<String> = outputs[1..]
                .iter()
                .map(|message| {
                    let content: serde_json::Value =
                        serde_json::from_str(message["content"].as_str().unwrap()).unwrap();
                    content["output"].as_str().unwrap().trim().trim_matches(['[', ']']).to_owned()
                })
                .collect();
            assert!(literal.contains(&format!(" = [{}]", printed.join(", "))), "{drill}");
            let (_, capacity) = outputs[0]["content"].as_str().unwrap().split_once("\"capacity\": ").unwrap();
            assert!(literal.contains(&format!("capacity = {}\n", capacity.trim_end_matches('}'))), "{drill}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_drills_and_the_next_seed_continues_them() {
        assert_eq!(lines(Kind::Rows, 5), lines(Kind::Rows, 5));
        assert_eq!(lines(Kind::Rows, 5)[1..], lines(Kind::Rows, 6)[..49]);
    }
}
