//! Copies of the folder of a killed server, each with one bit flipped. A server on such a copy may refuse to start, or to play an
//! episode; it never answers otherwise.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use client::{EnvClient, connect, is_unreachable};
use proto::env::v1;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::answer::Answer;
use crate::draw::Draw;
use crate::kinds::Round;
use crate::known::Known;
use crate::stage::Stage;

/// Bits that are flipped in turn, each in a copy of its own.
const FLIPS: u64 = 4;
/// The most episodes that are played on one copy.
const MOST_EPISODES: usize = 12;
/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Statuses of programs that a signal ended are none.
const BY_SIGNAL: &str = "signal";

/// Kills the server, and flips bits in copies of its folder.
pub async fn flip(stage: &mut Stage, random: &mut Draw) -> Result<Round> {
    stage.start().await?;
    stage.play(Duration::from_millis(300 + random.below(1200))).await;
    stage.kill().await?;
    for _ in 0..FLIPS {
        let folder = tempfile::tempdir()?;
        let copy = folder.path().join("state");
        copy_folder(stage.state(), &copy)?;
        let episodes = stage.world.open_episodes();
        let what = flip_one(&copy, random)?;
        one(stage, &copy, &what, episodes, random).await.with_context(|| what.clone())?;
    }
    Ok(Round { times: FLIPS, kills: 1 })
}

async fn one(
    stage: &Stage,
    copy: &Path,
    what: &str,
    mut episodes: Vec<Known>,
    random: &mut Draw,
) -> Result<()> {
    let tally = &stage.world.tally;
    let mut server = stage.spawn("env-server", copy, &[], "flipped")?;
    let url = match server.serves().await? {
        Ok((url, _)) => url,
        Err(status) => {
            let log = server.log();
            ensure!(!status.success() && !status.to_string().contains(BY_SIGNAL), "it ended with {status}");
            ensure!(log.contains("error:"), "it does not say why it does not start: {log}");
            tally.refusal();
            return Ok(());
        }
    };
    let mut client = connect(&url).await?;
    while episodes.len() > MOST_EPISODES {
        episodes.swap_remove(random.below(episodes.len() as u64) as usize);
    }
    for episode in &episodes {
        if let Err(status) = play(stage, &mut client, episode, what).await {
            // A server that finds damage while it plays may refuse the episode, or end.
            let has_ended = is_unreachable(&status)
                && server.ended(PATIENCE).await?.is_some_and(|status| !status.success());
            if status.code() == Code::Internal || has_ended {
                tally.refusal();
            } else {
                tally.lose(format!("seed {}, {what}: {}: {status}", stage.world.seed, episode.id));
            }
            if has_ended {
                return Ok(());
            }
        }
    }
    server.kill().await
}

/// Sends all steps of an episode again, and then the one that has no answer yet.
async fn play(stage: &Stage, client: &mut EnvClient, episode: &Known, what: &str) -> Result<(), Status> {
    let (seed, tally) = (stage.world.seed, &stage.world.tally);
    tally.episode();
    for index in 0..episode.steps.len() {
        let Some((request, answer)) = episode.again(index) else { continue };
        let again = answered(client, request.clone()).await?;
        if let Answer::Done { exact, comparable } = Answer::of_step(again) {
            tally.compare(answer, &exact, || {
                format!("seed {seed}, {what}: {request:?} once more\n  found: {comparable}")
            });
        }
    }
    let Some((request, expected)) = &episode.pending else { return Ok(()) };
    let answer = match answered(client, request.clone()).await {
        Err(status) if status.code() == Code::Internal || is_unreachable(&status) => return Err(status),
        Err(status) => Answer::of_refusal(&status, &[]),
        Ok(answer) => Answer::of_step(answer),
    };
    // Refusals name the episode otherwise.
    if matches!(answer, Answer::Done { .. }) || expected.starts_with("StepResponse") {
        tally.compare(expected.as_bytes(), answer.comparable().as_bytes(), || {
            format!(
                "seed {seed}, {what}: {request:?}\n  expected: {expected}\n  found: {}",
                answer.comparable()
            )
        });
    }
    Ok(())
}

async fn answered(client: &mut EnvClient, request: v1::StepRequest) -> Result<v1::StepResponse, Status> {
    let answer = timeout(PATIENCE, client.step(request)).await;
    let answer = answer.unwrap_or_else(|_| Err(Status::aborted(format!("no answer in {PATIENCE:?}"))));
    Ok(answer?.into_inner())
}

/// Flips a bit of a file, and says which.
fn flip_one(state: &Path, random: &mut Draw) -> Result<String> {
    let mut files = Vec::new();
    list(state, &mut files)?;
    files.retain(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0));
    files.sort();
    // The small files that matter most as often as one of the many snapshots.
    let (snapshots, others): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|path| path.extension().is_some_and(|name| name == "snapshot"));
    let files = if random.one_in(4) && !snapshots.is_empty() { snapshots } else { others };
    let path = &files[random.below(files.len() as u64) as usize];
    let mut bytes = fs::read(path)?;
    let (at, bit) = (random.below(bytes.len() as u64) as usize, random.below(8));
    bytes[at] ^= 1 << bit;
    fs::write(path, &bytes)?;
    let name = path.strip_prefix(state).unwrap_or(path).display();
    Ok(format!("bit {bit} of byte {at} of {} of {name} is flipped", bytes.len()))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { list(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
