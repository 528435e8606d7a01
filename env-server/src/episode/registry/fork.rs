//! Forking: copies of a running episode.

use std::collections::HashSet;
use std::sync::Arc;

use super::Registry;
use crate::episode::end::EndReason;
use crate::episode::episode::{Episode, Summary};
use crate::episode::spec;
use crate::error::{Error, Violation};

/// The field of a fork request that holds the new ids.
const FIELD: &str = "new_episode_ids";

impl Registry {
    /// Copies an episode into new ones that stand where it does: all of them, or none. An id that the same request has
    /// created before is answered as it stands. An empty id is replaced by a random one.
    ///
    /// # Errors
    /// An unknown episode, one that has ended, a wrong or taken id, no room.
    pub async fn fork(
        self: &Arc<Self>,
        source_id: String,
        new_ids: Vec<String>,
    ) -> Result<Vec<Summary>, Error> {
        let registry = self.clone();
        // A task of its own: a caller who goes away must not leave some of the copies behind.
        tokio::spawn(async move { registry.fork_all(&source_id, &new_ids).await })
            .await
            .unwrap_or_else(|panic| Err(Error::Internal(format!("an episode was not forked: {panic}"))))
    }

    async fn fork_all(self: &Arc<Self>, source_id: &str, new_ids: &[String]) -> Result<Vec<Summary>, Error> {
        let source = self.find(source_id)?;
        let ids = self.check_new_ids(new_ids)?;
        let digest = |id: &str| files::digest::bytes(format!("fork/{}/{id}", source.id()));
        let mut missing = Vec::new();
        for id in &ids {
            if self.created_before(id, &digest(id))?.is_none() {
                missing.push(id.clone());
            }
        }
        let count = u32::try_from(missing.len()).map_err(|_| self.full())?;
        let mut slots = self.slots(count)?;
        let mut made = Vec::new();
        for id in missing {
            let slot = slots.split(1).ok_or_else(|| Error::Internal("a slot is missing".to_owned()))?;
            let (request_digest, registry) = (digest(&id), self.clone());
            let add = move |episode| registry.add(episode);
            match source.fork(id, request_digest, slot, &self.workers, add).await {
                Ok((fork, is_new)) => made.extend(is_new.then_some(fork)),
                Err(error) => {
                    for fork in made {
                        self.undo(&fork).await;
                    }
                    return Err(error);
                }
            }
        }
        let mut episodes = Vec::new();
        for id in &ids {
            episodes.push(self.find(id)?.summary().await);
        }
        Ok(episodes)
    }

    /// Removes an episode that no answer has named.
    async fn undo(&self, episode: &Episode) {
        if episode.close(EndReason::Closed).await.newly {
            self.table().remove(episode.id());
        }
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
            let in_place = |description| Violation::new(format!("{FIELD}[{index}]"), description);
            let id = spec::episode_id(asked).map_err(|violation| in_place(violation.description))?;
            if !seen.insert(id.clone()) {
                return Err(in_place("is there twice".to_owned()).into());
            }
            ids.push(id);
        }
        Ok(ids)
    }
}
