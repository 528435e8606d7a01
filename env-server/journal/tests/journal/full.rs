//! A full disk: what does not fit is refused, closes go on, and what was stored stays.

use std::env;
use std::path::Path;
use std::process::Command;

use journal::{Change, Journal, Opened, Options, WriteError};

use crate::support::{close, create, created, folder, identity, open, options, step, wait_until, write};

/// Opens a journal whose database has a largest size.
fn open_small(folder: &Path, max_bytes: u64, reserve: u64) -> Opened {
    Journal::open(folder, &identity(), Options { max_bytes: Some(max_bytes), reserve, ..options() }).unwrap()
}

/// Writes steps until one has no room, and says how many were stored.
fn fill(journal: &Journal, key: u64) -> u64 {
    for index in 0.. {
        match write(journal, step(key, index, &[1; 1500])) {
            Ok(_) => (),
            Err(WriteError::Full) => return index,
            Err(error) => panic!("{error}"),
        }
    }
    unreachable!()
}

#[test]
fn steps_are_refused_until_a_close_makes_room() {
    let folder = folder();
    let journal = open_small(folder.path(), 1 << 20, 0).journal;
    let (first, second) = (create(&journal, "a"), create(&journal, "b"));
    let stored = fill(&journal, first);
    assert!(stored > 300, "{stored}");
    assert!(!journal.has_room());
    assert!(journal.stats().without_room > 0);
    assert_eq!(journal.steps(first, 0..stored).unwrap().len() as u64, stored);
    write(&journal, close(first)).unwrap();
    wait_until(|| journal.has_room());
    // Room is there as soon as the steps are deleted.
    wait_until(|| write(&journal, step(second, 0, &[1; 1500])).is_ok());
    drop(journal);
    let opened = open(folder.path());
    assert_eq!(
        opened.episodes.iter().map(|episode| (episode.key, episode.steps)).collect::<Vec<_>>(),
        [(second, 1)]
    );
}

#[test]
fn of_a_batch_only_what_does_not_fit_is_refused() {
    let folder = folder();
    let journal = open_small(folder.path(), 1 << 20, 0).journal;
    let keys: Vec<_> = (0..10).map(|number| create(&journal, &number.to_string())).collect();
    let (done, answers) = std::sync::mpsc::channel();
    for &key in &keys {
        let size = if key == keys[4] { 2 << 20 } else { 1000 };
        let done = done.clone();
        journal.write(step(key, 0, &vec![1; size]), move |answer| done.send((key, answer)).unwrap());
    }
    drop(done);
    for (key, answer) in answers {
        assert_eq!(answer.is_ok(), key != keys[4], "{answer:?}");
    }
}

#[test]
fn a_close_that_does_not_fit_is_stored_once_there_is_room() {
    let folder = folder();
    let journal = open_small(folder.path(), 1 << 20, 0).journal;
    let (first, second) = (create(&journal, "a"), create(&journal, "b"));
    fill(&journal, first);
    let tombstone = vec![2; 100_000];
    write(&journal, Change::Closed { key: second, tombstone: tombstone.clone() }).unwrap();
    assert_eq!(journal.closed("tenant", "b").unwrap(), None);
    assert_eq!(journal.stats().kept_closes, 1);
    write(&journal, close(first)).unwrap();
    wait_until(|| journal.closed("tenant", "b").unwrap().as_ref() == Some(&tombstone));
    assert_eq!(journal.stats().kept_closes, 0);
    assert_eq!(journal.closed_count(), 2);
}

#[test]
fn the_reserve_is_kept_for_closes() {
    let folder = folder();
    let journal = open_small(folder.path(), 4 << 20, 2 << 20).journal;
    let key = create(&journal, "a");
    assert!(journal.has_room());
    let mut index = 0;
    while journal.has_room() {
        write(&journal, step(key, index, &[1; 1500])).unwrap();
        index += 1;
    }
    assert!(index > 500, "{index}");
    // Nothing was refused so far.
    write(&journal, step(key, index, &[1; 1500])).unwrap();
    write(&journal, close(key)).unwrap();
    wait_until(|| journal.has_room());
}

#[test]
fn without_the_reserve_on_the_disk_there_is_no_room() {
    let folder = folder();
    let journal = Journal::open(folder.path(), &identity(), Options { reserve: u64::MAX, ..options() })
        .unwrap()
        .journal;
    create(&journal, "a");
    assert!(!journal.has_room());
}

/// Fills a disk on which files can grow to a limit only. The test below sets it, for the whole process.
#[test]
#[ignore = "started by the test below, with a limit"]
fn fills_its_limit() {
    let Ok(folder) = env::var("JOURNAL_FULL") else { return };
    let journal = open(Path::new(&folder)).journal;
    let keys = [create(&journal, "a"), create(&journal, "b")];
    let stored = fill(&journal, keys[0]);
    assert!(!journal.has_room());
    assert_eq!(write(&journal, created(journal.new_key(), "c")), Err(WriteError::Full));
    assert_eq!(journal.steps(keys[0], 0..stored).unwrap().len() as u64, stored);
    write(&journal, close(keys[1])).unwrap();
    println!("stored {stored}");
}

#[test]
fn a_limit_of_the_system_is_a_full_disk() {
    let folder = folder();
    let output = Command::new("bash")
        // The signal would end the process; a server ignores it.
        .args(["-c", r#"trap "" XFSZ; ulimit -f 2048; exec "$0" "$@""#])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "full::fills_its_limit", "--ignored", "--nocapture"])
        .env("JOURNAL_FULL", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let stored = text.lines().find_map(|line| line.split("stored ").nth(1)?.trim().parse::<u64>().ok());
    let errors = String::from_utf8_lossy(&output.stderr);
    let stored = stored.unwrap_or_else(|| panic!("{text}\n{errors}"));
    assert!(output.status.success() && stored > 100, "{text}\n{errors}");
    let opened = open(folder.path());
    let steps: Vec<_> = opened.episodes.iter().map(|episode| (episode.id.as_str(), episode.steps)).collect();
    assert!(steps.contains(&("a", stored)), "{steps:?}");
}
