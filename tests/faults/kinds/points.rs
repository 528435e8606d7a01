//! The server kills itself at points of its code, which `kill_points` names.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::draw::Draw;
use crate::kinds::Round;
use crate::stage::Stage;

/// The program that has the points.
pub const PROGRAM: &str = "env-server-faults";
/// How long a server plays that does not come to its point.
const PATIENCE: Duration = Duration::from_millis(3500);
/// The signal of a kill.
const KILLED: i32 = 9;

/// When a point is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// When a server makes its folder.
    Fresh,
    /// When it starts.
    Start,
    /// While it is played on.
    Play,
    /// When it ends in order.
    Stop,
}

/// Each point, when it is passed, and the passings of which one is drawn.
const POINTS: [(&str, When, u64); 35] = [
    ("folder.before_fill", When::Fresh, 1),
    ("folder.before_format", When::Fresh, 1),
    ("folder.after_format", When::Fresh, 1),
    ("folder.before_run", When::Fresh, 2),
    ("folder.after_run", When::Fresh, 2),
    ("open.tail_cleared", When::Start, 1),
    ("open.log_emptied", When::Start, 1),
    ("folder.before_run", When::Start, 1),
    ("folder.after_run", When::Start, 1),
    ("journal.batch", When::Play, 200),
    ("journal.before_commit", When::Play, 200),
    ("journal.after_commit", When::Play, 200),
    ("journal.after_tail", When::Play, 200),
    ("journal.before_callbacks", When::Play, 200),
    ("step.before_store", When::Play, 200),
    ("step.before_answer", When::Play, 200),
    ("add.before_store", When::Play, 8),
    ("add.stored", When::Play, 8),
    ("fork.copied", When::Play, 4),
    ("close.before_store", When::Play, 8),
    ("close.stored", When::Play, 8),
    ("snapshot.before_rename", When::Play, 12),
    ("snapshot.after_rename", When::Play, 12),
    ("snapshot.before_row", When::Play, 12),
    ("snapshot.before_delete", When::Play, 4),
    ("snapshot.after_delete", When::Play, 4),
    ("checkpoint.before", When::Play, 1),
    ("checkpoint.after", When::Play, 1),
    ("checkpoint.before_anew", When::Play, 1),
    ("checkpoint.after_anew", When::Play, 1),
    ("journal.before_truncate", When::Stop, 1),
    ("journal.after_truncate", When::Stop, 1),
    ("folder.before_run", When::Stop, 2),
    ("folder.after_run", When::Stop, 2),
    ("step.before_answer", When::Stop, 60),
];

/// The points in turn, and how often each was come to.
#[derive(Default)]
pub struct Points {
    next: usize,
    /// Of each point: tries, and kills there.
    pub seen: BTreeMap<&'static str, (u64, u64)>,
}

impl Points {
    /// Lets the server kill itself at the next point.
    pub async fn next(&mut self, stage: &mut Stage, random: &mut Draw) -> Result<Round> {
        let (name, when, most) = POINTS[self.next % POINTS.len()];
        self.next += 1;
        let at = format!("{name}={}", 1 + random.below(most));
        let variables = [(kill_points::VARIABLE, at.as_str())];
        let came = match when {
            When::Fresh => fresh(stage, &variables).await?,
            When::Start => stage.start_as(PROGRAM, &variables).await?.is_some(),
            When::Play => {
                stage.start_as(PROGRAM, &variables).await?.is_some() || stage.ends(PATIENCE).await?
            }
            When::Stop => {
                // `folder.before_run` is passed at the start, too.
                let ended = stage.start_as(PROGRAM, &variables).await?;
                match ended {
                    Some(_) => true,
                    None => {
                        stage.play(Duration::from_millis(300 + random.below(500))).await;
                        stage.stop().await?.signal() == Some(KILLED)
                    }
                }
            }
        };
        if !came && stage.is_running() {
            stage.kill().await?;
        }
        let (tries, kills) = self.seen.entry(name).or_default();
        *tries += 1;
        *kills += u64::from(came);
        // What did not come to its point was killed all the same, or ended.
        Ok(Round { times: 1, kills: 1 })
    }
}

/// A new folder, whose first server kills itself: the next one must start on it.
async fn fresh(stage: &Stage, variables: &[(&str, &str)]) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let state = folder.path().join("state");
    let mut first = stage.spawn(PROGRAM, &state, variables, "fresh")?;
    let came = first.serves().await?.is_err();
    first.kill().await?;
    let mut next = stage.spawn("env-server", &state, &[], "fresh")?;
    let serves = next.serves().await?.is_ok();
    ensure!(serves, "after {variables:?} no server starts on the new folder: {}", next.log());
    next.kill().await?;
    Ok(came)
}
