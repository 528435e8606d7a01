//! Streamed answers: server-sent events.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use axum::response::sse::Event as Sse;
use futures::stream::{Stream, StreamExt as _, iter, select_all, unfold};
use serde_json::Value;

use super::answer::Envelope;
use super::completion::Completion;
use super::error;
use crate::generate::{Event, Generation};
use crate::serve::{Error, Serving};

/// An answer to a conversation as server-sent events, ending with `[DONE]`.
pub fn chat(
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
    done(iter([first]).chain(parts.flat_map(iter)))
}

/// Continuations of prompts as server-sent events, as they come, ending with `[DONE]`.
pub fn completion(
    serving: Arc<Serving>,
    completion: Completion,
    generations: Vec<(Vec<i64>, Generation)>,
) -> impl Stream<Item = std::result::Result<Sse, Infallible>> {
    let answers = generations.into_iter().enumerate().map(|(index, (prompt, generation))| {
        Box::pin(unfold(Some(generation), |generation| async {
            let mut generation = generation?;
            let event = generation.next().await;
            let goes_on = matches!(event, Ok(Event::Piece(_))).then_some(generation);
            Some((event, goes_on))
        }))
        .map(move |event| (index, event))
        .scan((Some(prompt), 0), |(prompt, length), (index, event)| {
            let before = (prompt.take(), *length);
            if let Ok(Event::Piece(piece)) = &event {
                *length += piece.text.chars().count();
            }
            ready(Some((index, event, before)))
        })
    });
    let events = select_all(answers.map(Box::pin)).map(Some).chain(iter([None]));
    let chunks = events.scan(vec![], move |ended, event| {
        let chunk = match event {
            Some((index, Ok(Event::Piece(piece)), (prompt, offset))) => {
                Some(completion.piece(&serving, index, &piece, prompt.as_deref(), offset))
            }
            Some((index, Ok(Event::End(answer)), _)) => {
                let chunk = completion.last(index, &answer);
                ended.push(*answer);
                Some(chunk)
            }
            Some((_, Err(problem), _)) => Some(error::body(&Error::from(problem)).1),
            None => completion.usage(&serving, ended),
        };
        ready(Some(chunk))
    });
    done(chunks.filter_map(ready))
}

/// Values as events, and the end.
fn done(values: impl Stream<Item = Value>) -> impl Stream<Item = std::result::Result<Sse, Infallible>> {
    let data = values.map(|value| value.to_string());
    data.chain(iter(["[DONE]".to_owned()])).map(|text| Ok(Sse::default().data(text)))
}
