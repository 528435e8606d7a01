//! Sessions of an environment server: each plays one episode after another.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use client::EnvClient;
use futures::future::join_all;
use proto::env::v1::create_episode_request::Task;
use proto::env::v1::step_stream_response::Result as Outcome;
use proto::env::v1::{
    CloseEpisodeRequest, CreateEpisodeRequest, InterpreterState, ListTasksRequest, StepBatchRequest,
    StepRequest, StepResponse, TaskRef,
};
use tests::code_step;
use tonic::{Code, Request, Status};

use crate::player::{Failures, Player, SharedScript};

/// The tasks that episodes play, in turn.
pub type Tasks = Arc<Vec<TaskRef>>;

/// Asks a server for its tasks.
pub async fn tasks(mut client: EnvClient) -> Result<Tasks> {
    let page = client.list_tasks(ListTasksRequest::default()).await.context("listing tasks")?.into_inner();
    ensure!(!page.tasks.is_empty(), "the server offers no tasks; start it with --tasks");
    let named = page.tasks.into_iter().map(|task| TaskRef { set: task.set, task_id: task.task_id });
    Ok(Arc::new(named.collect()))
}

/// A request for a persistent episode of one of the tasks: the `number`th, counted in a circle.
pub fn request(tasks: &Tasks, number: usize) -> CreateEpisodeRequest {
    CreateEpisodeRequest {
        task: Some(Task::TaskRef(tasks[number % tasks.len()].clone())),
        interpreter_state: InterpreterState::Persistent.into(),
        ..Default::default()
    }
}

/// Sessions whose steps share calls, or one session alone.
pub struct Sessions {
    client: EnvClient,
    tasks: Tasks,
    script: SharedScript,
    episodes: Vec<Episode>,
    /// Whether calls are StepBatch; there is one session otherwise.
    batched: bool,
}

struct Episode {
    number: usize,
    /// Empty while there is none.
    id: String,
    next: u64,
}

impl Sessions {
    /// Opens sessions with these numbers.
    pub async fn open(
        client: EnvClient,
        tasks: Tasks,
        script: SharedScript,
        numbers: std::ops::Range<usize>,
        batched: bool,
    ) -> Result<Self> {
        let episodes = numbers.map(|number| Episode { number, id: String::new(), next: 0 }).collect();
        let mut sessions = Self { client, tasks, script, episodes, batched };
        let failures = sessions.renew().await;
        ensure!(failures.is_empty(), "opening sessions: {}", failures.join(", "));
        Ok(sessions)
    }

    /// Closes the episodes that have had all their steps, and creates one where there is none.
    async fn renew(&mut self) -> Failures {
        let (client, tasks, steps) = (&self.client, &self.tasks, self.script.episode_steps);
        let due = self.episodes.iter_mut().filter(|episode| episode.id.is_empty() || episode.next == steps);
        let renewed = join_all(due.map(|episode| episode.renew(client.clone(), tasks))).await;
        renewed.into_iter().filter_map(Result::err).collect()
    }

    async fn answers(&mut self, mut steps: Vec<StepRequest>) -> Result<Vec<Outcome>, Status> {
        let timeout = self.script.timeout;
        let request = |message| {
            let mut request = Request::new(message);
            request.set_timeout(timeout);
            request
        };
        if self.batched {
            let mut call = Request::new(StepBatchRequest { steps });
            call.set_timeout(timeout);
            let results = self.client.step_batch(call).await?.into_inner().results;
            return Ok(results.into_iter().filter_map(|answer| answer.result).collect());
        }
        let step = steps.remove(0);
        Ok(vec![Outcome::Response(self.client.step(request(step)).await?.into_inner())])
    }
}

impl Player for Sessions {
    fn sessions(&self) -> usize {
        self.episodes.len()
    }

    async fn step(&mut self) -> Failures {
        let failures = self.renew().await;
        if !failures.is_empty() {
            return vec![failures[0].clone(); self.episodes.len()];
        }
        let script = self.script.clone();
        let steps = self
            .episodes
            .iter()
            .map(|episode| code_step(&episode.id, episode.next, script.code(episode.next)));
        let answers = match self.answers(steps.collect()).await {
            Ok(answers) => answers,
            Err(status) => vec![Outcome::Error(call_error(&status)); self.episodes.len()],
        };
        let told = self.episodes.iter_mut().zip(answers);
        told.filter_map(|(episode, answer)| episode.take(answer, &script).err()).collect()
    }

    async fn close(self) -> Failures {
        let closed = self.episodes.into_iter().map(|mut episode| {
            let client = self.client.clone();
            async move { episode.close(client).await }
        });
        join_all(closed).await.into_iter().filter_map(Result::err).collect()
    }
}

impl Episode {
    async fn renew(&mut self, mut client: EnvClient, tasks: &Tasks) -> Result<(), String> {
        self.close(client.clone()).await?;
        let created = client.create_episode(request(tasks, self.number)).await;
        self.id =
            created.map_err(|status| format!("CreateEpisode {:?}", status.code()))?.into_inner().episode_id;
        self.next = 0;
        Ok(())
    }

    async fn close(&mut self, mut client: EnvClient) -> Result<(), String> {
        let episode_id = std::mem::take(&mut self.id);
        if !episode_id.is_empty() {
            let closed = client.close_episode(CloseEpisodeRequest { episode_id }).await;
            closed.map_err(|status| format!("CloseEpisode {:?}", status.code()))?;
        }
        Ok(())
    }

    fn take(&mut self, answer: Outcome, script: &crate::player::Script) -> Result<(), String> {
        match answer {
            Outcome::Response(StepResponse { observation, .. }) => {
                let told = observation.unwrap_or_default();
                let problem = script.problem(self.next, told.success, &told.output);
                self.next += 1;
                problem.map_or(Ok(()), Err)
            }
            Outcome::Error(error) => {
                let code = Code::from(error.code);
                // The episode is gone: the session goes on with another.
                if matches!(code, Code::NotFound | Code::FailedPrecondition) {
                    self.id.clear();
                }
                Err(format!("Step {code:?}"))
            }
        }
    }
}

fn call_error(status: &Status) -> proto::env::v1::CallError {
    proto::env::v1::CallError { code: status.code().into(), ..Default::default() }
}
