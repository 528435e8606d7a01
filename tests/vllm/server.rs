//! A vLLM server as a child process.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// How long a server may take until it answers: it loads PyTorch and the model.
const START: Duration = Duration::from_secs(300);

/// The name of the model in requests.
pub const MODEL: &str = "smollm2";

/// What a server is started from.
#[derive(Clone, Debug)]
pub struct Vllm {
    python: PathBuf,
    model: PathBuf,
    log: PathBuf,
    port: u16,
}

/// A running server; it is killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
}

impl Vllm {
    /// A server of a model, on a free port.
    pub fn new(python: &Path, model: &Path, log: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self { python: python.to_owned(), model: model.to_owned(), log: log.to_owned(), port })
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// Starts it, and waits until it answers.
    pub async fn start(&self) -> Result<Running> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let program = self.python.with_file_name("vllm");
        let child = Command::new(&program)
            .arg("serve")
            .arg(&self.model)
            .args(["--served-model-name", MODEL, "--host", "127.0.0.1", "--port", &self.port.to_string()])
            .args([
                "--dtype",
                "bfloat16",
                "--max-model-len",
                "4096",
                "--enforce-eager",
                "--max-num-seqs",
                "16",
            ])
            .args(["--enable-lora", "--max-loras", "2", "--max-lora-rank", "16"])
            .args(["--enable-auto-tool-choice", "--tool-call-parser", "hermes"])
            .args(["--distributed-executor-backend", "uni", "--kv-cache-memory-bytes", "1073741824"])
            .env("VLLM_ALLOW_RUNTIME_LORA_UPDATING", "True")
            .envs([("VLLM_NO_USAGE_STATS", "1"), ("DO_NOT_TRACK", "1"), ("TORCHDYNAMO_DISABLE", "1")])
            .envs([("HF_HUB_OFFLINE", "1"), ("TRANSFORMERS_OFFLINE", "1")])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut running = Running { child };
        let deadline = Instant::now() + START;
        // It listens only when the model is loaded.
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if let Some(status) = running.child.try_wait()? {
                bail!("vLLM ended ({status}); see {}", self.log.display());
            }
            if Instant::now() > deadline {
                bail!("vLLM did not answer within {} s; see {}", START.as_secs(), self.log.display());
            }
            sleep(Duration::from_millis(200)).await;
        }
        Ok(running)
    }
}

impl Running {
    /// Kills it and its children at once, as a crash does.
    pub async fn kill(mut self) -> Result<()> {
        if let Some(pid) = self.child.id() {
            let group = format!("-{pid}");
            Command::new("kill").args(["-KILL", "--", &group]).status().await?;
        }
        self.child.wait().await?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(pid) = self.child.id() {
            let _ = std::process::Command::new("kill").args(["-KILL", "--", &format!("-{pid}")]).status();
        }
    }
}
