//! One episode: its result and its trace. Each is absent if it could not be read.

use std::path::PathBuf;

use anyhow::ensure;
use proto::interpreter_state::InterpreterState;
use proto::run::{EpisodeResult, Evaluation};
use proto::trace::{Provenance, Step, Trace};

/// One episode.
#[derive(Clone, Debug)]
pub struct Episode {
    /// The task's id.
    pub task_id: String,
    /// The task's family; empty if the file's name does not have it.
    pub family: String,
    /// The file it was read from: the result, or the trace if there is no result.
    pub file: PathBuf,
    /// The result.
    pub result: Option<EpisodeResult>,
    /// The trace.
    pub trace: Option<Trace>,
}

/// Token counts of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Prompt plus completion tokens, summed over turns.
    pub total: u64,
    /// Completion tokens, summed over turns; none if the trace has only totals.
    pub generated: Option<u64>,
    /// Whether the counts are estimates, because the model client had no tokenizer.
    pub estimated: bool,
}

impl Episode {
    /// The evaluation, if there is one.
    pub fn evaluation(&self) -> Option<&Evaluation> {
        self.result.as_ref()?.result.as_ref()
    }

    /// The provenance in the trace.
    pub fn provenance(&self) -> Option<&Provenance> {
        self.trace.as_ref()?.provenance.as_ref()
    }

    /// Checks that the episode ran in a runtime. A trace without an interpreter state passes.
    ///
    /// # Errors
    /// If the trace has another interpreter state, or the state was lost between steps.
    pub fn must_have_run_in(&self, runtime: InterpreterState) -> anyhow::Result<()> {
        let Some(provenance) = self.provenance() else { return Ok(()) };
        let ran = &provenance.interpreter_state;
        ensure!(
            ran.is_empty() || ran == runtime.name(),
            "it is given as run in a {runtime} runtime, but task {} ran in a {ran} one; are two cells swapped?",
            self.task_id
        );
        ensure!(
            provenance.state_loss == 0.0,
            "its state was lost now and then (state_loss {}), so it is neither a persistent nor a reset runtime; \
             play it without `state_loss`",
            provenance.state_loss
        );
        Ok(())
    }

    /// A metric of the evaluation; none if it is missing or not a number.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.evaluation()?.metrics.get(name)?.as_f64()
    }

    /// The steps in order. None if the trace is missing or does not record steps. A trace without steps
    /// counts as recording them only if its summary says that the episode ended before the first step.
    pub fn steps(&self) -> Option<Vec<&Step>> {
        let trace = self.trace.as_ref()?;
        let steps: Vec<&Step> = trace.steps().collect();
        let ended_before_its_first = trace.summary.num_steps == 0 && trace.summary.finish_reason.is_some();
        (!steps.is_empty() || ended_before_its_first).then_some(steps)
    }

    /// Number of steps: from the summary, or else counted.
    pub fn step_count(&self) -> Option<u64> {
        match self.trace.as_ref()?.summary.num_steps {
            0 => self.steps().map(|steps| steps.len() as u64),
            count => Some(count),
        }
    }

    /// The token counts: from the summary, or else summed over steps. They are 0 if the episode ended before
    /// its first step. None if the trace has no token counts.
    pub fn tokens(&self) -> Option<Tokens> {
        let mut usage = self.trace.as_ref()?.summary.token_usage;
        if usage.total_tokens == 0 {
            let steps = self.steps()?;
            if steps.is_empty() {
                return Some(Tokens { total: 0, generated: Some(0), estimated: usage.estimated });
            }
            for step in steps {
                usage += step.token_usage;
            }
        }
        (usage.total_tokens > 0).then_some(Tokens {
            total: usage.total_tokens,
            generated: (usage.completion_tokens > 0).then_some(usage.completion_tokens),
            estimated: usage.estimated,
        })
    }
}
