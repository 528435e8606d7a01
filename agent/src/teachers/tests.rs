//! The policies as pure functions. Tests with an interpreter check that their code runs.

use std::collections::BTreeSet;

use acting::reply::{self, Request};
use proto::conversation::Message;

use super::{Answer, Habit, Policy};

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

/// The text of a policy that writes Python.
fn answer(habit: Habit, messages: &[Message], seed: u64) -> Result<String, String> {
    super::answer(Policy::Code(habit), messages, seed).map(|Answer { text, calls }| {
        assert!(calls.is_empty(), "{calls:?}");
        text
    })
}

fn code_of(text: &str) -> String {
    let Request::Run(code) = reply::request(text) else { panic!("not one block: {text}") };
    code
}

#[test]
fn the_same_messages_and_seed_give_the_same_answer() {
    for habit in [Habit::Persistent, Habit::Reset] {
        let first = answer(habit, &opening(), 7).unwrap();
        assert_eq!(first, answer(habit, &opening(), 7).unwrap());
        let variants: BTreeSet<String> =
            (0..50).map(|seed| answer(habit, &opening(), seed).unwrap()).collect();
        assert!(variants.len() >= 45, "{} of 50 {}", variants.len(), Policy::Code(habit).name());
    }
}

#[test]
fn the_persistent_policy_relies_on_its_helper_and_defines_it_again_when_it_is_lost() {
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
        let code = code_of(&third);
        let has_ids = code.contains("list_items()") || code.contains("'item_000000000000'");
        assert!(code.contains("def ") && has_ids, "{third}");

        messages.extend([Message::assistant(third), observation("16\n[]\n", None)]);
        let fourth = code_of(&answer(Habit::Persistent, &messages, seed).unwrap());
        assert!(!fourth.contains("def "), "it relies on its names again: {fourth}");
    }
}

/// The answers of a policy whose blocks print what the given outputs say.
fn answers(habit: Habit, outputs: &[String], seed: u64) -> Vec<String> {
    let mut messages = opening();
    let mut answers = vec![answer(habit, &messages, seed).unwrap()];
    for output in outputs {
        messages.extend([Message::assistant(answers.last().unwrap().clone()), observation(output, None)]);
        answers.push(answer(habit, &messages, seed).unwrap());
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
    answers(Habit::Reset, &outputs, seed)
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
        let episodes = [answers(Habit::Persistent, &outputs, seed), reset_episode(seed)];
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
fn a_task_that_no_policy_can_play_is_refused() {
    let refused =
        |public: &str| answer(Habit::Reset, &[Message::user(format!("Go.\n\n{public}"))], 0).unwrap_err();
    let error = refused("{\"board\":[]}");
    for part in ["`item_ids`", "`goal_node`", "`probe_budget`", "knapsack, navigation, rule_diagnosis"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(refused("{\"goal_node\":\"node_1\"}").contains("`start_node`"));
    assert!(refused("{\"goal_node\":7,\"start_node\":\"a\"}").contains("not a string"));
    let error = refused("{\"probe_budget\":3,\"family_hint\":\"cubic\"}");
    assert!(error.contains("`cubic`") && error.contains("linear_int"), "{error}");
}

#[test]
fn the_plain_policies_differ_only_in_what_they_copy() {
    let printed = ["[(0, 5, 60, 'A'), (1, 6, 59, 'C')]\n", "[(2, 7, 58, 'A')]\n"].map(str::to_owned);
    for seed in 0..30 {
        let persistent = answers(Habit::PlainPersistent, &printed, seed);
        let reset = answers(Habit::PlainReset, &printed, seed);
        assert_eq!(persistent, answers(Habit::PlainPersistent, &printed, seed));
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
        let text = answer(Habit::PlainPersistent, &messages, 3).unwrap();
        messages.extend([Message::assistant(text), reply]);
    }
    let again = answer(Habit::PlainPersistent, &messages, 3).unwrap();
    assert!(again.contains("def ") && again.contains(" = [(0, 5, 60, 'A')]"), "{again}");

    messages.extend([Message::assistant(again), missing]);
    let given_up = answer(Habit::PlainPersistent, &messages, 3).unwrap();
    assert!(given_up.contains("finish()"), "nothing more can be defined: {given_up}");
}

/// The opening of a navigation task, and of both kinds of rule diagnosis tasks.
fn other_openings() -> [Vec<Message>; 3] {
    let opening = |public: serde_json::Value| {
        vec![
            Message::system("One block can make at most 25 tool calls."),
            Message::user(format!("Go.\n\nPublic data:\n{public}")),
        ]
    };
    let rule = |hint: &str, range: [i64; 2]| {
        let domain = serde_json::json!({"suggested_range": range, "type": "int"});
        serde_json::json!({"family_hint": hint, "notes": null, "probe_budget": 4, "x_domain": domain})
    };
    [
        opening(serde_json::json!({"goal_node": "node_g", "max_steps": 9, "start_node": "node_a"})),
        opening(rule("linear_int", [-20, 20])),
        opening(rule("affine_mod", [0, 14])),
    ]
}

/// What the first two blocks of these tasks could print.
const OTHER_OUTPUTS: [[&str; 2]; 3] = [
    [
        "node_a ['node_b', 'node_c']\nat node_b, 8 moves left\n",
        "node_b ['node_a', 'node_d']\nat node_d, 7 moves left\n",
    ],
    ["0: -3\n1: 4\n", "5: 32\na = 7, b = -3\nconfirmed: True\n"],
    ["0: 5\n1: 2\n", "6: 1\n1 fit: [(4, 5, 7)]\n"],
];

/// The names that a block binds at its top level or as a function.
fn bound(code: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let target = line.strip_prefix("def ").map_or_else(
            || line.split_once(" = ").map(|(name, _)| name.to_owned()),
            |rest| rest.split_once('(').map(|(name, _)| name.to_owned()),
        )?;
        line.starts_with(char::is_alphabetic).then_some(target)
    };
    code.lines()
        .filter_map(name)
        .flat_map(|names| names.split(", ").map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn on_other_families_persistent_policies_rely_on_names_and_restore_them_from_the_outputs() {
    let habits = [(Habit::Persistent, Habit::Reset), (Habit::PlainPersistent, Habit::PlainReset)];
    for (family, (opening, [first, _])) in other_openings().iter().zip(OTHER_OUTPUTS).enumerate() {
        for (persistent, reset) in habits {
            for seed in 0..30 {
                let after = |habit: Habit, results: &[(&str, Option<&str>)]| {
                    let mut messages = opening.clone();
                    for (output, error) in results {
                        let text = answer(habit, &messages, seed).unwrap();
                        messages.extend([Message::assistant(text), observation(output, *error)]);
                    }
                    code_of(&answer(habit, &messages, seed).unwrap())
                };
                let setup = after(persistent, &[]);
                assert!(setup.contains("def "), "{setup}");
                let relying = after(persistent, &[(first, None)]);
                let writing = after(reset, &[(first, None)]);
                assert!(!relying.contains("def "), "{relying}");
                let copied = [["'node_b', 'node_c'", "8"], ["0: -3", "1: 4"], ["0: 5", "1: 2"]][family];
                for part in copied {
                    assert!(writing.contains(part), "{writing}");
                    assert!(family == 0 || !relying.contains(part), "{relying}");
                }
                let used = bound(&setup).into_iter().filter(|name| relying.contains(name.as_str())).count();
                assert!(used >= 1, "{setup}\n---\n{relying}");

                let lost = Some("Traceback ...\nNameError: name 'seen' is not defined");
                let restored = after(persistent, &[(first, None), ("", lost)]);
                for part in copied.into_iter().chain(["def "]) {
                    assert!(restored.contains(part), "{restored}");
                }
                assert_eq!(
                    after(persistent, &[(first, None), ("", lost), (OTHER_OUTPUTS[family][1], None)]),
                    after(persistent, &[(first, None), (OTHER_OUTPUTS[family][1], None)]),
                    "it relies on its names again"
                );
            }
        }
    }
}

#[test]
fn on_other_families_reasoning_varies_and_is_complete() {
    for (opening, outputs) in other_openings().into_iter().zip(OTHER_OUTPUTS) {
        for habit in [Habit::Persistent, Habit::Reset, Habit::PlainPersistent, Habit::PlainReset] {
            let mut wordings = BTreeSet::new();
            for seed in 0..100 {
                let mut messages = opening.clone();
                for output in outputs {
                    let text = answer(habit, &messages, seed).unwrap();
                    let words = reply::prose(&text);
                    assert!(!words.is_empty() && !words.contains(['{', '}']), "{words}");
                    wordings.insert(words);
                    messages.extend([Message::assistant(text), observation(output, None)]);
                }
            }
            assert!(wordings.len() >= 4, "{wordings:?}");
        }
    }
}

#[test]
fn failures_end_an_episode() {
    for opening in other_openings() {
        for habit in [Habit::Persistent, Habit::Reset] {
            let mut messages = opening.clone();
            for _ in 0..3 {
                let text = answer(habit, &messages, 1).unwrap();
                assert!(!code_of(&text).starts_with("finish()"), "{text}");
                messages
                    .extend([Message::assistant(text), observation("", Some("ToolRuntimeException: no"))]);
            }
            assert_eq!(code_of(&answer(habit, &messages, 1).unwrap()).trim(), "finish()");
        }
    }
}
