//! What code sees of the interpreter, and what it leaves behind.

#![allow(clippy::unwrap_used)] // helpers are tests too

#[path = "../common/mod.rs"]
mod common;

mod asyncio;
mod copies;
mod definitions;
mod determinism;
mod failures;
mod file_times;
mod fuel;
mod garbage;
mod later;
mod limits;
mod namespace;
mod notebook;
mod own_files;
mod random;
mod recorded;
mod recovery;
mod revival;
mod sealed;
mod standard_error;
mod strftime;
mod tools;
