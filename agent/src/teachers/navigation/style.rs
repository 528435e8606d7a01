//! What stays the same in a whole episode of a policy that writes Python.

use super::task::Task;
use crate::teachers::policy::Habit;
use crate::teachers::random::Random;

/// Blocks in which an episode should be over, at most.
const BLOCKS: usize = 12;

/// How an episode is played and written. Both habits of a style draw the same from a seed.
#[derive(Debug)]
pub struct Style {
    /// The names in the code.
    pub names: Names,
    /// Tool calls with which a block explores.
    pub calls: usize,
    /// Whether the block that reaches the goal finishes.
    pub finishes_at_once: bool,
    /// Whether code has comments.
    pub comments: bool,
}

/// The names of one episode. No two lists share a name, and none holds a name that is fixed in the code.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// What was seen: node -> neighbours.
    pub graph: &'static str,
    /// Where the walk stands.
    pub here: &'static str,
    /// Where it began.
    pub start: &'static str,
    /// Where it should end.
    pub goal: &'static str,
    /// Moves that are left.
    pub left: &'static str,
    /// The function that finds ways.
    pub ways: &'static str,
    /// The function that explores.
    pub explore: &'static str,
}

impl Style {
    /// Draws a style.
    pub fn draw(task: &Task, habit: Habit, random: &mut Random) -> Self {
        let names = Names {
            graph: random.pick(&["graph", "seen", "known", "nodes"]),
            here: random.pick(&["here", "position", "current", "place"]),
            start: random.pick(&["start", "begin", "first", "home"]),
            goal: random.pick(&["goal", "destination", "end", "finish_node"]),
            left: random.pick(&["left", "moves_left", "budget", "remaining"]),
            ways: random.pick(&["ways", "routes", "paths", "ways_from"]),
            explore: random.pick(&["explore", "advance", "go_on", "walk"]),
        };
        // A node costs a move and a look, and some moves lead back.
        let enough = (2 * task.max_moves).div_ceil(BLOCKS);
        let base = if habit.is_plain() { 4 } else { random.between(5, 9) };
        // Finishing takes a call, too.
        let finishes_at_once = !habit.is_plain() && task.calls > 4 && random.pick(&[true, false]);
        let most = task.calls - usize::from(finishes_at_once);
        let calls = base.max(enough).clamp(1, most.max(1));
        Self { names, calls, finishes_at_once, comments: !habit.is_plain() }
    }
}
