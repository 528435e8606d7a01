//! The journal through its public methods: on real folders, with real processes that are killed.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers

mod damage;
mod episodes;
mod folder;
mod forks;
mod full;
mod kill;
mod model;
mod properties;
mod support;
mod tombstones;
