//! The address that a server listens on.

use std::io::{self, Write as _};
use std::path::Path;

use tokio::net::{TcpListener, lookup_host};

use crate::listener::Listener;
use crate::socket_file::SocketFile;

/// What a server's first line of output begins with; the URL comes after it.
pub(crate) const GREETING: &str = "listening on ";

/// What the address of a Unix socket begins with; its path comes after it.
const UNIX: &str = "unix:";

/// Binds the address that a server is to listen on: `HOST:PORT`, where the host is a name or an IP address, or `unix:PATH`. Of
/// a name's addresses an IPv4 one is preferred, as clients expect of `localhost`. `kind` is what may be there already, such as
/// `env-server`.
///
/// # Errors
/// A sentence that says what to do, e.g. for a port that is taken.
pub async fn bind(address: &str, kind: &str) -> Result<Listener, String> {
    if let Some(path) = unix_path(address) {
        let (listener, file) = SocketFile::bind(path, kind).await?;
        return Ok(Listener::unix(listener, file));
    }
    let found = lookup_host(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; --listen takes HOST:PORT, such as 127.0.0.1:50051, or unix:PATH")
    })?;
    let address = found
        .min_by_key(|found| !found.is_ipv4())
        .ok_or_else(|| format!("cannot listen on {address}: the name has no address"))?;
    let bound = TcpListener::bind(address).await.and_then(Listener::tcp);
    bound.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "cannot listen on {address}: the address is in use, perhaps by another {kind}; \
             choose another with --listen (port 0 takes any free one)"
        ),
        _ => format!("cannot listen on {address}: {error}"),
    })
}

/// The path of a Unix socket, if the address is one: `unix:PATH` or `unix://PATH`, as in gRPC.
fn unix_path(address: &str) -> Option<&Path> {
    let path = address.strip_prefix(UNIX)?;
    Some(Path::new(path.strip_prefix("//").unwrap_or(path)))
}

/// Prints `listening on URL`, for people and parent processes: the URL is `unix:PATH`, or has this scheme, `http` or `https`.
///
/// # Errors
/// If standard output can't be written.
pub fn announce(listener: &Listener, scheme: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{GREETING}{}", listener.url(scheme))?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::Place;

    #[tokio::test]
    async fn a_host_is_a_name_or_an_address() {
        for address in ["localhost:0", "127.0.0.1:0"] {
            let bound = bind(address, "server").await.unwrap();
            let local =
                matches!(bound.place(), Place::Tcp(bound) if bound.ip().is_loopback() && bound.is_ipv4());
            assert!(local, "{address}: {bound}");
        }
    }

    #[tokio::test]
    async fn an_address_may_be_a_unix_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gym.sock");
        for slashes in ["", "//"] {
            let bound = bind(&format!("unix:{slashes}{}", path.display()), "server").await.unwrap();
            assert_eq!(bound.url("http"), format!("unix:{}", path.display()));
            assert!(matches!(bound.place(), Place::Unix(_)));
        }
        assert!(bind("unix:", "server").await.is_err());
    }

    #[tokio::test]
    async fn a_wrong_address_is_named() {
        for address in ["localhost", "127.0.0.1:x", "no host:1"] {
            let error = bind(address, "server").await.unwrap_err();
            assert!(error.contains(address) && error.contains("HOST:PORT"), "{error}");
        }
    }
}
