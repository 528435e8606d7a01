//! How the messages of a call are written.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_path_to_error::{Deserializer, Track};
use tonic::Status;

/// A way to write messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Protobuf's JSON mapping: <https://protobuf.dev/programming-guides/json/>.
    Json,
    /// Protobuf's own encoding.
    Proto,
}

impl Codec {
    /// The codec of a content type, if it is one of a call.
    pub fn of(content_type: &str) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        [Self::Json, Self::Proto].into_iter().find(|codec| kind.eq_ignore_ascii_case(codec.content_type()))
    }

    /// Its content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Proto => "application/proto",
        }
    }

    /// A message of this kind, in protobuf's encoding.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if it is no JSON, or has other fields or values than such a message.
    pub fn decode(self, kind: MessageDescriptor, body: Bytes) -> Result<Bytes, Status> {
        if self == Self::Proto {
            return Ok(body);
        }
        let mut json = serde_json::Deserializer::from_slice(&body);
        let options = DeserializeOptions::new().deny_unknown_fields(true);
        let mut track = Track::new();
        let tracked = Deserializer::new(&mut json, &mut track);
        let message = DynamicMessage::deserialize_with_options(kind.clone(), tracked, &options);
        let message = message.and_then(|message| json.end().map(|()| message)).map_err(|error| {
            let (kind, path) = (kind.name(), track.path());
            Status::invalid_argument(format!("the body is not a {kind} as JSON: {path}: {error}"))
        })?;
        Ok(message.encode_to_vec().into())
    }

    /// Writes a message of this kind, which is in protobuf's encoding.
    ///
    /// # Errors
    /// INTERNAL if it is not such a message.
    pub fn encode(self, kind: MessageDescriptor, message: Bytes) -> Result<Vec<u8>, Status> {
        if self == Self::Proto {
            return Ok(message.into());
        }
        let message = DynamicMessage::decode(kind, message)
            .map_err(|error| Status::internal(format!("the answer can't be decoded: {error}")))?;
        serde_json::to_vec(&message)
            .map_err(|error| Status::internal(format!("the answer can't be written as JSON: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_may_have_parameters() {
        for (text, codec) in [
            ("application/json", Some(Codec::Json)),
            ("Application/JSON; charset=utf-8", Some(Codec::Json)),
            ("application/proto", Some(Codec::Proto)),
            ("application/jsonp", None),
            ("application/x-www-form-urlencoded", None),
            ("", None),
        ] {
            assert_eq!(Codec::of(text), codec, "{text}");
        }
    }
}
