//! The server is killed or asked to end.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::sleep;

use crate::draw::Draw;
use crate::kinds::Round;
use crate::stage::Stage;

/// Kills at a random moment of play.
pub async fn kill(stage: &mut Stage, random: &mut Draw) -> Result<Round> {
    stage.start().await?;
    stage.play(Duration::from_millis(random.below(1500))).await;
    stage.kill().await?;
    Ok(Round { times: 1, kills: 1 })
}

/// Kills while the server starts, several times, and once right after.
pub async fn startup(stage: &mut Stage, random: &mut Draw) -> Result<Round> {
    // A little more than a start takes.
    let longest = stage.starts.last().map_or(500, |took| took.as_micros() as u64 * 6 / 5 / 1000).max(1);
    for _ in 0..3 {
        let server = stage.spawn("env-server", stage.state(), &[], "log")?;
        sleep(Duration::from_millis(random.below(longest))).await;
        server.kill().await?;
    }
    stage.start().await?;
    stage.play(Duration::from_millis(random.below(20))).await;
    stage.kill().await?;
    Ok(Round { times: 4, kills: 4 })
}

/// Asks the server to end.
pub async fn stop(stage: &mut Stage, random: &mut Draw) -> Result<Round> {
    stage.start().await?;
    stage.play(Duration::from_millis(200 + random.below(1000))).await;
    let status = stage.stop().await?;
    ensure!(status.success(), "asked to end, the server ended with {status}");
    Ok(Round { times: 1, kills: 0 })
}
