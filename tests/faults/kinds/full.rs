//! The disk is full, again and again: a small file system in memory, in a name space of its own, that a large file fills.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use client::{connect, is_unreachable};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::answer::Answer;
use crate::draw::Draw;
use crate::kinds::Round;
use crate::stage::{Stage, Terms};

/// The size of the file system in MiB.
const MIB: u64 = 48;
/// How often it is filled.
const TIMES: u64 = 4;
/// Sessions that play there.
const SESSIONS: u64 = 5;

/// A small file system that only processes in its name space see.
pub struct Disk {
    holder: Child,
    folder: TempDir,
}

impl Disk {
    /// Mounts one.
    ///
    /// # Errors
    /// It may not be mounted here.
    pub async fn mount() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let script = format!("mount -t tmpfs -o size={MIB}m tmpfs \"$0\" && echo mounted && exec cat");
        let mut holder = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", &script])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("unshare")?;
        let output = holder.stdout.take().context("it has an output")?;
        match BufReader::new(output).lines().next_line().await? {
            Some(_) => Ok(Self { holder, folder }),
            None => bail!("no tmpfs can be mounted in a name space of its own"),
        }
    }

    /// What a command begins with that sees it.
    fn enter(&self) -> Vec<String> {
        let pid = self.holder.id().unwrap_or_default();
        ["nsenter", "--target", &pid.to_string(), "--user", "--mount"].map(str::to_owned).to_vec()
    }

    /// Its folder, as others see it.
    fn outside(&self) -> PathBuf {
        let inside = self.folder.path();
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id().unwrap_or_default()));
        root.join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// Fills it, but for so many bytes.
    fn fill(&self, left: u64) -> Result<()> {
        let disk = rustix::fs::statvfs(self.outside())?;
        let free = (disk.f_bavail * disk.f_frsize).saturating_sub(left);
        fs::write(self.outside().join("ballast"), vec![0; free as usize]).or_else(|error| {
            // Others write, too.
            if error.kind() == std::io::ErrorKind::StorageFull { Ok(()) } else { Err(error.into()) }
        })
    }

    fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.outside().join("ballast"))?)
    }
}

/// Plays on a disk that is full again and again. Returns the stage, with what it counted.
pub async fn fill(disk: &Disk, seed: u64, terms: &Terms, random: &mut Draw) -> Result<(Stage, Round)> {
    let mut terms = Terms { before: disk.enter(), ..terms.clone() };
    let reserve = random.pick(&["0B", "1MiB", "4MiB"]);
    terms.arguments.extend(["--state-reserve".to_owned(), reserve.to_owned()]);
    let state = disk.folder.path().join(format!("state-{}", random.below(u64::MAX)));
    let mut stage = Stage::new(seed, SESSIONS, terms, Some(state)).await?;
    let mut round = Round::default();
    stage.start().await?;
    for _ in 0..TIMES {
        stage.play(Duration::from_millis(500 + random.below(500))).await;
        disk.fill(random.below(3) * random.below(300_000))?;
        round.times += 1;
        stage.play(Duration::from_millis(200 + random.below(500))).await;
        repeat(&stage).await?;
        if random.one_in(2) {
            stage.kill().await?;
            round.kills += 1;
            // With no room at all it may not start.
            if stage.start_as("env-server", &[]).await?.is_some() {
                stage.world.tally.refusal();
            } else {
                repeat(&stage).await?;
            }
        }
        disk.free()?;
        if !stage.is_running() {
            stage.start().await?;
        }
    }
    stage.end().await?;
    stage.kill().await?;
    fs::remove_dir_all(disk.outside().join(stage.state().file_name().unwrap_or_default()))?;
    Ok((stage, round))
}

/// Reads go on: the newest step of every episode is answered again.
async fn repeat(stage: &Stage) -> Result<()> {
    let world = &stage.world;
    let mut client = connect(&format!("http://{}", stage.address())).await?;
    for episode in world.open_episodes() {
        let Some((request, answer)) = episode.again(episode.steps.len().wrapping_sub(1)) else { continue };
        match client.step(request.clone()).await {
            Ok(again) => {
                let Answer::Done { exact, comparable } = Answer::of_step(again.into_inner()) else {
                    continue;
                };
                world.tally.compare(answer, &exact, || {
                    format!("seed {}, full disk: {request:?} once more\n  found: {comparable}", world.seed)
                });
            }
            Err(status) if is_unreachable(&status) => {
                world.tally.lose(format!("seed {}: the server ended on a full disk", world.seed));
                return Ok(());
            }
            // It was closed since.
            Err(_) if !world.open_episodes().iter().any(|open| open.id == episode.id) => (),
            Err(status) => {
                world.tally.lose(format!("seed {}, full disk: {request:?}: {status}", world.seed));
            }
        }
    }
    Ok(())
}
