//! The `navigation` section of a generator config.

use fields::Fields;
use serde_json::{Map, Value, json};

use crate::family::object::object;
use crate::family::range::Range;

/// How navigation tasks are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Length of the shortest path from start to goal, in steps.
    pub horizon: Range<i64>,
    /// Nodes that are not on that path.
    pub extra_nodes: Range<i64>,
    /// Share of the missing edges that are added.
    pub extra_edge_factor: Range<f64>,
    /// Step limit as a multiple of the shortest path.
    pub max_steps_multiplier: f64,
}

/// Edges are drawn from all pairs of neighbouring layers.
const MAX_NODES: i64 = 1_000;
const MAX_EDGES: f64 = 100_000.0;

impl Config {
    pub(crate) fn read(fields: &Fields<'_>) -> Option<Self> {
        let horizon = fields
            .required::<Range<i64>>("horizon_range")
            .and_then(|range| range.within(1, MAX_NODES, &fields.at("horizon_range")));
        let extra_nodes = fields
            .required::<Range<i64>>("extra_nodes_range")
            .and_then(|range| range.within(0, MAX_NODES, &fields.at("extra_nodes_range")));
        let extra_edge_factor = fields
            .required::<Range<f64>>("extra_edge_factor_range")
            .and_then(|range| range.within(0.0, 1.0, &fields.at("extra_edge_factor_range")));
        let max_steps_multiplier = fields.required::<f64>("max_steps_multiplier").and_then(|number| {
            if (1.0..=1_000.0).contains(&number) {
                return Some(number);
            }
            fields
                .at("max_steps_multiplier")
                .fail(format!("must be at least 1 (and at most 1000), found {number}"))
        });
        let (extra_nodes, extra_edge_factor) = (extra_nodes?, extra_edge_factor?);
        if extra_edge_factor.high * (extra_nodes.high * extra_nodes.high) as f64 > MAX_EDGES {
            return fields.at("extra_nodes_range").fail(format!(
                "too many edges: extra nodes * extra nodes * extra edge factor must be at most {MAX_EDGES}"
            ));
        }
        Some(Self {
            horizon: horizon?,
            extra_nodes,
            extra_edge_factor,
            max_steps_multiplier: max_steps_multiplier?,
        })
    }

    pub(crate) fn settings(&self) -> Map<String, Value> {
        object([
            ("extra_edge_factor_range", self.extra_edge_factor.into()),
            ("extra_nodes_range", self.extra_nodes.into()),
            ("horizon_range", self.horizon.into()),
            ("max_steps_multiplier", json!(self.max_steps_multiplier)),
        ])
    }
}
