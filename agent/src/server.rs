//! An environment server of the run's own, beside the agent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lifecycle::child::{Error, Server};

/// The server's executable.
const PROGRAM: &str = "env-server";

/// Compiling the interpreter, the first time, takes a while on a slow machine.
const START_LIMIT: Duration = Duration::from_secs(300);

/// Starts a server for the tasks in `tasks`; its messages go to `log`.
///
/// # Errors
/// [`Error`] if it can't be started or does not come to listen.
pub async fn start(tasks: &Path, log: &Path) -> Result<Server, Error> {
    let arguments = ["serve".as_ref(), "--tasks".as_ref(), tasks.as_os_str()];
    const WHAT: &str = "environment server";
    let program = program();
    let started = Server::start(WHAT, &program, arguments, log);
    tokio::time::timeout(START_LIMIT, started).await.unwrap_or_else(|_| {
        let problem = format!("it said nothing for {} s", START_LIMIT.as_secs());
        Err(Error::NotReady { what: WHAT, problem, log: log.to_owned() })
    })
}

/// The executable beside this one, or else whatever the PATH has.
fn program() -> PathBuf {
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    std::env::current_exe()
        .ok()
        .and_then(|own| own.parent().map(|folder| folder.join(&name)))
        .filter(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from(name))
}
