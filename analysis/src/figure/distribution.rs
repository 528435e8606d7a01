//! A histogram for each cell, one below the other on the same axis.

use super::Figure;
use super::axis::Scale;
use super::svg::{Anchor, Path, Svg, WIDTH};
use crate::stats::describe::{mean, median};
use crate::table;

const LEFT: f64 = 190.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 64.0;
const ROW: f64 = 74.0;
const BARS: usize = 50;

/// A cell's values.
#[derive(Clone, Debug)]
pub struct Row {
    /// The cell's name.
    pub label: String,
    /// The name of its colour.
    pub colour: &'static str,
    /// The value of each episode.
    pub values: Vec<f64>,
}

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Axis<'a> {
    /// The figure's title.
    pub title: &'a str,
    /// The label of the axis, with the unit.
    pub label: &'a str,
    /// The end of the axis; none: the largest value.
    pub end: Option<f64>,
    /// Decimals of the values in the text.
    pub decimals: usize,
}

/// Draws the figure.
pub fn draw(name: &str, axis: Axis<'_>, rows: &[Row]) -> Figure {
    let bottom = TOP + ROW * rows.len() as f64;
    let mut svg = Svg::new(bottom + 58.0);
    let largest = rows.iter().flat_map(|row| &row.values).copied().fold(0.0, f64::max);
    let end = axis.end.unwrap_or(if largest > 0.0 { largest } else { 1.0 });
    let scale = Scale { values: [0.0, end], pixels: [LEFT, WIDTH - RIGHT] };
    svg.words("title", Anchor::Start, [16.0, 28.0], axis.title);
    svg.words("muted", Anchor::Start, [WIDTH - RIGHT + 12.0, TOP - 8.0], "median");
    for (tick, text) in scale.labelled_ticks(8) {
        let x = scale.at(tick);
        svg.line("grid", [x, TOP], [x, bottom]);
        svg.words("muted", Anchor::Middle, [x, bottom + 20.0], &text);
    }
    svg.words("", Anchor::Middle, [f64::midpoint(LEFT, WIDTH - RIGHT), bottom + 44.0], axis.label);
    for (index, row) in rows.iter().enumerate() {
        let base = TOP + ROW * (index as f64 + 1.0);
        draw_row(&mut svg, row, &scale, base, axis.decimals);
    }
    let caption = format!(
        "{}. One histogram a cell; bars are shares of its episodes, each cell scaled to its own highest bar. \
         The black mark is the median, the ring the mean.",
        axis.title
    );
    Figure { name: name.to_owned(), caption, svg }
}

fn draw_row(svg: &mut Svg, row: &Row, scale: &Scale, base: f64, decimals: usize) {
    svg.words("strong", Anchor::Start, [16.0, base - 30.0], &row.label);
    let episodes = format!("{} episodes", table::number(row.values.len() as f64, 0));
    svg.words("muted", Anchor::Start, [16.0, base - 12.0], &episodes);
    let end = scale.values[1];
    let mut counts = [0_usize; BARS];
    for value in &row.values {
        let bar = (value / end * BARS as f64) as usize;
        counts[bar.min(BARS - 1)] += 1;
    }
    let highest = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let width = (scale.pixels[1] - scale.pixels[0]) / BARS as f64;
    let mut bars = Path::default();
    for (bar, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (ROW - 18.0) * *count as f64 / highest;
        bars.rect([scale.pixels[0] + width * bar as f64 + 0.5, base - height], [width - 1.0, height]);
    }
    svg.path(&format!("fill-{}", row.colour), &bars);
    svg.line("axis", [scale.pixels[0], base], [scale.pixels[1], base]);
    if let (Some(median), Some(mean)) = (median(&row.values), mean(&row.values)) {
        let x = scale.at(median);
        svg.line("mark", [x, base - ROW + 14.0], [x, base + 4.0]);
        svg.ring([scale.at(mean), base - 4.0]);
        let text = table::number(median, decimals);
        svg.words("strong", Anchor::Start, [scale.pixels[1] + 12.0, base - 12.0], &text);
    }
}
