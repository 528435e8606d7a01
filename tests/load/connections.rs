//! Connections to an environment server: many sessions share a few.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use client::{Bearer, Credentials, EnvClient};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tonic::codegen::http::Uri;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

/// Open HTTP/2 connections. One that breaks is opened again, which is counted.
#[derive(Clone, Debug)]
pub struct Connections {
    channels: Vec<Channel>,
    bearer: Bearer,
    opened: Arc<AtomicU64>,
}

impl Connections {
    /// Opens this many connections to the server at `url`, with the token of `RUNTIME_GYM_TOKEN` if it is set.
    pub async fn open(url: &str, count: usize) -> Result<Self> {
        let endpoint = Endpoint::from_shared(url.to_owned())?;
        let opened = Arc::new(AtomicU64::new(0));
        let mut channels = Vec::new();
        for _ in 0..count {
            let opened = opened.clone();
            let connect = tower::service_fn(move |url: Uri| {
                let opened = opened.clone();
                async move {
                    let address = format!("{}:{}", url.host().unwrap_or(""), url.port_u16().unwrap_or(80));
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    opened.fetch_add(1, Ordering::Relaxed);
                    Ok::<_, std::io::Error>(TokioIo::new(stream))
                }
            });
            let channel = endpoint.connect_with_connector(connect).await;
            channels.push(channel.with_context(|| format!("connecting to {url}"))?);
        }
        let bearer = Credentials::from_env().bearer().map_err(anyhow::Error::msg)?;
        Ok(Self { channels, bearer, opened })
    }

    /// A client on one of the connections: the `number`th, counted in a circle.
    pub fn client(&self, number: usize) -> EnvClient {
        let channel = self.channels[number % self.channels.len()].clone();
        EnvClient::new(InterceptedService::new(channel, self.bearer.clone()))
            .max_decoding_message_size(proto::MAX_MESSAGE_BYTES)
    }

    /// Connections that broke and were opened again.
    pub fn lost(&self) -> u64 {
        self.opened.load(Ordering::Relaxed) - self.channels.len() as u64
    }
}
