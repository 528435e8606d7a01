//! A script is played on one server: its calls are made, one after the other.

use std::sync::{Arc, Mutex, MutexGuard};

use client::EnvClient;
use proto::env::v1;
use proto::env::v1::step_request::Action;
use tests::code_step;
use tonic::Status;

use crate::answer::Answer;
use crate::known::Known;
use crate::script::Call;
use crate::step;

/// A script that is being played.
pub struct Player {
    /// Begins the ids of its episodes.
    prefix: String,
    create: v1::CreateEpisodeRequest,
    known: Arc<Mutex<Vec<Known>>>,
}

impl Player {
    /// A script before its first call. What it comes to know is in `known`, too.
    pub fn new(prefix: String, known: Arc<Mutex<Vec<Known>>>) -> Self {
        Self { prefix, create: v1::CreateEpisodeRequest::default(), known }
    }

    /// What is known of its episodes.
    pub fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.known.lock().expect("no thread panics with it")
    }

    /// Notes a call that is about to be made, and the answer that it must get.
    pub fn announce(&mut self, call: &Call, expected: &str) {
        if let Call::Create(request) = call {
            self.create = v1::CreateEpisodeRequest { episode_id: self.id(0), ..(**request).clone() };
        }
        let next = self.step_request(call);
        let mut known = self.known();
        match call {
            Call::Create(_) => known.push(Known { id: self.id(0), ..Known::default() }),
            Call::Fork { copy, .. } => known.push(Known { id: self.id(*copy), ..Known::default() }),
            Call::Step(episode, _) => {
                known[*episode].pending = next.map(|request| (request, expected.to_owned()));
            }
            // Whether it took effect may not be known for a while.
            Call::Close(episode) => known[*episode].is_open = false,
            _ => (),
        }
    }

    /// Makes a call, once.
    ///
    /// # Errors
    /// The server refused it, or no answer came.
    pub async fn make(&self, client: &mut EnvClient, call: &Call) -> Result<Answer, Status> {
        let ids: Vec<String> = self.known().iter().map(|known| known.id.clone()).collect();
        if self.is_of_closed(call) {
            return Ok(Answer::Left);
        }
        match call {
            Call::Create(_) | Call::CreateAgain => {
                let created = client.create_episode(self.create.clone()).await?;
                Ok(Answer::of_create(created.into_inner()))
            }
            Call::Step(..) | Call::Repeat(..) | Call::Conflict(..) | Call::Gap(_) => {
                let Some(request) = self.step_request(call) else { return Ok(Answer::Left) };
                Ok(Answer::of_step(step::send(client, request).await?))
            }
            Call::Fork { source, copy, at } => {
                let request = v1::ForkEpisodeRequest {
                    episode_id: ids[*source].clone(),
                    new_episode_ids: vec![ids[*copy].clone()],
                    at_step_index: *at,
                };
                Ok(Answer::of_fork(client.fork_episode(request).await?.into_inner(), &ids))
            }
            Call::Get(episode) => self.read(client, &ids[*episode], &ids).await,
            Call::Close(episode) => {
                let request = v1::CloseEpisodeRequest { episode_id: ids[*episode].clone() };
                Ok(Answer::of_close(client.close_episode(request).await?.into_inner()))
            }
        }
    }

    /// Notes the answer to a call.
    pub fn note(&mut self, call: &Call, answer: &Answer) {
        let request = self.step_request(call);
        let mut known = self.known();
        match (call, answer) {
            (Call::Create(_), Answer::Done { .. }) => known[0].is_open = true,
            (Call::Step(episode, _), answer) => {
                known[*episode].pending = None;
                if let (Answer::Done { exact, .. }, Some(request)) = (answer, request) {
                    known[*episode].steps.push((request, exact.clone()));
                }
            }
            (Call::Fork { source, copy, at }, Answer::Done { .. }) => {
                let taken = known[*source].steps.len();
                let at = at.map_or(taken, |at| at as usize).min(taken);
                known[*copy].steps = known[*source].steps[..at].to_vec();
                known[*copy].is_open = true;
            }
            _ => (),
        }
    }

    /// The bytes that a call must be answered, if it was answered before.
    pub fn answered_before(&self, call: &Call) -> Option<Vec<u8>> {
        let Call::Repeat(episode, index) = call else { return None };
        let known = self.known();
        let episode = &known[*episode];
        // A closed episode has forgotten its steps.
        Some(episode.again(*index)?.1.to_vec()).filter(|_| episode.is_open)
    }

    /// Whether a call asks for what is left of a closed episode: a server that started again remembers less.
    fn is_of_closed(&self, call: &Call) -> bool {
        let (Call::Get(episode) | Call::Repeat(episode, _) | Call::Conflict(episode, _) | Call::Gap(episode)) =
            call
        else {
            return false;
        };
        !self.known()[*episode].is_open
    }

    /// The id of an episode.
    fn id(&self, episode: usize) -> String {
        format!("{}-{episode}", self.prefix)
    }

    /// The request of a call that is a step, if it makes sense by now.
    fn step_request(&self, call: &Call) -> Option<v1::StepRequest> {
        let known = self.known();
        let step = |episode: usize, index: usize, action: Option<Action>| v1::StepRequest {
            episode_id: known[episode].id.clone(),
            step_index: index as u64,
            action,
        };
        match call {
            Call::Step(episode, action) => {
                Some(step(*episode, known[*episode].steps.len(), Some(action.clone())))
            }
            Call::Repeat(episode, index) => Some(known[*episode].again(*index)?.0),
            Call::Conflict(episode, index) => {
                known[*episode].again(*index)?;
                Some(code_step(&known[*episode].id, *index as u64, "print('another action')"))
            }
            Call::Gap(episode) => {
                let index = known[*episode].steps.len() as u64 + 2;
                Some(code_step(&known[*episode].id, index, "print('too early')"))
            }
            _ => None,
        }
    }

    async fn read(&self, client: &mut EnvClient, id: &str, ids: &[String]) -> Result<Answer, Status> {
        let mut request =
            v1::GetEpisodeRequest { episode_id: id.to_owned(), include_steps: true, ..Default::default() };
        let mut whole = client.get_episode(request.clone()).await?.into_inner();
        while !whole.next_step_page_token.is_empty() {
            request.step_page_token = whole.next_step_page_token;
            let page = client.get_episode(request.clone()).await?.into_inner();
            whole.steps.extend(page.steps);
            whole.next_step_page_token = page.next_step_page_token;
        }
        Ok(Answer::of_get(whole, ids))
    }
}
