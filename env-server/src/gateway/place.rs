//! What a URL names: `/GATEWAY/STATE/TASKS`, such as `/openenv/persistent/knapsack`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use proto::interpreter_state::InterpreterState;
use serde_json::json;

use super::client::Calls;
use super::tasks::{self, Tasks};

/// A regime and tasks: an extension of every request.
#[derive(Clone)]
pub struct Place {
    /// Whether the interpreters persist.
    pub state: InterpreterState,
    /// What is played.
    pub tasks: Arc<Tasks>,
}

/// All tasks of a server, by name.
pub struct Places {
    calls: Calls,
    /// Those of the sets that the server was started with.
    of_files: BTreeMap<String, Arc<Tasks>>,
    /// Those of hosted families that were asked for.
    hosted: Mutex<BTreeMap<String, Arc<Tasks>>>,
}

impl Places {
    /// Those of a service.
    pub fn new(calls: Calls) -> Self {
        let of_files = tasks::named(calls.catalog());
        Self { calls, of_files, hosted: Mutex::default() }
    }

    /// What these two parts of a URL name.
    ///
    /// # Errors
    /// They name nothing here.
    pub fn find(&self, state: &str, tasks: &str) -> Result<Place, String> {
        let state = InterpreterState::named(state)
            .ok_or_else(|| format!("`{state}` in the URL is neither `persistent` nor `reset`"))?;
        let found = self.of_files.get(tasks).cloned().or_else(|| self.hosted(tasks));
        let tasks = found.ok_or_else(|| self.unknown(tasks))?;
        Ok(Place { state, tasks })
    }

    /// The tasks of this hosted family, which may have come, or changed, at any time.
    fn hosted(&self, name: &str) -> Option<Arc<Tasks>> {
        let family = self.calls.catalog().hosts().family(name)?;
        let count = family.tasks.len();
        if count == 0 {
            return None;
        }
        let mut hosted = self.hosted.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hosted.get(name).filter(|known| known.count() == count).cloned();
        Some(known.unwrap_or_else(|| {
            let tasks = Arc::new(Tasks::new(name.to_owned(), name, "", count));
            hosted.insert(name.to_owned(), tasks.clone());
            tasks
        }))
    }

    fn unknown(&self, tasks: &str) -> String {
        let hosted = self.calls.catalog().hosts().with_tasks();
        let hosted = hosted.iter().map(|family| family.name());
        let names: Vec<&str> = self.of_files.keys().map(String::as_str).chain(hosted).collect();
        match names[..] {
            [] => "this server was started without task sets".to_owned(),
            _ => format!("no tasks are named `{tasks}`; this server has: {}", names.join(", ")),
        }
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
