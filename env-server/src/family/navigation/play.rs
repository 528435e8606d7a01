//! Playing a navigation task.

use std::collections::{BTreeMap, BTreeSet};

use fields::{Entries, Fields, Place};
use proto::run::Evaluation;
use proto::task::{TaskFile, ToolSpec};
use sandbox::ToolError;
use serde_json::{Map, Value, json};

use super::tools::tools;
use crate::family::environment::{Environment, FINISH};
use crate::family::object::object;
use crate::tool::{self, Bound};

/// One episode's walk.
#[derive(Clone, Debug)]
pub struct Navigation {
    public: Map<String, Value>,
    tools: Vec<ToolSpec>,
    neighbours: BTreeMap<String, BTreeSet<String>>,
    start: String,
    goal: String,
    max_steps: i64,
    optimal_steps: i64,
    position: String,
    steps: i64,
    visited: BTreeSet<String>,
}

impl Navigation {
    /// A walk that is at its start; `None` after recording what is malformed.
    pub(crate) fn open(task: &TaskFile, root: &Place<'_>) -> Option<Self> {
        let public = Fields::of(&task.public, &root.key("public"));
        let start = public.required::<String>("start_node");
        let goal = public.required::<String>("goal_node");
        let max_steps = public.required::<i64>("max_steps").and_then(|steps| match steps {
            0.. => Some(steps),
            _ => public.at("max_steps").fail(format!("must not be negative, found {steps}")),
        });
        let private = Fields::of(&task.private, &root.key("private"));
        let adjacency = private.required::<Entries<Vec<String>>>("adjacency");
        let reference = Fields::of(&task.reference, &root.key("reference"));
        let optimal_steps = reference.required::<i64>("shortest_path_length").and_then(|steps| match steps {
            1.. => Some(steps),
            _ => reference.at("shortest_path_length").fail(format!("must be positive, found {steps}")),
        });

        let neighbours: BTreeMap<String, BTreeSet<String>> =
            adjacency?.0.into_iter().map(|(node, near)| (node, near.into_iter().collect())).collect();
        let (start, goal) = (start?, goal?);
        for (node, place) in [(&start, public.at("start_node")), (&goal, public.at("goal_node"))] {
            if !neighbours.contains_key(node) {
                place.fail::<()>(format!("{node} is not in private.adjacency"));
            }
        }
        for (node, near) in &neighbours {
            for other in near.iter().filter(|other| !neighbours.contains_key(*other)) {
                let place = private.at("adjacency").key(node);
                place.fail::<()>(format!("its neighbour {other} is not in private.adjacency"));
            }
        }
        Some(Self {
            public: task.public.clone(),
            tools: tools(),
            neighbours,
            position: start.clone(),
            visited: BTreeSet::from([start.clone()]),
            start,
            goal,
            max_steps: max_steps?,
            optimal_steps: optimal_steps?,
            steps: 0,
        })
    }

    fn scan(&self) -> String {
        let near: Vec<&str> = self.neighbours[&self.position].iter().map(String::as_str).collect();
        near.join(",")
    }

    fn walk(&mut self, node_id: &str) -> Result<(), ToolError> {
        if self.steps >= self.max_steps {
            return Err(tool::runtime_error(format!("Max steps ({}) exceeded.", self.max_steps)));
        }
        if !self.neighbours[&self.position].contains(node_id) {
            return Err(tool::runtime_error(format!("Node {node_id} is not adjacent to {}.", self.position)));
        }
        self.steps += 1;
        self.position = node_id.to_owned();
        self.visited.insert(node_id.to_owned());
        Ok(())
    }
}

impl Environment for Navigation {
    fn tools(&self) -> &[ToolSpec] {
        &self.tools
    }

    fn goal(&self) -> String {
        format!(
            "You stand on node {start} of a graph that you cannot see. Walk to node {goal} in as few steps \
             as you can.\n\
             \n\
             Rules:\n\
             - Edges go both ways. From a node you can see only which nodes are next to it.\n\
             - Step limit: at most {limit} moves. Going back is a move like any other.\n\
             - The task is solved if you stand on the goal at the end; the fewer moves, the better.\n\
             \n\
             When you stand on the goal, call finish().",
            start = self.start,
            goal = self.goal,
            limit = self.max_steps,
        )
    }

    fn public(&self) -> &Map<String, Value> {
        &self.public
    }

    fn call(&mut self, tool: &str, arguments: &[Bound]) -> Result<Value, ToolError> {
        match (tool, arguments) {
            ("scan", []) => Ok(self.scan().into()),
            ("move", [Bound::Text(node_id)]) => self.walk(node_id).map(|()| Value::Null),
            (FINISH, []) => Ok(Value::Null),
            _ => Err(tool::unknown_tool(tool)),
        }
    }

    fn evaluate(&self) -> Evaluation {
        let is_solved = self.position == self.goal;
        let score = if is_solved {
            // No moves at all if the task begins on its goal.
            (self.optimal_steps as f64 / self.steps.max(1) as f64).min(1.0)
        } else {
            0.0
        };
        Evaluation {
            is_solved,
            score,
            metrics: object([
                ("optimal_steps", json!(self.optimal_steps)),
                ("step_limit", json!(self.max_steps)),
                ("steps_taken", json!(self.steps)),
                ("visited_unique", json!(self.visited.len())),
            ]),
        }
    }

    fn budget_left(&self) -> BTreeMap<String, i64> {
        BTreeMap::from([("moves".to_owned(), self.max_steps - self.steps)])
    }

    fn fork(&self) -> Box<dyn Environment> {
        Box::new(self.clone())
    }
}
