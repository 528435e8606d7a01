//! The sentences before a block of the persistent policy.

use super::state::State;
use super::style::Style;
use crate::teachers::knapsack::closing;
use crate::teachers::knapsack::goal::Goal;
use crate::teachers::knapsack::order::Order;
use crate::teachers::knapsack::task::Task;
use crate::teachers::random::Random;
use crate::teachers::text::Items;
use crate::teachers::trouble::lost;

/// The sentences before the next block.
pub fn write(task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    let text = match &state.missing {
        Some(name) => format!("{} {}", lost(name, random), recover(state, random)),
        None => plan(task, style, state, random),
    };
    let ending = if state.finishes(task, style) { closing::added(random) } else { "" };
    format!("{text} {ending}").trim_end().to_owned()
}

fn plan(task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    match state.goal {
        Goal::Inspect { from: 0, to } => begin(task, style, to, random),
        Goal::Inspect { from, to } => inspect(task, style, state, from, to, random),
        Goal::Choose => choose(task, style, state, random),
        Goal::ChooseAndTake => {
            let then = random.pick(&[
                "Then I take it.",
                "The items are taken in the same block.",
                "What comes out is taken right away.",
                "I take the result at once.",
                "Taking it is one more loop.",
            ]);
            format!("{} {then}", choose(task, style, state, random))
        }
        Goal::Take { .. } => take(task, style, state, random),
        Goal::Finish => closing::alone(state.ending(), random).to_owned(),
    }
}

fn begin(task: &Task, style: &Style, to: usize, random: &mut Random) -> String {
    let mut options = vec![
        "First I collect the ids and define a function that inspects items and stores the results.",
        "To begin, I keep the ids in a variable and write a helper that records inspected items.",
        "There are {n} items, and {look} of them can be inspected. I want a helper for that, `{helper}`.",
        "The capacity is {capacity}. Before I can choose, I have to know the items, so I write `{helper}`.",
        "I put the allowed classes and the capacity of {capacity} into variables and define `{helper}`.",
        "Class, weight and value are hidden, so everything starts with inspecting. `{helper}` does that.",
        "With {look} inspections to spend, a function that inspects and keeps the results pays off.",
        "`{rows}` will hold what I learn of the items; `{helper}` fills it.",
        "Setup first: the ids, what is allowed, the capacity, and a function for inspecting.",
        "I prepare all that later steps need: ids, limits, a store called `{rows}` and a helper.",
        "{n} ids, a capacity of {capacity}, {look} inspections. I begin with the variables and a helper.",
        "My plan: inspect in batches, then solve the knapsack exactly, then take the items.",
    ];
    options.extend(if task.order == Order::Given {
        [
            "I paste the ids from the task and define a helper for inspecting them in batches.",
            "The ids are in the task, so I write them down once, with a helper that inspects and remembers.",
        ]
    } else {
        [
            "I list the items and set up a helper that inspects a batch and remembers what it finds.",
            "I start by listing the items and defining a helper for inspecting them in batches.",
        ]
    });
    let first = random.phrase(
        &options,
        &[
            ("n", &task.ids.len()),
            ("look", &task.to_inspect()),
            ("capacity", &task.capacity),
            ("helper", &style.names.helper),
            ("rows", &style.names.rows),
        ],
    );
    let then = random.phrase(
        &[
            "I try it on the first {batch}.",
            "It starts with the first {batch}.",
            "First batch: {batch}.",
            "The first {batch} go through it now.",
            "I run it on {batch} to begin with.",
            "{batch} at once is a good start.",
            "The first call looks at {batch}.",
            "Then I look at {batch}.",
        ],
        &[("batch", &Items(to))],
    );
    format!("{first} {then}")
}

fn inspect(task: &Task, style: &Style, state: &State, from: usize, to: usize, random: &mut Random) -> String {
    let mut options = if to == task.to_inspect() {
        vec![
            "The last batch, from {from} on.",
            "What is left of the items to inspect goes through `{helper}` too.",
            "I complete `{rows}` with the last {batch}.",
            "{from} of {look} are inspected; this is the rest.",
            "Only {batch} to go.",
            "The last {batch}, and then I know enough.",
            "After {batch} more the inspecting is over.",
            "{batch} left: I look at them and can choose then.",
            "One more call of `{helper}` and every item I may inspect is known.",
            "The remaining {batch} now.",
            "Final batch.",
            "To finish looking, `{helper}` gets everything from {from} on.",
        ]
    } else {
        vec![
            "Next batch: {from} to {to}.",
            "I inspect {batch} more with `{helper}`.",
            "The helper is there, so I go on with the next {batch}.",
            "On to the slice {from} to {to}; the results go into `{rows}`.",
            "I continue with the next {batch}.",
            "{from} inspected, {left} to go.",
            "That worked. Next {batch}.",
            "`{helper}` again, for the ids from {from} to {to}.",
            "{left} of {look} are still unknown; {batch} come next.",
            "Good, {from} so far. The next {batch}.",
            "More of the same: {batch}.",
            "`{rows}` grows by {batch}.",
            "I keep going; {left} inspections are left before I choose.",
            "The next slice ends at {to}.",
            "Nothing to decide yet. I look at {batch} more.",
            "{from} down. Another {batch}.",
        ]
    };
    if state.allowed_count.is_some() {
        options.extend([
            "{allowed} of {from} are allowed so far. I look at {batch} more.",
            "Allowed up to now: {allowed}. Next come {batch}.",
            "{from} inspected, {allowed} of them usable; on with {batch}.",
            "{allowed} candidates already. I go on with the next {batch}.",
            "So {allowed} can be taken at all. I inspect {batch} more.",
        ]);
    }
    random.phrase(
        &options,
        &[
            ("from", &from),
            ("to", &to),
            ("left", &(task.to_inspect() - from)),
            ("look", &task.to_inspect()),
            ("batch", &Items(to - from)),
            ("allowed", &state.allowed_count.unwrap_or_default()),
            ("helper", &style.names.helper),
            ("rows", &style.names.rows),
        ],
    )
}

fn choose(task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    let mut options = vec![
        "All items are in `{rows}`. Now I compute the best set within the capacity.",
        "I have what I need. An exact knapsack over the allowed items in `{rows}` follows.",
        "Every item that may be inspected is known; I pick the best allowed set exactly.",
        "With `{rows}` complete, I solve the knapsack by dynamic programming.",
        "{look} items are known. Which of the allowed ones are worth most within {capacity}?",
        "Inspecting is done. The choice is a 0/1 knapsack with capacity {capacity}.",
        "Now the optimum: weights are small whole numbers, so dynamic programming is exact and fast.",
        "The data is there, in `{rows}`. I filter by class and solve for {capacity}.",
        "Greedy could miss the best set, so I solve it exactly.",
        "I don't need more items. The best value within {capacity} comes out of a small table.",
        "Time to choose: allowed classes only, total weight at most {capacity}.",
        "From the {look} items in hand I compute the most valuable set that fits.",
        "`{rows}` has everything; what remains is arithmetic.",
    ];
    if state.allowed_count.is_some() {
        options.extend([
            "{allowed} of {look} items are allowed. I find the best of them for {capacity}.",
            "{allowed} candidates and a capacity of {capacity}: small enough to solve exactly.",
            "Only {allowed} can be taken. The best combination of those follows.",
        ]);
    }
    random.phrase(
        &options,
        &[
            ("rows", &style.names.rows),
            ("look", &state.inspected),
            ("capacity", &task.capacity),
            ("allowed", &state.allowed_count.unwrap_or_default()),
        ],
    )
}

fn take(task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    let mut options = vec![
        "Now I take the chosen items.",
        "The choice is in `{chosen}`; I take these items.",
        "That is the best set, so I take it.",
        "I loop over `{chosen}` and take them.",
        "Next step: taking.",
        "What is in `{chosen}` goes into the knapsack.",
    ];
    if let Some((count, _)) = state.best_set
        && count <= task.calls
    {
        options.extend([
            "I take everything in `{chosen}`.",
            "{count} with a value of {value}: I take them.",
            "The best set has {count} and is worth {value}. I take it.",
            "{value} is the best value there is within {capacity}. I take the {count}.",
            "A value of {value}, then. `{chosen}` is taken now.",
            "{count} fit, worth {value} together. Taking them.",
            "So it is {count}. I pack every one.",
            "Value {value} with {count}; nothing better fits into {capacity}.",
            "The optimum is {value}. I take what it is made of.",
        ]);
    }
    let (count, value) = state.best_set.unwrap_or_default();
    random.phrase(
        &options,
        &[
            ("chosen", &style.names.chosen),
            ("count", &Items(count)),
            ("value", &value),
            ("capacity", &task.capacity),
        ],
    )
}

fn recover(state: &State, random: &mut Random) -> &'static str {
    match state.goal {
        Goal::Inspect { .. } => random.pick(&[
            "I set everything up again, inspect the items again and go on with this batch.",
            "I define it once more, repeat the inspections (they are free the second time) and retry.",
            "So I rebuild the setup, look at the earlier items again, and continue.",
            "The setup comes again, and the earlier items with it: looking twice costs nothing.",
            "I write the helper anew and run it on these items and on the ones before.",
            "Back to the setup; items that were inspected before can be inspected again for free.",
            "I repeat the definitions and the looking, and print which items are allowed.",
            "Once more from the top, with this batch included.",
            "I restore the variables and the helper, then inspect again.",
        ]),
        Goal::Choose | Goal::ChooseAndTake => random.pick(&[
            "I rebuild the data from the items that matter and choose again.",
            "I set up again, inspect the items worth having again, and then choose.",
            "So I restore what the choice needs and compute it.",
            "The items that are allowed I inspect once more; then the choice is possible.",
            "I fetch the facts of the interesting items again and solve the knapsack with them.",
            "Before choosing, the data has to be there again: I look at those items anew.",
            "I inspect the candidates again, which is free, and compute the best set.",
            "Setup, inspections and choice now go into one block.",
            "I put the data together again and print what I choose.",
        ]),
        Goal::Take { .. } => random.pick(&[
            "I restore the choice and take it.",
            "I put the choice together again and take the items right away.",
            "So I define it again and take the items.",
            "The choice comes first again, then the taking.",
            "I make the selection once more in this block and take it here.",
            "I need the selection and the taking in the same block.",
            "Again, then, and this time with the taking behind it.",
            "I write the selection anew, followed by the loop that takes it.",
            "What was chosen has to be defined here; then I take it.",
        ]),
        Goal::Finish => "I finish.",
    }
}
