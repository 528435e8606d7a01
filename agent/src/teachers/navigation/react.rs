//! The policy that calls tools.

use super::map::Map;
use super::reasoning::{ARRIVED, STRANDED};
use super::task::Task;
use crate::teachers::answer::{Answer, call, call_with, finish};
use crate::teachers::calls::Called;
use crate::teachers::random::Random;
use crate::teachers::text::Count;

/// Where the walk stands after the calls so far.
struct Walk {
    map: Map,
    here: String,
    left: usize,
    /// Calls in a row that were refused.
    refused: usize,
}

/// After this many refused calls in a row the policy gives up.
const MAX_REFUSED: usize = 3;

impl Walk {
    fn after(task: &Task, called: &[Called]) -> Self {
        let mut walk =
            Self { map: Map::default(), here: task.start.clone(), left: task.max_moves, refused: 0 };
        for call in called {
            walk.refused = if call.answer.is_some() { 0 } else { walk.refused + 1 };
            match (call.tool.as_str(), &call.answer, call.text("node_id")) {
                ("scan", Some(near), _) => {
                    let near = near.split(',').filter(|node| !node.is_empty()).map(str::to_owned);
                    walk.map.insert(&walk.here, near.collect());
                }
                ("move", Some(_), Some(node)) => {
                    node.clone_into(&mut walk.here);
                    walk.left = walk.left.saturating_sub(1);
                }
                _ => {}
            }
        }
        walk
    }
}

/// The next answer: to walk to the next unseen node and look around there, or to walk to the goal and finish.
pub fn answer(task: &Task, called: &[Called], random: &mut Random) -> Answer {
    let walk = Walk::after(task, called);
    if walk.here == task.goal {
        return Answer { text: random.pick(&ARRIVED).to_owned(), calls: vec![finish()] };
    }
    if walk.refused >= MAX_REFUSED {
        return Answer {
            text: "My calls are refused, and trying again would not help. I finish.".to_owned(),
            calls: vec![finish()],
        };
    }
    let way = match walk.map.contains(&walk.here) {
        true => walk.map.way_on(&walk.here, &task.start, &task.goal),
        false => Vec::new(),
    };
    if walk.left == 0 || (way.is_empty() && walk.map.contains(&walk.here)) {
        return Answer { text: random.pick(&STRANDED).to_owned(), calls: vec![finish()] };
    }
    let arrives = way.last() == Some(&task.goal);
    let moves = way.iter().take(walk.left).map(|node| call_with("move", "node_id", node.as_str()));
    let last = if arrives && way.len() <= walk.left { finish() } else { call("scan") };
    let calls = moves.chain([last]).take(task.calls).collect();
    Answer { text: words(task, &walk, &way, random), calls }
}

fn words(task: &Task, walk: &Walk, way: &[String], random: &mut Random) -> String {
    let options: &[&str] = match way {
        [] if walk.map.nodes().is_empty() => &[
            "I look around first.",
            "I am to find {goal}. First I see what is next to the start.",
            "Scanning is free, so I begin with it.",
            "The graph is hidden; what is around {here}?",
            "I have {left} to find the goal. I start by looking around.",
        ],
        [] => &["I look around here.", "What is next to {here}?", "A look around, before I move."],
        [.., last] if *last == task.goal => &[
            "The goal is in sight: {moves}, and I am there.",
            "I have seen the goal, so I walk to it: {moves}.",
            "{goal} is known now. I take the shortest way that I know.",
            "The goal is {moves} away.",
        ],
        [_] => &[
            "{target} is next to me and not seen yet. I go there and look around.",
            "Of the unseen nodes, {target} is farthest from the start. I move there.",
            "Into the depth: {target} next, and a look around.",
            "I go on to {target}; {left} remain.",
            "{nodes} seen and no goal yet. I try {target}.",
        ],
        [..] => &[
            "This leads nowhere new. I go back to {target}, which I have not seen yet.",
            "{target} looks best now, {moves} away over nodes that I know.",
            "A dead end, or nearly one. The unseen node farthest from the start is {target}.",
            "I walk over known nodes to {target} and look around there.",
        ],
    };
    random.phrase(
        options,
        &[
            ("goal", &task.goal),
            ("here", &walk.here),
            ("left", &Count(walk.left, "move")),
            ("moves", &Count(way.len(), "move")),
            ("nodes", &Count(walk.map.nodes().len(), "node")),
            ("target", &way.last().map_or("", String::as_str)),
        ],
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proto::conversation::ToolCall;
    use serde_json::Value;

    use super::*;

    /// Plays a graph to its end; the moves taken, and whether it ended on the goal.
    fn play(task: &Task, edges: &[(&str, &str)]) -> (usize, bool) {
        let mut graph: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (one, other) in edges {
            graph.entry(one).or_default().push(other);
            graph.entry(other).or_default().push(one);
        }
        let (mut here, mut moves, mut called) = (task.start.clone(), 0, Vec::new());
        for turn in 0..40 {
            let answer = answer(task, &called, &mut Random::of_turn(1, turn));
            assert!(!answer.text.contains('{') && answer.calls.len() <= task.calls, "{answer:?}");
            for ToolCall { name, arguments, .. } in answer.calls {
                let arguments: Value = serde_json::from_str(&arguments).unwrap();
                let output = match name.as_str() {
                    "scan" => graph[here.as_str()].join(","),
                    "move" => {
                        let node = arguments["node_id"].as_str().unwrap();
                        assert!(graph[here.as_str()].contains(&node) && moves < task.max_moves);
                        node.clone_into(&mut here);
                        moves += 1;
                        "None".to_owned()
                    }
                    _ => return (moves, here == task.goal),
                };
                let arguments = arguments.as_object().cloned().unwrap();
                called.push(Called { tool: name, arguments, answer: Some(output) });
            }
        }
        panic!("it never finishes")
    }

    fn task(max_moves: usize, calls: usize) -> Task {
        Task { start: "a".into(), goal: "g".into(), max_moves, calls }
    }

    const EDGES: [(&str, &str); 6] = [("a", "b"), ("b", "c"), ("b", "x"), ("x", "y"), ("c", "d"), ("d", "g")];

    #[test]
    fn the_goal_is_found_with_any_limit_of_calls() {
        for calls in [1, 2, 3, 25] {
            let (moves, solved) = play(&task(20, calls), &EDGES);
            assert!(solved && (4..=8).contains(&moves), "{calls} calls a turn: {moves} moves");
        }
    }

    #[test]
    fn it_finishes_when_no_moves_are_left() {
        assert_eq!(play(&task(2, 25), &EDGES), (2, false));
    }
}
