//! The lease sweeper.

use std::time::Instant;

use super::Registry;

impl Registry {
    /// Closes the episodes whose lease has run out, and forgets those that were closed long enough ago.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.table().forget_closed(now);
        self.table().forget_ended();
        let episodes: Vec<_> = self.table().all().cloned().collect();
        for episode in episodes {
            if episode.close_if_expired(now) {
                tracing::info!(episode_id = episode.id(), "lease expired");
                self.table().note_closed(episode);
            }
        }
    }
}
