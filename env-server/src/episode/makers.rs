//! What makes the parts that an episode is played with.

use sandbox::Sandbox;

use crate::hosts::Hosts;

/// What makes the parts that an episode is played with. Clones are cheap.
#[derive(Clone)]
pub struct Makers {
    /// Makes interpreters.
    pub sandbox: Sandbox,
    /// Opens tasks, also those of hosted families.
    pub hosts: Hosts,
}
