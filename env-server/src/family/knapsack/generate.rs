//! Drawing knapsack tasks.

use serde_json::{Map, Value, json};

use super::config::Config;
use super::optimum::{self, Optimum};
use super::play::Item;
use crate::family::drawn::Drawn;
use crate::family::object::object;
use crate::family::stream::Stream;

/// Attempts before a task is given up.
const ATTEMPTS: usize = 200;
/// With fewer allowed items there is no choice to make.
const MIN_ALLOWED_ITEMS: usize = 5;
/// A smaller optimal set can be found by luck.
const MIN_OPTIMAL_ITEMS: usize = 3;
/// Smallest inspection budget.
const MIN_BUDGET: i64 = 5;

/// One attempt, accepted or not.
struct Draw {
    /// In drawing order.
    item_ids: Vec<String>,
    items: Vec<Item>,
    allowed_classes: Vec<String>,
    capacity: i64,
    optimum: Optimum,
}

/// Draws until a task passes the rejection rules.
pub(crate) fn draw(config: &Config, stream: &mut Stream) -> Result<Drawn, String> {
    for _ in 0..ATTEMPTS {
        if let Some(draw) = attempt(config, stream) {
            return Ok(write(config, &draw));
        }
    }
    Err(format!(
        "no task in {ATTEMPTS} draws had {MIN_ALLOWED_ITEMS} items of an allowed class, an optimal set of at \
         least {MIN_OPTIMAL_ITEMS} items, and no item with more than 40 % of the optimal value"
    ))
}

fn attempt(config: &Config, stream: &mut Stream) -> Option<Draw> {
    let count = stream.integer(config.n_items.low, config.n_items.high) as usize;
    let allowed_classes = stream.sample(&config.classes, config.num_allowed_classes);
    let mut item_ids: Vec<String> = Vec::with_capacity(count);
    let mut items: Vec<Item> = Vec::with_capacity(count);
    while items.len() < count {
        let id = stream.opaque_id("item_");
        if item_ids.contains(&id) {
            continue;
        }
        item_ids.push(id);
        let weight = stream.integer(config.weight.low, config.weight.high);
        let value = stream.integer(config.value.low, config.value.high);
        // The first item is of an allowed class, so that there is one.
        let classes = if items.is_empty() { &allowed_classes } else { &config.classes };
        items.push(Item { class: stream.choose(classes).clone(), value, weight });
    }
    let ratio = stream.real(config.capacity_ratio.low, config.capacity_ratio.high);

    // Positions in `items`, to which the optimum's positions are mapped back.
    let allowed: Vec<usize> = (0..count).filter(|&i| allowed_classes.contains(&items[i].class)).collect();
    if allowed.len() < MIN_ALLOWED_ITEMS {
        return None;
    }
    let choices: Vec<Item> = allowed.iter().map(|&i| items[i].clone()).collect();
    let total: i64 = choices.iter().map(|item| item.weight).sum();
    let lightest = choices.iter().map(|item| item.weight).min()?;
    let capacity = ((ratio * total as f64).round_ties_even() as i64).max(1).max(lightest);

    let mut optimum = optimum::solve(&choices, capacity);
    optimum.chosen = optimum.chosen.into_iter().map(|i| allowed[i]).collect();
    // One item of more than 40 % of the value: greatest / value > 2 / 5.
    let dominated = greatest_value(&items, &optimum) * 5 > optimum.value * 2;
    if optimum.chosen.len() < MIN_OPTIMAL_ITEMS || dominated {
        return None;
    }
    Some(Draw { item_ids, items, allowed_classes, capacity, optimum })
}

fn greatest_value(items: &[Item], optimum: &Optimum) -> i64 {
    optimum.chosen.iter().map(|&i| items[i].value).max().unwrap_or(0)
}

/// The inspection budget: 1.5 times the number of inspections after which the allowed items of mean weight fill the
/// knapsack, and at least 1.1 times the size of the optimal set.
fn inspect_budget(config: &Config, draw: &Draw) -> i64 {
    let mean_weight = (config.weight.low + config.weight.high) as f64 / 2.0;
    let share_allowed = draw.allowed_classes.len() as f64 / config.classes.len() as f64;
    let to_fill = 1.5 * (draw.capacity as f64 / mean_weight) / share_allowed.max(0.01);
    let for_optimum = 1.1 * draw.optimum.chosen.len() as f64;
    let count = draw.items.len() as i64;
    // The upper bound last: there may be fewer items than the smallest budget.
    (to_fill.max(for_optimum).ceil() as i64).max(MIN_BUDGET).min(count)
}

fn write(config: &Config, draw: &Draw) -> Drawn {
    let Draw { item_ids, items, allowed_classes, capacity, optimum } = draw;
    let budget = inspect_budget(config, draw);
    let count = items.len() as i64;
    let hidden: Map<String, Value> = item_ids
        .iter()
        .zip(items)
        .map(|(id, item)| {
            (id.clone(), json!({"class": item.class, "value": item.value, "weight": item.weight}))
        })
        .collect();
    let optimal_item_ids: Vec<&String> = optimum.chosen.iter().map(|&i| &item_ids[i]).collect();
    Drawn {
        difficulty: object([
            ("budget_coverage", hundredths(budget, count)),
            ("capacity", json!(capacity)),
            ("max_item_dominance", hundredths(greatest_value(items, optimum), optimum.value)),
            ("n_items", json!(count)),
            ("optimal_set_size", json!(optimum.chosen.len())),
            ("p_valid", hundredths(allowed_classes.len() as i64, config.classes.len() as i64)),
        ]),
        public: object([
            ("allowed_classes", json!(allowed_classes)),
            ("capacity", json!(capacity)),
            ("inspect_budget", json!(budget)),
            ("item_ids", json!(item_ids)),
        ]),
        private: object([("items", Value::Object(hidden))]),
        reference: object([
            ("optimal_item_ids", json!(optimal_item_ids)),
            ("optimal_value", json!(optimum.value)),
            ("optimal_weight", json!(optimum.weight)),
        ]),
        title: "Opaque Knapsack: pack the most value from items that must be inspected first",
        output_format: "No text answer: the items taken when finish() is called are the answer.",
    }
}

/// A quotient rounded to two decimals, ties to even. Integer arithmetic makes it the same on every platform.
fn hundredths(numerator: i64, denominator: i64) -> Value {
    let (scaled, denominator) = (i128::from(numerator) * 100, i128::from(denominator));
    let (floor, rest) = (scaled / denominator, scaled % denominator);
    let up = match (rest * 2).cmp(&denominator) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => floor % 2,
        std::cmp::Ordering::Greater => 1,
    };
    json!((floor + up) as f64 / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_round_to_even() {
        for (numerator, denominator, rounded) in [(20, 32, 0.62), (3, 8, 0.38), (5, 26, 0.19), (33, 33, 1.0)]
        {
            assert_eq!(hundredths(numerator, denominator), json!(rounded));
        }
    }
}
