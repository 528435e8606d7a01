//! The programs as their users meet them: real servers, agents and studies, in processes of their own.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers

mod bad_input;
mod clients;
mod config;
mod conformance;
mod connections;
mod console;
mod documents;
mod durability;
mod exactly_once;
mod faults;
mod forks_and_sleep;
mod guessing;
mod hidden_data;
mod http;
mod lifecycle;
mod listing;
mod load;
mod many_steps;
mod mcp;
mod memory;
mod observability;
mod openenv;
mod paper;
mod prometheus;
mod protocol;
mod quotas;
mod replay;
mod report;
mod rollouts;
mod scheduling;
mod security;
mod several_servers;
mod state_loss;
mod study;
mod teachers;
mod tracing;
mod unix_socket;
