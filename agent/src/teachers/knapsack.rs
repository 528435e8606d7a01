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
//! | `best_set`   | the best set of items, computed                            |
//! | [`react`]    | the policy that calls tools                                |

use super::conversation::Conversation;
use super::policy::Habit;

mod best_set;
mod closing;
mod goal;
mod names;
mod order;
mod persistent;
pub mod plain;
pub mod react;
mod reset;
mod solver;
mod task;

pub use task::{FAMILY, KEY, Task};

/// Writes the next answer of a policy that writes Python.
pub fn write(habit: Habit, task: &Task, conversation: &Conversation, seed: u64) -> String {
    match habit {
        Habit::Persistent => persistent::answer(task, conversation, seed),
        Habit::Reset => reset::answer(task, conversation, seed),
        Habit::PlainPersistent => plain::persistent(task, conversation, seed),
        Habit::PlainReset => plain::reset(task, conversation, seed),
    }
}
