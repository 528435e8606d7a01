//! A server of the small model, and clients of it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use proto::inference::v1;
use proto::inference::v1::generate_request::Prompt;
use proto::inference::v1::inference_service_client::InferenceServiceClient;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tonic::transport::Channel;

use crate::chatty;

/// How long an event may take to appear in the log on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server of the small model, called `model`, with the adapter `even`; ends with the test.
pub struct Served {
    child: Child,
    stdin: Option<ChildStdin>,
    log: UnboundedReceiver<Value>,
    pub address: String,
    pub work: tempfile::TempDir,
}

impl Served {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(|_| {}, arguments)
    }

    /// Changes the model's folder first.
    pub fn start_with(change: impl FnOnce(&Path), arguments: &[&str]) -> Self {
        let (work, folder) = chatty::folder();
        change(&folder);
        chatty::adapter(&folder, &work.path().join("even"), 0, 4);
        chatty::adapter(&folder, &work.path().join("odd"), 1, 3);
        let mut child = Command::new(env!("CARGO_BIN_EXE_trainer"))
            .args(["serve", "--listen", "127.0.0.1:0", "--until-stdin-closes", "--threads", "1", "--model"])
            .arg(&folder)
            .arg("--adapter")
            .arg(format!("even={}", work.path().join("even").display()))
            .args(arguments)
            .args(["--log-format", "json"])
            .env("RUNTIME_GYM_LOG", "warn,trainer::generate=debug")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect(&line).to_owned();
        let (sender, log) = unbounded_channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    Ok(event) => drop(sender.send(event)),
                    Err(_) => eprintln!("{line}"),
                }
            }
        });
        Self { child, stdin, log, address, work }
    }

    /// Waits for the next event of the log with this message; returns its fields.
    pub async fn logged(&mut self, message: &str) -> Value {
        let search = async {
            loop {
                let event = self.log.recv().await.expect("the log of a running server");
                if event["fields"]["message"] == message {
                    return event["fields"].clone();
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("not logged: {message}"))
    }

    pub fn adapter(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    pub async fn grpc(&self) -> InferenceServiceClient<Channel> {
        InferenceServiceClient::new(self.channel().await)
    }

    pub async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    /// Closes its standard input; returns whether it ended successfully.
    pub fn end(&mut self) -> bool {
        drop(self.stdin.take());
        self.child.wait().unwrap().success()
    }

    /// Sends a request; returns the connection, to read the answer incrementally.
    pub async fn send(&self, method: &str, path: &str, body: Option<&str>) -> TcpStream {
        let body = body.unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.send_raw(&head).await
    }

    /// Sends a request as it is.
    pub async fn send_raw(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Status and body of the answer.
    pub async fn http(&self, method: &str, path: &str, body: Option<&str>) -> (u16, String) {
        let mut text = String::new();
        self.send(method, path, body).await.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        (status, if chunked { unchunk(body) } else { body.to_owned() })
    }

    pub async fn chat(&self, body: &Value) -> (u16, Value) {
        let (status, body) = self.http("POST", "/v1/chat/completions", Some(&body.to_string())).await;
        (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Decodes the chunked transfer encoding: length in hexadecimal, line break, content, line break.
fn unchunk(mut body: &str) -> String {
    let mut out = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        out.push_str(&rest[..length]);
        body = &rest[length + 2..];
    }
    out
}

/// A greedy request from token ids.
pub fn request(ids: &[u32], max_tokens: u32, adapter: &str) -> v1::GenerateRequest {
    v1::GenerateRequest {
        prompt: Some(Prompt::TokenIds(v1::TokenIds { ids: ids.to_vec() })),
        max_tokens,
        adapter: adapter.to_owned(),
        ignore_end: true,
        ..Default::default()
    }
}

pub fn load(name: &str, path: &Path, replace: bool) -> v1::LoadAdapterRequest {
    v1::LoadAdapterRequest { name: name.to_owned(), path: path.display().to_string(), replace }
}
