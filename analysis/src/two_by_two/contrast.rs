//! Which cells are subtracted from which.

use super::cell::Cell;
use super::design::Design;
use super::outcome::Outcome;

/// A sum and difference of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contrast {
    /// The cells, as a formula.
    pub name: &'static str,
    /// The question that the difference answers.
    pub question: &'static str,
    added: &'static [Cell],
    subtracted: &'static [Cell],
}

impl Contrast {
    /// The matched cells, the cost of each mismatch, and the interaction.
    pub const ALL: [Self; 6] = [
        Self { name: "PP - RR", question: "the matched cells", added: &[Cell::PP], subtracted: &[Cell::RR] },
        Self {
            name: "PR - PP",
            question: "persistent-trained: reset runtime instead of its own",
            added: &[Cell::PR],
            subtracted: &[Cell::PP],
        },
        Self {
            name: "RP - RR",
            question: "reset-trained: persistent runtime instead of its own",
            added: &[Cell::RP],
            subtracted: &[Cell::RR],
        },
        Self {
            name: "RP - PP",
            question: "persistent runtime: reset-trained instead of matched",
            added: &[Cell::RP],
            subtracted: &[Cell::PP],
        },
        Self {
            name: "PR - RR",
            question: "reset runtime: persistent-trained instead of matched",
            added: &[Cell::PR],
            subtracted: &[Cell::RR],
        },
        Self {
            name: "(PP - PR) - (RP - RR)",
            question: "interaction: does the runtime's effect depend on training?",
            added: &[Cell::PP, Cell::RR],
            subtracted: &[Cell::PR, Cell::RP],
        },
    ];

    /// The two cells; none for the interaction.
    pub fn pair(&self) -> Option<(Cell, Cell)> {
        match (self.added, self.subtracted) {
            ([first], [second]) => Some((*first, *second)),
            _ => None,
        }
    }

    /// The differences by task, then seed. None if an episode lacks the outcome.
    pub fn differences(&self, design: &Design, outcome: Outcome) -> Option<Vec<Vec<f64>>> {
        let mut differences = vec![vec![0.0; design.seeds]; design.tasks.len()];
        let signed = self.added.iter().map(|cell| (1.0, cell));
        for (sign, cell) in signed.chain(self.subtracted.iter().map(|cell| (-1.0, cell))) {
            for (sums, values) in differences.iter_mut().zip(design.values(*cell, outcome)?) {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += sign * value;
                }
            }
        }
        Some(differences)
    }
}
