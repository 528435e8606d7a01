//! Ctrl-C, SIGTERM and a closed terminal, counted: the first asks a child to end in order, the second to end at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// What a shell calls a program that ended by Ctrl-C.
pub const EXIT_CODE: u8 = 130;

/// Someone stopped the study.
#[derive(Debug, thiserror::Error)]
#[error("stopped; the same command goes on from here")]
pub struct Interrupted;

/// Whether, and how often, someone asked the program to stop.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<u32>);

impl Interrupt {
    /// Listens from now on; needs a runtime.
    ///
    /// # Errors
    /// If signals can't be listened to.
    pub fn listen() -> io::Result<Self> {
        let mut ctrl_c = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let (count, interrupt) = watch::channel(0);
        tokio::spawn(async move {
            while !count.is_closed() {
                tokio::select! {
                    _ = ctrl_c.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                    () = count.closed() => return,
                }
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Self(interrupt))
    }

    /// Whether someone has.
    pub fn asked(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Waits until someone does so once more.
    pub async fn again(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}
