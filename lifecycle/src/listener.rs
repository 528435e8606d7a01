//! What a server listens on: an address of the network, or a Unix socket.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::connection::Stream;
use crate::socket_file::SocketFile;

/// How long a client of the network may take nothing of what was sent to it, before its connection is closed.
const UNREAD_LIMIT: Duration = Duration::from_secs(30);

/// What a server listens on.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    place: Place,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// On an address of the network.
    Tcp(SocketAddr),
    /// On a Unix socket, whose file goes when nobody holds it any longer.
    Unix(Arc<SocketFile>),
}

/// A connection that has come in.
pub(crate) enum Incoming {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    /// A listener on an address of the network.
    pub(crate) fn tcp(listener: TcpListener) -> io::Result<Self> {
        Ok(Self { place: Place::Tcp(listener.local_addr()?), kind: Kind::Tcp(listener) })
    }

    /// A listener on a Unix socket.
    pub(crate) fn unix(listener: UnixListener, file: SocketFile) -> Self {
        Self { kind: Kind::Unix(listener), place: Place::Unix(Arc::new(file)) }
    }

    /// Where it listens.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The URL of clients: of an address of the network it has this scheme, such as `http`.
    pub fn url(&self, scheme: &str) -> String {
        match &self.place {
            Place::Tcp(address) => format!("{scheme}://{address}"),
            Place::Unix(file) => format!("unix:{}", file.path().display()),
        }
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<Incoming> {
        match &self.kind {
            Kind::Tcp(listener) => listener.accept().await.map(|(stream, _)| Incoming::Tcp(stream)),
            Kind::Unix(listener) => listener.accept().await.map(|(stream, _)| Incoming::Unix(stream)),
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp(address) => write!(formatter, "{address}"),
            Place::Unix(file) => write!(formatter, "unix:{}", file.path().display()),
        }
    }
}

impl Incoming {
    /// The connection with its options set.
    pub fn prepared(self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Tcp(stream) => {
                stream.set_nodelay(true)?;
                #[cfg(target_os = "linux")]
                socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD_LIMIT))?;
                Ok(Box::new(stream))
            }
            Self::Unix(stream) => Ok(Box::new(stream)),
        }
    }
}
