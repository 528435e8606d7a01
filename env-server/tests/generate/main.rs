//! The generator: reproducibility, resuming, loading what it wrote, and errors of folders that cannot be used.

#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

mod config;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use env_server::family::{self, FamilyConfig};
use env_server::generate::{self, Report};
use env_server::task_config::TaskConfig;
use env_server::task_set::TaskSet;
use files::digest;
use indicatif::ProgressBar;
use proto::task::TaskFile;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn fixture(name: &str) -> Value {
    let path = repository().join("tests/fixtures/tasks").join(format!("{name}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The recorded configs, with fewer tasks.
fn config(name: &str, num_tasks: u64) -> TaskConfig {
    let mut config = TaskConfig::parse(&fixture(name)).unwrap();
    for section in &mut config.sections {
        section.num_tasks = num_tasks;
    }
    config
}

fn generate(config: &TaskConfig, root: &Path) -> Result<Report, generate::Error> {
    generate::run(config, root, &ProgressBar::hidden())
}

/// Every file below a folder, by relative path.
fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn seeds_are_those_of_the_recorded_tasks() {
    for (name, start) in [("easy-knapsack-0000000098", 123_456_789), ("medium-navigation-0000000057", 0)] {
        let task = fixture(name);
        let index = task["task_id"].as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap();
        let seed = generate::seed(start, task["family"].as_str().unwrap(), index);
        assert_eq!(json!(seed), task["seed"], "{name}");
    }
}

/// Every path of keys in a value; keys that are data (opaque ids) count as one.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Value::Object(map) = value {
        assert!(map.keys().is_sorted(), "{path}");
        for (key, value) in map {
            let key = if key.starts_with("item_") || key.starts_with("node_") { "*" } else { key };
            let path = format!("{path}.{key}");
            keys(value, &path, found);
            found.insert(path);
        }
    }
}

#[test]
fn files_have_the_recorded_keys_in_order() {
    let folder = tempfile::tempdir().unwrap();
    generate(&config("config_medium", 30), folder.path()).unwrap();
    let mut ours: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, bytes) in contents(folder.path()) {
        let text = String::from_utf8(bytes).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        // Two spaces of indent, and a newline at the end.
        assert!(text == serde_json::to_string_pretty(&value).unwrap() + "\n", "{path:?}");
        keys(&value, "", &mut BTreeSet::new());
        if path.starts_with("tasks") {
            let family = value["family"].as_str().unwrap().to_owned();
            keys(&value, "", ours.entry(family).or_default());
        }
    }
    for family in family::FAMILIES {
        let mut recorded = BTreeSet::new();
        for i in 57..60 {
            keys(&fixture(&format!("medium-{family}-00000000{i}")), "", &mut recorded);
        }
        recorded.insert(".tools".to_owned());
        assert_eq!(ours[family], recorded, "{family}");
    }
    let manifest: Value = files::read_json(&folder.path().join("manifest.json")).unwrap();
    assert_eq!(manifest["run_name"], "med_hard_k_80_120");
    assert_eq!(manifest["settings"]["knapsack"]["n_items_range"], json!([80, 120]));
}

#[test]
fn the_same_config_gives_the_same_bytes() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut config = config("config_easy", 12);
    config.max_workers = 1;
    let report = generate(&config, first.path()).unwrap();
    assert_eq!(report, Report { written: 36, skipped: 0, failed: 0 });
    config.max_workers = 4;
    generate(&config, second.path()).unwrap();
    assert_eq!(contents(first.path()), contents(second.path()));

    // What is in memory is what is in the file, so both play the same.
    let section = &config.sections[0].family;
    let set = TaskSet::load(first.path()).unwrap();
    let loaded = set.read("knapsack-0000000003").unwrap().unwrap();
    let drawn = generate::task(section, loaded.seed, "", &loaded.task_id, &loaded.run_name).unwrap();
    assert_eq!(drawn, loaded);
    let order = |task: &TaskFile| {
        let items = task.private["items"].as_object().unwrap();
        items.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(order(&drawn), order(&loaded));
}

/// Pins the tasks themselves. They change only with the generator, and `GENERATOR_RELEASED` must change then, too.
#[test]
fn tasks_are_pinned() {
    let folder = tempfile::tempdir().unwrap();
    generate(&config("config_easy", 3), folder.path()).unwrap();
    let digests: Vec<String> = contents(folder.path())
        .iter()
        .map(|(path, bytes)| {
            let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{} {}", &digest[..16], path.display())
        })
        .collect();
    assert_eq!(digests, PINNED);
}

const PINNED: [&str; 10] = [
    "990927f9ff0fb6db manifest.json",
    "f80ad6bd228adfb0 tasks/knapsack/knapsack-0000000000.json",
    "2cbef77e554a52be tasks/knapsack/knapsack-0000000001.json",
    "becfcb50a18d784b tasks/knapsack/knapsack-0000000002.json",
    "43dc0262cfa797eb tasks/navigation/navigation-0000000000.json",
    "8be30e94c687048c tasks/navigation/navigation-0000000001.json",
    "9fa767882d38a608 tasks/navigation/navigation-0000000002.json",
    "0efea7f8a041bd8d tasks/rule_diagnosis/rule_diagnosis-0000000000.json",
    "d76b41754179c0b7 tasks/rule_diagnosis/rule_diagnosis-0000000001.json",
    "81c9a9887c0c285e tasks/rule_diagnosis/rule_diagnosis-0000000002.json",
];

#[test]
fn runs_resume() {
    let folder = tempfile::tempdir().unwrap();
    let config = config("config_easy", 5);
    generate(&config, folder.path()).unwrap();
    let whole = contents(folder.path());
    for name in ["knapsack/knapsack-0000000002", "navigation/navigation-0000000004"] {
        fs::remove_file(folder.path().join("tasks").join(format!("{name}.json"))).unwrap();
    }
    let kept = folder.path().join("tasks/knapsack/knapsack-0000000000.json");
    fs::write(&kept, "kept").unwrap();
    let report = generate(&config, folder.path()).unwrap();
    assert_eq!(report, Report { written: 2, skipped: 13, failed: 0 });
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
    fs::remove_file(&kept).unwrap();
    generate(&config, folder.path()).unwrap();
    assert_eq!(contents(folder.path()), whole);
}

#[test]
fn other_settings_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let config = config("config_easy", 2);
    generate(&config, folder.path()).unwrap();
    let whole = contents(folder.path());
    let mut other = config.clone();
    other.sections[1].num_tasks = 7;
    let error = generate(&other, folder.path()).unwrap_err().to_string();
    assert!(error.contains("other settings, e.g. another navigation.num_tasks"), "{error}");
    let mut other = config.clone();
    other.run_name = "x".into();
    let error = generate(&other, folder.path()).unwrap_err().to_string();
    assert!(error.contains("another run_name"), "{error}");
    assert_eq!(contents(folder.path()), whole);

    // Neither of these decides a task.
    let mut same = config;
    (same.max_workers, same.out_dir) = (3, "elsewhere".into());
    assert_eq!(generate(&same, folder.path()).unwrap().skipped, 6);

    fs::remove_file(folder.path().join("manifest.json")).unwrap();
    let error = generate(&same, folder.path()).unwrap_err().to_string();
    assert!(error.contains("no manifest.json"), "{error}");
}

#[test]
fn tasks_that_cannot_be_generated_are_logged() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config("config_easy", 2);
    // Four items are never five of an allowed class.
    let FamilyConfig::Knapsack(knapsack) = &mut config.sections[0].family else { panic!() };
    knapsack.n_items = family::Range { low: 4, high: 4 };
    let report = generate(&config, folder.path()).unwrap();
    assert_eq!(report, Report { written: 4, skipped: 0, failed: 2 });
    let log = fs::read_to_string(folder.path().join("logs/errors.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["task_id"], "knapsack-0000000001");
    assert!(lines[1]["error"].as_str().unwrap().contains("200 draws"));
    // A second run tries the failed tasks again, and the log stays the same.
    assert_eq!(generate(&config, folder.path()).unwrap(), Report { written: 0, skipped: 4, failed: 2 });
    assert_eq!(fs::read_to_string(folder.path().join("logs/errors.jsonl")).unwrap(), log);
}

#[test]
fn folders_that_cannot_be_written_are_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let root = file.path().join("tasks");
    let error = generate(&config("config_easy", 1), &root).unwrap_err().to_string();
    assert!(error.contains("writing") && error.contains(root.to_str().unwrap()), "{error}");
}

#[test]
fn sets_load_with_names_and_families() {
    let folder = tempfile::tempdir().unwrap();
    generate(&config("config_easy", 2), folder.path()).unwrap();
    let set = TaskSet::load(folder.path()).unwrap();
    assert_eq!((set.name(), set.len()), ("easy_100", 6));
    assert_eq!(set.families(), ["knapsack", "navigation", "rule_diagnosis"]);
    let ids = |family, start| -> Vec<&str> {
        set.page(family, start, 2).into_iter().map(|task| task.task_id).collect()
    };
    assert_eq!(ids(Some("navigation"), 0), ["navigation-0000000000", "navigation-0000000001"]);
    assert_eq!(ids(Some("navigation"), 1), ["navigation-0000000001"]);
    assert_eq!(ids(Some("chess"), 0), [""; 0]);
    assert_eq!(ids(None, 1), ["knapsack-0000000001", "navigation-0000000000"]);
    assert_eq!((set.count(None), set.count(Some("navigation")), set.count(Some("chess"))), (6, 2, 0));
    assert!(set.read("knapsack-0000000009").is_none());
    let task = set.read("knapsack-0000000001").unwrap().unwrap();
    assert_eq!(task.task_id, "knapsack-0000000001");
    let public = digest::bytes(serde_json::to_string(&task.public).unwrap());
    assert_eq!(set.page(None, 1, 1)[0].public_sha256, public);

    fs::remove_file(folder.path().join("manifest.json")).unwrap();
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(TaskSet::load(folder.path()).unwrap().name(), name);
}

#[test]
fn sets_with_malformed_files_name_file_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let knapsack = folder.path().join("tasks/knapsack");
    assert!(TaskSet::load(folder.path()).unwrap_err().to_string().contains("tasks"));
    fs::create_dir_all(&knapsack).unwrap();
    assert!(TaskSet::load(folder.path()).unwrap_err().to_string().contains("holds no task file"));

    let task = fixture("easy-knapsack-0000000098");
    let write = |name: &str, value: &Value| {
        fs::write(knapsack.join(format!("{name}.json")), value.to_string()).unwrap();
    };
    write("knapsack-0000000098", &task);
    assert_eq!(TaskSet::load(folder.path()).unwrap().len(), 1);
    write("knapsack-0000000001", &task);
    let mut broken = task.clone();
    broken["public"]["capacity"] = json!("much");
    write("knapsack-0000000002", &broken);
    fs::write(knapsack.join("knapsack-0000000003.json"), "{").unwrap();
    let set = TaskSet::load(folder.path()).unwrap();
    assert_eq!((set.len(), set.refused().files), (1, 3), "the good one is offered");
    fs::remove_file(knapsack.join("knapsack-0000000098.json")).unwrap();
    let error = TaskSet::load(folder.path()).unwrap_err().to_string();
    for message in [
        "no task that can be played; 3 files are no tasks:",
        "knapsack-0000000001.json: task_id: is knapsack-0000000098, unlike the file's name",
        "knapsack-0000000002.json: public.capacity: expected an integer, found a string",
        "knapsack-0000000003.json: EOF while parsing an object at line 1 column 1",
    ] {
        assert!(error.contains(message), "wanted {message}\ngot {error}");
    }
}

#[test]
fn of_many_files_that_are_no_tasks_the_first_are_named() {
    let folder = tempfile::tempdir().unwrap();
    generate(&config("config_easy", 1), folder.path()).unwrap();
    for index in 0..30 {
        fs::write(folder.path().join(format!("tasks/navigation/stray-{index:02}.json")), "{}").unwrap();
    }
    fs::write(folder.path().join("tasks/navigation/notes.txt"), "no JSON file").unwrap();
    let set = TaskSet::load(folder.path()).unwrap();
    assert_eq!((set.len(), set.refused().files), (3, 30));
    let text = set.refused().to_string();
    assert!(text.starts_with("30 files are no tasks:\n") && text.contains("stray-00.json"), "{text}");
    assert!(!text.contains("stray-29") && text.len() < 5000, "{text}");
}

#[test]
fn a_file_that_changes_after_loading_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    generate(&config("config_easy", 1), folder.path()).unwrap();
    let set = TaskSet::load(folder.path()).unwrap();
    let path = folder.path().join("tasks/knapsack/knapsack-0000000000.json");
    let read = || set.read("knapsack-0000000000").unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let mut other: Value = serde_json::from_str(&text).unwrap();
    other["seed"] = json!(0);
    fs::write(&path, other.to_string()).unwrap();
    let error = read().unwrap_err().to_string();
    assert!(error.contains("knapsack-0000000000.json has changed"), "{error}");
    fs::remove_file(&path).unwrap();
    assert!(read().unwrap_err().to_string().contains("knapsack-0000000000.json"));
    fs::write(&path, text).unwrap();
    read().unwrap();
}
