//! A collector of spans, as OpenTelemetry's: it takes them over OTLP and keeps them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// How long a span may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A span and who sent it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The name of the program.
    pub service: String,
    /// The span.
    pub span: Span,
}

impl Seen {
    /// An attribute as text; empty if there is none.
    pub fn get(&self, name: &str) -> String {
        let mut found = self.span.attributes.iter().filter(|attribute| attribute.key == name);
        let value = found.next().map_or_else(String::new, |attribute| text(attribute.value.as_ref()));
        assert!(found.next().is_none(), "{name} is there twice: {self:?}");
        value
    }

    /// Whether `child` is a part of it.
    pub fn is_parent_of(&self, child: &Self) -> bool {
        self.span.trace_id == child.span.trace_id && self.span.span_id == child.span.parent_span_id
    }

    /// Its trace and itself, as a `traceparent` names them.
    pub fn ids(&self) -> (String, String) {
        (hex(&self.span.trace_id), hex(&self.span.span_id))
    }
}

/// A running collector.
pub struct Collector {
    /// Its URL.
    pub url: String,
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    /// Serves until the test's runtime ends.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::default();
        let service = TraceServiceServer::new(Kept(Arc::clone(&requests)));
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self { url, requests }
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Seen> {
        let requests = self.requests.lock().unwrap();
        let of_program = requests.iter().flat_map(|request| &request.resource_spans);
        let spans = of_program.flat_map(|program| {
            let attributes = program.resource.iter().flat_map(|resource| &resource.attributes);
            let service = value_of(attributes, "service.name");
            let spans = program.scope_spans.iter().flat_map(|scope| &scope.spans);
            spans.map(move |span| Seen { service: service.clone(), span: span.clone() })
        });
        spans.collect()
    }

    /// All spans of this name so far.
    pub fn named(&self, name: &str) -> Vec<Seen> {
        self.spans().into_iter().filter(|seen| seen.span.name == name).collect()
    }

    /// Waits for this number of spans with this name.
    pub async fn wait_for(&self, name: &str, count: usize) -> Vec<Seen> {
        let wait = async {
            while self.named(name).len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("{count} spans `{name}` are not among {:#?}", self.spans());
        }
        self.named(name)
    }

    /// Everything that was sent, as text.
    pub fn text(&self) -> String {
        format!("{:?}", self.requests.lock().unwrap())
    }
}

struct Kept(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn value_of<'a>(mut attributes: impl Iterator<Item = &'a KeyValue>, name: &str) -> String {
    let found = attributes.find(|attribute| attribute.key == name);
    found.map_or_else(String::new, |attribute| text(attribute.value.as_ref()))
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BoolValue(yes)) => yes.to_string(),
        Some(Value::ArrayValue(list)) => {
            list.values.iter().map(|value| text(Some(value))).collect::<Vec<_>>().join(",")
        }
        other => panic!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
