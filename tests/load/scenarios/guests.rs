//! Neighbours that misbehave.

use std::time::{Duration, Instant};

use anyhow::Result;
use client::EnvClient;
use proto::env::v1::{GetServerInfoRequest, ListEpisodesRequest};
use tokio::time::sleep;

use super::Terms;
use crate::connections::Connections;
use crate::guests::{Guests, LEASE};
use crate::measure::Load;
use crate::pace::Pace;
use crate::process::Process;
use crate::report::Report;
use crate::servers::Running;

/// Beyond its lease, how long an abandoned episode may take to be gone.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long memory that falls no longer is watched.
const SETTLED: Duration = Duration::from_secs(15);

/// Short steps alone, and beside 2 and 64 endless ones.
pub async fn endless(terms: &Terms, report: &mut Report) -> Result<()> {
    let server = Running::ours(&terms.room(1000)).await?;
    let rate = Pace::Open(200.0);
    for (loops, aim) in [(0, None), (2, Some(20.0)), (terms.size(64, 8), Some(40.0))] {
        let what = format!("short steps beside {loops} endless");
        let guests = Guests { loops, ..Guests::default() };
        let load = Load { pace: rate, guests, ..terms.load(&what, 8) };
        let p99 = report.play(&server.place, &load).await?.latency_ms.p99;
        if let Some(aim) = aim {
            report.find(format!("{what}: p99"), format!("{p99:.1} ms"), format!("<= {aim} ms"), p99 <= aim);
        }
    }
    Ok(())
}

/// Episodes that nobody closes, twice: after each time the server has as many as before, and no more memory after the second.
pub async fn abandoned(terms: &Terms, report: &mut Report) -> Result<()> {
    let count = terms.size(10_000, 200);
    let server = Running::ours(&terms.room(count + 100)).await?;
    let mut client = Connections::open(&server.place.url, 1).await?.client(0);
    let before = held(&mut client).await?;
    let mut memory = Vec::new();
    for round in ["", ", again"] {
        let what = format!("beside {count} abandoned episodes{round}");
        let guests = Guests { abandoned: count, ..Guests::default() };
        report.play(&server.place, &Load { guests, ..terms.load(&what, 8) }).await?;
        let deadline = Instant::now() + LEASE + PATIENCE;
        let mut after = held(&mut client).await?;
        while after != before && Instant::now() < deadline {
            sleep(Duration::from_secs(1)).await;
            after = held(&mut client).await?;
        }
        let told = |(running, awake)| format!("{running} running, {awake} interpreters");
        report.require(format!("{what}: then"), told(after), told(before), after == before);
        if let Some(process) = &server.place.process {
            memory.push(settled(process).await?);
        }
    }
    if let [first, second] = memory[..] {
        // A few megabytes come and go with the allocator.
        let most = 1.1 * first + 20.0;
        let (value, aim) =
            (format!("{second:.0} MB"), format!("<= {most:.0} MB; after the first {first:.0}"));
        report.require("memory after the second time", value, aim, second <= most);
    }
    Ok(())
}

/// Calls that are cancelled, on the connections of others.
pub async fn cancelled(terms: &Terms, report: &mut Report) -> Result<()> {
    let count = terms.size(10_000, 500);
    let server = Running::ours(&terms.room(1000)).await?;
    let guests = Guests { cancelled: count, ..Guests::default() };
    let load = Load { guests, ..terms.load(format!("beside {count} cancelled calls"), 8) };
    let lost = report.play(&server.place, &load).await?.lost_connections;
    report.require(
        format!("{count} cancelled calls: lost connections"),
        lost.to_string(),
        "0".to_owned(),
        lost == 0,
    );
    Ok(())
}

/// The memory of a process in MB once it falls no longer: a free place gives its own back after a while.
async fn settled(process: &Process) -> Result<f64> {
    let deadline = Instant::now() + PATIENCE;
    let mut memory = process.own_memory()?;
    loop {
        sleep(SETTLED).await;
        let now = process.own_memory()?;
        if now > 0.95 * memory || Instant::now() > deadline {
            return Ok(now);
        }
        memory = now;
    }
}

/// The episodes that have not ended, and the interpreters in memory.
async fn held(client: &mut EnvClient) -> Result<(usize, u64)> {
    let mut request = ListEpisodesRequest { page_size: 1000, only_running: true, ..Default::default() };
    let mut running = 0;
    loop {
        let page = client.list_episodes(request.clone()).await?.into_inner();
        running += page.episodes.len();
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let info = client.get_server_info(GetServerInfoRequest {}).await?.into_inner();
    Ok((running, info.awake_interpreters))
}
