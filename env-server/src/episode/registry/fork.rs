//! Forking: copies of a running episode.

use std::collections::HashSet;
use std::sync::Arc;

use lifecycle::Caller;

use super::Registry;
use crate::episode::episode::{Copies, Copy, Earlier, Episode, Summary};
use crate::episode::spec;
use crate::error::{Error, Violation};

/// The field of a fork request that holds the new ids.
const FIELD: &str = "new_episode_ids";

impl Registry {
    /// Copies an episode into new ones that stand where it does, or did before its step `at`: all of them, or none. An id that the same request has
    /// created before is answered as it stands. An empty id is replaced by a random one. The copies belong to the source's
    /// tenant.
    ///
    /// # Errors
    /// An unknown episode, one that has ended, a wrong or taken id, no room, a quota that is used up.
    pub async fn fork(
        self: &Arc<Self>,
        caller: Caller,
        source_id: String,
        new_ids: Vec<String>,
        at: Option<u64>,
    ) -> Result<Vec<Summary>, Error> {
        let registry = self.clone();
        // A task of its own: a caller who goes away must not leave some of the copies behind.
        tokio::spawn(async move { registry.fork_all(&caller, &source_id, &new_ids, at).await })
            .await
            .unwrap_or_else(|panic| Err(Error::Internal(format!("an episode was not forked: {panic}"))))
    }

    async fn fork_all(
        self: &Arc<Self>,
        caller: &Caller,
        source_id: &str,
        new_ids: &[String],
        at: Option<u64>,
    ) -> Result<Vec<Summary>, Error> {
        let source = self.find_open(caller, source_id)?;
        let ids = self.check_new_ids(new_ids)?;
        let step = at.map(|at| format!("/{at}")).unwrap_or_default();
        let digest = |id: &str| files::digest::bytes(format!("fork/{}/{id}{step}", source.id()));
        let mut missing = Vec::new();
        for id in &ids {
            if self.created_before(source.tenant(), id, &digest(id))?.is_none() {
                missing.push(id.clone());
            }
        }
        if missing.is_empty() {
            self.flushed().await?;
        } else {
            self.check_room()?;
            let meter = self.meters.of(caller, source.tenant());
            let copy = |id: String| Ok(Copy { request_digest: digest(&id), id, place: self.place(&meter)? });
            let copies = missing.into_iter().map(copy).collect::<Result<Vec<_>, Error>>()?;
            meter.create(copies.len() as u64)?;
            // Of a closed one, the task may be gone.
            let task =
                || source.task(&self.catalog).or_else(|error| source.check_not_closed().and(Err(error)));
            let earlier = at.map(|at| Ok::<_, Error>(Earlier { at, task: task()? }));
            let copies = source.fork(copies, earlier.transpose()?, &self.scheduler).await?;
            kill_points::pass("fork.copied");
            self.add_copies(&source, copies).await?;
        }
        ids.iter().map(|id| Ok(self.find_of(source.tenant(), id)?.summary())).collect()
    }

    async fn add_copies(&self, source: &Arc<Episode>, copies: Copies) -> Result<(), Error> {
        let Copies { episodes, at, source: unchanged } = copies;
        let store = |added: &[Arc<Episode>]| {
            let receipt = source.store_copies(at, added);
            drop(unchanged);
            receipt
        };
        self.add(episodes, store).await
    }

    /// The ids of the new episodes.
    fn check_new_ids(&self, asked: &[String]) -> Result<Vec<String>, Error> {
        if asked.is_empty() {
            let rule = "holds no id: one for each new episode, empty to have it chosen";
            return Err(Violation::new(FIELD, rule).into());
        }
        if asked.len() > self.options.max_episodes {
            return Err(self.full());
        }
        let (mut ids, mut seen) = (Vec::new(), HashSet::new());
        for (index, asked) in asked.iter().enumerate() {
            let field = format!("{FIELD}[{index}]");
            let asked = self.new_id(&field, asked)?;
            let in_place = |description| Violation::new(field.clone(), description);
            let id = spec::episode_id(&asked).map_err(|violation| in_place(violation.description))?;
            if !seen.insert(id.clone()) {
                return Err(in_place("is there twice".to_owned()).into());
            }
            ids.push(id);
        }
        Ok(ids)
    }
}
