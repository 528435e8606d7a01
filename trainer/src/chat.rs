//! Chat templates: the text that a model's template makes of a conversation.
//!
//! | file         | what it holds                                               |
//! |--------------|-------------------------------------------------------------|
//! | `jinja`      | Jinja as transformers sets it up                            |
//! | `methods`    | Python's methods of values                                  |
//! | `json`       | Python's `json.dumps`                                       |
//! | `generation` | the tags by which a template marks what the model generates |

mod generation;
mod jinja;
mod json;
mod methods;

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::value::{Serde, merge_maps};
use minijinja::{Environment, Error as TemplateError, Value, context};
use proto::conversation::Message;

use crate::json::Object;
use crate::{Error, Result};

const TEMPLATE: &str = "chat_template.jinja";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// How a conversation is rendered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rendering<'tools> {
    /// Whether the text ends with the beginning of an assistant's turn.
    pub add_generation_prompt: bool,
    /// Passed to the template as `enable_thinking`; `None`: undefined there.
    pub enable_thinking: Option<bool>,
    /// The functions that the model can call, in OpenAI's form.
    pub tools: &'tools [serde_json::Value],
}

/// A model's chat template: a Jinja template, rendered as transformers does it.
pub struct Template {
    environment: Environment<'static>,
    source: String,
    special_tokens: Value,
    marks_answers: bool,
}

impl Template {
    /// Reads a model folder's template: `chat_template.jinja`, or `chat_template` in `tokenizer_config.json`.
    ///
    /// # Errors
    /// If there is none, or it does not parse.
    pub fn read(folder: &Path) -> Result<Self> {
        let config = Object::read(&folder.join(TOKENIZER_CONFIG))?;
        let file = folder.join(TEMPLATE);
        if file.exists() {
            let source = std::fs::read_to_string(&file).map_err(Error::file(&file))?;
            return Self::new(&source, special_tokens(&config))
                .map_err(|error| Error::Template { path: file, reason: describe(&error) });
        }
        let source = match config.map.get("chat_template") {
            Some(serde_json::Value::String(source)) => source.clone(),
            Some(serde_json::Value::Array(named)) => {
                default_of(named).map_err(|problem| config.error("chat_template", problem))?
            }
            _ => return Err(config.error("chat_template", format!("is missing, and there is no {TEMPLATE}"))),
        };
        Self::new(&source, special_tokens(&config))
            .map_err(|error| config.error("chat_template", describe(&error)))
    }

    fn new(source: &str, special_tokens: Value) -> std::result::Result<Self, TemplateError> {
        let mut environment = jinja::environment()?;
        environment.add_function(generation::FUNCTION, generation::mark);
        let translated = generation::translate(source);
        let marks_answers = translated != source;
        environment.add_template_owned("chat", translated)?;
        Ok(Self { environment, source: source.to_owned(), special_tokens, marks_answers })
    }

    /// The template's text, as it is in the folder.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the template marks with `{% generation %}` what the model generates.
    pub fn marks_answers(&self) -> bool {
        self.marks_answers
    }

    /// Renders a conversation.
    ///
    /// # Errors
    /// [`Error::Conversation`] with the message of the template, such as that roles must alternate.
    pub fn render(&self, messages: &[Message], rendering: Rendering<'_>) -> Result<String> {
        self.render_with(messages, rendering, context! {})
    }

    /// Renders a conversation with the characters `marks` around each `{% generation %}` block.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn render_marked(
        &self,
        messages: &[Message],
        rendering: Rendering<'_>,
        marks: [char; 2],
    ) -> Result<String> {
        self.render_with(messages, rendering, generation::variables(marks))
    }

    fn render_with(&self, messages: &[Message], rendering: Rendering<'_>, more: Value) -> Result<String> {
        let thinking = match rendering.enable_thinking {
            Some(thinking) => context! { enable_thinking => thinking },
            None => context! {},
        };
        let conversation = context! {
            messages => Serde(as_templates_read(messages)),
            add_generation_prompt => rendering.add_generation_prompt,
            tools => if rendering.tools.is_empty() { Value::from(()) } else { Value::from(Serde(rendering.tools)) },
            documents => Value::from(()),
        };
        let variables = merge_maps([conversation, thinking, more, self.special_tokens.clone()]);
        let text = self.environment.get_template("chat").and_then(|template| template.render(variables));
        text.map_err(|error| Error::Conversation { problem: describe(&error) })
    }
}

/// The default one of several templates by name. Others, such as `tool_use`, are never chosen.
fn default_of(named: &[serde_json::Value]) -> std::result::Result<String, String> {
    let default = named.iter().find(|one| one["name"] == "default");
    default.and_then(|one| one["template"].as_str()).map(str::to_owned).ok_or_else(|| {
        let names: Vec<String> = named.iter().map(|one| one["name"].to_string()).collect();
        format!("has no template named \"default\"; it has {}", names.join(", "))
    })
}

/// Messages as templates read them: arguments of tool calls are objects, not JSON text, as in vLLM and in transformers'
/// examples. Malformed arguments stay text.
fn as_templates_read(messages: &[Message]) -> Vec<serde_json::Value> {
    let mut values: Vec<_> = messages.iter().map(|message| serde_json::json!(message)).collect();
    for calls in values.iter_mut().filter_map(|message| message.get_mut("tool_calls")?.as_array_mut()) {
        for arguments in calls.iter_mut().filter_map(|call| call.pointer_mut("/function/arguments")) {
            let parsed =
                arguments.as_str().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
            if let Some(object) = parsed.filter(serde_json::Value::is_object) {
                *arguments = object;
            }
        }
    }
    values
}

/// The special tokens that templates may use, such as `bos_token`, as strings.
fn special_tokens(config: &Object) -> Value {
    let tokens = ["bos_token", "eos_token", "pad_token", "unk_token"].into_iter().filter_map(|key| {
        let value = config.map.get(key)?;
        let text = value.as_str().or_else(|| value["content"].as_str())?;
        Some((key.to_owned(), Value::from(text)))
    });
    // Without the map, the pairs would be collected into a list.
    Value::from(tokens.collect::<BTreeMap<String, Value>>())
}

/// The error and its causes, in one line.
fn describe(error: &TemplateError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
