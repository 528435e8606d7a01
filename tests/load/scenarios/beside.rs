//! Steps a second beside OpenEnv. All loads take turns, since other programs' load changes what the machine can do, and the
//! ratios are those of one round.

use anyhow::Result;

use super::Terms;
use crate::measure::Load;
use crate::report::Report;
use crate::servers::{Executor, Running};

/// 64 sessions, each with calls of its own, and in two batches.
pub async fn few(terms: &Terms, report: &mut Report) -> Result<()> {
    let sessions = terms.size(64, 8);
    let unary = terms.load(format!("{sessions} sessions, unary"), sessions);
    let size = sessions / 2;
    let batched =
        Load { batch: Some(size), ..terms.load(format!("{sessions} sessions, batches of {size}"), sessions) };
    let peer = terms.load(format!("{sessions} sessions, OpenEnv"), sessions);
    let played = in_turn(terms, report, &[unary, batched], peer).await?;
    if let Some(peer) = &played.peer {
        report.ratio(&format!("{sessions} sessions, unary / OpenEnv"), &played.ours[0], peer, 3.0);
        report.ratio(&format!("{sessions} sessions, batched / OpenEnv"), &played.ours[1], peer, 6.0);
    }
    Ok(())
}

/// 500 and 1,000 sessions, beside ours with 64 and OpenEnv with 500.
pub async fn hundreds(terms: &Terms, report: &mut Report) -> Result<()> {
    let counts = [64, 500, 1000].map(|sessions| terms.size(sessions, sessions / 8));
    let mut loads = Vec::new();
    for sessions in counts {
        let unary = terms.load(format!("{sessions} sessions, unary"), sessions);
        let batch = Some((sessions / 2).min(100));
        loads.push(Load { batch, what: format!("{sessions} sessions, batched"), ..unary.clone() });
        loads.push(unary);
    }
    let peer = terms.load(format!("{} sessions, OpenEnv", counts[1]), counts[1]);
    let played = in_turn(terms, report, &loads, peer).await?;
    for (at, kind) in ["batched", "unary"].into_iter().enumerate() {
        for (step, sessions) in counts.iter().enumerate().skip(1) {
            let ours = &played.ours[2 * step + at];
            let what = format!("{sessions} sessions, {kind}");
            if let Some(peer) = &played.peer {
                report.ratio(&format!("{what} / OpenEnv with {}", counts[1]), ours, peer, 8.0);
            }
            report.ratio(&format!("{what} / {}", counts[0]), ours, &played.ours[at], 0.8);
        }
    }
    Ok(())
}

/// Steps a second, one number for each round.
struct Played {
    ours: Vec<Vec<f64>>,
    peer: Option<Vec<f64>>,
}

/// Plays our loads and the peer's in turn, round after round.
async fn in_turn(terms: &Terms, report: &mut Report, ours: &[Load], peer: Load) -> Result<Played> {
    let most = ours.iter().map(|load| load.sessions).max().unwrap_or_default();
    let server = Running::ours(&terms.room(2 * most)).await?;
    let openenv = match &terms.openenv {
        Some(python) => Some(Running::openenv(python, peer.sessions, Executor::Exec).await?),
        None => None,
    };
    let mut played =
        Played { ours: vec![Vec::new(); ours.len()], peer: openenv.as_ref().map(|_| Vec::new()) };
    for _ in 0..terms.size(terms.rounds, 1) {
        for (load, rates) in ours.iter().zip(&mut played.ours) {
            rates.push(report.play(&server.place, load).await?.steps_per_s);
        }
        if let (Some(openenv), Some(rates)) = (&openenv, &mut played.peer) {
            rates.push(report.play(&openenv.place, &peer).await?.steps_per_s);
        }
    }
    Ok(played)
}
