//! The policies as pure functions. Whether their code runs is tested where
//! there is an interpreter.

use std::collections::BTreeSet;

use super::{Habit, answer};
use crate::{fence, model::Message};

const IDS: usize = 30;

fn opening() -> Vec<Message> {
    let ids: Vec<String> = (0..IDS).map(|index| format!("item_{index:012x}")).collect();
    let public = serde_json::json!({
        "allowed_classes": ["A", "B"], "capacity": 50, "inspect_budget": IDS, "item_ids": ids,
    });
    vec![
        Message::system("One block can make at most 25 tool calls."),
        Message::user(format!("Pick.\n\nPublic data:\n{public}")),
    ]
}

fn observation(output: &str, error: Option<&str>) -> Message {
    let json =
        serde_json::json!({"success": error.is_none(), "result": null, "output": output, "error": error});
    Message::user(json.to_string())
}

fn code_of(text: &str) -> String {
    let blocks = fence::python_blocks(text);
    assert_eq!(blocks.len(), 1, "{text}");
    blocks[0].clone()
}

#[test]
fn the_same_messages_and_seed_give_the_same_answer() {
    for habit in Habit::ALL {
        let first = answer(habit, &opening(), 7).unwrap();
        assert_eq!(first, answer(habit, &opening(), 7).unwrap());
        let variants: BTreeSet<String> =
            (0..50).map(|seed| answer(habit, &opening(), seed).unwrap()).collect();
        assert!(variants.len() >= 45, "{} of 50 {}", variants.len(), habit.name());
    }
}

#[test]
fn the_persistent_habit_relies_on_its_helper_and_rebuilds_it_when_it_is_gone() {
    for seed in 0..30 {
        let mut messages = opening();
        let first = answer(Habit::Persistent, &messages, seed).unwrap();
        assert!(code_of(&first).contains("def "));
        messages.extend([Message::assistant(first), observation("8 inspected\n", None)]);
        let second = answer(Habit::Persistent, &messages, seed).unwrap();
        let code = code_of(&second);
        assert!(!code.contains("def ") && !code.contains("list_items"), "{code}");

        messages.extend([
            Message::assistant(second),
            observation("", Some("Traceback ...\nNameError: name 'look' is not defined")),
        ]);
        let third = answer(Habit::Persistent, &messages, seed).unwrap();
        assert!(third.contains("`look`"), "{third}");
        assert!(code_of(&third).contains("def ") && code_of(&third).contains("list_items()"), "{third}");

        messages.extend([Message::assistant(third), observation("16\n[]\n", None)]);
        let fourth = code_of(&answer(Habit::Persistent, &messages, seed).unwrap());
        assert!(!fourth.contains("def "), "it relies on its names again: {fourth}");
    }
}

#[test]
fn the_reset_habit_carries_every_row_it_has_seen() {
    let rows = ["('item_000000000000', 'A', 5, 60)", "('item_000000000001', 'C', 7, 20)"];
    for seed in 0..30 {
        let mut messages = opening();
        let first = answer(Habit::Reset, &messages, seed).unwrap();
        messages.extend([Message::assistant(first), observation(&format!("{}\n", rows.join("\n")), None)]);
        let second = code_of(&answer(Habit::Reset, &messages, seed).unwrap());
        for row in rows {
            assert!(second.contains(row), "{second}");
        }
    }
}

#[test]
fn another_family_is_named() {
    let messages = [Message::user("Go.\n\n{\"goal_node\":\"node_1\"}")];
    let error = answer(Habit::Reset, &messages, 0).unwrap_err().to_string();
    assert!(error.contains("`item_ids`") && error.contains("knapsack"), "{error}");
}
