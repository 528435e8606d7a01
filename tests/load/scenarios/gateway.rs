//! The same messages to our gateway for OpenEnv and to OpenEnv's own server, from the same client.

use anyhow::Result;

use super::Terms;
use crate::measure::Load;
use crate::report::Report;
use crate::servers::{Executor, Kind, Place, Running};

/// OpenEnv's server, by how it runs code, and how many times as fast the gateway should be.
const PEERS: [(Executor, &str, f64); 2] = [
    (Executor::Smolagents, "OpenEnv", 5.0),
    // No isolation at all: what remains is the cost of the protocol.
    (Executor::Exec, "OpenEnv with exec", 1.0),
];

/// 64 and 1,000 sessions, each with a socket. The servers take turns, and the ratios are those of one round.
pub async fn gateway(terms: &Terms, report: &mut Report) -> Result<()> {
    let counts = [64, 1000].map(|sessions| terms.size(sessions, sessions / 8));
    let ours = gateway_of(&[&terms.room(2 * counts[1])[..], &gateways()].concat()).await?;
    let mut servers = vec![("gateway", ours)];
    for (executor, who, _) in PEERS {
        if let Some(python) = &terms.openenv {
            servers.push((who, Running::openenv(python, counts[1], executor).await?));
        }
    }
    // The rates of each server, for each count.
    let mut rates = vec![[Vec::new(), Vec::new()]; servers.len()];
    for _ in 0..terms.size(terms.rounds, 1) {
        for (at, sessions) in counts.iter().enumerate() {
            for ((who, server), rates) in servers.iter().zip(&mut rates) {
                let load: Load = terms.load(format!("{sessions} sockets, {who}"), *sessions);
                rates[at].push(report.play(&server.place, &load).await?.steps_per_s);
            }
        }
    }
    if let [ours, peers @ ..] = &rates[..] {
        for ((_, who, aim), peer) in PEERS.iter().zip(peers) {
            for (at, sessions) in counts.iter().enumerate() {
                let what = format!("{sessions} sockets, gateway / {who}");
                report.ratio(&what, &ours[at], &peer[at], *aim);
            }
        }
    }
    Ok(())
}

fn gateways() -> [String; 2] {
    ["--gateways", "openenv"].map(str::to_owned)
}

/// A server of ours, as its gateway is seen.
async fn gateway_of(arguments: &[String]) -> Result<Running> {
    let mut running = Running::ours(arguments).await?;
    let url = format!("{}/openenv/persistent/tiny", running.place.url);
    running.place = Place { kind: Kind::OpenEnv, url, ..running.place };
    Ok(running)
}
