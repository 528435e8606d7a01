//! What can go wrong with several servers.

use tonic::Status;

use crate::connect::ConnectError;
use crate::retry::is_unreachable;
use crate::status::explain;

/// Why servers can't be used together.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// No URL was given.
    #[error("name a server at least")]
    NoServer,
    /// There is no connection to a server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A server does not say what it is.
    #[error("the server at {url} does not say what it is: {}", explain(status))]
    NoInfo {
        /// The server.
        url: String,
        /// What it reported.
        status: Box<Status>,
    },
    /// Two servers have the same name.
    #[error(
        "the servers at {first} and {second} have the same name, `{name}`: ids of episodes would not say which is meant \
         (`env-server serve --server-name`)"
    )]
    SameName {
        /// Their name.
        name: String,
        /// The URL of one.
        first: String,
        /// The URL of the other one.
        second: String,
    },
    /// Some servers have names and some have none.
    #[error(
        "the server at {named} has a name and the one at {unnamed} has none: give a name to all of them, or to none \
         (`env-server serve --server-name`)"
    )]
    SomeNamed {
        /// The URL of one with a name.
        named: String,
        /// The URL of one without.
        unnamed: String,
    },
}

/// A call that failed, and on which server.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
pub struct CallError {
    /// The server, by name and URL; empty if the call went to none.
    pub server: String,
    /// What it reported, or why it can't be reached.
    pub status: Box<Status>,
}

impl CallError {
    /// Whether the server could not be reached.
    pub fn is_unreachable(&self) -> bool {
        is_unreachable(&self.status)
    }

    fn text(&self) -> String {
        let (server, said) = (&self.server, explain(&self.status));
        match (server.is_empty(), self.is_unreachable()) {
            (true, _) => said,
            (false, true) => format!("{server} can't be reached: {said}"),
            (false, false) => format!("{said} (from {server})"),
        }
    }
}
