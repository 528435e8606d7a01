//! The tasks that a name stands for, and which one is played next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proto::env::v1;
use tonic::Status;

use crate::catalog::{Catalog, Query, TaskSummary};
use crate::error::{Error, Violation};

/// Between a set's name and a family's.
const OF_SET: char = ':';

/// Some tasks of a set, in the order of their ids.
pub struct Tasks {
    name: String,
    set: String,
    /// The family; empty for all of the set.
    family: String,
    count: usize,
    /// How many were played in turn.
    taken: AtomicUsize,
}

/// Which task is to be played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The next one, of all sessions together; after the last comes the first.
    #[default]
    InTurn,
    /// The task of this number, from 0.
    Number(u64),
    /// The task of this number, counted in a circle.
    Seed(u64),
    /// The task of this id.
    Id(String),
}

impl Choice {
    /// The choice of a client that may say an id, a number or a seed: the first of them counts.
    pub fn of(task_id: Option<String>, number: Option<u64>, seed: Option<u64>) -> Self {
        match (task_id, number, seed) {
            (Some(task_id), ..) => Self::Id(task_id),
            (None, Some(number), _) => Self::Number(number),
            (None, None, Some(seed)) => Self::Seed(seed),
            (None, None, None) => Self::InTurn,
        }
    }
}

/// All that names may stand for in the sets of a catalogue: `SET`, `SET:FAMILY`, or `FAMILY` where only one set has tasks of it.
pub fn named(catalog: &Catalog) -> BTreeMap<String, Arc<Tasks>> {
    let mut named = BTreeMap::new();
    let mut of_family = BTreeMap::<&str, Vec<Arc<Tasks>>>::new();
    let mut add = |name: String, set: &str, family: &str, count: usize| {
        let tasks = Tasks::new(name.clone(), set, family, count);
        named.entry(name).or_insert_with(|| Arc::new(tasks)).clone()
    };
    for set in catalog.sets() {
        add(set.name().to_owned(), set.name(), "", set.len());
        for family in set.families() {
            let name = format!("{}{OF_SET}{family}", set.name());
            let tasks = add(name, set.name(), family, set.count(Some(family)));
            of_family.entry(family).or_default().push(tasks);
        }
    }
    for (family, mut tasks) in of_family {
        if let (Some(only), []) = (tasks.pop(), &tasks[..]) {
            named.entry(family.to_owned()).or_insert(only);
        }
    }
    named
}

impl Tasks {
    /// These `count` tasks of a set; no family: all of them.
    pub fn new(name: String, set: &str, family: &str, count: usize) -> Self {
        let (set, family) = (set.to_owned(), family.to_owned());
        Self { name, set, family, count, taken: AtomicUsize::new(0) }
    }

    /// Its longest name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many there are; never 0.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The tasks from `start` on, `size` at most.
    pub fn page(&self, catalog: &Catalog, start: usize, size: usize) -> Result<Vec<TaskSummary>, Status> {
        let query = Query {
            set: self.set.clone(),
            family: self.family.clone(),
            page_size: size,
            page_token: start.to_string(),
        };
        Ok(catalog.list(&query).map_err(Status::from)?.tasks)
    }

    /// Chooses a task.
    ///
    /// # Errors
    /// There is no such task among these.
    pub fn choose(&self, catalog: &Catalog, choice: Choice) -> Result<v1::TaskRef, Status> {
        let number = match choice {
            Choice::Id(task_id) => return self.check(catalog, task_id),
            Choice::InTurn => self.taken.fetch_add(1, Ordering::Relaxed) % self.count,
            Choice::Seed(seed) => usize::try_from(seed % self.count as u64).unwrap_or_default(),
            Choice::Number(number) => match usize::try_from(number) {
                Ok(number) if number < self.count => number,
                _ => {
                    let description = format!("must be below {}, the number of tasks", self.count);
                    return Err(Error::from(Violation::new("task_index", description)).into());
                }
            },
        };
        let task = self.page(catalog, number, 1)?.pop();
        let task = task.ok_or_else(|| Status::internal(format!("no task of the number {number}")))?;
        Ok(v1::TaskRef { set: task.set, task_id: task.task_id })
    }

    fn check(&self, catalog: &Catalog, task_id: String) -> Result<v1::TaskRef, Status> {
        let family = catalog.family_of(&self.set, &task_id);
        if family.is_none_or(|family| !self.family.is_empty() && family != self.family) {
            let description = format!("no task `{task_id}` among the {} of `{}`", self.count, self.name);
            return Err(Error::from(Violation::new("task_id", description)).into());
        }
        Ok(v1::TaskRef { set: self.set.clone(), task_id })
    }
}
