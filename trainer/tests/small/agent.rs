//! The conversation of a trace of this repository's agent equals what the agent sent to the model.

use std::sync::{Arc, Mutex};

use acting::prompts::Prompts;
use agent::config::RunConfig;
use agent::episode::{Assignment, Player};
use agent::model::{Completion, Error, FinishReason, GenerateRequest, Model, estimate_usage};
use client::{Environments, Retry};
use proto::conversation::Message;
use proto::dataset::Observations;
use proto::env::v1;
use proto::env::v1::environment_service_server::{EnvironmentService, EnvironmentServiceServer};
use proto::trace::{Trace, Versions};
use proto::transcript::{conversation, default_observations};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// A model that gives prepared answers in order, and records what it was sent.
#[derive(Debug)]
struct Canned {
    answers: &'static [&'static str],
    sent: Mutex<Vec<Vec<Message>>>,
}

#[tonic::async_trait]
impl Model for Canned {
    fn name(&self) -> &str {
        "canned"
    }

    async fn generate(&self, request: &GenerateRequest) -> Result<Completion, Error> {
        let turn = self.sent.lock().unwrap().len();
        self.sent.lock().unwrap().push(request.messages.clone());
        let text = self.answers[turn];
        let finish_reason = if text == "cut off" { FinishReason::Length } else { FinishReason::Stop };
        match text {
            "fail" => Err(Error::Conversation { model: "canned".into(), reason: "out of tape".into() }),
            _ => {
                let usage = estimate_usage(&request.messages, text);
                Ok(Completion { text: text.to_owned(), finish_reason, usage, ..Completion::default() })
            }
        }
    }
}

/// An environment whose steps print their code; `1/0` fails, `finish()` ends the episode.
struct Echo;

type Answer<T> = Result<Response<T>, Status>;

fn not_here<T>() -> Answer<T> {
    Err(Status::unimplemented("not here"))
}

#[tonic::async_trait]
impl EnvironmentService for Echo {
    type StepStreamStream = tokio_stream::Empty<Result<v1::StepStreamResponse, Status>>;

    async fn create_episode(
        &self,
        request: Request<v1::CreateEpisodeRequest>,
    ) -> Answer<v1::CreateEpisodeResponse> {
        let observation = v1::InitialObservation {
            goal: "Do it: \"ü\".".into(),
            public_json: r#"{"b": 1, "a": [1.50]}"#.into(),
            tools: vec![],
        };
        Ok(Response::new(v1::CreateEpisodeResponse {
            episode_id: request.into_inner().episode_id,
            observation: Some(observation),
            ..v1::CreateEpisodeResponse::default()
        }))
    }

    async fn step(&self, request: Request<v1::StepRequest>) -> Answer<v1::StepResponse> {
        let request = request.into_inner();
        let Some(v1::step_request::Action::Code(v1::CodeAction { code })) = request.action else { panic!() };
        let error =
            if code.contains("1/0") { "Traceback …\nZeroDivisionError: division by zero" } else { "" };
        let observation = v1::Observation {
            success: error.is_empty(),
            output: format!("{code}\n\"ü\"\t\u{1}</tag>\n"),
            error: error.into(),
            globals: vec!["x".into()],
            ..v1::Observation::default()
        };
        Ok(Response::new(v1::StepResponse {
            step_index: request.step_index,
            observation: Some(observation),
            terminated: code.contains("finish()"),
            ..v1::StepResponse::default()
        }))
    }

    async fn get_episode(&self, _: Request<v1::GetEpisodeRequest>) -> Answer<v1::GetEpisodeResponse> {
        not_here()
    }

    async fn close_episode(&self, _: Request<v1::CloseEpisodeRequest>) -> Answer<v1::CloseEpisodeResponse> {
        let evaluation = Some(v1::Evaluation::default());
        Ok(Response::new(v1::CloseEpisodeResponse { evaluation, ..v1::CloseEpisodeResponse::default() }))
    }

    async fn get_server_info(
        &self,
        _: Request<v1::GetServerInfoRequest>,
    ) -> Answer<v1::GetServerInfoResponse> {
        Ok(Response::new(v1::GetServerInfoResponse::default()))
    }

    async fn list_tasks(&self, _: Request<v1::ListTasksRequest>) -> Answer<v1::ListTasksResponse> {
        not_here()
    }

    async fn step_stream(
        &self,
        _: Request<tonic::Streaming<v1::StepRequest>>,
    ) -> Answer<Self::StepStreamStream> {
        not_here()
    }

    type HostFamiliesStream = tokio_stream::Empty<Result<v1::HostFamiliesResponse, Status>>;

    async fn host_families(
        &self,
        _: Request<tonic::Streaming<v1::HostFamiliesRequest>>,
    ) -> Answer<Self::HostFamiliesStream> {
        not_here()
    }

    async fn step_batch(&self, _: Request<v1::StepBatchRequest>) -> Answer<v1::StepBatchResponse> {
        not_here()
    }

    async fn fork_episode(&self, _: Request<v1::ForkEpisodeRequest>) -> Answer<v1::ForkEpisodeResponse> {
        not_here()
    }

    async fn list_episodes(&self, _: Request<v1::ListEpisodesRequest>) -> Answer<v1::ListEpisodesResponse> {
        not_here()
    }

    async fn keep_alive(&self, _: Request<v1::KeepAliveRequest>) -> Answer<v1::KeepAliveResponse> {
        Ok(Response::new(v1::KeepAliveResponse::default()))
    }

    async fn export_episode(
        &self,
        _: Request<v1::ExportEpisodeRequest>,
    ) -> Answer<v1::ExportEpisodeResponse> {
        Ok(Response::new(v1::ExportEpisodeResponse::default()))
    }

    async fn import_episode(
        &self,
        _: Request<v1::ImportEpisodeRequest>,
    ) -> Answer<v1::ImportEpisodeResponse> {
        Ok(Response::new(v1::ImportEpisodeResponse::default()))
    }
}

/// Plays an episode; returns the trace, and the messages of every request.
#[tokio::main]
async fn play(
    answers: &'static [&'static str],
    persistent: bool,
    prompt: &str,
) -> (Trace, Vec<Vec<Message>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder().add_service(EnvironmentServiceServer::new(Echo));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let yaml = format!(
        "{{output_dir: o, run_name: r, task_families: [knapsack], agents: [{{name: a, agent_type: codeact, \
         persistent_state: {persistent}, max_turns: {}, prompt: {{{prompt}}}, llm: {{backend: scripted, model: reset-habit}}}}]}}",
        answers.len(),
    );
    let model = Arc::new(Canned { answers, sent: Mutex::default() });
    let environments = Environments::connect(&[url], Retry::default()).await.unwrap();
    let player = Player {
        agent: RunConfig::parse(&yaml).unwrap().agents.remove(0),
        model: model.clone(),
        prompts: Arc::new(Prompts::read(None).unwrap()),
        environments,
        watcher: None,
    };
    let assignment = Assignment {
        task: v1::TaskSummary::default(),
        episode_id: "e".into(),
        policy_seed: 1,
        versions: Versions::default(),
    };
    let (_keep, stop) = tokio::sync::watch::channel(false);
    let outcome = player.play(&assignment, stop).await;
    outcome.evaluation.unwrap();
    let sent = model.sent.lock().unwrap().clone();
    (outcome.trace, sent)
}

const ANSWERS: &[&str] = &[
    "First.\n```python\nprint('é')\n```",
    "```python\na\n```\n```python\nb\n```",
    "I think.",
    "cut off",
    "fail",
    "```python\n1/0\n```",
    "Done.\n```python\nfinish()\n```",
];

#[test]
fn a_trace_is_the_conversation_that_the_agent_sent() {
    let short = "observation: compact, hide_names: true, runtime: hidden";
    for (persistent, prompt) in [(false, ""), (true, ""), (false, short), (true, short)] {
        let (trace, mut sent) = play(ANSWERS, persistent, prompt);
        // Through JSON, as traces are read from files.
        let trace: Trace = serde_json::from_str(&serde_json::to_string(&trace).unwrap()).unwrap();
        assert_eq!(default_observations(&trace), Observations::Agent);
        let learnt = conversation(&trace, Observations::Agent);
        for (turn, request) in sent.iter_mut().enumerate() {
            let last = request.pop().unwrap();
            assert_eq!(learnt[..request.len()], request[..], "turn {turn}");
            // The names are the end of each request, and not kept.
            let (content, names) = match last.content.split_once("\n\nNames defined in the interpreter: ") {
                Some((content, _)) => (content, true),
                None => (last.content.as_str(), false),
            };
            assert_eq!(names, persistent && prompt.is_empty(), "turn {turn}");
            let said = &learnt[request.len()];
            assert_eq!(said.role, last.role, "turn {turn}");
            if ANSWERS[turn] == "fail" {
                // What is said of the failed call is added, since there is no answer between them.
                assert!(said.content.starts_with(&format!("{content}\n\n{{")), "turn {turn}");
            } else {
                assert_eq!(said.content, content, "turn {turn}");
                assert_eq!(learnt[request.len() + 1].content, ANSWERS[turn]);
            }
        }
        // Nothing follows the last answer, which follows the last message of the request.
        assert_eq!(learnt.len(), sent.last().unwrap().len() + 2);
    }
}
