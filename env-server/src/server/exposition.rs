//! What `/metrics` shows, and how it is written.

use std::sync::Arc;

use lifecycle::{Metrics, MetricsFormat, Traffic};
use prometheus_client::encoding::{prometheus_protobuf, prometheus_text};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::page::{Page, Reading};
use super::process;
use super::state::State;
use crate::episode;
use crate::version::{COMMIT, VERSION};

/// What the names of the server's own metrics begin with.
const PREFIX: &str = "runtime_gym";

/// The metrics of a server.
pub struct Exposition(Registry);

impl Exposition {
    /// The metrics of these episodes and connections.
    pub fn new(episodes: Arc<episode::Registry>, traffic: Arc<Traffic>) -> Self {
        let mut all = Registry::default();
        all.register_collector(Box::new(Reading(process::write)));
        let own = all.sub_registry_with_prefix(PREFIX);
        let python = episodes.sandbox().python_version().to_owned();
        let build = [("version", VERSION.to_owned()), ("commit", COMMIT.to_owned()), ("python", python)];
        own.register("build", "What this server is", Info::new(build.to_vec()));
        episodes.metrics().register(own);
        episodes.catalog().hosts().metrics().register(own);
        let state = State { episodes, traffic };
        own.register_collector(Box::new(Reading(move |page: &mut Page<'_>| state.write(page))));
        Self(all)
    }
}

impl Metrics for Exposition {
    fn write(&self, format: MetricsFormat) -> Result<Vec<u8>, String> {
        match format {
            MetricsFormat::Text => {
                let mut text = String::new();
                prometheus_text::encode(&mut text, &self.0).map_err(|error| error.to_string())?;
                Ok(text.into_bytes())
            }
            MetricsFormat::Protobuf => {
                prometheus_protobuf::encode_to_vec(&self.0).map_err(|error| error.to_string())
            }
        }
    }
}
