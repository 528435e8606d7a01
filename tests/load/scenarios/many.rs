//! Many episodes at once.

use std::time::Duration;

use anyhow::Result;

use super::Terms;
use crate::measure::Load;
use crate::pace::Pace;
use crate::report::Report;
use crate::servers::Running;

/// 10,000 that live and step: as fast as they can, and at a rate that leaves time.
pub async fn awake(terms: &Terms, report: &mut Report) -> Result<()> {
    let sessions = terms.size(10_000, 200);
    let server = Running::ours(&terms.room(sessions + 100)).await?;
    // In a closed loop all sessions wait at once: a step's latency is the time of a round.
    let round = Duration::from_secs(if terms.short { 0 } else { 8 });
    let closed = terms.load(format!("{sessions} sessions, closed loop"), sessions);
    let closed = Load { warm_up: closed.warm_up + round, length: closed.length + round, ..closed };
    let rate = terms.size(1000, 200) as f64;
    let open = terms.load(format!("{sessions} sessions, {rate} steps/s"), sessions);
    let open = Load { pace: Pace::Open(rate), length: open.length + round, ..open };
    for load in [closed, open] {
        faultless(report, &server, &load).await?;
    }
    Ok(())
}

/// 100,000 that are open, of which 4,000 are in memory: nearly every step wakes one.
pub async fn asleep(terms: &Terms, report: &mut Report) -> Result<()> {
    let sessions = terms.size(100_000, 300);
    let awake = terms.size(4000, 30);
    let server = Running::ours(&terms.room_of(sessions + 100, awake)).await?;
    let rate = terms.size(200, 50) as f64;
    let what = format!("{sessions} open, {awake} awake, {rate} steps/s");
    let load = Load { pace: Pace::Open(rate), ..terms.load(what, sessions) };
    faultless(report, &server, &load).await
}

/// Plays a load that must have no error.
async fn faultless(report: &mut Report, server: &Running, load: &Load) -> Result<()> {
    let measured = report.play(&server.place, load).await?;
    let errors: u64 = measured.errors.values().sum();
    report.require(format!("{}: errors", load.what), errors.to_string(), "0".to_owned(), errors == 0);
    Ok(())
}
