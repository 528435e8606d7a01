//! Streamed answers: server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::Event as Sse;
use futures::stream::{Stream, StreamExt as _, iter, unfold};

use super::answer::Envelope;
use super::error;
use crate::generate::{Event, Generation};
use crate::serve::{Error, Serving};

/// An answer as server-sent events, ending with `[DONE]`.
pub fn events(
    serving: Arc<Serving>,
    envelope: Envelope,
    generation: Generation,
) -> impl Stream<Item = std::result::Result<Sse, Infallible>> {
    let first = envelope.first();
    let parts = unfold(Some((serving, envelope, generation)), |state| async {
        let (serving, envelope, mut generation) = state?;
        Some(match generation.next().await {
            Ok(Event::Piece(piece)) => {
                let part: Vec<_> = envelope.piece(&serving, &piece).into_iter().collect();
                (part, Some((serving, envelope, generation)))
            }
            Ok(Event::End(answer)) => (envelope.last(&serving, &answer), None),
            Err(problem) => (vec![error::body(&Error::from(problem)).1], None),
        })
    });
    let data = iter([first]).chain(parts.flat_map(iter)).map(|value| value.to_string());
    data.chain(iter(["[DONE]".to_owned()])).map(|text| Ok(Sse::default().data(text)))
}
