//! The table as LaTeX. Layout and number formats are those of the paper's own script.

use super::Table;
use super::cell::Cell;
use super::spec::{Difficulty, Position, SolvedFormat};
use crate::state_title::title;
use crate::table::number;

/// The text of a missing number.
const MISSING: &str = "--";

/// A column that can have a best value.
struct Column {
    value: fn(&Cell) -> Option<f64>,
    format: fn(f64) -> String,
    higher_is_better: bool,
}

const SCORE: Column =
    Column { value: |c| Some(c.score), format: |v| format!("{v:.1}"), higher_is_better: true };

/// The columns right of the solved tasks.
const COSTS: [Column; 4] = [
    Column { value: |c| Some(c.steps), format: trimmed, higher_is_better: false },
    Column { value: |c| Some(c.tokens), format: |v| number(v, 0), higher_is_better: false },
    Column { value: |c| Some(c.seconds), format: |v| format!("{v:.1}"), higher_is_better: false },
    Column { value: Cell::score_per_1k_tokens, format: |v| format!("{v:.2}"), higher_is_better: true },
];

impl Column {
    /// The cell's value, bold if no cell of the same difficulty has a better
    /// one. Unrounded values decide, so of two that look equal one may be bold.
    fn text(&self, cell: &Cell, group: &[&Cell]) -> String {
        let Some(value) = (self.value)(cell) else {
            return MISSING.to_owned();
        };
        let is_better = |other: f64| if self.higher_is_better { other > value } else { other < value };
        let is_best = !group.iter().filter_map(|other| (self.value)(other)).any(is_better);
        let text = (self.format)(value);
        if is_best { format!("\\textbf{{{text}}}") } else { text }
    }
}

/// A number with at most two decimals, without trailing zeros.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Table {
    /// The table as LaTeX.
    pub fn latex(&self) -> String {
        let solved_unit = match self.solved_format {
            SolvedFormat::Count => "",
            SolvedFormat::Percent => " (\\%)",
        };
        let groups: Vec<String> = [Difficulty::Easy, Difficulty::Medium]
            .into_iter()
            .filter_map(|difficulty| self.group(difficulty))
            .collect();
        format!(
            r"\begin{{table*}}[t]
\centering
\small
\caption{{{caption}}}
\label{{{label}}}
\setlength{{\aboverulesep}}{{0pt}}
\setlength{{\belowrulesep}}{{0pt}}
\setlength{{\extrarowheight}}{{.1ex}}
\begin{{tabular}}{{lllccccc>{{\columncolor{{black!10}}}}c}}
\toprule
\textbf{{Difficulty}} & \textbf{{Train}} & \textbf{{Runtime}} & \textbf{{Score (\%)}} & \textbf{{Solved{solved_unit}}} & \textbf{{Steps}} & \textbf{{Tokens}} & \textbf{{Time (s)}} & \textbf{{Score / 1k Tokens}} \\
\midrule
{rows}\bottomrule
\end{{tabular}}
\end{{table*}}
",
            caption = self.caption,
            label = self.label,
            rows = groups.join("\\midrule\n"),
        )
    }

    /// The rows of a difficulty; none if it has no cell.
    fn group(&self, difficulty: Difficulty) -> Option<String> {
        let in_group = |position: &Position| position.difficulty == difficulty;
        let cells: Vec<&Cell> =
            self.cells.iter().filter(|(position, _)| in_group(position)).map(|(_, cell)| cell).collect();
        if cells.is_empty() {
            return None;
        }
        let positions: Vec<Position> = Position::all().filter(in_group).collect();
        let mut head = format!(
            "\\multirow{{{}}}{{*}}{{\\rotatebox[origin=c]{{90}}{{{difficulty:?}}}}}",
            positions.len()
        );
        let mut text = String::new();
        for position in positions {
            let columns = match self.cells.get(&position) {
                Some(cell) => self.columns(cell, &cells),
                None => vec![MISSING.to_owned(); 2 + COSTS.len()],
            };
            text.push_str(&format!(
                "{head} & {} & {} & {} \\\\\n",
                title(position.train),
                title(position.runtime),
                columns.join(" & ")
            ));
            head.clear();
        }
        Some(text)
    }

    fn columns(&self, cell: &Cell, group: &[&Cell]) -> Vec<String> {
        let mut score = SCORE.text(cell, group);
        if let Some(half_width) = cell.half_width {
            score.push_str(&format!(" $\\pm$ {half_width:.1}"));
        }
        let solved = match self.solved_format {
            SolvedFormat::Count => cell.solved.to_string(),
            SolvedFormat::Percent => {
                cell.solved_percent().map_or_else(|| MISSING.to_owned(), |percent| format!("{percent:.1}"))
            }
        };
        let mut columns = vec![score, solved];
        columns.extend(COSTS.iter().map(|column| column.text(cell, group)));
        columns
    }
}
