//! The chart of a training over its steps: of the loss or, where episodes are played, of the reward.

use std::path::Path;

use plotters::prelude::*;
use proto::training::{Line, Values};

use crate::{Error, Result};

const SIZE: (u32, u32) = (900, 520);
const STEPS: RGBColor = RGBColor(158, 184, 217);
const SMOOTH: RGBColor = RGBColor(31, 86, 160);
const EVALUATIONS: RGBColor = RGBColor(200, 80, 20);

/// The moving mean averages the steps divided by this number.
const WINDOW: usize = 20;

/// The files that [`draw`] may write.
pub const FILES: [&str; 2] = ["loss.svg", "reward.svg"];

/// Draws an SVG into a folder: the value of every step, its moving mean, and the evaluations. Does nothing for fewer
/// than two steps.
pub fn draw(folder: &Path, lines: &[Line]) -> Result<()> {
    let points = |choose: fn(&Values) -> Option<f64>| -> Vec<(f64, f64)> {
        lines.iter().filter_map(|line| Some((line.step as f64, choose(&line.values)?))).collect()
    };
    let rewards = points(|values| match values {
        Values::Step { played, .. } => played.as_ref().map(|played| played.reward),
        _ => None,
    });
    let evaluations = points(|values| match values {
        Values::Evaluation { eval_loss: value } | Values::Episodes { eval_reward: value, .. } => Some(*value),
        Values::Step { .. } => None,
    });
    let [loss, reward] = FILES;
    let (name, unit, steps) = if rewards.is_empty() {
        let losses = points(|values| match values {
            Values::Step { loss, .. } => Some(*loss),
            _ => None,
        });
        (loss, "loss, nats a token", losses)
    } else {
        (reward, "reward", rewards)
    };
    if steps.len() < 2 {
        return Ok(());
    }
    let (path, mut svg) = (folder.join(name), String::new());
    chart(&mut svg, unit, &steps, &evaluations)
        .map_err(|error| Error::file(&path)(std::io::Error::other(error.to_string())))?;
    std::fs::write(&path, svg).map_err(Error::file(&path))
}

type Problem = Box<dyn std::error::Error>;

fn chart(
    svg: &mut String,
    unit: &str,
    steps: &[(f64, f64)],
    evaluations: &[(f64, f64)],
) -> std::result::Result<(), Problem> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let values = || steps.iter().chain(evaluations).map(|(_, value)| *value);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let room = ((high - low) * 0.05).max(1e-3);
    let (first, last) = (steps[0].0, steps[steps.len() - 1].0);
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(first..last, (low - room).max(0.0)..high + room)?;
    chart
        .configure_mesh()
        .x_desc("step")
        .y_desc(unit)
        .x_label_formatter(&|step| format!("{step:.0}"))
        .label_style(("sans-serif", 15))
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .draw()?;

    let key = |color: RGBColor, width: u32| {
        move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(width))
    };
    chart
        .draw_series(LineSeries::new(steps.iter().copied(), STEPS))?
        .label("training, each step")
        .legend(key(STEPS, 1));
    let smooth = moving_mean(steps, (steps.len() / WINDOW).max(1));
    chart
        .draw_series(LineSeries::new(smooth, SMOOTH.stroke_width(2)))?
        .label("training, moving mean")
        .legend(key(SMOOTH, 2));
    if !evaluations.is_empty() {
        let style = EVALUATIONS.stroke_width(2);
        chart
            .draw_series(LineSeries::new(evaluations.iter().copied(), style).point_size(3))?
            .label("evaluation")
            .legend(key(EVALUATIONS, 2));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(200, 200, 200))
        .label_font(("sans-serif", 15))
        .draw()?;
    root.present()?;
    Ok(())
}

/// Each point averaged with those before it, over at most `window` points.
fn moving_mean(points: &[(f64, f64)], window: usize) -> Vec<(f64, f64)> {
    let mean = |end: usize| {
        let part = &points[(end + 1).saturating_sub(window)..=end];
        part.iter().map(|(_, y)| y).sum::<f64>() / part.len() as f64
    };
    points.iter().enumerate().map(|(number, (x, _))| (*x, mean(number))).collect()
}
