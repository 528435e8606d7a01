//! 10,000 live episodes that all step.

use std::time::Duration;

use anyhow::Result;

use super::Terms;
use crate::measure::Load;
use crate::pace::Pace;
use crate::report::Report;
use crate::servers::Running;

/// As fast as they can, and at a rate that leaves time.
pub async fn play(terms: &Terms, report: &mut Report) -> Result<()> {
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
        let measured = report.play(&server.place, &load).await?;
        let errors: u64 = measured.errors.values().sum();
        report.require(format!("{}: errors", load.what), errors.to_string(), "0".to_owned(), errors == 0);
    }
    Ok(())
}
