//! The policies as pure functions. Tests with an interpreter check that their code runs.

use std::collections::BTreeSet;

use proto::conversation::Message;

use super::{Policy, answer};
use crate::reply::{self, Request};

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
    let Request::Run(code) = reply::request(text) else { panic!("not one block: {text}") };
    code
}

#[test]
fn the_same_messages_and_seed_give_the_same_answer() {
    for policy in [Policy::Persistent, Policy::Reset] {
        let first = answer(policy, &opening(), 7).unwrap();
        assert_eq!(first, answer(policy, &opening(), 7).unwrap());
        let variants: BTreeSet<String> =
            (0..50).map(|seed| answer(policy, &opening(), seed).unwrap()).collect();
        assert!(variants.len() >= 45, "{} of 50 {}", variants.len(), policy.name());
    }
}

#[test]
fn the_persistent_policy_relies_on_its_helper_and_defines_it_again_when_it_is_lost() {
    for seed in 0..30 {
        let mut messages = opening();
        let first = answer(Policy::Persistent, &messages, seed).unwrap();
        assert!(code_of(&first).contains("def "));
        messages.extend([Message::assistant(first), observation("8 inspected\n", None)]);
        let second = answer(Policy::Persistent, &messages, seed).unwrap();
        let code = code_of(&second);
        assert!(!code.contains("def ") && !code.contains("list_items"), "{code}");

        messages.extend([
            Message::assistant(second),
            observation("", Some("Traceback ...\nNameError: name 'look' is not defined")),
        ]);
        let third = answer(Policy::Persistent, &messages, seed).unwrap();
        assert!(third.contains("`look`"), "{third}");
        let code = code_of(&third);
        let has_ids = code.contains("list_items()") || code.contains("'item_000000000000'");
        assert!(code.contains("def ") && has_ids, "{third}");

        messages.extend([Message::assistant(third), observation("16\n[]\n", None)]);
        let fourth = code_of(&answer(Policy::Persistent, &messages, seed).unwrap());
        assert!(!fourth.contains("def "), "it relies on its names again: {fourth}");
    }
}

/// The answers of a policy whose blocks print what the given outputs say.
fn answers(policy: Policy, outputs: &[String], seed: u64) -> Vec<String> {
    let mut messages = opening();
    let mut answers = vec![answer(policy, &messages, seed).unwrap()];
    for output in outputs {
        messages.extend([Message::assistant(answers.last().unwrap().clone()), observation(output, None)]);
        answers.push(answer(policy, &messages, seed).unwrap());
    }
    answers
}

fn row(index: usize) -> String {
    format!("('item_{index:012x}', '{}', {}, {})\n", ["A", "C"][index % 2], 5 + index, 60 - index)
}

/// Looking twice, choosing, taking and finishing, as the reset policy does them.
fn reset_episode(seed: u64) -> Vec<String> {
    let best = "110\n['item_000000000000', 'item_000000000002']\n".to_owned();
    let outputs = [row(0) + &row(1), (2..IDS).map(row).collect(), best, "took\n".to_owned()];
    answers(Policy::Reset, &outputs, seed)
}

#[test]
fn the_reset_policy_copies_every_row_it_has_seen() {
    for seed in 0..30 {
        let second = code_of(&reset_episode(seed)[1]);
        for part in ["'item_000000000000'", "'A', 5, 60)", "'item_000000000001'", "'C', 6, 59)"] {
            assert!(second.contains(part), "{second}");
        }
    }
}

#[test]
fn no_block_of_the_reset_policy_defines_unused_names() {
    for seed in 0..200 {
        for text in reset_episode(seed) {
            let code = code_of(&text);
            let words: Vec<&str> = code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
            let bound = code.lines().filter_map(|line| {
                let (names, _) = line.split_once(" = ")?;
                line.starts_with(char::is_alphabetic).then(|| names.split(", "))
            });
            for name in bound.flatten() {
                let uses = words.iter().filter(|word| **word == name).count();
                assert!(uses >= 2, "`{name}` is defined for nothing in\n{code}");
            }
        }
    }
}

#[test]
fn reasoning_varies_is_complete_and_matches_its_block() {
    let look = |count: usize| format!("{count} inspected, {} allowed\n", count / 2);
    let outputs = [look(8), look(16), look(24), look(IDS), "7 items, value 420\n".to_owned()];
    let mut wordings: Vec<BTreeSet<String>> = vec![BTreeSet::new(); 4];
    for seed in 0..300 {
        let episodes = [answers(Policy::Persistent, &outputs, seed), reset_episode(seed)];
        for (turn, text) in episodes.iter().flat_map(|texts| texts.iter().enumerate()) {
            let (words, code) = (reply::prose(text), code_of(text));
            assert!(!words.is_empty() && !words.contains(['{', '}']), "{words}");
            if !code.contains("list_items()") {
                for claim in ["I list", "list_items", "lists the items"] {
                    assert!(!words.contains(claim), "{words}\n{code}");
                }
            }
            for odd in ["[0:", " = []\nseen"] {
                assert!(!code.contains(odd), "{code}");
            }
            if turn < wordings.len() {
                wordings[turn].insert(words);
            }
        }
    }
    for wordings in wordings {
        assert!(wordings.len() >= 100, "{wordings:?}");
    }
}

#[test]
fn a_task_of_another_family_is_refused() {
    let messages = [Message::user("Go.\n\n{\"goal_node\":\"node_1\"}")];
    let error = answer(Policy::Reset, &messages, 0).unwrap_err().to_string();
    assert!(error.contains("`item_ids`") && error.contains("knapsack"), "{error}");
}

#[test]
fn the_plain_policies_differ_only_in_what_they_copy() {
    let printed = ["[(0, 5, 60, 'A'), (1, 6, 59, 'C')]\n", "[(2, 7, 58, 'A')]\n"].map(str::to_owned);
    for seed in 0..30 {
        let persistent = answers(Policy::PlainPersistent, &printed, seed);
        let reset = answers(Policy::PlainReset, &printed, seed);
        assert_eq!(persistent, answers(Policy::PlainPersistent, &printed, seed));
        for (turn, (one, other)) in persistent.iter().zip(&reset).enumerate() {
            assert_eq!(reply::prose(one), reply::prose(other));
            assert_eq!(one.contains("def "), turn == 0, "{one}");
            assert!(!other.contains("def ") && other.contains("list_items()"), "{other}");
            assert_eq!(other.contains("[(0, 5, 60, 'A'), (1, 6, 59, 'C')"), turn > 0, "{other}");
            assert!(!one.contains("60, "), "{one}");
        }
    }
}

#[test]
fn the_plain_persistent_policy_restores_lost_names_from_the_outputs() {
    let missing = observation("", Some("Traceback ...\nNameError: name 'look' is not defined"));
    let mut messages = opening();
    for reply in [observation("[(0, 5, 60, 'A')]\n", None), missing.clone()] {
        let text = answer(Policy::PlainPersistent, &messages, 3).unwrap();
        messages.extend([Message::assistant(text), reply]);
    }
    let again = answer(Policy::PlainPersistent, &messages, 3).unwrap();
    assert!(again.contains("def ") && again.contains(" = [(0, 5, 60, 'A')]"), "{again}");

    messages.extend([Message::assistant(again), missing]);
    let given_up = answer(Policy::PlainPersistent, &messages, 3).unwrap();
    assert!(given_up.contains("finish()"), "nothing more can be defined: {given_up}");
}
