//! The options of `env-server serve` for episodes that outlive it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use journal::{Identity, Journal, Opened};
use sandbox::{Sandbox, Snapshots};

use crate::episode::{Registry, Store};

/// The exit status of a server that can't store episodes any more: `EX_IOERR` of `sysexits.h`.
const EXIT_IO_ERROR: i32 = 74;

/// Where episodes are stored, and what they survive.
#[derive(Args)]
#[command(next_help_heading = "Episodes that outlive the server")]
pub struct StateOptions {
    /// Folder in which the episodes are stored, of this server alone: a server that
    /// starts on it goes on with all that were open. Without it they end with the
    /// server.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,

    /// What a step survives once it is answered: `process` a kill or crash of the
    /// server, `sync` also a crash of the machine and a loss of power, `off` nothing.
    /// [default: process, with --state-dir]
    #[arg(long, value_name = "CLASS")]
    durability: Option<Durability>,

    /// Free space that stays on the disk of --state-dir. With less, creates, forks
    /// and steps are refused.
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    state_reserve: ByteSize,
}

/// What a step survives once it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Durability {
    Process,
    Sync,
    Off,
}

/// The folder of a server's state, opened.
pub struct State {
    opened: Opened,
    snapshots: Snapshots,
}

impl StateOptions {
    /// Opens the folder, if there is one.
    ///
    /// # Errors
    /// It is not a state folder of this server's interpreter, it is damaged, or another server uses it.
    pub fn open(&self) -> anyhow::Result<Option<State>> {
        let durability = self.durability.unwrap_or(Durability::Process);
        let folder = match (&self.state_dir, durability) {
            (_, Durability::Off) => return Ok(None),
            (None, _) if self.durability.is_some() => {
                bail!("--durability needs --state-dir, the folder in which the episodes are stored")
            }
            (None, _) => return Ok(None),
            (Some(folder), _) => folder,
        };
        let sync = durability == Durability::Sync;
        let class = if sync { journal::Durability::Sync } else { journal::Durability::Process };
        let mut options = journal::Options::new(class, |problem| {
            tracing::error!("the episodes can't be stored any more, so the server ends: {problem}");
            std::process::exit(EXIT_IO_ERROR);
        });
        options.reserve = self.state_reserve.as_u64();
        let identity = Identity { interpreter: sandbox::GUEST_SHA256.to_owned() };
        let opened = Journal::open(folder, &identity, options).context("opening --state-dir")?;
        let snapshots = Snapshots { dir: opened.journal.snapshots(), sync };
        Ok(Some(State { opened, snapshots }))
    }
}

impl State {
    /// Where interpreters store their snapshots.
    pub fn snapshots(&self) -> Snapshots {
        self.snapshots.clone()
    }

    /// The registry, with the episodes of the folder.
    ///
    /// # Errors
    /// There are more of them than may run, or they were stored by another version of the server, or under another name.
    pub fn restore(self, registry: Registry, sandbox: &Sandbox) -> anyhow::Result<Registry> {
        let Opened { journal, episodes, live_snapshots } = self.opened;
        sandbox.keep_snapshots(|name| live_snapshots.contains(name)).context("reading the snapshots")?;
        let store = Arc::new(Store::new(journal, sandbox.clone()));
        let found = episodes.into_iter().map(|episode| store.found(episode)).collect::<Result<Vec<_>, _>>();
        let found = found.context("reading --state-dir")?;
        let running = found.iter().filter(|episode| episode.end.is_none()).count();
        tracing::info!(episodes = found.len(), running, "episodes go on");
        registry.with_store(store, found).with_context(|| {
            format!(
                "the {running} running episodes of --state-dir can't go on: --max-episodes must be as many, at least, \
                 and --server-name what it was"
            )
        })
    }
}
