//! `runtime_gym.inference.v1`: one thin handler per call, which decodes, calls the engine and encodes.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use proto::inference::v1;
use proto::inference::v1::inference_service_server::InferenceService;
use tonic::{Request, Response, Status};
use tracing::{Instrument as _, Span};

use super::{Error, Serving, convert};
use crate::chat::Rendering;
use crate::generate::{Event, Generation};

/// The inference service over an engine.
pub struct Service {
    serving: Arc<Serving>,
}

impl Service {
    pub fn new(serving: Arc<Serving>) -> Self {
        Self { serving }
    }

    /// Submits a request. Also returns its prompt as tokens.
    fn submit(&self, request: v1::GenerateRequest) -> Result<(Generation, Vec<i64>), Status> {
        // Encoding a long prompt takes time, during which other calls must not wait.
        let request = tokio::task::block_in_place(|| convert::request(&self.serving, request))?;
        let prompt = request.tokens.clone();
        let generation = self.serving.engine.generate(request).map_err(Error::from)?;
        Ok((generation, prompt))
    }
}

/// The span of a call, from its arrival to its end.
fn span(name: &'static str, request: &v1::GenerateRequest) -> Span {
    tracing::debug_span!("rpc", name, request_id = request.request_id, adapter = request.adapter)
}

#[tonic::async_trait]
impl InferenceService for Service {
    async fn get_model_info(
        &self,
        _: Request<v1::GetModelInfoRequest>,
    ) -> Result<Response<v1::GetModelInfoResponse>, Status> {
        let engine = &self.serving.engine;
        Ok(Response::new(v1::GetModelInfoResponse {
            model: self.serving.model.name.clone(),
            model_sha256: self.serving.model.sha256.clone(),
            context_length: engine.context_length() as u32,
            vocabulary_size: engine.vocabulary_size() as u32,
            adapters: engine.adapters().into_iter().map(convert::adapter).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }))
    }

    async fn generate(
        &self,
        request: Request<v1::GenerateRequest>,
    ) -> Result<Response<v1::GenerateResponse>, Status> {
        let request = request.into_inner();
        let span = span("Generate", &request);
        let (generation, prompt) = span.in_scope(|| self.submit(request))?;
        // If the caller hangs up, this future is dropped, which ends the generation.
        let answer = generation.whole().instrument(span).await.map_err(Error::from)?;
        Ok(Response::new(convert::answer(answer, &prompt)))
    }

    type GenerateStreamStream =
        Pin<Box<dyn Stream<Item = Result<v1::GenerateStreamResponse, Status>> + Send>>;

    async fn generate_stream(
        &self,
        request: Request<v1::GenerateRequest>,
    ) -> Result<Response<Self::GenerateStreamStream>, Status> {
        let request = request.into_inner();
        let span = span("GenerateStream", &request);
        let (generation, prompt) = span.in_scope(|| self.submit(request))?;
        // The span ends with the stream.
        let events = futures::stream::unfold(Some((generation, prompt, span)), |state| async {
            let (mut generation, prompt, span) = state?;
            Some(match generation.next().await {
                Ok(Event::Piece(piece)) => (Ok(convert::piece(piece)), Some((generation, prompt, span))),
                Ok(Event::End(answer)) => {
                    let last = Some(convert::answer(*answer, &prompt));
                    (Ok(v1::GenerateStreamResponse { last, ..Default::default() }), None)
                }
                Err(error) => (Err(Error::from(error).into()), None),
            })
        });
        Ok(Response::new(events.boxed()))
    }

    async fn tokenize(
        &self,
        request: Request<v1::TokenizeRequest>,
    ) -> Result<Response<v1::TokenizeResponse>, Status> {
        use v1::tokenize_request::Input;
        let request = request.into_inner();
        let (text, tokens) = match request.input {
            Some(Input::Messages(conversation)) => {
                let rendering = Rendering {
                    add_generation_prompt: request.add_generation_prompt,
                    enable_thinking: conversation.enable_thinking.or(self.serving.enable_thinking),
                    tools: &[],
                };
                let messages = convert::messages(&conversation.messages)?;
                tokio::task::block_in_place(|| self.serving.render(&messages, rendering))?
            }
            Some(Input::Text(text)) => {
                let tokens = tokio::task::block_in_place(|| self.serving.encode(&text))?;
                (text, tokens)
            }
            None => return Err(Error::field("input", "is missing: give messages or text").into()),
        };
        Ok(Response::new(v1::TokenizeResponse {
            token_ids: convert::unsigned(&tokens),
            text,
            context_length: self.serving.engine.context_length() as u32,
        }))
    }

    async fn detokenize(
        &self,
        request: Request<v1::DetokenizeRequest>,
    ) -> Result<Response<v1::DetokenizeResponse>, Status> {
        let text = self.serving.decode(&convert::signed(&request.into_inner().token_ids))?;
        Ok(Response::new(v1::DetokenizeResponse { text }))
    }

    async fn list_adapters(
        &self,
        _: Request<v1::ListAdaptersRequest>,
    ) -> Result<Response<v1::ListAdaptersResponse>, Status> {
        let adapters = self.serving.engine.adapters().into_iter().map(convert::adapter).collect();
        Ok(Response::new(v1::ListAdaptersResponse { adapters }))
    }

    async fn load_adapter(
        &self,
        request: Request<v1::LoadAdapterRequest>,
    ) -> Result<Response<v1::LoadAdapterResponse>, Status> {
        let request = request.into_inner();
        let serving = self.serving.clone();
        // Loading blocks on file access.
        let load = move || serving.load(&request.name, &PathBuf::from(request.path), request.replace);
        let loaded = tokio::task::spawn_blocking(load).await;
        let info = loaded.map_err(|error| Error::Internal(format!("loading failed: {error}")))??;
        Ok(Response::new(v1::LoadAdapterResponse { adapter: Some(convert::adapter(info)) }))
    }

    async fn unload_adapter(
        &self,
        request: Request<v1::UnloadAdapterRequest>,
    ) -> Result<Response<v1::UnloadAdapterResponse>, Status> {
        let name = request.into_inner().name;
        self.serving.engine.unload(&name).map_err(Error::from)?;
        tracing::info!(name, "adapter unloaded");
        Ok(Response::new(v1::UnloadAdapterResponse {}))
    }
}
