//! env-server
