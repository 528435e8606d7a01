//! The task sets that a server offers.

use std::sync::Arc;

use files::digest;
use proto::task::TaskFile;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Violation};
use crate::family::FAMILIES;
use crate::hosts::{Family, Hosts};
use crate::task_set::{Listed, TaskSet};

/// The most tasks on one page of a listing.
const MAX_PAGE: usize = 1000;

/// Task sets by name: those that the server was started with, and those of hosted families.
#[derive(Debug, Default)]
pub struct Catalog {
    sets: Vec<TaskSet>,
    hosts: Hosts,
}

/// Where tasks are.
enum Set<'a> {
    /// In files.
    Files(&'a TaskSet),
    /// In what a tool host has offered.
    Hosted(Arc<Family>),
}

/// Which tasks a listing is of.
#[derive(Clone, Debug)]
pub struct Query {
    /// The set; may be empty where there is only one.
    pub set: String,
    /// The family; empty for all.
    pub family: String,
    /// The most tasks on a page; 0 takes the server's limit.
    pub page_size: usize,
    /// From the previous page; empty for the first one.
    pub page_token: String,
}

/// One page of a listing.
#[derive(Clone, Debug)]
pub struct Page {
    /// The tasks, in the order of their ids.
    pub tasks: Vec<TaskSummary>,
    /// Names the next page, if there is one.
    pub next_page_token: Option<String>,
    /// All tasks that match, over all pages.
    pub total: usize,
}

/// What may be known of a task before it is played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSummary {
    /// The task's set; empty for a task that belongs to none.
    pub set: String,
    /// The task's id.
    pub task_id: String,
    /// The task's family.
    pub family: String,
    /// SHA-256 of the task's public data, in hexadecimal.
    pub public_sha256: String,
}

impl Catalog {
    /// A catalog of these sets.
    ///
    /// # Errors
    /// The name that two of them share.
    pub fn new(sets: Vec<TaskSet>) -> Result<Self, String> {
        for (index, set) in sets.iter().enumerate() {
            if sets[..index].iter().any(|other| other.name() == set.name()) {
                return Err(set.name().to_owned());
            }
        }
        Ok(Self { sets, hosts: Hosts::default() })
    }

    /// The task sets that it was made of, in the order in which they were given.
    pub fn sets(&self) -> &[TaskSet] {
        &self.sets
    }

    /// The tool hosts, and their families.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The families that can be played, sorted.
    pub fn families(&self) -> Vec<String> {
        let mut names = self.hosts.names();
        names.extend(FAMILIES.map(str::to_owned));
        names.sort_unstable();
        names
    }

    /// Refuses what is no family, unless it is empty.
    ///
    /// # Errors
    /// A violation of `family`.
    pub fn check_family(&self, family: &str) -> Result<(), Violation> {
        if family.is_empty() || FAMILIES.contains(&family) || self.hosts.know(family) {
            return Ok(());
        }
        Err(Violation::new("family", format!("must be one of {}", self.families().join(", "))))
    }

    /// Reads a task, and returns it with the name of its set. An empty set name means the only set.
    ///
    /// # Errors
    /// [`Error::UnknownTask`], [`Error::TaskChanged`], or a violation if the set must be named.
    pub fn find(&self, set: &str, task_id: &str) -> Result<(String, TaskFile), Error> {
        let unknown = |set: &str, tasks: usize| {
            Error::UnknownTask(format!("no task `{task_id}` in the set `{set}` ({tasks} tasks)"))
        };
        let set = match self.set(set, "")? {
            Set::Files(set) => set,
            Set::Hosted(family) => {
                let task = family.task(task_id).cloned();
                let task = task.ok_or_else(|| unknown(family.name(), family.tasks.len()))?;
                return Ok((family.name().to_owned(), task));
            }
        };
        let task = set.read(task_id).ok_or_else(|| unknown(set.name(), set.len()))?;
        let task = task.map_err(|error| {
            // Where it is, is the operator's business.
            tracing::error!("task {task_id} of the set {}: {error}", set.name());
            Error::TaskChanged { set: set.name().to_owned(), task_id: task_id.to_owned() }
        })?;
        Ok((set.name().to_owned(), task))
    }

    /// The family of a task, if the set has such a task.
    pub fn family_of(&self, set: &str, task_id: &str) -> Option<String> {
        match self.set(set, "").ok()? {
            Set::Files(set) => set.family_of(task_id).map(str::to_owned),
            Set::Hosted(family) => family.task(task_id).map(|task| task.family.clone()),
        }
    }

    /// One page of a set's tasks, in the order of their ids.
    ///
    /// # Errors
    /// An unknown set, or a page token that this server did not make.
    pub fn list(&self, query: &Query) -> Result<Page, Error> {
        let start: usize = match query.page_token.as_str() {
            "" => 0,
            token => token.parse().map_err(|_| {
                Violation::new("page_token", "must be empty or a next_page_token of this server")
            })?,
        };
        let size = match query.page_size {
            0 => MAX_PAGE,
            size @ 1..=MAX_PAGE => size,
            _ => return Err(Violation::new("page_size", format!("must be at most {MAX_PAGE}")).into()),
        };
        self.check_family(&query.family)?;
        let family = Some(query.family.as_str()).filter(|family| !family.is_empty());
        let (tasks, total) = match self.set(&query.set, &query.family)? {
            Set::Files(set) => {
                let page = set.page(family, start, size).into_iter();
                let tasks = page.map(|task| TaskSummary::listed(set.name(), task)).collect();
                (tasks, set.count(family))
            }
            Set::Hosted(hosted) if family.is_none_or(|family| family == hosted.name()) => {
                let page = hosted.tasks.iter().skip(start).take(size);
                (page.map(|task| TaskSummary::of(hosted.name(), task)).collect(), hosted.tasks.len())
            }
            Set::Hosted(_) => (Vec::new(), 0),
        };
        let next = start.saturating_add(size);
        Ok(Page { tasks, next_page_token: (next < total).then(|| next.to_string()), total })
    }

    /// The set of this name. Where that is empty: the one of this hosted family, or the only one.
    fn set(&self, name: &str, family: &str) -> Result<Set<'_>, Error> {
        let wanted = if name.is_empty() { family } else { name };
        let hosted = self.hosts.with_tasks();
        if let Some(hosted) = hosted.iter().find(|hosted| hosted.name() == wanted) {
            return Ok(Set::Hosted(hosted.clone()));
        }
        let names = || {
            let files = self.sets.iter().map(TaskSet::name);
            files.chain(hosted.iter().map(|hosted| hosted.name())).collect::<Vec<_>>().join(", ")
        };
        match (name, self.sets.as_slice(), hosted.as_slice()) {
            (_, [], []) => Err(Error::UnknownTask("this server was started without task sets".to_owned())),
            ("", [only], _) => Ok(Set::Files(only)),
            ("", [], [only]) => Ok(Set::Hosted(only.clone())),
            ("", ..) => {
                Err(Violation::new("set", format!("must be named, for there are several: {}", names()))
                    .into())
            }
            (name, sets, _) => sets.iter().find(|set| set.name() == name).map(Set::Files).ok_or_else(|| {
                Error::UnknownTask(format!("no task set `{name}`; this server has: {}", names()))
            }),
        }
    }
}

impl TaskSummary {
    /// The summary of a task of this set.
    pub fn of(set: &str, task: &TaskFile) -> Self {
        Self {
            set: set.to_owned(),
            task_id: task.task_id.clone(),
            family: task.family.clone(),
            public_sha256: digest::bytes(Value::Object(task.public.clone()).to_string()),
        }
    }

    fn listed(set: &str, task: Listed<'_>) -> Self {
        Self {
            set: set.to_owned(),
            task_id: task.task_id.to_owned(),
            family: task.family.to_owned(),
            public_sha256: task.public_sha256,
        }
    }
}
