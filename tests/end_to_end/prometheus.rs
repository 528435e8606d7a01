//! A real Prometheus with the configuration, alerts and dashboard of `deploy`, on a live server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use client::EnvClient;
use proto::env::v1::{self, InterpreterState};
use serde_json::Value;
use tests::{Guarded, code_step, create_request, knapsack_task, root};
use tokio::process::{Child, Command};

/// How long Prometheus may take to have what is asked for.
const PATIENCE: Duration = Duration::from_secs(120);

/// The folder of Prometheus's programs, which `scripts/prometheus.sh` finds or unpacks.
fn programs() -> PathBuf {
    let found =
        std::process::Command::new(root().join("scripts/prometheus.sh")).stderr(Stdio::inherit()).output();
    let found = found.expect("scripts/prometheus.sh can be run");
    assert!(found.status.success(), "no Prometheus here; scripts/prometheus.sh says what to do");
    String::from_utf8(found.stdout).unwrap().trim().into()
}

async fn promtool(arguments: &[&str], input: Option<&Path>) -> Output {
    let mut command = Command::new(programs().join("promtool"));
    command.args(arguments).current_dir(root().join("deploy/prometheus"));
    if let Some(input) = input {
        command.stdin(fs::File::open(input).unwrap());
    }
    command.output().await.unwrap()
}

/// A running Prometheus. It is killed when dropped.
struct Prometheus {
    _process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one with the configuration of `deploy`, for this server.
    async fn start(guarded: &Guarded, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let deploy = root().join("deploy/prometheus");
        let token = folder.path().join("token");
        fs::write(&token, "boss\n").unwrap();
        fs::copy(deploy.join("alerts.yml"), folder.path().join("alerts.yml")).unwrap();
        let mut config = fs::read_to_string(deploy.join("prometheus.yml")).unwrap();
        for (shipped, here) in [
            ("127.0.0.1:50051", guarded.server.url.trim_start_matches("http://")),
            ("/etc/prometheus/runtime-gym.token", token.to_str().unwrap()),
            ("scrape_interval: 15s", "scrape_interval: 1s"),
            ("evaluation_interval: 15s", "evaluation_interval: 1s"),
        ] {
            assert!(config.contains(shipped), "{shipped}");
            config = config.replace(shipped, here);
        }
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let checked = promtool(&["check", "config", file.to_str().unwrap()], None).await;
        assert!(checked.status.success(), "{checked:?}");

        // Free a moment ago. Prometheus does not say which port it has taken.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new(programs().join("prometheus"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let started = Self { _process: process, url: format!("http://127.0.0.1:{port}"), _folder: folder };
        let ready = async {
            while started.get("/-/ready", "").await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("Prometheus starts");
        started
    }

    async fn get(&self, path: &str, query: &str) -> Result<String, reqwest::Error> {
        // Fails if another test was first: one is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.url)).unwrap();
        if !query.is_empty() {
            url.query_pairs_mut().append_pair("query", query);
        }
        let answer = reqwest::Client::new().get(url).send().await?;
        if path.starts_with("/api/") { answer.text().await } else { answer.error_for_status()?.text().await }
    }

    /// The data of a call of the API.
    async fn api(&self, path: &str, query: &str) -> Value {
        let text = self.get(path, query).await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"].clone()
    }

    /// Waits until an expression has a value that is a number.
    async fn wait_for(&self, expression: &str) {
        let wait = async {
            loop {
                let data = self.api("/api/v1/query", expression).await;
                let samples = data["result"].as_array().unwrap();
                let is_number =
                    |sample: &Value| sample["value"][1].as_str().is_some_and(|value| value != "NaN");
                if samples.iter().any(is_number) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no data: {expression}"));
    }
}

/// Plays episodes of which some fail and some calls are refused, until it is dropped.
async fn play(mut client: EnvClient) {
    for number in 0.. {
        let id = format!("episode-{number}");
        let request = create_request(&knapsack_task(), InterpreterState::Persistent);
        client.create_episode(v1::CreateEpisodeRequest { episode_id: id.clone(), ..request }).await.unwrap();
        for (index, code) in (0..).zip(["x = 1", "raise ValueError", "for _ in range(10_000): pass"]) {
            client.step(code_step(&id, index, code)).await.unwrap();
        }
        client.step(code_step(&id, 99, "1")).await.unwrap_err();
        client.close_episode(v1::CloseEpisodeRequest { episode_id: id }).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The queries of the dashboard's panels, with the values that Grafana would put in.
fn queries() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("deploy/grafana/runtime-gym.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            let query = target["expr"].as_str().unwrap();
            let query = query.replace("$__rate_interval", "10s").replace("$instance", ".*");
            assert!(!query.contains('$'), "{query}");
            queries.push((title.to_owned(), query));
        }
    }
    queries
}

#[tokio::test]
async fn alerts_fire_when_they_should() {
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        let output = promtool(&arguments, None).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}

#[tokio::test]
async fn every_panel_has_data_and_every_alert_is_evaluated() {
    let guarded = Guarded::start("").await;
    let player = tokio::spawn(play(guarded.client("red").await));
    let prometheus = Prometheus::start(&guarded, &[]).await;
    prometheus.wait_for(r#"up{job="runtime-gym"} == 1"#).await;
    let queries = queries();
    assert!(queries.len() > 20, "{queries:?}");
    for (_, query) in &queries {
        prometheus.wait_for(query).await;
    }
    // What a series is named in an alert is on the page: each name was scraped.
    let alerts = fs::read_to_string(root().join("deploy/prometheus/alerts.yml")).unwrap();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let names = alerts.split(|letter| !is_name(letter));
    for name in names.filter(|name| name.starts_with("runtime_gym_") || name.starts_with("process_")) {
        prometheus.wait_for(name).await;
    }
    let evaluated = async {
        loop {
            let groups = prometheus.api("/api/v1/rules", "").await;
            let rules = groups["groups"][0]["rules"].as_array().unwrap().clone();
            assert!(rules.iter().all(|rule| rule["health"] != "err"), "{rules:?}");
            if rules.iter().all(|rule| rule["health"] == "ok") {
                return rules.len();
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let rules = tokio::time::timeout(PATIENCE, evaluated).await.expect("the alerts are evaluated");
    assert_eq!(rules, alerts.matches("alert:").count());
    assert!(!player.is_finished(), "{:?}", player.await);

    let page = reqwest::Client::new().get(format!("{}/metrics", guarded.server.url)).bearer_auth("boss");
    let page = page.send().await.unwrap().text().await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &page).unwrap();
    let checked = promtool(&["check", "metrics"], Some(file.path())).await;
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[tokio::test]
async fn native_histograms_are_scraped_where_they_are_switched_on() {
    let guarded = Guarded::start("").await;
    let player = tokio::spawn(play(guarded.client("red").await));
    let prometheus = Prometheus::start(&guarded, &["--enable-feature=native-histograms"]).await;
    for name in ["rpc_duration", "step_run", "step_queue"] {
        let rate = format!("rate(runtime_gym_{name}_seconds[10s])");
        prometheus.wait_for(&format!("histogram_quantile(0.99, sum({rate}))")).await;
    }
    assert!(!player.is_finished(), "{:?}", player.await);
}
