//! Policies for the knapsack family: items have a hidden class, weight and value; inspect them within a
//! budget, then take the best set of allowed items that fits.
//!
//! | module       | what it holds                                              |
//! |--------------|------------------------------------------------------------|
//! | `task`       | a task as its public data describes it                     |
//! | `persistent` | the policy that keeps its state in the interpreter         |
//! | `reset`      | the policy that writes everything it needs into each block |
//! | [`plain`]    | both policies in the terse style                           |
//! | `names`      | variable names that an episode's code uses                 |
//! | `goal`       | what the next block is for                                 |
//! | `order`      | the order in which items are inspected                     |
//! | `solver`     | exact 0/1 knapsack algorithms, as Python code              |
//! | `closing`    | the sentences that end an episode                          |
//! | `text`       | small texts: counts, numbers, Python lists, replies        |

use super::conversation::Conversation;
use super::policy::Policy;

mod closing;
mod goal;
mod names;
mod order;
mod persistent;
pub mod plain;
mod reset;
mod solver;
mod task;
mod text;

pub use task::{FAMILY, Task};

/// Writes the policy's next answer.
pub fn answer(policy: Policy, task: &Task, conversation: &Conversation, seed: u64) -> String {
    match policy {
        Policy::Persistent => persistent::answer(task, conversation, seed),
        Policy::Reset => reset::answer(task, conversation, seed),
        Policy::PlainPersistent => plain::persistent(task, conversation, seed),
        Policy::PlainReset => plain::reset(task, conversation, seed),
    }
}
