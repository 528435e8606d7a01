//! The messages of one socket, and its episode.

use axum::extract::ws::close_code;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::failure::{Code, Failure};
use super::reply::{Reply, SessionState, Told};
use super::request::{Act, Reset, read};
use super::rpc;
use super::socket::{Event, Socket};
use crate::gateway::client::Client;
use crate::gateway::place::Place;
use crate::gateway::player::Player;

/// A session. It has an episode from its first reset on; each reset begins another one.
pub struct Session {
    place: Place,
    client: Client,
    player: Option<Player>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    r#type: String,
    #[serde(default)]
    data: Option<Value>,
}

impl Session {
    /// A session without an episode.
    pub fn new(place: Place, client: Client) -> Self {
        Self { place, client, player: None }
    }

    /// Answers messages until the client goes, or the server ends. Then the episode is closed; if it is the server that ends,
    /// the episode is left to it.
    pub async fn run(mut self, mut socket: Socket, ending: &CancellationToken) {
        let mut reason = None;
        loop {
            let event = tokio::select! {
                biased;
                () = ending.cancelled() => {
                    reason = Some((close_code::AWAY, "the server is shutting down"));
                    break;
                }
                event = socket.next() => event,
            };
            let message = match event {
                Event::Message(message) => message,
                Event::Beat => {
                    if let Some(player) = &self.player {
                        player.keep_alive().await;
                    }
                    continue;
                }
                Event::Gone => break,
            };
            let reply = match socket.during(self.answer(&message)).await {
                Some(Ok(Some(reply))) => reply,
                Some(Ok(None)) | None => break,
                Some(Err(failure)) => Reply::Error(failure),
            };
            if let Some(player) = &self.player {
                socket.keep(player.lease());
            }
            let text = match serde_json::to_string(&reply) {
                Ok(text) => text,
                Err(error) => {
                    tracing::error!("an answer cannot be written as JSON: {error}");
                    reason = Some((close_code::ERROR, "the answer cannot be written as JSON"));
                    break;
                }
            };
            if !socket.send(text).await {
                break;
            }
        }
        if !self.client.is_ending() {
            self.end_episode().await;
        }
        socket.close(reason).await;
    }

    /// Answers a message; `None` to one that closes the session.
    async fn answer(&mut self, message: &str) -> Result<Option<Reply>, Failure> {
        let message = serde_json::from_str::<Value>(message)
            .map_err(|error| Failure::new(Code::InvalidJson, format!("Invalid JSON: {error}")))?;
        let Message { r#type, data } = read(message)?;
        let data = data.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        Ok(Some(match r#type.as_str() {
            "reset" => Reply::Observation(Box::new(self.reset(read(data)?).await?)),
            "step" => Reply::Observation(Box::new(self.step(read(data)?).await?)),
            "state" => Reply::State(self.player.as_ref().map(SessionState::of).unwrap_or_default()),
            "mcp" => Reply::Mcp(rpc::answer(data, self).await),
            "close" => return Ok(None),
            other => {
                let message = format!("Unknown message type: {other}");
                return Err(Failure::new(Code::UnknownType, message));
            }
        }))
    }

    async fn reset(&mut self, reset: Reset) -> Result<Told, Failure> {
        let request = reset.create(&self.place, &self.client)?;
        // The new one may need its place.
        self.end_episode().await;
        let created = Player::create(self.client.clone(), request).await;
        let (player, created) = created.map_err(Failure::of_create)?;
        let player = self.player.insert(player);
        Ok(Told::reset(created, player))
    }

    async fn step(&mut self, act: Act) -> Result<Told, Failure> {
        let action = act.action()?;
        let player = self.player.as_mut().ok_or_else(|| {
            Failure::new(Code::SessionError, "there is no episode: send a reset before the first step")
        })?;
        Ok(Told::step(player.step(action, None).await.map_err(Failure::of_step)?))
    }

    async fn end_episode(&mut self) {
        if let Some(player) = self.player.take() {
            // One that has gone already is as good as closed.
            let _ = player.close().await;
        }
    }
}

impl rpc::Runs for Session {
    async fn run(&mut self, code: String) -> Result<Told, Failure> {
        self.step(Act::code(code)).await
    }
}
