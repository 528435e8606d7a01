//! What a client does when servers lose answers, are full, or are gone.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions only, not what they call

mod environment;
mod environments;
mod fake;
