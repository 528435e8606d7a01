//! What is read when `/metrics` is: episodes, interpreters, memory, queues, connections.

use std::fmt;
use std::sync::Arc;

use lifecycle::Traffic;

use super::page::Page;
use crate::episode::Registry;

/// What a server holds now.
pub struct State {
    /// The episodes.
    pub episodes: Arc<Registry>,
    /// The connections.
    pub traffic: Arc<Traffic>,
}

impl State {
    /// Writes it.
    ///
    /// # Errors
    /// The page's.
    pub fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        self.write_episodes(page)?;
        self.write_memory(page)?;
        self.write_store(page)?;
        self.write_connections(page)
    }

    fn write_episodes(&self, page: &mut Page<'_>) -> fmt::Result {
        let counts = self.episodes.counts();
        let ended = counts.episodes.saturating_sub(counts.running);
        let help = "Episodes that run, and those that have ended and are remembered";
        page.gauges("episodes", help, "state", [("running", counts.running), ("ended", ended)])?;
        let most = self.episodes.options().max_episodes as u64;
        page.gauge("episodes_limit", "The most episodes that run at a time (--max-episodes)", most)?;
        let help = "Persistent interpreters between steps, in memory and hibernated";
        page.gauges("interpreters", help, "state", [("awake", counts.awake), ("hibernated", counts.asleep)])?;
        let load = self.episodes.load();
        let help = "Work on interpreters (steps, creations, forks) that has begun and not ended";
        page.gauge("scheduler_begun", help, load.begun as u64)?;
        let help = "Of it, what waits for its next turn on one of the interpreters' threads";
        page.gauge("scheduler_queue_length", help, load.queued as u64)?;
        let hosts = self.episodes.catalog().hosts().connected();
        page.gauge("tool_hosts", "Tool hosts that are connected", hosts as u64)
    }

    fn write_memory(&self, page: &mut Page<'_>) -> fmt::Result {
        let sandbox = self.episodes.sandbox();
        let budget = sandbox.budget();
        page.gauge(
            "memory_limit_bytes",
            "The memory that the server may take (--memory)",
            budget.limit() as u64,
        )?;
        let help =
            "The memory that counts against the limit: what was promised, and what was measured beyond it";
        page.gauge("memory_used_bytes", help, budget.used() as u64)?;
        let (used, most) = sandbox.hibernation_bytes();
        page.gauge("hibernation_used_bytes", "The disk that hibernated interpreters take", used)?;
        let help = "The disk that hibernated interpreters may take (--hibernation-gib)";
        page.gauge("hibernation_limit_bytes", help, most)
    }

    fn write_store(&self, page: &mut Page<'_>) -> fmt::Result {
        let Some(store) = self.episodes.store() else { return Ok(()) };
        let journal = store.journal();
        let stats = journal.stats();
        page.counter("store_commits", "Transactions that were stored", stats.commits)?;
        page.counter("store_changes", "Changes of episodes that were stored in them", stats.changes)?;
        let help = "The time that they took";
        page.counter("store_commit_seconds", help, stats.commit_time.as_secs_f64())?;
        page.gauge("store_queue_length", "Changes that wait to be stored", stats.queued_changes as u64)?;
        page.gauge("store_queue_bytes", "About how many bytes they have", stats.queued_bytes as u64)?;
        let used = stats.database_bytes + stats.log_bytes;
        page.gauge("store_used_bytes", "The disk that the database and its log take", used)?;
        let help = "Whether creates and steps are refused for want of space on the disk";
        page.gauge("store_full", help, u64::from(!journal.has_room()))
    }

    fn write_connections(&self, page: &mut Page<'_>) -> fmt::Result {
        let Self { traffic, .. } = self;
        page.gauge("connections", "Connections that are open", traffic.open() as u64)?;
        let help = "The most connections at a time (--max-connections)";
        page.gauge("connections_limit", help, traffic.most() as u64)?;
        page.counter("connections_accepted", "Connections that were accepted", traffic.accepted.get())?;
        let help = "Connections that were closed at once, since too many were open";
        page.counter("connections_refused", help, traffic.turned_away.get())?;
        let help = "TLS handshakes that failed or took too long";
        page.counter("tls_handshakes_failed", help, traffic.failed_handshakes.get())?;
        let help = "Calls without a token that the server accepts";
        page.counter("unauthenticated_calls", help, traffic.unauthenticated.get())
    }
}
