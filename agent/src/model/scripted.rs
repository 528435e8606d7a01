//! The scripted policies of [`teachers`] as models.

use acting::react::text;
use proto::conversation::ToolCall;

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
        let answer = teachers::answer(self.policy, &request.messages, request.seed)
            .map_err(|reason| Error::Conversation { model: self.policy.name().to_owned(), reason })?;
        let written: Vec<String> = answer.calls.iter().map(text::written).collect();
        let whole = [std::slice::from_ref(&answer.text), written.as_slice()].concat().join("\n\n");
        let usage = estimate_usage(&request.messages, &whole);
        if request.tools.is_empty() {
            return Ok(Completion { text: whole, usage, ..Completion::default() });
        }
        let made: usize = request.messages.iter().map(|message| message.tool_calls.len()).sum();
        let with_id = |(number, call)| ToolCall { id: format!("call_{number}"), ..call };
        let tool_calls = (made + 1..).zip(answer.calls).map(with_id).collect();
        Ok(Completion { text: answer.text, tool_calls, usage, ..Completion::default() })
    }
}

#[cfg(test)]
mod tests {
    use proto::conversation::Message;
    use serde_json::json;

    use super::*;

    fn task() -> Vec<Message> {
        let public = json!({"goal_node": "node_b", "max_steps": 4, "start_node": "node_a"});
        vec![Message::system("At most 25 tool calls."), Message::user(format!("Go.\n\n{public}"))]
    }

    #[tokio::test]
    async fn calls_have_ids_that_no_other_call_has() {
        let model = Scripted::new(Policy::React);
        let mut request =
            GenerateRequest { messages: task(), tools: vec![json!({})], ..GenerateRequest::default() };
        let first = model.generate(&request).await.unwrap();
        assert_eq!((first.tool_calls[0].id.as_str(), first.tool_calls[0].name.as_str()), ("call_1", "scan"));
        assert!(!first.text.contains("tool_call"));
        let answer = Message::tool(&first.tool_calls[0], "node_b");
        request.messages.push(Message { tool_calls: first.tool_calls, ..Message::assistant(first.text) });
        request.messages.push(answer);
        let second = model.generate(&request).await.unwrap();
        let made: Vec<(&str, &str)> =
            second.tool_calls.iter().map(|call| (call.id.as_str(), call.name.as_str())).collect();
        assert_eq!(made, [("call_2", "move"), ("call_3", "finish")]);
        assert!(second.usage.prompt_tokens > first.usage.prompt_tokens);
    }

    #[tokio::test]
    async fn calls_are_written_where_no_tools_are_offered() {
        let request = GenerateRequest { messages: task(), ..GenerateRequest::default() };
        let written = Scripted::new(Policy::React).generate(&request).await.unwrap();
        assert!(written.tool_calls.is_empty());
        assert!(written.text.ends_with("<tool_call>\n{\"name\": \"scan\", \"arguments\": {}}\n</tool_call>"));
    }
}
