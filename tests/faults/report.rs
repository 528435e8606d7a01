//! What was found, as tables.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tests::table;

use crate::kinds::{Kind, Round};
use crate::tally::Counts;

/// What was found.
#[derive(Default)]
pub struct Report {
    kinds: BTreeMap<Kind, (Round, Counts)>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
    /// The folder of the episodes, which is left where something differs.
    pub left_behind: Option<PathBuf>,
    /// How long each start of a server took until it served.
    pub starts: Vec<Duration>,
    /// Of each point of the code: tries, and kills there.
    pub points: BTreeMap<&'static str, (u64, u64)>,
}

impl Report {
    /// Adds a round of a kind, and what was counted in it.
    pub fn add(&mut self, kind: Kind, round: Round, counts: Counts) {
        let (rounds, all) = self.kinds.entry(kind).or_default();
        rounds.times += round.times;
        rounds.kills += round.kills;
        *all = *all + counts;
    }

    fn sum(&self) -> (Round, Counts) {
        let mut sum = (Round::default(), Counts::default());
        for (round, counts) in self.kinds.values() {
            sum.0.times += round.times;
            sum.0.kills += round.kills;
            sum.1 = sum.1 + *counts;
        }
        sum
    }

    /// Whether nothing differs and nothing is lost.
    pub fn is_clean(&self) -> bool {
        let (_, counts) = self.sum();
        counts.bytes == 0 && counts.lost == 0 && counts.answers > 0
    }

    /// Tables to read.
    pub fn tables(&mut self) -> String {
        let header = [
            "",
            "times",
            "kills",
            "episodes checked",
            "answers compared",
            "bytes different",
            "lost",
            "refused",
        ];
        let mut kinds = table(&header);
        for (kind, found) in &self.kinds {
            kinds.add_row(row(kind.name(), found));
        }
        kinds.add_row(row("all", &self.sum()));
        let mut text = kinds.to_string();
        self.starts.sort();
        if let Some(last) = self.starts.len().checked_sub(1) {
            let quantile =
                |share: f64| self.starts[(last as f64 * share).round() as usize].as_secs_f64() * 1e3;
            let mut starts = table(&["starts", "p50 ms", "p90", "p99", "max"]);
            let quantiles = [0.5, 0.9, 0.99, 1.0].map(|share| format!("{:.0}", quantile(share)));
            starts.add_row([vec![self.starts.len().to_string()], quantiles.to_vec()].concat());
            text = format!("{text}\n\n{starts}");
        }
        if !self.points.is_empty() {
            let mut points = table(&["point", "tries", "kills there"]);
            for (name, (tries, kills)) in &self.points {
                points.add_row([(*name).to_owned(), tries.to_string(), kills.to_string()]);
            }
            text = format!("{text}\n\n{points}");
        }
        let left_out: Vec<String> = self.left_out.iter().map(|what| format!("\nleft out: {what}")).collect();
        let folder = self.left_behind.iter();
        let folder: Vec<String> =
            folder.map(|folder| format!("\nleft behind: {}", folder.display())).collect();
        text + &left_out.concat() + &folder.concat()
    }
}

fn row(name: &str, (round, counts): &(Round, Counts)) -> Vec<String> {
    let Counts { episodes, answers, bytes, lost, refused } = counts;
    let numbers = [&round.times, &round.kills, episodes, answers, bytes, lost, refused];
    [vec![name.to_owned()], numbers.map(u64::to_string).to_vec()].concat()
}
