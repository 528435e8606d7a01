//! A proxy that stays at its address while servers come and go behind it, and that can cut connections.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::draw::Draw;
use crate::script::STREAMS;

/// A proxy in this process.
pub struct Proxy {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    /// `127.0.0.1:PORT` of the server; empty while there is none.
    server: watch::Sender<String>,
    /// Of so many pieces one is cut in the middle, and its connection with it; 0: none is.
    odds: AtomicU64,
    cut: AtomicU64,
    seed: u64,
}

impl Proxy {
    /// A proxy with no server behind it.
    pub async fn start(seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = watch::Sender::new(String::new());
        let shared = Arc::new(Shared { server, odds: AtomicU64::new(0), cut: AtomicU64::new(0), seed });
        tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { url, shared })
    }

    /// Sets the server behind it, by its URL; none, if that is empty.
    pub fn set_server(&self, url: &str) {
        self.shared.server.send_replace(url.trim_start_matches("http://").to_owned());
    }

    /// The address of the server behind it; empty while there is none.
    pub fn server(&self) -> String {
        self.shared.server.borrow().clone()
    }

    /// Cuts one of so many pieces that pass; 0: none.
    pub fn cut_one_in(&self, odds: u64) {
        self.shared.odds.store(odds, Ordering::Relaxed);
    }

    /// Connections that were cut.
    pub fn cut(&self) -> u64 {
        self.shared.cut.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    for number in 0.. {
        let Ok((client, _)) = listener.accept().await else { continue };
        connections.spawn(forward(client, shared.clone(), number));
        while connections.try_join_next().is_some() {}
    }
}

/// Forwards a connection until one side ends it, or it is cut.
async fn forward(client: TcpStream, shared: Arc<Shared>, number: u64) -> io::Result<()> {
    let mut server = shared.server.subscribe();
    let address = server.borrow_and_update().clone();
    // Dropping it resets the connection.
    client.set_zero_linger()?;
    client.set_nodelay(true)?;
    if address.is_empty() {
        return Ok(());
    }
    let upstream = TcpStream::connect(address).await?;
    upstream.set_nodelay(true)?;
    upstream.set_zero_linger()?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = upstream.into_split();
    let draw = |way: u64| Draw::new(shared.seed, 2 * STREAMS + 2 * number + way);
    tokio::select! {
        done = pass(from_client, to_server, &shared, draw(0)) => done,
        done = pass(from_server, to_client, &shared, draw(1)) => done,
        _ = server.changed() => Ok(()),
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    mut random: Draw,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let odds = shared.odds.load(Ordering::Relaxed);
        if odds > 0 && random.one_in(odds) {
            let part = random.below(count as u64) as usize;
            to.write_all(&buffer[..part]).await?;
            shared.cut.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        to.write_all(&buffer[..count]).await?;
    }
}
