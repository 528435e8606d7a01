//! Several environment servers as one: an episode begins on one of them and stays there.
//!
//! | module      | what it holds                                                |
//! |-------------|--------------------------------------------------------------|
//! | `batch`     | steps and leases of many episodes at once                    |
//! | `create`    | an episode is created on one of the servers, once            |
//! | `placement` | power of two choices                                         |
//! | `server`    | one server: its name, its free places, whether it rests      |
//! | `stream`    | steps over one stream to each server                         |
//! | `error`     | servers that can't be used together; calls that failed where |

mod batch;
mod create;
mod error;
mod placement;
mod server;
mod stream;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::env::v1 as env;
use tonic::Status;

use crate::connect::connect_as;
use crate::credentials::Credentials;
use crate::environment::Environment;
use crate::retry::Retry;

pub use error::{CallError, GroupError};
pub use server::Server;
pub use stream::StepStreams;

/// Connected environment servers, at least one, with the calls of [`Environment`]. Clones share the connections and what is known of
/// the servers.
///
/// An episode is created on a server with free places ([`Self::create`]), and every later call on it goes to that server: the
/// one that its id names (`NAME.REST`) or, where servers have no names, the one that created it through this value. A server
/// that can't be reached gets no new episodes for some seconds, if another one can take them.
#[derive(Clone, Debug)]
pub struct Environments {
    servers: Arc<[Server]>,
    retry: Retry,
    routes: Arc<Mutex<Routes>>,
}

/// On which servers episodes are, by their places in the list, where the ids do not say it.
#[derive(Debug, Default)]
struct Routes {
    /// Episodes that are being created, by the ids that callers have chosen.
    begun: HashMap<String, usize>,
    /// Open episodes of servers without names.
    unnamed: HashMap<String, usize>,
}

impl Environments {
    /// Connects to the servers at these URLs with the credentials that environment variables hold, as [`Self::connect_as`].
    ///
    /// # Errors
    /// As [`Self::connect_as`].
    pub async fn connect(urls: &[String], retry: Retry) -> Result<Self, GroupError> {
        Self::connect_as(urls, &Credentials::from_env(), retry).await
    }

    /// Connects to the servers at these URLs, all of which must answer. Calls are repeated as `retry` says.
    ///
    /// # Errors
    /// A server that can't be reached; two with one name; some with names and some without.
    pub async fn connect_as(
        urls: &[String],
        credentials: &Credentials,
        retry: Retry,
    ) -> Result<Self, GroupError> {
        let mut servers: Vec<Server> = Vec::with_capacity(urls.len());
        for url in urls {
            let environment = Environment::new(connect_as(url, credentials).await?, retry);
            let info = environment.info().await;
            let info =
                info.map_err(|status| GroupError::NoInfo { url: url.clone(), status: Box::new(status) })?;
            let server = Server::new(url.clone(), environment, &info);
            servers.iter().try_for_each(|other| may_be_together(other, &server))?;
            servers.push(server);
        }
        if servers.is_empty() {
            return Err(GroupError::NoServer);
        }
        Ok(Self { servers: servers.into(), retry, routes: Arc::default() })
    }

    /// The servers, in the order of their URLs.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// Whether a server is there that could be reached lately.
    pub fn is_ready(&self) -> bool {
        self.servers.iter().any(|server| !server.rests())
    }

    /// Runs one step, as [`Environment::step`].
    ///
    /// # Errors
    /// What the episode's server said at the last attempt, or that it is none of these.
    pub async fn step(
        &self,
        request: env::StepRequest,
        wall_clock: Duration,
    ) -> Result<env::StepResponse, CallError> {
        let server = self.server_of(&request.episode_id)?;
        let answer = server.environment().step(request, wall_clock).await;
        answer.map_err(|status| server.failed(status))
    }

    /// Renews an episode's lease, as [`Environment::renew`].
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn renew(&self, episode_id: &str) -> Result<(), CallError> {
        let server = self.server_of(episode_id)?;
        server.environment().renew(episode_id).await.map_err(|status| server.failed(status))
    }

    /// What each server is, in the order of [`Self::servers`].
    ///
    /// # Errors
    /// What the first server said that failed.
    pub async fn info(&self) -> Result<Vec<env::GetServerInfoResponse>, CallError> {
        let mut all = Vec::with_capacity(self.servers.len());
        for server in &*self.servers {
            all.push(server.environment().info().await.map_err(|status| server.failed(status))?);
        }
        Ok(all)
    }

    /// The first `limit` tasks of a family in a task set, as the first server that can be reached lists them: servers that are used
    /// together have the same tasks.
    ///
    /// # Errors
    /// What the last server said.
    pub async fn tasks(
        &self,
        set: &str,
        family: &str,
        limit: usize,
    ) -> Result<Vec<env::TaskSummary>, CallError> {
        let ready = self.servers.iter().find(|server| !server.rests());
        let server = ready.unwrap_or(&self.servers[0]);
        let tasks = server.environment().tasks(set, family, limit).await;
        tasks.map_err(|status| server.failed(status))
    }

    /// Where an episode stands, as [`Environment::episode`].
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn episode(
        &self,
        request: env::GetEpisodeRequest,
    ) -> Result<env::GetEpisodeResponse, CallError> {
        let server = self.server_of(&request.episode_id)?;
        server.environment().episode(request).await.map_err(|status| server.failed(status))
    }

    /// An episode as bytes, as [`Environment::export`].
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn export(&self, episode_id: &str) -> Result<Vec<u8>, CallError> {
        let server = self.server_of(episode_id)?;
        server.environment().export(episode_id).await.map_err(|status| server.failed(status))
    }

    /// Goes on with an exported episode: on the server that its new id names (`NAME.REST`), or on the first one.
    ///
    /// # Errors
    /// What the server said.
    pub async fn import(&self, episode: Vec<u8>, episode_id: &str) -> Result<env::EpisodeSummary, CallError> {
        let place = self.named(episode_id).unwrap_or(0);
        let server = &self.servers[place];
        let imported = server.environment().import(episode, episode_id).await;
        let imported = imported.map_err(|status| server.failed(status))?;
        self.note_created(&imported.episode_id, place);
        Ok(imported)
    }

    /// Copies an episode on its server, into new ones for which the caller has chosen these ids, as in [`Self::create`]. They stand
    /// where it does, or did before the step `at_step_index`.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn fork(
        &self,
        episode_id: &str,
        new_ids: &[String],
        at_step_index: Option<u64>,
    ) -> Result<Vec<env::EpisodeSummary>, CallError> {
        let place = self.place_of(episode_id)?;
        let server = &self.servers[place];
        let new_ids = new_ids.iter().map(|id| server.full_id(id)).collect();
        let forks = server.environment().fork(episode_id, new_ids, at_step_index).await;
        let forks = forks.map_err(|status| server.failed(status))?;
        forks.iter().for_each(|fork| self.note_created(&fork.episode_id, place));
        Ok(forks)
    }

    /// Ends an episode and evaluates it.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn close(&self, episode_id: &str) -> Result<env::CloseEpisodeResponse, CallError> {
        let server = self.server_of(episode_id)?;
        let closed = server.environment().close(episode_id).await;
        if closed.is_ok() {
            self.routes().unnamed.remove(episode_id);
        }
        closed.map_err(|status| server.failed(status))
    }

    /// Closes the episode that a dropped call of [`Self::create`] may have created; `asked` is the id in its request. Returns
    /// whether there was such a call.
    ///
    /// # Errors
    /// What the server said, NOT_FOUND if there is no such episode.
    pub async fn abandon(&self, asked: &str) -> Result<bool, CallError> {
        let Some(place) = self.routes().begun.remove(asked) else { return Ok(false) };
        let server = &self.servers[place];
        let closed = server.environment().close(&server.full_id(asked)).await;
        closed.map(|_| true).map_err(|status| server.failed(status))
    }

    fn server_of(&self, episode_id: &str) -> Result<&Server, CallError> {
        self.place_of(episode_id).map(|place| &self.servers[place])
    }

    /// Where an episode is. With one server it is there, and the server says so if it is not.
    fn place_of(&self, episode_id: &str) -> Result<usize, CallError> {
        if self.servers.len() == 1 {
            return Ok(0);
        }
        let place = if self.servers[0].name().is_empty() {
            self.routes().unnamed.get(episode_id).copied()
        } else {
            self.named(episode_id)
        };
        place.ok_or_else(|| {
            let servers: Vec<String> = self.servers.iter().map(ToString::to_string).collect();
            let text = format!("the episode `{episode_id}` is on none of: {}", servers.join(", "));
            CallError { server: String::new(), status: Box::new(Status::not_found(text)) }
        })
    }

    /// The server that an id names (`NAME.REST`).
    fn named(&self, episode_id: &str) -> Option<usize> {
        let name = episode_id.split_once('.').map_or("", |(name, _)| name);
        self.servers.iter().position(|server| server.name() == name)
    }

    /// Notes where an episode was created, if its id does not say it.
    fn note_created(&self, episode_id: &str, place: usize) {
        if self.servers.len() > 1 && self.servers[0].name().is_empty() {
            self.routes().unnamed.insert(episode_id.to_owned(), place);
        }
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether ids of episodes tell two servers apart, or both leave it to the client.
fn may_be_together(one: &Server, other: &Server) -> Result<(), GroupError> {
    let urls = [one, other].map(|server| server.url().to_owned());
    match (one.name(), other.name(), urls) {
        ("", "", _) => Ok(()),
        ("", _, [unnamed, named]) | (_, "", [named, unnamed]) => {
            Err(GroupError::SomeNamed { named, unnamed })
        }
        (name, other, [first, second]) if name == other => {
            Err(GroupError::SameName { name: name.to_owned(), first, second })
        }
        _ => Ok(()),
    }
}
