//! Training data in the files that trainers read.
//!
//! | file             | shape                                                                            |
//! |------------------|----------------------------------------------------------------------------------|
//! | `messages.jsonl` | a line an episode: `{"messages": [{"role", "content"}, ..], ..}`, as TRL, Axolotl (`chat_template`) and `trainer prepare` read it |
//! | `sharegpt.jsonl` | a line an episode: `{"conversations": [{"from", "value"}, ..], ..}`, the paper's shape, as Axolotl and LLaMA-Factory read it |
//! | `train.parquet`  | the messages and the same columns, as Hugging Face's `datasets` reads it           |

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use proto::conversation::{Message, Role, ToolCall};
use proto::dataset::Observations;
use proto::transcript;
use serde::Serialize;
use serde_json::{Value, json};

use super::Error;
use super::episode::Episode;

/// An episode as training data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The conversation; it ends with the model's last message.
    messages: Vec<Message>,
    /// The functions that the model could call itself, in OpenAI's form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    task_id: String,
    family: String,
    /// `persistent` or `reset`.
    interpreter_state: String,
    is_solved: bool,
    /// 0 to 1.
    score: f64,
    turns: u64,
    /// Of prompts and answers, over all turns.
    total_tokens: u64,
}

impl Row {
    /// The row of an episode; observations are written as the agent showed them, unless another way is named.
    pub fn of(episode: &Episode, observations: Option<Observations>) -> Self {
        let evaluation = episode.result.result.as_ref();
        let trace = episode.trace.as_ref();
        let provenance = trace.and_then(|trace| trace.provenance.as_ref());
        let messages = |trace| {
            let observations = observations.unwrap_or_else(|| transcript::default_observations(trace));
            transcript::conversation(trace, observations)
        };
        Self {
            messages: trace.map(messages).unwrap_or_default(),
            tools: provenance.map(|provenance| provenance.tools.clone()).unwrap_or_default(),
            task_id: episode.task_id.clone(),
            family: episode.family.clone(),
            interpreter_state: provenance.map(|one| one.interpreter_state.clone()).unwrap_or_default(),
            is_solved: evaluation.is_some_and(|evaluation| evaluation.is_solved),
            score: evaluation.map_or(0.0, |evaluation| evaluation.score),
            turns: episode.steps().count() as u64,
            total_tokens: trace.map_or(0, |trace| trace.summary.token_usage.total_tokens),
        }
    }

    /// The conversation in ShareGPT's shape, and the functions as JSON text, as LLaMA-Factory reads them. What the model is told
    /// and what it says alternate there, so all answers to its calls are one turn.
    fn share_gpt(&self) -> Value {
        let mut turns: Vec<Turn> = Vec::new();
        for turn in self.messages.iter().map(Turn::of) {
            match turns.last_mut().filter(|last| last.is_told() && turn.is_told()) {
                Some(last) => {
                    let both_are_answers = last.from == OBSERVATION && turn.from == OBSERVATION;
                    last.value.push_str(if both_are_answers { BETWEEN_ANSWERS } else { "\n\n" });
                    last.value.push_str(&turn.value);
                }
                None => turns.push(turn),
            }
        }
        let mut row = json!(self);
        if let Some(row) = row.as_object_mut() {
            row.shift_remove("messages");
            row.shift_insert(0, "conversations".to_owned(), json!(turns));
            if let Some(tools) = row.get_mut("tools") {
                *tools = tools.to_string().into();
            }
        }
        row
    }
}

/// Who answers the model's calls, in ShareGPT's shape.
const OBSERVATION: &str = "observation";

/// Who the user is.
const HUMAN: &str = "human";

/// What LLaMA-Factory puts between the answers to several calls of one message.
const BETWEEN_ANSWERS: &str = "\n</tool_response>\n<tool_response>\n";

/// A turn in ShareGPT's shape.
#[derive(Debug, Serialize)]
struct Turn {
    from: &'static str,
    value: String,
}

impl Turn {
    /// Calls are JSON, a list if they are several. A text before them stands in front, with the calls in the tags by which
    /// LLaMA-Factory (0.9.5) tells the two apart.
    fn of(message: &Message) -> Self {
        let from = match message.role {
            Role::System => "system",
            Role::User => HUMAN,
            Role::Assistant if message.tool_calls.is_empty() => "gpt",
            Role::Assistant => "function_call",
            Role::Tool => OBSERVATION,
        };
        let call = |call: &ToolCall| {
            let arguments: Value =
                serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!(call.arguments));
            json!({ "name": call.name, "arguments": arguments })
        };
        let calls: Vec<Value> = message.tool_calls.iter().map(call).collect();
        let text = message.content.as_str();
        let value = match (text, calls.as_slice()) {
            (text, []) => text.to_owned(),
            ("", [call]) => call.to_string(),
            ("", calls) => json!(calls).to_string(),
            (text, [call]) => format!("{text}\n<tool_call>{call}</tool_call>"),
            (text, calls) => format!("{text}\n<tool_call>{}</tool_call>", json!(calls)),
        };
        Self { from, value }
    }

    /// Whether the model is told it, after the system message.
    fn is_told(&self) -> bool {
        [HUMAN, OBSERVATION].contains(&self.from)
    }
}

/// Writes all files of an agent.
///
/// # Errors
/// If a file can't be written.
pub fn write(folder: &Path, rows: &[Row]) -> Result<(), Error> {
    let lines =
        |line: &dyn Fn(&Row) -> Value| rows.iter().map(|row| format!("{}\n", line(row))).collect::<String>();
    files::write_text(&folder.join("messages.jsonl"), &lines(&|row| json!(row)))?;
    files::write_text(&folder.join("sharegpt.jsonl"), &lines(&Row::share_gpt))?;
    let path = folder.join("train.parquet");
    parquet(&path, rows).map_err(|problem| Error::Parquet { path, problem })
}

/// The columns of the Parquet file. Those in brackets are there if an episode's model called functions itself, as JSON text,
/// empty where there are none: chat templates look for `tool_calls` in a message, empty or not.
const SCHEMA: &str = "
message episode {
    required group messages (LIST) {
        repeated group list {
            required group element {
                required binary role (STRING);
                required binary content (STRING);
                [required binary tool_calls (STRING);]
                [required binary tool_call_id (STRING);]
            }
        }
    }
    [required binary tools (STRING);]
    required binary task_id (STRING);
    required binary family (STRING);
    required binary interpreter_state (STRING);
    required boolean is_solved;
    required double score;
    required int64 turns;
    required int64 total_tokens;
}";

fn parquet(path: &Path, rows: &[Row]) -> Result<(), ParquetError> {
    let calls_tools = rows.iter().any(|row| !row.tools.is_empty());
    let columns = SCHEMA.lines().filter(|line| calls_tools || !line.trim().starts_with('['));
    let schema = columns.collect::<Vec<_>>().join("\n").replace(['[', ']'], "");
    let schema = Arc::new(parse_message_type(&schema)?);
    let properties = Arc::new(WriterProperties::builder().build());
    let mut file = SerializedFileWriter::new(File::create(path)?, schema, properties)?;
    let mut group = file.next_row_group()?;

    // Levels of the messages' columns: each message is present, and the first of a row begins a new list.
    let messages: Vec<&Message> = rows.iter().flat_map(|row| &row.messages).collect();
    let defined = vec![1; messages.len()];
    let repeated: Vec<i16> =
        rows.iter().flat_map(|row| (0..row.messages.len()).map(|place| i16::from(place > 0))).collect();
    let calls = |message: &Message| match message.tool_calls.as_slice() {
        [] => String::new(),
        calls => json!(calls).to_string(),
    };
    let columns: [&dyn Fn(&Message) -> String; 4] =
        [&|message| message.role.name().to_owned(), &|message| message.content.clone(), &calls, &|message| {
            message.tool_call_id.clone()
        }];
    for column in &columns[..if calls_tools { 4 } else { 2 }] {
        let values: Vec<ByteArray> =
            messages.iter().map(|message| ByteArray::from(column(message).into_bytes())).collect();
        let Some(mut writer) = group.next_column()? else { continue };
        writer.typed::<ByteArrayType>().write_batch(&values, Some(&defined), Some(&repeated))?;
        writer.close()?;
    }
    let tools = |row: &Row| if row.tools.is_empty() { String::new() } else { json!(row.tools).to_string() };
    let texts: [&dyn Fn(&Row) -> String; 4] =
        [&tools, &|row| row.task_id.clone(), &|row| row.family.clone(), &|row| row.interpreter_state.clone()];
    for text in &texts[if calls_tools { 0 } else { 1 }..] {
        column::<ByteArrayType>(&mut group, rows.iter().map(|row| ByteArray::from(text(row).into_bytes())))?;
    }
    column::<BoolType>(&mut group, rows.iter().map(|row| row.is_solved))?;
    column::<DoubleType>(&mut group, rows.iter().map(|row| row.score))?;
    column::<Int64Type>(&mut group, rows.iter().map(|row| row.turns.cast_signed()))?;
    column::<Int64Type>(&mut group, rows.iter().map(|row| row.total_tokens.cast_signed()))?;
    group.close()?;
    file.close()?;
    Ok(())
}

/// Writes the next column, of one value a row.
fn column<T: parquet::data_type::DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: impl Iterator<Item = T::T>,
) -> Result<(), ParquetError> {
    let values: Vec<T::T> = values.collect();
    if let Some(mut writer) = group.next_column()? {
        writer.typed::<T>().write_batch(&values, None, None)?;
        writer.close()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LLaMA-Factory skips a conversation whose turns do not alternate.
    #[test]
    fn what_the_model_is_told_and_what_it_says_alternate() {
        let call = |id: &str| ToolCall {
            id: id.to_owned(),
            name: "inspect".to_owned(),
            arguments: format!("{{\"item_id\":\"{id}\"}}"),
        };
        let calls = |text: &str, ids: &[&str]| Message {
            tool_calls: ids.iter().map(|id| call(id)).collect(),
            ..Message::assistant(text)
        };
        let row = Row {
            messages: vec![
                Message::system("act"),
                Message::user("task"),
                calls("I look.", &["a", "b"]),
                Message::tool(&call("a"), "1"),
                Message::tool(&call("b"), "2"),
                calls("", &["c"]),
                Message::tool(&call("c"), "3"),
                Message::user("that was cut off"),
                calls("So", &["d"]),
                Message::tool(&call("d"), "4"),
                Message::assistant("Done."),
            ],
            tools: vec![json!({ "type": "function" })],
            task_id: "t".to_owned(),
            family: "knapsack".to_owned(),
            interpreter_state: "persistent".to_owned(),
            is_solved: true,
            score: 1.0,
            turns: 4,
            total_tokens: 9,
        };
        let shared = row.share_gpt();
        let turns = shared["conversations"].as_array().unwrap();
        let turns: Vec<_> = turns
            .iter()
            .map(|turn| (turn["from"].as_str().unwrap(), turn["value"].as_str().unwrap()))
            .collect();
        let expected = [
            ("system", "act"),
            ("human", "task"),
            (
                "function_call",
                r#"I look.
<tool_call>[{"name":"inspect","arguments":{"item_id":"a"}},{"name":"inspect","arguments":{"item_id":"b"}}]</tool_call>"#,
            ),
            ("observation", "1\n</tool_response>\n<tool_response>\n2"),
            ("function_call", r#"{"name":"inspect","arguments":{"item_id":"c"}}"#),
            ("observation", "3\n\nthat was cut off"),
            (
                "function_call",
                "So\n<tool_call>{\"name\":\"inspect\",\"arguments\":{\"item_id\":\"d\"}}</tool_call>",
            ),
            ("observation", "4"),
            ("gpt", "Done."),
        ];
        assert_eq!(turns, expected);
        assert_eq!(shared["tools"], r#"[{"type":"function"}]"#);
    }
}
