//! The policy that calls tools.

use serde::Deserialize;

use super::best_set::best_set;
use super::closing::{self, Ending};
use super::task::Task;
use crate::teachers::answer::{Answer, call_with, finish};
use crate::teachers::calls::Called;
use crate::teachers::random::Random;
use crate::teachers::text::Items;

/// What `inspect` answers.
#[derive(Clone, Debug, Deserialize)]
struct Facts {
    class: String,
    weight: u64,
    value: u64,
}

/// What the calls so far have shown and done.
struct Known<'calls> {
    /// Items with their facts, in order of inspection.
    items: Vec<(&'calls str, Facts)>,
    /// Items that inspecting was tried for.
    tried: Vec<&'calls str>,
    /// Items that taking was tried for.
    taken: Vec<&'calls str>,
}

impl<'calls> Known<'calls> {
    fn after(called: &'calls [Called]) -> Self {
        let mut known = Self { items: Vec::new(), tried: Vec::new(), taken: Vec::new() };
        for call in called {
            let Some(id) = call.text("item_id") else { continue };
            match call.tool.as_str() {
                "inspect" => {
                    known.tried.push(id);
                    let facts = call.answer.as_deref().and_then(|answer| serde_json::from_str(answer).ok());
                    known.items.extend(facts.map(|facts| (id, facts)));
                }
                "take_item" => known.taken.push(id),
                _ => {}
            }
        }
        known
    }

    /// The best set of the allowed items: ids, and their total value.
    fn best(&self, task: &Task) -> (Vec<&'calls str>, u64) {
        let usable: Vec<&(&str, Facts)> =
            self.items.iter().filter(|(_, facts)| task.allowed.contains(&facts.class)).collect();
        let numbers: Vec<(u64, u64)> = usable.iter().map(|(_, facts)| (facts.weight, facts.value)).collect();
        let chosen = best_set(&numbers, task.capacity);
        let value = chosen.iter().map(|&index| numbers[index].1).sum();
        (chosen.into_iter().map(|index| usable[index].0).collect(), value)
    }

    /// How many of the items may be taken.
    fn allowed(&self, task: &Task) -> usize {
        self.items.iter().filter(|(_, facts)| task.allowed.contains(&facts.class)).count()
    }
}

/// The next answer: to inspect the next items, to take the best set, or to finish.
pub fn answer(task: &Task, called: &[Called], seed: u64, random: &mut Random) -> Answer {
    let known = Known::after(called);
    let batch = task.batch(Random::of_episode(seed).between(6, 10));
    let all = &task.ids[..task.to_inspect()];
    let new: Vec<&str> =
        all.iter().map(String::as_str).filter(|id| !known.tried.contains(id)).take(batch).collect();
    if !new.is_empty() {
        return each("inspect", &new, inspecting(task, &known, new.len(), random));
    }
    let (best, value) = known.best(task);
    let rest: Vec<&str> =
        best.iter().copied().filter(|id| !known.taken.contains(id)).take(task.calls).collect();
    if rest.is_empty() {
        let ending = if best.is_empty() { Ending::Empty } else { Ending::Packed };
        return Answer { text: closing::alone(ending, random).to_owned(), calls: vec![finish()] };
    }
    let is_first = known.taken.is_empty();
    each("take_item", &rest, taking(task, is_first, best.len(), value, random))
}

fn each(tool: &str, ids: &[&str], text: String) -> Answer {
    Answer { text, calls: ids.iter().map(|&id| call_with(tool, "item_id", id)).collect() }
}

fn inspecting(task: &Task, known: &Known<'_>, count: usize, random: &mut Random) -> String {
    let options: &[&str] = if known.tried.is_empty() {
        &[
            "Class, weight and value are hidden, so I inspect first. I begin with {batch}.",
            "There are {n} items, and {look} of them can be inspected. The first {batch} now.",
            "Before I can choose, I have to know the items. I look at {batch}.",
            "The capacity is {capacity}. To fill it well I inspect items, {batch} to begin with.",
            "My plan: inspect, find the best set that fits, take it. First come {batch}.",
        ]
    } else {
        &[
            "{known} inspected, {allowed} of them allowed. I look at {batch} more.",
            "I go on with the next {batch}.",
            "{left} inspections are left. {batch} come next.",
            "{allowed} of {known} can be taken so far. I inspect {batch} more.",
            "Nothing to decide yet; the next {batch}.",
        ]
    };
    random.phrase(
        options,
        &[
            ("n", &task.ids.len()),
            ("look", &task.to_inspect()),
            ("capacity", &task.capacity),
            ("batch", &Items(count)),
            ("known", &known.items.len()),
            ("allowed", &known.allowed(task)),
            ("left", &(task.to_inspect() - known.tried.len().min(task.to_inspect()))),
        ],
    )
}

fn taking(task: &Task, is_first: bool, count: usize, value: u64, random: &mut Random) -> String {
    let options: &[&str] = if is_first {
        &[
            "The best set within {capacity} has {count} and is worth {value}. I take it.",
            "All inspections are done. {count} with a value of {value} fit; nothing is worth more.",
            "Of the allowed items, {count} make the most of {capacity}: a value of {value}. I take them.",
            "{value} is the best value there is within {capacity}. I take the {count}.",
        ]
    } else {
        &["I take the rest of the set.", "The other items of the best set follow.", "On with the rest of it."]
    };
    random.phrase(options, &[("capacity", &task.capacity), ("count", &Items(count)), ("value", &value)])
}
