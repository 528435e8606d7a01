//! The stream of a tool host, for threads of Python.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use client::{CallError, ConnectError, Credentials, GroupError, Retry, connect_as, explain};
use futures::stream;
use proto::env::v1;
use proto::env::v1::host_answer::Outcome;
use proto::env::v1::host_call::Kind;
use proto::env::v1::host_families_request::Message as Sent;
use proto::env::v1::host_families_response::Message as Received;
use pyo3::prelude::*;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::errors::Failure;
use crate::requests::seconds;
use crate::threads::{runtime, wait};

/// How long the server may take to end the stream of a host that closes.
const GOODBYE: Duration = Duration::from_secs(2);

/// A tool host's stream. It connects again, for ever, when it breaks; whoever waits for its calls does not notice.
#[pyclass(frozen)]
pub struct Hosting {
    calls: AsyncMutex<mpsc::UnboundedReceiver<Call>>,
    notes: AsyncMutex<mpsc::UnboundedReceiver<Note>>,
    ready: Mutex<Option<oneshot::Receiver<Result<(), Failure>>>>,
    answers: Answers,
    closing: Arc<AtomicBool>,
    connection: Mutex<Option<JoinHandle<()>>>,
}

/// Where answers go: to the connection of this number, while there is one.
type Answers = Arc<Mutex<(u64, Option<mpsc::UnboundedSender<v1::HostFamiliesRequest>>)>>;

/// A call: connection, id, family, task, tool, state, arguments. What begins an episode names no tool.
type Call = (u64, u64, String, String, Option<String>, String, String);

/// Something to log, and whether it is trouble.
type Note = (String, bool);

/// What a host answers of a state: the state, whether the task is solved, the score, metrics, and what is left of budgets.
type State = (String, bool, f64, String, HashMap<String, i64>);

/// A family as Python offers it: name, version, seconds for a call, tools and tasks.
type Family = (String, String, Option<f64>, Vec<Tool>, Vec<(String, String, String)>);

/// A tool: name, description, parameters with their types, type of the answer.
type Tool = (String, String, Vec<(String, String)>, String);

#[pymethods]
impl Hosting {
    #[new]
    #[pyo3(signature = (url, token, ca, families, calls_at_a_time))]
    fn new(
        url: String,
        token: Option<String>,
        ca: Option<PathBuf>,
        families: Vec<Family>,
        calls_at_a_time: u32,
    ) -> PyResult<Self> {
        let families = families.into_iter().map(family).collect::<PyResult<_>>()?;
        let offer = v1::HostOffer { families, calls_at_a_time };
        let own = Credentials::from_env();
        let credentials = Credentials { token: token.or(own.token), roots: ca.or(own.roots) };
        let ((call, calls), (note, notes)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let (first, ready) = oneshot::channel();
        let answers = Answers::default();
        let closing = Arc::new(AtomicBool::new(false));
        let connection = Connection {
            url,
            credentials,
            offer,
            call,
            note,
            answers: answers.clone(),
            closing: closing.clone(),
        };
        Ok(Self {
            calls: AsyncMutex::new(calls),
            notes: AsyncMutex::new(notes),
            ready: Mutex::new(Some(ready)),
            answers,
            closing,
            connection: Mutex::new(Some(runtime().spawn(connection.keep(first)))),
        })
    }

    /// Waits until a server has accepted the families; raises if one refuses them.
    fn ready(&self, py: Python<'_>) -> PyResult<()> {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner).take();
        match ready.map(|ready| wait(py, ready)).transpose()? {
            Some(Ok(Err(failure))) => Err(failure.into()),
            _ => Ok(()),
        }
    }

    /// The next call, or `None` after the end: connection, id, family, task, tool (`None` for the beginning of an episode), state,
    /// arguments.
    fn call(&self, py: Python<'_>) -> PyResult<Option<Call>> {
        wait(py, async { self.calls.lock().await.recv().await })
    }

    /// The next thing to log, and whether it is trouble; `None` after the end.
    fn note(&self, py: Python<'_>) -> PyResult<Option<Note>> {
        wait(py, async { self.notes.lock().await.recv().await })
    }

    /// Answers how an episode begins.
    fn opened(&self, connection: u64, call_id: u64, goal: String, state: State) {
        let state = Some(hosted_state(state));
        self.answer(connection, call_id, Outcome::Opened(v1::HostOpened { goal, state }));
    }

    /// Answers what a tool did.
    fn result(&self, connection: u64, call_id: u64, result: String, state: State) {
        let state = Some(hosted_state(state));
        let result = v1::HostToolResult { result_json: result, state };
        self.answer(connection, call_id, Outcome::Result(result));
    }

    /// Answers that a tool refuses, in words for the agent.
    fn refuse(&self, connection: u64, call_id: u64, words: String) {
        self.answer(connection, call_id, Outcome::Refusal(words));
    }

    /// Answers that the family has failed.
    fn fail(&self, connection: u64, call_id: u64, why: String) {
        self.answer(connection, call_id, Outcome::Fault(why));
    }

    /// Ends the stream, and waits until the server knows. May be called again.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.closing.store(true, Ordering::SeqCst);
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).1 = None;
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut connection) = connection else { return Ok(()) };
        let ended = wait(py, async { timeout(GOODBYE, &mut connection).await.is_ok() });
        connection.abort();
        ended.map(drop)
    }
}

impl Hosting {
    fn answer(&self, connection: u64, call_id: u64, outcome: Outcome) {
        let answer = v1::HostAnswer { call_id, outcome: Some(outcome) };
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        // What another connection has asked, another host is asked by now.
        if let (number, Some(send)) = &*answers
            && *number == connection
        {
            let _ = send.send(v1::HostFamiliesRequest { message: Some(Sent::Answer(answer)) });
        }
    }
}

fn family((name, version, call_timeout, tools, tasks): Family) -> PyResult<v1::HostedFamily> {
    let tool = |(name, description, parameters, returns): Tool| v1::Tool {
        name,
        description,
        parameters: (parameters.into_iter())
            .map(|(name, r#type)| v1::ToolParameter { name, r#type })
            .collect(),
        returns,
    };
    let task = |(task_id, public_json, private_json)| v1::HostedTask { task_id, public_json, private_json };
    let timeout = call_timeout.map(|timeout| seconds(timeout, "call_timeout")).transpose()?;
    Ok(v1::HostedFamily {
        name,
        version,
        tools: tools.into_iter().map(tool).collect(),
        call_timeout: timeout.and_then(|timeout| timeout.try_into().ok()),
        tasks: tasks.into_iter().map(task).collect(),
    })
}

fn hosted_state((state_json, is_solved, score, metrics_json, budget_left): State) -> v1::HostedState {
    let evaluation = Some(v1::Evaluation { is_solved, score, metrics_json });
    v1::HostedState { state_json, evaluation, budget_left: budget_left.into_iter().collect() }
}

/// What keeps the stream.
struct Connection {
    url: String,
    credentials: Credentials,
    offer: v1::HostOffer,
    call: mpsc::UnboundedSender<Call>,
    note: mpsc::UnboundedSender<Note>,
    answers: Answers,
    closing: Arc<AtomicBool>,
}

/// Why a stream ended.
enum Trouble {
    Connect(ConnectError),
    Call(Status),
}

impl Connection {
    /// Connects for ever. Tells `first` how the first attempts ended; if they were refused, there is no other.
    async fn keep(self, first: oneshot::Sender<Result<(), Failure>>) {
        let mut first = Some(first);
        let retry = Retry::default();
        let mut attempt = 0;
        for number in 1.. {
            let (send, answers) = mpsc::unbounded_channel();
            *self.answers.lock().unwrap_or_else(PoisonError::into_inner) = (number, Some(send.clone()));
            let mut accepted = false;
            let trouble = self.serve(number, send, answers, &mut accepted, &mut first).await;
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).1 = None;
            if self.closing.load(Ordering::SeqCst) {
                return;
            }
            if let Some(first) = first.take_if(|_| trouble.is_refusal()) {
                let _ = first.send(Err(trouble.failure(&self.url)));
                return;
            }
            attempt = if accepted { 0 } else { attempt + 1 };
            let _ = self.note.send((format!("no connection to {}: {}", self.url, trouble.explain()), true));
            tokio::time::sleep(retry.wait(attempt)).await;
        }
    }

    /// Takes calls until the stream ends.
    async fn serve(
        &self,
        number: u64,
        send: mpsc::UnboundedSender<v1::HostFamiliesRequest>,
        answers: mpsc::UnboundedReceiver<v1::HostFamiliesRequest>,
        accepted: &mut bool,
        first: &mut Option<oneshot::Sender<Result<(), Failure>>>,
    ) -> Trouble {
        let mut client = match connect_as(&self.url, &self.credentials).await {
            Ok(client) => client,
            Err(error) => return Trouble::Connect(error),
        };
        let offer = v1::HostFamiliesRequest { message: Some(Sent::Offer(self.offer.clone())) };
        let _ = send.send(offer);
        // Only `self.answers` may send now: when that lets go, the stream ends.
        drop(send);
        let requests = stream::unfold(answers, async |mut answers| Some((answers.recv().await?, answers)));
        let mut calls = match client.host_families(requests).await {
            Ok(calls) => calls.into_inner(),
            Err(status) => return Trouble::Call(status),
        };
        loop {
            match calls.message().await {
                Err(status) => return Trouble::Call(status),
                Ok(None) => return Trouble::Call(Status::unavailable("the server has ended the stream")),
                Ok(Some(v1::HostFamiliesResponse { message: Some(Received::Call(call)) })) => {
                    let _ = self.call.send(of_python(number, call));
                }
                Ok(Some(_)) => {
                    *accepted = true;
                    if let Some(first) = first.take() {
                        let _ = first.send(Ok(()));
                    }
                    let _ = self.note.send((format!("connected to {}", self.url), false));
                }
            }
        }
    }
}

fn of_python(number: u64, call: v1::HostCall) -> Call {
    let (tool, state, arguments) = match call.kind {
        Some(Kind::ToolCall(call)) => (Some(call.tool), call.state_json, call.arguments_json),
        _ => (None, String::new(), String::new()),
    };
    (number, call.call_id, call.family, call.task_json, tool, state, arguments)
}

impl Trouble {
    /// Whether another attempt would be refused as well.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Connect(ConnectError::Unreachable { .. }) => false,
            Self::Connect(_) => true,
            Self::Call(status) => matches!(
                status.code(),
                Code::InvalidArgument | Code::PermissionDenied | Code::Unauthenticated | Code::Unimplemented
            ),
        }
    }

    fn explain(&self) -> String {
        match self {
            Self::Connect(error) => error.to_string(),
            Self::Call(status) => explain(status),
        }
    }

    fn failure(self, url: &str) -> Failure {
        match self {
            Self::Connect(error) => GroupError::Connect(error).into(),
            Self::Call(status) => CallError { server: url.to_owned(), status: Box::new(status) }.into(),
        }
    }
}
