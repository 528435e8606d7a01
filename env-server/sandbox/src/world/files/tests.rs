use super::paths::Open;
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
