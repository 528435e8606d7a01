//! The loss over steps: a panel with the base model's phases one after the other, and one with the adapters.

use super::Figure;
use super::axis::Scale;
use super::svg::{Anchor, Path, Svg, WIDTH};
use crate::results::curve::Curve;
use crate::table;

const TOP: f64 = 86.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 66.0;
const GAP: f64 = 74.0;

/// The lines of one panel.
#[derive(Clone, Debug)]
pub struct Panel<'a> {
    /// What is trained in this panel.
    pub label: String,
    /// The lines: each is a model under a seed, with its colour and its phases in order.
    pub lines: Vec<(String, &'static str, Vec<&'a Curve>)>,
}

/// Draws the figure.
pub fn draw(name: &str, panels: &[Panel<'_>]) -> Figure {
    let mut svg = Svg::new(TOP + HEIGHT + 62.0);
    svg.words("title", Anchor::Start, [16.0, 28.0], "Training: the loss over steps");
    let count = panels.len().max(1) as f64;
    let width = (WIDTH - LEFT - 20.0 - GAP * (count - 1.0)) / count;
    for (index, panel) in panels.iter().enumerate() {
        let left = LEFT + (width + GAP) * index as f64;
        draw_panel(&mut svg, panel, [left, left + width]);
    }
    svg.upright("", [20.0, TOP + HEIGHT / 2.0], "loss (nats a token to learn)");
    let caption = "The training loss; each point is the mean of as many neighbouring steps. One line a model and \
                   seed; rings: the loss on samples that were kept back; dashed: where a phase of the base model \
                   ends and the next, with other data, begins."
        .to_owned();
    Figure { name: name.to_owned(), caption, svg }
}

fn draw_panel(svg: &mut Svg, panel: &Panel<'_>, pixels: [f64; 2]) {
    let steps = |curves: &[&Curve]| curves.iter().map(|curve| curve.steps).sum::<u64>();
    let last = panel.lines.iter().map(|(_, _, curves)| steps(curves)).max().unwrap_or(1);
    let losses = panel
        .lines
        .iter()
        .flat_map(|(_, _, curves)| curves)
        .flat_map(|curve| curve.loss.value.iter().chain(&curve.eval_loss.value));
    let highest = losses.copied().fold(0.1, f64::max);
    let along = Scale { values: [0.0, last as f64], pixels };
    let up = Scale { values: [0.0, highest * 1.04], pixels: [TOP + HEIGHT, TOP] };
    svg.words("strong", Anchor::Start, [pixels[0], TOP - 34.0], &panel.label);
    for (tick, text) in up.labelled_ticks(5) {
        svg.line("grid", [pixels[0], up.at(tick)], [pixels[1], up.at(tick)]);
        svg.words("muted", Anchor::End, [pixels[0] - 8.0, up.at(tick) + 4.0], &text);
    }
    for tick in along.whole_ticks(5) {
        svg.words("muted", Anchor::Middle, [along.at(tick), TOP + HEIGHT + 20.0], &table::number(tick, 0));
    }
    svg.line("axis", [pixels[0], up.at(0.0)], [pixels[1], up.at(0.0)]);
    svg.words("", Anchor::Middle, [f64::midpoint(pixels[0], pixels[1]), TOP + HEIGHT + 46.0], "step");
    if let Some((_, _, curves)) = panel.lines.first().filter(|(_, _, curves)| curves.len() > 1) {
        phases(svg, curves, &along);
    }
    for (_, colour, curves) in &panel.lines {
        let mut before = 0;
        let (mut points, mut kept_back) = (Vec::new(), Vec::new());
        for curve in curves {
            let place = |(step, loss): (u64, f64)| [along.at((before + step) as f64), up.at(loss)];
            points.extend(curve.loss.pairs().map(place));
            kept_back.extend(curve.eval_loss.pairs().map(place));
            before += curve.steps;
        }
        svg.path(&format!("line thin line-{colour}"), &Path::through(points));
        for place in kept_back {
            svg.ring(place);
        }
    }
    legend(svg, panel, pixels[0]);
}

/// The steps at which the phases of the base model begin.
fn phases(svg: &mut Svg, curves: &[&Curve], along: &Scale) {
    let mut before = 0;
    for curve in curves {
        let from = along.at(before as f64);
        before += curve.steps;
        let to = along.at(before as f64);
        svg.words("muted", Anchor::Middle, [f64::midpoint(from, to), TOP - 6.0], &curve.phase);
        if to < along.pixels[1] - 1.0 {
            svg.line("divider", [to, TOP], [to, TOP + HEIGHT]);
        }
    }
}

/// The models of a panel, if it has several.
fn legend(svg: &mut Svg, panel: &Panel<'_>, left: f64) {
    let mut models: Vec<(&str, &str)> = Vec::new();
    for (model, colour, _) in &panel.lines {
        if !models.iter().any(|(known, _)| known == model) {
            models.push((model, colour));
        }
    }
    if models.len() < 2 {
        return;
    }
    let mut x = left;
    for (model, colour) in models {
        svg.line(&format!("line line-{colour}"), [x, TOP - 14.0], [x + 18.0, TOP - 14.0]);
        svg.words("", Anchor::Start, [x + 24.0, TOP - 10.0], model);
        x += 48.0 + 7.4 * model.len() as f64;
    }
}
