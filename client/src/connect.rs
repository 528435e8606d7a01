//! Connections to the servers.

use std::time::Duration;

use proto::env::v1::environment_service_client::EnvironmentServiceClient;
use proto::inference::v1::inference_service_client::InferenceServiceClient;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

use crate::credentials::{Bearer, Credentials};

/// A connected, cheaply cloned client of the environment server.
pub type EnvClient = EnvironmentServiceClient<InterceptedService<Channel, Bearer>>;

/// A connected, cheaply cloned client of the inference server.
pub type InferenceClient = InferenceServiceClient<InterceptedService<Channel, Bearer>>;

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
    /// A token or certificate that can't be used.
    #[error("{0}")]
    Credentials(String),
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

/// Connects to the environment server at `url` (`http://host:port`, `https://host:port` or `unix:/path/to/socket`), with the
/// credentials that environment variables hold.
///
/// # Errors
/// As [`connect_as`].
pub async fn connect(url: &str) -> Result<EnvClient, ConnectError> {
    connect_as(url, &Credentials::from_env()).await
}

/// Connects to the environment server at `url` with these credentials. A server that does not accept the token says so
/// at the first call.
///
/// # Errors
/// [`ConnectError`] if the URL or a credential is malformed, or no server answers within 10 s.
pub async fn connect_as(url: &str, credentials: &Credentials) -> Result<EnvClient, ConnectError> {
    let bearer = credentials.bearer().map_err(ConnectError::Credentials)?;
    let channel = channel(url, credentials, "environment server", "env-server serve").await?;
    Ok(EnvironmentServiceClient::with_interceptor(channel, bearer)
        .max_decoding_message_size(proto::MAX_MESSAGE_BYTES)
        .max_encoding_message_size(proto::MAX_MESSAGE_BYTES))
}

/// Connects to the inference server at `url` (`http://host:port`, `https://host:port` or `unix:/path/to/socket`).
///
/// # Errors
/// [`ConnectError`] if the URL is malformed or no server answers within 10 s.
pub async fn connect_inference(url: &str) -> Result<InferenceClient, ConnectError> {
    let channel = channel(url, &Credentials::from_env(), "inference server", "trainer serve").await?;
    // It needs no token.
    Ok(InferenceServiceClient::with_interceptor(channel, Bearer::default())
        .max_decoding_message_size(proto::MAX_MESSAGE_BYTES)
        .max_encoding_message_size(proto::MAX_MESSAGE_BYTES))
}

async fn channel(
    url: &str,
    credentials: &Credentials,
    server: &'static str,
    command: &'static str,
) -> Result<Channel, ConnectError> {
    let unreachable = |source| ConnectError::Unreachable { server, command, url: url.to_owned(), source };
    let mut endpoint =
        endpoint(url).map_err(|problem| ConnectError::BadUrl { url: url.to_owned(), problem })?;
    if endpoint.uri().scheme_str() == Some("https") {
        let tls = credentials.tls().map_err(ConnectError::Credentials)?;
        endpoint = endpoint.tls_config(tls).map_err(unreachable)?;
    }
    let endpoint = endpoint
        .connect_timeout(Duration::from_secs(10))
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true);
    endpoint.connect().await.map_err(unreachable)
}

/// The endpoint that a URL names, or what is wrong with the URL.
fn endpoint(url: &str) -> Result<Endpoint, &'static str> {
    if let Some(path) = url.strip_prefix("unix:") {
        // What tonic takes for a path, and fails at only when it connects.
        let path = path.strip_prefix("//").unwrap_or(path);
        return if path.is_empty() {
            Err("it must name the path of a socket")
        } else {
            Endpoint::from_shared(url.to_owned()).map_err(|_| "it cannot be read as one")
        };
    }
    if !url.contains("://") {
        return Err("it does not begin with http://, https:// or unix:");
    }
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|_| "it cannot be read as one")?;
    let uri = endpoint.uri();
    match uri.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err("it does not begin with http://, https:// or unix:"),
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
            ("ftp://host:1", "http://"),
            ("http://host", "port"),
            ("https://host", "port"),
            ("http://:50051", "host"),
            ("http://ho st:1", "read"),
            ("unix:", "path"),
            ("unix://", "path"),
        ];
        for (url, part) in cases {
            let problem = endpoint(url).unwrap_err();
            assert!(problem.contains(part), "{url}: {problem}");
        }
        assert!(endpoint("http://[::1]:50051").is_ok());
        assert!(endpoint("https://host:50051").is_ok());
        assert!(endpoint("unix:/run/gym.sock").is_ok() && endpoint("unix:///run/gym.sock").is_ok());
    }
}
