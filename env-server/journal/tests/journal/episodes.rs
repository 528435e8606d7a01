//! One episode: what is written is read, and survives.

use journal::{Change, Durability, Journal, OpenEpisode, Options, ReadError, WriteError};

use crate::support::{close, create, created, folder, identity, open, options, step, wait_until, write};

#[test]
fn what_is_written_is_there_after_a_restart() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let key = create(&journal, "a");
    write(&journal, step(key, 0, b"first")).unwrap();
    let end = Some(b"ended".to_vec());
    write(&journal, Change::Step { key, index: 1, body: b"second".to_vec(), end: end.clone() }).unwrap();
    let id = journal.state_id().to_owned();
    drop(journal);

    let opened = open(folder.path());
    let (tenant, name, spec) = ("tenant".to_owned(), "a".to_owned(), b"spec of a".to_vec());
    assert_eq!(opened.episodes, [OpenEpisode { key, tenant, id: name, spec, steps: 2, end }]);
    assert_eq!(opened.journal.steps(key, 0..2).unwrap(), [b"first".to_vec(), b"second".to_vec()]);
    assert_eq!(opened.journal.steps(key, 1..2).unwrap(), [b"second"]);
    assert_eq!(opened.journal.steps(key, 1..1).unwrap(), [b""; 0]);
    assert_eq!(opened.journal.task(key).unwrap(), b"the task");
    assert_eq!(opened.journal.state_id(), id);
    assert!(opened.journal.new_key() > key);
}

#[test]
fn steps_that_are_not_there_are_an_error() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let key = create(&journal, "a");
    write(&journal, step(key, 0, b"first")).unwrap();
    assert_eq!(journal.steps(key, 0..2), Err(ReadError::Missing { key, index: 1 }));
    assert_eq!(journal.steps(key + 1, 0..0), Err(ReadError::Unknown(key + 1)));
    assert_eq!(journal.task(key + 1), Err(ReadError::Unknown(key + 1)));
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let key = create(&journal, "a");
    write(&journal, step(key, 0, b"first")).unwrap();
    let other = journal.new_key();
    let refused = [
        step(key, 0, b"again"),
        step(key, 2, b"too far"),
        step(other, 0, b"nobody's"),
        created(other, "a"),
        created(key, "b"),
        Change::Snapshot { key, name: "s".to_owned(), before: 2 },
        Change::Forked { source: key, at: 2, copies: Vec::new() },
        Change::Ended { key: other, end: Vec::new() },
        close(other),
        created(u64::MAX, "c"),
    ];
    for change in refused {
        let answer = write(&journal, change.clone());
        assert!(matches!(answer, Err(WriteError::Refused(_))), "{change:?}: {answer:?}");
    }
    write(&journal, step(key, 1, b"second")).unwrap();
    drop(journal);
    let opened = open(folder.path());
    assert_eq!(opened.episodes.len(), 1);
    assert_eq!(opened.journal.steps(key, 0..2).unwrap(), [b"first".to_vec(), b"second".to_vec()]);
}

#[test]
fn changes_beside_one_that_is_refused_are_stored() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let key = create(&journal, "a");
    let (done, answers) = std::sync::mpsc::channel();
    for index in [0, 1, 5, 2, 3] {
        let done = done.clone();
        journal.write(step(key, index, b"step"), move |answer| done.send((index, answer.is_ok())).unwrap());
    }
    drop(done);
    journal.flush().unwrap();
    let answers: Vec<_> = answers.iter().collect();
    assert_eq!(answers, [(0, true), (1, true), (5, false), (2, true), (3, true)]);
}

#[test]
fn a_name_is_free_again_once_its_episode_is_closed() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let first = create(&journal, "a");
    write(&journal, close(first)).unwrap();
    assert_eq!(journal.closed("tenant", "a").unwrap(), Some(format!("tombstone of {first}").into_bytes()));
    assert_eq!(journal.closed("other", "a").unwrap(), None);
    let second = create(&journal, "a");
    assert!(second > first);
    write(&journal, close(second)).unwrap();
    assert_eq!(journal.closed("tenant", "a").unwrap(), Some(format!("tombstone of {second}").into_bytes()));
}

#[test]
fn keys_rise_over_restarts_although_nothing_is_left() {
    let folder = folder();
    let mut last = 0;
    for _ in 0..3 {
        let journal = open(folder.path()).journal;
        let key = create(&journal, "a");
        assert!(key > last);
        last = key;
        write(&journal, close(key)).unwrap();
    }
}

#[test]
fn a_snapshot_that_is_replaced_can_be_deleted() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let key = create(&journal, "a");
    let snapshot = |name: &str| Change::Snapshot { key, name: name.to_owned(), before: 0 };
    assert!(write(&journal, snapshot("one")).unwrap().unused_snapshots.is_empty());
    assert!(write(&journal, snapshot("one")).unwrap().unused_snapshots.is_empty());
    assert_eq!(write(&journal, snapshot("two")).unwrap().unused_snapshots, ["one"]);
    assert_eq!(journal.snapshot(key).unwrap(), Some(("two".to_owned(), 0)));
    assert_eq!(write(&journal, close(key)).unwrap().unused_snapshots, ["two"]);
    assert_eq!(journal.snapshot(key).unwrap(), None);
}

#[test]
fn tasks_are_shared_and_go_with_their_last_episode() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let keys: Vec<_> = (0..3).map(|number| create(&journal, &number.to_string())).collect();
    assert_eq!(count(folder.path(), "tasks"), 1);
    for key in keys {
        write(&journal, close(key)).unwrap();
    }
    drop(journal);
    let journal = open(folder.path()).journal;
    wait_until(|| count(folder.path(), "tasks") == 0);
    drop(journal);
}

#[test]
fn dropping_stores_what_waits() {
    for durability in [Durability::Process, Durability::Sync] {
        let folder = folder();
        let options = Options { durability, ..options() };
        let journal = Journal::open(folder.path(), &identity(), options).unwrap().journal;
        let key = create(&journal, "a");
        for index in 0..1000 {
            journal.write(step(key, index, &[7; 1500]), |stored| assert!(stored.is_ok()));
        }
        drop(journal);
        assert_eq!(open(folder.path()).episodes[0].steps, 1000);
    }
}

#[test]
fn the_log_stays_bounded_while_changes_never_pause() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let key = create(&journal, "a");
    let mut largest = 0;
    for index in 0..100_000 {
        journal.write(step(key, index, &[7; 1500]), |stored| assert!(stored.is_ok()));
        if index % 100 == 0 {
            wait_until(|| journal.stats().queued_changes < 100);
            largest = largest.max(std::fs::metadata(folder.path().join("episodes.db-wal")).unwrap().len());
        }
    }
    journal.flush().unwrap();
    assert!(largest > 16 << 20, "{largest}");
    assert!(largest < 192 << 20, "{largest}");
    assert_eq!(journal.steps(key, 99_990..99_999).unwrap(), vec![vec![7; 1500]; 9]);
}

#[test]
fn what_is_done_is_counted() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let key = create(&journal, "a");
    for index in 0..100 {
        journal.write(step(key, index, &[7; 1500]), |stored| assert!(stored.is_ok()));
    }
    journal.flush().unwrap();
    let stats = journal.stats();
    assert_eq!((stats.changes, stats.queued_changes, stats.queued_bytes), (101, 0, 0));
    assert_eq!(stats.commit_times.iter().sum::<u64>(), stats.commits);
    assert!(stats.commits >= 2 && stats.commits <= 101);
    assert!(stats.log_bytes > 0 && stats.database_bytes > 0 && !stats.commit_time.is_zero());
}

/// The rows of a table, as another program sees them.
pub fn count(folder: &std::path::Path, table: &str) -> u64 {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = rusqlite::Connection::open_with_flags(folder.join("episodes.db"), flags).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}
