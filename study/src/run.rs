//! Does what an experiment asks for and is not done.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use comfy_table::{CellAlignment, Table, presets};
use lifecycle::child::{Server, tail};

use crate::child::{self, Sayings};
use crate::experiment::Experiment;
use crate::interrupt::{Interrupt, Interrupted};
use crate::plan::{Place, Plan};
use crate::programs::{Program, Programs};
use crate::stage::{self, Finished, Kind, Record, Stage, Unfinished};
use crate::study_file::{self, Progress};
use crate::{checks, links, words};

/// Held while a study runs; all of an output folder's share their stages.
const LOCK: &str = ".lock";
/// The experiment as it was run, defaults filled in.
const EXPERIMENT: &str = "experiment.yaml";
/// What a report says on standard output, beside it.
const TABLES: &str = "tables.txt";
/// How often it is noted how long a stage has taken.
const NOTED_EVERY: Duration = Duration::from_secs(60);
/// How long a failed stage waits to learn whether its server's end was the cause.
const MOMENT: Duration = Duration::from_millis(200);

/// A study that is run.
pub struct Runner<'a> {
    /// What is asked for.
    pub experiment: &'a Experiment,
    /// As stages.
    pub plan: &'a Plan,
    /// Where to.
    pub place: Place<'a>,
    /// By whom.
    pub programs: &'a Programs,
    /// Whether what is done is done anew.
    pub fresh: bool,
}

/// The model's server, as long as stages need it.
struct Serving {
    spec: stage::Server,
    server: Server,
}

impl Runner<'_> {
    /// Runs all stages in order, but for those that are done; returns what the report says.
    ///
    /// # Errors
    /// What stopped it; [`Interrupted`] if someone did. What is done stays.
    pub async fn run(&self, mut interrupt: Interrupt) -> Result<String> {
        ensure!(self.plan.missing.is_empty(), "missing:\n  {}", self.plan.missing.join("\n  "));
        let study = self.place.study();
        let lock = self.lock()?;
        self.check()?;
        std::fs::create_dir_all(&study).with_context(|| format!("making {}", study.display()))?;
        study_file::remove(self.place).with_context(|| format!("clearing {}", study.display()))?;
        links::clear(&study, &self.place.stages())
            .with_context(|| format!("clearing {}", study.display()))?;
        files::write_text(&study.join(EXPERIMENT), &serde_saphyr::to_string(self.experiment)?)?;

        let started = Instant::now();
        let mut progress = Progress { started_at: jiff::Timestamp::now().to_string(), stages: vec![] };
        let mut serving = None;
        let ended = self.stages(&mut progress, &mut serving, &mut interrupt, started, &lock).await;
        if let Some(Serving { server, .. }) = serving {
            server.stop().await;
        }
        ended?;
        study_file::write(self.experiment, self.plan, self.place, &progress)?;
        say!("\n{}", times(self.plan, &progress));
        let tables = self.plan.stages.last().map(|report| report.folder.join(TABLES)).unwrap_or_default();
        Ok(files::read_text(&tables)?)
    }

    async fn stages(
        &self,
        progress: &mut Progress,
        serving: &mut Option<Serving>,
        interrupt: &mut Interrupt,
        started: Instant,
        lock: &File,
    ) -> Result<()> {
        let all = self.plan.stages.len();
        let mut finished = Finished::default();
        for (number, stage) in self.plan.stages.iter().enumerate() {
            if stage.kind == Kind::Report {
                study_file::write(self.experiment, self.plan, self.place, progress)?;
            }
            let head = format!("[{}/{all}] {} {}", number + 1, stage.kind.name(), stage.name);
            let done = stage.done(&finished).filter(|_| !self.fresh);
            let reused = done.is_some();
            let record = match done {
                Some(record) => {
                    say!("{head}: {}", self.reused(stage, &record));
                    record
                }
                None => {
                    let begun = stage.begun() && !self.fresh;
                    say!("{head}{}", if begun { ", going on" } else { "" });
                    let record = self.make(stage, &finished, serving, interrupt, lock).await;
                    let record = record.map_err(|error| {
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
            let link = self.place.study().join(&stage.name);
            links::make(&link, &stage.made().path).with_context(|| format!("linking {}", link.display()))?;
            finished.add(&record);
            progress.stages.push((record, reused));
            ensure!(!interrupt.asked(), Interrupted);
        }
        Ok(())
    }

    /// Makes a stage; it is whole when this comes back.
    async fn make(
        &self,
        stage: &Stage,
        finished: &Finished,
        serving: &mut Option<Serving>,
        interrupt: &mut Interrupt,
        lock: &File,
    ) -> Result<Record> {
        if stage.folder.exists() && (self.fresh || !stage.begun()) {
            let removed = std::fs::remove_dir_all(&stage.folder);
            removed.with_context(|| format!("removing {}", stage.folder.display()))?;
        }
        let before = stage.unfinished();
        let mut attempts =
            before.unwrap_or(Unfinished { started_at: jiff::Timestamp::now().to_string(), seconds: 0.0 });
        stage.note_unfinished(&attempts)?;
        for (name, text) in &stage.files {
            files::write_text(&stage.folder.join(name), text)?;
        }
        let (begun, before) = (Instant::now(), attempts.seconds);
        let mut noted = tokio::time::interval(NOTED_EVERY);
        let mut call = pin!(self.call(stage, serving, interrupt, lock));
        let made = loop {
            tokio::select! {
                made = &mut call => break made,
                // Should this program be killed, the time until then is not lost.
                _ = noted.tick() => {
                    attempts.seconds = before + begun.elapsed().as_secs_f64();
                    stage.note_unfinished(&attempts)?;
                }
            }
        };
        attempts.seconds = before + begun.elapsed().as_secs_f64();
        match made {
            Ok(()) => stage.finish(&attempts, self.programs, finished),
            Err(error) => {
                stage.note_unfinished(&attempts)?;
                Err(error)
            }
        }
    }

    /// Runs a stage's program.
    async fn call(
        &self,
        stage: &Stage,
        serving: &mut Option<Serving>,
        interrupt: &mut Interrupt,
        lock: &File,
    ) -> Result<()> {
        // A training that was done, by a study that ended before it could say so, refuses to be done again.
        if stage.kind == Kind::Train && stage.made().path.join("training.json").is_file() {
            return Ok(());
        }
        let program = self.programs.path(stage.program);
        let mut arguments = stage.arguments.clone();
        let mut by_hand = command_line(&program, &arguments);
        if let Some(server) = &stage.server {
            let url = self.serve(server, serving, interrupt).await?;
            let serve = command_line(&self.programs.path(Program::Trainer), &server.arguments);
            by_hand = format!("{by_hand} --inference URL, where URL is that of\n  {serve}");
            arguments.extend(["--inference".to_owned(), url]);
        } else if let Some(Serving { server, .. }) = serving.take() {
            server.stop().await;
        }
        let tables = (stage.kind == Kind::Report).then(|| stage.folder.join(TABLES));
        let log = stage.log();
        // Those that may take long; the others' words are in their logs.
        let shown = matches!(stage.kind, Kind::Traces | Kind::Train | Kind::Evaluate | Kind::Report);
        let sayings = Sayings { log: &log, stdout: tables.as_deref(), shown };
        let status = child::run(&program, &arguments, sayings, lock, interrupt).await?;
        if status.success() {
            let output = stage.made().path;
            ensure!(
                output.exists(),
                "{} ended well, but did not make {}",
                stage.program.name(),
                output.display()
            );
            return enough(stage);
        }
        if interrupt.asked() {
            bail!(Interrupted);
        }
        let server = match serving {
            Some(serving) => tokio::time::timeout(MOMENT, serving.server.ended()).await.ok(),
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

    /// Starts the server that a stage needs, if it does not run, and ends another; returns where it listens.
    async fn serve(
        &self,
        spec: &stage::Server,
        serving: &mut Option<Serving>,
        interrupt: &mut Interrupt,
    ) -> Result<String> {
        if let Some(Serving { server, .. }) = serving.take_if(|serving| serving.spec != *spec) {
            server.stop().await;
        }
        if let Some(Serving { server, .. }) = serving {
            return Ok(server.url().to_owned());
        }
        std::fs::create_dir_all(spec.log.parent().unwrap_or(Path::new(".")))
            .context("making the log's folder")?;
        let program = self.programs.path(Program::Trainer);
        say!("    {}", command_line(&program, &spec.arguments));
        let server = tokio::select! {
            server = Server::start("inference server", &program, &spec.arguments, &spec.log) => server?,
            () = interrupt.again() => bail!(Interrupted),
        };
        let url = server.url().to_owned();
        *serving = Some(Serving { spec: spec.clone(), server });
        Ok(url)
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

    fn check(&self) -> Result<()> {
        let open: Vec<&Stage> = stage::open(&self.plan.stages, self.fresh);
        let problems = checks::problems(&open, self.programs)?;
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    }

    fn reused(&self, stage: &Stage, record: &Record) -> String {
        let now = self.programs.records(stage.kind);
        let other = record.programs.iter().find(|made| now.iter().all(|now| now.sha256 != made.sha256));
        let other =
            other.map_or_else(String::new, |program| format!(", made by another build of {}", program.name));
        format!("reused ({} when it was made{other})", words::duration(record.seconds))
    }
}

/// Fewer samples than the experiment asks for would be another experiment.
fn enough(stage: &Stage) -> Result<()> {
    let Some(work) = stage.work.as_ref().filter(|_| stage.kind == Kind::Prepare) else { return Ok(()) };
    let dataset: serde_json::Value = files::read_json(&stage.made().path.join("dataset.json"))?;
    let samples = dataset["statistics"]["samples"].as_u64().unwrap_or(0);
    ensure!(
        samples >= work.amount,
        "{} {} are to be learnt from, and only {samples} can be: {} says why; ask for fewer in `data`, or make more",
        work.amount,
        work.unit,
        stage.log().display()
    );
    Ok(())
}

/// A command as one gives it to a shell.
fn command_line(program: &Path, arguments: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    let quoted = |word: &str| match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    let words = [program.to_string_lossy().into_owned()].into_iter().chain(arguments.iter().cloned());
    words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
}

/// Where the time went, by kind of stage.
fn times(plan: &Plan, progress: &Progress) -> Table {
    let group = |stage: &Stage| match stage.kind {
        Kind::Train if stage.name.contains("/adapters/") => "train adapters",
        Kind::Train => "train base",
        kind => kind.name(),
    };
    let mut groups: Vec<(&str, u64, u64, f64)> = vec![];
    for (stage, (record, reused)) in plan.stages.iter().zip(&progress.stages) {
        let name = group(stage);
        let place = groups.iter().position(|(known, ..)| *known == name).unwrap_or_else(|| {
            groups.push((name, 0, 0, 0.0));
            groups.len() - 1
        });
        let (_, done, again, seconds) = &mut groups[place];
        if *reused {
            *again += 1;
        } else {
            *done += 1;
            *seconds += record.seconds;
        }
    }
    let sum: f64 = groups.iter().map(|(.., seconds)| seconds).sum();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["", "stages run", "reused", "time", "share"]);
    for (name, done, again, seconds) in groups {
        let share = if sum > 0.0 { format!("{:.0} %", 100.0 * seconds / sum) } else { "-".to_owned() };
        table.add_row([
            name.to_owned(),
            done.to_string(),
            again.to_string(),
            words::duration(seconds),
            share,
        ]);
    }
    table.add_row(["all".to_owned(), String::new(), String::new(), words::duration(sum), String::new()]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn commands_are_quoted_for_a_shell() {
        let line =
            super::command_line(Path::new("bin/trainer"), &["init".into(), "a b".into(), "it's".into()]);
        assert_eq!(line, r"bin/trainer init 'a b' 'it'\''s'");
    }
}
