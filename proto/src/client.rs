//! Connecting to an environment server, and reading what a failed call says.

use std::time::Duration;

use tonic::{
    Status,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt as _;

use crate::env::v1::environment_service_client::EnvironmentServiceClient;

/// A connected, cheaply cloned client of the environment server.
pub type EnvClient = EnvironmentServiceClient<Channel>;

/// Largest message either side accepts: inline tasks and step records are the
/// big ones.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Not a URL such as `http://127.0.0.1:50051`.
    #[error("`{url}` is not a server URL (expected something like http://127.0.0.1:50051)")]
    BadUrl {
        /// What was given.
        url: String,
    },
    /// Nobody answers there.
    #[error("no environment server answers at {url} (start one with `env-server serve`): {source}")]
    Unreachable {
        /// Where.
        url: String,
        /// The transport's own words.
        source: tonic::transport::Error,
    },
}

/// Connects to the environment server at `url` (`http://host:port`).
///
/// # Errors
/// [`ConnectError`] if the URL is malformed or nobody answers within 10 s.
pub async fn connect(url: &str) -> Result<EnvClient, ConnectError> {
    let endpoint = Endpoint::from_shared(url.to_owned())
        .ok()
        .filter(|endpoint| endpoint.uri().host().is_some())
        .ok_or_else(|| ConnectError::BadUrl { url: url.to_owned() })?
        .connect_timeout(Duration::from_secs(10))
        .tcp_nodelay(true);
    let channel = endpoint
        .connect()
        .await
        .map_err(|source| ConnectError::Unreachable { url: url.to_owned(), source })?;
    Ok(EnvironmentServiceClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES))
}

/// A failed call in one line for a person: code, message, and the request
/// fields at fault where the server named them.
pub fn explain(status: &Status) -> String {
    let mut line = format!("{:?}: {}", status.code(), status.message());
    for violation in status.get_details_bad_request().into_iter().flat_map(|bad| bad.field_violations) {
        if !status.message().contains(&violation.field) {
            line.push_str(&format!(" [{}: {}]", violation.field, violation.description));
        }
    }
    line
}
