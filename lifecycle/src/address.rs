//! The address that a server listens on.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use tokio::net::{TcpListener, lookup_host};

/// What a server's first line of output begins with; the URL comes after it.
pub(crate) const GREETING: &str = "listening on ";

/// Binds the address that a server is to listen on: `HOST:PORT`, where the host is a name or an IP address. Of a name's
/// addresses an IPv4 one is preferred, as clients expect of `localhost`. `kind` is what may be there already, such as
/// `env-server`.
///
/// # Errors
/// A sentence that says what to do, e.g. for a port that is taken.
pub async fn bind(address: &str, kind: &str) -> Result<TcpListener, String> {
    let found = lookup_host(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; --listen takes HOST:PORT, such as 127.0.0.1:50051")
    })?;
    let address = found
        .min_by_key(|found| !found.is_ipv4())
        .ok_or_else(|| format!("cannot listen on {address}: the name has no address"))?;
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "cannot listen on {address}: the address is in use, perhaps by another {kind}; \
             choose another with --listen (port 0 takes any free one)"
        ),
        _ => format!("cannot listen on {address}: {error}"),
    })
}

/// Prints `listening on SCHEME://ADDRESS`, where the scheme is `http` or `https`, for people and parent processes; returns the address.
///
/// # Errors
/// If the address can't be read or standard output can't be written.
pub fn announce(listener: &TcpListener, scheme: &str) -> io::Result<SocketAddr> {
    let address = listener.local_addr()?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{GREETING}{scheme}://{address}")?;
    stdout.flush()?;
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_is_a_name_or_an_address() {
        for address in ["localhost:0", "127.0.0.1:0"] {
            let bound = bind(address, "server").await.unwrap().local_addr().unwrap();
            assert!(bound.ip().is_loopback() && bound.is_ipv4(), "{address}: {bound}");
        }
    }

    #[tokio::test]
    async fn a_wrong_address_is_named() {
        for address in ["localhost", "127.0.0.1:x", "no host:1"] {
            let error = bind(address, "server").await.unwrap_err();
            assert!(error.contains(address) && error.contains("HOST:PORT"), "{error}");
        }
    }
}
