//! The episodes that are kept, task by task.

use std::collections::{BTreeMap, BTreeSet};

use super::episode::Episode;
use super::filter::{Filter, Reason};

/// For each episode whether it is kept, or why not. If `paired`, a task is kept only if all agents' episodes of it are.
pub fn kept(episodes: &[Episode], filter: &Filter, paired: bool) -> Vec<Result<(), Reason>> {
    let alone: Vec<Result<(), Reason>> = episodes.iter().map(|episode| filter.check(episode)).collect();
    if !paired {
        return alone;
    }
    let agents: BTreeSet<&str> = episodes.iter().map(|episode| episode.agent.as_str()).collect();
    let mut good: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (episode, _) in episodes.iter().zip(&alone).filter(|(_, kept)| kept.is_ok()) {
        *good.entry((&episode.family, &episode.task_id)).or_default() += 1;
    }
    let has_partners = |episode: &Episode| {
        good.get(&(episode.family.as_str(), episode.task_id.as_str())) == Some(&agents.len())
    };
    let with_partners = |(episode, kept): (&Episode, Result<(), Reason>)| match has_partners(episode) {
        true => kept,
        false => kept.and(Err(Reason::Partner)),
    };
    episodes.iter().zip(alone).map(with_partners).collect()
}
