//! Spans are sent to a collector, over OTLP and gRPC.

use std::fmt::Arguments;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{InstrumentationScope, KeyValue, global};
use opentelemetry_otlp::{WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tokio::runtime::{self, Runtime};
use tonic::transport::ClientTlsConfig;

use super::settings::Settings;
use super::{names, span};
use crate::seldom::Seldom;

/// The share of the traces that begin on a server and are kept: a step is short, and there may be 10,000 a second.
const SERVER_RATIO: f64 = 0.01;
/// How long the last spans may take at the end of a program.
const FLUSH: Duration = Duration::from_secs(3);
/// The least time between two warnings.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// A program that may send spans.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    name: &'static str,
    version: &'static str,
    ratio: f64,
    warn: fn(Arguments<'_>),
}

impl Program {
    /// A server. One of a hundred traces that begin on it is kept, and its log has the warnings.
    pub fn server(name: &'static str, version: &'static str) -> Self {
        Self { name, version, ratio: SERVER_RATIO, warn: |warning| tracing::warn!("{warning}") }
    }

    /// Any other program. Every trace that begins in it is kept, and warnings go to standard error.
    pub fn client(name: &'static str, version: &'static str) -> Self {
        Self { name, version, ratio: 1.0, warn: |warning| eprintln!("warning: {warning}") }
    }

    /// Sends the program's spans from now on, if OpenTelemetry's standard variables name a collector; otherwise nothing is
    /// made. What the variables do not name is the program's name and version.
    ///
    /// # Errors
    /// A sentence that says which variable is wrong, and how.
    pub fn send_spans(self) -> Result<Spans, String> {
        let variable = |name: &str| std::env::var(name).ok();
        match Settings::read(variable, self.ratio)? {
            None => Ok(Spans(None)),
            Some(settings) => Ok(Spans(Some(self.sender(settings)?))),
        }
    }

    fn sender(self, settings: Settings) -> Result<Sender, String> {
        // Its own, which lives until the last spans are sent.
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("spans")
            .enable_all()
            .build()
            .map_err(|error| format!("the thread that sends spans cannot be started: {error}"))?;
        let collector = settings.endpoint;
        let exporter = {
            let _entered = runtime.enter();
            let mut exporter =
                opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(&collector);
            if collector.starts_with("https://") {
                exporter = exporter.with_tls_config(ClientTlsConfig::new().with_enabled_roots());
            }
            exporter.build().map_err(|error| format!("spans cannot be sent to {collector}: {error}"))?
        };
        let failures = Mutex::new(Seldom::every(WARN_EVERY));
        let provider = SdkTracerProvider::builder()
            .with_resource(self.resource(settings.service_name))
            .with_sampler(settings.sampler)
            .with_batch_exporter(Exporter { exporter, collector, failures, warn: self.warn })
            .build();
        let conventions = KeyValue::new(names::GEN_AI_CONVENTIONS_VERSION, names::GEN_AI_CONVENTIONS);
        let scope = InstrumentationScope::builder("runtime_gym")
            .with_version(self.version)
            .with_attributes([conventions])
            .build();
        if !span::make_with(provider.tracer_with_scope(scope)) {
            return Err("this program sends its spans already".to_owned());
        }
        global::set_text_map_propagator(TraceContextPropagator::new());
        Ok(Sender { provider, runtime })
    }

    /// What is said of the program with every span.
    fn resource(self, service_name: Option<String>) -> Resource {
        // What comes later wins.
        let resource = Resource::builder_empty()
            .with_service_name(self.name)
            .with_attribute(KeyValue::new("service.version", self.version))
            .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
        match service_name {
            Some(name) => resource.with_service_name(name).build(),
            None => resource.build(),
        }
    }
}

/// Sends spans, if there is a collector. When this is dropped, those that wait are sent, for at most [`FLUSH`].
#[must_use = "spans are sent until it is dropped"]
#[derive(Debug)]
pub struct Spans(Option<Sender>);

#[derive(Debug)]
struct Sender {
    provider: SdkTracerProvider,
    runtime: Runtime,
}

impl Drop for Spans {
    fn drop(&mut self) {
        if let Some(Sender { provider, runtime }) = self.0.take() {
            // What fails is told by the exporter.
            let _ = provider.shutdown_with_timeout(FLUSH);
            runtime.shutdown_background();
        }
    }
}

/// Sends batches of spans, and warns when that fails, once in a while. Spans that could not be sent are lost.
#[derive(Debug)]
struct Exporter {
    exporter: opentelemetry_otlp::SpanExporter,
    collector: String,
    failures: Mutex<Seldom>,
    warn: fn(Arguments<'_>),
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.exporter.export(batch).await;
        if let Err(error) = &sent {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            let collector = &self.collector;
            failures.tell(format_args!("{spans} spans could not be sent to {collector}: {error}"), self.warn);
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
