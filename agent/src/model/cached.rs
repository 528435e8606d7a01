//! Answers that were given before, kept in an SQLite file: a run that is repeated, or begun again, does not pay for them
//! twice.
//!
//! The key is the whole request together with what identifies the model. Only answers are kept, no failures. Several runs
//! may use one file at the same time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::client::{Model, Weights};
use super::error::Error;
use super::generate::{Completion, GenerateRequest};

/// How long a call waits for another program that writes the file.
const BUSY: Duration = Duration::from_secs(30);

/// A file of answers.
#[derive(Clone, Debug)]
pub struct Cache {
    path: PathBuf,
    connection: Arc<Mutex<Connection>>,
}

impl Cache {
    /// Opens a file, or makes it.
    ///
    /// # Errors
    /// [`Error::Cache`] if it can't be written, or is something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |problem: String| Error::Cache { path: path.to_owned(), problem };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        }
        let open = || {
            let connection = Connection::open(path)?;
            connection.busy_timeout(BUSY)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.execute(
                "CREATE TABLE IF NOT EXISTS answers (
                    key TEXT PRIMARY KEY,
                    model TEXT NOT NULL,
                    request TEXT NOT NULL,
                    answer TEXT NOT NULL,
                    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
                )",
                [],
            )?;
            Ok::<_, rusqlite::Error>(connection)
        };
        let connection = open().map_err(|error| failed(error.to_string()))?;
        Ok(Self { path: path.to_owned(), connection: Arc::new(Mutex::new(connection)) })
    }

    async fn find(&self, key: &str) -> Result<Option<String>, Error> {
        let key = key.to_owned();
        self.with(move |connection| {
            connection
                .query_row("SELECT answer FROM answers WHERE key = ?1", params![key], |row| row.get(0))
                .optional()
        })
        .await
    }

    async fn keep(&self, key: String, model: String, request: String, answer: String) -> Result<(), Error> {
        self.with(move |connection| {
            connection
                .execute(
                    "INSERT OR IGNORE INTO answers (key, model, request, answer) VALUES (?1, ?2, ?3, ?4)",
                    params![key, model, request, answer],
                )
                .map(|_| ())
        })
        .await
    }

    /// Uses the file, on a thread that may wait.
    async fn with<T: Send + 'static>(
        &self,
        action: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let connection = self.connection.clone();
        let done = tokio::task::spawn_blocking(move || {
            action(&connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let failed = |problem: String| Error::Cache { path: self.path.clone(), problem };
        match done.await {
            Ok(done) => done.map_err(|error| failed(error.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

/// A model whose answers are kept.
#[derive(Debug)]
pub struct Cached {
    model: Arc<dyn Model>,
    cache: Cache,
}

impl Cached {
    /// Keeps the answers of a model in a file.
    pub fn new(model: Arc<dyn Model>, cache: Cache) -> Self {
        Self { model, cache }
    }
}

#[tonic::async_trait]
impl Model for Cached {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn weights(&self) -> Weights {
        self.model.weights()
    }

    fn check_family(&self, family: &str) -> Result<(), Error> {
        self.model.check_family(family)
    }

    fn settings(&self) -> serde_json::Value {
        self.model.settings()
    }

    async fn release(&self) {
        self.model.release().await;
    }

    async fn generate(&self, request: &GenerateRequest) -> Result<Completion, Error> {
        let Weights { model_sha256, adapter_sha256 } = self.model.weights();
        let asked = json!({
            "model": self.model.name(),
            "model_sha256": model_sha256,
            "adapter_sha256": adapter_sha256,
            "settings": self.model.settings(),
            "request": request,
        })
        .to_string();
        let key: String = Sha256::digest(&asked).iter().map(|byte| format!("{byte:02x}")).collect();
        let kept = self.cache.find(&key).await?.and_then(|answer| serde_json::from_str(&answer).ok());
        if let Some(completion) = kept {
            return Ok(Completion { cached: true, ..completion });
        }
        let completion = self.model.generate(request).await?;
        let answer = json!(completion).to_string();
        self.cache.keep(key, self.model.name().to_owned(), asked, answer).await?;
        Ok(completion)
    }
}
