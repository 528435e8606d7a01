//! The part of a plan that was asked for, by the names of stages.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use glob::Pattern;

use super::planner::Plan;
use crate::stage::Stage;

impl Plan {
    /// The stages whose names match a pattern, and all that they need. In a pattern `*` is any text, `?` any
    /// character, and `[ab]` one of these.
    ///
    /// # Errors
    /// If a pattern can't be read, or matches no stage.
    pub fn only(mut self, patterns: &[String]) -> Result<Self> {
        let mut needed = BTreeSet::new();
        for text in patterns {
            let pattern = Pattern::new(text).with_context(|| format!("--only {text}"))?;
            let mut matching = self.stages.iter().filter(|stage| pattern.matches(&stage.name)).peekable();
            if matching.peek().is_none() {
                let names: Vec<&str> = self.stages.iter().map(|stage| stage.name.as_str()).collect();
                bail!("--only {text}: no stage has such a name; there are\n  {}", names.join("\n  "));
            }
            needed.extend(matching.map(|stage| stage.name.clone()));
        }
        // Each stage comes after its inputs.
        for stage in self.stages.iter().rev() {
            if needed.contains(&stage.name) {
                needed.extend(stage.inputs.iter().map(|input| input.name.clone()));
            }
        }
        (self.stages, self.left_out) =
            self.stages.into_iter().partition(|stage| needed.contains(&stage.name));
        self.missing.retain(|missing| needed.contains(&missing.input));
        self.cells.retain(|cell| needed.contains(&*cell.run.to_string_lossy()));
        self.training.retain(|training| needed.contains(&*training.folder.to_string_lossy()));
        // A server needs no more adapters than are played.
        let made: Vec<_> = self.stages.iter().map(Stage::output_path).collect();
        for server in self.stages.iter_mut().filter_map(|stage| stage.server.as_mut()) {
            server.keep_adapters(&made);
        }
        Ok(self)
    }
}
