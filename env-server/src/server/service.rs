//! One handler for each call: decode, call the registry, encode.

use std::future::Future;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use futures::stream::{self, BoxStream, StreamExt as _};
use lifecycle::telemetry::{Span, SpanKind, names};
use lifecycle::{Caller, Deadline, code_name, undecodable};
use proto::env::v1;
use proto::env::v1::environment_service_server::EnvironmentService;
use tonic::{Code, Request, Response, Status, Streaming};
use tracing::Instrument as _;

use super::bounds::{self, Bounds};
use super::{hosting, steps};
use crate::blocking::blocking;
use crate::episode::play::Stepped;
use crate::episode::{Registry, step, tombstones};
use crate::error::{Error, Violation};
use crate::metrics::Method;
use crate::task_set::TaskSet;
use crate::version::{COMMIT, VERSION};
use crate::wire;

/// The most steps of one batch.
pub const MAX_BATCH: usize = 1000;
/// Steps of a batch that wait or run at a time. The first answer may be the last to come, so others are held meanwhile.
const BATCH_AHEAD: usize = 256;
/// Steps of a stream that are taken before their answers are read.
const STREAM_AHEAD: usize = 16;

/// The longest id of an episode that the log and spans show, in bytes. Longer ones are none.
const MAX_SHOWN_ID: usize = 128;

/// The environment service over a registry. Clones are the same service.
#[derive(Clone)]
pub struct Service {
    registry: Arc<Registry>,
    bounds: Bounds,
    started_at: SystemTime,
    /// Whether tool hosts need to be operators.
    has_operators: bool,
}

/// Who makes a call, and how long they wait.
#[derive(Clone)]
struct Client {
    caller: Caller,
    deadline: Option<Instant>,
}

impl Service {
    /// A service that starts now.
    pub fn new(registry: Arc<Registry>, bounds: Bounds) -> Self {
        Self { registry, bounds, started_at: SystemTime::now(), has_operators: true }
    }

    /// The same for callers without tokens, none of whom is an operator: all of them may host families.
    #[must_use]
    pub fn without_operators(self) -> Self {
        Self { has_operators: false, ..self }
    }

    /// Runs a call inside its span of the log, counts it, and encodes its answer. What is current, in the sense of OpenTelemetry,
    /// is the span of the call, or of the step.
    async fn call<T, M: From<T>>(
        &self,
        method: Method,
        deadline: Option<Instant>,
        episode_id: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<Response<M>, Status> {
        let calls = &self.registry.metrics().calls;
        let call = calls.begin(method, deadline);
        let name = method.name();
        let span = tracing::debug_span!("rpc", name, episode_id = shown(episode_id));
        let current = Span::current();
        if !episode_id.is_empty() {
            current.set_text(names::CONVERSATION, shown(episode_id));
        }
        let answer = work.instrument(span.clone()).await;
        span.in_scope(|| match answer {
            Ok(answer) => {
                call.end(Code::Ok);
                Ok(Response::new(answer.into()))
            }
            Err(error) => {
                calls.note(&error);
                let reason = error.reason();
                current.set(names::REASON, reason);
                let status = Status::from(error);
                let code = status.code();
                call.end(code);
                tracing::debug!(reason, ?code, "a call has failed");
                Err(status)
            }
        })
    }

    /// Takes a step, by whichever call it came, inside a span of its own.
    async fn take_step(self, client: Client, request: v1::StepRequest) -> Result<Arc<step::Record>, Status> {
        let request = step::Request::from(request);
        let id = request.episode_id.clone();
        let Client { caller, deadline } = client;
        let span = Span::begin(names::STEP, SpanKind::Internal);
        span.set_count(names::STEP_INDEX, request.index);
        let step = self.registry.step(&caller, request, deadline);
        let stepped = span.around(self.call::<_, Stepped>(Method::Step, deadline, &id, step)).await;
        match stepped.map(Response::into_inner) {
            Ok(Stepped { record, repeated }) => {
                span.set(names::REPEATED, repeated);
                Ok(record)
            }
            Err(status) => {
                span.fail(code_name(status.code()));
                Err(status)
            }
        }
    }

    fn info(&self, caller: &Caller) -> v1::GetServerInfoResponse {
        let counts = self.registry.counts();
        v1::GetServerInfoResponse {
            version: VERSION.to_owned(),
            commit: COMMIT.to_owned(),
            python_version: self.registry.sandbox().python_version().to_owned(),
            interpreter_sha256: self.registry.sandbox().guest_sha256().to_owned(),
            task_sets: wire::task_sets(self.registry.catalog()),
            families: self.registry.catalog().families(),
            default_limits: Some((&self.registry.options().default_limits).into()),
            open_episodes: counts.episodes,
            episodes_created: counts.created,
            steps_run: counts.steps,
            latencies: self.registry.metrics().latencies().into_iter().map(Into::into).collect(),
            started_at: Some(self.started_at.into()),
            awake_interpreters: counts.awake,
            boot_id: self.registry.boot_id().to_owned(),
            server_limits: Some(self.bounds.with(self.registry.options())),
            quota: bounds::quota(caller),
            durability: wire::durability(self.registry.store().map(|store| store.journal().durability()))
                .into(),
            closed_retention: tombstones::RETENTION.try_into().ok(),
            closed_remembered: tombstones::MOST as u64,
            server_name: self
                .registry
                .options()
                .server_name
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            running_episodes: counts.running,
        }
    }
}

#[tonic::async_trait]
impl EnvironmentService for Service {
    async fn get_server_info(
        &self,
        request: Request<v1::GetServerInfoRequest>,
    ) -> Result<Response<v1::GetServerInfoResponse>, Status> {
        let Client { caller, deadline } = client(&request)?;
        let work = async { Ok(self.info(&caller)) };
        self.call(Method::GetServerInfo, deadline, "", work).await
    }

    async fn list_tasks(
        &self,
        request: Request<v1::ListTasksRequest>,
    ) -> Result<Response<v1::ListTasksResponse>, Status> {
        let deadline = deadline(&request);
        let query = request.into_inner().into();
        self.call(Method::ListTasks, deadline, "", async { self.registry.catalog().list(&query) }).await
    }

    async fn create_episode(
        &self,
        request: Request<v1::CreateEpisodeRequest>,
    ) -> Result<Response<v1::CreateEpisodeResponse>, Status> {
        let Client { caller, deadline } = client(&request)?;
        let request = request.into_inner();
        let id = request.episode_id.clone();
        self.call(Method::CreateEpisode, deadline, &id, self.registry.create(caller, request)).await
    }

    async fn step(&self, request: Request<v1::StepRequest>) -> Result<Response<v1::StepResponse>, Status> {
        let client = client(&request)?;
        let record = self.clone().take_step(client, request.into_inner()).await?;
        Ok(Response::new(record.as_ref().into()))
    }

    async fn get_episode(
        &self,
        request: Request<v1::GetEpisodeRequest>,
    ) -> Result<Response<v1::GetEpisodeResponse>, Status> {
        let Client { caller, deadline } = client(&request)?;
        let request = request.into_inner();
        let work = async {
            let steps = wire::steps(&request)?;
            let (registry, id) = (&self.registry, &request.episode_id);
            let description = registry.describe(&caller, id, steps).await?;
            let private = request.include_private.then(|| registry.private_task(&caller, id));
            let task_json = private.transpose()?.unwrap_or_default();
            let description = v1::GetEpisodeResponse::from(description);
            Ok(v1::GetEpisodeResponse { task_json, ..description })
        };
        self.call(Method::GetEpisode, deadline, &request.episode_id, work).await
    }

    async fn close_episode(
        &self,
        request: Request<v1::CloseEpisodeRequest>,
    ) -> Result<Response<v1::CloseEpisodeResponse>, Status> {
        let Client { caller, deadline } = client(&request)?;
        let id = request.into_inner().episode_id;
        self.call(Method::CloseEpisode, deadline, &id, self.registry.close(&caller, &id)).await
    }

    type StepStreamStream = BoxStream<'static, Result<v1::StepStreamResponse, Status>>;

    async fn step_stream(
        &self,
        request: Request<Streaming<v1::StepRequest>>,
    ) -> Result<Response<Self::StepStreamStream>, Status> {
        let (service, client) = (self.clone(), client(&request)?);
        let call = self.registry.metrics().calls.begin(Method::StepStream, client.deadline);
        let step = move |request| service.clone().take_step(client.clone(), request);
        let requests = request.into_inner().map(|request| request.map_err(undecodable));
        let taken = steps::taken(requests, STREAM_AHEAD, step);
        let answers = taken.map(|taken| taken.map(Into::into));
        // The call ends when the client has sent its last request, and has got its answer.
        let end = stream::once(async move { call.end(Code::Ok) }).filter_map(|()| std::future::ready(None));
        Ok(Response::new(answers.chain(end).boxed()))
    }

    async fn step_batch(
        &self,
        request: Request<v1::StepBatchRequest>,
    ) -> Result<Response<v1::StepBatchResponse>, Status> {
        let (service, client) = (self.clone(), client(&request)?);
        let deadline = client.deadline;
        let requests = request.into_inner().steps;
        let work = async {
            if requests.len() > MAX_BATCH {
                let description = format!("must be at most {MAX_BATCH}; send the others in further calls");
                return Err(Violation::new("steps", description).into());
            }
            let step = |request| service.clone().take_step(client.clone(), request);
            let requests = stream::iter(requests.into_iter().map(Ok::<_, Error>));
            steps::batch(steps::taken(requests, BATCH_AHEAD, step)).await
        };
        self.call(Method::StepBatch, deadline, "", work).await
    }

    async fn fork_episode(
        &self,
        request: Request<v1::ForkEpisodeRequest>,
    ) -> Result<Response<v1::ForkEpisodeResponse>, Status> {
        let Client { caller, deadline } = client(&request)?;
        let v1::ForkEpisodeRequest { episode_id, new_episode_ids, at_step_index } = request.into_inner();
        let id = episode_id.clone();
        let work = async {
            let forks = self.registry.fork(caller, episode_id, new_episode_ids, at_step_index).await?;
            Ok(v1::ForkEpisodeResponse {
                episodes: forks.into_iter().map(v1::EpisodeSummary::from).collect(),
            })
        };
        self.call(Method::ForkEpisode, deadline, &id, work).await
    }

    async fn export_episode(
        &self,
        request: Request<v1::ExportEpisodeRequest>,
    ) -> Result<Response<v1::ExportEpisodeResponse>, Status> {
        let Client { caller, deadline } = client(&request)?;
        let id = request.into_inner().episode_id;
        let work = async {
            let episode = self.registry.export(&caller, &id).await?;
            Ok(v1::ExportEpisodeResponse { episode })
        };
        self.call(Method::ExportEpisode, deadline, &id, work).await
    }

    async fn import_episode(
        &self,
        request: Request<v1::ImportEpisodeRequest>,
    ) -> Result<Response<v1::ImportEpisodeResponse>, Status> {
        let Client { caller, deadline } = client(&request)?;
        let v1::ImportEpisodeRequest { episode, episode_id } = request.into_inner();
        let id = episode_id.clone();
        let work = async {
            let imported = self.registry.import(caller, episode, episode_id).await?;
            Ok(v1::ImportEpisodeResponse { episode: Some(imported.into()) })
        };
        self.call(Method::ImportEpisode, deadline, &id, work).await
    }

    type HostFamiliesStream = hosting::Calls;

    async fn host_families(
        &self,
        request: Request<Streaming<v1::HostFamiliesRequest>>,
    ) -> Result<Response<Self::HostFamiliesStream>, Status> {
        let Client { caller, deadline } = client(&request)?;
        let work = async {
            if self.has_operators && !caller.is_operator() {
                let rule = "HostFamilies needs an operator's token: a tool host sees hidden data";
                return Err(Error::Forbidden(rule.to_owned()));
            }
            let catalog = self.registry.catalog();
            let taken: Vec<&str> = catalog.sets().iter().map(TaskSet::name).collect();
            hosting::connect(catalog.hosts(), &taken, self.registry.boot_id(), request.into_inner()).await
        };
        // The call ends when the host is connected. Its calls have counts of their own.
        self.call(Method::HostFamilies, deadline, "", work).await
    }

    async fn list_episodes(
        &self,
        request: Request<v1::ListEpisodesRequest>,
    ) -> Result<Response<v1::ListEpisodesResponse>, Status> {
        let registry = self.registry.clone();
        let Client { caller, deadline } = client(&request)?;
        let query = request.into_inner().into();
        let work = async {
            // Of 100,000 episodes a listing takes milliseconds.
            blocking(move || registry.list(&caller, &query)).await
        };
        self.call(Method::ListEpisodes, deadline, "", work).await
    }

    async fn keep_alive(
        &self,
        request: Request<v1::KeepAliveRequest>,
    ) -> Result<Response<v1::KeepAliveResponse>, Status> {
        let Client { caller, deadline } = client(&request)?;
        let ids = request.into_inner().episode_ids;
        self.call(Method::KeepAlive, deadline, "", async { self.registry.keep_alive(&caller, ids) }).await
    }
}

/// When the client stops waiting for a call.
fn deadline<T>(request: &Request<T>) -> Option<Instant> {
    request.extensions().get().map(|Deadline(at)| *at)
}

/// Who makes the call, and how long they wait.
fn client<T>(request: &Request<T>) -> Result<Client, Status> {
    let caller = request.extensions().get().cloned();
    let caller = caller.ok_or_else(|| Status::internal("nobody has said who calls"))?;
    Ok(Client { caller, deadline: deadline(request) })
}

/// An id as the log shows it: it has not been checked.
fn shown(episode_id: &str) -> &str {
    &episode_id[..episode_id.floor_char_boundary(MAX_SHOWN_ID)]
}
