//! An environment server of the run's own, beside the agent.

use std::path::{Path, PathBuf};

use lifecycle::child::{Error, Server};

/// The server's executable.
const PROGRAM: &str = "env-server";

/// Starts a server for the tasks in `tasks`; its messages go to `log`.
///
/// # Errors
/// [`Error`] if it can't be started or does not come to listen.
pub async fn start(tasks: &Path, log: &Path) -> Result<Server, Error> {
    let arguments = ["serve".as_ref(), "--tasks".as_ref(), tasks.as_os_str()];
    Server::start("environment server", &program(), arguments, log).await
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
