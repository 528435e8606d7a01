//! Steps that are stored before they are answered, beside steps that are not. All loads take turns.

use anyhow::Result;

use super::Terms;
use crate::measure::Measured;
use crate::report::Report;
use crate::servers::Running;

/// What episodes survive, and the share of the steps a second that should be left.
const CLASSES: [(&str, f64); 2] = [("process", 0.9), ("sync", 0.8)];
/// What the answer to the only client's step may take longer, in ms.
const MORE_MS: f64 = 0.8;

/// 64 sessions, and one, on a server that stores nothing and on those that store.
pub async fn stored(terms: &Terms, report: &mut Report) -> Result<()> {
    let counts = [terms.size(64, 8), 1];
    let plain = Running::ours(&terms.room(2 * counts[0])).await?;
    let mut stored = Vec::new();
    for (class, _) in CLASSES {
        stored.push(Running::stored(class, &terms.room(2 * counts[0])).await?);
    }
    for sessions in counts {
        let mut off = Vec::new();
        let mut on = CLASSES.map(|_| Vec::new());
        for _ in 0..terms.size(terms.rounds, 1) {
            let load = terms.load(format!("{sessions} sessions, not stored"), sessions);
            off.push(report.play(&plain.place, &load).await?);
            for ((server, (class, _)), measured) in stored.iter().zip(CLASSES).zip(&mut on) {
                let load = terms.load(format!("{sessions} sessions, stored ({class})"), sessions);
                measured.push(report.play(&server.place, &load).await?);
            }
        }
        let rates = |measured: &[Measured]| measured.iter().map(|load| load.steps_per_s).collect::<Vec<_>>();
        for ((class, aim), measured) in CLASSES.iter().zip(&on) {
            if sessions > 1 {
                let what = format!("{sessions} sessions, stored ({class}) / not stored");
                report.ratio(&what, &rates(measured), &rates(&off), *aim);
            } else {
                let pairs = measured.iter().zip(&off);
                let mut more: Vec<f64> =
                    pairs.map(|(on, off)| on.latency_ms.p50 - off.latency_ms.p50).collect();
                more.sort_by(f64::total_cmp);
                let more = more[more.len() / 2];
                let what = format!("one session, stored ({class}): step longer by, p50");
                report.find(what, format!("{more:.2} ms"), format!("<= {MORE_MS} ms"), more <= MORE_MS);
            }
        }
    }
    Ok(())
}
