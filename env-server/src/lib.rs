//! The environment server: task families, and episodes that play them.
//!
//! | module          | what it holds                                                     |
//! |-----------------|-------------------------------------------------------------------|
//! | [`family`]      | the rules of each task family: hidden state, tools, evaluation    |
//! | [`tool`]        | binding a call's arguments to a tool's parameters, as Python does |
//! | [`task_config`] | the generator's config files, parsed and checked once             |
//! | [`generate`]    | writing task sets: the same config always gives the same bytes    |
//! | [`task_set`]    | loading a task set for serving                                    |
//! | [`catalog`]     | the task sets that a server offers                                |
//! | [`hosts`]       | tool hosts: programs that compute the rules of other families     |
//! | [`episode`]     | episodes: hidden state and interpreter, step by step              |
//! | [`replay`]      | recorded episodes played again, and compared                      |
//! | [`scheduler`]   | which step runs next, on how many threads                         |
//! | `blocking`      | work that blocks, beside the threads that drive calls             |
//! | [`memory`]      | the memory of the machine, and of this process                    |
//! | [`metrics`]     | what the server counts: calls, steps, episodes, tenants           |
//! | [`quota`]       | what tenants use, held against their quotas                       |
//! | [`error`]       | calls that are refused or fail                                    |
//! | [`wire`]        | messages converted to these types, and these types to messages    |
//! | [`server`]      | episodes behind gRPC                                              |
//! | [`gateway`]     | episodes behind other protocols, on the same port                 |
//! | [`console`]     | the page that shows the episodes as they run                      |
//! | [`version`]     | what this build is                                                |
//! | [`command`]     | the commands of the program, one file each                        |

mod blocking;
pub mod catalog;
pub mod command;
pub mod console;
pub mod episode;
pub mod error;
pub mod family;
pub mod gateway;
pub mod generate;
pub mod hosts;
pub mod memory;
pub mod metrics;
pub mod quota;
pub mod replay;
pub mod scheduler;
pub mod server;
pub mod task_config;
pub mod task_set;
pub mod tool;
pub mod version;
pub mod wire;

pub use fields::{Problem, Problems};
