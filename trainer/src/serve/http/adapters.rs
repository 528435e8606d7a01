//! `/v1/load_lora_adapter` and `/v1/unload_lora_adapter`, in vLLM's shape. They open files on the server's disk, so
//! they are there on request only.

use std::path::Path;

use axum::http::StatusCode;
use serde::Deserialize;

use super::error::refusal;
use super::request;
use crate::generate;
use crate::serve::{Error, Result, Serving};

/// What is said: in a success for people.
pub type Outcome = std::result::Result<String, super::Refusal>;

#[derive(Deserialize)]
struct Load {
    lora_name: String,
    lora_path: String,
    load_inplace: Option<bool>,
}

/// Loads an adapter; blocks on file access. The answer is for people.
pub fn load(serving: &Serving, body: &[u8]) -> Result<Outcome> {
    let asked: Load = request::read(&request::object(body)?)?;
    let name = &asked.lora_name;
    match serving.load(name, Path::new(&asked.lora_path), asked.load_inplace.unwrap_or(false)) {
        Ok(_) => Ok(Ok(format!("Success: LoRA adapter '{name}' added successfully."))),
        Err(Error::Generate(generate::Error::AdapterExists { .. })) => {
            let problem = format!(
                "The lora adapter '{name}' has already been loaded. If you want to load the adapter in place, set \
                 'load_inplace' to True."
            );
            Ok(Err(refusal(StatusCode::BAD_REQUEST, "InvalidUserInput", problem)))
        }
        Err(Error::Generate(generate::Error::Adapter(error))) => {
            let (status, kind) = match Path::new(&asked.lora_path).is_dir() {
                true => (StatusCode::BAD_REQUEST, "BadRequestError"),
                false => (StatusCode::NOT_FOUND, "NotFoundError"),
            };
            Ok(Err(refusal(status, kind, format!("Loading lora {name} failed: {error}"))))
        }
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
struct Unload {
    lora_name: String,
}

/// Removes an adapter.
pub fn unload(serving: &Serving, body: &[u8]) -> Result<Outcome> {
    let Unload { lora_name: name } = request::read(&request::object(body)?)?;
    match serving.engine.unload(&name) {
        Ok(()) => Ok(Ok(format!("Success: LoRA adapter '{name}' removed successfully."))),
        Err(generate::Error::UnknownAdapter { .. }) => {
            let problem = format!("The lora adapter '{name}' cannot be found.");
            Ok(Err(refusal(StatusCode::NOT_FOUND, "NotFoundError", problem)))
        }
        Err(error) => Err(error.into()),
    }
}
