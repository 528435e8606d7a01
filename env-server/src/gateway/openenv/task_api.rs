//! Tasks by number. All tasks of a server are one split.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::failure::Failure;
use super::request::read_body;
use crate::catalog::TaskSummary;
use crate::gateway::Shared;
use crate::gateway::place::Place;

/// The name of the split.
const SPLIT: &str = "all";
/// The most tasks of one answer.
const MAX_TASKS: usize = 1000;

/// The body of every call; each uses some of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    split: String,
    index: Option<usize>,
    start: Option<usize>,
    stop: Option<usize>,
}

/// A task: where it is among the others, and what may be known of it.
#[derive(Serialize)]
struct Task {
    index: usize,
    task_id: String,
    set: String,
    family: String,
    public_sha256: String,
}

/// `GET /list_environments`.
pub async fn environments(Extension(place): Extension<Place>) -> Json<[String; 1]> {
    Json([place.tasks.name().to_owned()])
}

/// `GET /ENVIRONMENT/splits`.
pub async fn splits(
    Extension(place): Extension<Place>,
    Path(path): Path<HashMap<String, String>>,
) -> Result<Json<Value>, Failure> {
    check(&place, &path)?;
    Ok(Json(json!([{ "name": SPLIT, "type": "train" }])))
}

/// `POST /ENVIRONMENT/num_tasks`.
pub async fn count(
    Extension(place): Extension<Place>,
    Path(path): Path<HashMap<String, String>>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    asked(&place, &path, &body)?;
    Ok(Json(json!({ "num_tasks": place.tasks.count() })))
}

/// `POST /ENVIRONMENT/tasks`: all of them, or the first thousand.
pub async fn all(
    State(shared): State<Shared>,
    Extension(place): Extension<Place>,
    Path(path): Path<HashMap<String, String>>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    asked(&place, &path, &body)?;
    let tasks = page(&shared, &place, 0, place.tasks.count())?;
    Ok(Json(json!({ "tasks": tasks, "env_name": place.tasks.name() })))
}

/// `POST /ENVIRONMENT/task`: the one of an index.
pub async fn one(
    State(shared): State<Shared>,
    Extension(place): Extension<Place>,
    Path(path): Path<HashMap<String, String>>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let index =
        asked(&place, &path, &body)?.index.ok_or_else(|| Failure::field("index", "Field required"))?;
    let task = page(&shared, &place, index, index.saturating_add(1))?.pop();
    let task =
        task.ok_or_else(|| Failure::field("index", format!("must be below {}", place.tasks.count())))?;
    Ok(Json(json!({ "task": task })))
}

/// `POST /ENVIRONMENT/task_range`: those from `start` to before `stop`, a thousand at most.
pub async fn range(
    State(shared): State<Shared>,
    Extension(place): Extension<Place>,
    Path(path): Path<HashMap<String, String>>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let Asked { start, stop, .. } = asked(&place, &path, &body)?;
    let (start, stop) = (start.unwrap_or(0), stop.unwrap_or(place.tasks.count()));
    Ok(Json(json!({ "tasks": page(&shared, &place, start, stop)? })))
}

fn check(place: &Place, path: &HashMap<String, String>) -> Result<(), Failure> {
    let named = path.get("environment").map_or("", String::as_str);
    if named.eq_ignore_ascii_case(place.tasks.name()) {
        return Ok(());
    }
    Err(Failure::of_step(tonic::Status::not_found(format!("unknown environment `{named}`"))))
}

fn asked(place: &Place, path: &HashMap<String, String>, body: &[u8]) -> Result<Asked, Failure> {
    check(place, path)?;
    let asked: Asked = read_body(body)?;
    if asked.split != SPLIT {
        return Err(Failure::field("split", format!("must be `{SPLIT}`")));
    }
    Ok(asked)
}

fn page(shared: &Shared, place: &Place, start: usize, stop: usize) -> Result<Vec<Task>, Failure> {
    let size = stop.saturating_sub(start).min(MAX_TASKS);
    if size == 0 {
        return Ok(Vec::new());
    }
    let tasks = place.tasks.page(shared.calls.catalog(), start, size).map_err(Failure::of_step)?;
    let task = |(index, task): (usize, TaskSummary)| Task {
        index,
        task_id: task.task_id,
        set: task.set,
        family: task.family,
        public_sha256: task.public_sha256,
    };
    Ok((start..).zip(tasks).map(task).collect())
}
