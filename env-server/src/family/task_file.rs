//! Reading a task file: the keys that all families share.

use fields::{Collector, Fields, Place};
use proto::task::{NaturalLanguage, TaskFile, ToolParameter, ToolSpec};
use serde_json::Value;

use super::error::Error;

/// Reads a task file's JSON. [`open`](crate::family::open) checks the sections of its family.
///
/// # Errors
/// [`Error::Malformed`], naming every key that is missing or of another type.
pub fn parse(value: &Value) -> Result<TaskFile, Error> {
    let collector = Collector::default();
    let task = read(value, &collector.root());
    Ok(collector.finish(task)?)
}

fn read(value: &Value, root: &Place<'_>) -> Option<TaskFile> {
    let fields = Fields::new(value, root)?;
    let beginning = match fields.raw("beginning") {
        None => Some(None),
        Some(beginning) => match serde_json::from_value(beginning.clone()) {
            Ok(beginning) => Some(Some(beginning)),
            Err(error) => fields.at("beginning").fail(error.to_string()),
        },
    };
    let difficulty = fields.required("difficulty");
    let family = fields.required("family");
    let generated_at = fields.required("generated_at");
    let nl = fields.required_as("nl", natural_language);
    let private = fields.required("private");
    let public = fields.required("public");
    let reference = fields.required("reference");
    let run_name = fields.required("run_name");
    let schema_version = fields.required("schema_version");
    let seed = fields.required("seed");
    let task_id = fields.required("task_id");
    let tools = match fields.raw("tools") {
        None => Some(None),
        Some(tools) => fields::elements(tools, &fields.at("tools"), tool).map(Some),
    };
    Some(TaskFile {
        beginning: beginning?,
        difficulty: difficulty?,
        family: family?,
        generated_at: generated_at?,
        nl: nl?,
        private: private?,
        public: public?,
        reference: reference?,
        run_name: run_name?,
        schema_version: schema_version?,
        seed: seed?,
        task_id: task_id?,
        tools: tools?,
    })
}

fn natural_language(value: &Value, place: &Place<'_>) -> Option<NaturalLanguage> {
    let fields = Fields::new(value, place)?;
    let instructions = fields.required("instructions");
    let output_format = fields.required("output_format");
    let title = fields.required("title");
    Some(NaturalLanguage { instructions: instructions?, output_format: output_format?, title: title? })
}

fn tool(value: &Value, place: &Place<'_>) -> Option<ToolSpec> {
    let fields = Fields::new(value, place)?;
    let description = fields.required("description");
    let name = fields.required("name");
    let parameters =
        fields.required_as("parameters", |value, place| fields::elements(value, place, parameter));
    let returns = fields.required("returns");
    fields.refuse_unknown();
    Some(ToolSpec { name: name?, description: description?, parameters: parameters?, returns: returns? })
}

fn parameter(value: &Value, place: &Place<'_>) -> Option<ToolParameter> {
    let fields = Fields::new(value, place)?;
    let name = fields.required("name");
    let python_type = fields.required("type");
    fields.refuse_unknown();
    Some(ToolParameter { name: name?, python_type: python_type? })
}
