//! The body of a request.

use proto::conversation::Message;
use serde::Serialize;
use serde_json::{Map, Value};

/// The body of a request with a conversation.
#[derive(Debug, Serialize)]
pub struct Body<'request> {
    /// The conversation, which is written as it is: a copy of it as JSON values would be most of a call's work.
    pub messages: &'request [Message],
    /// Everything else.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}
