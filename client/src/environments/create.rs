//! An episode is created on one of several servers, once.
//!
//! | What came of an attempt | What is known | What follows |
//! |---|---|---|
//! | an answer | it is created | the end |
//! | no connection, or the server shuts down | it was not created | the server rests; another one is asked |
//! | no room or quota (RESOURCE_EXHAUSTED) | it was not created | another server is asked; if all are full, after a wait |
//! | the connection broke, or no answer came in time | it may have been created | only this server is asked |
//! | after that: no room or quota | the attempt may still be under way there | this server is asked again after a wait |
//! | after that: SERVER_RESTARTED | what was created is gone | this server is asked for a new one |
//! | after that: nothing, as often as `Retry` allows | it may have been created | the server is given up and rests; another one is asked |
//! | any other refusal | it was not created | the error is returned: another server would say the same |

use proto::env::v1 as env;
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

use super::Environments;
use super::error::CallError;
use super::placement::{freer, two};
use super::server::Server;
use crate::environment::{lease, room_by};
use crate::random;
use crate::retry::{had_no_effect, is_unreachable};
use crate::status::reason;

/// Why a server has not created an episode.
enum Failed {
    /// It has no room, and has not created it.
    Full(Status),
    /// It can't be reached, and has not created it.
    Away(Status),
    /// It can't be reached any more, and may have created it.
    GivenUp(Status),
    /// Another server would say the same.
    Refused(Status),
}

impl Environments {
    /// Creates an episode on a server with free places. The request must carry an episode id; on a server with a name the episode's
    /// id, which the answer holds, is `NAME.ID`.
    ///
    /// Two servers are drawn at random of those that can be reached, and the one with more free places is taken. If it turns
    /// out to be full, others are asked before anything is waited for; if all are, they are asked again until a lease as long as
    /// this episode's has ended.
    ///
    /// The episode is created once. An attempt that may have arrived (its connection broke, or no answer came in time) is
    /// repeated on the same server, with the same id and the same `boot_id`, until that answers. Another server is asked only
    /// if the first has not created the episode for certain: there was no connection, or its first word was that it has no room
    /// or shuts down. Or if it is given up, after as many attempts as `Retry` allows: the log says so, and what it may have
    /// created ends by its lease.
    ///
    /// If the returned future is dropped, [`Self::abandon`] closes what it may have created. A request with a `boot_id` of its
    /// own is accepted by one run of one server only.
    ///
    /// # Errors
    /// What the last server said.
    pub async fn create(
        &self,
        request: env::CreateEpisodeRequest,
    ) -> Result<env::CreateEpisodeResponse, CallError> {
        let asked = request.episode_id.clone();
        let created = self.create_somewhere(request).await;
        self.routes().begun.remove(&asked);
        created
    }

    async fn create_somewhere(
        &self,
        request: env::CreateEpisodeRequest,
    ) -> Result<env::CreateEpisodeResponse, CallError> {
        let give_up = room_by(lease(&request));
        // Servers that were full since the last wait.
        let mut full = Vec::new();
        let mut waits = 0;
        loop {
            let place = self.place(&full).await;
            let server = &self.servers[place];
            self.routes().begun.insert(request.episode_id.clone(), place);
            let (status, may_wait) = match create_at(server, &request, give_up).await {
                Ok(created) => {
                    self.note_created(&created.episode_id, place);
                    return Ok(created);
                }
                Err(Failed::Refused(status)) => return Err(server.failed(status)),
                Err(Failed::Full(status)) => {
                    server.note_full();
                    full.push(place);
                    (status, true)
                }
                Err(Failed::Away(status)) => {
                    server.rest();
                    (status, self.retry.allows_another(waits))
                }
                Err(Failed::GivenUp(status)) => {
                    server.rest();
                    let episode_id = server.full_id(&request.episode_id);
                    tracing::warn!(
                        episode_id,
                        "{server} is given up; if it has created the episode, that ends by its lease"
                    );
                    (status, false)
                }
            };
            if self.candidates(&full).next().is_some() {
                continue;
            }
            // All servers are full or can't be reached. Room is waited for as long as abandoned episodes may take it.
            let may_wait = if full.is_empty() { may_wait } else { Instant::now() < give_up };
            if !may_wait {
                return Err(server.failed(status));
            }
            sleep(self.retry.wait_after(waits, &status)).await;
            waits += 1;
            full.clear();
        }
    }

    /// The server on which the next episode begins, by its place in the list: none of `full`, which must not be all.
    async fn place(&self, full: &[usize]) -> usize {
        loop {
            let ready: Vec<usize> = self.candidates(full).collect();
            match ready[..] {
                // All rest: the one that can be tried first.
                [] => {
                    let others = (0..self.servers.len()).filter(|place| !full.contains(place));
                    return others.min_by_key(|&place| self.servers[place].rest_left()).unwrap_or(0);
                }
                [only] => return only,
                _ => {
                    let drawn = two(ready.len(), random::below).map(|index| ready[index]);
                    let [first, second] = drawn.map(|place| &self.servers[place]);
                    tokio::join!(first.refresh(), second.refresh());
                    if drawn.iter().all(|&place| !self.servers[place].rests()) {
                        return freer(drawn, |&place| self.servers[place].free_places());
                    }
                }
            }
        }
    }

    /// The servers that do not rest and are not among `full`, by their places in the list.
    fn candidates(&self, full: &[usize]) -> impl Iterator<Item = usize> {
        (0..self.servers.len()).filter(|place| !full.contains(place) && !self.servers[*place].rests())
    }
}

/// Creates an episode on a server. Once an attempt may have arrived, the server is asked until it says what came of it.
async fn create_at(
    server: &Server,
    request: &env::CreateEpisodeRequest,
    give_up: Instant,
) -> Result<env::CreateEpisodeResponse, Failed> {
    let environment = server.environment();
    let retry = environment.retry();
    let names_run = !request.boot_id.is_empty();
    let mut request = env::CreateEpisodeRequest {
        episode_id: server.full_id(&request.episode_id),
        // All attempts name one run of the server, also if another one is found meanwhile.
        boot_id: if names_run { request.boot_id.clone() } else { environment.last_boot_id() },
        ..request.clone()
    };
    let (mut in_doubt, mut losses, mut refusals) = (false, 0, 0);
    let _under_way = server.send();
    loop {
        let status = match environment.create_once(request.clone()).await {
            Ok(created) => return Ok(created),
            Err(status) => status,
        };
        let wait = if is_unreachable(&status) {
            in_doubt |= !had_no_effect(&status);
            if !in_doubt {
                return Err(Failed::Away(status));
            }
            if !retry.allows_another(losses) {
                return Err(Failed::GivenUp(status));
            }
            losses += 1;
            retry.wait_after(losses - 1, &status)
        } else if reason(&status).as_deref() == Some("SERVER_RESTARTED") && !names_run {
            tracing::warn!(
                episode_id = request.episode_id,
                "{server} has restarted: the episode is created again"
            );
            // Whatever the run before has created is gone.
            in_doubt = false;
            match environment.info_once().await {
                Ok(info) if info.boot_id != request.boot_id => request.boot_id = info.boot_id,
                Ok(_) => return Err(Failed::Refused(status)),
                Err(lost) => return Err(Failed::Away(lost)),
            }
            continue;
        } else if status.code() == Code::ResourceExhausted {
            if !in_doubt {
                return Err(Failed::Full(status));
            }
            if Instant::now() >= give_up {
                return Err(Failed::GivenUp(status));
            }
            refusals += 1;
            retry.wait_after(refusals - 1, &status)
        } else {
            return Err(Failed::Refused(status));
        };
        sleep(wait).await;
    }
}
