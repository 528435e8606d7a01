//! Prompts as token ids: the tokens of the call before stay as they are, and the chat template writes only what follows them.
//! In a chat, the template writes all messages each time. An earlier answer may then get other tokens than the model wrote,
//! or lose its thoughts.

use serde_json::{Map, Value, json};

use super::body::Body;
use super::failure::Failure;
use super::server::Server;

/// Keys of a chat's body that decide its prompt.
const OF_PROMPT: [&str; 5] =
    ["tools", "tool_choice", "parallel_tool_calls", "chat_template", "chat_template_kwargs"];

/// The body of a completion with the prompt of a chat: its tokens, behind `seen`, those of the call before.
///
/// # Errors
/// If the server can't tell the prompt's tokens.
pub async fn body(server: &Server, chat: &Body<'_>, seen: &[u32]) -> Result<Map<String, Value>, Failure> {
    let (mut of_prompt, mut body): (Map<_, _>, Map<_, _>) =
        chat.settings.clone().into_iter().partition(|(key, _)| OF_PROMPT.contains(&key.as_str()));
    of_prompt.extend(body.get("model").map(|model| ("model".to_owned(), model.clone())));
    let written = server.tokenize(&Body { messages: chat.messages, settings: of_prompt }).await?;
    let prompt = continued(seen, written.tokens);
    // A chat's limit is cut to what fits; that of a completion is an error. A prompt that fills the context is one, too.
    let room = written.max_model_len.saturating_sub(prompt.len() as u32).max(1);
    let most = body.get("max_tokens").and_then(Value::as_u64).unwrap_or(u64::from(room));
    body.insert("max_tokens".to_owned(), json!(most.min(u64::from(room))));
    body.insert("prompt".to_owned(), json!(prompt));
    if body.contains_key("logprobs") {
        body.insert("logprobs".to_owned(), json!(1));
    }
    Ok(body)
}

/// A prompt that begins with the tokens that were seen, if they end with the end of a turn. Behind them stands what the
/// template writes behind the same end: the n-th token of its kind.
fn continued(seen: &[u32], written: Vec<u32>) -> Vec<u32> {
    let Some(end) = seen.last().filter(|_| !written.starts_with(seen)) else { return written };
    let ends = seen.iter().filter(|id| *id == end).count();
    let same_end = written.iter().enumerate().filter(|(_, id)| *id == end).nth(ends - 1);
    match same_end {
        Some((index, _)) => [seen, &written[index + 1..]].concat(),
        None => written,
    }
}

#[cfg(test)]
mod tests {
    use super::continued;

    #[test]
    fn what_was_seen_stays_and_the_template_writes_the_rest() {
        // 1 begins a message, 2 ends it, 3 is a line break; 7 and 8 are two ways to write an answer.
        for (seen, written, expected) in [
            (vec![], vec![1, 5, 2], vec![1, 5, 2]),
            // The template writes what the model wrote.
            (vec![1, 5, 2, 1, 7, 2], vec![1, 5, 2, 1, 7, 2, 3, 1, 6, 2], vec![1, 5, 2, 1, 7, 2, 3, 1, 6, 2]),
            // It writes the answer with other tokens, or less of it.
            (vec![1, 5, 2, 1, 7, 2], vec![1, 5, 2, 1, 8, 2, 3, 1, 6, 2], vec![1, 5, 2, 1, 7, 2, 3, 1, 6, 2]),
            (vec![1, 5, 2, 1, 9, 9, 7, 2], vec![1, 5, 2, 1, 7, 2, 3, 1], vec![1, 5, 2, 1, 9, 9, 7, 2, 3, 1]),
            // It has no such end.
            (vec![1, 5, 2, 1, 7, 2], vec![1, 5, 2, 4], vec![1, 5, 2, 4]),
        ] {
            assert_eq!(continued(&seen, written), expected, "{seen:?}");
        }
    }
}
