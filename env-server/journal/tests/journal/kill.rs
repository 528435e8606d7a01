//! A process that writes is killed at random moments. What it was told is stored is there, and the rest is a prefix.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _, stdout};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs, thread};

use journal::{Durability, Journal, OpenEpisode, Opened, Options};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::model::{self, Keys, Model};
use crate::support::{copy, folder, identity, open, options};

const KILLS: u64 = 40;
const SEED: u64 = 7;
/// Changes that the process writes before the first of them is stored.
const AHEAD: usize = 32;

/// Writes the changes from a number on, and prints each number that is stored. It is the process that is killed.
#[test]
#[ignore = "it is killed by the test below, which starts it"]
fn writes_until_killed() {
    let Ok(folder) = env::var("JOURNAL_KILL") else { return };
    let first: u64 = env::var("JOURNAL_FIRST").unwrap().parse().unwrap();
    let durability = if first.is_multiple_of(2) { Durability::Process } else { Durability::Sync };
    let opened = Journal::open(Path::new(&folder), &identity(), Options { durability, ..options() }).unwrap();
    let (mut model, mut past) = (Model::default(), Keys::new());
    for number in 0..first {
        model.change(SEED, number, &mut past, || 0);
    }
    let mut keys = model::keys(&opened.episodes);
    let (begin, stored) = sync_channel(AHEAD);
    let stored = Arc::new(Mutex::new(stored));
    for number in first.. {
        let change = model.change(SEED, number, &mut keys, || opened.journal.new_key());
        begin.send(()).unwrap();
        let stored = stored.clone();
        opened.journal.write(change, move |answer| {
            answer.unwrap();
            stdout().write_all(format!("stored {number}\n").as_bytes()).unwrap();
            stored.lock().unwrap().recv().unwrap();
        });
    }
}

/// Whether a folder that was opened holds all of the model. Equal numbers are looked at first, since most differ.
fn holds(opened: &Opened, expected: &Model) -> bool {
    let steps = |episode: &OpenEpisode| (episode.id.clone(), episode.steps as usize);
    let found: BTreeMap<_, _> = opened.episodes.iter().map(steps).collect();
    let open = expected.open.iter().map(|(id, episode)| (id.clone(), episode.steps.len()));
    let closed: Vec<_> = expected.closed.keys().chain(expected.open.keys()).cloned().collect();
    found == open.collect()
        && opened.journal.closed_count() == expected.closed.len() as u64
        && model::read(&opened.journal, &opened.episodes, &closed).unwrap() == *expected
}

#[test]
fn what_was_stored_survives_a_kill() {
    let (folder, mut random) = (folder(), ChaCha8Rng::seed_from_u64(SEED));
    drop(open(folder.path()));
    let (mut expected, mut keys, mut next) = (Model::default(), Keys::new(), 0);
    let mut kills_at_work = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "kill::writes_until_killed", "--ignored", "--nocapture"])
            .env("JOURNAL_KILL", folder.path())
            .env("JOURNAL_FIRST", next.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        // Some while they open the folder, most at work.
        while kill % 4 != 0 && !output.contains("stored ") {
            assert_ne!(lines.read_line(&mut output).unwrap(), 0, "kill {kill}: it ended by itself: {output}");
        }
        thread::sleep(Duration::from_millis(u64::from(random.next_u32()) % 50));
        child.kill().unwrap();
        lines.read_to_string(&mut output).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), None, "kill {kill}: it ended by itself: {output}");
        // The last line may be cut short.
        let lines = output.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let stored = lines.filter_map(|line| line.trim().strip_prefix("stored ")?.parse::<u64>().ok()).max();
        let least = stored.map_or(next, |stored| stored + 1);
        kills_at_work += u64::from(stored.is_some());

        // The next process opens what was killed; here, a copy of it is looked at.
        let looked_at = crate::support::folder();
        copy(folder.path(), looked_at.path());
        let opened = open(looked_at.path());
        loop {
            if next >= least && holds(&opened, &expected) {
                break;
            }
            assert!(next < least + 2 * AHEAD as u64, "kill {kill}: no prefix of at least {least} changes");
            expected.change(SEED, next, &mut keys, || 0);
            next += 1;
        }
    }
    assert!(kills_at_work > KILLS / 4, "most were killed before they wrote: {kills_at_work}");
    assert!(fs::metadata(folder.path().join("episodes.db")).unwrap().len() > 1 << 16);
}
