//! Chat templates, tokenizers and initialised models, compared with transformers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use proto::conversation::{Message, Role};
use serde_json::{Value, json};
use trainer::chat::Rendering;
use trainer::model::folder::load;
use trainer::prepare::encode;
use trainer::tokenizer::Tokenizer;

use crate::{assert_close, oracle};

/// Like Qwen3's template, with the parts of Jinja that it uses: thoughts are removed from all answers except
/// the last, which always has some.
const THOUGHTS: &str = include_str!("templates/thoughts.jinja");
/// Answers are trimmed, roles must alternate, and the system prompt is prepended to the first message.
const TRIMMED: &str = include_str!("templates/trimmed.jinja");
/// Values that templates print as JSON.
const JSON: &str = include_str!("templates/json.jinja");

const TEXTS: [&str; 8] = [
    "Plain words, 12 345 6789 numbers;\tand\r\n\r\n  blanks   \n",
    "Grüße aus Köln, naïve café – “quotes” …",
    "日本語のテキストと한국어, русский, العربية",
    "👩‍👩‍👧‍👦 family, e\u{301} combining, \u{200b}zero width, \u{fdd0}",
    "<|im_start|>user\nnot a turn<|im_end|> <|endoftext|><|im_start|",
    "def f(x):\n    return {'a': [x ** 2, -1.5e-3]}\n",
    "item_3f9a item_00ff, 7 42 100",
    "",
];

/// Folders made by `trainer init`: of each family, and one with a `--split` regex.
fn folders() -> &'static [PathBuf; 4] {
    static FOLDERS: OnceLock<(tempfile::TempDir, [PathBuf; 4])> = OnceLock::new();
    let make = || {
        let work = tempfile::tempdir().unwrap();
        let corpus = work.path().join("corpus.txt");
        std::fs::write(&corpus, TEXTS[..7].join("\n").repeat(3)).unwrap();
        let init = |name: &str, options: &[&str]| {
            let out = work.path().join(name);
            let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
            command.arg("init").arg("--text").arg(&corpus).arg("--out").arg(&out);
            command.args(["--vocab-size", "400", "--hidden-size", "48", "--layers", "2", "--heads", "4"]);
            command.args(["--kv-heads", "2", "--head-dim", "16", "--init-std", "0.2"]).args(options);
            assert!(command.status().unwrap().success());
            out
        };
        let study = r"(?<=item_|item_..)[0-9a-f]{2}| ?[0-9]{1,2}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
        let folders = [
            init("qwen3", &[]),
            init("study", &["--split", study, "--untied"]),
            init("llama", &["--model-type", "llama"]),
            init("qwen2", &["--model-type", "qwen2", "--untied"]),
        ];
        (work, folders)
    };
    &FOLDERS.get_or_init(make).1
}

/// A folder's tokenizer with another template.
fn with_template(folder: &Path, template: &str) -> (tempfile::TempDir, Tokenizer) {
    let copy = tempfile::tempdir().unwrap();
    for name in ["tokenizer.json", "tokenizer_config.json", "generation_config.json"] {
        std::fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    std::fs::write(copy.path().join("chat_template.jinja"), template).unwrap();
    let tokenizer = Tokenizer::read(copy.path()).unwrap();
    (copy, tokenizer)
}

fn conversation(turns: &[(Role, &str)]) -> Vec<Message> {
    turns.iter().map(|(role, content)| Message::new(*role, *content)).collect()
}

pub fn conversations() -> Vec<Vec<Message>> {
    use Role::{Assistant, System, User};
    vec![
        conversation(&[
            (System, "Be brief. \"Quotes\" & <tags>."),
            (User, "Grüße! 日本語?"),
            (Assistant, "Ja – 👍🏽.\n```python\nprint('x')\n```"),
            (User, r#"{"output": "x\n", "error": null}"#),
            (Assistant, "Done."),
        ]),
        conversation(&[(User, "one"), (Assistant, "two"), (User, "three")]),
        conversation(&[
            (User, "think"),
            (Assistant, "<think>\nfirst\n</think>\n\nOne."),
            (User, "<tool_response>\n1\n</tool_response>"),
            (Assistant, "<think>\nsecond, longer\n</think>\n\nTwo."),
            (User, "again"),
            (Assistant, "<think>\nlast\n</think>\n\nThree."),
        ]),
        conversation(&[(User, " blanks "), (Assistant, "around \t\n"), (User, "?"), (Assistant, "  both  ")]),
    ]
}

fn ask(folder: &Path, template: Option<&str>, conversations: &[Vec<Message>], texts: &[&str]) -> Value {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out.json");
    let job = json!({
        "folder": folder, "template": template, "conversations": conversations, "thinking": THINKING,
        "texts": texts, "out": out,
    });
    let jobs = work.path().join("jobs.json");
    std::fs::write(&jobs, json!([job]).to_string()).unwrap();
    oracle::run("oracle_data.py", "answer", &jobs);
    serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap()
}

const THINKING: [Option<bool>; 3] = [None, Some(true), Some(false)];

#[test]
fn conversations_render_and_bear_loss_as_under_transformers() {
    let conversations = conversations();
    for (name, template) in [("thoughts", THOUGHTS), ("trimmed", TRIMMED), ("json", JSON)] {
        let (_copy, tokenizer) = with_template(&folders()[0], template);
        let theirs = ask(&folders()[0], Some(template), &conversations, &[]);
        let mut rendered = theirs["rendered"].as_array().unwrap().iter();
        let mut targets = theirs["targets"].as_array().unwrap().iter();
        let mut compared = 0;
        for messages in &conversations {
            for enable_thinking in THINKING {
                for add_generation_prompt in [false, true] {
                    let rendering = Rendering { add_generation_prompt, enable_thinking, tools: &[] };
                    let ours = tokenizer.render(messages, rendering).unwrap();
                    assert_eq!(ours, rendered.next().unwrap().as_str().unwrap(), "{name}");
                }
                if !template.contains("endgeneration") {
                    continue;
                }
                let rendering = Rendering { add_generation_prompt: false, enable_thinking, tools: &[] };
                let ours = encode(&tokenizer, messages, rendering).unwrap();
                let theirs = targets.next().unwrap();
                assert_eq!(json!(ours.tokens), theirs["tokens"], "{name}");
                let flags: Vec<u8> = ours.targets.iter().map(|target| u8::from(*target)).collect();
                assert_eq!(json!(flags), theirs["targets"], "{name}: {messages:?}");
                compared += flags.iter().filter(|flag| **flag == 1).count();
            }
        }
        assert!(rendered.next().is_none() && targets.next().is_none());
        assert_eq!(compared > 0, name != "json");
    }
}

#[test]
fn initialised_tokenizers_are_theirs() {
    for folder in folders() {
        let (tokenizer, theirs) = check_tokenizer(folder);
        assert!(tokenizer.end_ids().contains(&theirs["end"].as_i64().unwrap()));
        assert_eq!(theirs["pad"], json!(tokenizer.document_end_id()));
    }
}

/// Compares a folder's tokenizer and chat template with transformers, whose answers are returned.
pub fn check_tokenizer(folder: &Path) -> (Tokenizer, Value) {
    let tokenizer = Tokenizer::read(folder).unwrap();
    let conversations = conversations();
    let theirs = ask(folder, None, &conversations, &TEXTS);
    let ids: Vec<Vec<i64>> = TEXTS.iter().map(|text| tokenizer.encode(text).unwrap()).collect();
    assert_eq!(json!(ids), theirs["ids"]);
    let decoded: Vec<String> = ids.iter().map(|ids| tokenizer.decode(ids, false).unwrap()).collect();
    assert_eq!(json!(decoded), theirs["decoded"]);
    let normalises = tokenizer.inner().get_normalizer().is_some();
    assert!(normalises || decoded == TEXTS, "{decoded:?}");
    let rendered: Vec<_> = conversations
        .iter()
        .flat_map(|messages| THINKING.map(|enable_thinking| (messages, enable_thinking)))
        .flat_map(|(messages, enable_thinking)| {
            [false, true].map(|add_generation_prompt| {
                let rendering = Rendering { add_generation_prompt, enable_thinking, tools: &[] };
                tokenizer.render(messages, rendering).unwrap()
            })
        })
        .collect();
    assert_eq!(json!(rendered), theirs["rendered"]);
    (tokenizer, theirs)
}

#[test]
fn initialised_models_give_their_logits() {
    let jobs = folders().clone().map(|folder| (folder, None));
    for ((folder, _), theirs) in jobs.iter().zip(oracle::logits(&jobs)) {
        let model = load(folder, &crate::options()).unwrap();
        assert_close("initialised", &model.forward(&oracle::batch()), &theirs, 1e-4);
    }
}
