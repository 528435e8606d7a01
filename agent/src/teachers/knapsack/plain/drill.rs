//! The copying drill of the terse policies: printed rows and chosen positions become literals.

use acting::facts::public_data;
use proto::conversation::Message;
use serde_json::json;

use super::row::{self, Row};
use super::style::Style;
use super::{code, reasoning};
use crate::teachers::random::Random;
use crate::teachers::text;

/// How many items a block can take.
const TAKEN: usize = 4;

/// A task's numbers, the rows that one to four outputs printed, and the chosen positions: each to be restated
/// as a Python literal.
pub fn rows(random: &mut Random) -> Vec<Message> {
    let style = Style::names(TAKEN, random);
    let class = |random: &mut Random| random.pick(&["A", "B", "C", "D"]).to_owned();
    let allowed = [class(random), class(random)];
    let capacity = random.between(15, 99) as u64;
    let public = json!({ "allowed_classes": allowed, "capacity": capacity });
    let printed = |text: String| Message::user(json!({ "output": text + "\n" }).to_string());
    let mut messages = vec![Message::user(public_data(&public))];
    let mut rows: Vec<Row> = Vec::new();
    for _ in 0..random.between(1, 4) {
        let known = rows.len();
        for _ in 0..random.between(2, 4) {
            rows.push(Row {
                position: rows.len(),
                weight: random.between(5, 20) as u64,
                value: random.between(21, 99) as u64,
                class: class(random),
            });
        }
        messages.push(printed(row::literal(&rows[known..])));
    }
    let code = format!("{} = {}\n{}", style.rows, row::literal(&rows), code::given(&allowed, capacity));
    messages.push(Message::assistant(text::reply(random.pick(reasoning::CHOOSING), &code)));
    let chosen: Vec<usize> = (0..rows.len()).filter(|_| random.between(0, 1) == 1).collect();
    messages.push(printed(format!("{chosen:?}")));
    let code = format!("{}{}", code::chosen_literal(&style, &chosen), code::take(&style, 0, chosen.len()));
    messages.push(Message::assistant(text::reply(random.pick(reasoning::TAKING), &code)));
    messages
}
