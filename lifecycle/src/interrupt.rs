//! Signals that ask a program to stop, counted: the first asks it to end in order, the second to end at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The exit status of a program that was stopped, as a shell has it for Ctrl-C.
pub const EXIT_CODE: u8 = 130;

/// How often someone asked the program to stop. Clones count the same signals.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<u32>);

impl Interrupt {
    /// Listens for `signals` from now on, on a thread of its own. `notify` is called there at each signal, with their
    /// number so far.
    ///
    /// # Errors
    /// If signals can't be listened to.
    pub fn listen(signals: &[SignalKind], notify: impl Fn(u32) + Send + 'static) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (count, interrupt) = watch::channel(0);
        let listeners = {
            let _context = runtime.enter();
            signals.iter().map(|kind| signal(*kind)).collect::<io::Result<Vec<_>>>()?
        };
        std::thread::spawn(move || {
            let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
            runtime.block_on(async {
                for mut listener in listeners {
                    let arrived = arrived.clone();
                    tokio::spawn(async move {
                        while listener.recv().await.is_some() && arrived.send(()).is_ok() {}
                    });
                }
                for number in 1.. {
                    if arrivals.recv().await.is_none() {
                        return;
                    }
                    count.send_replace(number);
                    notify(number);
                }
            });
        });
        Ok(Self(interrupt))
    }

    /// Whether someone has.
    pub fn asked(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Waits for the next signal.
    pub async fn again(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Waits until someone has; returns at once if someone already has.
    pub async fn first(&mut self) {
        if self.0.wait_for(|count| *count > 0).await.is_err() {
            std::future::pending().await
        }
    }
}
