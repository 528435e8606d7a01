//! Damage is never silently wrong: a folder with a flipped bit is refused, or what is read of it is right.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use journal::{Durability, Journal, OpenError, Opened, Options, ReadError, WriteError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::model::{self, Keys, Model};
use crate::support::{self, close, copy, create, folder, identity, open, step, try_open, write};

const LOG: &str = "episodes.db-wal";
const FRAME: usize = 24 + 4096;
/// Flips at random places of each file.
const FLIPS: usize = 2000;

/// The files of a folder as a killed process leaves it, a half of the changes in the log, and what they hold.
fn killed() -> (BTreeMap<String, Vec<u8>>, Model) {
    let (folder, killed) = (support::folder(), support::folder());
    let (mut model, mut keys) = (Model::default(), Keys::new());
    for run in 0..2 {
        let opened = open(folder.path());
        for number in 50 * run..50 * (run + 1) {
            let change = model.change(1, number, &mut keys, || opened.journal.new_key());
            write(&opened.journal, change).unwrap();
        }
        if run == 1 {
            copy(folder.path(), killed.path());
        }
    }
    (files(killed.path()), model)
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect()
}

/// Makes a folder hold these files and no others.
fn fill(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for (name, content) in files {
        fs::write(folder.join(name), content).unwrap();
    }
}

fn filled(files: &BTreeMap<String, Vec<u8>>) -> TempDir {
    let folder = folder();
    fill(folder.path(), files);
    folder
}

fn try_open_quietly(folder: &Path) -> Result<Opened, OpenError> {
    let options = Options { reserve: 0, ..Options::new(Durability::Process, |_| ()) };
    Journal::open(folder, &identity(), options)
}

/// Opens and reads everything: what it holds, or `None` if it is refused anywhere.
fn read_all(folder: &Path, expected: &Model) -> Option<Model> {
    let opened = try_open_quietly(folder).ok()?;
    let closed: Vec<_> = expected.closed.keys().chain(expected.open.keys()).cloned().collect();
    model::read(&opened.journal, &opened.episodes, &closed).ok()
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let (mut files, expected) = killed();
    let (folder, mut random) = (folder(), ChaCha8Rng::seed_from_u64(2));
    let mut noticed = 0;
    let mut flips = 0;
    for name in ["episodes.db", LOG] {
        let length = files[name].len();
        // Every bit of the headers: the file's, the first page's, a frame's.
        let headers = (0..112 * 8).collect::<Vec<_>>();
        let anywhere = (0..FLIPS).map(|_| random.next_u64() as usize % (length * 8)).collect();
        // The first bytes of a page say the most.
        let pages =
            (0..length / 4096).map(|page| page * 4096 * 8 + random.next_u32() as usize % 128).collect();
        for bit in [headers, anywhere, pages].concat() {
            let file = files.get_mut(name).unwrap();
            file[bit / 8] ^= 1 << (bit % 8);
            let flipped = file.clone();
            fill(folder.path(), &files);
            let found = read_all(folder.path(), &expected);
            if let Some(found) = &found {
                assert!(*found == expected, "bit {bit} of {name} changes what is read");
            } else if try_open_quietly(folder.path()).is_err() {
                assert!(
                    fs::read(folder.path().join(name)).unwrap() == flipped,
                    "bit {bit} of {name}: written to"
                );
            }
            noticed += usize::from(found.is_none());
            flips += 1;
            files.get_mut(name).unwrap()[bit / 8] ^= 1 << (bit % 8);
        }
    }
    assert!(noticed > flips / 2, "{noticed} of {flips}");
    fill(folder.path(), &files);
    assert_eq!(read_all(folder.path(), &expected), Some(expected));
}

fn assert_log_refused(folder: &Path) {
    let refused = try_open(folder).unwrap_err();
    let OpenError::Damaged { path, problem } = &refused else { panic!("{refused}") };
    assert!(path.ends_with(LOG) && problem.contains("offset"), "{refused}");
}

#[test]
fn a_log_that_lost_its_end_is_refused() {
    let (files, _) = killed();
    let length = files[LOG].len();
    let shorter = |length| {
        let mut files = files.clone();
        files.get_mut(LOG).unwrap().truncate(length);
        filled(&files)
    };
    assert_log_refused(shorter(length - 1).path());
    assert_log_refused(shorter(length - FRAME).path());
    assert_log_refused(shorter(0).path());
    let mut without = files.clone();
    without.remove(LOG);
    assert_log_refused(filled(&without).path());
}

#[test]
fn a_write_that_was_interrupted_is_not_damage() {
    let (mut files, expected) = killed();
    let log = files.get_mut(LOG).unwrap();
    let frame = log[log.len() - FRAME..].to_vec();
    log.extend(&frame[..FRAME / 2]);
    assert_eq!(read_all(filled(&files).path(), &expected).as_ref(), Some(&expected));
    // A whole frame, of a transaction that is not complete.
    let log = files.get_mut(LOG).unwrap();
    log.extend(&frame[FRAME / 2..]);
    assert_eq!(read_all(filled(&files).path(), &expected), Some(expected));
}

/// Makes the newest run one of another start of the kernel.
fn reboot(files: &mut BTreeMap<String, Vec<u8>>, sync: bool) {
    let run = format!(r#"{{"boot":"another","sync":{sync},"closed":false}}"#);
    files.insert("RUN".to_owned(), run.into_bytes());
}

#[test]
fn after_the_end_of_the_kernel_the_newest_changes_may_be_missing() {
    let (mut files, _) = killed();
    let id = open(filled(&files).path()).journal.state_id().to_owned();
    reboot(&mut files, false);
    let log = files.get_mut(LOG).unwrap();
    let middle = log.len() / 2;
    log[middle..middle + 100].fill(0);
    let folder = filled(&files);
    let other = open(folder.path()).journal.state_id().to_owned();
    assert_ne!(other, id);
    assert_eq!(open(folder.path()).journal.state_id(), other);
}

#[test]
fn after_the_end_of_the_kernel_synced_changes_must_be_there() {
    let (mut files, _) = killed();
    let id = open(filled(&files).path()).journal.state_id().to_owned();
    reboot(&mut files, true);
    assert_eq!(open(filled(&files).path()).journal.state_id(), id);
    // The last transaction may be there in parts.
    let log = files.get_mut(LOG).unwrap();
    let last = log.len() - FRAME;
    log[last + 100] ^= 1;
    assert_eq!(open(filled(&files).path()).journal.state_id(), id);
    let log = files.get_mut(LOG).unwrap();
    let middle = log.len() / 2;
    log[middle] ^= 1;
    assert_log_refused(filled(&files).path());
}

#[test]
fn rows_that_were_changed_or_deleted_are_named() {
    let folder = folder();
    let journal = open(folder.path()).journal;
    let key = create(&journal, "a");
    for index in 0..5 {
        write(&journal, step(key, index, b"body")).unwrap();
    }
    drop(journal);
    let files = files(folder.path());
    let refused = |sql: &str| {
        let folder = filled(&files);
        Connection::open(folder.path().join("episodes.db")).unwrap().execute_batch(sql).unwrap();
        try_open(folder.path()).unwrap_err().to_string()
    };
    for (sql, named) in [
        ("UPDATE steps SET body = x'00' WHERE idx = 3", format!("the row ({key}, 3) of the table steps")),
        ("UPDATE episodes SET spec = x'00'", format!("the row {key} of the table episodes")),
        ("UPDATE tasks SET text = x'00'", "of the table tasks".to_owned()),
        ("DELETE FROM steps WHERE idx = 3", format!("step 1 of the episode {key} is missing")),
        ("DELETE FROM steps WHERE idx = 0", format!("the row {key} of the table uses")),
        ("DELETE FROM uses", format!("the row {key} of the table uses")),
        ("DELETE FROM episodes", format!("the row {key} of the table episodes")),
        ("DELETE FROM tasks", "of the table tasks".to_owned()),
        ("DELETE FROM meta", "of the table meta".to_owned()),
        ("DROP INDEX steps_line", "the definition of steps_line is not ours".to_owned()),
        ("CREATE TABLE other (a)", "tables that are not ours".to_owned()),
    ] {
        let refused = refused(sql);
        assert!(refused.contains(&named) && refused.contains("episodes.db"), "{sql}: {refused}");
    }
}

#[test]
fn damage_while_it_runs_ends_the_journal() {
    let folder = folder();
    let (tell, told) = std::sync::mpsc::channel();
    let options = Options::new(Durability::Process, move |problem| tell.send(problem.to_owned()).unwrap());
    let journal = Journal::open(folder.path(), &identity(), options).unwrap().journal;
    let (good, bad) = (create(&journal, "good"), create(&journal, "bad"));
    let other = Connection::open(folder.path().join("episodes.db")).unwrap();
    other.execute("UPDATE episodes SET spec = x'00' WHERE key = ?1", [bad]).unwrap();
    assert!(matches!(journal.task(bad), Err(ReadError::Damaged { table: "episodes", .. })));
    assert!(told.try_recv().is_err());
    assert_eq!(write(&journal, close(bad)), Err(WriteError::Stopped));
    assert!(told.recv().unwrap().contains("of the table episodes is damaged"));
    assert_eq!(write(&journal, step(good, 0, b"late")), Err(WriteError::Stopped));
    assert_eq!(journal.flush(), Err(WriteError::Stopped));
    drop(journal);
    assert!(told.recv().is_err(), "it is told once");
}
