//! Configs, and traces that are replayed: through every reader that needs no libtorch.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use agent::config::RunConfig;
use analysis::main_table::spec::Spec;
use clap::{Args as _, Command, FromArgMatches as _, Subcommand as _};
use env_server::command::{self, sources};
use env_server::family::FAMILIES;
use env_server::generate;
use env_server::replay::Recording;
use env_server::task_config::{TaskConfig, parse_section};
use lifecycle::AccessOptions;
use serde_json::Value;
use study::experiment::Experiment;

use crate::{memory, scratch};

/// Tasks are drawn from sections whose numbers, multiplied, are at most this: others take seconds.
const MAX_WORK: f64 = 1e6;

/// Keys of other configs. They are not read as options: the parser of the command line takes a millisecond.
const OTHERS: [&str; 4] = ["run_name", "families", "evaluation", "cells"];

/// The command line of `env-server`.
static ENV_SERVER: LazyLock<Command> =
    LazyLock::new(|| command::Command::augment_subcommands(Command::new("env-server")));
/// The same, which takes options from variables, too.
static WITH_VARIABLES: LazyLock<Command> = LazyLock::new(|| sources::with_variables(ENV_SERVER.clone()));

/// Runs an input.
pub fn run(data: &[u8]) {
    let file = scratch::folder().join("config");
    LazyLock::force(&WITH_VARIABLES);
    memory::bounded(data, || {
        fs::write(&file, data).expect("the file");
        tokens(&file);
        let Ok(text) = std::str::from_utf8(data) else { return };
        if let Ok(document) = serde_json::from_str(text) {
            tasks(&document);
        }
        agents(text);
        if !OTHERS.iter().any(|key| text.contains(key)) {
            options(&file);
        }
        told(Recording::read(data, None).map(drop));
        told(Spec::read(&file).map(drop));
        told(Experiment::read(&file).map(|experiment| assert!(experiment.repeats().take(2).count() <= 2)));
    });
}

/// What is wrong is told.
fn told<E: std::fmt::Display>(read: Result<(), E>) {
    if let Err(error) = read {
        assert!(!error.to_string().is_empty());
    }
}

/// What tasks are drawn from.
fn tasks(document: &Value) {
    if let Ok(config) = TaskConfig::parse(document) {
        config.settings();
    }
    for family in FAMILIES {
        let section = document.get(family).unwrap_or(document);
        if let Ok(config) = parse_section(family, section)
            && work(section) <= MAX_WORK
        {
            // Not all settings give a task; the reason is told.
            told(generate::task(&config, 7, "", "task", "run").map(drop));
        }
    }
}

/// About how much work it is to draw a task.
fn work(section: &Value) -> f64 {
    match section {
        Value::Number(number) => number.as_f64().unwrap_or(1.0).abs().max(1.0),
        Value::Array(elements) => elements.iter().map(work).fold(1.0, f64::max),
        Value::Object(map) => {
            let keys = ["n_items_range", "weight_range", "horizon_range", "extra_nodes_range"];
            keys.into_iter().filter_map(|key| map.get(key)).map(work).product()
        }
        _ => 1.0,
    }
}

/// The config of a run of agents. It is written as it was read.
fn agents(text: &str) {
    match RunConfig::parse(text) {
        Ok(config) => {
            let written = config.to_yaml().expect("a config can be written");
            let again = RunConfig::parse(&written).expect("what was written can be read");
            assert_eq!(again, config, "{written}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The options of `env-server serve`.
fn options(file: &Path) {
    let given = ["env-server", sources::COMMAND, "--config"].map(OsString::from);
    let given = given.into_iter().chain([file.as_os_str().to_owned()]).collect();
    if let Ok(all) = sources::arguments(&ENV_SERVER, given)
        && let Ok(matches) = WITH_VARIABLES.clone().try_get_matches_from(all)
    {
        command::Command::from_arg_matches(&matches).expect("what was accepted can be read");
    }
}

/// The tokens that a server accepts.
fn tokens(file: &Path) {
    let command = AccessOptions::augment_args(Command::new("server"));
    let given = [OsString::from("server"), "--tokens".into(), file.into()];
    let matches = command.try_get_matches_from(given).expect("options");
    told(AccessOptions::from_arg_matches(&matches).expect("options").load().map(drop));
}
