//! Drills: short conversations that teach a small model to copy.
//!
//! A model from scratch does not learn to carry an output's rows into its next
//! block from traces alone: they ask for too much at once. It does if it first
//! repeats random [spans](Kind::Spans), and then restates printed
//! [rows](Kind::Rows) as the literal that the plain teachers write.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

use super::knapsack::plain::{CHOOSING, Row, Style, TAKING, chosen_literal, given, rows_literal, take};
use super::voice::{self, Voice};
use crate::model::Message;
use crate::prompt;

/// What is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Random lines of words, numbers and signs.
    Spans,
    /// A task's numbers, the rows that one to four outputs printed, and then the chosen positions, as Python literals.
    Rows,
}

/// A line of a chat file, as `trainer prepare --chat` reads it.
#[derive(Debug, Serialize)]
struct Chat {
    messages: Vec<Message>,
}

/// Writes `count` drills, one JSON line each. The n-th depends on the kind and
/// `seed + n` alone.
///
/// # Errors
/// Those of the writer.
pub fn write(kind: Kind, count: u64, seed: u64, out: &mut impl Write) -> io::Result<()> {
    for number in 0..count {
        let mut voice = Voice::of_episode(seed.wrapping_add(number));
        let messages = match kind {
            Kind::Spans => spans(&mut voice),
            Kind::Rows => rows(&mut voice),
        };
        serde_json::to_writer(&mut *out, &Chat { messages })?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// The words and signs of spans; numbers come beside them.
const PIECES: &[&str] = &[
    "(", ")", "[", "]", ",", "=", ":", "+", "<=", "rows", "data", "seen", "info", "ids", "items", "keys",
    "look", "scan", "check", "probe", "chosen", "picked", "best", "for", "in", "range", "def", "print",
    "json", "loads", "inspect", "append", "class", "weight", "value", "list", "take", "finish", "sorted",
    "sum", "max", "key", "lambda", "from", "import", "if", "len", "ok", "sets", "now", "next", "some",
    "first", "more", "allowed", "choose", "item", "the", "and",
];

/// Classes as Python and as JSON write them.
const CLASSES: &[&str] = &["'A'", "'B'", "'C'", "'D'", "\"A\"", "\"B\"", "\"C\"", "\"D\""];

/// Items that a block takes.
const TAKEN: usize = 4;

/// Several in one conversation: long samples train faster than short ones.
fn spans(voice: &mut Voice) -> Vec<Message> {
    (0..4)
        .flat_map(|_| {
            let span = span(voice);
            [Message::user(span.clone()), Message::assistant(span)]
        })
        .collect()
}

/// Its pieces stand as in a sentence or as in a literal, where the sign between
/// two of them tells nothing of the next.
fn span(voice: &mut Voice) -> String {
    let separator = voice.pick(&[" ", ", "]);
    let length = voice.between(8, 40);
    let pieces: Vec<String> = (0..length)
        .map(|_| match voice.between(0, 3) {
            0 => voice.pick(PIECES).to_owned(),
            1 => voice.pick(CLASSES).to_owned(),
            _ => voice.between(0, 99).to_string(),
        })
        .collect();
    pieces.join(separator)
}

fn rows(voice: &mut Voice) -> Vec<Message> {
    let style = Style::names(TAKEN, voice);
    let class = |voice: &mut Voice| voice.pick(&["A", "B", "C", "D"]).to_owned();
    let allowed = [class(voice), class(voice)];
    let capacity = voice.between(15, 99) as u64;
    let public = json!({ "allowed_classes": allowed, "capacity": capacity });
    let printed = |text: String| Message::user(json!({ "output": text + "\n" }).to_string());
    let mut messages = vec![Message::user(prompt::public_data(&public))];
    let mut rows: Vec<Row> = Vec::new();
    for _ in 0..voice.between(1, 4) {
        let known = rows.len();
        for _ in 0..voice.between(2, 4) {
            rows.push(Row {
                position: rows.len(),
                weight: voice.between(5, 20) as u64,
                value: voice.between(21, 99) as u64,
                class: class(voice),
            });
        }
        messages.push(printed(rows_literal(&rows[known..])));
    }
    let code = format!("{} = {}\n{}", style.rows, rows_literal(&rows), given(&allowed, capacity));
    messages.push(Message::assistant(voice::message(voice.pick(CHOOSING), &code)));
    let chosen: Vec<usize> = (0..rows.len()).filter(|_| voice.between(0, 1) == 1).collect();
    messages.push(printed(format!("{chosen:?}")));
    let code = format!("{}{}", chosen_literal(&style, &chosen), take(&style, 0, chosen.len()));
    messages.push(Message::assistant(voice::message(voice.pick(TAKING), &code)));
    messages
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
    fn the_same_seed_gives_the_same_drills_and_another_seed_goes_on() {
        assert_eq!(lines(Kind::Rows, 5), lines(Kind::Rows, 5));
        assert_eq!(lines(Kind::Rows, 5)[1..], lines(Kind::Rows, 6)[..49]);
    }
}
