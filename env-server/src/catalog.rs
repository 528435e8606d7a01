//! The task sets that a server offers.

use std::sync::Arc;

use proto::env::v1;
use proto::task::TaskFile;

use crate::episode::{Error, Violation};
use crate::family::FAMILIES;
use crate::task_set::TaskSet;

/// Most tasks on one page of a listing.
const MAX_PAGE: usize = 1000;

/// Task sets by name.
#[derive(Debug, Default)]
pub struct Catalog {
    sets: Vec<TaskSet>,
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
        Ok(Self { sets })
    }

    /// What there is.
    pub fn describe(&self) -> Vec<v1::TaskSet> {
        let describe = |set: &TaskSet| v1::TaskSet {
            name: set.name().to_owned(),
            size: set.len() as u64,
            families: set.families().into_iter().map(str::to_owned).collect(),
        };
        self.sets.iter().map(describe).collect()
    }

    /// A task, and the name of its set. An empty set name means the only set.
    ///
    /// # Errors
    /// [`Error::UnknownTask`], or a violation if the set must be named.
    pub fn find(&self, set: &str, task_id: &str) -> Result<(&str, Arc<TaskFile>), Error> {
        let set = self.set(set)?;
        let task = set.get(task_id).ok_or_else(|| {
            Error::UnknownTask(format!(
                "no task `{task_id}` in the set `{}` ({} tasks)",
                set.name(),
                set.len()
            ))
        })?;
        Ok((set.name(), task.clone()))
    }

    /// One page of a set's tasks, in the order of their ids.
    ///
    /// # Errors
    /// An unknown set, or a page token that this server did not make.
    pub fn list(&self, request: &v1::ListTasksRequest) -> Result<v1::ListTasksResponse, Error> {
        let set = self.set(&request.set)?;
        let start: usize = match request.page_token.as_str() {
            "" => 0,
            token => token.parse().map_err(|_| {
                Violation::new("page_token", "must be empty or a next_page_token of this server")
            })?,
        };
        let page = match request.page_size as usize {
            0 => MAX_PAGE,
            size @ 1..=MAX_PAGE => size,
            _ => return Err(Violation::new("page_size", format!("must be at most {MAX_PAGE}")).into()),
        };
        let family = Some(request.family.as_str()).filter(|family| !family.is_empty());
        if family.is_some_and(|family| !FAMILIES.contains(&family)) {
            return Err(Violation::new("family", format!("must be one of {}", FAMILIES.join(", "))).into());
        }
        let total = set.tasks(family).count();
        let tasks = set.tasks(family).skip(start).take(page).map(|task| summary(set.name(), task)).collect();
        let next = start.saturating_add(page);
        Ok(v1::ListTasksResponse {
            tasks,
            next_page_token: if next < total { next.to_string() } else { String::new() },
            total_size: total as u64,
        })
    }

    fn set(&self, name: &str) -> Result<&TaskSet, Error> {
        let names = || self.sets.iter().map(TaskSet::name).collect::<Vec<_>>().join(", ");
        match (name, self.sets.as_slice()) {
            (_, []) => Err(Error::UnknownTask("this server was started without task sets".to_owned())),
            ("", [only]) => Ok(only),
            ("", _) => {
                Err(Violation::new("set", format!("must be named, for there are several: {}", names()))
                    .into())
            }
            (name, sets) => sets.iter().find(|set| set.name() == name).ok_or_else(|| {
                Error::UnknownTask(format!("no task set `{name}`; this server has: {}", names()))
            }),
        }
    }
}

/// What may be known of a task before it is played.
pub fn summary(set: &str, task: &TaskFile) -> v1::TaskSummary {
    v1::TaskSummary {
        set: set.to_owned(),
        task_id: task.task_id.clone(),
        family: task.family.clone(),
        seed: task.seed,
        // For operators only, and this version has no credentials.
        difficulty_json: String::new(),
    }
}
