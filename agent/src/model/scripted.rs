//! The scripted policies of [`teachers`] as models.

use super::client::Model;
use super::error::Error;
use super::generate::{Completion, GenerateRequest, estimate_usage};
use crate::teachers::{self, Policy};

/// A scripted policy as a [`Model`].
#[derive(Debug)]
pub struct Scripted {
    policy: Policy,
}

impl Scripted {
    /// The model that plays by `policy`.
    pub fn new(policy: Policy) -> Self {
        Self { policy }
    }
}

#[tonic::async_trait]
impl Model for Scripted {
    fn name(&self) -> &str {
        self.policy.name()
    }

    fn check_family(&self, family: &str) -> Result<(), Error> {
        teachers::check_family(family).map_err(|reason| Error::Unsupported {
            model: self.policy.name().to_owned(),
            family: family.to_owned(),
            reason,
        })
    }

    async fn generate(&self, request: &GenerateRequest) -> Result<Completion, Error> {
        let text = teachers::answer(self.policy, &request.messages, request.seed)
            .map_err(|reason| Error::Conversation { model: self.policy.name().to_owned(), reason })?;
        let usage = estimate_usage(&request.messages, &text);
        Ok(Completion { text, usage, ..Completion::default() })
    }
}
