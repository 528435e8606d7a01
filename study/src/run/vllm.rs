//! A vLLM server as a child process: started, awaited until it answers, and stopped.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use lifecycle::child::tail;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, Command};

use crate::{http, words};

/// Runs a command, and sends it SIGTERM when its own standard input closes. vLLM does not watch for that; so it ends with this
/// program, however this program ends.
const UNTIL_STDIN_CLOSES: &str = r#"exec 3<&0
"$@" 3<&- </dev/null &
server=$!
(read -r _ <&3; kill -TERM "$server") 2>/dev/null &
watcher=$!
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
exit "$status""#;
/// Lets callers load adapters by their path.
const MAY_LOAD: (&str, &str) = ("VLLM_ALLOW_RUNTIME_LORA_UPDATING", "True");
/// How long it may take to end by itself.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// How often it is asked whether it is ready.
const ASK_INTERVAL: Duration = Duration::from_millis(500);
/// How often it is said that it is not ready yet.
const SAY_INTERVAL: Duration = Duration::from_secs(15);

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct Vllm {
    child: Child,
    /// Closing it ends the server. It is kept here because `Child::wait` would close the child's own.
    stdin: Option<ChildStdin>,
    port: u16,
    log: PathBuf,
}

impl Vllm {
    /// Starts a server on a port, or on a free one, and waits until it answers. `arguments` are those before the address. It
    /// has its own process group, so Ctrl-C at the terminal reaches only the caller. Drop the future to give up.
    ///
    /// # Errors
    /// If it can't be started, or ends.
    pub async fn start(
        program: &Path,
        arguments: &[String],
        port: Option<u16>,
        may_load: bool,
        log: &Path,
    ) -> Result<Self> {
        let port = match port {
            Some(port) => port,
            None => TcpListener::bind("127.0.0.1:0").context("finding a free port")?.local_addr()?.port(),
        };
        let file = File::create(log).with_context(|| format!("writing {}", log.display()))?;
        let mut child = Command::new("sh")
            .args(["-c", UNTIL_STDIN_CLOSES, "sh"])
            .arg(program)
            .args(arguments)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .envs(may_load.then_some(MAY_LOAD))
            .stdin(Stdio::piped())
            .stdout(file.try_clone().context("sharing the log")?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .context("starting a shell")?;
        let stdin = child.stdin.take();
        let mut server = Self { child, stdin, port, log: log.to_owned() };
        server.ready().await?;
        Ok(server)
    }

    /// Waits until it answers.
    async fn ready(&mut self) -> Result<()> {
        let (client, health) = (http::client()?, format!("http://127.0.0.1:{}/health", self.port));
        let (started, mut said) = (Instant::now(), Instant::now());
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "vLLM did not start ({status}); the end of {}:\n{}",
                    self.log.display(),
                    tail(&self.log)
                );
            }
            if client.get(&health).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if said.elapsed() >= SAY_INTERVAL {
                said = Instant::now();
                let waited = words::duration(started.elapsed().as_secs_f64());
                say!("    vLLM is starting: {waited} so far; its log: {}", self.log.display());
            }
            tokio::time::sleep(ASK_INTERVAL).await;
        }
    }

    /// The base URL of its API.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// Waits until it ends by itself, which is an error.
    pub async fn ended(&mut self) -> anyhow::Error {
        let status = self.child.wait().await;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        anyhow!(
            "vLLM ended ({status}); the same command goes on from here; the end of {}:\n{}",
            self.log.display(),
            tail(&self.log)
        )
    }

    /// Ends it, and waits until it has ended.
    pub async fn stop(mut self) {
        let group = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        drop(self.stdin.take());
        if tokio::time::timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            // This fails if it has ended meanwhile.
            let _ = group.map(|group| kill_process_group(group, Signal::KILL));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ASK_INTERVAL, STOP_LIMIT, Vllm};

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn a_server_that_ends_says_how() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let arguments = ["-c".to_owned(), "echo no such model >&2; exit 7".to_owned()];
        let error = Vllm::start("sh".as_ref(), &arguments, None, false, &log).await.unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("exit status: 7") && error.contains("no such model"), "{error}");
        let error = Vllm::start("no-such-program".as_ref(), &[], None, false, &log).await.unwrap_err();
        assert!(format!("{error:#}").contains("no-such-program"), "{error:#}");
    }

    #[tokio::test]
    async fn a_server_is_awaited_and_ends_when_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let (log, program) = (folder.path().join("log"), folder.path().join("server.py"));
        // It answers `GET /health`, and says in a file that it was asked to end.
        std::fs::write(
            &program,
            "import http.server, pathlib, signal, sys\n\
             def end(*_):\n    pathlib.Path('ended').write_text('')\n    sys.exit(0)\n\
             signal.signal(signal.SIGTERM, end)\n\
             class Handler(http.server.BaseHTTPRequestHandler):\n    \
                 def do_GET(self):\n        self.send_response(200 if self.path == '/health' else 404)\n        self.end_headers()\n\
             http.server.HTTPServer(('127.0.0.1', int(sys.argv[sys.argv.index('--port') + 1])), Handler).serve_forever()\n",
        )
        .unwrap();
        let arguments = words(&format!("-C {} python3 {}", folder.path().display(), program.display()));
        let server = Vllm::start("env".as_ref(), &arguments, None, true, &log).await.unwrap();
        assert!(server.url().ends_with("/v1"));
        assert!(!folder.path().join("ended").exists());
        server.stop().await;
        let ended = folder.path().join("ended");
        assert!(ended.exists(), "{}", std::fs::read_to_string(&log).unwrap());

        // It also ends if this program ends without a word: then its input closes.
        std::fs::remove_file(&ended).unwrap();
        drop(Vllm::start("env".as_ref(), &arguments, None, true, &log).await.unwrap());
        let seen = async {
            while !ended.exists() {
                tokio::time::sleep(ASK_INTERVAL / 50).await;
            }
        };
        tokio::time::timeout(STOP_LIMIT, seen).await.expect("it was told to end");
    }
}
