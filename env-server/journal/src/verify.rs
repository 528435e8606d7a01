//! A damaged database, or log, is noticed.

mod database;
mod log;

pub(crate) use database::{AT_ONCE, verify as verify_database};
pub(crate) use log::{Ended, verify as verify_log};
