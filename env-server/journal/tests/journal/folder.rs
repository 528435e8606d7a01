//! A state folder is made, locked, or refused; and a folder that is refused stays as it was.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use journal::{Identity, Journal, OpenError};

use crate::support::{create, folder, identity, open, options, try_open};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_new_folder_is_its_owners() {
    let folder = folder();
    let path = folder.path().join("below").join("state");
    let journal = open(&path).journal;
    create(&journal, "a");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for name in names(&path) {
        assert_eq!(mode(&path.join(&name)) & 0o077, 0, "{name}");
    }
}

#[test]
fn sqlite_is_one_without_the_fault_of_its_log() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn only_one_has_it_open() {
    let folder = folder();
    let first = open(folder.path());
    let refused = try_open(folder.path()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains(folder.path().to_str().unwrap()), "{refused}");
    create(&first.journal, "a");
    drop(first);
    assert_eq!(open(folder.path()).episodes.len(), 1);
}

#[test]
fn a_folder_of_other_files_is_refused() {
    let folder = folder();
    fs::write(folder.path().join("thesis.tex"), "text").unwrap();
    let refused = try_open(folder.path()).unwrap_err();
    assert!(matches!(&refused, OpenError::Foreign { found, .. } if found == "thesis.tex"), "{refused}");
    assert_eq!(names(folder.path()), ["thesis.tex"]);
}

#[test]
fn a_database_without_a_format_is_refused() {
    let folder = folder();
    drop(open(folder.path()));
    fs::remove_file(folder.path().join("FORMAT")).unwrap();
    let before = names(folder.path());
    let refused = try_open(folder.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
    assert_eq!(names(folder.path()), before);
}

#[test]
fn the_root_of_a_volume_and_an_empty_folder_of_snapshots_are_taken() {
    let folder = folder();
    fs::create_dir(folder.path().join("lost+found")).unwrap();
    fs::create_dir(folder.path().join("snapshots")).unwrap();
    open(folder.path());
}

#[test]
fn a_first_open_that_was_interrupted_begins_anew() {
    let folder = folder();
    fs::write(folder.path().join("FORMAT.new"), r#"{"format":1,"#).unwrap();
    fs::write(folder.path().join("episodes.db"), "half a database").unwrap();
    fs::write(folder.path().join("episodes.db-wal"), "half a log").unwrap();
    create(&open(folder.path()).journal, "a");
    assert_eq!(open(folder.path()).episodes.len(), 1);
}

#[test]
fn episodes_of_another_interpreter_are_refused() {
    let folder = folder();
    drop(open(folder.path()));
    let other = Identity { interpreter: "cd".repeat(32) };
    let refused = Journal::open(folder.path(), &other, options()).unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, OpenError::OtherInterpreter { .. }), "{text}");
    assert!(text.contains(&other.interpreter) && text.contains(&identity().interpreter), "{text}");
    assert!(text.contains("FORMAT"), "{text}");
    open(folder.path());
}

#[test]
fn a_newer_format_is_refused_whatever_else_it_holds() {
    let folder = folder();
    drop(open(folder.path()));
    fs::write(folder.path().join("FORMAT"), r#"{"format":2,"engine":"new"}"#).unwrap();
    let refused = try_open(folder.path()).unwrap_err();
    assert!(matches!(refused, OpenError::OtherFormat { found: 2, expected: 1, .. }), "{refused}");
}

#[test]
fn files_that_are_damaged_or_missing_are_named() {
    for (name, content) in [
        ("FORMAT", Some("not JSON")),
        ("FORMAT", Some("")),
        ("RUN", Some("{")),
        ("TAIL", Some("short")),
        ("RUN", None),
        ("episodes.db", None),
        ("episodes.db", Some("")),
        (
            "episodes.db",
            Some("not a database, but long enough to be one: one hundred bytes are its header, and more"),
        ),
    ] {
        let folder = folder();
        create(&open(folder.path()).journal, "a");
        let path = folder.path().join(name);
        match content {
            Some(content) => fs::write(&path, content).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let refused = try_open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains(path.to_str().unwrap()), "{name} {content:?}: {refused}");
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), content, "{refused}");
    }
}

#[test]
fn a_file_is_no_folder() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "text").unwrap();
    assert!(matches!(try_open(&path).unwrap_err(), OpenError::File { .. }));
}
