//! Steps over one long-lived stream.

use std::collections::VecDeque;
use std::time::Duration;

use futures::stream;
use proto::env::v1 as env;
use proto::env::v1::step_stream_response::Result as Outcome;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tonic::{Code, Status, Streaming};

use super::{Environment, no_answer};
use crate::connect::EnvClient;
use crate::retry::{Retry, is_unreachable};
use crate::status::status_of;

/// Steps over one stream: they may be sent before earlier ones are answered. Where the stream breaks, those without an answer are sent
/// again on a new one, as often as the client's [`Retry`] allows. It ends when it is dropped and all its steps are answered.
#[derive(Debug)]
pub struct StepStream {
    steps: mpsc::UnboundedSender<Sent>,
}

/// A step without an answer.
#[derive(Debug)]
struct Sent {
    request: env::StepRequest,
    /// How long the step may take.
    wall_clock: Duration,
    answer: oneshot::Sender<Result<env::StepResponse, Status>>,
}

impl StepStream {
    /// Sends a step, after those that were sent before it; the future is its answer. Steps of one episode run in this order, and the
    /// one after a step that has failed leaves a gap. `wall_clock` is the step's wall-clock limit.
    ///
    /// # Errors
    /// What the server said of the step, also if the caller's quota has nothing left; or the status of the last attempt.
    pub fn send(
        &self,
        request: env::StepRequest,
        wall_clock: Duration,
    ) -> impl Future<Output = Result<env::StepResponse, Status>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        // Where the task has ended, the answer is that.
        let _ = self.steps.send(Sent { request, wall_clock, answer });
        async move { answered.await.unwrap_or_else(|_| Err(Status::cancelled("the stream has ended"))) }
    }
}

impl Environment {
    /// A stream of steps, which begins with the first of them. Must be called in a runtime.
    pub fn step_stream(&self) -> StepStream {
        let (steps, sent) = mpsc::unbounded_channel();
        let streams = Streams {
            client: self.client.clone(),
            retry: self.retry,
            sent,
            unanswered: VecDeque::new(),
            answered: 0,
        };
        tokio::spawn(streams.run());
        StepStream { steps }
    }
}

/// One stream after the other.
struct Streams {
    client: EnvClient,
    retry: Retry,
    sent: mpsc::UnboundedReceiver<Sent>,
    /// In the order in which they were sent.
    unanswered: VecDeque<Sent>,
    /// Answers so far.
    answered: u64,
}

impl Streams {
    /// Runs until the sender is dropped and all is answered.
    async fn run(mut self) {
        let mut attempt = 0;
        loop {
            if self.unanswered.is_empty() {
                let Some(first) = self.sent.recv().await else { return };
                self.unanswered.push_back(first);
                attempt = 0;
            }
            let answered = self.answered;
            let Err(status) = self.run_once().await else { continue };
            if self.answered > answered {
                attempt = 0;
            }
            if is_unreachable(&status) && self.retry.allows_another(attempt) {
                sleep(self.retry.wait(attempt)).await;
                attempt += 1;
            } else {
                self.unanswered.drain(..).for_each(|step| drop(step.answer.send(Err(status.clone()))));
            }
        }
    }

    /// Runs one stream until it breaks, or all is answered and the server or the sender has ended it.
    async fn run_once(&mut self) -> Result<(), Status> {
        let (requests, read) = mpsc::unbounded_channel();
        for step in &self.unanswered {
            // The receiver is there.
            let _ = requests.send(step.request.clone());
        }
        let read = stream::unfold(read, async |mut read| read.recv().await.map(|request| (request, read)));
        let beginning = timeout(self.retry.deadline, self.client.step_stream(Box::pin(read))).await;
        let mut answers = beginning.unwrap_or_else(|_| Err(no_answer(self.retry.deadline)))?.into_inner();
        let mut sender_is_there = true;
        loop {
            if self.unanswered.is_empty() && !sender_is_there {
                return Ok(());
            }
            let deadline = self.deadline();
            tokio::select! {
                step = self.sent.recv(), if sender_is_there => match step {
                    Some(step) => {
                        // If the stream has broken, the next one begins with this step.
                        let _ = requests.send(step.request.clone());
                        self.unanswered.push_back(step);
                    }
                    None => sender_is_there = false,
                },
                answer = next(&mut answers, deadline) => match answer {
                    _ if self.unanswered.is_empty() => return Ok(()),
                    Ok(answer) => self.take(answer)?,
                    Err(status) => return Err(status),
                },
            }
        }
    }

    /// How long the next answer may take; `None` if there is nothing to answer.
    fn deadline(&self) -> Option<Duration> {
        Some(self.unanswered.front()?.wall_clock + self.retry.deadline)
    }

    /// Hands an answer to the step that has waited longest.
    fn take(&mut self, answer: env::StepStreamResponse) -> Result<(), Status> {
        let answer = match answer.result {
            Some(Outcome::Response(response)) => Ok(response),
            Some(Outcome::Error(error)) => Err(status_of(error)),
            None => Err(Status::internal("an empty answer")),
        };
        match answer {
            // The server shuts down, for example: the next one takes the step.
            Err(status) if is_unreachable(&status) => Err(status),
            answer => {
                self.answered += 1;
                if let Some(step) = self.unanswered.pop_front() {
                    // Nobody may wait for it.
                    let _ = step.answer.send(answer);
                }
                Ok(())
            }
        }
    }
}

async fn next(
    answers: &mut Streaming<env::StepStreamResponse>,
    deadline: Option<Duration>,
) -> Result<env::StepStreamResponse, Status> {
    let answer = match deadline {
        Some(deadline) => {
            timeout(deadline, answers.message()).await.unwrap_or_else(|_| Err(no_answer(deadline)))
        }
        None => answers.message().await,
    };
    answer?.ok_or_else(|| Status::new(Code::Unavailable, "the server has ended the stream"))
}
