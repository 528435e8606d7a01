//! Serves the models of an experiment: its base, and the adapters that are finished.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail, ensure};
use lifecycle::Interrupt;
use proto::study::Cell;

use crate::model_server::{ModelServer, Started};
use crate::plan::Plan;
use crate::programs::Programs;
use crate::record;
use crate::run::Serving;

/// The server of a repeat's evaluation, with the adapters that are finished.
///
/// # Errors
/// If there is none to start, or its base is not there yet.
pub fn server(plan: &Plan, seed: u64) -> Result<Started> {
    let prefix = format!("seed{seed}/cells/");
    let cell = plan.stages.iter().find(|stage| stage.name.starts_with(&prefix));
    let cell = cell.ok_or_else(|| anyhow!("there is no repeat with the seed {seed}"))?;
    let Some(ModelServer::Started(started)) = &cell.server else {
        bail!("`evaluation.server.url` names servers that run already: there is nothing to start");
    };
    let unfinished: Vec<PathBuf> =
        record::pending(&plan.stages, false).iter().map(|stage| stage.output_path()).collect();
    let base = plan.stages.iter().find(|stage| stage.output_path() == started.model);
    if let Some(base) = base.filter(|base| unfinished.contains(&base.output_path())) {
        bail!("the base is not trained yet; `study run FILE --only {}` trains it", base.name);
    }
    let path = started.model.to_string_lossy();
    let missing: Vec<&str> = (plan.missing.iter())
        .filter(|missing| missing.input == path)
        .map(|missing| missing.problem.as_str())
        .collect();
    ensure!(missing.is_empty(), "missing:\n  {}", missing.join("\n  "));
    let mut started = started.clone();
    started.adapters.retain(|adapter| !unfinished.contains(&adapter.path));
    Ok(started)
}

/// Starts a server, and serves until someone stops it.
///
/// # Errors
/// If it does not start, or ends by itself.
pub async fn serve(server: &Started, programs: &Programs, port: u16, mut interrupt: Interrupt) -> Result<()> {
    if let Some(missing) = server.missing() {
        bail!("{missing}");
    }
    let mut serving = tokio::select! {
        serving = Serving::open(server, programs, port) => serving?,
        () = interrupt.first() => return Ok(()),
    };
    let adapters = server.adapters.iter().map(|adapter| adapter.name.as_str());
    let models: Vec<&str> = [Cell::BASE].into_iter().chain(adapters).collect();
    say!(
        "serving {} at {} (Ctrl-C ends it; its log: {})",
        models.join(", "),
        serving.base_url(),
        server.log.display()
    );
    tokio::select! {
        ended = serving.ended() => return Err(ended),
        () = interrupt.first() => {}
    }
    serving.stop().await;
    Ok(())
}
