//! A model server that this program has started.

use std::path::Path;

use anyhow::{Context as _, Result};
use lifecycle::child::Server;
use tokio::process::Command;

use super::command_line::command_line;
use super::vllm::Vllm;
use crate::model_server::{Serves, Started};
use crate::programs::Programs;

/// Lets callers of `trainer serve` load adapters by their path.
const MAY_LOAD: &str = "--allow-runtime-lora-updating";

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub enum Serving {
    /// `trainer serve`.
    Trainer(Server),
    /// vLLM.
    Vllm(Vllm),
}

impl Serving {
    /// Starts a server on a free port, for the stages of a study.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start(spec: &Started, programs: &Programs) -> Result<Self> {
        Self::start_on(spec, programs, None).await
    }

    /// Starts a server on a port, for anyone on this machine: they may have it load adapters.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn open(spec: &Started, programs: &Programs, port: u16) -> Result<Self> {
        Self::start_on(spec, programs, Some(port)).await
    }

    async fn start_on(spec: &Started, programs: &Programs, port: Option<u16>) -> Result<Self> {
        std::fs::create_dir_all(spec.log.parent().unwrap_or(Path::new(".")))
            .context("making the log's folder")?;
        let (program, mut arguments) = spec.command(programs);
        if port.is_some() && matches!(spec.program, Serves::Trainer { .. }) {
            arguments.push(MAY_LOAD.to_owned());
        }
        say!("    {}", command_line(&program, &arguments));
        if matches!(spec.program, Serves::Vllm { .. }) {
            let vllm = Vllm::start(&program, &arguments, port, port.is_some(), &spec.log).await?;
            return Ok(Self::Vllm(vllm));
        }
        let mut command = Command::new(&program);
        command.args(arguments);
        let address = format!("127.0.0.1:{}", port.unwrap_or(0));
        Ok(Self::Trainer(Server::start_on("inference server", command, &address, &spec.log).await?))
    }

    /// The URL that agents are given.
    pub fn url(&self) -> String {
        match self {
            Self::Trainer(server) => server.url().to_owned(),
            Self::Vllm(vllm) => vllm.url(),
        }
    }

    /// The base URL of its HTTP API.
    pub fn base_url(&self) -> String {
        match self {
            Self::Trainer(server) => format!("{}/v1", server.url()),
            Self::Vllm(vllm) => vllm.url(),
        }
    }

    /// Waits until it ends by itself, which is an error.
    pub async fn ended(&mut self) -> anyhow::Error {
        match self {
            Self::Trainer(server) => server.ended().await.into(),
            Self::Vllm(vllm) => vllm.ended().await,
        }
    }

    /// Ends it, and waits until it has ended.
    pub async fn stop(self) {
        match self {
            Self::Trainer(server) => {
                server.stop().await;
            }
            Self::Vllm(vllm) => vllm.stop().await,
        }
    }
}
