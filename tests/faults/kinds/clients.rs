//! Clients that break: connections that are cut, calls that are dropped, requests that do not come to their end, answers that
//! nobody reads.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::draw::Draw;
use crate::kinds::Round;
use crate::stage::Stage;

/// Clients that stall at the same time.
const STALLED: u64 = 12;
/// Where JSON is taken.
const SERVICE: &str = "/runtime_gym.env.v1.EnvironmentService";

/// Lets clients break for a while, and then kills the server.
pub async fn break_them(stage: &mut Stage, random: &mut Draw) -> Result<Round> {
    stage.start().await?;
    let cut = stage.proxy.cut();
    stage.proxy.cut_one_in(60);
    stage.world.dropped.store(8, Ordering::Relaxed);
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(stall(stage, random).await?);
        stage.play(Duration::from_millis(150)).await;
    }
    stage.proxy.cut_one_in(0);
    stage.world.dropped.store(0, Ordering::Relaxed);
    stage.play(Duration::from_millis(300)).await;
    // Those that stalled are still there.
    stage.kill().await?;
    drop(stalled);
    Ok(Round { times: stage.proxy.cut() - cut + STALLED, kills: 1 })
}

/// Sends a part of a request that would change an episode, or a whole one whose answer is not read. The connection stays open.
async fn stall(stage: &Stage, random: &mut Draw) -> Result<TcpStream> {
    let episodes = stage.world.open_episodes();
    let id = match episodes.len() {
        0 => "nobody".to_owned(),
        count => episodes[random.below(count as u64) as usize].id.clone(),
    };
    let is_whole = random.one_in(3);
    let (method, body) = if is_whole {
        ("GetEpisode", format!("{{\"episodeId\": \"{id}\", \"includeSteps\": true}}"))
    } else {
        ("CloseEpisode", format!("{{\"episodeId\": \"{id}\"}}"))
    };
    let length = body.len();
    let request = format!(
        "POST {SERVICE}/{method} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let sent = if is_whole { request.len() } else { random.below(request.len() as u64) as usize };
    let mut stream = TcpStream::connect(stage.address()).await?;
    stream.write_all(&request.as_bytes()[..sent]).await?;
    Ok(stream)
}
