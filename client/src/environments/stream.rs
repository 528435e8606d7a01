//! Steps over one stream to each server.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use proto::env::v1 as env;

use super::Environments;
use super::error::CallError;
use crate::environment::StepStream;

/// Steps of episodes that may be on several servers, over one stream to each, as [`StepStream`].
#[derive(Debug)]
pub struct StepStreams {
    environments: Environments,
    /// By the places of their servers.
    streams: HashMap<usize, StepStream>,
}

impl Environments {
    /// Streams of steps, each of which begins with the first step to its server.
    pub fn step_streams(&self) -> StepStreams {
        StepStreams { environments: self.clone(), streams: HashMap::new() }
    }
}

impl StepStreams {
    /// Sends a step, as [`StepStream::send`]. Must be called in a runtime.
    ///
    /// # Errors
    /// As there; or the episode is on none of the servers.
    pub fn send(
        &mut self,
        request: env::StepRequest,
        wall_clock: Duration,
    ) -> BoxFuture<'static, Result<env::StepResponse, CallError>> {
        let place = match self.environments.place_of(&request.episode_id) {
            Ok(place) => place,
            Err(error) => return std::future::ready(Err(error)).boxed(),
        };
        let environments = self.environments.clone();
        let new = || environments.servers[place].environment().step_stream();
        let answer = self.streams.entry(place).or_insert_with(new).send(request, wall_clock);
        async move { answer.await.map_err(|status| environments.servers[place].failed(status)) }.boxed()
    }
}
