//! What episodes were like while a policy learnt from them: a panel for each measure, a line for each model.

use super::Figure;
use super::axis::Scale;
use super::svg::{Anchor, Path, Svg, WIDTH};
use crate::results::points::Points;
use crate::stats::seeds;

const TOP: f64 = 92.0;
const LEFT: f64 = 58.0;
const GAP: f64 = 66.0;
const HEIGHT: f64 = 170.0;
/// The height below a panel for its axis and the next panel's title.
const BELOW: f64 = 84.0;
const COLUMNS: usize = 2;
/// Most points of a line: neighbouring steps are averaged.
const POINTS: usize = 30;

/// A measure.
#[derive(Clone, Debug)]
pub struct Panel<'a> {
    /// What is measured.
    pub label: &'static str,
    /// A line for each model.
    pub lines: Vec<Line<'a>>,
}

/// A model.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// Its name.
    pub model: &'a str,
    /// The name of its colour.
    pub colour: &'static str,
    /// The measure over steps, for each seed.
    pub seeds: Vec<&'a Points>,
}

/// Draws the figure.
pub fn draw(name: &str, panels: &[Panel<'_>]) -> Figure {
    let rows = panels.len().div_ceil(COLUMNS).max(1);
    let mut svg = Svg::new(TOP + (HEIGHT + BELOW) * rows as f64 - 12.0);
    svg.words(
        "title",
        Anchor::Start,
        [16.0, 28.0],
        "Learning from episodes: what they were like, over steps",
    );
    let mut x = LEFT;
    for line in panels.first().map_or(&[][..], |panel| &panel.lines) {
        svg.line(&format!("line line-{}", line.colour), [x, 48.0], [x + 18.0, 48.0]);
        svg.words("", Anchor::Start, [x + 24.0, 52.0], line.model);
        x += 48.0 + 7.4 * line.model.len() as f64;
    }
    let width = (WIDTH - LEFT - 20.0 - GAP * (COLUMNS as f64 - 1.0)) / COLUMNS as f64;
    for (index, panel) in panels.iter().enumerate() {
        let left = LEFT + (width + GAP) * (index % COLUMNS) as f64;
        let top = TOP + (HEIGHT + BELOW) * (index / COLUMNS) as f64;
        draw_panel(&mut svg, panel, [left, left + width], [top + HEIGHT, top]);
    }
    let caption = "Means over a step's episodes, which the policy played with tokens drawn at random; neighbouring \
                   steps are averaged. Thin: a training seed. Thick: the mean over seeds, with Student's 95 % interval over \
                   seeds."
        .to_owned();
    Figure { name: name.to_owned(), caption, svg }
}

fn draw_panel(svg: &mut Svg, panel: &Panel<'_>, across: [f64; 2], upright: [f64; 2]) {
    let points = panel.lines.iter().flat_map(|line| &line.seeds);
    let last = points.clone().filter_map(|points| points.step.last()).max().copied().unwrap_or(1);
    let highest = points.flat_map(|points| averaged(points)).map(|[_, value]| value).fold(1e-9, f64::max);
    let along = Scale { values: [0.0, last as f64], pixels: across };
    let up = Scale { values: [0.0, highest * 1.06], pixels: upright };
    svg.words("strong", Anchor::Start, [across[0], upright[1] - 12.0], panel.label);
    for (tick, text) in up.labelled_ticks(4) {
        svg.line("grid", [across[0], up.at(tick)], [across[1], up.at(tick)]);
        svg.words("muted", Anchor::End, [across[0] - 8.0, up.at(tick) + 4.0], &text);
    }
    for tick in along.whole_ticks(5) {
        svg.words("muted", Anchor::Middle, [along.at(tick), upright[0] + 18.0], &format!("{tick:.0}"));
    }
    svg.line("axis", [across[0], upright[0]], [across[1], upright[0]]);
    svg.words("", Anchor::End, [across[1], upright[0] + 38.0], "step");
    for line in &panel.lines {
        draw_line(svg, line, &along, &up);
    }
}

fn draw_line(svg: &mut Svg, line: &Line<'_>, along: &Scale, up: &Scale) {
    let place = |[step, value]: [f64; 2]| [along.at(step), up.at(value.clamp(up.values[0], up.values[1]))];
    let seeds: Vec<Vec<[f64; 2]>> = line.seeds.iter().map(|points| averaged(points)).collect();
    let length = seeds.iter().map(Vec::len).min().unwrap_or(0);
    let (mut middle, mut low, mut high) = (Vec::new(), Vec::new(), Vec::new());
    for index in 0..length {
        let values: Vec<f64> = seeds.iter().map(|seed| seed[index][1]).collect();
        let Some(mean) = seeds::estimate(&values) else { continue };
        let step = seeds[0][index][0];
        middle.push(place([step, mean.value]));
        if let Some(interval) = mean.interval {
            low.push(place([step, interval.low]));
            high.push(place([step, interval.high]));
        }
    }
    low.reverse();
    svg.path(&format!("wash fill-{}", line.colour), &Path::through(high.into_iter().chain(low)));
    if seeds.len() > 1 {
        for seed in seeds {
            svg.path(
                &format!("line faint line-{}", line.colour),
                &Path::through(seed.into_iter().map(place)),
            );
        }
    }
    svg.path(&format!("line line-{}", line.colour), &Path::through(middle));
}

/// Steps and means of neighbouring points, at most [`POINTS`].
fn averaged(points: &Points) -> Vec<[f64; 2]> {
    let pairs: Vec<(u64, f64)> = points.pairs().collect();
    let size = pairs.len().div_ceil(POINTS).max(1);
    let mean = |group: &[(u64, f64)]| {
        let (steps, values): (Vec<f64>, Vec<f64>) =
            group.iter().map(|(step, value)| (*step as f64, *value)).unzip();
        let count = group.len() as f64;
        [steps.iter().sum::<f64>() / count, values.iter().sum::<f64>() / count]
    };
    pairs.chunks(size).map(mean).collect()
}
