//! Errors of configs that cannot be used, and the project's own configs.

use std::fs;

use env_server::task_config::{self, TaskConfig};
use env_server::{family, generate};
use serde_json::json;

use crate::{fixture, repository};

#[test]
fn configs_that_break_a_rule_are_refused_by_key() {
    for (path, value, message) in [
        (&["run_name"][..], None, "run_name: missing"),
        (&["run_name"], Some(json!("")), "run_name: must not be empty"),
        (&["seed_start"], Some(json!("0")), "seed_start: expected an integer, found a string"),
        (&["seed_start"], Some(json!(-1)), "seed_start: must not be negative"),
        (&["seed_strat"], Some(json!(1)), "seed_strat: unknown key; did you mean seed_start?"),
        (&["max_workers"], Some(json!(0)), "max_workers: must be 1 to 1024, found 0"),
        (&["llm"], Some(json!({"enabled": true})), "llm.enabled: not supported"),
        (&["knapsack"], Some(json!([])), "knapsack: expected an object, found an array"),
        (&["knapsack", "num_tasks"], None, "knapsack.num_tasks: missing"),
        (&["knapsack", "num_tasks"], Some(json!(0)), "knapsack.num_tasks: must be 1 to 1000000, found 0"),
        (
            &["knapsack", "n_item_range"],
            Some(json!([1, 2])),
            "knapsack.n_item_range: unknown key; did you mean n_items_range?",
        ),
        (
            &["knapsack", "n_items_range"],
            Some(json!([0, 5])),
            "knapsack.n_items_range: must lie within [1, 1000]",
        ),
        (
            &["knapsack", "n_items_range"],
            Some(json!([9, 5])),
            "knapsack.n_items_range: must be [low, high] with low <= high, found [9, 5]",
        ),
        (&["knapsack", "n_items_range"], Some(json!([9])), "knapsack.n_items_range: must be [low, high]"),
        (
            &["knapsack", "weight_range"],
            Some(json!([1.5, 2])),
            "knapsack.weight_range[0]: expected an integer",
        ),
        (
            &["knapsack", "weight_range"],
            Some(json!([1, 99_999])),
            "knapsack.weight_range: too large for an exact",
        ),
        (&["knapsack", "value_range"], Some(json!([-1, 2])), "knapsack.value_range: must lie within [1,"),
        (&["knapsack", "classes"], Some(json!([])), "knapsack.classes: must name at least one class"),
        (
            &["knapsack", "classes"],
            Some(json!(["A", "A", "B", "C", "D"])),
            "knapsack.classes[1]: the class \"A\" is listed",
        ),
        (
            &["knapsack", "num_allowed_classes"],
            Some(json!(27)),
            "knapsack.num_allowed_classes: must be at most the number of classes, 26, found 27",
        ),
        (
            &["knapsack", "num_allowed_classes"],
            Some(json!(0)),
            "knapsack.num_allowed_classes: must be at least 1",
        ),
        (
            &["knapsack", "capacity_ratio_range"],
            Some(json!([0, 0.5])),
            "knapsack.capacity_ratio_range: must be ratios above 0 and at most 1, found [0, 0.5]",
        ),
        (
            &["knapsack", "capacity_ratio_range"],
            Some(json!([0.5, 1.1])),
            "knapsack.capacity_ratio_range: must be",
        ),
        (
            &["navigation", "horizon_range"],
            Some(json!([0, 3])),
            "navigation.horizon_range: must lie within [1,",
        ),
        (
            &["navigation", "extra_edge_factor_range"],
            Some(json!([0, 2])),
            "extra_edge_factor_range: must lie",
        ),
        (
            &["navigation", "max_steps_multiplier"],
            Some(json!(0.5)),
            "max_steps_multiplier: must be at least 1",
        ),
        (&["rule_diagnosis", "families"], Some(json!([])), "rule_diagnosis.families: must name at least one"),
        (
            &["rule_diagnosis", "families"],
            Some(json!(["x"])),
            "rule_diagnosis.families[0]: unknown rule family",
        ),
        (
            &["rule_diagnosis", "linear_a_range"],
            Some(json!([0, 0])),
            "linear_a_range: must hold a value other",
        ),
        (&["rule_diagnosis", "mod_m_choices"], Some(json!([5, 1])), "mod_m_choices[1]: must be at least 2"),
        (
            &["rule_diagnosis", "mod_a_range"],
            Some(json!([13, 20])),
            "mod_a_range: must begin below the smallest",
        ),
        (
            &["rule_diagnosis", "probe_budget_range"],
            Some(json!([0, 2])),
            "probe_budget_range: must lie within",
        ),
    ] {
        let mut config = fixture("config_medium");
        let (last, parents) = path.split_last().unwrap();
        let parent = parents.iter().fold(&mut config, |value, key| &mut value[*key]).as_object_mut().unwrap();
        match value {
            Some(value) => parent.insert((*last).to_owned(), value),
            None => parent.shift_remove(*last),
        };
        let error = TaskConfig::parse(&config).expect_err(message).to_string();
        assert_eq!(error.lines().count(), 1, "{message}: {error}");
        assert!(error.contains(message), "wanted {message}\ngot    {error}");
    }
}

#[test]
fn all_problems_of_a_config_are_reported_at_once() {
    let error = TaskConfig::parse(&json!({"knapsack": {"classes": []}, "nawigation": {}})).unwrap_err();
    let paths: Vec<&str> = error.0.iter().map(|problem| problem.path.as_str()).collect();
    for path in
        ["out_dir", "run_name", "seed_start", "knapsack.n_items_range", "knapsack.classes", "nawigation"]
    {
        assert!(paths.contains(&path), "{path}: {error}");
    }
    let error = TaskConfig::parse(&json!({"out_dir": "o", "run_name": "r", "seed_start": 0})).unwrap_err();
    assert!(error.to_string().contains("has no family's section"), "{error}");
}

#[test]
fn a_config_file_is_named_in_its_errors() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, "{\"run_name\": 1}").unwrap();
    let error = TaskConfig::read(file.path()).unwrap_err().to_string();
    assert!(error.contains(file.path().to_str().unwrap()) && error.contains("run_name: expected a string"));
}

#[test]
fn one_section_is_enough_to_draw_a_task() {
    let config = task_config::parse_section("knapsack", &fixture("config_easy")["knapsack"]).unwrap();
    let task = generate::task(&config, 7, "knapsack-7", "inline").unwrap();
    assert!(family::open(&task).is_ok());
    let error = task_config::parse_section("chess", &json!({})).unwrap_err().to_string();
    assert!(error.contains("unknown family \"chess\""), "{error}");
    let error = task_config::parse_section("navigation", &json!({"horizon": 1})).unwrap_err().to_string();
    assert!(error.contains("navigation.horizon_range: missing"), "{error}");
    assert!(error.contains("navigation.horizon: unknown key"), "{error}");
}

/// The configs of the study are valid, give tasks, and no two of them share a seed.
#[test]
fn the_projects_configs_share_no_seed() {
    let mut intervals = Vec::new();
    for entry in fs::read_dir(repository().join("task_configs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let config = TaskConfig::read(&path).unwrap();
            assert_eq!(path.file_stem().unwrap().to_str(), Some(config.run_name.as_str()));
            for section in &config.sections {
                let first = generate::seed(config.seed_start, section.family.family(), 0);
                for seed in first..first + 5 {
                    generate::task(&section.family, seed, "task", &config.run_name).unwrap();
                }
                intervals.push((section.family.family(), first, first + section.num_tasks));
            }
        }
    }
    assert!(intervals.len() >= 5);
    intervals.sort_unstable();
    for pair in intervals.windows(2) {
        let ((family, _, end), (next_family, start, _)) = (pair[0], pair[1]);
        assert!(family != next_family || end <= start, "{pair:?}");
    }
}
