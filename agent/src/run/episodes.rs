//! Playing many episodes, several at once, until all are played or the run ends early.

use std::future::Future;
use std::pin::pin;

use futures::StreamExt as _;
use proto::run::Layout;
use tokio::sync::watch;

use super::error::Error;
use super::job::{Job, Played};
use super::progress::Progress;
use crate::stop::stopped;

/// The run ends when this many consecutive episodes fail because a server can't be reached: the others would
/// each wait and fail in the same way.
const UNREACHABLE_LIMIT: usize = 3;

/// How the episodes of a run are played.
pub struct Episodes<'run> {
    /// The run's files.
    pub layout: &'run Layout,
    /// Where progress is reported.
    pub progress: &'run Progress,
    /// The most episodes that are played at once.
    pub at_once: usize,
}

/// How playing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All episodes were played.
    Complete,
    /// The run was stopped.
    Stopped,
}

impl Episodes<'_> {
    /// Plays the jobs that are not kept, and notes in each how it ended. If the run ends early, running
    /// episodes are closed first, and no further job begins.
    ///
    /// # Errors
    /// The first failure that concerns the run and not one episode: a file can't be written, a server ended
    /// or can't be reached.
    pub async fn play(
        &self,
        jobs: &mut [Job],
        server_ended: impl Future<Output = lifecycle::child::Error>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<End, Error> {
        let (halt, halted) = watch::channel(false);
        let to_play: Vec<(usize, Job)> = jobs
            .iter()
            .enumerate()
            .filter(|(_, job)| job.kept.is_none())
            .map(|(i, job)| (i, job.clone()))
            .collect();
        let mut episodes = futures::stream::iter(to_play)
            .take_while(|_| std::future::ready(!*halted.borrow()))
            .map(|(index, job)| {
                self.progress.began(&job);
                let (layout, halted) = (self.layout.clone(), halted.clone());
                tokio::spawn(async move { (index, job.run(&layout, halted).await) })
            })
            .buffer_unordered(self.at_once);
        let mut server_ended = pin!(server_ended);
        let mut unreachable = 0;
        let mut end = Ok(End::Complete);
        loop {
            let ended = tokio::select! {
                finished = episodes.next() => match finished {
                    None => return end,
                    Some(Ok((index, played))) => self.take_in(&mut jobs[index], played, &mut unreachable).err(),
                    Some(Err(panic)) => Some(panic.into()),
                }
                .map(Err),
                () = stopped(&mut stop), if !*halted.borrow() => Some(Ok(End::Stopped)),
                error = &mut server_ended, if !*halted.borrow() => Some(Err(error.into())),
            };
            // Only the first reason counts; later ones are its consequences.
            if let (Some(ended), Ok(End::Complete)) = (ended, &end) {
                end = ended;
                halt.send_replace(true);
            }
        }
    }

    /// Notes how an episode ended. `unreachable` counts consecutive episodes that failed because a server
    /// could not be reached.
    fn take_in(
        &self,
        job: &mut Job,
        played: Result<Option<Played>, Error>,
        unreachable: &mut usize,
    ) -> Result<(), Error> {
        let Some(played) = played? else { return Ok(()) };
        job.played = Some(played.result.status);
        self.progress.finished(job, &played);
        let Played { result, unreachable: server, .. } = played;
        *unreachable = if server.is_some() { *unreachable + 1 } else { 0 };
        match server {
            Some(server) if *unreachable >= UNREACHABLE_LIMIT => {
                let last = result.error.unwrap_or_default();
                Err(Error::Unreachable { server, episodes: *unreachable, last })
            }
            _ => Ok(()),
        }
    }
}
