//! The report as text for people.

use super::comparison::{Comparison, Test};
use super::outcome::Outcome;
use super::report::Report;
use crate::stats::detectable::FEWEST_DIFFERING;
use crate::table::{self, Table, UNKNOWN};

/// What the letters of cells mean.
const CELLS: &str = "First letter: training traces, second: runtime; P persistent, R reset.";

impl Report {
    /// As Markdown.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{}: {} tasks x {} {} in each of 4 cells, paired by task and seed. {CELLS}\n",
            self.family,
            self.tasks,
            self.seeds,
            if self.seeds == 1 { "seed" } else { "seeds" },
        );
        if !self.left_out.is_empty() {
            text.push_str(&format!(
                "{} task(s) left out: not evaluated in every run.\n",
                self.left_out.len()
            ));
        }
        text.push_str(&format!("\n{}", self.cell_table().markdown()));
        for table in self.comparison_tables() {
            text.push_str(&format!("\n{}", table.markdown()));
        }
        text.push_str(&format!("\n{}", self.notes()));
        text
    }

    /// A table of comparisons for each outcome.
    pub fn comparison_tables(&self) -> Vec<Table> {
        let tables = Outcome::ALL.into_iter().map(|outcome| {
            let comparisons: Vec<&Comparison> =
                self.comparisons.iter().filter(|comparison| comparison.outcome == outcome).collect();
            self.comparison_table(outcome, &comparisons)
        });
        tables.filter(|table| !table.rows.is_empty()).collect()
    }

    fn cell_table(&self) -> Table {
        let outcomes: Vec<Outcome> = Outcome::ALL
            .into_iter()
            .filter(|outcome| self.cells.iter().any(|cell| cell.means.contains_key(outcome)))
            .collect();
        let mut header = vec!["Cell".to_owned(), "Episodes".to_owned()];
        header.extend(outcomes.iter().map(|outcome| self.title(*outcome)));
        let rows = self.cells.iter().map(|cell| {
            let mut row = vec![cell.cell.to_string(), cell.episodes.to_string()];
            row.extend(outcomes.iter().map(|outcome| {
                cell.means.get(outcome).map_or_else(
                    || UNKNOWN.to_owned(),
                    |mean| table::estimate(mean.scaled(outcome.scale()), 1),
                )
            }));
            row
        });
        Table { header, rows: rows.collect() }
    }

    fn comparison_table(&self, outcome: Outcome, comparisons: &[&Comparison]) -> Table {
        let mut header = vec![self.title(outcome), "Difference".into()];
        if self.seeds > 1 {
            header.push("By seed".into());
        }
        if outcome.is_tokens() {
            header.push("Ratio".into());
        }
        header.extend(["Test", "p", "p (Holm)", "Effect size", "Detectable"].map(String::from));
        let rows = comparisons.iter().map(|comparison| {
            let scaled = |value: f64| table::number(outcome.scale() * value, 1);
            let mut row = vec![
                comparison.contrast.to_owned(),
                table::estimate(comparison.difference.scaled(outcome.scale()), 1),
            ];
            if self.seeds > 1 {
                let by_seed: Vec<String> = comparison.difference_by_seed.iter().map(|d| scaled(*d)).collect();
                row.push(by_seed.join(" / "));
            }
            if outcome.is_tokens() {
                row.push(
                    comparison.ratio.map_or_else(|| UNKNOWN.to_owned(), |ratio| table::estimate(ratio, 2)),
                );
            }
            let (test, effect) = test(&comparison.test);
            let detectable = [comparison.detectable, comparison.detectable_in_family]
                .map(|value| value.map_or_else(|| UNKNOWN.to_owned(), scaled));
            row.extend([
                test,
                table::p_value(comparison.p_value),
                table::p_value(comparison.p_holm),
                effect,
                detectable.join(" / "),
            ]);
            row
        });
        Table { header, rows: rows.collect() }
    }

    fn title(&self, outcome: Outcome) -> String {
        let mark = if outcome.is_tokens() && self.tokens_estimated { "~" } else { "" };
        format!("{mark}{}", outcome.title())
    }

    /// Explains the tables' words and numbers.
    pub fn notes(&self) -> String {
        let options = &self.options;
        let tests = self.comparisons.len();
        let estimated = if self.tokens_estimated { "~ estimated: UTF-8 bytes / 4.\n" } else { "" };
        format!(
            "[low, high]: {level} % interval. Of a share Wilson's, of the difference of two shares Newcombe's, of an \
             odds ratio Clopper and Pearson's; of everything else the percentile bootstrap's ({resamples} resamples \
             of whole tasks, seed {seed}), which has no width where all tasks differ alike, and r's none where all go one way: \
             that is not certainty.\n\
             W: Wilcoxon signed-rank, with the tasks that differ / do not, and r the matched-pairs rank-biserial \
             correlation. McNemar: episodes only the first cell has / only the second, and OR their ratio. The \
             interaction of two shares is not of pairs that are yes or no, so its test is the signed-rank test.\n\
             p (Holm): over all {tests} tests here. Detectable: what {tasks} tasks show with a power of {power} % at \
             alpha {alpha} / at alpha {alpha}/{tests}, given how much tasks differed here; \"-\": they do not tell, \
             as where fewer than {FEWEST_DIFFERING} tasks differ (signed-rank) or all differ alike.\n\
             Tests and intervals are about other tasks, for the models at hand; they do not speak of other training seeds.\n\
             {estimated}",
            level = 100.0 * options.level,
            resamples = options.resamples,
            seed = options.seed,
            tasks = self.tasks,
            power = 100.0 * options.power,
            alpha = options.alpha,
        )
    }
}

/// A test's counts and method, and its effect size.
fn test(test: &Test) -> (String, String) {
    let how = |exact, otherwise| if exact { "exact" } else { otherwise };
    let unknown = || UNKNOWN.to_owned();
    match test {
        Test::SignedRank { statistic, exact, nonzero, zeros, rank_biserial, .. } => (
            format!("W = {statistic}, {nonzero} / {zeros}, {}", how(*exact, "normal")),
            rank_biserial.map_or_else(unknown, |r| format!("r {}", table::estimate(r, 2))),
        ),
        Test::McNemar { exact, first_only, second_only, odds_ratio, .. } => (
            format!("McNemar {first_only} / {second_only}, {}", how(*exact, "chi-square")),
            odds_ratio.map_or_else(unknown, |ratio| format!("OR {}", table::estimate(ratio, 2))),
        ),
    }
}
