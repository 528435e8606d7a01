//! What a URL names: `/GATEWAY/STATE/TASKS`, such as `/openenv/persistent/knapsack`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use proto::interpreter_state::InterpreterState;
use serde_json::json;

use super::tasks::{self, Tasks};
use crate::catalog::Catalog;

/// A regime and tasks: an extension of every request.
#[derive(Clone)]
pub struct Place {
    /// Whether the interpreters persist.
    pub state: InterpreterState,
    /// What is played.
    pub tasks: Arc<Tasks>,
}

/// All tasks of a server, by name.
pub struct Places(BTreeMap<String, Arc<Tasks>>);

impl Places {
    /// Those of a catalogue.
    pub fn new(catalog: &Catalog) -> Self {
        Self(tasks::named(catalog))
    }

    /// What these two parts of a URL name.
    ///
    /// # Errors
    /// They name nothing here.
    pub fn find(&self, state: &str, tasks: &str) -> Result<Place, String> {
        let Self(named) = self;
        let state = InterpreterState::named(state)
            .ok_or_else(|| format!("`{state}` in the URL is neither `persistent` nor `reset`"))?;
        let tasks = named.get(tasks).cloned().ok_or_else(|| {
            let names: Vec<&str> = named.keys().map(String::as_str).collect();
            match names[..] {
                [] => "this server was started without task sets".to_owned(),
                _ => format!("no tasks are named `{tasks}`; this server has: {}", names.join(", ")),
            }
        })?;
        Ok(Place { state, tasks })
    }
}

/// Adds the [`Place`] to the request.
pub async fn find(
    State(places): State<Arc<Places>>,
    Path(names): Path<HashMap<String, String>>,
    mut request: Request,
    next: Next,
) -> Response {
    let name = |key| names.get(key).map_or("", String::as_str);
    match places.find(name("state"), name("tasks")) {
        Ok(place) => {
            request.extensions_mut().insert(place);
            next.run(request).await
        }
        Err(problem) => (StatusCode::NOT_FOUND, Json(json!({ "detail": problem }))).into_response(),
    }
}
