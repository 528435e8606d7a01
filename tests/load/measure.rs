//! One load, measured.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use tokio::time::sleep;

use crate::connections::Connections;
use crate::episodes::{Sessions, tasks};
use crate::guests::Guests;
use crate::openenv::Session;
use crate::pace::{Pace, lock, play};
use crate::player::{Player, Script, close_all, open_all, start_all};
use crate::process::{Memory, Process};
use crate::servers::{Kind, Place};
use crate::tally::{Latencies, Tally, Window};

/// The sessions of a connection, where their number is not given.
const SESSIONS_PER_CONNECTION: usize = 100;

/// Interval at which the server's memory is looked up.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is played.
#[derive(Clone, Debug)]
pub struct Load {
    /// Its name in tables.
    pub what: String,
    /// Sessions that play at the same time.
    pub sessions: usize,
    /// Sessions whose steps share calls; `None`: each step is a call of its own.
    pub batch: Option<usize>,
    /// When steps are due.
    pub pace: Pace,
    /// Time before the measurement.
    pub warm_up: Duration,
    /// Time of the measurement.
    pub length: Duration,
    /// Connections; `None`: as many as the sessions need, two at least.
    pub connections: Option<usize>,
    /// What each session plays.
    pub script: Script,
    /// Hostile neighbours.
    pub guests: Guests,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The load's name.
    pub what: String,
    /// Sessions.
    pub sessions: usize,
    /// Steps of a call.
    pub batch: usize,
    /// Steps a second that were asked for; `null` in a closed loop.
    pub rate: Option<f64>,
    /// Steps that were answered in the measured time.
    pub steps: u64,
    /// The same for each second.
    pub steps_per_s: f64,
    /// Latencies of calls, in ms.
    pub latency_ms: Latencies,
    /// Failures by kind, such as the gRPC code; those of warm-up and neighbours included.
    pub errors: BTreeMap<String, u64>,
    /// Connections that broke.
    pub lost_connections: u64,
    /// What the server used; `null` if its process is not known.
    pub server: Option<ServerUse>,
    /// Processors that this program used.
    pub client_cores: f64,
}

/// What a server used.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ServerUse {
    /// Memory in MB before the sessions were opened.
    pub before: Memory,
    /// With all sessions open, after their last step.
    pub open: Memory,
    /// After they were closed.
    pub after: Memory,
    /// The most memory of its own in MB, looked up every 0.1 s.
    pub peak: f64,
    /// Seconds of processor time in the measured time.
    pub cpu_s: f64,
    /// Processors that it used.
    pub cores: f64,
}

/// Plays a load on a server.
pub async fn measure(place: &Place, load: &Load) -> Result<Measured> {
    eprintln!("{}", load.what);
    let script = Arc::new(load.script.clone());
    if place.kind == Kind::OpenEnv {
        let open = |_| Session::open(&place.url, script.clone());
        return run(place, load, async || open_all(load.sessions, open).await, None).await;
    }
    let count = load.connections.unwrap_or_else(|| load.sessions.div_ceil(SESSIONS_PER_CONNECTION).max(2));
    let connections = Connections::open(&place.url, count).await?;
    let tasks = tasks(connections.client(0)).await?;
    let neighbours = load.guests.start(&connections, &tasks).await?;
    let size = load.batch.unwrap_or(1);
    let open = |number| {
        let numbers = number * size..load.sessions.min((number + 1) * size);
        let client = connections.client(number);
        Sessions::open(client, tasks.clone(), script.clone(), numbers, load.batch.is_some())
    };
    let open = async || open_all(load.sessions.div_ceil(size), open).await;
    let mut measured = run(place, load, open, Some(neighbours)).await?;
    measured.lost_connections = connections.lost();
    Ok(measured)
}

async fn run<P: Player>(
    place: &Place,
    load: &Load,
    open: impl AsyncFnOnce() -> Result<Vec<P>>,
    neighbours: Option<crate::guests::Running>,
) -> Result<Measured> {
    let server = place.process.as_ref();
    let before = server.map(Process::memory).transpose()?;
    let (players, unstarted) = start_all(open().await?).await;

    let begin = Instant::now() + load.warm_up;
    let window = Window { begin, end: begin + load.length };
    let tally = Arc::new(Mutex::new(Tally::new(window)?));
    let processor_time = async {
        sleep(load.warm_up).await;
        let started = cpu(server)?;
        sleep(load.length).await;
        let ended = cpu(server)?;
        anyhow::Ok([0, 1].map(|side| (ended[side] - started[side]).as_secs_f64()))
    };
    let playing = play(players, load.pace, window, &tally);
    let (players, used, peak) = tokio::join!(playing, processor_time, peak(server, window.end));
    let ([server_s, client_s], peak) = (used?, peak?);

    let open = server.map(Process::memory).transpose()?;
    let mut failures = [unstarted, close_all(players).await].concat();
    if let Some(neighbours) = neighbours {
        failures.extend(neighbours.end().await);
    }
    let mut tally = lock(&tally);
    tally.fail(failures);
    let seconds = tally.length().as_secs_f64();
    let used = |server: &Process| {
        let (Some(before), Some(open)) = (before, open) else { return Ok(None) };
        let (after, peak) = (server.memory()?, peak.max(open.own));
        anyhow::Ok(Some(ServerUse { before, open, after, peak, cpu_s: server_s, cores: server_s / seconds }))
    };
    Ok(Measured {
        what: load.what.clone(),
        sessions: load.sessions,
        batch: load.batch.unwrap_or(1),
        rate: match load.pace {
            Pace::Closed => None,
            Pace::Open(rate) => Some(rate),
        },
        steps: tally.steps,
        steps_per_s: tally.steps as f64 / seconds,
        latency_ms: tally.latencies(),
        errors: tally.errors.clone(),
        lost_connections: 0,
        server: server.map(used).transpose()?.flatten(),
        client_cores: client_s / seconds,
    })
}

/// The most memory of its own that the server has until `end`, in MB.
async fn peak(server: Option<&Process>, end: Instant) -> Result<f64> {
    let mut most: f64 = 0.0;
    while let Some(server) = server
        && Instant::now() < end
    {
        most = most.max(server.own_memory()?);
        sleep(LOOK_EVERY).await;
    }
    Ok(most)
}

/// Processor time so far, of the server and of this program.
fn cpu(server: Option<&Process>) -> Result<[Duration; 2]> {
    let server = server.map(Process::cpu).transpose()?.unwrap_or_default();
    Ok([server, Process::this().cpu()?])
}
