//! Servers of an evaluation's models in place of `trainer serve`: those with vLLM's HTTP API.

use fields::{Fields, FromJson, Place};
use serde::Serialize;
use serde_json::Value;

/// Arguments of vLLM that follow from the experiment.
const SET_BY_STUDY: [&str; 8] = [
    "--host",
    "--port",
    "--model",
    "--served-model-name",
    "--max-model-len",
    "--enable-lora",
    "--lora-modules",
    "--max-lora-rank",
];

/// A server with vLLM's HTTP API: OpenAI's, with its additions.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Server {
    /// Started by the study.
    Started(Vllm),
    /// Runs already.
    Running(Running),
}

/// vLLM, as the study starts it.
#[derive(Clone, Debug, Serialize)]
pub struct Vllm {
    /// The words before `serve`, such as the path of vLLM's program.
    pub program: Vec<String>,
    /// Arguments beside those that follow from the experiment.
    pub arguments: Vec<String>,
}

/// Servers that run already.
#[derive(Clone, Debug, Serialize)]
pub struct Running {
    /// Their base URLs, such as <http://127.0.0.1:8000/v1>.
    #[serde(rename = "url")]
    pub urls: Vec<String>,
    /// Their name of the base; none: they are asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl FromJson for Server {
    /// Servers with a `url` run already.
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        match value.get("url") {
            Some(_) => Running::from_json(value, place).map(Self::Running),
            None => Vllm::from_json(value, place).map(Self::Started),
        }
    }
}

impl FromJson for Vllm {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let program = fields.required_as("program", one_or_more);
        let arguments: Option<Vec<String>> = fields.or_default("arguments");
        fields.refuse_unknown();
        for (index, argument) in arguments.iter().flatten().enumerate() {
            let name = argument.split('=').next().unwrap_or_default();
            fields.at("arguments").index(index).require(!SET_BY_STUDY.contains(&name), || {
                format!("`{name}` is set by the study itself (lengths by `evaluation.context`); remove it")
            });
        }
        Some(Self { program: program?, arguments: arguments? })
    }
}

impl FromJson for Running {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let urls = fields.required_as("url", one_or_more);
        let model = fields.or_default("model");
        fields.refuse_unknown();
        Some(Self { urls: urls?, model: model? })
    }
}

/// One text, or a list of at least one.
fn one_or_more(value: &Value, place: &Place<'_>) -> Option<Vec<String>> {
    let texts = match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(_) => Vec::from_json(value, place)?,
        _ => return place.expected("a text, or a list of texts", value),
    };
    let filled = !texts.is_empty() && texts.iter().all(|text| !text.is_empty());
    place.require(filled, || "must not be empty".to_owned());
    Some(texts)
}
