//! Answers, as they came and without what may differ.

use client::reason;
use prost::Message as _;
use proto::env::v1;
use tonic::Status;

/// What a call was answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The message.
    Done {
        /// Its bytes.
        exact: Vec<u8>,
        /// Without times and ids, which differ between servers.
        comparable: String,
    },
    /// A refusal.
    Refused(String),
    /// The call made no sense at this point, and was not made.
    Left,
}

impl Answer {
    /// What must be the same on every server.
    pub fn comparable(&self) -> &str {
        match self {
            Answer::Done { comparable, .. } => comparable,
            Answer::Refused(why) => why,
            Answer::Left => "",
        }
    }

    /// The answer to a step.
    pub fn of_step(mut answer: v1::StepResponse) -> Self {
        let exact = answer.encode_to_vec();
        without_times(&mut answer);
        Self::Done { exact, comparable: format!("{answer:?}") }
    }

    /// The answer to a create.
    pub fn of_create(mut answer: v1::CreateEpisodeResponse) -> Self {
        let exact = answer.encode_to_vec();
        answer.episode_id.clear();
        answer.lease = None;
        Self::Done { exact, comparable: format!("{answer:?}") }
    }

    /// The answer to a fork.
    pub fn of_fork(mut answer: v1::ForkEpisodeResponse, ids: &[String]) -> Self {
        let exact = answer.encode_to_vec();
        for episode in &mut answer.episodes {
            named(episode, ids);
        }
        Self::Done { exact, comparable: format!("{answer:?}") }
    }

    /// The answer to a read; the steps are those of all pages.
    pub fn of_get(mut answer: v1::GetEpisodeResponse, ids: &[String]) -> Self {
        let exact = answer.encode_to_vec();
        if let Some(episode) = &mut answer.episode {
            named(episode, ids);
        }
        for step in &mut answer.steps {
            if let Some(request) = &mut step.request {
                request.episode_id.clear();
            }
            if let Some(response) = &mut step.response {
                without_times(response);
            }
        }
        answer.next_step_page_token.clear();
        Self::Done { exact, comparable: format!("{answer:?}") }
    }

    /// The answer to a close.
    pub fn of_close(answer: v1::CloseEpisodeResponse) -> Self {
        Self::Done { exact: answer.encode_to_vec(), comparable: format!("{answer:?}") }
    }

    /// A refusal by the server.
    pub fn of_refusal(status: &Status, ids: &[String]) -> Self {
        let mut message = status.message().to_owned();
        for (number, id) in ids.iter().enumerate() {
            message = message.replace(id, &format!("episode {number}"));
        }
        let reason = reason(status).unwrap_or_default();
        Self::Refused(format!("{:?} {reason}: {message}", status.code()))
    }
}

fn without_times(answer: &mut v1::StepResponse) {
    if let Some(info) = &mut answer.info {
        info.run_time = None;
        info.queue_time = None;
    }
}

fn named(episode: &mut v1::EpisodeSummary, ids: &[String]) {
    let number = |id: &str| ids.iter().position(|known| known == id).map(|at| at.to_string());
    episode.episode_id = number(&episode.episode_id).unwrap_or_default();
    episode.forked_from = number(&episode.forked_from).unwrap_or_default();
    episode.created_at = None;
    episode.lease = None;
    episode.run_time = None;
    // Of an episode that is not in use yet it may be 0.
    episode.fuel_used = 0;
}
