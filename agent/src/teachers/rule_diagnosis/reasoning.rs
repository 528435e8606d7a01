//! The sentences before a block.

use std::fmt::Display;

use super::goal::Goal;
use super::kind::Kind;
use super::state::State;
use super::style::Style;
use super::task::Task;
use crate::teachers::policy::Habit;
use crate::teachers::random::Random;
use crate::teachers::text::Count;
use crate::teachers::trouble::lost;

/// The sentences before the next block.
pub fn write(habit: Habit, task: &Task, style: &Style, state: &State, random: &mut Random) -> String {
    let formula = state.rules.first().map(|rule| rule.formula()).unwrap_or_default();
    let inputs: Vec<String> = style.first.iter().map(i64::to_string).collect();
    let values: [(&str, &dyn Display); 7] = [
        ("probes", &Count(task.budget - state.seen.len().min(task.budget), "probe")),
        ("inputs", &inputs.join(" and ")),
        ("answers", &Count(state.seen.len(), "answer")),
        ("count", &state.count),
        ("formula", &formula),
        ("seen", &style.names.seen),
        ("helper", &style.names.probe),
    ];
    if state.goal == Goal::Finish {
        return random.pick(ending(state)).to_owned();
    }
    if let (Some(name), true) = (&state.trouble.missing, habit.relies_on_names()) {
        return format!("{} {}", lost(name, random), random.phrase(RECOVERING, &values));
    }
    if state.trouble.failures > 0 || state.trouble.missing.is_some() {
        return random
            .pick(&[
                "That did not work; I try it again.",
                "The block failed, so I run it once more.",
                "An error. Once more, with all that the block needs in it.",
            ])
            .to_owned();
    }
    let mut options = what(task, state).to_vec();
    if !habit.is_plain() {
        options.extend(if habit.relies_on_names() { with_names(state) } else { with_outputs(state) });
    }
    random.phrase(&options, &values)
}

/// How an episode ends.
fn ending(state: &State) -> &'static [&'static str] {
    if state.is_solved { &SOLVED } else { &UNSOLVED }
}

/// After a right submission.
pub const SOLVED: [&str; 7] = [
    "The submission was right, so I finish.",
    "True: the rule is found. I end the task.",
    "That was right. One call remains.",
    "The parameters are right; nothing is left to do.",
    "Solved. I call finish().",
    "Confirmed by the submission. Finishing.",
    "I am done, so I say so.",
];

/// If no rule can be found.
pub const UNSOLVED: [&str; 3] = [
    "I can't find the rule with the probes that I have. I finish.",
    "No rule that I know of fits any more, so I end the task here.",
    "I leave it at that and end the task.",
];

const RECOVERING: &[&str] = &[
    "The outputs hold the {answers} so far; I write them down again and go on.",
    "I restore it from the outputs above and repeat the step.",
    "What I need was printed, so I define it once more in this block.",
    "I set it up anew with the printed answers.",
    "The printed numbers are all that is needed. They go into this block.",
];

/// What the next block does: sentences for every habit.
fn what(task: &Task, state: &State) -> &'static [&'static str] {
    match (&state.goal, task.kind) {
        (Goal::Probe(_), Kind::Linear) if task.budget > 1 => &[
            "Two answers determine a line. I test {inputs}.",
            "The rule is a * x + b, so two inputs tell both parameters: {inputs}.",
            "I have {probes}. The first go to {inputs}.",
        ],
        (Goal::Probe(_), Kind::Linear) => &[
            "There is a single probe, so I test a large input: b is small beside it.",
            "One answer has to tell both parameters. At {inputs}, a is the rounded quotient.",
            "With one probe I test {inputs}: the thousands are a, and the rest is b.",
        ],
        (Goal::Probe(_), Kind::Affine) => &[
            "The answer at 0 is b, and the one at 1 tells a for every modulus. I test both.",
            "I begin with {inputs}: they leave one rule for each modulus.",
            "I have {probes}. The first go to {inputs}.",
        ],
        (Goal::Solve { probes: true }, Kind::Linear) => &[
            "I compute a and b, and confirm them at one more input.",
            "The slope is a and the rest is b. One more probe shows whether that is the rule.",
            "Now a and b, and a check: {probes} left.",
        ],
        (Goal::Solve { probes: false }, Kind::Linear) => &[
            "I compute a and b from the answers.",
            "The answers determine a and b.",
            "No probes are left, and none are needed: a and b follow.",
        ],
        (Goal::Solve { probes: true }, Kind::Affine) if state.rules.is_empty() => &[
            "I list the rules that fit and test the input at which they differ most.",
            "One rule for each modulus is left. The next probe should tell as many apart as possible.",
            "Which moduli are possible? I test where the candidates disagree.",
        ],
        (Goal::Solve { probes: true }, Kind::Affine) => &[
            "{count} rules still fit. I test where they differ most.",
            "There are {count} candidates and {probes}. One more input tells them apart.",
            "{count} are left, so I probe once more.",
        ],
        (Goal::Solve { probes: false }, Kind::Affine) => &[
            "No probes are left. I list the rules that fit.",
            "I see which rules fit all answers.",
            "The answers have to suffice: which rules fit?",
        ],
        (Goal::Submit { from: 0 }, _) if state.count == 1 => &[
            "I submit {formula}.",
            "The rule is {formula}. I submit it.",
            "Only {formula} fits, so I submit that.",
        ],
        (Goal::Submit { from: 0 }, _) => &[
            "{count} rules fit, and no probes are left. I submit them one after the other.",
            "I can't tell the {count} rules apart any more, so I try them until one is right.",
            "Several fit; each can be submitted. I stop at the right one.",
        ],
        (Goal::Submit { .. } | Goal::Finish, _) => &["I submit the next ones.", "On with the rest of them."],
    }
}

/// More sentences of the persistent habit.
fn with_names(state: &State) -> &'static [&'static str] {
    match state.goal {
        Goal::Probe(_) if !state.has_begun => &[
            "I keep the answers in `{seen}` and write a helper, `{helper}`, that tests inputs.",
            "Setup first: a store for the answers and a function for probing. It starts with {inputs}.",
            "`{helper}` tests and remembers; I run it on {inputs}.",
            "Later steps need the answers, so they go into `{seen}`.",
        ],
        Goal::Probe(_) => &["`{helper}` again, for the next input.", "On with the other input."],
        Goal::Solve { .. } => &[
            "The answers are in `{seen}`; the rest is arithmetic.",
            "From `{seen}` I work out the parameters.",
            "`{seen}` has {answers}. What fits them?",
        ],
        Goal::Submit { .. } | Goal::Finish => &[
            "The parameters are in variables. I submit them.",
            "Now the submission, with the values computed before.",
        ],
    }
}

/// More sentences of the reset habit.
fn with_outputs(state: &State) -> &'static [&'static str] {
    match state.goal {
        Goal::Probe(_) => &[
            "I test {inputs} and print the answers, since only the output will be there later.",
            "Nothing is kept between blocks, so every answer is printed.",
            "I print each input with its answer, in a form that I can copy.",
            "My notes have to be in the outputs. First come {inputs}.",
        ],
        Goal::Solve { .. } => &[
            "I copy the {answers} from the outputs and work out the parameters.",
            "The variables are gone, the outputs are not: {answers} go back into the block.",
            "With the printed answers written down again, the rest is arithmetic.",
        ],
        Goal::Submit { .. } | Goal::Finish => &[
            "I write down the parameters that were printed, and submit them.",
            "The printed values go into the block and are submitted.",
        ],
    }
}
