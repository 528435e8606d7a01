//! Axolotl's keys: each of them is read, has no effect, or is refused with what to write instead.

mod nothing;
mod read;
mod refused;
mod wholes;

use std::collections::BTreeSet;

use trainer::Result;
use trainer::train::keys::{Does, KEYS, OF_DATASETS, Row, Values};
use trainer::train::{Config, Schedule};

use self::nothing::{NOTHING, NOTHING_OF_DATASETS};
use self::read::{READ, READ_ELSEWHERE};
use self::refused::{REFUSED, REFUSED_OF_DATASETS};
use crate::refusal;

const ADAPTER: &str = "adapter: qlora\nload_in_4bit: true\nlora_r: 16\nlora_alpha: 32\n";
const TARGETS: &str = "lora_target_linear: true\n";
const REQUIRED: &str = "base_model: m\noutput_dir: o\nsequence_len: 128\nlearning_rate: 1e-3\n";

fn read_text(text: &str) -> Result<Config> {
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("train.yaml");
    std::fs::write(&path, text).unwrap();
    Config::read(&path)
}

/// Reads a config of an adapter with these lines added.
fn read(lines: &str) -> Result<Config> {
    read_text(&format!("{REQUIRED}datasets: [{{path: d}}]\n{ADAPTER}{TARGETS}{lines}"))
}

/// Reads the same with these lines in the entry of `datasets`.
fn read_dataset(line: &str) -> Result<Config> {
    read_text(&format!("{REQUIRED}{ADAPTER}{TARGETS}datasets:\n  - path: d\n    {line}\n"))
}

fn key(line: &str) -> &str {
    line.split_once(':').unwrap().0
}

/// Fails with all problems at once, each of which names its key.
#[track_caller]
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What is wrong if a line has an effect.
fn effect(line: &str, read: impl Fn(&str) -> Result<Config>, plain: &Config) -> Option<String> {
    match read(line) {
        Ok(config) if config == *plain => None,
        Ok(_) => Some(format!("`{}` has an effect: {line}", key(line))),
        Err(error) => Some(format!("`{}` is refused: {line}: {error}", key(line))),
    }
}

/// What is wrong if a line is not refused at its key, with these words.
fn acceptance(line: &str, place: &str, says: &str, read: impl Fn(&str) -> Result<Config>) -> Option<String> {
    let Err(error) = read(line) else { return Some(format!("`{}` is accepted: {line}", key(line))) };
    let error = error.to_string();
    let told = error.contains(&format!("`{place}{}`: ", key(line))) && error.contains(says);
    (!told).then(|| format!("`{}` is refused, but not so: {line}: {error}", key(line)))
}

#[test]
fn each_key_without_effect_changes_nothing() {
    let plain = read("").unwrap();
    let lines = NOTHING.iter().copied().map(str::to_owned);
    let empty =
        REFUSED.iter().flat_map(|(line, _)| [format!("{}:", key(line)), format!("{}: []", key(line))]);
    let all = lines.chain(empty);
    assert_none(&all.filter_map(|line| effect(&line, read, &plain)).collect::<Vec<_>>());

    let lines = NOTHING_OF_DATASETS.iter().copied().map(str::to_owned);
    let all = lines.chain(REFUSED_OF_DATASETS.iter().map(|(line, _)| format!("{}:", key(line))));
    assert_none(&all.filter_map(|line| effect(&line, read_dataset, &plain)).collect::<Vec<_>>());
}

#[test]
fn each_key_that_is_not_supported_is_refused_with_what_to_write_instead() {
    let found = REFUSED.iter().filter_map(|(line, says)| acceptance(line, "", says, read));
    assert_none(&found.collect::<Vec<_>>());
    let found = REFUSED_OF_DATASETS.iter();
    let found = found.filter_map(|(line, says)| acceptance(line, "datasets[0].", says, read_dataset));
    assert_none(&found.collect::<Vec<_>>());

    // All of them at once, beside the problems of other keys.
    let all = REFUSED.iter().map(|(line, _)| format!("{line}\n"));
    let unique: BTreeSet<&str> = REFUSED.iter().map(|(line, _)| key(line)).collect();
    assert_eq!(unique.len(), REFUSED.len(), "a key has two lines");
    let error = refusal(read(&format!("{}wieght_decay: 1\n", all.collect::<String>())));
    let missing: Vec<&&str> = unique.iter().filter(|key| !error.contains(&format!("`{key}`: "))).collect();
    assert!(missing.is_empty() && error.contains("did you mean weight_decay?"), "{missing:?}: {error}");
}

#[test]
fn each_key_that_is_read_has_an_effect() {
    let plain = read("").unwrap();
    let problems = READ.iter().filter_map(|(line, holds)| match read(line) {
        Ok(config) if config == plain => Some(format!("`{}` has no effect: {line}", key(line))),
        Ok(config) => {
            (!holds(&config)).then(|| format!("`{}` has another effect: {line}: {config:?}", key(line)))
        }
        Err(error) => Some(format!("`{}` is refused: {line}: {error}", key(line))),
    });
    assert_none(&problems.collect::<Vec<_>>());
}

/// What each key of the tables must have a test of: no effect, a refusal, or a value that is read.
fn untested(rows: &[&[Row]], nothing: &[&str], refused: &[(&str, &str)], read: &[&str]) -> Vec<String> {
    let has = |lines: &[&str], name: &str| {
        lines.iter().any(|line| match name.strip_suffix('*') {
            Some(begin) => line.starts_with(begin),
            None => key(line) == name,
        })
    };
    let refused: Vec<&str> = refused.iter().map(|(line, _)| *line).collect();
    let mut missing = vec![];
    for row in rows.iter().copied().flatten() {
        for name in row.keys {
            let needs: &[(&str, &[&str])] = match row.does {
                Does::Read(_) | Does::Switch(..) | Does::Count(_) => &[("reading", read)],
                Does::Nothing(_) => &[("no effect", nothing)],
                Does::Refused(_) => &[("refusal", &refused)],
                Does::Accept { .. } => &[("no effect", nothing), ("refusal", &refused)],
            };
            let lacks = needs.iter().filter(|(_, lines)| !has(lines, name));
            missing.extend(lacks.map(|(what, _)| format!("`{name}` has no test of its {what}")));
        }
    }
    missing
}

#[test]
fn each_key_has_a_test() {
    let read: Vec<&str> = READ.iter().map(|(line, _)| *line).chain(READ_ELSEWHERE.iter().copied()).collect();
    assert_none(&untested(&KEYS, NOTHING, REFUSED, &read));
    assert_none(&untested(&OF_DATASETS, NOTHING_OF_DATASETS, REFUSED_OF_DATASETS, &["path: d"]));
}

#[test]
fn each_key_stands_in_the_table_once() {
    for rows in [&KEYS[..], &OF_DATASETS[..]] {
        let mut seen = BTreeSet::new();
        let names = rows.iter().copied().flatten().flat_map(|row| row.keys);
        let twice: Vec<&&str> = names.filter(|name| !seen.insert(**name)).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
    // What the reader knows, and what the table says is read.
    let error = refusal(read("qqqqqqqqqqqqqqqqqqqq: 1"));
    let known: BTreeSet<&str> = error.split_once("known here: ").unwrap().1.split(", ").collect();
    let rows = KEYS.iter().copied().flatten();
    let said: BTreeSet<&str> = rows.filter(|row| row.is_read()).flat_map(|row| row.keys).copied().collect();
    assert_eq!(known, said);
}

/// A row, as `train_configs/README.md` has it.
fn documented(row: &Row) -> Option<String> {
    let keys: Vec<String> = row.keys.iter().map(|key| format!("`{}`", key.replace('*', "..."))).collect();
    let (nothing, refused) = match row.does {
        Does::Read(_) | Does::Switch(..) | Does::Count(_) => return None,
        Does::Nothing(why) => (format!("any value: {why}"), ""),
        Does::Refused(why) => (String::new(), why),
        Does::Accept { values, why, refused } => {
            let values = match values {
                Values::Words(words) => {
                    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
                }
                Values::Same(other) => format!("the value of `{other}`"),
                Values::Kind(words, _) => words.to_owned(),
            };
            (format!("{values}: {why}"), refused)
        }
    };
    let cell = |text: &str| if text.is_empty() { " ".to_owned() } else { format!(" {text} ") };
    Some(format!("|{}|{}|{}|", cell(&keys.join(", ")), cell(&nothing), cell(refused)))
}

#[test]
fn the_readme_has_the_table() {
    let readme = include_str!("../../../train_configs/README.md");
    for (heading, rows) in [("## Axolotl's other keys", &KEYS[..]), ("### Of a dataset", &OF_DATASETS[..])] {
        let section = readme.split_once(&format!("\n{heading}\n")).expect(heading).1;
        let lines = section.lines().skip_while(|line| !line.starts_with('|')).skip(2);
        let found: Vec<&str> = lines.take_while(|line| line.starts_with('|')).collect();
        let rows = rows.iter().copied().flatten();
        let expected: Vec<String> = rows.filter_map(documented).collect();
        assert!(found == expected, "the table below `{heading}` must be:\n{}", expected.join("\n"));
    }
}

#[test]
fn a_cosine_may_fall_to_a_share_and_stay_there() {
    // Axolotl's formula, by hand: after the warm-up, (1 - least) * (1 + cos(pi * progress)) / 2 + least.
    let rates = |lines: &str| {
        let schedule = Schedule::new(&read(lines).unwrap(), 10);
        (0..schedule.steps).map(|step| schedule.learning_rate(step) / 1e-3).collect::<Vec<_>>()
    };
    let close = |found: &[f64], expected: &[f64]| {
        assert_eq!(found.len(), expected.len());
        for (step, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!((found - expected).abs() < 1e-4, "step {step}: {found}, not {expected}");
        }
    };
    let whole = "max_steps: 6\nwarmup_steps: 2\ncosine_min_lr_ratio: 0.2\n";
    close(&rates(whole), &[0.0, 0.5, 1.0, 0.88284, 0.6, 0.31716]);
    let constant =
        "max_steps: 10\nwarmup_steps: 2\ncosine_min_lr_ratio: 0.2\ncosine_constant_lr_ratio: 0.65\n";
    close(&rates(constant), &[0.0, 0.5, 1.0, 0.88284, 0.6, 0.31716, 0.2, 0.2, 0.2, 0.2]);
    let plain = rates("max_steps: 6\nwarmup_steps: 2\n");
    assert_eq!(
        rates("max_steps: 6\nwarmup_steps: 2\ncosine_min_lr_ratio: 0\ncosine_constant_lr_ratio: 0\n"),
        plain
    );
    // It has fallen before the warm-up ends.
    let early = "max_steps: 6\nwarmup_steps: 3\ncosine_min_lr_ratio: 0.2\ncosine_constant_lr_ratio: 0.2\n";
    close(&rates(early), &[0.0, 0.33333, 0.66667, 1.0, 0.2, 0.2]);
    for (lines, key) in [
        ("lr_scheduler: linear\ncosine_min_lr_ratio: 0.1\n", "cosine_min_lr_ratio"),
        ("cosine_constant_lr_ratio: 0.5\n", "cosine_constant_lr_ratio"),
        ("cosine_min_lr_ratio: 1.5\n", "cosine_min_lr_ratio"),
    ] {
        let error = refusal(read(lines));
        assert!(error.contains(&format!("`{key}`: ")), "{error}");
    }
}

#[test]
fn events_of_an_epoch_are_shares_of_all_steps() {
    let config = read("num_epochs: 3\nevals_per_epoch: 4\nsaves_per_epoch: 2\n").unwrap();
    let schedule = Schedule::new(&config, 40);
    assert_eq!(schedule.interval(config.eval_interval()), 10);
    assert_eq!(schedule.interval(config.save_interval()), 20);
    // Once in the whole training: at its end, as any training is evaluated and saved.
    let config = read("num_epochs: 1\nevals_per_epoch: 1\nsaves_per_epoch: 0\n").unwrap();
    let schedule = Schedule::new(&config, 40);
    assert_eq!(schedule.interval(config.eval_interval()), 40);
    assert_eq!(schedule.interval(config.save_interval()), 40);
    let error = refusal(read("evals_per_epoch: 4\neval_steps: 10\nsaves_per_epoch: 1\nsave_steps: 0.5\n"));
    for key in ["evals_per_epoch", "saves_per_epoch"] {
        assert!(error.contains(&format!("`{key}`: says the same as")), "{error}");
    }
}

#[test]
fn adapters_may_be_scaled_by_the_root_of_their_rank() {
    let scaled = read("peft_use_rslora: true\n").unwrap().lora().unwrap();
    assert_eq!((scaled.scaling(), read("").unwrap().lora().unwrap().scaling()), (8.0, 2.0));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adapter_config.json");
    scaled.write(&path).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains("\"use_rslora\": true"));
    let text = format!("{REQUIRED}datasets: [{{path: d}}]\npeft_use_rslora: true\n");
    let error = refusal(read_text(&text));
    assert!(error.contains("`peft_use_rslora`: is for adapters"), "{error}");
}

#[test]
fn values_that_axolotl_takes_elsewhere_say_what_to_write() {
    for (lines, says) in [
        ("warmup_steps: 0.1", "`warmup_steps`: must be whole steps; write `warmup_ratio: 0.1`"),
        ("lora_target_modules: all-linear", "write `lora_target_linear: true`"),
        ("gradient_checkpointing: maybe", "true, false, offload"),
        ("lr_scheduler: rex", "warmup_stable_decay"),
        ("flash_atention: true", "`flash_atention`: unknown key; did you mean flash_attention?"),
        ("rl: dpo", "`rl`: expected grpo"),
    ] {
        let error = refusal(read(lines));
        assert!(error.contains(says), "{lines}: {error}");
    }
}
