use proptest::prelude::*;

use super::paths::Open;
use super::times::NewTime;
use super::*;

const CREATE: Open = Open { create: true, directory: false, exclusive: false, truncate: false };
const FIND: Open = Open { create: false, ..CREATE };

fn files() -> Files {
    Files::new(10_000)
}

#[test]
fn written_bytes_are_read_back_and_a_gap_reads_as_zeros() {
    let mut files = files();
    let file = files.open(ROOT, "tmp/a", CREATE).unwrap();
    assert_eq!(files.write(file, None, b"abc"), Ok(3));
    assert_eq!(files.write(file, Some(5), b"xy"), Ok(7));
    assert_eq!(files.read(file, 1), Ok(&b"bc\0\0xy"[..]));
    assert_eq!(files.read(file, 99), Ok(&b""[..]));
    assert_eq!(files.find(ROOT, "./tmp/../tmp//a"), Ok(file));
}

#[test]
fn deleting_frees_all_room() {
    let mut files = files();
    let before = files.bytes_left;
    let file = files.open(ROOT, "a", CREATE).unwrap();
    files.write(file, None, &[1; 500]).unwrap();
    files.create_directory(ROOT, "d").unwrap();
    files.rename(ROOT, "a", ROOT, "d/longer").unwrap();
    files.resize(file, 20).unwrap();
    files.unlink(ROOT, "d/longer").unwrap();
    assert_eq!(files.read(file, 0).map(<[u8]>::len), Ok(20), "it is still open");
    files.release(file);
    let directory = files.find(ROOT, "d").unwrap();
    files.remove_directory(ROOT, "d/").unwrap();
    files.release(directory);
    assert_eq!(files.bytes_left, before);
    assert_eq!(files.nodes.len(), 2, "the root and /tmp");
}

#[test]
fn a_write_beyond_the_limit_fails_and_keeps_the_contents() {
    let mut files = files();
    let file = files.open(ROOT, "a", CREATE).unwrap();
    files.write(file, None, b"kept").unwrap();
    assert_eq!(files.write(file, None, &[0; 20_000]), Err(Error::InsufficientSpace));
    assert_eq!(files.resize(file, u64::MAX), Err(Error::InsufficientSpace));
    assert_eq!(files.write(file, Some(u64::MAX), b"x"), Err(Error::Invalid));
    assert_eq!(files.read(file, 0), Ok(&b"kept"[..]));
    let made = (0..1000).take_while(|n| files.create_directory(ROOT, &n.to_string()).is_ok()).count();
    assert!((5..20).contains(&made), "{made} directories");
}

#[test]
fn no_path_leaves_the_tree() {
    let mut files = files();
    assert_eq!(files.find(ROOT, "").err(), Some(Error::NoEntry));
    assert_eq!(files.find(ROOT, "..").err(), Some(Error::NotPermitted));
    assert_eq!(files.find(ROOT, "tmp/../../etc").err(), Some(Error::NotPermitted));
    assert_eq!(files.rename(ROOT, "tmp", ROOT, "tmp/in").err(), Some(Error::Invalid), "into itself");
    assert_eq!(files.remove_directory(ROOT, "tmp/..").err(), Some(Error::Access));
}

#[test]
fn an_invalid_rename_changes_nothing() {
    let mut files = files();
    for path in ["a", "a/in", "b"] {
        files.create_directory(ROOT, path).unwrap();
    }
    assert_eq!(files.rename(ROOT, "a/.", ROOT, "b").err(), Some(Error::Invalid));
    assert_eq!(files.rename(ROOT, "b/../a", ROOT, "a/in/x").err(), Some(Error::Invalid));
    assert_eq!(files.rename(ROOT, "b", ROOT, "a").err(), Some(Error::NotEmpty));
    assert!(["a", "a/in", "b"].into_iter().all(|path| files.find(ROOT, path).is_ok()));
    files.rename(ROOT, "a", ROOT, "b").unwrap();
    assert_eq!(files.rename(ROOT, "b", ROOT, "b/in/c").err(), Some(Error::Invalid), "its parent was updated");
    files.rename(ROOT, "b/in", ROOT, "in").unwrap();
    files.rename(ROOT, "b", ROOT, "in/b").unwrap();
}

#[test]
fn work_is_proportional_to_what_is_done() {
    let mut files = Files::new(10_000_000);
    files.create_directory(ROOT, "many").unwrap();
    for n in 0..1_000 {
        files.open(ROOT, &format!("many/{n}"), CREATE).unwrap();
    }
    files.take_work();
    files.rename(ROOT, "many", ROOT, "other").unwrap();
    assert!(files.take_work() < 1_000, "independent of the number of entries");
    let mut deep = "other".to_owned();
    for _ in 0..100 {
        deep += "/d";
        files.create_directory(ROOT, &deep).unwrap();
    }
    files.take_work();
    files.rename(ROOT, &deep, ROOT, "other/out").unwrap();
    assert!(files.take_work() < 1_000);
    let deep = &deep[..deep.len() - 2];
    files.rename(ROOT, "other/out", ROOT, &format!("{deep}/in")).unwrap();
    assert!(files.take_work() >= 99 * 100, "proportional to the depth");
    let file = files.open(ROOT, "gap", CREATE).unwrap();
    files.write(file, Some(100_000), b"x").unwrap();
    assert!(files.take_work() >= 100_000, "the zeros of a gap count");
    files.write(file, None, b"x").unwrap();
    assert!(files.take_work() < 10);
}

#[test]
fn names_and_paths_are_limited() {
    let mut files = files();
    assert_eq!(files.create_directory(ROOT, &"n".repeat(256)).err(), Some(Error::NameTooLong));
    files.create_directory(ROOT, &"n".repeat(255)).unwrap();
    assert_eq!(files.find(ROOT, &"/".repeat(5000)).err(), Some(Error::NameTooLong));
}

#[test]
fn files_and_directories_are_distinguished() {
    let mut files = files();
    let file = files.open(ROOT, "a", CREATE).unwrap();
    assert_eq!(files.open(ROOT, "a", Open { exclusive: true, ..CREATE }).err(), Some(Error::Exists));
    assert_eq!(files.open(ROOT, "a", Open { directory: true, ..FIND }).err(), Some(Error::NotDirectory));
    assert_eq!(files.open(ROOT, "tmp", CREATE).err(), Some(Error::IsDirectory));
    assert_eq!(files.open(ROOT, "a/", FIND).err(), Some(Error::NotDirectory));
    assert_eq!(files.open(ROOT, "none/b", CREATE).err(), Some(Error::NoEntry));
    assert_eq!(files.unlink(ROOT, "tmp").err(), Some(Error::IsDirectory));
    assert_eq!(files.rename(ROOT, "a", ROOT, "tmp").err(), Some(Error::IsDirectory));
    assert_eq!(files.entry_after(file, None).err(), Some(Error::NotDirectory));
    let names: Vec<_> = ["", "a"].map(|last| files.entry_after(ROOT, Some(last)).unwrap()).into();
    assert_eq!(names, [Some(("a", false)), Some(("tmp", true))]);
}

#[test]
fn a_clone_is_independent() {
    let mut files = files();
    let file = files.open(ROOT, "a", CREATE).unwrap();
    files.write(file, None, b"both").unwrap();
    let mut copy = files.clone();
    copy.write(file, Some(0), b"copy").unwrap();
    assert_eq!((files.read(file, 0), copy.read(file, 0)), (Ok(&b"both"[..]), Ok(&b"copy"[..])));
}

#[test]
fn a_change_sets_the_times_of_what_it_changes_and_of_nothing_else() {
    let at = |seconds| Time { seconds, nanos: 5 };
    let mut files = files();
    files.set_now(at(1));
    let file = files.open(ROOT, "tmp/a", CREATE).unwrap();
    let tmp = files.find(ROOT, "tmp").unwrap();
    assert_eq!(files.status(file).unwrap().times, Times::all(at(1)));
    files.set_now(at(2));
    files.write(file, None, b"abc").unwrap();
    let written = Times { accessed: at(1), modified: at(2), changed: at(2) };
    assert_eq!(files.status(file).unwrap().times, written);
    files.set_now(at(3));
    files.rename(ROOT, "tmp/a", ROOT, "b").unwrap();
    assert_eq!(files.status(file).unwrap().times, Times { changed: at(3), ..written });
    let moved = Times { accessed: Time::START, modified: at(3), changed: at(3) };
    assert_eq!([tmp, ROOT].map(|node| files.status(node).unwrap().times), [moved; 2]);
    files.set_now(at(4));
    files.set_times(file, NewTime::At(at(9)), NewTime::Unchanged).unwrap();
    files.set_times(tmp, NewTime::Unchanged, NewTime::Now).unwrap();
    assert_eq!(files.status(file).unwrap().times, Times { accessed: at(9), modified: at(2), changed: at(4) });
    assert_eq!(files.status(tmp).unwrap().times, Times { modified: at(4), changed: at(4), ..moved });
    files.unlink(ROOT, "b").unwrap();
    files.release(file);
    assert_eq!(files.set_times(file, NewTime::Now, NewTime::Now), Err(Error::BadDescriptor));
}

/// Where operations of [`operations_keep_a_tree_sound`] are done.
const PATHS: [&str; 7] = ["a", "b", "tmp", "tmp/a", "tmp/b", "tmp/b/c", "b/longer"];

proptest! {
    #[test]
    fn operations_keep_a_tree_sound(operations in proptest::collection::vec((0..8, 0..7usize, 0..7usize), 0..60)) {
        let mut files = Files::new(6000);
        for (operation, path, other) in operations {
            let (path, other, size) = (PATHS[path], PATHS[other], other * 300);
            let found = files.find(ROOT, path);
            // What is unlinked may stay open, and is released later or never.
            match operation {
                0 => drop(files.create_directory(ROOT, path)),
                1 => drop(files.open(ROOT, path, CREATE)),
                2 => drop(found.and_then(|node| files.write(node, None, &vec![1; size]))),
                3 => drop(found.and_then(|node| files.resize(node, size as u64))),
                4 => drop(files.unlink(ROOT, path)),
                5 => drop(files.remove_directory(ROOT, path)),
                6 => drop(files.unlink(ROOT, path).map(|node| files.release(node))),
                _ => drop(files.rename(ROOT, path, ROOT, other)),
            }
            prop_assert!(files.is_sound(), "{operation} {path} {other}");
        }
    }
}

#[test]
fn what_no_operation_makes_is_not_sound() {
    let mut files = Files::new(10_000);
    files.create_directory(ROOT, "a").unwrap();
    files.create_directory(ROOT, "a/b").unwrap();
    let file = files.open(ROOT, "a/b/file", CREATE).unwrap();
    let (a, b) = (files.find(ROOT, "a").unwrap(), files.find(ROOT, "a/b").unwrap());
    let sound = |change: &dyn Fn(&mut Files)| {
        let mut files = files.clone();
        change(&mut files);
        files.is_sound()
    };
    let directory = |entries: &[(&str, Node)], parent, linked| {
        let entries = entries.iter().map(|(name, node)| ((*name).to_owned(), *node)).collect();
        Content::Directory { entries, parent, linked, times: Times::all(Time::START) }
    };
    assert!(sound(&|_| {}));
    assert!(!sound(&|files| drop(files.nodes.remove(&ROOT))), "no root");
    assert!(!sound(&|files| drop(files.nodes.remove(&file))), "an entry without a file");
    assert!(!sound(&|files| files.bytes_left += 1), "sizes that do not add up");
    assert!(!sound(&|files| files.next = file.0), "a number that will be given again");
    assert!(
        !sound(&|files| drop(files.nodes.insert(b, directory(&[("file", file)], ROOT, true)))),
        "another parent"
    );
    assert!(
        !sound(&|files| drop(files.nodes.insert(b, directory(&[("file", file)], a, false)))),
        "not linked"
    );
    assert!(
        !sound(&|files| drop(files.nodes.insert(b, directory(&[("fil", file), ("e", file)], a, true)))),
        "met twice"
    );
    assert!(
        !sound(&|files| drop(files.nodes.insert(b, directory(&[("root", ROOT)], a, true)))),
        "the root below"
    );
    let circle = |files: &mut Files| {
        files.unlink(ROOT, "a/b/file").unwrap();
        files.nodes.insert(a, directory(&[("b", b)], b, true));
        files.nodes.insert(b, directory(&[("a", a)], a, true));
        files.entries_mut(ROOT).unwrap().remove("a");
    };
    assert!(!sound(&circle), "a circle beside the root");
}
