//! An environment server as a child of the run.

use std::path::Path;
use std::time::Duration;

use lifecycle::child::{self, Error, Server};

/// The server's executable.
const PROGRAM: &str = "env-server";

/// The server's name in errors.
const WHAT: &str = "environment server";

/// The longest that a start may take. The first start compiles the interpreter, which is slow on a slow
/// machine.
const START_LIMIT: Duration = Duration::from_secs(300);

/// Starts a server for the tasks in `tasks`. Its messages go to the file `log`.
///
/// # Errors
/// [`Error`] if it can't be started or does not listen in time.
pub async fn start(tasks: &Path, log: &Path) -> Result<Server, Error> {
    // The run's config says what its episodes may use.
    let arguments = ["serve".as_ref(), "--any-limits".as_ref(), "--tasks".as_ref(), tasks.as_os_str()];
    let program = child::program(PROGRAM);
    let started = Server::start(WHAT, &program, arguments, log);
    tokio::time::timeout(START_LIMIT, started).await.unwrap_or_else(|_| {
        let problem = format!("it said nothing for {} s", START_LIMIT.as_secs());
        Err(Error::NotReady { what: WHAT, problem, log: log.to_owned() })
    })
}
