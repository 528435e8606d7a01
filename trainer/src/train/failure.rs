//! Why a training could not go on.

use std::path::PathBuf;

use crate::Error;

/// Why a training could not go on; every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Asked to stop, it did.
    #[error("interrupted after step {step}, which is saved in {}; the same command goes on from there", checkpoint.display())]
    Interrupted {
        /// Steps that were done.
        step: u64,
        /// Where they are kept.
        checkpoint: PathBuf,
    },
    /// A loss or a gradient that is no number.
    #[error(
        "step {step}: the {what} is {value}; nothing of this step is kept. Lower `learning_rate`, lengthen the \
         warm-up, or set `max_grad_norm`; {}",
        going_on(last)
    )]
    NotFinite {
        /// The step, counted from one.
        step: u64,
        /// What is not finite.
        what: &'static str,
        /// What it is instead.
        value: f64,
        /// The last checkpoint.
        last: Option<PathBuf>,
    },
    /// A tensor that found no room.
    #[error(
        "out of memory {when}: lower `micro_batch_size` (and raise `gradient_accumulation_steps`), lower \
         `sequence_len`, or set `gradient_checkpointing: true`; {}. ({reason})",
        going_on(last)
    )]
    Memory {
        /// At which step, or before the first.
        when: String,
        /// What libtorch says.
        reason: String,
        /// The last checkpoint.
        last: Option<PathBuf>,
    },
    /// A checkpoint that could not be saved.
    #[error("the checkpoint of step {step} could not be saved: {reason}; {}", going_on(last))]
    Unsaved {
        /// Steps that were done.
        step: u64,
        /// Why.
        reason: Box<Error>,
        /// The checkpoint before, which is as it was.
        last: Option<PathBuf>,
    },
    /// An output folder that holds another training.
    #[error(
        "{} is of another training: {problem}. To go on with that one, undo the change; to begin anew, choose \
         another `output_dir`, or pass --restart, which removes what is there", folder.display()
    )]
    Differs {
        /// The folder.
        folder: PathBuf,
        /// What is different.
        problem: String,
    },
    /// An output folder that holds a result, and nothing to go on from.
    #[error(
        "{} holds a finished training without checkpoints; choose another `output_dir`, or pass --restart, which \
         replaces it", folder.display()
    )]
    Finished {
        /// The folder.
        folder: PathBuf,
    },
    /// Samples that cannot be learnt as they are.
    #[error("{problem}")]
    Samples {
        /// What is wrong with them, and what to do.
        problem: String,
    },
    /// A device that is not there.
    #[error("--device cuda: libtorch finds no GPU; see the README on machines with one, or choose cpu")]
    NoGpu,
}

fn going_on(last: &Option<PathBuf>) -> String {
    match last {
        Some(last) => format!("{} is intact, and the same command goes on from there", last.display()),
        None => "there is no checkpoint yet".to_owned(),
    }
}
