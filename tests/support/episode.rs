//! An episode that a test drives.

use client::EnvClient;
use proto::env::v1::create_episode_request::Task;
use proto::env::v1::step_request::Action;
use proto::env::v1::{self, InterpreterState};
use tonic::Status;

/// A request for an episode of this task file.
pub fn create_request(task_json: &str, state: InterpreterState) -> v1::CreateEpisodeRequest {
    v1::CreateEpisodeRequest {
        task: Some(Task::TaskJson(task_json.to_owned())),
        interpreter_state: state.into(),
        ..Default::default()
    }
}

/// A request to run `code`.
pub fn code_step(episode_id: &str, step_index: u64, code: &str) -> v1::StepRequest {
    let action = Some(Action::Code(v1::CodeAction { code: code.to_owned() }));
    v1::StepRequest { episode_id: episode_id.to_owned(), step_index, action }
}

/// A request to call one tool with JSON arguments.
pub fn tool_step(episode_id: &str, step_index: u64, tool: &str, arguments_json: &str) -> v1::StepRequest {
    let call = v1::ToolCall { name: tool.to_owned(), arguments_json: arguments_json.to_owned() };
    let action = Some(Action::ToolCalls(v1::ToolCallsAction { calls: vec![call] }));
    v1::StepRequest { episode_id: episode_id.to_owned(), step_index, action }
}

/// An episode and the index of its next step.
pub struct Episode {
    client: EnvClient,
    /// The episode's id.
    pub id: String,
    /// Index of the next step.
    pub next: u64,
}

impl Episode {
    /// Creates an episode.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn create(mut client: EnvClient, request: v1::CreateEpisodeRequest) -> Result<Self, Status> {
        let id = client.create_episode(request).await?.into_inner().episode_id;
        Ok(Self { client, id, next: 0 })
    }

    /// Runs `code` as the next step.
    ///
    /// # Panics
    /// If the server refuses the step.
    pub async fn run(&mut self, code: &str) -> v1::StepResponse {
        let step = code_step(&self.id, self.next, code);
        self.next += 1;
        self.client.step(step).await.expect("the step is accepted").into_inner()
    }

    /// Runs `code` as the next step; returns what the agent would see.
    ///
    /// # Panics
    /// If the server refuses the step.
    pub async fn observe(&mut self, code: &str) -> v1::Observation {
        self.run(code).await.observation.expect("every step has an observation")
    }

    /// Closes the episode.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn close(&mut self) -> v1::CloseEpisodeResponse {
        let close = v1::CloseEpisodeRequest { episode_id: self.id.clone() };
        self.client.close_episode(close).await.expect("a close is accepted").into_inner()
    }
}
