//! Running the programs of stages, with the model server that some of them need.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, bail, ensure};
use lifecycle::Interrupt;
use lifecycle::child::tail;
use proto::dataset;

use super::command_line::command_line;
use super::interrupted::Interrupted;
use super::serving::Serving;
use crate::child::{self, Output};
use crate::kind::Kind;
use crate::model_server::{ModelServer, Started};
use crate::programs::Programs;
use crate::stage::Stage;

/// The tables that `analysis report` prints, in the folder of the report's stage.
const TABLES: &str = "tables.txt";
/// A training that is finished has this file in its output.
const TRAINED: &str = proto::training::RECORD;
/// How long a failed stage waits to learn whether its server has ended, and so was the cause.
const SERVER_END_WAIT: Duration = Duration::from_millis(200);

/// Everything that is held while a study runs.
pub struct Session<'a> {
    /// The programs.
    pub programs: &'a Programs,
    /// The lock of the output folder.
    pub lock: File,
    /// Signals to stop.
    pub interrupt: Interrupt,
    /// The server that runs now. It is kept for later stages that need the same one.
    pub serving: Option<(Started, Serving)>,
}

/// The file with the tables that a report's stage printed.
pub fn tables(report: &Stage) -> PathBuf {
    report.folder.join(TABLES)
}

impl Session<'_> {
    /// Runs a stage's program to its end.
    ///
    /// # Errors
    /// If it fails, or does not make what it should; [`Interrupted`] if someone stopped it.
    pub async fn call(&mut self, stage: &Stage) -> Result<()> {
        // The trainer refuses to repeat a finished training. It may be finished without a record of the
        // stage, if the study ended in between.
        if stage.kind == Kind::Train && stage.output_path().join(TRAINED).is_file() {
            return Ok(());
        }
        let program = self.programs.path(stage.program);
        let mut arguments = stage.arguments.clone();
        let mut by_hand = command_line(&program, &arguments);
        let urls = match &stage.server {
            Some(ModelServer::Started(started)) => {
                let (serve, options) = started.command(self.programs);
                let serve = command_line(&serve, &options);
                by_hand = format!("{by_hand} --inference URL, where URL is that of\n  {serve}");
                vec![self.serve(started).await?]
            }
            other => {
                self.stop_server().await;
                let urls =
                    if let Some(ModelServer::Running(running)) = other { &running.urls[..] } else { &[] };
                by_hand.extend(urls.iter().map(|url| format!(" --inference {url}")));
                urls.to_vec()
            }
        };
        arguments.extend(urls.into_iter().flat_map(|url| ["--inference".to_owned(), url]));
        let tables = (stage.kind == Kind::Report).then(|| tables(stage));
        let log = stage.log();
        // Long stages show their progress; the output of the others is only in their logs.
        let shown = matches!(stage.kind, Kind::Traces | Kind::Train | Kind::Evaluate | Kind::Report);
        let output = Output { log: &log, stdout: tables.as_deref(), shown };
        let status = child::run(&program, &arguments, output, &self.lock, &mut self.interrupt).await?;
        if status.success() {
            let output = stage.output_path();
            ensure!(
                output.exists(),
                "{} ended well, but did not make {}",
                stage.program.name(),
                output.display()
            );
            return require_samples(stage);
        }
        if self.interrupt.asked() {
            bail!(Interrupted);
        }
        let server = match &mut self.serving {
            Some((_, serving)) => tokio::time::timeout(SERVER_END_WAIT, serving.ended()).await.ok(),
            None => None,
        };
        let server = server.map_or_else(String::new, |ended| format!("\n{ended}"));
        Err(anyhow!(
            "{} ended with {status}; the end of {}:\n{}{server}\nby hand: {}",
            stage.program.name(),
            log.display(),
            tail(&log),
            by_hand
        ))
    }

    /// Starts the server that a stage needs, unless it runs already, and stops any other. Returns its URL.
    async fn serve(&mut self, spec: &Started) -> Result<String> {
        if let Some((_, other)) = self.serving.take_if(|(running, _)| running != spec) {
            other.stop().await;
        }
        if let Some((_, serving)) = &self.serving {
            return Ok(serving.url());
        }
        let serving = tokio::select! {
            serving = Serving::start(spec, self.programs) => serving?,
            () = self.interrupt.again() => bail!(Interrupted),
        };
        let url = serving.url();
        self.serving = Some((spec.clone(), serving));
        Ok(url)
    }

    /// Stops the server, if one runs.
    pub async fn stop_server(&mut self) {
        if let Some((_, serving)) = self.serving.take() {
            serving.stop().await;
        }
    }
}

/// Refuses a stage of samples that has fewer than the experiment asks for: training on them would be another
/// experiment.
fn require_samples(stage: &Stage) -> Result<()> {
    let Some(work) = stage.work.as_ref().filter(|_| stage.kind == Kind::Prepare) else { return Ok(()) };
    let samples = samples(&stage.output_path())?;
    ensure!(
        samples >= work.amount,
        "{} {} are to be learnt from, and only {samples} can be: {} says why; ask for fewer in `data`, or make more",
        work.amount,
        work.unit,
        stage.log().display()
    );
    Ok(())
}

/// The number of samples in a dataset's folder.
fn samples(folder: &Path) -> Result<u64, files::Error> {
    let record: dataset::Record = files::read_json(&folder.join(dataset::RECORD))?;
    Ok(record.statistics.samples as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record() -> Value {
        json!({
            "schema_version": dataset::SCHEMA_VERSION, "trainer": "0.1.0", "trainer_commit": "",
            "model": "m", "tokenizer_sha256": "aa", "template_sha256": "bb", "sequence_len": 64,
            "enable_thinking": null, "limit": 3, "skip_bad": false,
            "traces": {"observations": null, "only_solved": false, "min_score": null},
            "sources": [{"kind": "chat", "path": "c.jsonl", "items": 3, "sha256": "cc"}],
            "statistics": {
                "read": 3, "kept": 3, "cut": 0, "dropped": {}, "answers_cut": 0, "samples": 3, "tokens": 30,
                "target_tokens": 9,
                "lengths": {"min": 1, "p25": 1, "p50": 1, "p75": 1, "p90": 1, "p99": 1, "max": 1},
                "packing": {"sequences": 1, "fill": 0.5},
            },
            "samples_sha256": "dd",
        })
    }

    #[test]
    fn the_samples_of_a_dataset_are_those_of_its_record() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dataset.json");
        std::fs::write(&file, record().to_string()).unwrap();
        assert_eq!(samples(folder.path()).unwrap(), 3);
        for (keys, lacking) in [(&["statistics"][..], "samples"), (&[], "statistics")] {
            let mut damaged = record();
            let place = keys.iter().fold(&mut damaged, |place, key| &mut place[key]);
            place.as_object_mut().unwrap().remove(lacking);
            std::fs::write(&file, damaged.to_string()).unwrap();
            let error = samples(folder.path()).unwrap_err().to_string();
            assert!(error.contains("dataset.json: missing field `"), "{error}");
            assert!(error.contains(lacking), "{error}");
        }
    }
}
