//! Moving: an episode is exported from one server and goes on on another.

use std::sync::{Arc, Mutex};

use lifecycle::Caller;
use sandbox::{GUEST_SHA256, StoredSnapshot};

use super::Registry;
use crate::blocking::blocking;
use crate::episode::episode::{Episode, Summary};
use crate::episode::opening::Opening;
use crate::episode::play::{Past, Play};
use crate::episode::portable::{Portable, Snapshot};
use crate::episode::progress::Progress;
use crate::episode::spec::{self, Task};
use crate::episode::step::Record;
use crate::episode::stored::Stored;
use crate::error::{Error, Violation};
use crate::family;
use crate::metrics::Tally;

/// The most bytes of a snapshot that goes with an exported episode. Without it, more steps run again.
const SNAPSHOT_BYTES: usize = 4 << 20;

impl Registry {
    /// An episode as bytes, as it stands once its running step has ended. It goes on here, too.
    ///
    /// # Errors
    /// The caller is no operator; an unknown episode, or one that has ended; its first steps are no longer kept.
    pub async fn export(self: &Arc<Self>, caller: &Caller, id: &str) -> Result<Vec<u8>, Error> {
        check_operator(caller, "ExportEpisode")?;
        let episode = self.find_open(caller, id)?;
        // Until it is dropped, nothing happens in the episode.
        let unchanged = episode.loaded().await?;
        if let Some(reason) = episode.summary().end_reason {
            return Err(Error::Ended { reason });
        }
        let registry = self.clone();
        let export = move || {
            let _unchanged = unchanged;
            registry.export_now(&episode)
        };
        blocking(export).await
    }

    fn export_now(&self, episode: &Arc<Episode>) -> Result<Vec<u8>, Error> {
        let past = episode.past()?;
        let task = serde_json::to_string(&episode.task(&self.catalog)?)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let snapshot = past.snapshot.and_then(|StoredSnapshot { name, before }| {
            let file = self.sandbox.read_snapshot(&name).ok()?;
            (file.len() <= SNAPSHOT_BYTES).then_some(Snapshot { before, file })
        });
        let portable = Portable {
            interpreter: GUEST_SHA256.to_owned(),
            spec: episode.spec().to_store(),
            created_at: episode.created_at(),
            task,
            steps: past.records.iter().map(|record| record.to_bytes()).collect(),
            snapshot,
        };
        Ok(portable.to_bytes())
    }

    /// Goes on with an exported episode, under this id, or its own if that is empty. It belongs to the same tenant as before.
    ///
    /// # Errors
    /// The caller is no operator; bytes that are no exported episode, or one of another interpreter; limits above this server's; an
    /// id that is taken; no room.
    pub async fn import(
        self: &Arc<Self>,
        caller: Caller,
        bytes: Vec<u8>,
        id: String,
    ) -> Result<Summary, Error> {
        check_operator(&caller, "ImportEpisode")?;
        let registry = self.clone();
        // A task of its own: a caller who goes away must not leave half of an episode behind.
        tokio::spawn(async move { registry.import_now(&caller, &bytes, &id).await })
            .await
            .unwrap_or_else(|panic| Err(Error::Internal(format!("an episode was not imported: {panic}"))))
    }

    async fn import_now(self: &Arc<Self>, caller: &Caller, bytes: &[u8], id: &str) -> Result<Summary, Error> {
        let mut portable = Portable::from_bytes(bytes)?;
        if portable.interpreter != GUEST_SHA256 {
            let rule = format!(
                "ran on the interpreter {}, and goes on on no other; this server has {GUEST_SHA256}",
                portable.interpreter
            );
            return Err(Violation::new("episode", rule).into());
        }
        let id = if id.is_empty() { &portable.spec.episode_id } else { id };
        portable.spec.episode_id = spec::episode_id(&self.new_id("episode_id", id)?)?;
        portable.spec.task = Task::Inline(portable.task.clone());
        let terms = self.terms(&portable.spec.tenant);
        portable.spec.limits.check(terms.most_limits, terms.least_memory)?;
        let (tenant, id) = (portable.spec.tenant.clone(), portable.spec.episode_id.clone());
        if let Some(episode) = self.created_before(&tenant, &id, &portable.spec.request_digest)? {
            self.flushed().await?;
            return Ok(episode.summary());
        }
        self.check_room()?;
        let meter = self.meters.of(caller, &tenant);
        meter.create(1)?;
        let place = self.place(&meter)?;
        let registry = self.clone();
        let (episode, portable) = blocking(move || {
            let (opening, mut play) = registry.replayed(&portable)?;
            play.set_place(Some(place));
            let tally = Tally::new(registry.metrics.clone(), &portable.spec.tenant);
            let stored = registry.store.as_ref().map(|store| Stored::new(store.clone(), store.new_key()));
            let (spec, makers, residency) =
                (portable.spec.clone(), registry.makers(), registry.residency.clone());
            let episode = Episode::new(spec, Arc::new(opening), play, makers, residency, tally, stored);
            Ok((episode, portable))
        })
        .await?;
        let store = |added: &[Arc<Episode>]| added.first()?.store_imported(portable);
        self.add(vec![episode], store).await?;
        Ok(self.find_of(&tenant, &id)?.summary())
    }

    /// What an imported episode is played with.
    fn replayed(&self, portable: &Portable) -> Result<(Opening, Play), Error> {
        let violation = |rule: String| Error::from(Violation::new("episode", rule));
        let task = serde_json::from_str(&portable.task).map_err(|error| violation(error.to_string()))?;
        let task = family::parse(&task).map_err(|error| violation(error.to_string()))?;
        let makers = self.makers();
        let environment = makers.hosts.open(&task).map_err(|error| violation(error.to_string()))?;
        let records = portable.steps.iter().map(|step| Record::from_bytes(step).map(Arc::new));
        let records = records.collect::<Result<_, _>>().map_err(|error| violation(error.to_string()))?;
        let snapshot = portable.snapshot.as_ref().and_then(|Snapshot { before, file }| {
            let name = self.sandbox.add_snapshot(file).inspect_err(|error| tracing::warn!(%error)).ok()??;
            Some(StoredSnapshot { name, before: *before })
        });
        let past = Past { records, snapshot };
        let progress = Arc::new(Mutex::new(Progress::new(self.options.step_bytes)));
        Play::with_past(makers.sandbox, &portable.spec, environment, past, progress)
    }
}

fn check_operator(caller: &Caller, call: &str) -> Result<(), Error> {
    if caller.is_operator() {
        return Ok(());
    }
    Err(Error::Forbidden(format!("{call} needs an operator's token: an exported episode holds hidden data")))
}
