//! The paper's results table as LaTeX, from a spec file that names each cell's summary.
//!
//! | module   | what it holds                            |
//! |----------|------------------------------------------|
//! | [`spec`] | the spec file                            |
//! | `cell`   | the numbers of one cell, read from files |
//! | `latex`  | the table's text                         |

mod cell;
mod latex;
pub mod spec;

use std::collections::BTreeMap;

use cell::Cell;
use spec::{Position, SolvedFormat, Spec};

use crate::stats::bootstrap::Bootstrap;

/// The numbers of the table.
#[derive(Clone, Debug)]
pub struct Table {
    caption: String,
    label: String,
    solved_format: SolvedFormat,
    cells: BTreeMap<Position, Cell>,
}

impl Table {
    /// Reads the files that the spec names.
    ///
    /// # Errors
    /// If one is missing or invalid; the message names file, cell and key.
    pub fn read(spec: &Spec, bootstrap: &Bootstrap, warnings: &mut Vec<String>) -> anyhow::Result<Self> {
        let mut cells = BTreeMap::new();
        for (index, cell) in spec.cells.iter().enumerate() {
            let read = Cell::read(spec, index, cell, bootstrap, warnings)?;
            cells.insert(cell.position(), read);
        }
        for position in Position::all() {
            let difficulty_is_shown = cells.keys().any(|other| other.difficulty == position.difficulty);
            if difficulty_is_shown && !cells.contains_key(&position) {
                warnings.push(format!("{}: no cell for {position}; it is shown as --", spec.file.display()));
            }
        }
        let (caption, label) = (spec.caption.clone(), spec.label.clone());
        Ok(Self { caption, label, solved_format: spec.solved_format, cells })
    }
}
