//! A tiny environment server: knapsack tasks, each episode a Python process.
//!
//! It follows the protocol as far as the agent relies on it: steps run in order, each runs once, and a
//! repeated step is answered with the stored answer. It fails where a test asks for it.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proto::env::v1;
use proto::env::v1::environment_service_server::{EnvironmentService, EnvironmentServiceServer};
use proto::interpreter_state::InterpreterState;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

pub mod http;
pub mod proxy;

/// What the fake server offers, and where it fails.
#[derive(Clone, Debug)]
pub struct Setup {
    pub tasks: u64,
    pub items: (u64, u64),
    pub classes: (u64, u64),
    /// Lose the answer to each episode's create and to these steps, once.
    pub lost_steps: Vec<u64>,
    /// Run these steps but never answer, once for each episode.
    pub silent_steps: Vec<u64>,
    /// Refuse these tasks every time.
    pub broken_tasks: Vec<String>,
    /// The number of creations to refuse because no place is free.
    pub full: usize,
    /// The seed of the first task.
    pub first_seed: u64,
    /// The commit that the server reports.
    pub commit: String,
    /// Whether the server does as asked in `semantics`; an older one says nothing of them.
    pub knows_semantics: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            tasks: 3,
            items: (25, 40),
            classes: (15, 3),
            lost_steps: vec![],
            silent_steps: vec![],
            broken_tasks: vec![],
            full: 0,
            first_seed: 0,
            commit: String::new(),
            knows_semantics: true,
        }
    }
}

/// A running fake.
pub struct Fake {
    pub url: String,
    pub state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub struct State {
    pub setup: Setup,
    episodes: HashMap<String, Episode>,
    lost: HashSet<(String, u64)>,
    /// Every id ever created, in order.
    pub created: Vec<String>,
    /// Steps that were run, not replayed.
    pub steps_run: usize,
    /// The same number, for tests that wait.
    steps: watch::Sender<usize>,
    pub replays: usize,
    /// Calls that only renewed a lease.
    pub renewals: usize,
}

impl State {
    pub fn open_episodes(&self) -> usize {
        self.episodes.values().filter(|episode| episode.closed.is_none()).count()
    }
}

struct Episode {
    request: v1::CreateEpisodeRequest,
    created: v1::CreateEpisodeResponse,
    answers: Vec<(v1::StepRequest, v1::StepResponse)>,
    closed: Option<v1::CloseEpisodeResponse>,
    process: Process,
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    fn start(seed: u64, setup: &Setup, state: &str, calls: u32) -> (Self, Value) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/behaviour/support/knapsack.py");
        let numbers = [seed, setup.items.0, setup.items.1, setup.classes.0, setup.classes.1];
        let mut child = Command::new("python3")
            .arg(script)
            .args(numbers.map(|number| number.to_string()))
            .args([state, &calls.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tests need python3");
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut process = Self { child, stdin, stdout };
        let public = process.read();
        (process, public)
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.stdin, "{request}").unwrap();
        self.read()
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Fake {
    /// Serves until the test's runtime ends.
    pub async fn start(setup: Setup) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { setup, ..State::default() }));
        let service = EnvironmentServiceServer::new(Service(state.clone()));
        let incoming = TcpListenerStream::new(listener);
        tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        Self { url, state }
    }

    /// Waits until the server has run a number of steps.
    pub async fn has_run(&self, steps: usize) {
        let mut count = self.state.lock().unwrap().steps.subscribe();
        count.wait_for(|&count| count >= steps).await.unwrap();
    }
}

struct Service(Arc<Mutex<State>>);

impl Service {
    /// UNAVAILABLE, once for each episode and place in it.
    fn lose_once(state: &mut State, episode_id: &str, place: u64) -> Result<(), Status> {
        if state.lost.insert((episode_id.to_owned(), place)) {
            return Err(Status::unavailable("the answer was lost"));
        }
        Ok(())
    }

    fn take_step(&self, request: v1::StepRequest) -> Result<Response<v1::StepResponse>, Status> {
        let state = &mut *self.0.lock().unwrap();
        let episode = state
            .episodes
            .get_mut(&request.episode_id)
            .ok_or_else(|| Status::not_found("no such episode"))?;
        if let Some((earlier, answer)) = episode.answers.get(request.step_index as usize) {
            assert_eq!(*earlier, request, "the same step with another action");
            state.replays += 1;
            return Ok(Response::new(answer.clone()));
        }
        assert_eq!(request.step_index as usize, episode.answers.len(), "a gap");
        let Some(v1::step_request::Action::Code(action)) = &request.action else { panic!("no code") };
        let answer = episode.process.ask(&json!({"code": action.code}));
        let limits = episode.created.limits.unwrap_or_default();
        let text = |key: &str| answer[key].as_str().unwrap().to_owned();
        let failed = !text("error").is_empty();
        let kind = if failed { v1::ErrorKind::Exception } else { v1::ErrorKind::Unspecified };
        let (output, output_left_out) = cut(&text("output"), limits.output_bytes_per_step);
        let (error_output, error_output_left_out) =
            cut(&text("error_output"), limits.error_output_bytes_per_step);
        let response = v1::StepResponse {
            step_index: request.step_index,
            observation: Some(v1::Observation {
                success: !failed,
                output,
                output_truncated: output_left_out > 0,
                output_bytes_left_out: output_left_out,
                error_output,
                error_output_bytes_left_out: error_output_left_out,
                error: text("error"),
                error_kind: kind.into(),
                exception_type: text("exception_type"),
                globals: serde_json::from_value(answer["globals"].clone()).unwrap(),
                ..v1::Observation::default()
            }),
            terminated: answer["finished"] == true,
            info: Some(v1::StepInfo {
                tool_calls: vec![v1::ToolCallRecord::default(); answer["calls"].as_u64().unwrap() as usize],
                ..v1::StepInfo::default()
            }),
            ..v1::StepResponse::default()
        };
        let (id, index) = (request.episode_id.clone(), request.step_index);
        episode.answers.push((request, response.clone()));
        state.steps_run += 1;
        state.steps.send_replace(state.steps_run);
        if state.setup.lost_steps.contains(&index) {
            Self::lose_once(state, &id, index)?;
        }
        Ok(Response::new(response))
    }
}

#[tonic::async_trait]
impl EnvironmentService for Service {
    async fn get_server_info(
        &self,
        _: Request<v1::GetServerInfoRequest>,
    ) -> Result<Response<v1::GetServerInfoResponse>, Status> {
        let state = self.0.lock().unwrap();
        Ok(Response::new(v1::GetServerInfoResponse {
            version: "0.0.0-fake".into(),
            commit: state.setup.commit.clone(),
            task_sets: vec![v1::TaskSet {
                name: "fake".into(),
                size: state.setup.tasks,
                families: vec!["knapsack".into()],
            }],
            ..v1::GetServerInfoResponse::default()
        }))
    }

    /// Two tasks per page, to test that the agent reads all pages.
    async fn list_tasks(
        &self,
        request: Request<v1::ListTasksRequest>,
    ) -> Result<Response<v1::ListTasksResponse>, Status> {
        let state = self.0.lock().unwrap();
        let request = request.into_inner();
        assert_eq!((request.set.as_str(), request.family.as_str()), ("fake", "knapsack"));
        let first = request.page_token.parse::<u64>().unwrap_or(0);
        let end = (first + 2).min(state.setup.tasks);
        Ok(Response::new(v1::ListTasksResponse {
            tasks: (first..end).map(|index| summary(index, &state.setup)).collect(),
            next_page_token: if end < state.setup.tasks { end.to_string() } else { String::new() },
            total_size: state.setup.tasks,
        }))
    }

    async fn create_episode(
        &self,
        request: Request<v1::CreateEpisodeRequest>,
    ) -> Result<Response<v1::CreateEpisodeResponse>, Status> {
        let request = request.into_inner();
        let mut state = self.0.lock().unwrap();
        let id = request.episode_id.clone();
        if let Some(episode) = state.episodes.get(&id) {
            assert_eq!(episode.request, request, "the same id with another request");
            return Ok(Response::new(episode.created.clone()));
        }
        if state.setup.full > 0 {
            state.setup.full -= 1;
            let mut details = ErrorDetails::new();
            details.set_retry_info(Some(Duration::from_millis(1)));
            return Err(Status::with_error_details(Code::ResourceExhausted, "no place", details));
        }
        let Some(v1::create_episode_request::Task::TaskRef(task)) = &request.task else { panic!("no task") };
        if state.setup.broken_tasks.contains(&task.task_id) {
            return Err(Status::internal("this task is broken"));
        }
        assert!(request.record_definitions);
        // 120 s for the model, 60 s for the step and a minute, not the whole episode's time.
        assert!(request.lease.unwrap().seconds <= 240);
        let seed: u64 = task.task_id.rsplit('-').next().unwrap().parse().unwrap();
        let limits = request.limits.unwrap();
        let interpreter = InterpreterState::from_wire(request.interpreter_state()).unwrap();
        let (process, public) =
            Process::start(seed, &state.setup, interpreter.name(), limits.tool_calls_per_step);
        let created = v1::CreateEpisodeResponse {
            episode_id: id.clone(),
            observation: Some(v1::InitialObservation {
                goal: GOAL.into(),
                public_json: public.to_string(),
                tools: tools(),
            }),
            interpreter_state: request.interpreter_state,
            limits: Some(limits),
            seed,
            lease: None,
            task: Some(summary(seed, &state.setup)),
            semantics: if state.setup.knows_semantics { request.semantics } else { 0 },
            state_loss: 0.0, // a server that does not know of it
        };
        let episode =
            Episode { request, created: created.clone(), answers: Vec::new(), closed: None, process };
        state.episodes.insert(id.clone(), episode);
        state.created.push(id.clone());
        if !state.setup.lost_steps.is_empty() {
            Self::lose_once(&mut state, &id, u64::MAX)?;
        }
        Ok(Response::new(created))
    }

    async fn step(&self, request: Request<v1::StepRequest>) -> Result<Response<v1::StepResponse>, Status> {
        let request = request.into_inner();
        let (id, index) = (request.episode_id.clone(), request.step_index);
        let answer = self.take_step(request);
        let silent = {
            let state = &mut *self.0.lock().unwrap();
            state.setup.silent_steps.contains(&index) && state.lost.insert((id, index))
        };
        if silent { std::future::pending().await } else { answer }
    }

    async fn get_episode(
        &self,
        _: Request<v1::GetEpisodeRequest>,
    ) -> Result<Response<v1::GetEpisodeResponse>, Status> {
        Err(Status::unimplemented("the agent keeps what it was told"))
    }

    async fn close_episode(
        &self,
        request: Request<v1::CloseEpisodeRequest>,
    ) -> Result<Response<v1::CloseEpisodeResponse>, Status> {
        let mut state = self.0.lock().unwrap();
        let id = request.into_inner().episode_id;
        let episode = state.episodes.get_mut(&id).ok_or_else(|| Status::not_found("no such episode"))?;
        if episode.closed.is_none() {
            let evaluation = episode.process.ask(&json!({"evaluate": true}));
            episode.closed = Some(v1::CloseEpisodeResponse {
                evaluation: Some(v1::Evaluation {
                    is_solved: evaluation["is_solved"] == true,
                    score: evaluation["score"].as_f64().unwrap(),
                    metrics_json: evaluation["metrics"].to_string(),
                }),
                steps: episode.answers.len() as u64,
                ..v1::CloseEpisodeResponse::default()
            });
        }
        Ok(Response::new(episode.closed.clone().unwrap()))
    }

    type StepStreamStream = tokio_stream::Empty<Result<v1::StepStreamResponse, Status>>;

    async fn step_stream(
        &self,
        _: Request<tonic::Streaming<v1::StepRequest>>,
    ) -> Result<Response<Self::StepStreamStream>, Status> {
        Err(Status::unimplemented("the agent does not stream"))
    }

    type HostFamiliesStream = tokio_stream::Empty<Result<v1::HostFamiliesResponse, Status>>;

    async fn host_families(
        &self,
        _: Request<tonic::Streaming<v1::HostFamiliesRequest>>,
    ) -> Result<Response<Self::HostFamiliesStream>, Status> {
        Err(Status::unimplemented("the agent hosts nothing"))
    }

    async fn step_batch(
        &self,
        _: Request<v1::StepBatchRequest>,
    ) -> Result<Response<v1::StepBatchResponse>, Status> {
        Err(Status::unimplemented("the agent does not batch"))
    }

    async fn fork_episode(
        &self,
        _: Request<v1::ForkEpisodeRequest>,
    ) -> Result<Response<v1::ForkEpisodeResponse>, Status> {
        Err(Status::unimplemented("the agent does not fork"))
    }

    async fn list_episodes(
        &self,
        _: Request<v1::ListEpisodesRequest>,
    ) -> Result<Response<v1::ListEpisodesResponse>, Status> {
        Err(Status::unimplemented("the agent knows its episodes"))
    }

    async fn keep_alive(
        &self,
        request: Request<v1::KeepAliveRequest>,
    ) -> Result<Response<v1::KeepAliveResponse>, Status> {
        let mut state = self.0.lock().unwrap();
        let ids = request.into_inner().episode_ids;
        assert!(ids.iter().all(|id| state.episodes.contains_key(id)), "{ids:?}");
        state.renewals += 1;
        Ok(Response::new(v1::KeepAliveResponse::default()))
    }

    async fn export_episode(
        &self,
        _: Request<v1::ExportEpisodeRequest>,
    ) -> Result<Response<v1::ExportEpisodeResponse>, Status> {
        Err(Status::unimplemented("not tested"))
    }

    async fn import_episode(
        &self,
        _: Request<v1::ImportEpisodeRequest>,
    ) -> Result<Response<v1::ImportEpisodeResponse>, Status> {
        Err(Status::unimplemented("not tested"))
    }
}

/// The beginning of a text within a limit, whole characters only, and how many bytes are left out; 0 stands for no limit.
fn cut(text: &str, limit: u64) -> (String, u64) {
    let end = if limit == 0 { text.len() } else { text.floor_char_boundary(limit as usize) };
    (text[..end].to_owned(), (text.len() - end) as u64)
}

const GOAL: &str = "Take items of the allowed classes so that their value is as high as possible and their weight \
                    is within the capacity. Class, value and weight of an item are hidden until it is inspected; \
                    at most inspect_budget different items can be. Inspect an item before you take it.";

fn tools() -> Vec<v1::Tool> {
    let tool = |name: &str, parameter: Option<&str>, returns: &str, description: &str| v1::Tool {
        name: name.into(),
        description: description.into(),
        parameters: (parameter.into_iter())
            .map(|name| v1::ToolParameter { name: name.into(), r#type: "str".into() })
            .collect(),
        returns: returns.into(),
    };
    vec![
        tool("list_items", None, "str", "A JSON array of all item ids."),
        tool("inspect", Some("item_id"), "str", "A JSON object with the item's class, value and weight."),
        tool("take_item", Some("item_id"), "None", "Takes an item."),
        tool("finish", None, "None", "Ends the task."),
    ]
}

fn summary(index: u64, setup: &Setup) -> v1::TaskSummary {
    v1::TaskSummary {
        set: "fake".into(),
        task_id: format!("knapsack-{index:010}"),
        family: "knapsack".into(),
        seed: None,
        difficulty_json: String::new(),
        public_sha256: (setup.first_seed + index).to_string(),
    }
}
