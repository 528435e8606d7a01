//! The page and its data over HTTP. Whatever is asked for is found by its id; no path of a request reaches the disk.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use console::Names;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::sync::OnceCell;
use tokio_util::io::ReaderStream;

use super::found::{Found, FoundStudy, FoundTrace};
use super::index::Index;
use super::study::{self, Shown};

/// Bytes of a trace that are read at once.
const CHUNK: usize = 256 << 10;

/// What is served.
#[derive(Debug)]
pub struct Served {
    traces: Vec<FoundTrace>,
    /// Each trace's place, by its id.
    places: HashMap<String, usize>,
    studies: Vec<Study>,
    index: Index,
}

#[derive(Debug)]
struct Study {
    found: FoundStudy,
    /// The report, or why there is none; computed once, when it is asked for.
    shown: OnceCell<Result<Shown, String>>,
}

#[derive(Debug, Deserialize)]
struct From {
    #[serde(default)]
    from: usize,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    name: String,
}

impl Served {
    /// What was found. Its index is empty until [`Served::read`].
    pub fn new(found: Found) -> Self {
        let traces = found.traces;
        let places = traces.iter().enumerate().map(|(place, trace)| (trace.id.clone(), place)).collect();
        let studies =
            found.studies.into_iter().map(|found| Study { found, shown: OnceCell::new() }).collect();
        Self { traces, places, studies, index: Index::default() }
    }

    /// Reads the index.
    pub fn read(&self) {
        self.index.read(&self.traces);
    }

    /// The routes.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/", get(|headers: HeaderMap| async move { console::page("", &headers) }))
            .route(
                "/{name}",
                get(|Path(name): Path<String>, headers: HeaderMap| async move { console::page(&name, &headers) }),
            )
            .route("/api/index", get(index))
            .route("/api/trace", get(trace))
            .route("/api/result", get(result))
            .route("/api/study", get(manifest))
            .route("/api/report", get(report))
            .route("/api/figure", get(figure))
            .with_state(self)
            .layer(middleware::from_fn_with_state(Names::Here, console::guard))
    }

    fn trace(&self, id: &str) -> Option<&FoundTrace> {
        self.traces.get(*self.places.get(id)?)
    }

    /// The report of a study.
    async fn shown(&self, id: &str) -> Result<&Shown, Response> {
        let study = self.studies.iter().find(|study| study.found.id == id).ok_or_else(not_found)?;
        let compute = || async {
            let found = study.found.clone();
            let shown = tokio::task::spawn_blocking(move || Shown::of(&found)).await;
            match shown {
                Ok(shown) => shown.map_err(|error| format!("{error:#}")),
                Err(error) => Err(error.to_string()),
            }
        };
        let shown = study.shown.get_or_init(compute).await.as_ref();
        shown.map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, error.clone()).into_response())
    }
}

async fn index(State(served): State<Arc<Served>>, Query(From { from }): Query<From>) -> Response {
    let part = served.index.part(from);
    let studies =
        served.studies.iter().map(|study| json!({"id": study.found.id, "title": study.found.study.title}));
    let done = part.read == served.traces.len();
    axum::Json(json!({
        "found": served.traces.len(),
        "done": done,
        "studies": studies.collect::<Vec<Value>>(),
        "rows": part.rows,
        "problems": part.problems,
    }))
    .into_response()
}

async fn trace(State(served): State<Arc<Served>>, Query(named): Query<Named>) -> Response {
    let Some(found) = served.trace(&named.id) else { return not_found() };
    let opened = async {
        let file = File::open(found.files.trace()).await?;
        let bytes = file.metadata().await?.len();
        Ok::<_, std::io::Error>((file, bytes))
    };
    match opened.await {
        Ok((file, bytes)) => {
            let headers = [
                (header::CONTENT_TYPE, "application/json".to_owned()),
                (header::CONTENT_LENGTH, bytes.to_string()),
            ];
            (headers, Body::from_stream(ReaderStream::with_capacity(file, CHUNK))).into_response()
        }
        Err(error) => (StatusCode::NOT_FOUND, error.to_string()).into_response(),
    }
}

async fn result(State(served): State<Arc<Served>>, Query(named): Query<Named>) -> Response {
    let Some(found) = served.trace(&named.id) else { return not_found() };
    // An episode may have no result; that is no error.
    let content = tokio::fs::read(found.files.result()).await.unwrap_or_else(|_| b"null".to_vec());
    ([(header::CONTENT_TYPE, "application/json")], content).into_response()
}

async fn manifest(State(served): State<Arc<Served>>, Query(named): Query<Named>) -> Response {
    let study = served.studies.iter().find(|study| study.found.id == named.id);
    study.map_or_else(not_found, |study| axum::Json(study::manifest(&study.found)).into_response())
}

async fn report(State(served): State<Arc<Served>>, Query(named): Query<Named>) -> Response {
    match served.shown(&named.id).await {
        Ok(shown) => axum::Json(shown.sections.clone()).into_response(),
        Err(answer) => answer,
    }
}

async fn figure(State(served): State<Arc<Served>>, Query(named): Query<Named>) -> Response {
    match served.shown(&named.id).await {
        Ok(shown) => match shown.figures.get(&named.name) {
            Some(svg) => ([(header::CONTENT_TYPE, "image/svg+xml")], svg.clone()).into_response(),
            None => not_found(),
        },
        Err(answer) => answer,
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "there is nothing of this name\n").into_response()
}
