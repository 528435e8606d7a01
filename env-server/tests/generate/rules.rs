//! What the generator promises of every task, whatever its seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use env_server::family::{self, FamilyConfig};
use env_server::generate;
use env_server::tool::Bound;
use proptest::prelude::*;
use proto::task::TaskFile;
use serde_json::{Value, json};

use crate::{config, fixture};

fn families(name: &str) -> Vec<FamilyConfig> {
    config(name, 1).sections.into_iter().map(|section| section.family).collect()
}

fn ids(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect()
}

/// What the generator promises of every knapsack task.
fn check_knapsack(task: &TaskFile, section: &Value) {
    let (public, reference, difficulty) = (&task.public, &task.reference, &task.difficulty);
    let items = task.private["items"].as_object().unwrap();
    let number = |value: &Value| value.as_i64().unwrap();
    let item_ids = ids(&public["item_ids"]);
    let allowed = ids(&public["allowed_classes"]);
    let optimal = ids(&reference["optimal_item_ids"]);
    let is_allowed = |id: &str| allowed.contains(&items[id]["class"].as_str().unwrap());

    assert_eq!(item_ids.iter().copied().collect::<BTreeSet<_>>(), items.keys().map(String::as_str).collect());
    assert!(item_ids.iter().all(|id| id.len() == 17 && id.starts_with("item_")));
    assert!(item_ids.iter().filter(|id| is_allowed(id)).count() >= 5);
    assert_eq!(allowed.len(), section["num_allowed_classes"].as_u64().unwrap() as usize);

    assert!(optimal.len() >= 3 && optimal.iter().all(|id| is_allowed(id)));
    let total = |key: &str| optimal.iter().map(|id| number(&items[*id][key])).sum::<i64>();
    assert_eq!(total("value"), number(&reference["optimal_value"]));
    assert_eq!(total("weight"), number(&reference["optimal_weight"]));
    assert!(total("weight") <= number(&public["capacity"]));
    let greatest = optimal.iter().map(|id| number(&items[*id]["value"])).max().unwrap();
    assert!(greatest as f64 / total("value") as f64 <= 0.4);

    let (count, capacity) = (item_ids.len() as f64, number(&public["capacity"]) as f64);
    let mean = (number(&section["weight_range"][0]) + number(&section["weight_range"][1])) as f64 / 2.0;
    let share = allowed.len() as f64 / section["classes"].as_array().unwrap().len() as f64;
    let budget = (1.5 * (capacity / mean) / share.max(0.01)).max(1.1 * optimal.len() as f64).ceil();
    let budget = budget.max(5.0).min(count);
    assert_eq!(number(&public["inspect_budget"]), budget as i64);
    let near =
        |key: &str, value: f64| assert!((difficulty[key].as_f64().unwrap() - value).abs() <= 0.005_000_1);
    near("budget_coverage", budget / count);
    near("p_valid", share);
    near("max_item_dominance", greatest as f64 / total("value") as f64);
    assert_eq!(difficulty["n_items"], json!(item_ids.len()));
    assert_eq!(difficulty["optimal_set_size"], json!(optimal.len()));
}

/// Steps between two nodes, by breadth-first search.
fn distance(adjacency: &Value, start: &str, goal: &str) -> usize {
    let mut seen = BTreeMap::from([(start, 0)]);
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for near in ids(&adjacency[node]) {
            if !seen.contains_key(near) {
                seen.insert(near, seen[node] + 1);
                queue.push_back(near);
            }
        }
    }
    assert_eq!(seen.len(), adjacency.as_object().unwrap().len(), "every node can be reached");
    seen[goal]
}

fn check_navigation(task: &TaskFile, multiplier: f64) {
    let adjacency = &task.private["adjacency"];
    let (start, goal) =
        (task.public["start_node"].as_str().unwrap(), task.public["goal_node"].as_str().unwrap());
    let horizon = task.reference["shortest_path_length"].as_u64().unwrap() as usize;
    assert_eq!(distance(adjacency, start, goal), horizon);
    assert_eq!(task.difficulty["horizon_K"], json!(horizon));
    assert_eq!(task.public["max_steps"], json!((multiplier * horizon as f64).ceil() as i64));
    let path = ids(&task.reference["one_shortest_path"]);
    assert_eq!((path.len(), path[0], path[horizon]), (horizon + 1, start, goal));
    for pair in path.windows(2) {
        assert!(ids(&adjacency[pair[0]]).contains(&pair[1]));
    }
    for (node, near) in adjacency.as_object().unwrap() {
        assert!(ids(near).is_sorted());
        for other in ids(near) {
            assert!(ids(&adjacency[other]).contains(&node.as_str()));
        }
    }
}

fn check_rule(task: &TaskFile, config: &Value) {
    let params = &task.private["params"];
    let number = |key: &str| params[key].as_i64().unwrap();
    match params["family"].as_str().unwrap() {
        "linear_int" => assert!(number("a") != 0 && number("a").abs() <= 10 && number("b").abs() <= 20),
        _ => {
            assert!((1..number("m")).contains(&number("a")) && (0..number("m")).contains(&number("b")));
            assert_eq!(task.public["x_domain"]["suggested_range"], json!([0, 2 * number("m")]));
            if let Value::Array(choices) = &config["mod_m_choices"] {
                assert!(choices.contains(&params["m"]));
            }
        }
    }
    assert_eq!(task.public["family_hint"], params["family"]);
    assert!((3..=15).contains(&task.public["probe_budget"].as_i64().unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The rules hold for any seed, and the reference answer solves the task.
    #[test]
    fn rules_hold_for_any_seed(seed in 0_u64..1 << 53, medium: bool) {
        let name = if medium { "config_medium" } else { "config_easy" };
        let recorded = fixture(name);
        for config in families(name) {
            let section = &recorded[config.family()];
            let task = generate::task(&config, seed, "", "t", "run").unwrap();
            match config.family() {
                "knapsack" => check_knapsack(&task, section),
                "navigation" => check_navigation(&task, section["max_steps_multiplier"].as_f64().unwrap()),
                _ => check_rule(&task, section),
            }
            check_reference_solves(&task);
        }
    }
}

/// Plays the reference answer.
fn check_reference_solves(task: &TaskFile) {
    let mut environment = family::open(task).unwrap();
    let calls: Vec<(&str, String)> = match task.family.as_str() {
        "knapsack" => ids(&task.reference["optimal_item_ids"])
            .iter()
            .map(|id| ("take_item", (*id).to_owned()))
            .collect(),
        "navigation" => {
            let path = ids(&task.reference["one_shortest_path"]);
            path[1..].iter().map(|node| ("move", (*node).to_owned())).collect()
        }
        _ => vec![("submit", task.reference["params"].to_string())],
    };
    for (tool, argument) in calls {
        let argument = Bound::Text(argument);
        environment.call(tool, &[argument]).unwrap();
    }
    let evaluation = environment.evaluate();
    assert!(evaluation.is_solved && evaluation.score == 1.0, "{evaluation:?}");
}
