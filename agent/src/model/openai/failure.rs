//! Why a call to a server gave no answer, and whether another attempt can help.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;

/// The most characters of a server's words in an error.
const MAX_WORDS: usize = 500;

/// Statuses that pass: too many calls, or a server that is starting, busy or broken.
const PASSING: [u16; 6] = [429, 500, 501, 502, 503, 504];

/// A call that gave no answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What can be done about it.
    pub kind: Kind,
    /// What happened: the status and the server's words, or what the connection reported.
    pub problem: String,
    /// The status, if the server answered with one.
    pub status: Option<StatusCode>,
    /// How long the server wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// What can be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The same call may succeed later.
    Passing,
    /// The conversation is longer than the model's context.
    Overflow,
    /// The server does not take this request.
    Refused,
    /// The server takes no request of this kind: the key, the model or the URL is wrong.
    Unusable,
}

impl Failure {
    fn new(kind: Kind, problem: String) -> Self {
        Self { kind, problem, status: None, retry_after: None }
    }

    /// A failure that may pass.
    pub fn passing(problem: &str) -> Self {
        Self::new(Kind::Passing, problem.to_owned())
    }

    /// Something that is not in the format of the API.
    pub fn malformed(expected: &str, text: &str, reason: &serde_json::Error) -> Self {
        let problem = format!("answered something else than {expected} ({reason}): {}", shortened(text));
        Self::new(Kind::Refused, problem)
    }

    /// The connection failed.
    pub fn connection(error: reqwest::Error) -> Self {
        // The URL is named by whoever reports the failure.
        let error = error.without_url();
        let mut problem = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            problem.push_str(&format!(": {source}"));
            cause = source.source();
        }
        Self::passing(&problem)
    }

    /// An answer with an error status.
    pub async fn status(response: Response) -> Self {
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        let text = response.text().await.unwrap_or_default();
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let kind = match status.as_u16() {
            code if PASSING.contains(&code) => Kind::Passing,
            401..=405 => Kind::Unusable,
            _ if is_overflow(&body) => Kind::Overflow,
            _ => Kind::Refused,
        };
        let words = words(&body);
        let between = if words.is_empty() { "" } else { ": " };
        Self { kind, problem: format!("{status}{between}{words}"), status: Some(status), retry_after }
    }

    /// An error that was sent as a part of a stream.
    pub fn in_stream(error: &Value) -> Self {
        let code = error["code"].as_u64();
        let kind = match code {
            Some(400..500) if is_overflow(error) => Kind::Overflow,
            Some(code @ 400..500) if !PASSING.map(u64::from).contains(&code) => Kind::Refused,
            _ => Kind::Passing,
        };
        Self::new(kind, format!("the answer broke off: {}", words(error)))
    }
}

/// The server's words in the body of an error: vLLM and OpenAI write `{"error": {"message": ..}}`, others `{"error": ".."}`,
/// `{"detail": ..}` or `{"message": ..}`, and Gemini a list of one such object.
fn words(body: &Value) -> String {
    let body = body.get(0).unwrap_or(body);
    let error = body.get("error").unwrap_or(body);
    let words = ["message", "detail"].iter().find_map(|key| error.get(key)).unwrap_or(error);
    match words {
        Value::String(text) => shortened(text),
        Value::Null => String::new(),
        other => shortened(&other.to_string()),
    }
}

fn shortened(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Whether an error says that the conversation is longer than the context: vLLM's parameter, OpenAI's code, llama.cpp's type;
/// others say it in words.
fn is_overflow(body: &Value) -> bool {
    let error = body.get(0).unwrap_or(body);
    let error = error.get("error").unwrap_or(error);
    let words = words(body).to_lowercase();
    error["param"] == "input_tokens"
        || error["code"] == "context_length_exceeded"
        || error["type"] == "exceed_context_size_error"
        || ["maximum context length", "context window", "input token count", "context size"]
            .iter()
            .any(|phrase| words.contains(phrase))
}

/// The wait that a `Retry-After` header asks for: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Duration::try_from(date.duration_since(jiff::Timestamp::now())).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn servers_say_in_different_places_what_is_wrong() {
        for (body, expected) in [
            (json!({"error": {"message": "no\n such model", "type": "x", "code": 404}}), "no such model"),
            (json!({"error": "Unauthorized"}), "Unauthorized"),
            (json!({"detail": "Not Found"}), "Not Found"),
            (json!({"message": "busy"}), "busy"),
            (json!([{"error": {"code": 400, "message": "API key not valid"}}]), "API key not valid"),
            (json!("<html>"), "<html>"),
            (json!(null), ""),
        ] {
            assert_eq!(words(&body), expected, "{body}");
        }
        assert_eq!(words(&json!("é".repeat(600))), format!("{}...", "é".repeat(MAX_WORDS)));
    }

    #[test]
    fn a_long_conversation_is_recognised() {
        for error in [
            json!({"message": "m", "param": "input_tokens", "code": 400}),
            json!({"message": "m", "code": "context_length_exceeded"}),
            json!({"message": "m", "type": "exceed_context_size_error"}),
            json!({"message": "This endpoint's maximum context length is 8192 tokens"}),
            json!({"message": "The input token count (9000) exceeds the maximum"}),
        ] {
            assert!(is_overflow(&json!({ "error": error })), "{error}");
        }
        assert!(!is_overflow(
            &json!({"error": {"message": "temperature must be >= 0", "param": "temperature"}})
        ));
    }

    #[test]
    fn a_server_asks_for_a_wait_in_seconds_or_by_date() {
        let asked = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("-1"), None);
        assert_eq!(asked("soon"), None);
        let date = jiff::Timestamp::now() + Duration::from_secs(100);
        let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date).unwrap();
        assert!((95..=100).contains(&asked(&text).unwrap().as_secs()), "{text}");
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), None, "it is over");
    }
}
