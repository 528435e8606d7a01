//! Means over the episodes of one agent on one family.

use proto::run::{EpisodeResult, MetricSummary, Summary};
use proto::trace::Trace;
use serde_json::{Map, Value};

/// Means over completed episodes.
pub fn summarise(episodes: &[(EpisodeResult, Trace)]) -> Summary {
    let evaluations = || episodes.iter().filter_map(|(result, _)| result.result.as_ref());
    let mut metrics: Vec<(String, Vec<f64>)> = Vec::new();
    let mut add = |name: &str, value: f64| match metrics.iter_mut().find(|(known, _)| known == name) {
        Some((_, values)) => values.push(value),
        None => metrics.push((name.to_owned(), vec![value])),
    };
    for evaluation in evaluations() {
        for (name, value) in &evaluation.metrics {
            if let Some(value) = value.as_f64() {
                add(name, value);
            }
        }
    }
    for evaluation in evaluations() {
        add("score", evaluation.score);
    }
    let solved = evaluations().filter(|evaluation| evaluation.is_solved).count();
    let mean_of =
        |value: fn(&(EpisodeResult, Trace)) -> f64| mean(&episodes.iter().map(value).collect::<Vec<_>>());
    Summary {
        average_is_solved: if episodes.is_empty() { 0.0 } else { solved as f64 / episodes.len() as f64 },
        average_runtime: mean_of(|(result, _)| result.finished_at - result.started_at),
        average_steps: mean_of(|(_, trace)| trace.summary.num_steps as f64),
        average_total_tokens: mean_of(|(_, trace)| trace.summary.token_usage.total_tokens as f64),
        metrics: metrics
            .into_iter()
            .map(|(name, values)| (name, serde_json::to_value(describe(values)).unwrap_or(Value::Null)))
            .collect::<Map<_, _>>(),
        num_tasks_executed: episodes.len() as u64,
        num_tasks_solved: solved as u64,
    }
}

/// Mean, median, minimum and maximum of at least one value.
fn describe(mut values: Vec<f64>) -> MetricSummary {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median =
        if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
    MetricSummary { mean: mean(&values), median, min: values[0], max: values[values.len() - 1] }
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        let summary = describe(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!((summary.mean, summary.median, summary.min, summary.max), (2.5, 2.5, 1.0, 4.0));
        assert_eq!(describe(vec![7.0]).median, 7.0);
    }
}
