//! A server that begins again with its stored episodes; copies, and episodes that move to another server.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use client::{Credentials, EnvClient, Environment, Retry, connect, connect_as};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use proto::env::v1::{CreateEpisodeRequest, ForkEpisodeRequest};
use tests::{code_step, token_line};

use super::Terms;
use crate::episodes::{Tasks, request, tasks};
use crate::report::Report;
use crate::servers::Running;

/// Calls at a time.
const AT_ONCE: usize = 64;
/// Code that takes some 10^8 units of fuel: ten of it are the most that runs again.
const LONG: &str = "for _ in range(3_000_000): pass\nn += 1\nprint(n)";
const SHORT: &str = "n = globals().get('n', 0) + 1\nprint(n)";

/// Kills a server with many open episodes; how long another one takes to serve, and the first steps.
pub async fn restart(terms: &Terms, report: &mut Report) -> Result<()> {
    let (open, long) = (terms.size(100_000, 300), terms.size(50, 3));
    let (places, awake) = (open + long + 100, terms.size(4000, 30));
    let server = Running::stored("process", &terms.room_of(places, awake)).await?;
    let client = connect(&server.place.url).await?;
    let tasks = tasks(client.clone()).await?;
    eprintln!("opening {open} episodes");
    let play = |number: usize, code: &'static str, steps: u64| {
        let (mut client, tasks) = (client.clone(), tasks.clone());
        async move {
            let id = format!("{}{number}", if steps > 2 { "long" } else { "short" });
            create(&mut client, &tasks, number, &id).await?;
            step(&mut client, &id, 0, SHORT).await?;
            for index in 1..steps {
                step(&mut client, &id, index, code).await?;
            }
            anyhow::Ok(())
        }
    };
    stream::iter(0..open)
        .map(|number| play(number, SHORT, 2))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    stream::iter(0..long)
        .map(|number| play(number, LONG, 12))
        .buffer_unordered(2)
        .try_collect::<()>()
        .await?;

    let (server, took) = server.killed().await?;
    let serving = took.as_secs_f64();
    report.find(
        format!("{open} open, killed: serving after"),
        format!("{serving:.2} s"),
        "<= 3 s".to_owned(),
        serving <= 3.0,
    );
    let client = connect(&server.place.url).await?;
    let first = async |id: String, index: u64, code: &str, expected: String| {
        let mut client = client.clone();
        let begun = Instant::now();
        let output = step(&mut client, &id, index, code).await?;
        ensure!(output == expected, "{id}: {output:?} instead of {expected:?}");
        anyhow::Ok(begun.elapsed())
    };
    let mut short = Vec::new();
    for number in (0..open).step_by((open / 1000).max(1)) {
        short.push(first(format!("short{number}"), 2, SHORT, "3\n".to_owned()).await?);
    }
    let mut any = Vec::new();
    for number in 0..long {
        any.push(first(format!("long{number}"), 12, "print(n)", "12\n".to_owned()).await?);
    }
    for (what, times, most) in [("short past", short, 10.0), ("long past", any, 150.0)] {
        let p99 = quantile(times, 0.99).as_secs_f64() * 1e3;
        report.find(
            format!("first step after it, {what}: p99"),
            format!("{p99:.1} ms"),
            format!("<= {most} ms"),
            p99 <= most,
        );
    }
    Ok(())
}

/// Copies of an episode, and episodes that move.
pub async fn moves(terms: &Terms, report: &mut Report) -> Result<()> {
    let count = terms.size(1000, 30);
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), token_line("boss", "ops", "operator"))?;
    let credentials = Credentials { token: Some("boss".to_owned()), roots: None };
    let tokens = ["--tokens".to_owned(), file.path().display().to_string()];
    let arguments = [terms.room(2 * count + 10), tokens.to_vec()].concat();
    let from = Running::stored("process", &arguments).await?;
    let to = Running::stored("process", &arguments).await?;
    let mut client = connect_as(&from.place.url, &credentials).await?;
    let tasks = tasks(client.clone()).await?;
    create(&mut client, &tasks, 0, "source").await?;
    for index in 0..10 {
        step(&mut client, "source", index, SHORT).await?;
    }
    for (what, at_step_index, expected) in
        [("as it stands", None, "11\n"), ("at an earlier step", Some(5), "6\n")]
    {
        let ids: Vec<_> =
            (0..count).map(|number| format!("{}-{number}", at_step_index.unwrap_or(0))).collect();
        let begun = Instant::now();
        let fork = ForkEpisodeRequest {
            episode_id: "source".to_owned(),
            new_episode_ids: ids.clone(),
            at_step_index,
        };
        client.fork_episode(fork).await?;
        let took = begun.elapsed().as_secs_f64();
        report.find(
            format!("{count} copies, {what}"),
            format!("{took:.2} s"),
            "<= 1.5 s".to_owned(),
            took <= 1.5,
        );
        let index = at_step_index.unwrap_or(10);
        for id in ids.iter().step_by(97) {
            let output = step(&mut client, id, index, SHORT).await?;
            ensure!(output == expected, "{id}: {output:?}");
        }
        if at_step_index.is_none() {
            continue;
        }
        let environment = async |server: &Running| {
            anyhow::Ok(Environment::new(connect_as(&server.place.url, &credentials).await?, Retry::default()))
        };
        let (here, there) = (environment(&from).await?, environment(&to).await?);
        let begun = Instant::now();
        let moved = stream::iter(&ids).map(|id| here.move_to(id, &there, "")).buffer_unordered(AT_ONCE);
        let moved: Vec<_> = moved.try_collect().await?;
        let took = begun.elapsed().as_secs_f64();
        report.find(
            format!("{count} episodes move"),
            format!("{took:.2} s"),
            "<= 5 s".to_owned(),
            took <= 5.0,
        );
        report.require(
            "episodes lost",
            (count - moved.len()).to_string(),
            "0".to_owned(),
            moved.len() == count,
        );
        let mut client = connect_as(&to.place.url, &credentials).await?;
        for episode in &moved {
            let next = episode.next_step_index;
            let output = step(&mut client, &episode.episode_id, next, SHORT).await?;
            ensure!(output == format!("{}\n", next + 1), "{}: {output:?}", episode.episode_id);
        }
    }
    Ok(())
}

async fn create(client: &mut EnvClient, tasks: &Tasks, number: usize, id: &str) -> Result<()> {
    let request = CreateEpisodeRequest { episode_id: id.to_owned(), ..request(tasks, number) };
    client.create_episode(request).await.with_context(|| format!("creating {id}"))?;
    Ok(())
}

/// Takes a step; returns its output.
async fn step(client: &mut EnvClient, id: &str, index: u64, code: &str) -> Result<String> {
    let taken =
        client.step(code_step(id, index, code)).await.with_context(|| format!("step {index} of {id}"))?;
    Ok(taken.into_inner().observation.unwrap_or_default().output)
}

fn quantile(mut times: Vec<Duration>, share: f64) -> Duration {
    times.sort_unstable();
    let at = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len());
    times[at - 1]
}
