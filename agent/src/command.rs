//! The arguments of commands, and how a command reports.

pub mod chat;
