//! What the server counts, as it is now.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lifecycle::Traffic;
use serde_json::{Map, Value, json};

use crate::episode::Registry;
use crate::episode::end::EndReason;
use crate::episode::episode::Episode;
use crate::metrics::{Outcome, RecentSteps, Summary};

/// What is remembered from one look to the next.
#[derive(Default)]
pub struct Numbers {
    recent: RecentSteps,
}

/// What the episodes of one tenant came to, of those that are in the table.
#[derive(Default)]
struct Held {
    running: u64,
    run_time: Duration,
}

impl Numbers {
    /// All of them. Latencies are of the steps since the last look.
    pub fn now(
        &mut self,
        registry: &Registry,
        episodes: &[Arc<Episode>],
        traffic: Option<&Arc<Traffic>>,
        uptime: Duration,
    ) -> Value {
        let (counts, load, steps) = (registry.counts(), registry.load(), &registry.metrics().steps);
        let [queue, run] = self.recent.look(steps);
        let budget = registry.sandbox().budget();
        let (hibernation_used, hibernation_limit) = registry.sandbox().hibernation_bytes();
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let ends = EndReason::ALL.map(|reason| (reason.name(), registry.metrics().episodes.ended(reason)));
        let (outcomes, tenants) = tenants(registry, episodes);
        json!({
            "at_ms": since.as_millis() as u64,
            "uptime_s": uptime.as_secs_f64(),
            "running": counts.running,
            "ended": counts.episodes.saturating_sub(counts.running),
            "most": registry.options().max_episodes,
            "created": counts.created,
            "awake": counts.awake,
            "hibernated": counts.asleep,
            "steps": counts.steps,
            "steps_waiting": steps.waiting.get(),
            "steps_running": steps.running.get(),
            "queue": load.queued,
            "latency": { "queue": queue.map(quantiles), "run": run.map(quantiles) },
            "outcomes": outcomes,
            "ends": happened(ends),
            "tenants": tenants,
            "memory": { "used": budget.used(), "limit": budget.limit() },
            "hibernation": { "used": hibernation_used, "limit": hibernation_limit },
            "store": store(registry),
            "connections": traffic.map(|traffic| json!({ "open": traffic.open(), "most": traffic.most() })),
        })
    }
}

fn quantiles(summary: Summary) -> Value {
    let Summary { count, p50_us, p90_us, p99_us, max_us, .. } = summary;
    json!({ "count": count, "p50_us": p50_us, "p90_us": p90_us, "p99_us": p99_us, "max_us": max_us })
}

/// Those counts that are not zero.
fn happened<'a>(counts: impl IntoIterator<Item = (&'a str, u64)>) -> Map<String, Value> {
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    counts.map(|(name, count)| (name.to_owned(), json!(count))).collect()
}

/// How the steps of all tenants ended, and what each tenant's came to.
fn tenants(registry: &Registry, episodes: &[Arc<Episode>]) -> (Map<String, Value>, Vec<Value>) {
    let mut held: HashMap<&str, Held> = HashMap::new();
    for episode in episodes {
        let standing = episode.standing();
        let held = held.entry(episode.tenant()).or_default();
        held.running += u64::from(standing.end_reason.is_none());
        held.run_time += standing.usage.run_time;
    }
    let mut outcomes = BTreeMap::new();
    let mut tenants = Vec::new();
    for totals in registry.metrics().tenants.totals() {
        for (outcome, steps) in Outcome::ALL.into_iter().zip(totals.steps) {
            *outcomes.entry(outcome.name()).or_insert(0) += steps;
        }
        let held = held.remove(&*totals.name).unwrap_or_default();
        tenants.push(json!({
            "name": &*totals.name,
            "steps": totals.steps.iter().sum::<u64>(),
            "fuel": totals.fuel,
            "running": held.running,
            "run_s": held.run_time.as_secs_f64(),
        }));
    }
    (happened(outcomes), tenants)
}

fn store(registry: &Registry) -> Option<Value> {
    let journal = registry.store()?.journal();
    let stats = journal.stats();
    Some(json!({
        "used": stats.database_bytes + stats.log_bytes,
        "queued": stats.queued_changes,
        "full": !journal.has_room(),
    }))
}
