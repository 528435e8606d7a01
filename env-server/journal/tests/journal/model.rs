//! What a journal must hold, as plain maps; and random changes that are made to both.

use std::collections::{BTreeMap, HashMap};

use journal::{Change, Fork, Journal, OpenEpisode, Opened};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

pub const TENANT: &str = "tenant";

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Episode {
    pub spec: Vec<u8>,
    pub task: Vec<u8>,
    pub steps: Vec<Vec<u8>>,
    pub end: Option<Vec<u8>>,
    pub snapshot: Option<(String, u64)>,
}

/// Open episodes and tombstones, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub open: BTreeMap<String, Episode>,
    pub closed: BTreeMap<String, Vec<u8>>,
}

/// The keys of open episodes, by name.
pub type Keys = HashMap<String, u64>;

pub fn keys(episodes: &[OpenEpisode]) -> Keys {
    episodes.iter().map(|episode| (episode.id.clone(), episode.key)).collect()
}

impl Model {
    /// Makes the change of a number, which follows from it, the seed and the changes before; and says what it is for
    /// a journal.
    pub fn change(
        &mut self,
        seed: u64,
        number: u64,
        keys: &mut Keys,
        new_key: impl FnMut() -> u64,
    ) -> Change {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number);
        self.random_change(&mut random, number, keys, new_key)
    }

    fn random_change(
        &mut self,
        random: &mut ChaCha8Rng,
        number: u64,
        keys: &mut Keys,
        mut new_key: impl FnMut() -> u64,
    ) -> Change {
        let kind = random.next_u32() % 100;
        let ids: Vec<_> = self.open.keys().cloned().collect();
        let tenant = TENANT.to_owned();
        if ids.is_empty() || kind < 10 && ids.len() < 40 {
            let id = format!("episode {number}");
            let key = new_key();
            keys.insert(id.clone(), key);
            let spec = body(random, 40);
            let task = format!("task {}", number % 3).into_bytes();
            let mut episode = Episode { spec: spec.clone(), task: task.clone(), ..Episode::default() };
            let change = if kind < 8 {
                Change::Created { key, tenant, id: id.clone(), spec, task }
            } else {
                episode.steps = (0..kind % 4).map(|_| body(random, 2000)).collect();
                episode.end = (kind == 9).then(|| b"imported end".to_vec());
                let (steps, end) = (episode.steps.clone(), episode.end.clone());
                Change::Imported { key, tenant, id: id.clone(), spec, task, steps, end }
            };
            self.open.insert(id, episode);
            return change;
        }
        let id = ids[random.next_u32() as usize % ids.len()].clone();
        let key = keys[&id];
        let episode = self.open.get_mut(&id).unwrap();
        let steps = episode.steps.len() as u64;
        match kind {
            ..70 => {
                let body = body(random, 3000);
                episode.steps.push(body.clone());
                let end = (kind < 12).then(|| format!("end {number}").into_bytes());
                episode.end = end.clone().or(episode.end.take());
                Change::Step { key, index: steps, body, end }
            }
            70..78 => {
                let before = u64::from(random.next_u32()) % (steps + 1);
                let name = format!("snapshot {number}");
                episode.snapshot = Some((name.clone(), before));
                Change::Snapshot { key, name, before }
            }
            78..82 => {
                let end = format!("end {number}").into_bytes();
                episode.end = Some(end.clone());
                Change::Ended { key, end }
            }
            82..90 => {
                let at = u64::from(random.next_u32()) % (steps + 1);
                let mut source = episode.clone();
                source.steps.truncate(at as usize);
                source.end = None;
                let source_id = &id;
                source.snapshot = source.snapshot.filter(|(_, before)| *before <= at);
                let copies = (0..1 + number % 3).map(|copy| {
                    let id = format!("fork {number}.{copy}");
                    let (fork, spec) = (new_key(), format!("fork of {source_id}").into_bytes());
                    keys.insert(id.clone(), fork);
                    self.open.insert(id.clone(), Episode { spec: spec.clone(), ..source.clone() });
                    Fork { key: fork, tenant: tenant.clone(), id, spec }
                });
                Change::Forked { source: key, at, copies: copies.collect() }
            }
            _ => {
                let tombstone = format!("tombstone {number}").into_bytes();
                self.open.remove(&id);
                keys.remove(&id);
                self.closed.insert(id, tombstone.clone());
                Change::Closed { key, tombstone }
            }
        }
    }
}

fn body(random: &mut ChaCha8Rng, most: u32) -> Vec<u8> {
    let mut body = vec![0; (random.next_u32() % (most + 1)) as usize];
    random.fill_bytes(&mut body);
    body
}

/// Everything that a journal holds, which was opened with these episodes; or why it cannot be read.
pub fn read(
    journal: &Journal,
    episodes: &[OpenEpisode],
    closed: &[String],
) -> Result<Model, journal::ReadError> {
    let mut model = Model::default();
    for OpenEpisode { key, tenant, id, spec, steps, end } in episodes {
        assert_eq!(tenant, TENANT);
        let episode = Episode {
            spec: spec.clone(),
            task: journal.task(*key)?,
            steps: journal.steps(*key, 0..*steps)?,
            end: end.clone(),
            snapshot: journal.snapshot(*key)?,
        };
        model.open.insert(id.clone(), episode);
    }
    for id in closed {
        if let Some(tombstone) = journal.closed(TENANT, id)? {
            model.closed.insert(id.clone(), tombstone);
        }
    }
    Ok(model)
}

/// Checks that a folder that was just opened holds what the model says.
pub fn check(opened: &Opened, model: &Model) {
    let closed: Vec<_> = model.closed.keys().chain(model.open.keys()).cloned().collect();
    let found = read(&opened.journal, &opened.episodes, &closed).unwrap();
    assert_eq!(&found, model);
    let names = model.open.values().filter_map(|episode| Some(episode.snapshot.clone()?.0)).collect();
    assert_eq!(opened.live_snapshots, names);
    assert_eq!(opened.journal.closed_count(), model.closed.len() as u64);
    assert!(opened.episodes.is_sorted_by_key(|episode| episode.key));
}
