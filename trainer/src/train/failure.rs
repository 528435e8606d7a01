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
         warm-up, or set `max_grad_norm`, and begin anew: with another `output_dir`, or with --restart; {}",
        kept(last)
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
        "out of memory {when}: set `gradient_checkpointing: true` and start again, which goes on; or, in another \
         `output_dir`, lower `micro_batch_size` (and raise `gradient_accumulation_steps`) or `sequence_len`; {}. \
         ({reason})",
        kept(last)
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
    /// A file that could not be written or read on the way.
    #[error("stopped after step {step}: {reason}; {}", going_on(last))]
    Stopped {
        /// Steps that were done.
        step: u64,
        /// Why.
        reason: Box<Error>,
        /// The last checkpoint, which is as it was.
        last: Option<PathBuf>,
    },
    /// An output folder that holds what no training of ours has made.
    #[error("{} holds a model or an adapter that no training here has made; choose another `output_dir`", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// An output folder that another training is writing into.
    #[error("{} is in use: another training is writing there", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
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

fn kept(last: &Option<PathBuf>) -> String {
    match last {
        Some(last) => format!("{} is intact", last.display()),
        None => "there is no checkpoint yet".to_owned(),
    }
}

fn going_on(last: &Option<PathBuf>) -> String {
    match last {
        Some(last) => format!("{} is intact, and the same command goes on from there", last.display()),
        None => "there is no checkpoint yet".to_owned(),
    }
}
