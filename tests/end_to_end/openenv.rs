//! The gateway for OpenEnv: frames, errors, callers, and what is left of sessions that end in any way. OpenEnv's own clients
//! are in `python/tests_adapters/openenv`.
//!
//! | file       | what it tests                                         |
//! |------------|-------------------------------------------------------|
//! | `socket`   | a client of these tests                               |
//! | `episodes` | episodes over a socket, beside gRPC                   |
//! | `failures` | wrong messages, full servers, strangers, web pages    |
//! | `endings`  | sockets that are killed, fall silent, lose the server |
//! | `over_http`| what is answered without a socket                     |

mod endings;
mod episodes;
mod failures;
mod over_http;
mod socket;
