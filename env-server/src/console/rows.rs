//! The episodes as rows, and which of them have changed since they were told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::episode::episode::{Episode, Standing};

/// The episodes as they were told. An episode that has not changed costs a look, and no JSON.
#[derive(Default)]
pub struct Rows {
    /// By the address of the episode, which it has for itself as long as it is here.
    told: HashMap<usize, Row>,
    /// The number of the last update.
    update: u64,
}

struct Row {
    episode: Arc<Episode>,
    standing: Standing,
    /// The last update that found it.
    update: u64,
}

impl Rows {
    /// Takes these for all episodes, and adds to `change`: rows that are new (`rows`), those of which only the standing has changed
    /// (`moved`), and whose episodes are forgotten (`removed`).
    pub fn update(&mut self, episodes: Vec<Arc<Episode>>, change: &mut Map<String, Value>) {
        self.update += 1;
        let update = self.update;
        let (mut rows, mut moved, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        for episode in episodes {
            let standing = episode.standing();
            let address = Arc::as_ptr(&episode).addr();
            match self.told.get_mut(&address) {
                Some(row) => {
                    row.update = update;
                    if row.standing != standing {
                        row.standing = standing;
                        moved.push(name(&row.episode, standing));
                    }
                }
                None => {
                    rows.push(whole(&episode, standing));
                    self.told.insert(address, Row { episode, standing, update });
                }
            }
        }
        self.told.retain(|_, row| {
            let is_there = row.update == update;
            if !is_there {
                removed.push(json!({ "id": row.episode.id(), "tenant": row.episode.tenant() }));
            }
            is_there
        });
        for (key, values) in [("rows", rows), ("moved", moved), ("removed", removed)] {
            if !values.is_empty() {
                change.insert(key.to_owned(), Value::Array(values));
            }
        }
    }

    /// The rows of all episodes, as they were told.
    pub fn all(&self) -> Value {
        self.told.values().map(|row| whole(&row.episode, row.standing)).collect()
    }
}

/// Which episode it is, and where it stands.
fn name(episode: &Episode, Standing { steps, end_reason, usage }: Standing) -> Value {
    json!({
        "id": episode.id(),
        "tenant": episode.tenant(),
        "steps": steps,
        "end": end_reason.map(|reason| reason.name()),
        "fuel": usage.fuel,
        "run_us": usage.run_time.as_micros() as u64,
    })
}

/// All that is told of an episode.
fn whole(episode: &Episode, standing: Standing) -> Value {
    let mut row = name(episode, standing);
    let spec = episode.spec();
    let task = &spec.task_summary;
    let created = episode.created_at().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    row["task"] = json!(task.task_id);
    row["set"] = json!(task.set);
    row["family"] = json!(task.family);
    row["task_sha256"] = json!(task.public_sha256);
    row["state"] = json!(spec.interpreter_state.name());
    // As text: it may be beyond what a browser's numbers hold.
    row["seed"] = json!(spec.seed.to_string());
    row["created_ms"] = json!(created.as_millis() as u64);
    row["forked_from"] = json!(spec.forked_from);
    row
}
