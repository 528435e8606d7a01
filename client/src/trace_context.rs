//! A call as a part of the caller's trace.

use opentelemetry::propagation::Injector;
use opentelemetry::{Context, global};
use tonic::codegen::http::{HeaderMap, HeaderName, HeaderValue};

/// Names the current span in a call's headers, by W3C's `traceparent` and `tracestate`, so that the server's span becomes a part
/// of it. Nothing is added if there is no current span, or the program has set no propagator (OpenTelemetry's global one).
pub fn add_trace_context(headers: &mut HeaderMap) {
    global::get_text_map_propagator(|propagator| {
        Context::map_current(|context| propagator.inject_context(context, &mut Headers(headers)));
    });
}

/// The headers of a call.
struct Headers<'call>(&'call mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        // An empty `tracestate` says nothing.
        if value.is_empty() {
            return;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
