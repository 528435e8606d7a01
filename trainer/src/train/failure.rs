//! Why a training ended early.

use std::path::PathBuf;

type Reason = Box<dyn std::error::Error + Send + Sync>;

/// Why a training ended early or did not start; every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It was interrupted.
    #[error("interrupted after step {step}, which is saved in {}; the same command goes on from there", checkpoint.display())]
    Interrupted {
        /// Steps that are done.
        step: u64,
        /// The checkpoint of these steps.
        checkpoint: PathBuf,
    },
    /// A loss, gradient or weight is infinite or NaN.
    #[error(
        "step {step}: the {what} is {value}; this step is not saved. Lower `learning_rate`, lengthen the \
         warm-up, or set `max_grad_norm`, and start from the beginning: with another `output_dir`, or with --restart; {}",
        kept(last)
    )]
    NotFinite {
        /// The step, counted from one.
        step: u64,
        /// Which quantity is not finite.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The last checkpoint.
        last: Option<PathBuf>,
    },
    /// Memory is exhausted.
    #[error(
        "out of memory {when}: set `gradient_checkpointing: true` and start again, which resumes; or, in another \
         `output_dir`, lower `micro_batch_size` (and raise `gradient_accumulation_steps`) or `sequence_len`; {}. \
         ({reason})",
        kept(last)
    )]
    Memory {
        /// At which step, or while loading.
        when: String,
        /// libtorch's message.
        reason: String,
        /// The last checkpoint.
        last: Option<PathBuf>,
    },
    /// A checkpoint could not be saved.
    #[error("the checkpoint of step {step} could not be saved: {reason}; {}", going_on(last))]
    Unsaved {
        /// Steps that are done.
        step: u64,
        /// Why.
        reason: Reason,
        /// The previous checkpoint, which is intact.
        last: Option<PathBuf>,
    },
    /// A file could not be written or read during the training.
    #[error("stopped after step {step}: {reason}; {}", going_on(last))]
    Stopped {
        /// Steps that are done.
        step: u64,
        /// Why.
        reason: Reason,
        /// The last checkpoint, which is intact.
        last: Option<PathBuf>,
    },
    /// The output folder holds something that was not made by `trainer train`.
    #[error("{} holds a model or an adapter that no training here has made; choose another `output_dir`", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// Another training is writing into the output folder.
    #[error("{} is in use: another training is writing there", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The output folder holds another training.
    #[error(
        "{} is of another training: {problem}. To resume that one, undo the change; to start from the beginning, choose \
         another `output_dir`, or pass --restart, which deletes it", folder.display()
    )]
    Differs {
        /// The folder.
        folder: PathBuf,
        /// The difference.
        problem: String,
    },
    /// The output folder holds a result without checkpoints to resume from.
    #[error(
        "{} holds a finished training without checkpoints; choose another `output_dir`, or pass --restart, which \
         replaces it", folder.display()
    )]
    Finished {
        /// The folder.
        folder: PathBuf,
    },
    /// The samples do not fit the model or the config.
    #[error("{problem}")]
    Samples {
        /// What does not fit, and what to do.
        problem: String,
    },
    /// The requested device does not exist.
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
