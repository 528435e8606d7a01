//! A real environment server in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use client::{EnvClient, connect};

use crate::program;

/// A running `env-server serve`; ends when dropped.
pub struct EnvServer {
    process: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
}

impl EnvServer {
    /// Starts one on a free port and waits until it listens.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn start(task_sets: &[&Path], arguments: &[&str]) -> Self {
        let mut command = Command::new(program("env-server"));
        command
            .env("RUNTIME_GYM_LOG", "warn")
            .args(["serve", "--listen", "127.0.0.1:0", "--until-stdin-closes"])
            .args(arguments);
        for set in task_sets {
            command.arg("--tasks").arg(set);
        }
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("env-server can be started");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("env-server's stdout can be read");
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| {
            panic!("env-server did not come up: its first line is {line:?}");
        });
        Self { url: url.to_owned(), process }
    }

    /// A connected client.
    ///
    /// # Panics
    /// If nobody answers.
    pub async fn client(&self) -> EnvClient {
        connect(&self.url).await.expect("the server answers")
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Closes its standard input and waits for it to end.
    ///
    /// # Panics
    /// If it does not end by itself.
    pub fn stop(mut self) -> std::process::ExitStatus {
        drop(self.process.stdin.take());
        self.wait()
    }

    /// Waits for it to end.
    ///
    /// # Panics
    /// If its end cannot be awaited.
    pub fn wait(mut self) -> std::process::ExitStatus {
        self.process.wait().expect("the server ends")
    }
}

impl Drop for EnvServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
