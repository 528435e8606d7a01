//! The trace of an episode that is being played.

use std::fmt;
use std::sync::Arc;

use proto::trace::{Event, EventKind, ModelCall, ModelResponse, Provenance, Step, Summary, Trace};

/// Someone who follows an episode while it is played.
pub trait Watcher: fmt::Debug + Send + Sync {
    /// Another event was recorded: the last one of `trace`.
    fn saw(&self, trace: &Trace);
}

/// Collects the events of one episode and their totals. A clone goes on by itself, as a forked episode does.
#[derive(Clone, Debug)]
pub struct Recorder {
    trace: Trace,
    watcher: Option<Arc<dyn Watcher>>,
}

impl Recorder {
    /// Begins a trace now.
    pub fn start(provenance: Provenance, watcher: Option<Arc<dyn Watcher>>) -> Self {
        Self {
            trace: Trace {
                started_at: Some(now()),
                finished_at: None,
                provenance: Some(provenance),
                summary: Summary::default(),
                events: Vec::new(),
            },
            watcher,
        }
    }

    /// The provenance, to add what becomes known during the episode.
    pub fn provenance(&mut self) -> &mut Provenance {
        self.trace.provenance.get_or_insert_default()
    }

    /// Records the task and the system message.
    pub fn task(&mut self, task: &str, system: &str) {
        let prompts = vec![system.to_owned()];
        self.trace.summary.task = task.to_owned();
        self.trace.summary.system_prompts.clone_from(&prompts);
        self.push(EventKind::StartEvent { task: task.to_owned() });
        self.push(EventKind::SystemPromptEvent { prompts });
    }

    /// Records a model call.
    pub fn asked(&mut self, call: ModelCall) {
        self.push(EventKind::ModelCallEvent(call));
    }

    /// Records a model's answer.
    pub fn answered(&mut self, response: ModelResponse) {
        self.push(EventKind::ModelResponseEvent(response));
    }

    /// Records a turn.
    pub fn step(&mut self, step: Step) {
        self.trace.summary.num_steps += 1;
        self.trace.summary.token_usage += step.token_usage;
        self.push(EventKind::StepEvent(Box::new(step)));
    }

    /// The number of events so far.
    pub fn events(&self) -> usize {
        self.trace.events.len()
    }

    /// Tokens so far, of prompts and answers over all turns.
    pub fn tokens(&self) -> u64 {
        self.trace.summary.token_usage.total_tokens
    }

    /// Records a failure outside the agent's code.
    pub fn error(&mut self, error: &str) {
        self.trace.summary.errors.push(error.to_owned());
        self.push(EventKind::ErrorEvent { error: error.to_owned() });
    }

    /// Ends the trace.
    pub fn finish(mut self, reason: &str) -> Trace {
        self.trace.summary.finish_reason = Some(reason.to_owned());
        let token_usage = self.trace.summary.token_usage;
        self.push(EventKind::FinishEvent { reason: reason.to_owned(), token_usage });
        self.trace.finished_at = Some(now());
        self.trace
    }

    fn push(&mut self, kind: EventKind) {
        self.trace.events.push(Event { kind, timestamp: now() });
        if let Some(watcher) = &self.watcher {
            watcher.saw(&self.trace);
        }
    }
}

/// The current time, as traces write it (RFC 3339).
pub fn now() -> String {
    jiff::Timestamp::now().to_string()
}
