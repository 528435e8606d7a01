//! What stays the same in a whole episode of a policy that writes Python.

use super::kind::Kind;
use super::task::Task;
use crate::teachers::policy::Habit;
use crate::teachers::random::Random;

/// How an episode is played and written. Both habits of a style draw the same from a seed.
#[derive(Debug)]
pub struct Style {
    /// The names in the code.
    pub names: Names,
    /// The first inputs to probe.
    pub first: Vec<i64>,
    /// The input that confirms `a * x + b`.
    pub check: i64,
    /// Whether the block with the right submission finishes.
    pub finishes_at_once: bool,
    /// Whether code has comments.
    pub comments: bool,
}

/// The names of one episode. No two lists share a name, and none holds a name that is fixed in the code.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// What was probed: x -> answer.
    pub seen: &'static str,
    /// The function that probes.
    pub probe: &'static str,
    /// The rules that fit.
    pub rules: &'static str,
    /// Whether a submission was right.
    pub right: &'static str,
}

/// An input so large that a single answer tells `a` and `b`.
pub const LARGE: i64 = 1_000;

impl Style {
    /// Draws a style.
    pub fn draw(task: &Task, habit: Habit, random: &mut Random) -> Self {
        let names = Names {
            seen: random.pick(&["seen", "answers", "known", "data"]),
            probe: random.pick(&["probe", "test", "ask", "look"]),
            rules: random.pick(&["rules", "candidates", "fits", "options"]),
            right: random.pick(&["right", "ok", "solved", "correct"]),
        };
        let pairs = [[0, 1], [0, 1], [1, 2], [0, 10], [-1, 1]];
        let pair = if habit.is_plain() { pairs[0] } else { random.pick(&pairs) };
        let first = match (task.kind, task.budget) {
            (Kind::Linear, 1) => vec![LARGE],
            (Kind::Linear, _) => pair.to_vec(),
            (Kind::Affine, budget) => Task::FIRST_OF_AFFINE.into_iter().take(budget).collect(),
        };
        let finishes_at_once = !habit.is_plain() && task.calls > 4 && random.pick(&[true, false]);
        let check = random.pick(&[-17, -12, -7, 5, 7, 12, 13, 17, 20]);
        Self { names, first, check, finishes_at_once, comments: !habit.is_plain() }
    }

    /// How many rules a block submits at most.
    pub fn submissions(&self, task: &Task) -> usize {
        (task.calls - usize::from(self.finishes_at_once)).max(1)
    }
}
