//! A server on a Unix socket: its clients, its file, and who may connect.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use client::{Credentials, connect, connect_as};
use lifecycle::child::{Error, Server};
use proto::env::v1::{self, InterpreterState};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Episode, create_request, knapsack_task, program, token_line};
use tokio::process::Command;
use tonic::Code;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn socket(&self) -> String {
        self.path().join("gym.sock").to_str().unwrap().to_owned()
    }

    async fn start(&self, arguments: &[&str]) -> Result<Server, Error> {
        let mut command = Command::new(program("env-server"));
        command.arg("serve").args(arguments);
        let address = format!("unix:{}", self.socket());
        Server::start_on("environment server", command, &address, &self.path().join("log")).await
    }
}

fn mode(path: &str) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn an_episode_is_played_over_a_unix_socket() {
    let folder = Folder::new();
    let server = folder.start(&[]).await.unwrap();
    assert_eq!(server.url(), format!("unix:{}", folder.socket()));
    assert_eq!(mode(&folder.socket()), 0o600);
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let mut episode = Episode::create(connect(server.url()).await.unwrap(), request).await.unwrap();
    assert_eq!(episode.run("print(6 * 7)").await.observation.unwrap().output, "42\n");
    assert!(episode.close().await.evaluation.is_some());
    drop(episode);

    let url = "http://localhost/runtime_gym.env.v1.EnvironmentService/GetServerInfo";
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail-with-body", "--unix-socket", &folder.socket(), url]);
    let said = curl.args(["-H", "content-type: application/json", "-d", "{}"]).output().await.unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let info: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(info["episodesCreated"], json!("1"));

    server.stop().await.unwrap();
    assert!(!Path::new(&folder.socket()).exists(), "the socket goes with its server");
}

#[tokio::test]
async fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
    let folder = Folder::new();
    // A server that is killed leaves its socket.
    let mut killed = Command::new(program("env-server"));
    killed.args(["serve", "--listen", &format!("unix://{}", folder.socket())]).stdout(Stdio::piped());
    let mut killed = killed.kill_on_drop(true).spawn().unwrap();
    let mut first = [0; 12];
    tokio::io::AsyncReadExt::read_exact(killed.stdout.as_mut().unwrap(), &mut first).await.unwrap();
    assert_eq!(&first, b"listening on");
    killed.kill().await.unwrap();
    assert!(Path::new(&folder.socket()).exists());

    let server = folder.start(&["--socket-mode", "660"]).await.unwrap();
    assert_eq!(mode(&folder.socket()), 0o660);
    let error = Folder::start(&folder, &[]).await.unwrap_err().to_string();
    assert!(error.contains("the socket is in use") && error.contains(&folder.socket()), "{error}");
    let mut client = connect(server.url()).await.unwrap();
    client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap();
}

#[tokio::test]
async fn tokens_hold_on_a_unix_socket_and_certificates_have_no_use() {
    let folder = Folder::new();
    let tokens = folder.path().join("tokens");
    fs::write(&tokens, token_line("red", "red", "agent")).unwrap();
    let server = folder.start(&["--tokens", tokens.to_str().unwrap()]).await.unwrap();
    for (token, accepted) in [(Some("red"), true), (Some("green"), false), (None, false)] {
        let credentials = Credentials { token: token.map(str::to_owned), roots: None };
        let mut client = connect_as(server.url(), &credentials).await.unwrap();
        let code = client.get_server_info(v1::GetServerInfoRequest {}).await.map_err(|status| status.code());
        assert_eq!(code.map(drop), if accepted { Ok(()) } else { Err(Code::Unauthenticated) }, "{token:?}");
    }
    server.stop().await.unwrap();

    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let [cert, key] =
        ["cert.pem", "key.pem"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    fs::write(&cert, certified.cert.pem()).unwrap();
    fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let error = folder.start(&["--tls-cert", &cert, "--tls-key", &key]).await.unwrap_err().to_string();
    assert!(error.contains("a Unix socket has no TLS"), "{error}");
}
