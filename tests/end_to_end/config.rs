//! The options of `env-server serve`: where they come from, what is documented, and what a server tells of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use client::{EnvClient, connect};
use lifecycle::child;
use proto::env::v1;
use tests::{EnvServer, Guarded, program, root};

fn env_server(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program("env-server"));
    command.args(arguments).envs(variables.iter().copied()).output().unwrap()
}

async fn info(client: &mut EnvClient) -> v1::GetServerInfoResponse {
    client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner()
}

/// What a server tells that is started with these variables; and its log.
async fn told(arguments: &[&str], variables: &[(&str, &str)]) -> (v1::ServerLimits, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(program("env-server"));
    command.arg("serve").args(arguments).envs(variables.iter().copied());
    let log = folder.path().join("log");
    let server = child::Server::start_command("environment server", command, &log).await.unwrap();
    let limits = info(&mut connect(server.url()).await.unwrap()).await.server_limits.unwrap();
    server.stop().await.unwrap();
    (limits, fs::read_to_string(log).unwrap())
}

#[tokio::test]
async fn a_flag_goes_before_a_variable_and_that_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.yaml");
    fs::write(&file, "max_episodes: 11\nmax_awake: 12\nworkers: 3\nany_limits: true\nmemory: 1GiB\n")
        .unwrap();
    let file = file.to_str().unwrap();
    let variables = [
        ("RUNTIME_GYM_CONFIG", file),
        ("RUNTIME_GYM_MAX_EPISODES", "21"),
        ("RUNTIME_GYM_MAX_AWAKE", "22"),
        ("RUNTIME_GYM_MAX_CONNECTIONS", "24"),
        ("RUNTIME_GYM_LEASE", ""),
        ("RUNTIME_GYM_MAX_EPISODE", "99"),
        ("RUNTIME_GYM_SERVICE_HOST", "10.0.0.1"),
    ];
    let (limits, log) = told(&["--max-episodes", "31"], &variables).await;
    assert_eq!(limits.max_episodes, 31, "the flag");
    assert_eq!((limits.max_awake, limits.max_connections), (22, 24), "the variables");
    assert_eq!((limits.workers, limits.memory_bytes), (3, 1 << 30), "the file");
    assert!(limits.highest_limits.unwrap().max_steps > 1_000_000, "the file");
    assert_eq!(limits.default_lease.unwrap().seconds, 900, "an empty variable counts as unset");
    assert!(log.contains("RUNTIME_GYM_MAX_EPISODE is set") && log.contains("MAX_EPISODES?"), "{log}");
    assert!(!log.contains("SERVICE_HOST"), "it may be somebody else's: {log}");

    let (limits, _) = told(&[], &variables[1..3]).await;
    let highest = limits.highest_limits.unwrap();
    assert_eq!((limits.max_episodes, limits.max_connections, highest.max_steps), (21, 10_000, 1000));
}

#[test]
fn what_is_wrong_in_variables_and_file_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.yaml");
    fs::write(&file, "max_episode: 11\nmax_awake: [12]\nlisten: 127.0.0.1:0\n").unwrap();
    let file = file.to_str().unwrap();
    let variables =
        [("RUNTIME_GYM_WORKERS", "many"), ("RUNTIME_GYM_STRICT", "yes"), ("RUNTIME_GYM_SERVER_NAME", "a.b")];
    let refused = env_server(&["serve", "--config", file], &variables);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{said}");
    for part in [
        "RUNTIME_GYM_WORKERS: `many`",
        "RUNTIME_GYM_STRICT: `yes`: must be true or false",
        "RUNTIME_GYM_SERVER_NAME: `a.b`: must be 1 to 32 of [a-z0-9-]",
        &format!("{file}: max_episode: unknown key; did you mean max_episodes?"),
        &format!("{file}: max_awake: expected a text or a number, found an array"),
    ] {
        assert!(said.contains(part), "wanted {part}\ngot {said}");
    }
}

#[tokio::test]
async fn every_limit_in_force_is_told() {
    let options = ["--max-steps", "77", "--lease", "60", "--workers", "2", "--memory", "3GiB"];
    let server = EnvServer::start(&[], &options).await;
    let told = info(&mut server.client().await).await;
    assert_eq!(told.quota, None);
    let limits = told.server_limits.unwrap();
    assert_eq!(limits.highest_limits, told.default_limits, "without --any-limits");
    let wanted = v1::ServerLimits {
        highest_limits: Some(v1::Limits { max_steps: 77, ..limits.highest_limits.unwrap() }),
        max_episodes: 1000,
        max_awake: 4000,
        memory_bytes: 3 << 30,
        default_lease: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        max_lease: Some(prost_types::Duration { seconds: 86_400, nanos: 0 }),
        max_request_bytes: 12 << 20,
        max_batch_steps: 1000,
        max_connections: 10_000,
        workers: 2,
    };
    assert_eq!(limits, wanted);

    let guarded = Guarded::start("quota red episodes=5 fuel_per_second=20000000000\n").await;
    let quota = v1::Quota { episodes: 5, fuel_per_second: 20_000_000_000, ..v1::Quota::default() };
    for (token, wanted) in [("red", Some(quota)), ("blue", None), ("boss", None)] {
        assert_eq!(info(&mut guarded.client(token).await).await.quota, wanted, "{token}");
    }
}

/// The options in the help of `serve`: flag to variable and default.
fn options() -> BTreeMap<String, (String, Option<String>)> {
    let help = String::from_utf8(env_server(&["serve", "--help"], &[]).stdout).unwrap();
    let mut options = BTreeMap::new();
    let mut last = String::new();
    for line in help.lines().map(str::trim) {
        let flag = line.strip_prefix("-h, ").unwrap_or(line);
        if let Some(name) = flag.split([' ', '=']).next().filter(|word| word.starts_with("--")) {
            last = name.to_owned();
            options.insert(last.clone(), (String::new(), None));
        }
        let Some(option) = options.get_mut(&last) else { continue };
        let between = |start: &str| Some(line.split_once(start)?.1.split_once(']')?.0.to_owned());
        if let Some(variable) = between("[env: ") {
            option.0 = variable.trim_end_matches('=').to_owned();
        }
        if let Some(default) = between("[default: ") {
            option.1 = Some(default);
        }
    }
    options.remove("--help");
    options
}

#[test]
fn the_table_of_options_is_complete_and_true() {
    let text = fs::read_to_string(root().join(Path::new("docs/OPERATIONS.md"))).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `--")).filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let quoted = |cell: &str| cell.split('`').nth(1).map(str::to_owned);
        let [flag, variable, key, default, _] = cells.as_slice() else { return None };
        let name = quoted(flag)?.split(' ').next()?.to_owned();
        Some((name, (quoted(variable)?, quoted(key), (*default).to_owned())))
    });
    let rows: BTreeMap<_, _> = rows.collect();
    let options = options();
    assert!(options.len() > 30, "{options:?}");
    let names = |keys: Vec<&String>| keys.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(rows.keys().collect()),
        names(options.keys().collect()),
        "the options in the table, and in the help"
    );
    for (flag, (variable, default)) in &options {
        let (row_variable, row_key, row_default) = &rows[flag];
        let key = flag.trim_start_matches("--").replace('-', "_");
        assert_eq!(row_variable, variable, "{flag}");
        assert_eq!(*variable, format!("RUNTIME_GYM_{}", key.to_uppercase()));
        assert_eq!(*row_key, (flag != "--config").then_some(key), "{flag}");
        // Words where the help has words.
        if let Some(default) =
            default.as_ref().filter(|default| !default.contains(' ') && !default.starts_with('$'))
        {
            assert_eq!(row_default, &format!("`{default}`"), "{flag}");
        }
    }
}
