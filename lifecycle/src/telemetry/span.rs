//! One span, for programs that do not care whether spans are sent.

use std::borrow::Cow;
use std::sync::OnceLock;

use axum::http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{
    FutureExt as _, SpanBuilder, Status, TraceContextExt as _, Tracer as _, WithContext,
};
use opentelemetry::{Array, Context, KeyValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

use super::names;

pub use opentelemetry::trace::SpanKind;

/// The longest header that is read, in characters: what the standard asks for at least. Each span keeps a copy.
const MAX_HEADER: usize = 512;

/// What makes spans, if they are sent.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Makes spans with this from now on. Returns whether it is the first one.
pub fn make_with(tracer: SdkTracer) -> bool {
    TRACER.set(tracer).is_ok()
}

/// Whether spans are sent. Without them, a [`Span`] is nothing, and costs next to nothing.
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

/// Something that a program does, from its beginning to when the last clone of this is dropped.
#[derive(Clone, Debug, Default)]
pub struct Span(Option<Context>);

impl Span {
    /// Begins a part of the span that is current.
    pub fn begin(name: impl Into<Cow<'static, str>>, kind: SpanKind) -> Self {
        Self::begin_in(name, kind, Context::current)
    }

    /// Begins what a request asks for: a part of the span that its headers name (W3C's `traceparent` and `tracestate`), if
    /// they name one.
    pub fn serve(name: impl Into<Cow<'static, str>>, headers: &HeaderMap) -> Self {
        let caller =
            || TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
        Self::begin_in(name, SpanKind::Server, caller)
    }

    fn begin_in(
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        parent: impl FnOnce() -> Context,
    ) -> Self {
        let Some(tracer) = TRACER.get() else { return Self::default() };
        let parent = parent();
        let span = tracer.build_with_context(SpanBuilder::from_name(name).with_kind(kind), &parent);
        Self(Some(parent.with_span(span)))
    }

    /// The span that is current: the code that asks runs inside of it.
    pub fn current() -> Self {
        Self(is_on().then(Context::current))
    }

    /// Makes it current while `future` runs.
    pub fn around<F: Future>(&self, future: F) -> WithContext<F> {
        future.with_context(self.0.clone().unwrap_or_else(Context::current))
    }

    /// Makes it current while `work` runs.
    pub fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        let _entered = self.0.clone().map(Context::attach);
        work()
    }

    /// Adds an attribute. Each may be added once.
    pub fn set(&self, name: &'static str, value: impl Into<Value>) {
        if let Some(context) = self.sampled() {
            context.span().set_attribute(KeyValue::new(name, value));
        }
    }

    /// Adds a text, which is copied only if the span is sent.
    pub fn set_text(&self, name: &'static str, text: &str) {
        if self.sampled().is_some() {
            self.set(name, text.to_owned());
        }
    }

    /// Adds a number.
    pub fn set_count(&self, name: &'static str, count: u64) {
        self.set(name, i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Adds a list of texts.
    pub fn set_words(&self, name: &'static str, words: Vec<String>) {
        self.set(name, Value::Array(Array::String(words.into_iter().map(Into::into).collect())));
    }

    /// Marks it as failed. `class` says how, in a word that is no message: messages may hold what nobody should see.
    pub fn fail(&self, class: impl Into<Value>) {
        if let Some(context) = self.sampled() {
            self.set(names::ERROR_TYPE, class);
            context.span().set_status(Status::error(""));
        }
    }

    /// Its context, if it is sent.
    fn sampled(&self) -> Option<&Context> {
        self.0.as_ref().filter(|context| context.span().span_context().is_sampled())
    }
}

/// The headers of a request.
struct Headers<'request>(&'request HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok().filter(|value| value.len() <= MAX_HEADER)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}
