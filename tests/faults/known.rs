//! What a client knows of an episode.

use proto::env::v1;

/// What a client knows of an episode.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its id.
    pub id: String,
    /// Its steps whose answers came, with the answers' bytes. Of a copy those of its source before it, too.
    pub steps: Vec<(v1::StepRequest, Vec<u8>)>,
    /// The step that was sent last and has no answer yet, with the answer that it must get.
    pub pending: Option<(v1::StepRequest, String)>,
    /// Whether it was created and no close of it was sent.
    pub is_open: bool,
}

impl Known {
    /// The step with this index, sent once more to this episode.
    pub fn again(&self, index: usize) -> Option<(v1::StepRequest, &[u8])> {
        let (request, answer) = self.steps.get(index)?;
        let request = v1::StepRequest { episode_id: self.id.clone(), ..request.clone() };
        Some((request, answer))
    }
}
