//! A client of the gateway, as raw as OpenEnv's own.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{EnvServer, tiny_tasks};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// An open socket.
pub struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

/// A server with the gateway, and its tasks.
pub async fn start(arguments: &[&str]) -> (EnvServer, TempDir) {
    let tasks = tiny_tasks();
    let arguments = [&["--gateways", "openenv"], arguments].concat();
    (EnvServer::start(&[tasks.path()], &arguments).await, tasks)
}

impl Socket {
    /// Opens a socket to `/openenv/PLACE/ws`.
    pub async fn open(url: &str, place: &str) -> Self {
        Self::open_with(url, place, &[]).await.unwrap()
    }

    /// The same with headers.
    pub async fn open_with(
        url: &str,
        place: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let url = format!("{}/openenv/{place}/ws", url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, _) = timeout(PATIENCE, connect_async(request)).await.expect("a connection in time")?;
        Ok(Self(socket))
    }

    /// Sends a text.
    pub async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next frame.
    pub async fn frame(&mut self) -> Option<Result<Message, tungstenite::Error>> {
        timeout(PATIENCE, self.0.next()).await.expect("a frame in time")
    }

    /// Sends a text, and waits for the answer: its type and its data.
    pub async fn ask_text(&mut self, text: &str) -> (String, Value) {
        self.send(text).await;
        self.answer().await
    }

    /// The next answer: its type and its data.
    pub async fn answer(&mut self) -> (String, Value) {
        loop {
            let frame = self.frame().await.expect("an answer").unwrap();
            let Message::Text(text) = frame else { continue };
            let mut answer: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
            return (answer["type"].as_str().unwrap().to_owned(), answer["data"].take());
        }
    }

    async fn observation(&mut self, kind: &str, data: Value) -> Value {
        let (told, data) = self.ask_text(&json!({ "type": kind, "data": data }).to_string()).await;
        assert_eq!(told, "observation", "{data}");
        data
    }

    /// Begins an episode.
    pub async fn reset(&mut self, data: Value) -> Value {
        self.observation("reset", data).await
    }

    /// Takes a step of code.
    pub async fn run(&mut self, code: &str) -> Value {
        self.observation("step", json!({ "code": code })).await
    }

    /// The data of the error that a message leads to.
    pub async fn error(&mut self, message: Value) -> Value {
        let (told, data) = self.ask_text(&message.to_string()).await;
        assert_eq!(told, "error", "{data}");
        data
    }

    /// Cuts the connection, without a word.
    pub fn cut(self) {
        let MaybeTlsStream::Plain(stream) = self.0.into_inner() else { panic!("a socket with TLS") };
        // With a reset instead of an orderly end.
        stream.set_zero_linger().unwrap();
    }
}
