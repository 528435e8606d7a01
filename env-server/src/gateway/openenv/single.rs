//! Calls over HTTP, each in an episode of its own, as OpenEnv's servers answer them. What lasts longer needs a session.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::{Extension, Json};
use lifecycle::Caller;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::failure::Failure;
use super::reply::{SessionState, Told};
use super::request::{Act, Reset, read_body};
use super::rpc;
use crate::gateway::Shared;
use crate::gateway::client::Client;
use crate::gateway::place::Place;
use crate::gateway::player::Player;

/// The body of a step.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    action: Act,
    #[serde(default)]
    timeout_s: Option<f64>,
    #[serde(default, rename = "request_id")]
    _request_id: IgnoredAny,
}

/// `POST /reset`: the first observation of an episode that is closed at once.
pub async fn reset(
    State(shared): State<Shared>,
    Extension(place): Extension<Place>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Json<Told>, Failure> {
    let client = shared.calls.of(caller);
    let request = read_body::<Reset>(&body)?.create(&place, &client)?;
    let (player, created) = Player::create(client, request).await.map_err(Failure::of_create)?;
    let told = Told::reset(created, &player);
    player.close().await.map_err(Failure::of_step)?;
    Ok(Json(told))
}

/// `POST /step`: a step in a new episode of the first task.
pub async fn step(
    State(shared): State<Shared>,
    Extension(place): Extension<Place>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Json<Told>, Failure> {
    let Step { action, timeout_s, .. } = read_body(&body)?;
    let deadline = timeout_s.map(|limit| {
        let limit = Duration::try_from_secs_f64(limit).ok().filter(|limit| !limit.is_zero());
        let limit =
            limit.ok_or_else(|| Failure::field("timeout_s", "must be a number of seconds above 0"))?;
        Ok(Instant::now() + limit)
    });
    Ok(Json(take(&place, shared.calls.of(caller), action, deadline.transpose()?).await?))
}

/// `GET /state`: that of no episode.
pub async fn state() -> Json<SessionState> {
    Json(SessionState::default())
}

/// `POST /mcp`.
pub async fn mcp(
    State(shared): State<Shared>,
    Extension(place): Extension<Place>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Json<Value> {
    let mut once = Once { place, client: shared.calls.of(caller) };
    Json(match serde_json::from_slice(&body) {
        Ok(request) => rpc::answer(request, &mut once).await,
        Err(_) => rpc::unreadable(),
    })
}

/// Runs each code in an episode of its own.
struct Once {
    place: Place,
    client: Client,
}

impl rpc::Runs for Once {
    async fn run(&mut self, code: String) -> Result<Told, Failure> {
        take(&self.place, self.client.clone(), Act::code(code), None).await
    }
}

/// Takes a step in a new episode of the first task.
async fn take(place: &Place, client: Client, act: Act, deadline: Option<Instant>) -> Result<Told, Failure> {
    let action = act.action()?;
    let request = Reset::first().create(place, &client)?;
    let (mut player, _) = Player::create(client, request).await.map_err(Failure::of_create)?;
    let stepped = player.step(action, deadline).await.map_err(Failure::of_step)?;
    player.close().await.map_err(Failure::of_step)?;
    Ok(Told::step(stepped))
}
