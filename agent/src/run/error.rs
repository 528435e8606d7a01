//! Why a run can't start, or can't continue.

use std::path::PathBuf;

use acting::prompts;

use super::folder;
use crate::model;

/// Why a run can't start, or can't continue.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a server nor tasks to start one with.
    #[error(
        "name the tasks with --tasks-root DIR, or a running server with --env URL or `env` in the config"
    )]
    NoTasks,
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// The run folder can't be used.
    #[error(transparent)]
    Folder(#[from] folder::Error),
    /// The server can't be started.
    #[error(transparent)]
    Server(#[from] lifecycle::child::Error),
    /// The servers can't be used, each or together.
    #[error(transparent)]
    Servers(#[from] client::GroupError),
    /// A call failed: the server refused it or could not be reached.
    #[error("{call}: {}", client::explain(status))]
    Call {
        /// The call.
        call: &'static str,
        /// What the server reported.
        status: Box<tonic::Status>,
    },
    /// The server lacks what the run asks for.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A server can't be reached any more.
    #[error(
        "the {server} can't be reached ({episodes} episodes in a row failed for it; the last: {last}); once it \
         can be reached again, the same command continues the run"
    )]
    Unreachable {
        /// Which server.
        server: &'static str,
        /// How many consecutive episodes failed because of it.
        episodes: usize,
        /// The error of the last of them.
        last: String,
    },
    /// The prompts can't be used.
    #[error("prompts: {0}")]
    Prompts(#[from] prompts::Error),
    /// The models' answers can't be kept.
    #[error("`cache_db_path`: {0}")]
    Cache(model::Error),
    /// An agent's model can't play a family.
    #[error("`agents[{index}].llm`: {source}")]
    Model {
        /// Which agent.
        index: usize,
        /// The reason.
        source: model::Error,
    },
    /// The trace page's template is broken.
    #[error("writing a trace page: {0}")]
    Page(#[from] minijinja::Error),
    /// An episode's task panicked.
    #[error("an episode ended abnormally: {0}")]
    Episode(#[from] tokio::task::JoinError),
}

/// The server's tasks are not those that the run needs.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The config and the task folder disagree.
    #[error("`task_set` is `{config}`, but the tasks in --tasks-root are `{manifest}`")]
    TwoSets {
        /// The set in the config.
        config: String,
        /// The set in the manifest.
        manifest: String,
    },
    /// The server does not have the task set.
    #[error("the server at {url} does not offer the task set `{set}`; it offers: {offers}")]
    NoSuchSet {
        /// The server.
        url: String,
        /// The set that the run needs.
        set: String,
        /// The sets that it has.
        offers: String,
    },
    /// The server has several task sets, and the run names none.
    #[error(
        "the server at {url} offers several task sets ({offers}): name one with `task_set` in the config or with \
         --tasks-root"
    )]
    WhichSet {
        /// The server.
        url: String,
        /// The sets that it has.
        offers: String,
    },
    /// A result in the run folder belongs to another task of the same name.
    #[error(
        "{} was played with {what} {before}, but the server's task of that name has {now}: these are other \
         tasks under the same name; choose another --output-dir or `run_name`, or remove the run folder to start \
         over",
        trace.display()
    )]
    OtherTask {
        /// The result's trace.
        trace: PathBuf,
        /// The property that differs.
        what: &'static str,
        /// Its value in the trace.
        before: String,
        /// Its value on the server.
        now: String,
    },
    /// Two servers differ in what results depend on.
    #[error(
        "the servers at {first} and {url} differ in their {what}: the results would depend on the server"
    )]
    OtherServer {
        /// The first server.
        first: String,
        /// Another one.
        url: String,
        /// What differs.
        what: &'static str,
    },
    /// The task set has no task of a family.
    #[error("`task_families`: the task set `{set}` has no task of the family `{family}`")]
    NoTasks {
        /// The set.
        set: String,
        /// The family.
        family: String,
    },
}

/// The error of a failed call.
pub fn call_failed(call: &'static str) -> impl Fn(tonic::Status) -> Error {
    move |status| Error::Call { call, status: Box::new(status) }
}
