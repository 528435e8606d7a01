//! Episodes are created, and added to the table.

use std::sync::{Arc, Mutex};

use lifecycle::Caller;
use sandbox::Stop;

use super::{OPEN_PER_RUNNING, Registry};
use crate::episode::bridge::Bridge;
use crate::episode::episode::{Created, Episode};
use crate::episode::opening::Opening;
use crate::episode::play::Play;
use crate::episode::progress::Progress;
use crate::episode::spec::{self, Spec, Task, Terms, unplayable};
use crate::episode::store::Receipt;
use crate::episode::stored::Stored;
use crate::episode::table::Table;
use crate::error::Error;
use crate::metrics::Tally;

impl Registry {
    /// Creates an episode of the caller's tenant. A repeated request with an episode id gets the first one's episode. The
    /// request is decoded by the scheduler's threads, too: a large one takes a while.
    ///
    /// # Errors
    /// A wrong field, an unknown task, an id that is taken, no room, a quota that is used up.
    pub async fn create(
        self: &Arc<Self>,
        caller: Caller,
        request: impl Into<spec::Request> + Send + 'static,
    ) -> Result<Created, Error> {
        let (registry, tenant) = (self.clone(), caller.tenant.clone());
        let create = async move { registry.create_now(&caller, request.into()).await };
        let episode = self.scheduler.run(&tenant, Stop::default(), create).await??;
        // Not on the scheduler's threads: an episode that began before a restart is read from the disk.
        episode.created().await
    }

    async fn create_now(&self, caller: &Caller, request: spec::Request) -> Result<Arc<Episode>, Error> {
        let chosen = request.episode_id.is_empty();
        let episode_id = self.new_id("episode_id", &request.episode_id)?;
        let request = spec::Request { episode_id, ..request };
        let tenant = &*caller.tenant;
        if !request.boot_id.is_empty() && request.boot_id != self.boot_id {
            return Err(Error::Restarted { boot_id: self.boot_id.clone() });
        }
        let asked = if chosen { "" } else { &request.episode_id };
        if let Some(episode) = self.created_before(tenant, asked, &request.digest)? {
            // The first attempt may not be stored yet.
            self.flushed().await?;
            return Ok(episode);
        }
        self.check_room()?;
        let meter = self.meters.of(caller, tenant);
        meter.create(1)?;
        let (mut spec, task) = Spec::new(request, &self.terms(tenant))?;
        let makers = self.makers();
        let task = makers.hosts.begin(task).await?;
        if task.beginning.is_some() {
            // Nothing else has what the host has said.
            spec.task = Task::of(&task)?;
        }
        let environment = makers.hosts.open(&task).map_err(|error| unplayable(&error))?;
        let opening = Arc::new(Opening::of(environment.as_ref()));
        let place = self.place(&meter)?;
        let bridge = Bridge::new(environment);
        let progress = Arc::new(Mutex::new(Progress::new(self.options.step_bytes)));
        let play = Play::new(makers.sandbox.clone(), &spec, &opening.tools, bridge, Some(place), progress)?;
        let tally = Tally::new(self.metrics.clone(), tenant);
        let stored = self.store.as_ref().map(|store| Stored::new(store.clone(), store.new_key()));
        let id = spec.episode_id.clone();
        let residency = self.residency.clone();
        let episode = Episode::new(spec, opening, play, makers, residency, tally, stored);
        let store = |added: &[Arc<Episode>]| added.first()?.store(&task);
        self.add(vec![episode], store).await?;
        self.find_of(tenant, &id)
    }

    pub(super) fn terms<'a>(&'a self, tenant: &'a str) -> Terms<'a> {
        Terms {
            tenant,
            catalog: &self.catalog,
            default_limits: &self.options.default_limits,
            most_limits: &self.options.most_limits,
            default_lease: self.options.default_lease,
            least_memory: self.sandbox.least_memory_bytes(),
        }
    }

    /// Adds episodes, apart from those that another call with the same request has added: all of them, or none. `store` stores
    /// them; they are there once they are stored.
    pub(super) async fn add(
        &self,
        episodes: Vec<Episode>,
        store: impl FnOnce(&[Arc<Episode>]) -> Option<Receipt>,
    ) -> Result<(), Error> {
        let (added, receipt) = self.add_now(episodes, store)?;
        let stored = match receipt {
            Some(receipt) => receipt.stored().await,
            None => self.flushed().await,
        };
        kill_points::pass("add.stored");
        match stored {
            Ok(()) => added.iter().for_each(Episode::added),
            Err(_) => added.iter().for_each(|episode| self.table().remove(episode)),
        }
        stored
    }

    fn add_now(
        &self,
        episodes: Vec<Episode>,
        store: impl FnOnce(&[Arc<Episode>]) -> Option<Receipt>,
    ) -> Result<(Vec<Arc<Episode>>, Option<Receipt>), Error> {
        let mut table = self.table();
        let mut added = Vec::with_capacity(episodes.len());
        for episode in episodes {
            if let Err(error) = self.add_one(&mut table, Arc::new(episode), &mut added) {
                added.iter().for_each(|episode| table.remove(episode));
                return Err(error);
            }
        }
        for episode in &added {
            self.metrics.episodes.create();
            episode.note_created();
        }
        // While the table is locked: whatever happens in the episodes is stored after them.
        kill_points::pass("add.before_store");
        let receipt = store(&added);
        Ok((added, receipt))
    }

    fn add_one(
        &self,
        table: &mut Table,
        episode: Arc<Episode>,
        added: &mut Vec<Arc<Episode>>,
    ) -> Result<(), Error> {
        let most = self.options.max_episodes.saturating_mul(OPEN_PER_RUNNING);
        if table.open() >= most {
            let (ended, closed) = table.close_one_ended().ok_or_else(|| self.full())?;
            self.remember(&ended, &closed);
        }
        let present = table.add(episode.clone());
        if Arc::ptr_eq(present, &episode) {
            added.push(episode);
            Ok(())
        } else if present.was_created_by(episode.request_digest()) {
            Ok(())
        } else {
            Err(Error::EpisodeExists { id: present.id().to_owned() })
        }
    }
}
