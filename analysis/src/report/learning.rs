//! What policies that learnt from their own episodes did at the beginning and at the end.

use super::document::Block;
use super::figures::colour;
use crate::figure::learning::{Line, Panel, draw};
use crate::results::curve::Curve;
use crate::results::file::Results;
use crate::results::learning::Learning;
use crate::results::points::Points;
use crate::stats::describe::mean;
use crate::stats::seeds;
use crate::table::{self, Table};

/// The share of the steps at either end that the table shows.
const END: usize = 10;

/// A measure: its label, its decimals, its points.
type Measure = (&'static str, usize, fn(&Learning) -> &Points);

const MEASURES: [Measure; 4] = [
    ("Reward", 3, |learning| &learning.reward),
    ("Missing variables an episode", 2, |learning| &learning.missing_variables),
    ("Names bound again to their value, an episode", 2, |learning| &learning.names_redefined),
    ("Generated tokens an episode", 1, |learning| &learning.completion_tokens),
];

/// What a step of training cost.
const COSTS: [Measure; 2] = [
    ("Generated tokens a step of training", 0, |learning| &learning.generated_tokens),
    ("Environment steps a step of training", 0, |learning| &learning.env_steps),
];

/// The curves and their ends; nothing without such trainings.
pub fn blocks(results: &Results) -> Vec<Block> {
    let learnt: Vec<(&Curve, &Learning)> =
        results.training.iter().filter_map(|curve| Some((curve, curve.learning.as_ref()?))).collect();
    let mut models: Vec<&str> = Vec::new();
    for (curve, _) in &learnt {
        if !models.contains(&curve.model.as_str()) {
            models.push(&curve.model);
        }
    }
    if models.is_empty() {
        return Vec::new();
    }
    let of = |model: &str, points: fn(&Learning) -> &Points| -> Vec<&Points> {
        let own = learnt.iter().filter(|(curve, _)| curve.model == model);
        own.map(|(_, learning)| points(learning)).collect()
    };
    let panels: Vec<Panel<'_>> = (MEASURES.iter())
        .map(|(label, _, points)| Panel {
            label,
            lines: (models.iter())
                .map(|model| Line { model, colour: colour(model), seeds: of(model, *points) })
                .collect(),
        })
        .collect();
    let rows = models.iter().flat_map(|model| {
        MEASURES.iter().chain(&COSTS).map(|(label, decimals, points)| {
            let seeds = of(model, *points);
            let at = |end: fn(&[f64]) -> &[f64]| {
                let means: Vec<f64> = seeds.iter().filter_map(|points| mean(end(&points.value))).collect();
                seeds::estimate(&means).map_or_else(String::new, |mean| table::estimate(mean, *decimals))
            };
            vec![(*model).to_owned(), (*label).to_owned(), at(first), at(last)]
        })
    });
    let header = ["Adapter", "Measure", "First tenth of the steps", "Last tenth"].map(String::from).into();
    let table = Table { header, rows: rows.collect() };
    let caption = "Means over the episodes that were played to learn from, and over training seeds; [low, high]: Student's \
                   95 % interval over the seeds."
        .to_owned();
    vec![
        Block::Figure(draw("learning", &panels)),
        Block::Table { name: Some("learning".into()), caption, table },
    ]
}

fn first(values: &[f64]) -> &[f64] {
    &values[..values.len().div_ceil(END)]
}

fn last(values: &[f64]) -> &[f64] {
    &values[values.len() - values.len().div_ceil(END)..]
}
