//! When snapshots are stored, which steps they hold, and when their files are deleted.

use std::fs;
use std::path::Path;

use super::{LONG, Player, persistent, sandbox, with_options};
use crate::common::{counter, fails, prints};
use sandbox::{Options, Past};

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

fn before(player: &Player) -> Option<u64> {
    player.python.stored_snapshot().map(|snapshot| snapshot.before)
}

#[test]
fn a_snapshot_says_which_steps_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path());
    let mut player = Player::new(&sandbox, persistent());
    player.step("x = 1");
    assert_eq!(before(&player), None);
    player.python.hibernate();
    assert_eq!(before(&player), None, "the steps are short");
    player.step(LONG);
    player.python.hibernate();
    assert_eq!(before(&player), Some(2), "taken by hibernating");
    player.step(LONG);
    player.step("import os; os._exit(1)");
    assert_eq!(before(&player), Some(2));
    player.step("x += 1");
    assert_eq!(before(&player), Some(4), "taken by waking");
    while before(&player) == Some(4) {
        player.step(LONG);
    }
    assert_eq!(before(&player), Some(player.next), "taken by a step");
    player.step(&"#".repeat(300_000));
    player.step("x += 1");
    player.python.run_step(player.next + 5, LONG).unwrap();
    player.python.hibernate();
    assert_eq!(before(&player), Some(player.next + 6), "indexes may be left out");
}

#[test]
fn files_stay_once_they_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let first = sandbox(folder.path());
    let mut player = Player::new(&first, persistent());
    player.step(&format!("{LONG}\nx = 7"));
    player.python.hibernate();
    assert_eq!(files(folder.path()), 1);
    player.step(LONG);
    player.python.hibernate();
    assert_eq!(files(folder.path()), 1, "nobody knew of the last one");
    let older = player.past();
    player.step(LONG);
    player.python.hibernate();
    let (newer, used) = (player.past(), first.hibernation_bytes().0);
    assert_eq!(files(folder.path()), 2);
    drop((player, first));

    let second = sandbox(folder.path());
    assert_eq!(second.hibernation_bytes().0, used);
    fs::write(folder.path().join(format!("{}.partial", "0".repeat(32))), "half").unwrap();
    fs::write(folder.path().join("notes"), "of someone else").unwrap();
    let live = newer.snapshot.clone().unwrap().name;
    assert_eq!(second.keep_snapshots(|name| *name == *live).unwrap(), 1);
    assert_eq!(files(folder.path()), 2);
    assert!(second.revive(persistent(), counter().0, older).is_err());
    let mut python = second.revive(persistent(), counter().0, newer).unwrap();
    assert!(python.stats().kept_on_disk_bytes > 5_000);
    let mut copy = python.fork(counter().0).unwrap();
    assert_eq!(copy.stored_snapshot().unwrap().name, live);
    drop(python);
    assert_eq!(prints(&mut copy, "print(x)"), "7\n");
    second.remove_snapshot(&live);
    assert_eq!((files(folder.path()), second.hibernation_bytes().0), (1, 0));
    fails(&mut copy, "import os; os._exit(1)");
    assert!(copy.run("pass").is_err(), "its snapshot is gone");
}

#[test]
fn what_does_not_fit_stays_in_memory_and_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = with_options(folder.path(), Options { hibernation_bytes: 8192, ..Options::default() });
    let mut player = Player::new(&sandbox, persistent());
    player.step(&format!("{LONG}\nx = iter('abc')\nnext(x)"));
    player.python.hibernate();
    let stats = player.python.stats();
    assert!(stats.kept_bytes > 8192 && stats.kept_on_disk_bytes == 0, "{stats:?}");
    assert_eq!((before(&player), files(folder.path())), (None, 0));
    assert_eq!(prints(&mut player.python, "print(next(x))"), "b\n");
    // Its steps rebuild it too.
    let Past { snapshot, steps, .. } = player.past();
    assert_eq!((snapshot, steps.len()), (None, 1));
}

#[test]
fn a_revived_interpreter_takes_no_place_until_its_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = with_options(folder.path(), Options::default());
    let mut player = Player::new(&sandbox, persistent());
    player.step("x = 1");
    let past = player.past();
    let revived: Vec<_> =
        (0..10).map(|_| sandbox.revive(persistent(), counter().0, past.clone()).unwrap()).collect();
    assert!(revived.iter().all(|python| !python.is_awake() && python.globals() == ["x"]));
}
