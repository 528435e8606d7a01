//! Ctrl-C and SIGTERM, as a flag that the loop looks at between steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

/// What a shell calls a program that ended by Ctrl-C.
pub const EXIT_CODE: u8 = 130;

/// Whether someone asked the program to stop.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. The second signal ends the program at once.
    pub fn listen() -> std::io::Result<Self> {
        let interrupt = Self::default();
        let flag = interrupt.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut ctrl_c, mut terminate) = {
            let _context = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        std::thread::spawn(move || {
            runtime.block_on(async {
                for asked in 1.. {
                    tokio::select! {
                        _ = ctrl_c.recv() => {}
                        _ = terminate.recv() => {}
                    }
                    if asked > 1 {
                        std::process::exit(EXIT_CODE.into());
                    }
                    flag.0.store(true, Ordering::Relaxed);
                    eprintln!("stopping after this step, with a checkpoint; once more stops at once");
                }
            });
        });
        Ok(interrupt)
    }

    /// Whether someone has.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
