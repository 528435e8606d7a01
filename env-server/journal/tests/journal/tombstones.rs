//! Tombstones are forgotten by age and by number, the oldest first.

use std::thread;
use std::time::Duration;

use crate::support::{close, create, folder, open, write};

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn the_oldest_are_forgotten_when_there_are_too_many() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    for number in 0..10 {
        let key = create(&journal, &number.to_string());
        write(&journal, close(key)).unwrap();
    }
    assert_eq!(journal.closed_count(), 10);
    journal.forget_closed(LONG, 10);
    journal.flush().unwrap();
    assert_eq!(journal.closed_count(), 10);
    journal.forget_closed(LONG, 4);
    journal.flush().unwrap();
    assert_eq!(journal.closed_count(), 4);
    for number in 0..10 {
        let is_kept = journal.closed("tenant", &number.to_string()).unwrap().is_some();
        assert_eq!(is_kept, number >= 6);
    }
    drop(journal);
    assert_eq!(open(folder.path()).journal.closed_count(), 4);
}

#[test]
fn those_that_are_older_are_forgotten() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let old = create(&journal, "old");
    write(&journal, close(old)).unwrap();
    thread::sleep(Duration::from_millis(300));
    let new = create(&journal, "new");
    write(&journal, close(new)).unwrap();
    journal.forget_closed(Duration::from_millis(200), u64::MAX);
    journal.flush().unwrap();
    assert_eq!(journal.closed("tenant", "old").unwrap(), None);
    assert!(journal.closed("tenant", "new").unwrap().is_some());
    assert_eq!(journal.closed_count(), 1);
}

#[test]
fn one_call_forgets_a_bounded_number() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    for number in 0..2500 {
        let key = journal.new_key();
        journal.write(crate::support::created(key, &number.to_string()), |stored| assert!(stored.is_ok()));
        journal.write(close(key), |stored| assert!(stored.is_ok()));
    }
    for left in [1500, 500, 0, 0] {
        journal.forget_closed(Duration::ZERO, 0);
        journal.flush().unwrap();
        assert_eq!(journal.closed_count(), left);
    }
}

#[test]
fn a_tombstone_of_the_same_name_replaces_the_one_before() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    // There is nothing yet to forget.
    journal.forget_closed(LONG, 0);
    journal.flush().unwrap();
    for name in ["a", "b", "a"] {
        let key = create(&journal, name);
        write(&journal, close(key)).unwrap();
    }
    assert_eq!(journal.closed_count(), 2);
    journal.forget_closed(LONG, 1);
    journal.flush().unwrap();
    assert_eq!(journal.closed("tenant", "b").unwrap(), None);
    assert!(journal.closed("tenant", "a").unwrap().is_some());
}
