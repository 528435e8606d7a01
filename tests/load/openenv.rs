//! Sessions of OpenEnv, the peer: a WebSocket each, with JSON messages.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::player::{Failures, Player, SharedScript};

/// How long opening a session may take.
const OPEN: Duration = Duration::from_secs(60);

/// A session. One whose socket broke has ended, and goes on as a new one.
pub struct Session {
    url: String,
    script: SharedScript,
    socket: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
    next: u64,
}

#[derive(Deserialize)]
struct Reply {
    r#type: String,
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    observation: Observation,
    /// The code of an error.
    code: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Observation {
    output: String,
    success: bool,
}

impl Session {
    /// Opens a session on the server at `url`.
    pub async fn open(url: &str, script: SharedScript) -> Result<Self> {
        let url = format!("{}/ws", url.replacen("http", "ws", 1));
        let mut session = Self { url, script, socket: None, next: 0 };
        session.renew().await.map_err(anyhow::Error::msg).context("opening a session")?;
        Ok(session)
    }

    /// Begins an episode, on a new socket where there is none.
    async fn renew(&mut self) -> Result<(), String> {
        if self.socket.is_none() {
            let connecting = timeout(OPEN, connect_async_with_config(&self.url, None, true)).await;
            let (socket, _) = connecting.map_err(|_| "no connection in time")?.map_err(kind)?;
            self.socket = Some(socket);
        }
        self.next = 0;
        self.call(json!({ "type": "reset", "data": {} })).await?;
        Ok(())
    }

    /// Sends a message and waits for the answer.
    async fn call(&mut self, message: Value) -> Result<Observation, String> {
        let answer = timeout(self.script.timeout, self.exchange(message)).await;
        let text = answer.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let text = text.inspect_err(|_| self.socket = None)?;
        let reply: Reply = serde_json::from_str(&text).map_err(|_| "unreadable answer")?;
        if reply.r#type == "observation" { Ok(reply.data.observation) } else { Err(reply.data.code) }
    }

    async fn exchange(&mut self, message: Value) -> Result<String, String> {
        let socket = self.socket.as_mut().ok_or("no session")?;
        socket.send(Message::text(message.to_string())).await.map_err(kind)?;
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(_)) | None => return Err("closed".to_owned()),
                Some(Err(error)) => return Err(kind(error)),
            }
        }
    }

    async fn take_step(&mut self) -> Result<(), String> {
        if self.socket.is_none() || self.next == self.script.episode_steps {
            self.renew().await?;
        }
        let step = json!({ "type": "step", "data": { "code": self.script.code(self.next) } });
        let told = self.call(step).await?;
        let problem = self.script.problem(self.next, told.success, &told.output);
        self.next += 1;
        problem.map_or(Ok(()), Err)
    }
}

impl Player for Session {
    fn sessions(&self) -> usize {
        1
    }

    async fn step(&mut self) -> Failures {
        self.take_step().await.err().into_iter().collect()
    }

    async fn close(mut self) -> Failures {
        if let Some(socket) = &mut self.socket {
            let _ = timeout(OPEN, socket.close(None)).await;
        }
        Failures::new()
    }
}

/// A short name of an error.
fn kind(error: tungstenite::Error) -> String {
    match error {
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => "closed".to_owned(),
        tungstenite::Error::Io(error) => format!("{:?}", error.kind()),
        other => other.to_string(),
    }
}
