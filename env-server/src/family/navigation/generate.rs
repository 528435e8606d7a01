//! Drawing navigation tasks.
//!
//! Nodes are in layers 0 to K, and an edge joins only nodes whose layers differ by at most 1. The start is the first node
//! drawn in layer 0, and the goal is the only node in layer K, so every path between them has at least K steps. The base
//! path has one node in every layer, and exactly K steps.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::config::Config;
use crate::family::drawn::Drawn;
use crate::family::object::object;
use crate::family::stream::Stream;

/// Probability that a new extra node gets a second edge.
const SECOND_EDGE: f64 = 0.35;

struct Graph {
    /// In the order in which they were drawn: the base path first.
    nodes: Vec<String>,
    /// The layer of each node.
    layers: Vec<usize>,
    /// Pairs of positions, smaller first.
    edges: BTreeSet<(usize, usize)>,
}

impl Graph {
    fn join(&mut self, a: usize, b: usize) {
        self.edges.insert((a.min(b), a.max(b)));
    }

    fn near(&self, a: usize, b: usize) -> bool {
        self.layers[a].abs_diff(self.layers[b]) <= 1
    }
}

/// Draws one task.
pub(crate) fn draw(config: &Config, stream: &mut Stream) -> Drawn {
    let horizon = stream.integer(config.horizon.low, config.horizon.high) as usize;
    let extra_nodes = stream.integer(config.extra_nodes.low, config.extra_nodes.high) as usize;
    let extra_edge_factor = stream.real(config.extra_edge_factor.low, config.extra_edge_factor.high);
    let graph = draw_graph(horizon, extra_nodes, extra_edge_factor, stream);
    let max_steps = (config.max_steps_multiplier * horizon as f64).ceil() as i64;
    write(&graph, horizon, extra_nodes, extra_edge_factor, max_steps)
}

fn draw_graph(horizon: usize, extra_nodes: usize, extra_edge_factor: f64, stream: &mut Stream) -> Graph {
    let base = horizon + 1;
    let mut graph = Graph {
        nodes: stream.opaque_ids("node_", base + extra_nodes),
        layers: (0..base).collect(),
        edges: (1..base).map(|node| (node - 1, node)).collect(),
    };
    for node in base..base + extra_nodes {
        graph.layers.push(stream.integer(0, horizon as i64 - 1) as usize);
        // Never empty: the base path has a node in every layer.
        let mut near: Vec<usize> = (0..node).filter(|&other| graph.near(node, other)).collect();
        let first = *stream.choose(&near);
        graph.join(node, first);
        near.retain(|&other| other != first);
        if !near.is_empty() && stream.chance(SECOND_EDGE) {
            let second = *stream.choose(&near);
            graph.join(node, second);
        }
    }
    let mut missing = Vec::new();
    for b in 0..graph.nodes.len() {
        for a in (0..b).filter(|&a| graph.near(a, b)) {
            if !graph.edges.contains(&(a, b)) {
                missing.push((a, b));
            }
        }
    }
    let added = (extra_edge_factor * missing.len() as f64).round_ties_even() as usize;
    graph.edges.extend(stream.sample(&missing, added));
    graph
}

fn write(graph: &Graph, horizon: usize, extra_nodes: usize, extra_edge_factor: f64, max_steps: i64) -> Drawn {
    let Graph { nodes, layers, edges } = graph;
    let mut adjacency: BTreeMap<&String, BTreeSet<&String>> =
        nodes.iter().map(|node| (node, BTreeSet::new())).collect();
    for &(a, b) in edges {
        adjacency.entry(&nodes[a]).or_default().insert(&nodes[b]);
        adjacency.entry(&nodes[b]).or_default().insert(&nodes[a]);
    }
    let layer: BTreeMap<&String, &usize> = nodes.iter().zip(layers).collect();
    let path = &nodes[..=horizon];
    Drawn {
        difficulty: object([
            ("extra_edge_factor", json!(extra_edge_factor)),
            ("extra_nodes", json!(extra_nodes)),
            ("horizon_K", json!(horizon)),
            ("n_nodes", json!(nodes.len())),
        ]),
        public: object([
            ("goal_node", json!(nodes[horizon])),
            ("max_steps", json!(max_steps)),
            (
                "notes",
                Value::from("Edges go both ways and walks can loop; nothing records where you have been."),
            ),
            ("start_node", json!(nodes[0])),
        ]),
        private: object([
            ("adjacency", json!(adjacency)),
            ("layer", json!(layer)),
            ("one_shortest_path", json!(path)),
        ]),
        reference: object([("one_shortest_path", json!(path)), ("shortest_path_length", json!(horizon))]),
        title: "Navigation: reach the goal of an unknown graph in as few steps as possible",
        output_format: "No text answer: the node stood on when finish() is called is the answer.",
    }
}
