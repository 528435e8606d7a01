//! Connections to the servers.

use std::time::Duration;

use proto::env::v1::environment_service_client::EnvironmentServiceClient;
use proto::inference::v1::inference_service_client::InferenceServiceClient;
use tonic::transport::{Channel, Endpoint};

/// A connected, cheaply cloned client of the environment server.
pub type EnvClient = EnvironmentServiceClient<Channel>;

/// A connected, cheaply cloned client of the inference server.
pub type InferenceClient = InferenceServiceClient<Channel>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Not a URL such as `http://127.0.0.1:50051`.
    #[error("`{url}` is not a server URL: {problem} (expected something like http://127.0.0.1:50051)")]
    BadUrl {
        /// The text that was given as a URL.
        url: String,
        /// The rule that it breaks.
        problem: &'static str,
    },
    /// No server answers at the URL.
    #[error("no {server} answers at {url} (start one with `{command}`): {source}")]
    Unreachable {
        /// The kind of server that was expected.
        server: &'static str,
        /// The command that starts one.
        command: &'static str,
        /// The URL.
        url: String,
        /// The transport's error.
        source: tonic::transport::Error,
    },
}

/// Interval of HTTP/2 keep-alive pings, and how long an answer to one may take. They detect a peer that
/// vanished without closing the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Connects to the environment server at `url` (`http://host:port`).
///
/// # Errors
/// [`ConnectError`] if the URL is malformed or no server answers within 10 s.
pub async fn connect(url: &str) -> Result<EnvClient, ConnectError> {
    let channel = channel(url, "environment server", "env-server serve").await?;
    Ok(EnvironmentServiceClient::new(channel)
        .max_decoding_message_size(proto::MAX_MESSAGE_BYTES)
        .max_encoding_message_size(proto::MAX_MESSAGE_BYTES))
}

/// Connects to the inference server at `url` (`http://host:port`).
///
/// # Errors
/// [`ConnectError`] if the URL is malformed or no server answers within 10 s.
pub async fn connect_inference(url: &str) -> Result<InferenceClient, ConnectError> {
    let channel = channel(url, "inference server", "trainer serve").await?;
    Ok(InferenceServiceClient::new(channel)
        .max_decoding_message_size(proto::MAX_MESSAGE_BYTES)
        .max_encoding_message_size(proto::MAX_MESSAGE_BYTES))
}

async fn channel(url: &str, server: &'static str, command: &'static str) -> Result<Channel, ConnectError> {
    let endpoint = endpoint(url)
        .map_err(|problem| ConnectError::BadUrl { url: url.to_owned(), problem })?
        .connect_timeout(Duration::from_secs(10))
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true);
    let unreachable = |source| ConnectError::Unreachable { server, command, url: url.to_owned(), source };
    endpoint.connect().await.map_err(unreachable)
}

/// The endpoint that a URL names, or what is wrong with the URL.
fn endpoint(url: &str) -> Result<Endpoint, &'static str> {
    if !url.contains("://") {
        return Err("it does not begin with http://");
    }
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|_| "it cannot be read as one")?;
    let uri = endpoint.uri();
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err("https is not available, only http"),
        _ => return Err("it does not begin with http://"),
    }
    if uri.host().is_none_or(str::is_empty) || uri.port().is_none() {
        return Err("it must name host and port");
    }
    Ok(endpoint)
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn a_bad_url_is_told_what_it_lacks() {
        let cases = [
            ("127.0.0.1:50051", "http://"),
            ("localhost", "http://"),
            ("https://host:50051", "https"),
            ("ftp://host:1", "http://"),
            ("http://host", "port"),
            ("http://:50051", "host"),
            ("http://ho st:1", "read"),
        ];
        for (url, part) in cases {
            let problem = endpoint(url).unwrap_err();
            assert!(problem.contains(part), "{url}: {problem}");
        }
        assert!(endpoint("http://[::1]:50051").is_ok());
    }
}
