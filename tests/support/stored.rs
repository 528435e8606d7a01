//! A server whose episodes outlive it.

use std::path::{Path, PathBuf};

use client::EnvClient;
use tempfile::TempDir;

use crate::EnvServer;

/// A server whose episodes are stored in a folder, and the folder.
pub struct Stored {
    server: EnvServer,
    folder: TempDir,
    arguments: Vec<String>,
}

impl Stored {
    /// Starts a server on an empty folder, with further arguments.
    ///
    /// # Panics
    /// If the server does not start.
    pub async fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { server: start(folder.path(), &arguments).await, folder, arguments }
    }

    /// Kills the server, and starts another one on its folder.
    ///
    /// # Panics
    /// If the server does not start.
    pub async fn killed(self) -> Self {
        self.server.kill().await;
        Self { server: start(self.folder.path(), &self.arguments).await, ..self }
    }

    /// Ends the server in order, and starts another one on its folder.
    ///
    /// # Panics
    /// If the server does not end or start.
    pub async fn stopped(self) -> Self {
        assert!(self.server.stop().await.success());
        Self { server: start(self.folder.path(), &self.arguments).await, ..self }
    }

    /// Kills the server; returns its folder.
    pub async fn into_folder(self) -> TempDir {
        self.server.kill().await;
        self.folder
    }

    /// The server.
    pub fn server(&self) -> &EnvServer {
        &self.server
    }

    /// The folder of the episodes.
    pub fn state(&self) -> PathBuf {
        state(self.folder.path())
    }

    /// A connected client.
    pub async fn client(&self) -> EnvClient {
        self.server.client().await
    }
}

fn state(folder: &Path) -> PathBuf {
    folder.join("state")
}

async fn start(folder: &Path, arguments: &[String]) -> EnvServer {
    let state = state(folder);
    let state = state.to_str().expect("the path is text");
    let mut all = vec!["--state-dir", state];
    all.extend(arguments.iter().map(String::as_str));
    EnvServer::start(&[], &all).await
}
