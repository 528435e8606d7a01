//! The same messages to our gateway for OpenEnv and to OpenEnv's own server, from the same client.

use anyhow::Result;

use super::Terms;
use crate::measure::Load;
use crate::report::Report;
use crate::servers::{Kind, Place, Running};

/// 64 and 1,000 sessions, each with a socket. The servers take turns, and the ratios are those of one round.
pub async fn gateway(terms: &Terms, report: &mut Report) -> Result<()> {
    let counts = [64, 1000].map(|sessions| terms.size(sessions, sessions / 8));
    let server = gateway_of(&[&terms.room(2 * counts[1])[..], &gateways()].concat()).await?;
    let peer = match &terms.openenv {
        Some(python) => Some(Running::openenv(python, counts[1]).await?),
        None => None,
    };
    let places = [Some((&server.place, "gateway")), peer.as_ref().map(|peer| (&peer.place, "OpenEnv"))];
    let mut rates = vec![Vec::new(); counts.len() * places.len()];
    for _ in 0..terms.size(terms.rounds, 1) {
        for (at, sessions) in counts.iter().enumerate() {
            for (side, (place, who)) in places.iter().flatten().enumerate() {
                let load: Load = terms.load(format!("{sessions} sockets, {who}"), *sessions);
                rates[places.len() * at + side].push(report.play(place, &load).await?.steps_per_s);
            }
        }
    }
    if peer.is_some() {
        for (at, sessions) in counts.iter().enumerate() {
            let (ours, peer) = (&rates[2 * at], &rates[2 * at + 1]);
            report.ratio(&format!("{sessions} sockets, gateway / OpenEnv"), ours, peer, 5.0);
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
