//! Where model folders keep chat templates and end tokens.

use std::path::Path;

use proto::conversation::{Message, Role};
use serde_json::{Value, json};
use trainer::chat::Rendering;
use trainer::tokenizer::Tokenizer;

use crate::prepare::model;
use crate::{refusal, set};

/// A copy of a model folder that a test can change.
pub fn copy() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(model()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

#[test]
fn templates_are_found_where_folders_keep_them() {
    let folder = copy();
    let config = folder.path().join("tokenizer_config.json");
    std::fs::remove_file(folder.path().join("chat_template.jinja")).unwrap();
    let message = refusal(Tokenizer::read(folder.path()));
    assert!(message.contains("tokenizer_config.json: `chat_template` is missing"), "{message}");
    let render = || {
        let messages = [Message::new(Role::User, "x")];
        Tokenizer::read(folder.path())
            .map(|tokenizer| tokenizer.render(&messages, Rendering::default()).unwrap())
    };
    let template = "{{ eos_token }}{{ messages[0]['content'] }}{{ bos_token }}";
    set(&config, "chat_template", json!(template));
    assert_eq!(render().unwrap(), "<|im_end|>x");
    set(&config, "bos_token", json!({ "content": "<s>", "special": true }));
    let named = |name| json!([{ "name": "other", "template": "" }, { "name": name, "template": template }]);
    set(&config, "chat_template", named("default"));
    assert_eq!(render().unwrap(), "<|im_end|>x<s>");
    set(&config, "chat_template", named("tool_use"));
    let message = refusal(render());
    assert!(message.contains("`chat_template` has no template named \"default\""), "{message}");
    assert!(message.contains("it has \"other\", \"tool_use\""), "{message}");
    // The file takes precedence over the key, and templates beside it are not read.
    std::fs::write(folder.path().join("chat_template.jinja"), "file").unwrap();
    std::fs::create_dir(folder.path().join("additional_chat_templates")).unwrap();
    std::fs::write(folder.path().join("additional_chat_templates/tool_use.jinja"), "{% broken").unwrap();
    assert_eq!(render().unwrap(), "file");
}

#[test]
fn what_ends_an_answer_is_found_where_folders_say_it() {
    let folder = copy();
    let file = |name: &str| folder.path().join(name);
    let ends =
        || Tokenizer::read(folder.path()).map(|tokenizer| tokenizer.end_ids().iter().copied().collect());
    let is = |ids: &[i64]| assert_eq!(ends().unwrap(), ids.to_vec());
    is(&[0, 2]);
    set(&file("generation_config.json"), "eos_token_id", json!(1));
    is(&[1]);
    std::fs::remove_file(file("generation_config.json")).unwrap();
    is(&[2]);
    set(&file("config.json"), "eos_token_id", json!([1, 0]));
    is(&[0, 1]);
    set(&file("config.json"), "eos_token_id", Value::Null);
    is(&[2]);
    set(&file("tokenizer_config.json"), "eos_token", json!("<|nothing|>"));
    let message = refusal::<Vec<i64>>(ends());
    assert!(message.contains("`eos_token` is missing or unknown"), "{message}");
    std::fs::write(file("tokenizer.json"), "{").unwrap();
    assert!(refusal(Tokenizer::read(Path::new(folder.path()))).contains("tokenizer.json: "));
}

#[test]
fn expressions_give_what_they_give_under_transformers() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/jinja/answers.json")).unwrap();
    let folder = copy();
    let mut wrong = vec![];
    for case in fixture["cases"].as_array().unwrap() {
        let expression = case[0].as_str().unwrap();
        // The fixture's messages have parts, so they are set in the template.
        let template = format!("{{% set messages = {} %}}{{{{ {expression} }}}}", fixture["messages"]);
        std::fs::write(folder.path().join("chat_template.jinja"), template).unwrap();
        let messages = [Message::new(Role::User, "")];
        let ours = Tokenizer::read(folder.path())
            .and_then(|tokenizer| tokenizer.render(&messages, Rendering::default()));
        let agrees = match (&ours, case[1].as_str()) {
            (Ok(ours), Some(theirs)) => ours == theirs,
            (ours, theirs) => ours.is_err() && theirs.is_none(),
        };
        if !agrees {
            wrong.push(format!("{expression}\n    theirs: {}\n    ours:   {ours:?}", case[1]));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
