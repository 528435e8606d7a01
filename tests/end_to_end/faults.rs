//! The `faults` program, in short: the kinds of disturbances that need no special build.

use tests::program;
use tokio::process::Command;

/// Disturbs a server for some seconds, by these kinds.
async fn disturb(kinds: &[&str], seconds: f64) {
    let mut command = Command::new(program("faults"));
    command.args(["--sessions", "6", "--minutes", &(seconds / 60.0).to_string()]);
    for kind in kinds {
        command.args(["--only", kind]);
    }
    let output = command.output().await.unwrap();
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{errors}");
    let row = |kind: &str| -> Vec<u64> {
        let row = told.lines().find(|line| line.starts_with(&format!("| {kind} ")));
        let row = row.unwrap_or_else(|| panic!("no row of {kind} in\n{told}"));
        row.split('|').skip(2).filter_map(|cell| cell.trim().parse().ok()).collect()
    };
    for kind in kinds {
        assert!(row(kind)[0] > 0, "{kind} did not happen:\n{told}");
    }
    let [_, _, episodes, answers, different, lost, _] = row("all")[..] else { panic!("{told}") };
    assert!(episodes > 0 && answers > 100, "{told}");
    assert_eq!((different, lost), (0, 0), "{told}");
}

#[tokio::test]
async fn killed_servers_go_on_where_they_were() {
    disturb(&["kill", "startup", "stop", "client", "flip"], 12.0).await;
}
