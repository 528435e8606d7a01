//! Requests to servers of models: whether they answer, and which models they have.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::Client;
use serde::Deserialize;

use crate::model_server::Running;

/// How long a server may take to answer.
const LIMIT: Duration = Duration::from_secs(10);

/// The answer to `GET models`.
#[derive(Deserialize)]
struct Models {
    data: Vec<Listed>,
}

/// A model that a server has.
#[derive(Deserialize)]
struct Listed {
    id: String,
    /// The base, if it is an adapter.
    parent: Option<String>,
}

/// A client of servers.
///
/// # Errors
/// If the system's certificates can't be read.
pub fn client() -> Result<Client> {
    // It fails if there is one, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().timeout(LIMIT).build().context("reading the system's certificates")
}

/// What servers that run already call their base. The first one is asked; the agent checks that the others have it.
///
/// # Errors
/// If it does not answer, or does not have exactly one base.
pub async fn base_name(running: &Running) -> Result<String> {
    const INSTEAD: &str = "or say which model is the base in `evaluation.server.model`";
    let Some(url) = running.urls.first() else { bail!("there is no URL of a model server") };
    let listed = async {
        let models = format!("{}/models", url.trim_end_matches('/'));
        let answer = client()?.get(models).send().await?.error_for_status()?;
        anyhow::Ok(answer.json::<Models>().await?.data)
    };
    let listed = listed.await.with_context(|| {
        format!(
            "asking {url} for its models, to know what it calls the base; give the base URL of a running server, such as \
             http://127.0.0.1:8000/v1, {INSTEAD}"
        )
    })?;
    let bases: Vec<&Listed> = listed.iter().filter(|model| model.parent.is_none()).collect();
    ensure!(
        bases.len() == 1,
        "{url} has {} models that are no adapters ({}): one was expected; give another URL, {INSTEAD}",
        bases.len(),
        bases.iter().map(|model| model.id.as_str()).collect::<Vec<_>>().join(", "),
    );
    Ok(bases[0].id.clone())
}
