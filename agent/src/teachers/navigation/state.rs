//! Where an episode of a policy that writes Python stands.

use super::map::Map;
use super::task::Task;
use crate::teachers::conversation::Observation;
use crate::teachers::text::words;
use crate::teachers::trouble::Trouble;

/// Where the episode stands, as far as the outputs show.
#[derive(Debug)]
pub struct State {
    /// What was seen.
    pub map: Map,
    /// The node where the walk stands.
    pub here: String,
    /// Moves that are left.
    pub left: usize,
    /// Whether a block has run to its end.
    pub has_begun: bool,
    /// What went wrong in the last blocks.
    pub trouble: Trouble,
}

impl State {
    /// The state before the first turn.
    pub fn new(task: &Task) -> Self {
        Self {
            map: Map::default(),
            here: task.start.clone(),
            left: task.max_moves,
            has_begun: false,
            trouble: Trouble::default(),
        }
    }

    /// Takes in the result of a block.
    pub fn observe(&mut self, task: &Task, observation: &Observation) {
        if !self.trouble.observe(observation) || self.is_over(task) {
            return;
        }
        self.has_begun = true;
        for line in observation.output.lines() {
            let found: Vec<&str> = words(line).collect();
            match found[..] {
                // `at node_x, 9 moves left`
                ["at", node, left, "moves", "left"] => {
                    node.clone_into(&mut self.here);
                    self.left = left.parse().unwrap_or(0);
                }
                // `node_x ['node_y', 'node_z']`
                [node, ref near @ ..] => {
                    self.map.insert(node, near.iter().map(|&near| near.to_owned()).collect());
                }
                [] => {}
            }
        }
    }

    /// Whether there is nothing left to do but to finish.
    pub fn is_over(&self, task: &Task) -> bool {
        self.has_arrived(task) || self.left == 0 || self.trouble.gives_up()
    }

    /// Whether the walk stands on the goal.
    pub fn has_arrived(&self, task: &Task) -> bool {
        self.here == task.goal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_become_a_map() {
        let task = Task { start: "n_1".into(), goal: "n_3".into(), max_moves: 5, calls: 25 };
        let mut state = State::new(&task);
        let output = "n_1 ['n_2']\nn_2 ['n_1', 'n_4']\nat n_4, 3 moves left\n".to_owned();
        state.observe(&task, &Observation { output, error: None });
        assert_eq!((state.here.as_str(), state.left, state.map.nodes().len()), ("n_4", 3, 2));
        assert!(state.map.shows("n_4") && !state.is_over(&task));
        let output = "at n_3, 2 moves left\n".to_owned();
        state.observe(&task, &Observation { output, error: None });
        assert!(state.is_over(&task) && state.has_arrived(&task));
    }
}
