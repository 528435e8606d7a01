//! The episodes of a server, in pages.

use std::time::{Duration, SystemTime};

use lifecycle::Caller;
use proto::interpreter_state::InterpreterState;

use super::Registry;
use crate::episode::episode::Summary;
use crate::error::{Error, Violation};

/// The most episodes on a page.
const MAX_PAGE: usize = 1000;
/// Episodes on a page whose request names no number.
const DEFAULT_PAGE: usize = 100;

/// Which episodes a listing is of. An empty text stands for all.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The most episodes on a page; 0 takes the server's default.
    pub page_size: usize,
    /// From the previous page; empty for the first one.
    pub page_token: String,
    /// Only those that have not ended.
    pub only_running: bool,
    /// The task's set.
    pub set: String,
    /// The task.
    pub task_id: String,
    /// The task's family.
    pub family: String,
    /// The regime; `None` for both.
    pub interpreter_state: Option<InterpreterState>,
}

/// One page of a listing.
pub struct Listing {
    /// The episodes, the newest first.
    pub episodes: Vec<Summary>,
    /// Names the next page, if there is one.
    pub next_page_token: Option<String>,
}

impl Registry {
    /// One page of the episodes in the table that the caller may act in. Renews no lease.
    ///
    /// # Errors
    /// A wrong size, family or page token.
    pub fn list(&self, caller: &Caller, query: &Query) -> Result<Listing, Error> {
        let size = match query.page_size {
            0 => DEFAULT_PAGE,
            size @ 1..=MAX_PAGE => size,
            _ => return Err(Violation::new("page_size", format!("must be at most {MAX_PAGE}")).into()),
        };
        self.catalog.check_family(&query.family)?;
        let last = position(&query.page_token)?;
        let mut episodes: Vec<_> = self.table().all().cloned().collect();
        episodes.retain(|episode| caller.may_act_for(episode.tenant()));
        // The page begins where the previous one ended, whatever was created or forgotten since.
        episodes.retain(|episode| {
            last.is_none_or(|last| episode.age() < last) && query.matches(&episode.summary())
        });
        // One more tells whether there is a next page.
        let shown = episodes.len().min(size + 1);
        if shown < episodes.len() {
            episodes.select_nth_unstable_by(shown, |one, other| other.age().cmp(&one.age()));
            episodes.truncate(shown);
        }
        episodes.sort_unstable_by(|one, other| other.age().cmp(&one.age()));
        let more = episodes.len() > size;
        episodes.truncate(size);
        let next_page_token = episodes.last().filter(|_| more).map(|last| token(last.age()));
        Ok(Listing { episodes: episodes.iter().map(|episode| episode.summary()).collect(), next_page_token })
    }
}

impl Query {
    fn matches(&self, episode: &Summary) -> bool {
        let task = &episode.spec.task_summary;
        let is = |wanted: &str, text: &str| wanted.is_empty() || wanted == text;
        (!self.only_running || episode.end_reason.is_none())
            && self.interpreter_state.is_none_or(|state| state == episode.spec.interpreter_state)
            && is(&self.set, &task.set)
            && is(&self.task_id, &task.task_id)
            && is(&self.family, &task.family)
    }
}

/// Names the page after the episode of this age: nanoseconds since 1970, a full stop, and the id.
fn token((created_at, id): (SystemTime, &str)) -> String {
    let since = created_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}.{id}", since.as_nanos())
}

/// The age that a token names; `None` for the first page.
fn position(token: &str) -> Result<Option<(SystemTime, &str)>, Violation> {
    if token.is_empty() {
        return Ok(None);
    }
    let wrong = || Violation::new("page_token", "must be empty or a next_page_token of this server");
    let (nanos, id) = token.split_once('.').ok_or_else(wrong)?;
    let since = Duration::from_nanos(nanos.parse().map_err(|_| wrong())?);
    let at = SystemTime::UNIX_EPOCH.checked_add(since).ok_or_else(wrong)?;
    Ok(Some((at, id)))
}
