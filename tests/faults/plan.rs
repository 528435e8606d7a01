//! Which kind of disturbance comes when.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tests::program;

use crate::arguments::Arguments;
use crate::draw::Draw;
use crate::kinds::full::Disk;
use crate::kinds::points::{self, Points};
use crate::kinds::{Kind, Round, clients, flips, full, kills};
use crate::report::Report;
use crate::script::STREAMS;
use crate::stage::{Stage, Terms};

/// The kinds in turn.
const TURNS: [Kind; 16] = [
    Kind::Kill,
    Kind::Point,
    Kind::Startup,
    Kind::Point,
    Kind::Kill,
    Kind::Flip,
    Kind::Point,
    Kind::Stop,
    Kind::Point,
    Kind::Kill,
    Kind::Client,
    Kind::Point,
    Kind::Kill,
    Kind::Point,
    Kind::Full,
    Kind::Point,
];

/// What plays, and what disturbs it.
struct Plan {
    terms: Terms,
    seed: u64,
    stage: Stage,
    random: Draw,
    points: Points,
    disk: Option<Disk>,
    report: Report,
}

/// Disturbs a server as long as is asked for.
pub async fn run(arguments: &Arguments) -> Result<Report> {
    let seed = arguments.seed();
    println!("seed {seed}");
    let terms = Terms {
        durability: arguments.durability.name().to_owned(),
        arguments: Vec::new(),
        before: Vec::new(),
    };
    let mut report = Report::default();
    let mut turns: Vec<Kind> = TURNS.into_iter().filter(|kind| arguments.has(*kind)).collect();
    let has_points = program("env-server").with_file_name(points::PROGRAM).is_file();
    if turns.contains(&Kind::Point) && !has_points {
        report.left_out.push(format!("kills at points: `{}` is not built", points::PROGRAM));
        turns.retain(|kind| *kind != Kind::Point);
    }
    let mut disk = None;
    if turns.contains(&Kind::Full) {
        match Disk::mount().await {
            Ok(mounted) => disk = Some(mounted),
            Err(why) => {
                report.left_out.push(format!("full disks: {why:#}"));
                turns.retain(|kind| *kind != Kind::Full);
            }
        }
    }
    let stage = Stage::new(seed, arguments.sessions, terms.clone(), None).await?;
    let random = Draw::new(seed, 4 * STREAMS);
    let mut plan = Plan { terms, seed, stage, random, points: Points::default(), disk, report };
    let end = Instant::now() + Duration::from_secs_f64(arguments.minutes * 60.0);
    for kind in turns.iter().copied().cycle() {
        if Instant::now() >= end {
            break;
        }
        if let Err(error) = plan.turn(kind).await {
            let (kind, folder) = (kind.name(), plan.stage.leave());
            let folder = folder.display();
            return Err(error.context(format!("seed {seed}, {kind}; its folder is left in {folder}")));
        }
    }
    plan.finish(turns.last().copied().context("no kind is left")?).await
}

impl Plan {
    async fn turn(&mut self, kind: Kind) -> Result<()> {
        let before = self.stage.world.tally.counts();
        let round = match kind {
            Kind::Kill => kills::kill(&mut self.stage, &mut self.random).await?,
            Kind::Startup => kills::startup(&mut self.stage, &mut self.random).await?,
            Kind::Stop => kills::stop(&mut self.stage, &mut self.random).await?,
            Kind::Point => self.points.next(&mut self.stage, &mut self.random).await?,
            Kind::Client => clients::break_them(&mut self.stage, &mut self.random).await?,
            Kind::Flip => flips::flip(&mut self.stage, &mut self.random).await?,
            Kind::Full => return self.fill().await,
        };
        self.report.add(kind, round, self.stage.world.tally.counts() - before);
        Ok(())
    }

    async fn fill(&mut self) -> Result<()> {
        let disk = self.disk.as_ref().context("a disk is mounted")?;
        let (stage, round) = full::fill(disk, self.seed, &self.terms, &mut self.random).await?;
        self.report.starts.extend(&stage.starts);
        self.report.add(Kind::Full, round, stage.world.tally.counts());
        Ok(())
    }

    /// What was not answered yet is answered, and counts for the last kind.
    async fn finish(mut self, last: Kind) -> Result<Report> {
        let before = self.stage.world.tally.counts();
        self.stage.end().await?;
        self.report.add(last, Round::default(), self.stage.world.tally.counts() - before);
        self.report.starts.extend(&self.stage.starts);
        for (point, (tries, kills)) in &self.points.seen {
            if *kills == 0 {
                self.report.left_out.push(format!("{point}: no server came to it in {tries} tries"));
            }
        }
        self.report.points = self.points.seen;
        if !self.report.is_clean() {
            self.report.left_behind = Some(self.stage.leave());
        }
        Ok(self.report)
    }
}
