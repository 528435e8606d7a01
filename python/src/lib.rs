//! `runtime_gym._native`: the client, the interpreter and the server, for the Python package. It is private: what users call is
//! Python, in `runtime_gym/`.
//!
//! | module        | what it holds                                                           |
//! |---------------|-------------------------------------------------------------------------|
//! | `calls`       | calls to environment servers, for threads and for asyncio               |
//! | `connection`  | the servers that calls go to                                            |
//! | `step_stream` | steps over a stream                                                     |
//! | `of_process`  | a value of the process that made it                                     |
//! | `requests`    | what Python gives to calls, as messages                                 |
//! | `answers`     | messages as the dataclasses of `runtime_gym/_types.py`                  |
//! | `errors`      | failed calls as the exceptions of `runtime_gym/_errors.py`              |
//! | `hosting`     | the stream of a tool host                                               |
//! | `threads`     | the threads on which calls are made, and how Python waits for them      |
//! | `interpreter` | the interpreter in this process, with tools that are Python functions   |
//! | `conversation` | the conversation of an episode with a model                             |
//! | `programs`    | the commands of `env-server` and of `agent`                             |

mod answers;
mod calls;
mod connection;
mod conversation;
mod errors;
mod hosting;
mod interpreter;
mod of_process;
mod programs;
mod requests;
mod step_stream;
mod threads;

#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use super::calls::Calls;
    #[pymodule_export]
    use super::conversation::Conversation;
    #[pymodule_export]
    use super::hosting::Hosting;
    #[pymodule_export]
    use super::interpreter::{Interpreter, Sandbox};
    #[pymodule_export]
    use super::programs::{agent, env_server};
    #[pymodule_export]
    use super::step_stream::StepStream;
}
