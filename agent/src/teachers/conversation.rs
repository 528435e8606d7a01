//! What a policy reads in a conversation: the task, and the result of each turn so far.

use proto::conversation::{Message, Role};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Tool calls allowed in a step if the system prompts do not state the limit.
const DEFAULT_CALLS: usize = 25;

/// What a policy knows.
#[derive(Debug)]
pub struct Conversation {
    /// The task's public data.
    pub public: Map<String, Value>,
    /// Tool calls allowed in a step.
    pub calls_per_step: usize,
    /// The result of each assistant turn so far, in order.
    pub turns: Vec<Observation>,
}

/// The result of a turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Observation {
    /// What the code printed.
    pub output: String,
    /// The error's text, if the code failed.
    pub error: Option<String>,
}

impl Observation {
    /// The undefined name, if that is why the code failed.
    pub fn missing_name(&self) -> Option<&str> {
        let line = self.error.as_deref()?.lines().rev().find(|line| {
            ["NameError", "UnboundLocalError"].iter().any(|class| line.trim_start().starts_with(class))
        })?;
        // Both messages put the name between the first two quotes.
        Some(line.split('\'').nth(1).unwrap_or("something"))
    }
}

impl Conversation {
    /// Reads the task and the turns out of the messages.
    ///
    /// # Errors
    /// What the messages lack.
    pub fn read(messages: &[Message]) -> Result<Self, String> {
        let task = messages
            .iter()
            .find(|message| message.role == Role::User)
            .ok_or("there is no user message with a task")?;
        let public = task
            .content
            .lines()
            .rev()
            .find_map(|line| serde_json::from_str::<Map<String, Value>>(line.trim()).ok())
            .ok_or("the first user message holds no line with the task's public data as a JSON object")?;
        let mut turns: Vec<Observation> = Vec::new();
        for message in messages {
            match message.role {
                Role::Assistant => turns.push(Observation::default()),
                Role::User => {
                    if let (Some(turn), Some(observation)) = (turns.last_mut(), observation(&message.content))
                    {
                        *turn = observation;
                    }
                }
                Role::System | Role::Tool => {}
            }
        }
        let system = messages.iter().filter(|message| message.role == Role::System);
        let calls_per_step =
            system.filter_map(|message| stated_calls(&message.content)).next().unwrap_or(DEFAULT_CALLS);
        Ok(Self { public, calls_per_step, turns })
    }

    /// A value of the task's public data.
    ///
    /// # Errors
    /// If there is none, or one of another type; `expected` names the type.
    pub fn get<'task, T>(
        &'task self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'task Value) -> Option<T>,
    ) -> Result<T, String> {
        let value = self.public.get(key).ok_or_else(|| format!("the task's public data has no `{key}`"))?;
        read(value).ok_or_else(|| format!("`{key}` of the task's public data is not {expected}"))
    }

    /// A whole number of the task's public data.
    ///
    /// # Errors
    /// As [`Conversation::get`].
    pub fn number(&self, key: &str) -> Result<u64, String> {
        self.get(key, "a whole number", Value::as_u64)
    }

    /// A text of the task's public data.
    ///
    /// # Errors
    /// As [`Conversation::get`].
    pub fn text(&self, key: &str) -> Result<String, String> {
        self.get(key, "a string", |value| value.as_str().map(str::to_owned))
    }

    /// A list of texts of the task's public data.
    ///
    /// # Errors
    /// As [`Conversation::get`].
    pub fn texts(&self, key: &str) -> Result<Vec<String>, String> {
        self.get(key, "a list of strings", |value| {
            value.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
        })
    }
}

/// The observation in a user message: its first line. What follows, such as the names in the interpreter, is not JSON.
fn observation(content: &str) -> Option<Observation> {
    let line = content.lines().next().filter(|line| line.starts_with('{'))?;
    serde_json::from_str(line).ok()
}

/// The number in "... N tool calls ...".
fn stated_calls(prompt: &str) -> Option<usize> {
    let (before, _) = prompt.split_once(" tool calls")?;
    before.rsplit(' ').next()?.parse().ok().filter(|&calls| calls > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: &str) -> Observation {
        Observation { output: String::new(), error: Some(error.to_owned()) }
    }

    #[test]
    fn missing_names_are_told_from_other_errors() {
        let trace = "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n";
        let cases = [
            ("NameError: name 'look' is not defined", Some("look")),
            ("NameError: name 'rows' is not defined. Did you mean: 'pow'?", Some("rows")),
            (
                "UnboundLocalError: cannot access local variable 'n' where it is not associated with a value",
                Some("n"),
            ),
            ("KeyError: 'NameError'", None),
            ("ToolRuntimeException: unknown item 'x'", None),
        ];
        for (line, expected) in cases {
            assert_eq!(failed(&format!("{trace}{line}")).missing_name(), expected, "{line}");
        }
        assert_eq!(Observation::default().missing_name(), None);
    }

    #[test]
    fn turns_are_paired_with_observations_and_names_are_skipped() {
        let messages = [
            Message::system("At most 7 tool calls."),
            Message::user("Go.\n\nPublic data:\n{\"capacity\":3}"),
            Message::assistant("a"),
            Message::user("{\"success\":true,\"result\":null,\"output\":\"1\\n\",\"error\":null}"),
            Message::assistant("b"),
            Message::user(
                "{\"success\":false,\"result\":null,\"output\":\"\",\"error\":\"boom\"}\n\nNames defined in the interpreter: ids",
            ),
        ];
        let conversation = Conversation::read(&messages).unwrap();
        assert_eq!(conversation.calls_per_step, 7);
        assert_eq!(conversation.public["capacity"], 3);
        assert_eq!(conversation.turns, [Observation { output: "1\n".into(), error: None }, failed("boom")]);
    }

    #[test]
    fn a_conversation_without_a_task_says_so() {
        assert!(Conversation::read(&[Message::system("x")]).unwrap_err().contains("no user message"));
        assert!(Conversation::read(&[Message::user("Hello")]).unwrap_err().contains("public data"));
    }
}
