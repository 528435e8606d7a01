//! A LoRA that vLLM loads for the run: its `load_lora_adapter` and `unload_lora_adapter`.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use serde_json::json;

use super::failure::{Failure, Kind};
use super::server::Server;
use crate::model::Error;

/// The file of an adapter's weights.
const WEIGHTS: &str = "adapter_model.safetensors";

/// What vLLM says of an adapter that it has.
const LOADED: &str = "already been loaded";

/// A LoRA in a folder that both the agent and the server can read.
#[derive(Debug)]
pub struct Adapter {
    /// The name that it gets on the server. Each run has its own: vLLM's prefix cache may answer from earlier weights of
    /// the same name.
    pub name: String,
    /// SHA-256 of its weights.
    pub sha256: String,
    path: PathBuf,
}

impl Adapter {
    /// The adapter in a folder, for a run of `model`.
    ///
    /// # Errors
    /// [`Error::Adapter`] if the folder has none.
    pub fn read(model: &str, path: &Path) -> Result<Self, Error> {
        let failed = |problem: std::io::Error| Error::Adapter { path: path.to_owned(), problem };
        let sha256 = files::digest::file(&path.join(WEIGHTS)).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Ok(Self { name: format!("{model}-{}-{now:x}", &sha256[..8]), sha256, path })
    }

    /// Has the server load it, unless it has it.
    pub async fn load(&self, server: &Server) -> Result<(), Failure> {
        let body = json!({ "lora_name": self.name, "lora_path": self.path });
        let Err(failure) = server.post("load_lora_adapter", &body).await else { return Ok(()) };
        match (failure.status, failure.kind) {
            (Some(StatusCode::BAD_REQUEST), _) if failure.problem.contains(LOADED) => Ok(()),
            // A missing route; a folder that the server can't read has more words.
            (_, Kind::Unusable) => Err(Failure {
                problem: format!(
                    "{} (loading an adapter needs a vLLM that was started with --enable-lora and with \
                     VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, and {} on its disk)",
                    failure.problem,
                    self.path.display()
                ),
                kind: Kind::Refused,
                ..failure
            }),
            // vLLM's status for a rank that is too high: trying again does not help.
            (Some(StatusCode::INTERNAL_SERVER_ERROR), _) => Err(Failure { kind: Kind::Refused, ..failure }),
            _ => Err(failure),
        }
    }

    /// Has the server forget it.
    pub async fn unload(&self, server: &Server) -> Result<(), Failure> {
        server.post("unload_lora_adapter", &json!({ "lora_name": self.name })).await.map(|_| ())
    }
}
