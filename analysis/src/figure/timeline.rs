//! Every turn of every episode: a panel for each cell, a row for each episode, a coloured block for each
//! turn.

use super::Figure;
use super::axis::Scale;
use super::svg::{Anchor, Path, Svg, WIDTH};
use crate::turn::Turn;

const TOP: f64 = 112.0;
const LEFT: f64 = 24.0;
const GAP: f64 = 40.0;
/// The height of all rows of a panel.
const HEIGHT: f64 = 260.0;
/// The height below a panel for its axis and the next panel's title.
const BELOW: f64 = 84.0;
/// Most rows of a panel: more rows would be too thin to see.
const ROWS: usize = 100;
const COLUMNS: usize = 2;

/// A cell's episodes.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The cell's name.
    pub label: String,
    /// The turns of each episode, and whether it called `finish()`.
    pub episodes: Vec<(Vec<Turn>, bool)>,
}

/// Draws the figure.
pub fn draw(name: &str, panels: &[Panel], seed: u64) -> Figure {
    let rows = panels.len().div_ceil(COLUMNS) as f64;
    let mut svg = Svg::new(TOP + rows * (HEIGHT + BELOW) - 20.0);
    svg.words("title", Anchor::Start, [16.0, 28.0], "What became of every turn");
    legend(&mut svg);
    let longest = panels.iter().flat_map(|panel| &panel.episodes).map(|(turns, _)| turns.len()).max();
    let width = (WIDTH - 2.0 * LEFT - GAP) / COLUMNS as f64;
    for (index, panel) in panels.iter().enumerate() {
        let left = LEFT + (width + GAP) * (index % COLUMNS) as f64;
        let top = TOP + (HEIGHT + BELOW) * (index / COLUMNS) as f64;
        let along = Scale { values: [0.0, longest.unwrap_or(1) as f64], pixels: [left, left + width] };
        draw_panel(&mut svg, panel, &along, top);
    }
    let caption = format!(
        "A row is an episode of seed {seed}, a block a turn; rows are sorted by the turn of the first missing \
         variable, then by length{}. A black end: the episode did not call finish().",
        if panels.iter().any(|panel| panel.episodes.len() > ROWS) {
            format!(
                "; of a cell with more than {ROWS} episodes, {ROWS} evenly spaced in that order are shown"
            )
        } else {
            String::new()
        }
    );
    Figure { name: name.to_owned(), caption, svg }
}

fn legend(svg: &mut Svg) {
    let mut x = 16.0;
    for turn in Turn::ALL {
        svg.rect(&format!("turn-{}", turn.letter()), [x, 46.0], [14.0, 14.0]);
        svg.words("", Anchor::Start, [x + 20.0, 58.0], turn.title());
        x += 48.0 + 7.2 * turn.title().len() as f64;
    }
}

fn draw_panel(svg: &mut Svg, panel: &Panel, along: &Scale, top: f64) {
    let mut episodes: Vec<&(Vec<Turn>, bool)> = panel.episodes.iter().collect();
    episodes.sort_by_key(|(turns, finished)| {
        let first = turns.iter().position(|turn| *turn == Turn::MissingVariable);
        (first.unwrap_or(usize::MAX), turns.len(), turns, *finished)
    });
    let shown: Vec<_> = match episodes.len() {
        0..=ROWS => episodes,
        count => (0..ROWS).map(|index| episodes[index * count / ROWS]).collect(),
    };
    let height = HEIGHT / shown.len().max(1) as f64;
    let thickness = (height - if height > 4.0 { 1.0 } else { 0.0 }).min(16.0);
    let step = along.at(1.0) - along.at(0.0);
    let mut blocks = Turn::ALL.map(|turn| (turn, Path::default()));
    let mut ends = Path::default();
    for (row, (turns, finished)) in shown.iter().enumerate() {
        let y = top + height * row as f64;
        for (index, turn) in turns.iter().enumerate() {
            if let Some((_, path)) = blocks.iter_mut().find(|(kind, _)| kind == turn) {
                path.rect([along.at(index as f64), y], [step - 1.0, thickness]);
            }
        }
        if !finished {
            ends.rect([along.at(turns.len() as f64), y], [3.0, thickness]);
        }
    }
    for (turn, path) in &blocks {
        svg.path(&format!("turn-{}", turn.letter()), path);
    }
    svg.path("turn-c", &ends);
    let title = format!("{}, {} episodes", panel.label, panel.episodes.len());
    svg.words("strong", Anchor::Start, [along.pixels[0], top - 12.0], &title);
    let bottom = top + HEIGHT + 4.0;
    svg.line("axis", [along.pixels[0], bottom], [along.pixels[1], bottom]);
    for tick in along.whole_ticks(8) {
        svg.words("muted", Anchor::Middle, [along.at(tick), bottom + 18.0], &format!("{tick:.0}"));
    }
    svg.words("", Anchor::End, [along.pixels[1], bottom + 36.0], "turns");
}
