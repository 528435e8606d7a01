//! Hostile neighbours: they play on the connections of those that are measured.

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use client::EnvClient;
use futures::{StreamExt as _, stream};
use proto::env::v1::{CloseEpisodeRequest, CreateEpisodeRequest};
use tests::code_step;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::Status;

use crate::connections::Connections;
use crate::episodes::{Tasks, request};
use crate::player::Failures;

/// The lease of abandoned episodes.
pub const LEASE: Duration = Duration::from_secs(15);
/// Episodes that are abandoned, and calls that are cancelled, at a time.
const AT_ONCE: usize = 64;
/// When a call is cancelled: its request has been sent, and the server has hardly begun.
const CANCEL_AFTER: Duration = Duration::from_millis(1);
/// A step of some milliseconds.
const SLOW: &str = "n = globals().get('n', 0) + 1\nfor i in range(20_000): pass\nprint(n)";

/// How many there are of each kind.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Guests {
    /// Neighbours whose steps never end.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub loops: usize,
    /// Episodes that are created, take one step, and are never closed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub abandoned: usize,
    /// Steps whose calls are cancelled, 64 at a time, and then sent again.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub cancelled: usize,
}

/// Neighbours at work.
pub struct Running {
    looping: Vec<(EnvClient, String)>,
    loops: JoinSet<()>,
    others: JoinSet<Failures>,
}

impl Guests {
    /// Lets them begin. The endless steps run when this returns.
    pub async fn start(self, connections: &Connections, tasks: &Tasks) -> Result<Running> {
        let (mut looping, mut loops, mut others) = (Vec::new(), JoinSet::new(), JoinSet::new());
        for number in 0..self.loops {
            let mut client = connections.client(number);
            let id =
                create(&mut client, request(tasks, number)).await.context("creating an endless guest")?;
            loops.spawn(endless(client.clone(), id.clone()));
            looping.push((client, id));
        }
        if self.abandoned > 0 {
            others.spawn(abandon(connections.clone(), tasks.clone(), self.abandoned));
        }
        for number in 0..self.cancelled.min(AT_ONCE) {
            // As many calls each, and the rest to the first ones.
            let calls = self.cancelled / AT_ONCE + usize::from(number < self.cancelled % AT_ONCE);
            others.spawn(cancel(connections.client(number), request(tasks, number), calls));
        }
        Ok(Running { looping, loops, others })
    }
}

impl Running {
    /// Waits for those that come to an end, and ends the others.
    pub async fn end(mut self) -> Failures {
        let mut failures = self.others.join_all().await.concat();
        self.loops.abort_all();
        for (mut client, episode_id) in self.looping {
            if let Err(status) = client.close_episode(CloseEpisodeRequest { episode_id }).await {
                failures.push(format!("guest CloseEpisode {:?}", status.code()));
            }
        }
        failures
    }
}

async fn create(client: &mut EnvClient, request: CreateEpisodeRequest) -> Result<String, Status> {
    Ok(client.create_episode(request).await?.into_inner().episode_id)
}

/// Sends endless steps, one after the other: each ends by the server's limits.
async fn endless(mut client: EnvClient, id: String) {
    for step_index in 0.. {
        if client.step(code_step(&id, step_index, "while True: pass")).await.is_err() {
            return;
        }
    }
}

async fn abandon(connections: Connections, tasks: Tasks, count: usize) -> Failures {
    let abandoned = |number| {
        let mut client = connections.client(number);
        let request = CreateEpisodeRequest { lease: LEASE.try_into().ok(), ..request(&tasks, number) };
        async move {
            let id = create(&mut client, request).await?;
            client.step(code_step(&id, 0, "x = 1")).await.map(drop)
        }
    };
    let outcomes = stream::iter(0..count).map(abandoned).buffer_unordered(AT_ONCE);
    let failed = outcomes.filter_map(async |outcome| outcome.err());
    failed.map(|status| format!("abandoned {:?}", status.code())).collect().await
}

/// Cancels each step's call and sends it again: the step has to be taken once. Ends at the first failure.
async fn cancel(mut client: EnvClient, request: CreateEpisodeRequest, calls: usize) -> Failures {
    let told = |call: &str, status: Status| vec![format!("cancelled {call} {:?}", status.code())];
    let id = match create(&mut client, request).await {
        Ok(id) => id,
        Err(status) => return told("CreateEpisode", status),
    };
    for step_index in 0..calls as u64 {
        // Dropping the call resets its stream.
        let _ = timeout(CANCEL_AFTER, client.step(code_step(&id, step_index, SLOW))).await;
        match client.step(code_step(&id, step_index, SLOW)).await {
            Ok(answer) => {
                let output = answer.into_inner().observation.unwrap_or_default().output;
                if output != format!("{}\n", step_index + 1) {
                    return vec!["cancelled Step, taken twice or not at all".to_owned()];
                }
            }
            Err(status) => return told("Step", status),
        }
    }
    match client.close_episode(CloseEpisodeRequest { episode_id: id }).await {
        Ok(_) => Failures::new(),
        Err(status) => told("CloseEpisode", status),
    }
}
