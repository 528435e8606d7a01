//! All episodes of a server: create, find, expire, forget.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prost::Message as _;
use proto::env::v1;
use proto::env::v1::create_episode_request::Task;
use proto::task::TaskFile;
use sandbox::{Config, InterpreterState, Sandbox};
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::awake::Awake;
use super::bridge::Bridge;
use super::episode::{Beginning, Episode};
use super::error::{Error, Violation};
use super::held::Held;
use super::lease::Lease;
use super::limits::Limits;
use super::play::{Play, Stepped};
use super::state_loss::StateLoss;
use crate::catalog::{self, Catalog};
use crate::{family, generate, task_config};

/// Episodes that are held for each one that may run: ended ones wait to be closed, or for their lease.
const HELD_PER_RUNNING: usize = 4;
/// Longest inline task, in bytes.
const MAX_TASK_BYTES: usize = 4 << 20;

/// What a registry is given to work with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most running episodes.
    pub max_episodes: usize,
    /// Most interpreters that hold a place between steps; of more episodes those used least recently hibernate.
    pub max_awake: usize,
    /// Steps that run at the same time.
    pub workers: usize,
    /// Lease of an episode whose request names none.
    pub default_lease: Duration,
    /// Limits of an episode whose request names none.
    pub default_limits: Limits,
}

/// All episodes of a server.
pub struct Registry {
    sandbox: Sandbox,
    catalog: Catalog,
    options: Options,
    held: Mutex<Held>,
    slots: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    awake: Arc<Awake>,
    created: AtomicU64,
    steps: AtomicU64,
}

impl Registry {
    /// A registry without episodes.
    pub fn new(sandbox: Sandbox, catalog: Catalog, options: Options) -> Self {
        Self {
            sandbox,
            catalog,
            held: Mutex::default(),
            slots: Arc::new(Semaphore::new(options.max_episodes)),
            workers: Arc::new(Semaphore::new(options.workers)),
            awake: Arc::new(Awake::new(options.max_awake)),
            created: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            options,
        }
    }

    /// The tasks that can be played.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The interpreters' maker.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Limits of an episode whose request names none.
    pub fn default_limits(&self) -> &Limits {
        &self.options.default_limits
    }

    /// How many interpreters are awake between steps.
    pub fn awake(&self) -> usize {
        self.awake.count()
    }

    /// Episodes held now, episodes created, and steps run so far.
    pub fn counts(&self) -> (u64, u64, u64) {
        let held = self.held().count() as u64;
        (held, self.created.load(Ordering::Relaxed), self.steps.load(Ordering::Relaxed))
    }

    /// Creates an episode on a worker; with an id that the same request has
    /// created before, answers as then.
    ///
    /// # Errors
    /// A wrong field, an unknown task, an id that is taken, no room.
    pub async fn create(
        self: &Arc<Self>,
        request: v1::CreateEpisodeRequest,
    ) -> Result<v1::CreateEpisodeResponse, Error> {
        let worker = self.workers.clone().acquire_owned().await.map_err(|_| Error::ShuttingDown)?;
        let registry = self.clone();
        let create = move || {
            let _worker = worker;
            registry.create_now(request)
        };
        tokio::task::spawn_blocking(create)
            .await
            .unwrap_or_else(|panic| Err(Error::Internal(format!("an episode was not created: {panic}"))))
    }

    fn create_now(&self, request: v1::CreateEpisodeRequest) -> Result<v1::CreateEpisodeResponse, Error> {
        let digest: [u8; 32] = Sha256::digest(request.encode_to_vec()).into();
        if let Some(episode) = self.created_before(&request.episode_id, &digest)? {
            return Ok(episode.creation());
        }
        let state = interpreter_state(&request)?;
        let limits = match &request.limits {
            Some(asked) => {
                Limits::from_request(asked, &self.options.default_limits, self.sandbox.least_memory_bytes())?
            }
            None => self.options.default_limits.clone(),
        };
        let lease = Lease::duration_from_request(request.lease, self.options.default_lease)?;
        let id = episode_id(&request.episode_id)?;
        let (set, task) = self.task(request.task.as_ref())?;
        let environment = family::open(&task).map_err(|error| {
            Violation::new("task_json", format!("is not a task that can be played: {error}"))
        })?;

        let seed = request.seed.unwrap_or(task.seed);
        let state_loss = StateLoss::from_request(request.state_loss, state, seed)?;
        let tools = environment.tools();
        let created = v1::CreateEpisodeResponse {
            episode_id: id.clone(),
            observation: Some(v1::InitialObservation {
                goal: environment.goal(),
                public_json: serde_json::Value::Object(task.public.clone()).to_string(),
                tools: tools.iter().map(tool_to_proto).collect(),
            }),
            interpreter_state: request.interpreter_state,
            limits: Some(limits.to_proto()),
            seed,
            lease: None,
            task: Some(catalog::summary(set, &task)),
            state_loss: state_loss.chance(),
        };
        let config = Config {
            state,
            seed,
            limits: limits.step.clone(),
            tools: tools.iter().map(tool_to_sandbox).collect(),
            record_definitions: request.record_definitions,
        };
        let slot = self.slots(1)?;
        let bridge = Bridge::new(environment);
        let play = Play::new(self.sandbox.clone(), config, limits, state_loss, bridge, slot);
        let beginning = Beginning { created, request: digest, lease, play, forked_from: String::new() };
        Ok(self.add(beginning)?.0.creation())
    }

    /// Begins an episode, unless another call of the same request came first: says whether it is new.
    fn add(&self, beginning: Beginning) -> Result<(Arc<Episode>, bool), Error> {
        let request = beginning.request;
        let episode = Arc::new(Episode::new(beginning, self.awake.clone()));
        let mut held = self.held();
        if held.open() >= self.options.max_episodes.saturating_mul(HELD_PER_RUNNING) {
            return Err(self.full());
        }
        let there = held.add(episode.clone()).clone();
        if !there.was_created_by(&request) {
            return Err(Error::EpisodeExists { id: there.id().to_owned() });
        }
        let is_new = Arc::ptr_eq(&there, &episode);
        self.created.fetch_add(u64::from(is_new), Ordering::Relaxed);
        Ok((there, is_new))
    }

    fn full(&self) -> Error {
        Error::Full { limit: self.options.max_episodes }
    }

    /// Room for so many more running episodes.
    fn slots(&self, count: u32) -> Result<OwnedSemaphorePermit, Error> {
        self.slots.clone().try_acquire_many_owned(count).map_err(|error| match error {
            TryAcquireError::Closed => Error::ShuttingDown,
            TryAcquireError::NoPermits => self.full(),
        })
    }

    /// Copies an episode into new ones that stand where it does: all of them, or none. New ids that the same
    /// request has made before are answered as they stand.
    ///
    /// # Errors
    /// An unknown episode, one that has ended, a wrong or taken id, no room.
    pub async fn fork(
        self: &Arc<Self>,
        request: v1::ForkEpisodeRequest,
    ) -> Result<v1::ForkEpisodeResponse, Error> {
        let registry = self.clone();
        // A caller who goes away leaves no half of it behind.
        tokio::spawn(async move { registry.fork_all(request).await })
            .await
            .unwrap_or_else(|panic| Err(Error::Internal(format!("an episode was not forked: {panic}"))))
    }

    async fn fork_all(
        self: &Arc<Self>,
        request: v1::ForkEpisodeRequest,
    ) -> Result<v1::ForkEpisodeResponse, Error> {
        let source = self.find(&request.episode_id)?;
        let ids = self.new_ids(&request.new_episode_ids)?;
        let digest = |id: &str| -> [u8; 32] { Sha256::digest(format!("fork/{}/{id}", source.id())).into() };
        let mut missing = Vec::new();
        for id in &ids {
            if self.created_before(id, &digest(id))?.is_none() {
                missing.push(id.clone());
            }
        }
        let count = u32::try_from(missing.len()).map_err(|_| self.full())?;
        let mut slots = self.slots(count)?;
        let mut made = Vec::new();
        for id in missing {
            let slot = slots.split(1).ok_or_else(|| Error::Internal("a slot is missing".to_owned()))?;
            let (request, registry) = (digest(&id), self.clone());
            let add = move |beginning| registry.add(beginning);
            match source.fork(id, request, slot, &self.workers, add).await {
                Ok((fork, is_new)) => made.extend(is_new.then_some(fork)),
                Err(error) => {
                    for fork in made {
                        self.forget(&fork).await;
                    }
                    return Err(error);
                }
            }
        }
        let mut episodes = Vec::new();
        for id in &ids {
            episodes.push(self.find(id)?.summary().await);
        }
        Ok(v1::ForkEpisodeResponse { episodes })
    }

    /// Takes back an episode that nobody has been told of.
    async fn forget(&self, episode: &Episode) {
        if episode.close(v1::EndReason::Closed).await.newly {
            self.held().remove(episode.id());
        }
    }

    /// The ids of new episodes: those that are asked for, and others where none is.
    fn new_ids(&self, asked: &[String]) -> Result<Vec<String>, Error> {
        const FIELD: &str = "new_episode_ids";
        if asked.is_empty() {
            let rule = "holds no id: one for each new episode, empty to have it chosen";
            return Err(Violation::new(FIELD, rule).into());
        }
        if asked.len() > self.options.max_episodes {
            return Err(self.full());
        }
        let (mut ids, mut seen) = (Vec::new(), HashSet::new());
        for (index, asked) in asked.iter().enumerate() {
            let in_place = |description| Violation::new(format!("{FIELD}[{index}]"), description);
            let id = episode_id(asked).map_err(|violation| in_place(violation.description))?;
            if !seen.insert(id.clone()) {
                return Err(in_place("is there twice".to_owned()).into());
            }
            ids.push(id);
        }
        Ok(ids)
    }

    /// Takes a step in an episode.
    ///
    /// # Errors
    /// An unknown episode, or as [`Play::step`] says.
    pub async fn step(&self, request: v1::StepRequest) -> Result<Stepped, Error> {
        let episode = self.find(&request.episode_id)?;
        let stepped = episode.step(request, &self.workers).await?;
        self.steps.fetch_add(u64::from(!stepped.repeated), Ordering::Relaxed);
        Ok(stepped)
    }

    /// An episode by id.
    ///
    /// # Errors
    /// [`Error::UnknownEpisode`].
    pub fn find(&self, id: &str) -> Result<Arc<Episode>, Error> {
        self.held().find(id).cloned().ok_or_else(|| Error::UnknownEpisode { id: id.to_owned() })
    }

    /// Ends an episode, if it has not ended, and frees it.
    ///
    /// # Errors
    /// [`Error::UnknownEpisode`].
    pub async fn close(&self, id: &str) -> Result<v1::CloseEpisodeResponse, Error> {
        let closed = self.find(id)?.close(v1::EndReason::Closed).await;
        if closed.newly {
            self.held().closed(id);
        }
        Ok(closed.answer)
    }

    /// Takes no new episodes from now on.
    pub fn shut_down(&self) {
        self.slots.close();
    }

    /// Closes the episodes whose lease has run out, and forgets the ones that
    /// were closed long enough ago.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.held().forget(now);
        let held: Vec<_> = self.held().all().cloned().collect();
        for episode in held {
            if episode.close_if_expired(now) {
                tracing::info!(episode_id = episode.id(), "lease expired");
                self.held().closed(episode.id());
            }
        }
    }

    /// The episode of that id, if the request with that digest has created it.
    fn created_before(&self, id: &str, digest: &[u8; 32]) -> Result<Option<Arc<Episode>>, Error> {
        match self.held().find(id) {
            Some(episode) if !episode.was_created_by(digest) => {
                Err(Error::EpisodeExists { id: id.to_owned() })
            }
            there => Ok(there.cloned()),
        }
    }

    /// The task that a request names, and the set it is from.
    fn task(&self, task: Option<&Task>) -> Result<(&str, Arc<TaskFile>), Error> {
        match task {
            None => {
                Err(Violation::new("task", "is required: task_ref, task_json or task_from_config").into())
            }
            Some(Task::TaskRef(reference)) => self.catalog.find(&reference.set, &reference.task_id),
            Some(Task::TaskJson(text)) if text.len() > MAX_TASK_BYTES => {
                Err(Violation::new("task_json", format!("is longer than {MAX_TASK_BYTES} bytes")).into())
            }
            Some(Task::TaskJson(text)) => {
                let value = serde_json::from_str(text)
                    .map_err(|error| Violation::new("task_json", format!("is not JSON: {error}")))?;
                let task = family::parse(&value)
                    .map_err(|error| Violation::new("task_json", format!("is not a task file: {error}")))?;
                Ok(("", Arc::new(task)))
            }
            Some(Task::TaskFromConfig(from)) => {
                let task =
                    task_from_config(from).map_err(|reason| Violation::new("task_from_config", reason))?;
                Ok(("", Arc::new(task)))
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn interpreter_state(request: &v1::CreateEpisodeRequest) -> Result<InterpreterState, Violation> {
    match request.interpreter_state() {
        v1::InterpreterState::Persistent => Ok(InterpreterState::Persistent),
        v1::InterpreterState::Reset => Ok(InterpreterState::Reset),
        v1::InterpreterState::Unspecified => Err(Violation::new(
            "interpreter_state",
            "must be INTERPRETER_STATE_PERSISTENT or INTERPRETER_STATE_RESET; there is no default",
        )),
    }
}

fn task_from_config(from: &v1::TaskFromConfig) -> Result<TaskFile, String> {
    let section = serde_json::from_str(&from.config_json)
        .map_err(|error| format!("config_json is not JSON: {error}"))?;
    let config =
        task_config::parse_section(&from.family, &section).map_err(|problems| problems.to_string())?;
    let task_id = format!("{}-seed-{}", from.family, from.seed);
    generate::task(&config, from.seed, &task_id, "inline").map_err(|error| error.reason)
}

fn episode_id(asked: &str) -> Result<String, Violation> {
    if asked.is_empty() {
        return Ok(uuid::Uuid::new_v4().to_string());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if asked.len() > 128 || !asked.bytes().all(allowed) {
        return Err(Violation::new("episode_id", "must be 1 to 128 of [A-Za-z0-9._-]"));
    }
    Ok(asked.to_owned())
}

fn tool_to_proto(tool: &proto::task::ToolSpec) -> v1::Tool {
    let parameter = |parameter: &proto::task::ToolParameter| v1::ToolParameter {
        name: parameter.name.clone(),
        r#type: parameter.python_type.clone(),
    };
    v1::Tool {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: tool.parameters.iter().map(parameter).collect(),
        returns: tool.returns.clone(),
    }
}

fn tool_to_sandbox(tool: &proto::task::ToolSpec) -> sandbox::Tool {
    sandbox::Tool {
        name: tool.name.clone(),
        parameters: tool.parameters.iter().map(|parameter| parameter.name.clone()).collect(),
        doc: tool.description.clone(),
    }
}
