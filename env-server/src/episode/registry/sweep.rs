//! The lease sweeper.

use std::time::Instant;

use super::Registry;

impl Registry {
    /// Closes the episodes whose lease has run out, and forgets those that were closed long enough ago. It may read the store.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.table().forget_closed(now);
        self.table().forget_ended();
        self.tombstones.sweep(now);
        let episodes: Vec<_> = self.table().all().cloned().collect();
        for episode in episodes {
            match episode.close_if_expired(now) {
                Ok(None) => {}
                Ok(Some(closed)) => {
                    tracing::info!(episode_id = episode.id(), "lease expired");
                    self.remember(&episode, &closed);
                    self.table().note_closed(episode);
                }
                Err(error) => {
                    tracing::error!(episode_id = episode.id(), %error, "an expired episode can't be closed");
                }
            }
        }
    }
}
