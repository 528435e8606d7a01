//! Episodes without a missing variable over turns, with a panel for each cell.

use super::Figure;
use super::axis::Scale;
use super::svg::{Anchor, Path, Svg, WIDTH};
use crate::stats::survival::{Subject, at_risk, kaplan_meier};

const LEFT: f64 = 74.0;
const TOP: f64 = 78.0;
const HEIGHT: f64 = 170.0;
const GAP: f64 = 24.0;
/// The height below a panel for its axis, the numbers at risk, and the next panel's title.
const BELOW: f64 = 100.0;
/// Panels side by side.
const COLUMNS: usize = 4;

/// A cell's episodes.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The cell's name.
    pub label: String,
    /// The name of its colour.
    pub colour: &'static str,
    /// Each episode's time: the turn of its first missing variable, or else the turn when it was cut off, or
    /// a time beyond the axis if it called `finish()`.
    pub subjects: Vec<Subject>,
}

/// Draws the figure up to the last turn of any episode.
pub fn draw(name: &str, panels: &[Panel], last: usize) -> Figure {
    // Six panels are in two rows of three, not in rows of four and two.
    let rows = panels.len().div_ceil(COLUMNS).max(1);
    let columns = panels.len().div_ceil(rows).max(1);
    let mut svg = Svg::new(TOP + (HEIGHT + BELOW) * rows as f64 - 16.0);
    svg.words(
        "title",
        Anchor::Start,
        [16.0, 28.0],
        "Episodes that have not missed a variable yet, over turns",
    );
    let width = (WIDTH - LEFT - 16.0 - GAP * (columns as f64 - 1.0)) / columns as f64;
    for (index, panel) in panels.iter().enumerate() {
        let left = LEFT + (width + GAP) * (index % columns) as f64;
        let top = TOP + (HEIGHT + BELOW) * (index / columns) as f64;
        let along = Scale { values: [0.0, last as f64], pixels: [left, left + width] };
        let up = Scale { values: [0.0, 100.0], pixels: [top + HEIGHT, top] };
        for tick in up.ticks(4) {
            svg.line("grid", [left, up.at(tick)], [left + width, up.at(tick)]);
            if index % columns == 0 {
                svg.words("muted", Anchor::End, [left - 8.0, up.at(tick) + 4.0], &format!("{tick:.0}"));
            }
        }
        if index % columns == 0 {
            svg.upright("", [18.0, top + HEIGHT / 2.0], "episodes without one (%)");
            svg.words("small muted", Anchor::End, [left - 20.0, top + HEIGHT + 38.0], "left");
        }
        draw_panel(&mut svg, panel, &along, &up);
    }
    let caption = "Kaplan and Meier's curve of each cell: the share of episodes that have not had a \
                   missing-variable error up to a turn. An episode that called finish() without one can have none any \
                   more, and counts as without one to the end of the axis; one that was cut off is censored at its \
                   last turn: it counts as long as it lasted. Below the axis: episodes left, which have neither \
                   missed one nor been cut off yet."
        .to_owned();
    Figure { name: name.to_owned(), caption, svg }
}

fn draw_panel(svg: &mut Svg, panel: &Panel, along: &Scale, up: &Scale) {
    let [left, right] = along.pixels;
    let bottom = up.pixels[0];
    svg.words("strong", Anchor::Start, [left, up.pixels[1] - 12.0], &panel.label);
    let mut corners = vec![[left, up.at(100.0)]];
    let mut share = 100.0;
    for point in kaplan_meier(&panel.subjects) {
        let x = along.at(point.time as f64);
        corners.push([x, up.at(share)]);
        share = 100.0 * point.survival;
        corners.push([x, up.at(share)]);
    }
    let watched = panel.subjects.iter().map(|subject| subject.time).max().unwrap_or(0);
    let end = along.at(along.values[1].min(watched as f64));
    corners.push([end, up.at(share)]);
    let area = corners.iter().copied().chain([[end, bottom], [left, bottom]]);
    svg.path(&format!("wash fill-{}", panel.colour), &Path::through(area));
    svg.path(&format!("line line-{}", panel.colour), &Path::through(corners));
    svg.line("axis", [left, bottom], [right, bottom]);
    let y = up.at(share);
    let y = if y > bottom - 30.0 { y - 10.0 } else { y + 20.0 };
    // The text is below the curve if there is room, and otherwise after its end.
    let (anchor, x) = if end - left > 80.0 { (Anchor::End, end - 6.0) } else { (Anchor::Start, end + 6.0) };
    svg.words("strong", anchor, [x, y], &format!("{share:.0} % left"));
    for tick in along.whole_ticks(4) {
        let x = along.at(tick);
        svg.words("muted", Anchor::Middle, [x, bottom + 18.0], &format!("{tick:.0}"));
        let left = at_risk(&panel.subjects, tick as usize + 1);
        svg.words("small muted", Anchor::Middle, [x, bottom + 38.0], &left.to_string());
    }
    svg.words("", Anchor::End, [right, bottom + 58.0], "turn");
}
