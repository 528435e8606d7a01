//! A snapshot's file that is damaged, gone or of something else is an error at once.

use std::error::Error as _;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;

use super::{persistent, sandbox, stored};
use crate::common::{counter, prints};
use sandbox::{Config, Error, Interpreter, Limits, Past, Sandbox};

fn revive(sandbox: &Sandbox, config: Config, past: &Past) -> Result<Interpreter, Error> {
    sandbox.revive(config, counter().0, past.clone())
}

#[track_caller]
fn refused(sandbox: &Sandbox, config: Config, past: &Past) -> String {
    match revive(sandbox, config, past).map(drop) {
        Err(error @ Error::Snapshot(_)) => {
            let file = error.source().unwrap();
            let name = &past.snapshot.as_ref().unwrap().name;
            assert!(file.to_string().contains(&**name), "{file}");
            file.source().unwrap().to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_changed_byte_and_every_cut_is_noticed() {
    let (folder, past) = stored();
    let sandbox = sandbox(folder.path());
    let path = folder.path().join(&*past.snapshot.as_ref().unwrap().name);
    let whole = fs::read(&path).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let head = 0..2_000;
    let rest = (head.end..whole.len()).step_by(7);
    for at in head.chain(rest) {
        file.write_all_at(&[!whole[at]], at as u64).unwrap();
        refused(&sandbox, persistent(), &past);
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    let lengths = (0..200).chain((200..whole.len()).step_by(1001)).chain([whole.len() - 1]);
    for length in lengths.collect::<Vec<_>>().into_iter().rev() {
        file.set_len(length as u64).unwrap();
        refused(&sandbox, persistent(), &past);
    }
    fs::write(&path, &whole).unwrap();
    let mut python = revive(&sandbox, persistent(), &past).unwrap();
    assert_eq!(prints(&mut python, "print(open('notes').read())"), "kept\n");
}

#[test]
fn a_file_that_is_gone_or_damaged_later_is_an_error_of_the_next_step() {
    let (folder, past) = stored();
    let sandbox = sandbox(folder.path());
    let name = past.snapshot.as_ref().unwrap().name.clone();
    let path = folder.path().join(&*name);
    let mut first = revive(&sandbox, persistent(), &past).unwrap();
    let mut second = revive(&sandbox, persistent(), &past).unwrap();
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&path, &damaged).unwrap();
    assert!(matches!(first.run("pass"), Err(Error::Snapshot(_))));
    fs::write(&path, &whole).unwrap();
    assert!(first.run("pass").unwrap().success, "the interpreter is as before");
    sandbox.remove_snapshot(&name);
    assert!(matches!(second.run("pass"), Err(Error::Snapshot(_))));
    assert!(refused(&sandbox, persistent(), &past).contains("No such file"));
}

#[test]
fn a_snapshot_of_another_step_or_beyond_the_limits_is_refused() {
    let (folder, past) = stored();
    let sandbox = sandbox(folder.path());
    let mut other = past.clone();
    other.snapshot.as_mut().unwrap().before = 2;
    assert!(refused(&sandbox, persistent(), &other).contains("another step"));
    let limited = |change: fn(&mut Limits)| {
        let mut config = persistent();
        change(&mut config.limits);
        refused(&sandbox, config, &past)
    };
    assert!(limited(|limits| limits.memory_bytes = 1 << 20).contains("memory"));
    assert!(limited(|limits| limits.scratch_bytes /= 2).contains("files"));
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let (folder, past) = stored();
    let below = folder.path().join("below");
    let sandbox = sandbox(&below);
    let name = past.snapshot.as_ref().unwrap().name.clone();
    for name in
        [format!("../{name}"), "..".into(), "/etc/hostname".into(), String::new(), "x.snapshot".into()]
    {
        let mut past = past.clone();
        past.snapshot.as_mut().unwrap().name = name.as_str().into();
        assert!(matches!(revive(&sandbox, persistent(), &past), Err(Error::Snapshot(_))), "{name}");
        sandbox.remove_snapshot(&name);
    }
    assert!(folder.path().join(&*name).exists());
    let without = Sandbox::new(&sandbox::Options::default()).unwrap();
    assert!(matches!(revive(&without, persistent(), &past), Err(Error::Snapshot(_))));
}
