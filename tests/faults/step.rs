//! The three ways to send a step: alone, in a batch, over a stream.

use std::collections::HashMap;

use client::EnvClient;
use futures::stream;
use proto::env::v1;
use proto::env::v1::step_stream_response::Result as Outcome;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Sends a step. The way follows from its index.
///
/// # Errors
/// The server refused it, or no answer came.
pub async fn send(client: &mut EnvClient, request: v1::StepRequest) -> Result<v1::StepResponse, Status> {
    match request.step_index % 6 {
        4 => {
            let batch = v1::StepBatchRequest { steps: vec![request] };
            outcome(client.step_batch(batch).await?.into_inner().results.pop())
        }
        5 => {
            let mut answers = client.step_stream(stream::iter([request])).await?.into_inner();
            outcome(answers.message().await?)
        }
        _ => Ok(client.step(request).await?.into_inner()),
    }
}

fn outcome(answer: Option<v1::StepStreamResponse>) -> Result<v1::StepResponse, Status> {
    match answer.and_then(|answer| answer.result) {
        Some(Outcome::Response(response)) => Ok(response),
        Some(Outcome::Error(v1::CallError { code, message, reason, .. })) => {
            let details = ErrorDetails::with_error_info(reason, "runtime-gym", HashMap::new());
            Err(Status::with_error_details(Code::from(code), message, details))
        }
        None => Err(Status::unavailable("the stream ended without an answer")),
    }
}
