//! The sentences before a block of the reset policy.

use super::state::State;
use super::style::Style;
use crate::teachers::knapsack::closing;
use crate::teachers::knapsack::goal::Goal;
use crate::teachers::knapsack::task::Task;
use crate::teachers::random::Random;
use crate::teachers::text::Items;

/// The sentences before the next block.
pub fn write(task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    let text = if state.failures > 0 && state.goal != Goal::Finish {
        random
            .pick(&[
                "That did not work; I try it again.",
                "The block failed, so I run it once more.",
                "An error. Once more, with all that the block needs in it.",
                "It stopped early. I repeat it.",
            ])
            .to_owned()
    } else {
        plan(task, style, state, random)
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
                "I take the result here, where it is defined.",
                "Taking it belongs into this block: the next one would not have it.",
            ]);
            format!("{} {then}", choose(task, style, state, random))
        }
        Goal::Take { .. } => take(task, state, random),
        Goal::Finish => closing::alone(state.ending(), random).to_owned(),
    }
}

fn begin(task: &Task, style: &Style, to: usize, random: &mut Random) -> String {
    let mut options = vec![
        "To begin, I inspect a first batch and print every item in full.",
        "Nothing is kept between blocks, so what I print now is what I will have later.",
        "Class, weight and value are hidden. I inspect and print them in a form that I can copy.",
        "There are {n} items, and {look} of them can be inspected. I print all I see.",
        "The capacity is {capacity}; what the items weigh and are worth I have to look up first.",
        "My notes have to be in the outputs: I print one line an item, ready to be pasted.",
        "I need the facts of {look} items. Each block will inspect some and print them.",
        "First some facts. Whatever I learn goes into the output, since the variables will be gone.",
        "I begin with inspecting, and print each item as Python, for the next block to paste.",
    ];
    options.extend(if style.pastes_ids {
        [
            "The ids are in the task, so I paste them and inspect a first batch.",
            "I copy the {n} ids from the task and look at some of them.",
            "With the ids from the task written out, I can start inspecting.",
            "All {n} ids stand in the task; I put them into the block.",
            "I write the ids down, inspect a few and print what they are.",
        ]
    } else {
        [
            "I list the items and print what I see, to have it for later blocks.",
            "First I list the ids, then I print each inspected item as a line that I can copy.",
            "The block lists the items, inspects a few and prints them.",
            "Listing the items is free, so each block can do it again. This one starts.",
            "I get the {n} ids from list_items() and look at some of them.",
        ]
    });
    let first = random.phrase(
        &options,
        &[("n", &task.ids.len()), ("look", &task.to_inspect()), ("capacity", &task.capacity)],
    );
    let then = random.phrase(
        &[
            "This block takes {batch}.",
            "I start with {batch}.",
            "{batch} to begin with.",
            "The first {batch} now.",
            "{batch} at once will do.",
            "First come {batch}.",
        ],
        &[("batch", &Items(to))],
    );
    format!("{first} {then}")
}

fn inspect(task: &Task, style: &Style, state: &State, from: usize, to: usize, random: &mut Random) -> String {
    let mut options = if to == task.to_inspect() {
        vec![
            "The last batch, with the {from} items seen so far written out, so that they are skipped.",
            "{from} items are known and copied in; the last ones are inspected now.",
            "{batch} left. The {from} known ones are in the block, to be left out.",
            "One more batch. What the outputs showed is pasted, and the rest is inspected.",
            "This is the rest: {batch} that are not among the {from} I copy in.",
            "With {from} of {look} seen, the remaining {batch} come now.",
            "I paste the {from} items again and look at what is still missing.",
            "The final {batch}, found by skipping all that is written down.",
            "Only {batch} are unknown; the block finds them with the help of the known ones.",
        ]
    } else {
        vec![
            "I carry the {from} items seen so far and inspect {batch} that are not among them.",
            "With the items from the outputs above copied in, I look at {count} more.",
            "Next batch. The block holds the {from} known items, so that it can skip them.",
            "{from} items are known; I write them down again and add the next {count}.",
            "{from} seen, {left} to go. The seen ones are pasted and skipped.",
            "I copy what was printed and go on with {batch} that I have not seen.",
            "The next {batch}. To know which are new, the block needs the {from} old ones.",
            "That worked. I take the {from} items over and inspect {batch} more.",
            "{left} of {look} are unknown. I paste the known ones and inspect {count} others.",
            "The variables are gone, the outputs are not: {from} items go back into the block.",
            "I paste the {from} items that I have and leave them out of this batch of {count}.",
            "Again a block of its own: ids, the {from} known items, and {count} new inspections.",
            "More items: {count}. The known {from} stand at the top.",
        ]
    };
    options.extend([
        "{allowed} of the {from} so far are allowed. They are all copied in, and {batch} more inspected.",
        "Up to now {allowed} can be taken. I write down all {from} and skip them; {count} come next.",
    ]);
    if style.sums_up {
        options.extend([
            "I copy the {from} items, inspect {batch} more and count what is allowed.",
            "{from} known, {allowed} of them allowed. The block adds {batch} and counts again.",
        ]);
    }
    random.phrase(
        &options,
        &[
            ("from", &from),
            ("left", &(task.to_inspect() - from)),
            ("look", &task.to_inspect()),
            ("count", &(to - from)),
            ("batch", &Items(to - from)),
            ("allowed", &state.allowed(task)),
        ],
    )
}

fn choose(task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    let options = if style.copies_all {
        [
            "I copy all {known} items from the outputs and compute the best allowed set within the capacity.",
            "Everything is known. I paste the {known} items, filter by class and solve the knapsack exactly.",
            "Now the choice: all items as a literal, the allowed ones of them, then dynamic programming.",
            "The {known} items go into the block once more; {allowed} are allowed, and {capacity} is the limit.",
            "Inspecting is over. With the {known} items pasted, the best set is a matter of arithmetic.",
            "I write down what every output showed and let the block pick what fits into {capacity}.",
            "All that was printed comes together here: {known} items, of which the code keeps the allowed.",
            "One block for the choice, with the items, the allowed classes and the capacity of {capacity}.",
            "An exact knapsack needs all the facts at once, so I paste all {known} items.",
        ]
    } else {
        [
            "I copy the allowed items from the outputs and compute the best set within the capacity.",
            "All items are known. With the allowed ones written out, I solve the knapsack exactly.",
            "Now the choice: the allowed items as a literal, then dynamic programming.",
            "{allowed} of {known} items are allowed; only those are copied. The limit is {capacity}.",
            "Of the {known} items I need the {allowed} that may be taken, with weight and value.",
            "I paste the {allowed} candidates and look for the most valuable set that weighs at most {capacity}.",
            "Inspecting is over: {allowed} items can be taken, and {capacity} is the capacity.",
            "The other classes don't matter any more. {allowed} items, capacity {capacity}, exact solution.",
            "I pick the allowed items out of the outputs by hand and solve for {capacity}.",
        ]
    };
    random.phrase(
        &options,
        &[("known", &state.rows.len()), ("allowed", &state.allowed(task)), ("capacity", &task.capacity)],
    )
}

fn take(task: &Task, state: &State, random: &mut Random) -> String {
    let mut options = vec![
        "I copy the chosen ids from the output and take them.",
        "These are the best items; I write their ids out and take each.",
        "Now I take the ids that were printed.",
        "The printed ids go into the block, and each is taken.",
        "I paste the selection and loop over it.",
        "The selection is in the output; from there I copy it.",
    ];
    if state.total.is_some() && state.chosen.len() <= task.calls {
        options.extend([
            "The best value is {total}, from {count}. I copy their ids and take them.",
            "{count} worth {total} together: I paste their ids and take each.",
            "A value of {total}. I write the {count} down and take them.",
            "{total} is the optimum within {capacity}. I take the {count} that make it.",
            "So it is {count}. Their ids come from the output above.",
            "I take the {count} that the choice printed; they are worth {total}.",
        ]);
    }
    random.phrase(
        &options,
        &[
            ("total", &state.total.unwrap_or_default()),
            ("count", &Items(state.chosen.len())),
            ("capacity", &task.capacity),
        ],
    )
}
