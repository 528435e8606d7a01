//! A server that only the holders of tokens may use.

use std::fs;
use std::path::PathBuf;

use client::{Credentials, EnvClient, connect_as};
use files::digest;
use tempfile::TempDir;

use crate::EnvServer;

/// A line of a file of tokens.
pub fn token_line(token: &str, tenant: &str, role: &str) -> String {
    format!("{} {tenant} {role}\n", digest::bytes(token))
}

/// A server with the tokens `red` and `blue`, agents of the tenants of these names, and `boss`, an operator.
pub struct Guarded {
    /// The server.
    pub server: EnvServer,
    folder: TempDir,
}

impl Guarded {
    /// Starts a server whose file of tokens holds these lines, too.
    ///
    /// # Panics
    /// If the server does not start.
    pub async fn start(lines: &str) -> Self {
        Self::start_logging("env_server=debug,info", lines, &[]).await
    }

    /// Starts a server whose log has this filter, whose file of tokens holds these lines, too, and that has these arguments.
    ///
    /// # Panics
    /// If the server does not start.
    pub async fn start_logging(filter: &str, lines: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("tokens");
        fs::write(&file, Self::tokens() + lines).expect("the tokens can be written");
        let file = file.to_str().expect("the path is text");
        let arguments = [&["--tokens", file], arguments].concat();
        Self { server: EnvServer::start_logging(filter, &[], &arguments).await, folder }
    }

    /// The lines of the three tokens.
    pub fn tokens() -> String {
        token_line("red", "red", "agent")
            + &token_line("blue", "blue", "agent")
            + &token_line("boss", "ops", "operator")
    }

    /// The file of tokens.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("tokens")
    }

    /// A client with this token.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn client(&self, token: &str) -> EnvClient {
        let credentials = Credentials { token: Some(token.to_owned()), roots: None };
        connect_as(&self.server.url, &credentials).await.expect("the server answers")
    }
}
