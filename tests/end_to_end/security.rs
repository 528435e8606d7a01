//! Who may call a server, and what callers cannot do to each other.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use client::{Credentials, EnvClient, connect_as};
use files::digest;
use lifecycle::child;
use proto::env::v1::{self, InterpreterState};
use serde_json::{Value, json};
use tests::{EnvServer, Guarded, code_step, create_request, knapsack_task, program, token_line};
use tokio::process::Command;
use tokio_stream::StreamExt as _;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// How long a changed file may take to be noticed.
const PATIENCE: Duration = Duration::from_secs(60);

async fn info(client: &mut EnvClient) -> Result<(), Status> {
    client.get_server_info(v1::GetServerInfoRequest {}).await.map(drop)
}

fn create_as(id: &str, state: InterpreterState) -> v1::CreateEpisodeRequest {
    v1::CreateEpisodeRequest { episode_id: id.to_owned(), ..create_request(&knapsack_task(), state) }
}

fn get(id: &str) -> v1::GetEpisodeRequest {
    v1::GetEpisodeRequest { episode_id: id.to_owned(), ..Default::default() }
}

/// What a step of several failed with: code and message, without the episode's id.
fn failure(taken: v1::StepStreamResponse) -> (i32, String) {
    let Some(v1::step_stream_response::Result::Error(error)) = taken.result else { panic!("{taken:?}") };
    (error.code, error.message.replace(&taken.episode_id, "ID"))
}

async fn listed(client: &mut EnvClient) -> Vec<String> {
    let episodes =
        client.list_episodes(v1::ListEpisodesRequest::default()).await.unwrap().into_inner().episodes;
    episodes.into_iter().map(|episode| episode.episode_id).collect()
}

#[tokio::test]
async fn a_request_beyond_any_use_is_refused() {
    let server = EnvServer::start(&[], &[]).await;
    let large = code_step("none", 0, &"#".repeat(13 << 20));
    let status = server.client().await.step(large).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
}

#[tokio::test]
async fn an_open_address_is_refused() {
    let serve = |arguments: &[&str]| {
        let mut command = Command::new(program("env-server"));
        command.arg("serve").args(arguments);
        command
    };
    let refused = serve(&["--listen", "0.0.0.0:0"]).kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("no TLS and no tokens"), "{said}");
    assert!(refused.stdout.is_empty(), "it never listened");

    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let open = child::Server::start_on("environment server", serve(&["--insecure"]), "0.0.0.0:0", &log).await;
    assert!(open.unwrap().url().starts_with("http://0.0.0.0:"));
}

#[tokio::test]
async fn a_call_without_an_accepted_token_is_refused() {
    let guarded = Guarded::start("").await;
    let mut nobody = connect_as(&guarded.server.url, &Credentials::default()).await.unwrap();
    let status = info(&mut nobody).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(status.message().contains("RUNTIME_GYM_TOKEN"), "{status}");
    let status = info(&mut guarded.client("green").await).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    // The hash in the file is not a token.
    let status = info(&mut guarded.client(&digest::bytes("red")).await).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    info(&mut guarded.client("red").await).await.unwrap();

    let channel = Endpoint::from_shared(guarded.server.url.clone()).unwrap().connect().await.unwrap();
    HealthClient::new(channel).check(Request::new(HealthCheckRequest::default())).await.unwrap();
}

/// The request's body never ends: nothing waits for it.
#[tokio::test]
async fn a_caller_is_known_before_a_body_is_read() {
    let guarded = Guarded::start("").await;
    // Fails if another test was first: one is enough.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http1 = reqwest::Client::new();
    let http2 = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let url = format!("{}/runtime_gym.env.v1.EnvironmentService/CreateEpisode", guarded.server.url);
    for (client, kind) in [
        (&http1, "application/json"),
        (&http2, "application/json"),
        (&http2, "application/grpc"),
        (&http1, "application/grpc-web+proto"),
    ] {
        let body = reqwest::Body::wrap_stream(tokio_stream::pending::<std::io::Result<Vec<u8>>>());
        let call = client.post(&url).header("content-type", kind).body(body).send();
        let answer = tokio::time::timeout(PATIENCE, call).await.expect(kind).unwrap();
        assert_eq!(answer.headers()["www-authenticate"], "Bearer", "{kind}");
        assert_eq!(answer.headers()["content-type"], kind);
        if kind == "application/json" {
            assert_eq!(answer.status(), 401);
            let error: Value = answer.json().await.unwrap();
            assert_eq!(error["code"], "unauthenticated");
            assert!(error["message"].as_str().unwrap().contains("Bearer TOKEN"), "{error}");
        } else {
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["grpc-status"]),
                (200, &"16".parse().unwrap())
            );
        }
    }
    let get = |body: Value| {
        let url = url.replace("CreateEpisode", "GetEpisode");
        http1.post(url).bearer_auth("red").json(&body).send()
    };
    guarded.client("red").await.create_episode(create_as("mine", InterpreterState::Reset)).await.unwrap();
    assert_eq!(get(json!({ "episodeId": "mine" })).await.unwrap().status(), 200);
    let refused = get(json!({ "episodeId": "mine", "includePrivate": true })).await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "permission_denied");
}

#[tokio::test]
async fn a_tenant_cannot_tell_that_anothers_episode_exists() {
    let guarded = Guarded::start("").await;
    let (mut red, mut blue) = (guarded.client("red").await, guarded.client("blue").await);
    red.create_episode(create_as("mine", InterpreterState::Persistent)).await.unwrap();
    red.step(code_step("mine", 0, "secret = 'of red'")).await.unwrap();

    let fork = |id: &str| v1::ForkEpisodeRequest {
        episode_id: id.to_owned(),
        new_episode_ids: vec!["copy".to_owned()],
        at_step_index: None,
    };
    let close = |id: &str| v1::CloseEpisodeRequest { episode_id: id.to_owned() };
    let mut answers = Vec::new();
    for id in ["mine", "absent"] {
        let private = v1::GetEpisodeRequest { include_private: true, ..get(id) };
        let statuses = [
            blue.get_episode(get(id)).await.unwrap_err(),
            blue.get_episode(private).await.unwrap_err(),
            blue.step(code_step(id, 0, "secret = 'of red'")).await.unwrap_err(),
            blue.step(code_step(id, 1, "print(secret)")).await.unwrap_err(),
            blue.fork_episode(fork(id)).await.unwrap_err(),
            blue.close_episode(close(id)).await.unwrap_err(),
        ];
        answers.push(statuses.map(|status| (status.code(), status.message().replace(id, "ID"))));
    }
    let many = v1::StepBatchRequest { steps: ["mine", "absent"].map(|id| code_step(id, 1, "1")).into() };
    let results = blue.step_batch(many).await.unwrap().into_inner().results;
    let batch: Vec<_> = results.into_iter().map(failure).collect();
    let stream = tokio_stream::iter(["mine", "absent"].map(|id| code_step(id, 1, "1")));
    let results = blue.step_stream(stream).await.unwrap().into_inner();
    let stream: Vec<_> = results.map(|result| failure(result.unwrap())).collect().await;
    assert_eq!(batch, stream);
    assert_eq!(batch[0], batch[1]);
    assert_eq!(batch[0].0, i32::from(Code::NotFound));
    let renew = v1::KeepAliveRequest { episode_ids: vec!["mine".to_owned(), "absent".to_owned()] };
    let renewed = blue.keep_alive(renew.clone()).await.unwrap().into_inner();
    assert_eq!(renewed.unknown_episode_ids, ["mine", "absent"]);
    assert_eq!(red.keep_alive(renew).await.unwrap().into_inner().unknown_episode_ids, ["absent"]);
    assert_eq!(listed(&mut blue).await, [""; 0]);
    assert_eq!(listed(&mut red).await, ["mine"]);
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].iter().all(|(code, _)| *code == Code::NotFound), "{answers:?}");

    // Another request with the same id creates blue's own episode.
    blue.create_episode(create_as("mine", InterpreterState::Reset)).await.unwrap();
    let observation =
        blue.step(code_step("mine", 0, "print(secret)")).await.unwrap().into_inner().observation;
    assert_eq!(observation.unwrap().exception_type, "NameError");
    blue.close_episode(close("mine")).await.unwrap();
    let observation = red.step(code_step("mine", 1, "print(secret)")).await.unwrap().into_inner().observation;
    assert_eq!(observation.unwrap().output, "of red\n");
}

#[tokio::test]
async fn an_operator_sees_every_episode_and_its_private_data() {
    let guarded = Guarded::start("").await;
    let (mut red, mut boss) = (guarded.client("red").await, guarded.client("boss").await);
    red.create_episode(create_as("mine", InterpreterState::Persistent)).await.unwrap();

    let private = v1::GetEpisodeRequest { include_private: true, ..get("mine") };
    assert_eq!(red.get_episode(private.clone()).await.unwrap_err().code(), Code::PermissionDenied);
    let found = boss.get_episode(private).await.unwrap().into_inner();
    let (told, task): (Value, Value) =
        (serde_json::from_str(&found.task_json).unwrap(), serde_json::from_str(&knapsack_task()).unwrap());
    assert_eq!((&told["private"], &told["reference"]), (&task["private"], &task["reference"]));
    assert_eq!(boss.get_episode(get("mine")).await.unwrap().into_inner().task_json, "");

    // A copy that the operator makes is its owner's.
    let fork = v1::ForkEpisodeRequest {
        episode_id: "mine".to_owned(),
        new_episode_ids: vec!["copy".to_owned()],
        at_step_index: None,
    };
    boss.fork_episode(fork).await.unwrap();
    red.step(code_step("copy", 0, "print(1)")).await.unwrap();
    let mut all = listed(&mut boss).await;
    all.sort();
    assert_eq!(all, ["copy", "mine"]);
    boss.close_episode(v1::CloseEpisodeRequest { episode_id: "mine".to_owned() }).await.unwrap();
}

#[tokio::test]
async fn tokens_are_read_again_when_the_file_changes() {
    let guarded = Guarded::start("").await;
    let (server, file) = (&guarded.server, guarded.file());
    fs::write(&file, token_line("green", "green", "agent")).unwrap();
    server.wait_for_log("the tokens were read again").await;
    info(&mut guarded.client("green").await).await.unwrap();
    let status = info(&mut guarded.client("red").await).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "its line is gone");

    // Also when the server is told to, without a change that could be seen.
    let times = || server.log().matches("the tokens were read again").count();
    let before = times();
    let told = Command::new("kill").args(["-HUP", &server.pid().to_string()]).status().await.unwrap();
    assert!(told.success());
    while times() == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    fs::write(&file, "nonsense\n").unwrap();
    server.wait_for_log("the tokens stay as they were").await;
    info(&mut guarded.client("green").await).await.unwrap();
}

#[tokio::test]
async fn a_bad_file_of_tokens_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    for (text, part) in
        [(Some("abc red agent\n"), "line 1"), (Some(""), "holds no token"), (None, "cannot read")]
    {
        let _ = fs::remove_file(&file);
        if let Some(text) = text {
            fs::write(&file, text).unwrap();
        }
        let mut command = Command::new(program("env-server"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--tokens"]).arg(&file);
        let refused = command.kill_on_drop(true).output().await.unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(part), "{text:?}: {said}");
    }
}

#[tokio::test]
async fn a_made_token_is_accepted() {
    let make = || async {
        let mut command = Command::new(program("env-server"));
        let made = command.args(["token", "--tenant", "made"]).output().await.unwrap();
        assert!(made.status.success());
        String::from_utf8(made.stdout).unwrap()
    };
    let text = make().await;
    assert_ne!(text, make().await);
    let mut values = text.lines().map(|line| line.split_once(": ").unwrap().1);
    let (token, line) = (values.next().unwrap(), values.next().unwrap());

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    fs::write(&file, format!("{line}\n")).unwrap();
    let server = EnvServer::start(&[], &["--tokens", file.to_str().unwrap()]).await;
    let credentials = Credentials { token: Some(token.to_owned()), roots: None };
    info(&mut connect_as(&server.url, &credentials).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn what_is_private_is_in_no_answer_and_no_log() {
    let guarded = Guarded::start("").await;
    let mut task: Value = serde_json::from_str(&knapsack_task()).unwrap();
    task["private"]["items"]["item_00272927c9b6"]["class"] = json!("HIDDENCLASS");
    task["reference"]["note"] = json!("HIDDENREFERENCE");
    let mut red = guarded.client("red").await;
    let mut seen = String::new();
    let create = v1::CreateEpisodeRequest {
        episode_id: "mine".to_owned(),
        ..create_request(&task.to_string(), InterpreterState::Persistent)
    };
    seen += &format!("{:?}", red.create_episode(create.clone()).await.unwrap());
    let other = v1::CreateEpisodeRequest { seed: Some(1), ..create };
    seen += &format!("{:?}", red.create_episode(other).await.unwrap_err());
    let steps = ["x = 'MARKEDCODE'", "MARKEDCODE +", "raise ValueError(len('MARKEDCODE'))"];
    for (index, code) in (0..).zip(steps) {
        red.step(code_step("mine", index, code)).await.unwrap();
        let conflict = red.step(code_step("mine", index, "print('MARKEDCODE again')")).await.unwrap_err();
        seen += &format!("{conflict:?}");
    }
    seen += &format!("{:?}", red.step(code_step("mine", 9, "'MARKEDCODE'")).await.unwrap_err());
    let private = v1::GetEpisodeRequest { include_private: true, ..get("mine") };
    seen += &format!("{:?}", red.get_episode(private).await.unwrap_err());
    seen += &format!("{:?}", red.get_episode(get("mine")).await.unwrap());
    let close = v1::CloseEpisodeRequest { episode_id: "mine".to_owned() };
    seen += &format!("{:?}", red.close_episode(close).await.unwrap());
    seen += &format!("{:?}", red.get_episode(get("mine")).await.unwrap());
    seen += &guarded.server.log();
    assert!(seen.contains("mine"));
    for marker in ["HIDDENCLASS", "HIDDENREFERENCE", "MARKEDCODE"] {
        assert!(!seen.contains(marker), "{marker} is in: {seen}");
    }
    let mut boss = guarded.client("boss").await;
    let private = v1::GetEpisodeRequest { include_private: true, ..get("mine") };
    let told = boss.get_episode(private).await.unwrap().into_inner().task_json;
    assert!(told.contains("HIDDENCLASS") && told.contains("HIDDENREFERENCE"), "the markers can be seen");
}

mod certificates {
    //! Certificates that are made for a test.

    use std::fs;
    use std::path::{Path, PathBuf};

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    /// A root that signs certificates.
    pub struct Root(CertifiedIssuer<'static, KeyPair>);

    impl Root {
        pub fn new() -> Self {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
        }

        /// Writes the root's certificate.
        pub fn write(&self, file: &Path) -> PathBuf {
            fs::write(file, self.0.pem()).unwrap();
            file.to_owned()
        }

        /// A certificate for this machine, and its key.
        pub fn sign(&self) -> (String, String) {
            let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
            (certificate.pem(), key.serialize_pem())
        }
    }
}

use certificates::Root;

/// Writes a server's certificate and key, and returns the options that name them.
fn write_pair(root: &Root, folder: &Path) -> [String; 4] {
    let (certificate, key) = root.sign();
    let (certificate_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&key_file, key).unwrap();
    fs::write(&certificate_file, certificate).unwrap();
    let text = |file: &Path| file.to_str().unwrap().to_owned();
    ["--tls-cert".to_owned(), text(&certificate_file), "--tls-key".to_owned(), text(&key_file)]
}

#[tokio::test]
async fn calls_are_encrypted_and_certificates_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Root::new(), Root::new());
    let roots = |root: &Root, name: &str| Credentials {
        token: None,
        roots: Some(root.write(&folder.path().join(name))),
    };
    let (trusts_old, trusts_new) = (roots(&old, "old.pem"), roots(&new, "new.pem"));
    let options = write_pair(&old, folder.path());
    let server = EnvServer::start(&[], &options.each_ref().map(String::as_str)).await;
    assert!(server.url.starts_with("https://"));
    let mut first = connect_as(&server.url, &trusts_old).await.unwrap();
    info(&mut first).await.unwrap();
    connect_as(&server.url, &trusts_new).await.unwrap_err();
    let plain = server.url.replace("https", "http");
    match connect_as(&plain, &Credentials::default()).await {
        Ok(mut client) => drop(info(&mut client).await.unwrap_err()),
        Err(error) => drop(error),
    }

    write_pair(&new, folder.path());
    let deadline = Instant::now() + PATIENCE;
    let mut second = loop {
        match connect_as(&server.url, &trusts_new).await {
            Ok(client) => break client,
            Err(error) => assert!(Instant::now() < deadline, "{error}\n{}", server.log()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    info(&mut second).await.unwrap();
    connect_as(&server.url, &trusts_old).await.unwrap_err();
    info(&mut first).await.unwrap();
}

#[tokio::test]
async fn a_client_can_be_asked_for_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (root, stranger) = (Root::new(), Root::new());
    let roots = root.write(&folder.path().join("roots.pem"));
    let options = write_pair(&root, folder.path());
    let mut arguments = options.each_ref().map(String::as_str).to_vec();
    arguments.extend(["--tls-client-ca", roots.to_str().unwrap()]);
    let server = EnvServer::start(&[], &arguments).await;

    let call = async |identity: Option<(String, String)>| {
        let trusted = tonic::transport::Certificate::from_pem(fs::read(&roots).unwrap());
        let mut tls = tonic::transport::ClientTlsConfig::new().ca_certificate(trusted);
        if let Some((certificate, key)) = identity {
            tls = tls.identity(tonic::transport::Identity::from_pem(certificate, key));
        }
        let endpoint = Endpoint::from_shared(server.url.clone()).unwrap().tls_config(tls).unwrap();
        let channel = endpoint.connect().await.map_err(|error| error.to_string())?;
        let check = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
        check.map(drop).map_err(|status| status.to_string())
    };
    call(Some(root.sign())).await.unwrap();
    call(Some(stranger.sign())).await.unwrap_err();
    call(None).await.unwrap_err();
}

#[tokio::test]
async fn silent_connections_keep_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::new();
    let credentials = Credentials { token: None, roots: Some(root.write(&folder.path().join("root.pem"))) };
    let options = write_pair(&root, folder.path());
    let server = EnvServer::start(&[], &options.each_ref().map(String::as_str)).await;
    let address = server.url.trim_start_matches("https://");
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(tokio::net::TcpStream::connect(address).await.unwrap());
    }
    info(&mut connect_as(&server.url, &credentials).await.unwrap()).await.unwrap();
    // And the server hangs up on them.
    let ended = tokio::time::timeout(PATIENCE, silent[0].readable()).await;
    ended.expect("the handshake has a limit").unwrap();
}
