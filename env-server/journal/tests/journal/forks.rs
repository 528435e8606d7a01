//! Forks share the steps before them, and keep them as long as they use them.

use std::path::Path;

use journal::{Change, Fork, Journal};

use crate::episodes::count;
use crate::support::{close, create, folder, open, step, wait_until, write};

fn fork(journal: &Journal, source: u64, at: u64, ids: &[&str]) -> Vec<u64> {
    let copy = |id: &&str| Fork {
        key: journal.new_key(),
        tenant: "tenant".to_owned(),
        id: (*id).to_owned(),
        spec: b"fork".to_vec(),
    };
    let copies: Vec<_> = ids.iter().map(copy).collect();
    let keys = copies.iter().map(|copy| copy.key).collect();
    write(journal, Change::Forked { source, at, copies }).unwrap();
    keys
}

fn add(journal: &Journal, key: u64, indexes: std::ops::Range<u64>) {
    for index in indexes {
        write(journal, step(key, index, format!("{key}:{index}").as_bytes())).unwrap();
    }
}

fn past(journal: &Journal, key: u64, steps: u64) -> Vec<String> {
    let text = |body| String::from_utf8(body).unwrap();
    journal.steps(key, 0..steps).unwrap().into_iter().map(text).collect()
}

fn expect(parts: &[(u64, std::ops::Range<u64>)]) -> Vec<String> {
    parts.iter().flat_map(|(key, range)| range.clone().map(move |index| format!("{key}:{index}"))).collect()
}

fn wait_for_steps(folder: &Path, steps: u64) {
    wait_until(|| count(folder, "steps") == steps && count(folder, "trimmed") == 0);
}

#[test]
fn a_fork_of_a_fork_has_the_steps_of_three_lines() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let a = create(&journal, "a");
    add(&journal, a, 0..4);
    let b = fork(&journal, a, 3, &["b"])[0];
    add(&journal, a, 4..6);
    add(&journal, b, 3..6);
    let c = fork(&journal, b, 5, &["c"])[0];
    add(&journal, c, 5..7);
    // At the beginning of its source's own line, and before it.
    let d = fork(&journal, b, 3, &["d"])[0];
    let e = fork(&journal, c, 2, &["e"])[0];
    let f = fork(&journal, c, 0, &["f"])[0];
    add(&journal, f, 0..1);
    let expected = [
        (a, expect(&[(a, 0..6)])),
        (b, expect(&[(a, 0..3), (b, 3..6)])),
        (c, expect(&[(a, 0..3), (b, 3..5), (c, 5..7)])),
        (d, expect(&[(a, 0..3)])),
        (e, expect(&[(a, 0..2)])),
        (f, expect(&[(f, 0..1)])),
    ];
    assert_eq!(count(folder.path(), "steps"), 12);
    for (key, steps) in &expected {
        assert_eq!(&past(&journal, *key, steps.len() as u64), steps);
        assert_eq!(journal.task(*key).unwrap(), b"the task");
    }
    assert_eq!(past(&journal, c, 7)[2..6], expect(&[(a, 2..3), (b, 3..5), (c, 5..6)]));
    drop(journal);
    let opened = open(folder.path());
    for (episode, (key, steps)) in opened.episodes.iter().zip(&expected) {
        assert_eq!((episode.key, episode.steps), (*key, steps.len() as u64));
        assert_eq!(&past(&opened.journal, *key, episode.steps), steps);
    }
}

#[test]
fn steps_stay_while_a_fork_uses_them() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let a = create(&journal, "a");
    add(&journal, a, 0..10);
    let forks = [fork(&journal, a, 4, &["b"]), fork(&journal, a, 7, &["c"])].concat();
    write(&journal, close(a)).unwrap();
    wait_for_steps(folder.path(), 7);
    assert_eq!(past(&journal, forks[1], 7), expect(&[(a, 0..7)]));
    write(&journal, close(forks[1])).unwrap();
    wait_for_steps(folder.path(), 4);
    assert_eq!(past(&journal, forks[0], 4), expect(&[(a, 0..4)]));
    drop(journal);
    let journal = open(folder.path()).journal;
    assert_eq!(past(&journal, forks[0], 4), expect(&[(a, 0..4)]));
    write(&journal, close(forks[0])).unwrap();
    wait_for_steps(folder.path(), 0);
    assert_eq!(count(folder.path(), "uses"), 0);
}

#[test]
fn a_source_keeps_its_steps_when_its_forks_are_closed() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let a = create(&journal, "a");
    add(&journal, a, 0..5);
    for fork in fork(&journal, a, 3, &["b", "c", "d"]) {
        add(&journal, fork, 3..5);
        write(&journal, close(fork)).unwrap();
    }
    wait_for_steps(folder.path(), 5);
    assert_eq!(past(&journal, a, 5), expect(&[(a, 0..5)]));
    add(&journal, a, 5..6);
}

#[test]
fn long_pasts_are_deleted_in_portions() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    for id in ["a", "b"] {
        let key = create(&journal, id);
        for index in 0..3000 {
            journal.write(step(key, index, b"step"), |stored| assert!(stored.is_ok()));
        }
        write(&journal, close(key)).unwrap();
    }
    // A restart between two portions loses nothing of what is to be deleted.
    drop(journal);
    let _journal = open(folder.path()).journal;
    wait_for_steps(folder.path(), 0);
}

#[test]
fn all_copies_are_made_or_none() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let a = create(&journal, "a");
    let copies = ["b", "a"].map(|id| Fork {
        key: journal.new_key(),
        tenant: "tenant".to_owned(),
        id: id.to_owned(),
        spec: Vec::new(),
    });
    write(&journal, Change::Forked { source: a, at: 0, copies: copies.to_vec() }).unwrap_err();
    assert_eq!(count(folder.path(), "episodes"), 1);
    assert_eq!(count(folder.path(), "uses"), 1);
    write(&journal, step(copies[0].key, 0, b"nobody's")).unwrap_err();
}

#[test]
fn copies_share_a_snapshot_that_is_not_after_them() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let a = create(&journal, "a");
    add(&journal, a, 0..5);
    write(&journal, Change::Snapshot { key: a, name: "s".to_owned(), before: 3 }).unwrap();
    let b = fork(&journal, a, 2, &["b"])[0];
    let c = fork(&journal, a, 3, &["c"])[0];
    assert_eq!(journal.snapshot(b).unwrap(), None);
    assert_eq!(journal.snapshot(c).unwrap(), Some(("s".to_owned(), 3)));
    assert!(write(&journal, close(a)).unwrap().unused_snapshots.is_empty());
    assert!(write(&journal, close(b)).unwrap().unused_snapshots.is_empty());
    drop(journal);
    let opened = open(folder.path());
    assert_eq!(opened.live_snapshots.iter().collect::<Vec<_>>(), ["s"]);
    assert_eq!(write(&opened.journal, close(c)).unwrap().unused_snapshots, ["s"]);
}
