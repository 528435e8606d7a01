//! The part of the graph that was seen, and ways through it.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// Nodes that were looked around from, in that order, each with its neighbours.
#[derive(Clone, Debug, Default)]
pub struct Map {
    seen: Vec<(String, Vec<String>)>,
}

impl Map {
    /// Records the neighbours of a node.
    pub fn insert(&mut self, node: &str, neighbours: Vec<String>) {
        if !self.contains(node) {
            self.seen.push((node.to_owned(), neighbours));
        }
    }

    /// Whether a node was looked around from.
    pub fn contains(&self, node: &str) -> bool {
        self.neighbours(node).is_some()
    }

    /// Whether a node was seen, if only from its neighbour.
    pub fn shows(&self, node: &str) -> bool {
        self.seen.iter().any(|(_, near)| near.iter().any(|other| other == node))
    }

    /// The nodes that were looked around from, with their neighbours.
    pub fn nodes(&self) -> &[(String, Vec<String>)] {
        &self.seen
    }

    fn neighbours(&self, node: &str) -> Option<&[String]> {
        self.seen.iter().find(|(seen, _)| seen == node).map(|(_, near)| near.as_slice())
    }

    /// A shortest known way to every node that can be reached from `origin`, nearest first. A way holds the nodes after
    /// `origin`.
    fn ways<'map>(&'map self, origin: &'map str) -> Vec<(&'map str, Vec<&'map str>)> {
        let mut ways = vec![(origin, Vec::new())];
        let mut found = HashSet::from([origin]);
        let mut next = 0;
        while let Some((node, way)) = ways.get(next).cloned() {
            for near in self.neighbours(node).unwrap_or_default().iter().map(String::as_str) {
                if found.insert(near) {
                    ways.push((near, [way.as_slice(), &[near]].concat()));
                }
            }
            next += 1;
        }
        ways
    }

    /// The way to go next: to the goal if it was seen; otherwise to the unseen node farthest from `start`, and among
    /// those to the nearest. Empty if there is nowhere to go.
    pub fn way_on(&self, here: &str, start: &str, goal: &str) -> Vec<String> {
        let ways = self.ways(here);
        let depths: HashMap<&str, usize> =
            self.ways(start).into_iter().map(|(node, way)| (node, way.len())).collect();
        let unseen = ways.iter().filter(|(node, _)| !self.contains(node));
        let best = (ways.iter().find(|(node, _)| *node == goal))
            .or_else(|| unseen.min_by_key(|(node, way)| (Reverse(depths.get(node)), way.len())));
        best.map(|(_, way)| way.iter().map(|&node| node.to_owned()).collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(edges: &[(&str, &str)]) -> Map {
        let mut map = Map::default();
        for (node, near) in edges {
            map.insert(node, near.split(',').map(str::to_owned).collect());
        }
        map
    }

    #[test]
    fn the_way_on_leads_to_the_goal_or_into_the_depth() {
        // a - b - c, and d beside a; c and d are unseen.
        let known = map(&[("a", "b,d"), ("b", "a,c")]);
        assert_eq!(known.way_on("b", "a", "g"), ["c"]);
        assert_eq!(known.way_on("a", "a", "g"), ["b", "c"], "farther from the start is better");
        assert_eq!(known.way_on("b", "a", "d"), ["a", "d"], "the goal was seen");
        assert!(map(&[("a", "b"), ("b", "a")]).way_on("a", "a", "g").is_empty());
        assert!(known.shows("d") && !known.contains("d") && !known.shows("g"));
    }
}
