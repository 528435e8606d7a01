//! What all pages are told: computed once for all of them, and only while one listens.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use lifecycle::Traffic;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::{self, Receiver, Sender};

use super::numbers::Numbers;
use super::rows::Rows;
use crate::blocking::blocking;
use crate::episode::Registry;
use crate::version::{COMMIT, VERSION};

/// The shortest time between two looks at the episodes.
const EVERY: Duration = Duration::from_millis(250);
/// The pause after a look is at least this many times as long as the look took.
const REST: u32 = 10;
/// How often numbers are told, and what their latencies are of.
const NUMBERS_EVERY: Duration = Duration::from_secs(1);
/// Changes that a page may be late.
const LATE: usize = 8;
/// The most pages that listen.
const MOST: usize = 64;

/// What has changed, as JSON.
pub type Change = Arc<str>;

/// What all pages are told.
pub struct Watch {
    registry: Arc<Registry>,
    traffic: OnceLock<Arc<Traffic>>,
    began: Instant,
    changes: Sender<Change>,
    told: Mutex<Told>,
}

/// What the pages know.
#[derive(Default)]
struct Told {
    /// Whether somebody looks at the episodes again and again.
    is_looked: bool,
    rows: Rows,
    numbers: Numbers,
    /// The numbers that were told last, and when.
    last: Option<(Instant, Value)>,
}

impl Watch {
    /// Nobody listens yet.
    pub fn new(registry: Arc<Registry>) -> Self {
        let (changes, _) = broadcast::channel(LATE);
        Self { registry, traffic: OnceLock::new(), began: Instant::now(), changes, told: Mutex::default() }
    }

    /// Tells of these connections, too.
    pub fn show_connections(&self, traffic: Arc<Traffic>) {
        let _ = self.traffic.set(traffic);
    }

    /// Whether as many pages listen as may.
    pub fn is_crowded(&self) -> bool {
        self.changes.receiver_count() >= MOST
    }

    /// Everything as it is now, as JSON, and what changes from then on. `allowed` is what the listener may do. `None` if looking
    /// at the episodes has failed.
    pub async fn listen(self: &Arc<Self>, allowed: Value) -> Option<(String, Receiver<Change>)> {
        let watch = self.clone();
        let listening = blocking(move || {
            let mut told = watch.told();
            // Those who listen already know then what the whole is.
            watch.tell(&mut told);
            let receiver = watch.changes.subscribe();
            if !std::mem::replace(&mut told.is_looked, true) {
                tokio::spawn(watch.clone().look_again_and_again());
            }
            Ok((watch.whole(&told, allowed), receiver))
        });
        listening.await.inspect_err(|error| tracing::error!(%error, "the console can't look")).ok()
    }

    async fn look_again_and_again(self: Arc<Self>) {
        let mut rest = EVERY;
        loop {
            tokio::time::sleep(rest).await;
            let watch = self.clone();
            match blocking(move || Ok(watch.look())).await {
                Ok(Some(took)) => rest = EVERY.max(took * REST),
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(%error, "the console can't look");
                    *self.told() = Told::default();
                    return;
                }
            }
        }
    }

    /// Tells what has changed. Returns how long that took; `None` if nobody listens any more.
    fn look(&self) -> Option<Duration> {
        let mut told = self.told();
        if self.changes.receiver_count() == 0 {
            *told = Told::default();
            return None;
        }
        let began = Instant::now();
        self.tell(&mut told);
        Some(began.elapsed())
    }

    /// Brings up to date what the pages know, and tells those who listen.
    fn tell(&self, told: &mut Told) {
        let episodes = self.registry.all();
        let due = told.last.as_ref().is_none_or(|(at, _)| at.elapsed() >= NUMBERS_EVERY);
        let mut change = Map::new();
        if due {
            let uptime = self.began.elapsed();
            let now = told.numbers.now(&self.registry, &episodes, self.traffic.get(), uptime);
            change.insert("now".to_owned(), now.clone());
            told.last = Some((Instant::now(), now));
        }
        told.rows.update(episodes, &mut change);
        if !change.is_empty() && self.changes.receiver_count() > 0 {
            // The last listener may have gone by now.
            let _ = self.changes.send(Value::Object(change).to_string().into());
        }
    }

    fn whole(&self, told: &Told, allowed: Value) -> String {
        let options = self.registry.options();
        let server = json!({
            "version": VERSION,
            "commit": COMMIT,
            "python": self.registry.sandbox().python_version(),
            "name": options.server_name.as_ref().map(ToString::to_string),
            "boot_id": self.registry.boot_id(),
            "stores": self.registry.store().is_some(),
            "workers": options.workers,
        });
        let now = told.last.as_ref().map(|(_, now)| now);
        json!({ "allowed": allowed, "server": server, "now": now, "rows": told.rows.all() }).to_string()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
