//! What the server answers, apart from steps.

use std::time::SystemTime;

use journal::Durability;
use proto::env::v1;
use proto::run::Evaluation;
use proto::task::{ToolParameter, ToolSpec};
use serde_json::Value;

use crate::catalog::{Catalog, Page, TaskSummary};
use crate::episode::end::{Closed, EndReason};
use crate::episode::episode::{Created, Description, Summary};
use crate::episode::lease::Lease;
use crate::episode::limits::Limits;
use crate::episode::opening::Opening;
use crate::episode::registry::{Leases, Listing};
use crate::metrics::Summary as Latency;
use crate::task_set::TaskSet;

impl From<Created> for v1::CreateEpisodeResponse {
    fn from(Created { spec, opening, lease }: Created) -> Self {
        Self {
            episode_id: spec.episode_id.clone(),
            observation: Some(opening.as_ref().into()),
            interpreter_state: v1::InterpreterState::from(spec.interpreter_state).into(),
            limits: Some((&spec.limits).into()),
            seed: spec.seed,
            lease: Some(lease.into()),
            task: Some((&spec.task_summary).into()),
            state_loss: spec.state_loss.chance(),
            semantics: v1::Semantics::from(spec.semantics).into(),
        }
    }
}

impl From<&Opening> for v1::InitialObservation {
    fn from(opening: &Opening) -> Self {
        Self {
            goal: opening.goal.clone(),
            public_json: opening.public_json.clone(),
            tools: opening.tools.iter().map(tool).collect(),
        }
    }
}

fn tool(tool: &ToolSpec) -> v1::Tool {
    let parameter = |parameter: &ToolParameter| v1::ToolParameter {
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

impl From<&Limits> for v1::Limits {
    fn from(limits: &Limits) -> Self {
        Self {
            max_steps: limits.max_steps,
            tool_calls_per_step: limits.step.tool_calls,
            fuel_per_step: limits.step.fuel,
            wall_clock_per_step: limits.step.wall_clock.try_into().ok(),
            memory_bytes: limits.step.memory_bytes as u64,
            output_bytes_per_step: limits.step.output_bytes as u64,
            code_bytes_per_step: limits.step.code_bytes as u64,
            tool_bytes_per_step: limits.step.tool_bytes as u64,
            scratch_bytes: limits.step.scratch_bytes as u64,
            error_output_bytes_per_step: limits.step.error_output_bytes as u64,
        }
    }
}

impl From<Lease> for v1::Lease {
    fn from(lease: Lease) -> Self {
        Self {
            duration: lease.duration().try_into().ok(),
            expires_at: Some((SystemTime::now() + lease.left()).into()),
        }
    }
}

impl From<&TaskSummary> for v1::TaskSummary {
    fn from(task: &TaskSummary) -> Self {
        Self {
            set: task.set.clone(),
            task_id: task.task_id.clone(),
            family: task.family.clone(),
            public_sha256: task.public_sha256.clone(),
            // For operators only, who find them in the task file of an episode.
            seed: None,
            difficulty_json: String::new(),
        }
    }
}

impl From<Page> for v1::ListTasksResponse {
    fn from(page: Page) -> Self {
        Self {
            tasks: page.tasks.iter().map(v1::TaskSummary::from).collect(),
            next_page_token: page.next_page_token.unwrap_or_default(),
            total_size: page.total as u64,
        }
    }
}

impl From<&TaskSet> for v1::TaskSet {
    fn from(set: &TaskSet) -> Self {
        Self {
            name: set.name().to_owned(),
            size: set.len() as u64,
            families: set.families().into_iter().map(str::to_owned).collect(),
        }
    }
}

/// The task sets of a catalog.
pub fn task_sets(catalog: &Catalog) -> Vec<v1::TaskSet> {
    let files = catalog.sets().iter().map(v1::TaskSet::from);
    let hosted = catalog.hosts().with_tasks().into_iter().map(|family| v1::TaskSet {
        name: family.name().to_owned(),
        size: family.tasks.len() as u64,
        families: vec![family.name().to_owned()],
    });
    files.chain(hosted).collect()
}

impl From<Summary> for v1::EpisodeSummary {
    fn from(summary: Summary) -> Self {
        let spec = &summary.spec;
        Self {
            episode_id: spec.episode_id.clone(),
            task: Some((&spec.task_summary).into()),
            interpreter_state: v1::InterpreterState::from(spec.interpreter_state).into(),
            seed: spec.seed,
            next_step_index: summary.next_step_index,
            ended: summary.end_reason.is_some(),
            end_reason: end_reason(summary.end_reason).into(),
            created_at: Some(summary.created_at.into()),
            lease: Some(summary.lease.into()),
            forked_from: spec.forked_from.clone().unwrap_or_default(),
            state_loss: spec.state_loss.chance(),
            semantics: v1::Semantics::from(spec.semantics).into(),
            fuel_used: summary.usage.fuel,
            run_time: summary.usage.run_time.try_into().ok(),
        }
    }
}

impl From<Latency> for v1::LatencySummary {
    fn from(latency: Latency) -> Self {
        let Latency { name, count, mean_us, p50_us, p90_us, p99_us, max_us } = latency;
        Self { name: name.to_owned(), count, mean_us, p50_us, p90_us, p99_us, max_us }
    }
}

impl From<Description> for v1::GetEpisodeResponse {
    fn from(description: Description) -> Self {
        Self {
            observation: Some(description.opening.as_ref().into()),
            limits: Some((&description.summary.spec.limits).into()),
            episode: Some(description.summary.into()),
            steps: description.steps.steps.iter().map(|record| record.as_ref().into()).collect(),
            next_step_page_token: description.steps.next.map_or_else(String::new, |index| index.to_string()),
            evaluation: description.evaluation.as_ref().map(evaluation),
            // For operators only: the handler adds it.
            task_json: String::new(),
        }
    }
}

impl From<Listing> for v1::ListEpisodesResponse {
    fn from(listing: Listing) -> Self {
        Self {
            episodes: listing.episodes.into_iter().map(v1::EpisodeSummary::from).collect(),
            next_page_token: listing.next_page_token.unwrap_or_default(),
        }
    }
}

impl From<Leases> for v1::KeepAliveResponse {
    fn from(leases: Leases) -> Self {
        Self {
            leases: leases
                .leases
                .into_iter()
                .map(|lease| lease.map(Into::into).unwrap_or_default())
                .collect(),
            unknown_episode_ids: leases.unknown,
        }
    }
}

impl From<Closed> for v1::CloseEpisodeResponse {
    fn from(closed: Closed) -> Self {
        Self {
            end_reason: v1::EndReason::from(closed.end.reason).into(),
            evaluation: Some(evaluation(&closed.end.evaluation)),
            steps: closed.steps,
        }
    }
}

/// How well a task was solved.
pub fn evaluation(evaluation: &Evaluation) -> v1::Evaluation {
    v1::Evaluation {
        is_solved: evaluation.is_solved,
        score: evaluation.score,
        metrics_json: Value::Object(evaluation.metrics.clone()).to_string(),
    }
}

/// What episodes survive; `None` where they are not stored.
pub fn durability(durability: Option<Durability>) -> v1::Durability {
    match durability {
        None => v1::Durability::Off,
        Some(Durability::Process) => v1::Durability::Process,
        Some(Durability::Sync) => v1::Durability::Sync,
    }
}

impl From<EndReason> for v1::EndReason {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::Finished => Self::Finished,
            EndReason::MaxSteps => Self::MaxSteps,
            EndReason::Closed => Self::Closed,
            EndReason::LeaseExpired => Self::LeaseExpired,
            EndReason::Shutdown => Self::Shutdown,
        }
    }
}

/// The reason, or "unspecified" for an episode that has not ended.
pub fn end_reason(reason: Option<EndReason>) -> v1::EndReason {
    reason.map_or(v1::EndReason::Unspecified, v1::EndReason::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_reasons_have_one_name() {
        let reasons = [
            EndReason::Finished,
            EndReason::MaxSteps,
            EndReason::Closed,
            EndReason::LeaseExpired,
            EndReason::Shutdown,
        ];
        for reason in reasons {
            assert_eq!(proto::env::end_reason_name(reason.into()), reason.name());
        }
    }
}
