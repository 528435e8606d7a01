//! A network that breaks: connections are reset during calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A proxy between a client and a server.
pub struct Proxy {
    pub url: String,
    /// The number of connections that it has reset.
    pub resets: Arc<AtomicUsize>,
    server: String,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy for the server at `server` (`http://host:port`). Each of the first `resets` connections is
    /// reset when the server has sent more than `after_bytes` bytes on it.
    pub async fn start(server: &str, resets: usize, after_bytes: usize) -> Self {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let done = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn(accept(listener, server.clone(), resets, after_bytes, done.clone()));
        Self { url, resets: done, server, accepting }
    }

    /// Ends every connection, and accepts no new one.
    pub fn cut(&self) {
        self.accepting.abort();
    }

    /// Accepts connections again, after [`Proxy::cut`], and resets none.
    pub async fn restore(&mut self) {
        assert!((&mut self.accepting).await.unwrap_err().is_cancelled());
        let listener = TcpListener::bind(self.url.trim_start_matches("http://")).await.unwrap();
        let accepting = accept(listener, self.server.clone(), 0, 0, self.resets.clone());
        self.accepting = tokio::spawn(accepting);
    }
}

async fn accept(
    listener: TcpListener,
    server: String,
    resets: usize,
    after_bytes: usize,
    done: Arc<AtomicUsize>,
) {
    let mut connections = JoinSet::new();
    for connection in 0.. {
        let (client, _) = listener.accept().await.unwrap();
        let upstream = TcpStream::connect(&server).await.unwrap();
        let limit = if connection < resets { after_bytes } else { usize::MAX };
        connections.spawn(forward(client, upstream, limit, done.clone()));
    }
}

async fn forward(client: TcpStream, upstream: TcpStream, limit: usize, resets: Arc<AtomicUsize>) {
    client.set_zero_linger().unwrap(); // dropping it resets the connection
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = upstream.into_split();
    let requests = async { tokio::io::copy(&mut from_client, &mut to_server).await };
    let answers = async {
        let mut buffer = [0; 4096];
        let mut total = 0;
        loop {
            let count = from_server.read(&mut buffer).await?;
            total += count;
            if count == 0 {
                return Ok::<_, std::io::Error>(());
            }
            if total > limit {
                resets.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            to_client.write_all(&buffer[..count]).await?;
        }
    };
    tokio::select! {
        _ = requests => {}
        _ = answers => {}
    }
}
