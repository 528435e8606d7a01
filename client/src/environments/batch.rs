//! Calls about many episodes, which may be on several servers: each server gets one call at a time, and all are asked at once.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use prost::Message as _;
use proto::env::v1 as env;

use super::Environments;
use super::error::CallError;

/// The most steps, and the most episodes, that a server takes in one call.
const MOST: usize = 1_000;
/// The most bytes of steps in one call.
const MOST_BYTES: usize = 8 << 20;

impl Environments {
    /// Takes steps of many episodes at once, as [`crate::Environment::step_batch`]: one answer for each step, in their order. The
    /// steps of one episode run in their order.
    pub async fn step_batch(
        &self,
        steps: Vec<env::StepRequest>,
        wall_clock: Duration,
    ) -> Vec<Result<env::StepResponse, CallError>> {
        let mut answers: Vec<Option<Result<env::StepResponse, CallError>>> = Vec::new();
        answers.resize_with(steps.len(), || None);
        let ByPlace { places, lost } = self.by_place(steps, |step| &step.episode_id);
        for (index, error) in lost {
            answers[index] = Some(Err(error));
        }
        let asked = places.into_iter().map(async |(place, steps)| {
            let mut answers = Vec::with_capacity(steps.len());
            for (indexes, steps) in parts(steps) {
                answers.extend(indexes.into_iter().zip(self.step_batch_on(place, steps, wall_clock).await));
            }
            answers
        });
        for (index, answer) in join_all(asked).await.into_iter().flatten() {
            answers[index] = Some(answer);
        }
        answers.into_iter().flatten().collect()
    }

    async fn step_batch_on(
        &self,
        place: usize,
        steps: Vec<env::StepRequest>,
        wall_clock: Duration,
    ) -> Vec<Result<env::StepResponse, CallError>> {
        let (server, count) = (&self.servers[place], steps.len());
        match server.environment().step_batch(steps, wall_clock).await {
            Ok(answers) => {
                answers.into_iter().map(|answer| answer.map_err(|status| server.failed(status))).collect()
            }
            Err(status) => (0..count).map(|_| Err(server.failed(status.clone()))).collect(),
        }
    }

    /// Renews the leases of episodes. Returns the ids of those that are not there.
    ///
    /// # Errors
    /// What a server said. The leases on others were renewed.
    pub async fn keep_alive(&self, episode_ids: Vec<String>) -> Result<Vec<String>, CallError> {
        let ByPlace { places, lost } = self.by_place(episode_ids.clone(), |id| id);
        let asked = places.into_iter().map(async |(place, ids)| {
            let server = &self.servers[place];
            let mut unknown = Vec::new();
            for ids in ids.chunks(MOST) {
                let ids = ids.iter().map(|(_, id)| id.clone()).collect();
                let answer = server.environment().keep_alive(ids).await;
                unknown.extend(answer.map_err(|status| server.failed(status))?.unknown_episode_ids);
            }
            Ok::<_, CallError>(unknown)
        });
        let mut unknown: Vec<String> =
            lost.into_iter().map(|(index, _)| episode_ids[index].clone()).collect();
        for answer in join_all(asked).await {
            unknown.extend(answer?);
        }
        Ok(unknown)
    }

    fn by_place<T>(&self, all: Vec<T>, episode_id: impl Fn(&T) -> &str) -> ByPlace<T> {
        let (mut places, mut lost) = (BTreeMap::<usize, Vec<_>>::new(), Vec::new());
        for (index, one) in all.into_iter().enumerate() {
            match self.place_of(episode_id(&one)) {
                Ok(place) => places.entry(place).or_default().push((index, one)),
                Err(error) => lost.push((index, error)),
            }
        }
        ByPlace { places, lost }
    }
}

/// What belongs to episodes, by the places of their servers; each with its index in the request.
struct ByPlace<T> {
    places: BTreeMap<usize, Vec<(usize, T)>>,
    /// What belongs to no server, and why.
    lost: Vec<(usize, CallError)>,
}

/// Steps in as many calls as they need.
fn parts(steps: Vec<(usize, env::StepRequest)>) -> Vec<(Vec<usize>, Vec<env::StepRequest>)> {
    let mut parts: Vec<(Vec<usize>, Vec<env::StepRequest>)> = Vec::new();
    let mut bytes = 0;
    for (index, step) in steps {
        let length = step.encoded_len() + 10;
        bytes += length;
        match parts.last_mut() {
            Some((indexes, part)) if part.len() < MOST && bytes <= MOST_BYTES => {
                indexes.push(index);
                part.push(step);
            }
            _ => {
                parts.push((vec![index], vec![step]));
                bytes = length;
            }
        }
    }
    parts
}
