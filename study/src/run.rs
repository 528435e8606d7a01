//! Runs the stages of an experiment that are not finished.

mod command_line;
mod interrupted;
mod serving;
mod session;
mod times;
mod vllm;

use std::fs::File;
use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use lifecycle::Interrupt;
use session::Session;

use crate::experiment::Experiment;
use crate::kind::Kind;
use crate::plan::{Place, Plan};
use crate::programs::Programs;
use crate::record::{self, Attempts, FinishTimes, Record};
use crate::stage::Stage;
use crate::study_file::{self, Progress};
use crate::{checks, links, words};

pub use command_line::command_line;
pub use interrupted::Interrupted;
pub use serving::Serving;

/// The file that is locked while a study runs: all studies of an output folder share their stages.
const LOCK: &str = ".lock";
/// The experiment as it was run, with its defaults filled in.
const EXPERIMENT: &str = "experiment.yaml";
/// How often the time that a running stage has taken so far is written down.
const ATTEMPTS_INTERVAL: Duration = Duration::from_secs(60);

/// A study that is to be run.
pub struct Runner<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// Its stages.
    pub plan: &'a Plan,
    /// Where everything goes.
    pub place: Place<'a>,
    /// The programs of the stages.
    pub programs: &'a Programs,
    /// Whether finished stages are made again.
    pub fresh: bool,
}

impl Runner<'_> {
    /// Runs all stages in order, except finished ones. Returns the tables that the report prints, if it is one of them.
    ///
    /// # Errors
    /// What stopped it; [`Interrupted`] if someone did. Finished stages stay.
    pub async fn run(&self, interrupt: Interrupt) -> Result<Option<String>> {
        let missing: Vec<&str> = self.plan.missing.iter().map(|missing| missing.problem.as_str()).collect();
        ensure!(missing.is_empty(), "missing:\n  {}", missing.join("\n  "));
        let study = self.place.study();
        let lock = self.lock()?;
        self.check()?;
        std::fs::create_dir_all(&study).with_context(|| format!("making {}", study.display()))?;
        let others: Vec<&Stage> = self.finished_others();
        if !others.iter().any(|stage| stage.kind == Kind::Report) {
            study_file::remove(self.place).with_context(|| format!("clearing {}", study.display()))?;
        }
        links::clear(&study, &self.place.stages())
            .with_context(|| format!("clearing {}", study.display()))?;
        for stage in others {
            self.link(stage)?;
        }
        files::write_text(&study.join(EXPERIMENT), &serde_saphyr::to_string(self.experiment)?)?;

        let mut progress = Progress { started_at: jiff::Timestamp::now().to_string(), stages: vec![] };
        let mut session = Session { programs: self.programs, lock, interrupt, serving: None };
        let ended = self.stages(&mut progress, &mut session).await;
        session.stop_server().await;
        ended?;
        say!("\n{}", times::times(self.plan, &progress));
        let Some(report) = self.plan.stages.last().filter(|stage| stage.kind == Kind::Report) else {
            return Ok(None);
        };
        study_file::write(self.experiment, self.plan, self.place, &progress)?;
        Ok(Some(files::read_text(&session::tables(report))?))
    }

    /// The finished stages among those that a selection left out.
    fn finished_others(&self) -> Vec<&Stage> {
        let all = &self.plan.left_out;
        let pending = record::pending(all, false);
        all.iter().filter(|stage| !pending.iter().any(|pending| pending.name == stage.name)).collect()
    }

    /// Makes the link to a stage's output in the study's folder.
    fn link(&self, stage: &Stage) -> Result<()> {
        let link = self.place.study().join(&stage.name);
        links::make(&link, &stage.output_path()).with_context(|| format!("linking {}", link.display()))
    }

    async fn stages(&self, progress: &mut Progress, session: &mut Session<'_>) -> Result<()> {
        let started = Instant::now();
        let all = self.plan.stages.len();
        let mut finish_times = FinishTimes::default();
        for (number, stage) in self.plan.stages.iter().enumerate() {
            if stage.kind == Kind::Report {
                study_file::write(self.experiment, self.plan, self.place, progress)?;
            }
            let head = format!("[{}/{all}] {} {}", number + 1, stage.kind.name(), stage.name);
            let finished = record::finished(stage, &finish_times).filter(|_| !self.fresh);
            let reused = finished.is_some();
            let record = match finished {
                Some(record) => {
                    say!("{head}: {}", self.reused(stage, &record));
                    record
                }
                None => {
                    let resumed = record::can_resume(stage) && !self.fresh;
                    say!("{head}{}", if resumed { ", going on" } else { "" });
                    let record = self.make(stage, &finish_times, session).await.map_err(|error| {
                        if error.is::<Interrupted>() {
                            error
                        } else {
                            error.context(format!("{head} failed"))
                        }
                    })?;
                    let (took, all) = (record.seconds, started.elapsed().as_secs_f64());
                    say!("    done in {}; {} so far", words::duration(took), words::duration(all));
                    record
                }
            };
            self.link(stage)?;
            finish_times.add(&record);
            progress.stages.push((record, reused));
            ensure!(!session.interrupt.asked(), Interrupted);
        }
        Ok(())
    }

    /// Makes a stage, and keeps account of the time it takes.
    async fn make(
        &self,
        stage: &Stage,
        finish_times: &FinishTimes,
        session: &mut Session<'_>,
    ) -> Result<Record> {
        if stage.folder.exists() && (self.fresh || !record::can_resume(stage)) {
            let removed = std::fs::remove_dir_all(&stage.folder);
            removed.with_context(|| format!("removing {}", stage.folder.display()))?;
        }
        let mut attempts = Attempts::read(stage).unwrap_or_else(Attempts::first);
        attempts.write(stage)?;
        for (name, text) in &stage.files {
            files::write_text(&stage.folder.join(name), text)?;
        }
        let (begun, before) = (Instant::now(), attempts.seconds);
        let mut interval = tokio::time::interval(ATTEMPTS_INTERVAL);
        let mut call = pin!(session.call(stage));
        let made = loop {
            tokio::select! {
                made = &mut call => break made,
                // If this program is killed, the time until then is not lost.
                _ = interval.tick() => {
                    attempts.seconds = before + begun.elapsed().as_secs_f64();
                    attempts.write(stage)?;
                }
            }
        };
        attempts.seconds = before + begun.elapsed().as_secs_f64();
        match made {
            Ok(()) => record::finish(stage, &attempts, self.programs, finish_times),
            Err(error) => {
                attempts.write(stage)?;
                Err(error)
            }
        }
    }

    fn lock(&self) -> Result<File> {
        let stages = self.place.stages();
        std::fs::create_dir_all(&stages).with_context(|| format!("making {}", stages.display()))?;
        let path: PathBuf = self.place.out.join(LOCK);
        let lock = File::create(&path).with_context(|| format!("writing {}", path.display()))?;
        let out = self.place.out.display();
        lock.try_lock().map_err(|_| {
            anyhow!("another study is running in {out}; wait for it, or choose another --out")
        })?;
        Ok(lock)
    }

    /// Has the configs of all stages that are to be run checked by their programs.
    fn check(&self) -> Result<()> {
        let pending: Vec<&Stage> = record::pending(&self.plan.stages, self.fresh);
        let problems = checks::problems(&pending, self.programs)?;
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    }

    fn reused(&self, stage: &Stage, record: &Record) -> String {
        let now = self.programs.records(stage.programs());
        let other = record.programs.iter().find(|made| now.iter().all(|now| now.sha256 != made.sha256));
        let other =
            other.map_or_else(String::new, |program| format!(", made by another build of {}", program.name));
        format!("reused ({} when it was made{other})", words::duration(record.seconds))
    }
}
