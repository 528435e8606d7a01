//! `trainer prepare` and `trainer look`: conversations as samples; what is cut, counted and refused.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proto::conversation::{Message, Role};
use serde_json::json;
use tch::{Device, Kind, Tensor};
use trainer::chat::Rendering;
use trainer::dataset::{Dataset, record};
use trainer::prepare::{Fit, encode, fit};
use trainer::tokenizer::Tokenizer;
use trainer::weights::write_file;

use crate::{refusal, set, trainer};

/// A model folder made by `trainer init`.
pub fn model() -> &'static Path {
    static MODEL: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let make = || {
        let work = tempfile::tempdir().unwrap();
        let out = work.path().join("model");
        let runs = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/runs/persistent");
        let breaks = work.path().join("breaks.txt");
        std::fs::write(&breaks, "a\n\nb\n\n\nc".repeat(200)).unwrap();
        let (to, breaks) = (out.display().to_string(), breaks.display().to_string());
        trainer(&[
            "init",
            "--traces",
            runs,
            "--text",
            &breaks,
            "--out",
            &to,
            "--vocab-size",
            "600",
            "--hidden-size",
            "32",
            "--layers",
            "1",
        ])
        .unwrap();
        (work, out)
    };
    &MODEL.get_or_init(make).1
}

pub fn tokenizer() -> Tokenizer {
    Tokenizer::read(model()).unwrap()
}

pub fn turns(turns: &[(Role, &str)]) -> Vec<Message> {
    turns.iter().map(|(role, content)| Message::new(*role, *content)).collect()
}

const TALK: [(Role, &str); 6] = [
    (Role::System, "Be kind."),
    (Role::User, "Grüße?"),
    (Role::Assistant, "Ja 👍🏽."),
    (Role::User, "And <|im_end|> then?"),
    (Role::Assistant, ""),
    (Role::User, "unanswered"),
];

#[test]
fn answers_and_their_ends_bear_loss() {
    let tokenizer = tokenizer();
    let encoded = encode(&tokenizer, &turns(&TALK), Rendering::default()).unwrap();
    let text = tokenizer.render(&turns(&TALK), Rendering::default()).unwrap();
    assert_eq!(encoded.tokens, tokenizer.encode(&text).unwrap());
    let spoken: Vec<String> = encoded
        .ends
        .iter()
        .map(|end| {
            let start = (0..*end).rev().take_while(|position| encoded.targets[*position]).last().unwrap();
            tokenizer.decode(&encoded.tokens[start..*end], false).unwrap()
        })
        .collect();
    assert_eq!(spoken, ["Ja 👍🏽.<|im_end|>", "<|im_end|>"]);
    let targets = encoded.targets.iter().filter(|target| **target).count();
    assert_eq!(targets, tokenizer.encode("Ja 👍🏽.<|im_end|>").unwrap().len() + 1);
}

#[test]
fn a_token_that_reaches_into_an_answer_bears_no_loss() {
    // The line break of the header and those of the answer are one token.
    let tokenizer = tokenizer();
    let messages = turns(&[(Role::User, "?"), (Role::Assistant, "\n\nx")]);
    let encoded = encode(&tokenizer, &messages, Rendering::default()).unwrap();
    let first = encoded.targets.iter().position(|target| *target).unwrap();
    let before = tokenizer.decode(&encoded.tokens[..first], false).unwrap();
    let breaks = before.len() - before.trim_end_matches('\n').len();
    let learnt = tokenizer.decode(&encoded.tokens[first..encoded.ends[0]], false).unwrap();
    assert_eq!(
        format!("{before}{learnt}"),
        "<|im_start|>user\n?<|im_end|>\n<|im_start|>assistant\n\n\nx<|im_end|>"
    );
    assert!(breaks > 1, "{before:?}");
}

#[test]
fn over_long_conversations_lose_their_last_turns() {
    let tokenizer = tokenizer();
    let mut messages = turns(&TALK[..2]);
    for number in 0..5 {
        messages.push(Message::new(Role::Assistant, format!("answer {number}")));
        messages.push(Message::new(Role::User, "go on ".repeat(number + 1)));
    }
    let fit = |limit| fit(&tokenizer, &messages, Rendering::default(), limit).unwrap();
    let lengths: Vec<usize> = (1..=5)
        .map(|answers| {
            encode(&tokenizer, &messages[..2 * answers + 1], Rendering::default()).unwrap().tokens.len()
        })
        .collect();
    let Fit::Whole(whole) = fit(lengths[4]) else { panic!() };
    assert_eq!(
        (whole.tokens.len(), whole.ends.len()),
        (lengths[4], 5),
        "what follows the last answer is left out"
    );
    for limit in lengths[0]..lengths[4] {
        let kept = lengths.iter().filter(|length| **length <= limit).count();
        let Fit::Cut { encoded, answers } = fit(limit) else { panic!("{limit}") };
        assert_eq!((answers, encoded.tokens.len()), (5 - kept, lengths[kept - 1]));
        assert_eq!(encoded.tokens, whole.tokens[..encoded.tokens.len()], "system prompt and task stay");
    }
    assert_eq!(fit(lengths[0] - 1), Fit::TooLong);
    let unanswered = trainer::prepare::fit(&tokenizer, &messages[..2], Rendering::default(), 100).unwrap();
    assert_eq!(unanswered, Fit::NoAnswer);
}

/// Runs `trainer prepare` into the folder `name`.
pub fn prepare(work: &Path, name: &str, options: &[&str]) -> Result<String, String> {
    let (model, out) = (model().display().to_string(), work.join(name).display().to_string());
    trainer(&[&["prepare", "--model", &model, "--out", &out], options].concat())
}

#[test]
fn everything_is_counted_and_repeats_to_the_byte() {
    let work = tempfile::tempdir().unwrap();
    let runs = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/runs/persistent");
    let others = runs.replace("persistent", "stateless");
    let chat = work.path().join("chat.jsonl");
    let line = |messages: &[(Role, &str)]| json!({ "messages": turns(messages) }).to_string();
    let long = "word ".repeat(400);
    let lines = [
        line(&TALK),
        line(&TALK[..2]),
        line(&[(Role::User, "a"), (Role::Assistant, "b"), (Role::User, "c"), (Role::Assistant, &long)]),
        line(&[(Role::User, &long), (Role::Assistant, "b")]),
        "{".to_owned(),
    ];
    std::fs::write(&chat, lines.join("\n")).unwrap();
    let text = work.path().join("book.txt");
    std::fs::write(&text, &long).unwrap();
    let (chat, text) = (chat.display().to_string(), text.display().to_string());
    let options =
        ["--traces", runs, &others, "--chat", &chat, "--text", &text, "--sequence-len", "300", "--skip-bad"];
    let said = prepare(work.path(), "a", &options).unwrap();
    assert!(said.contains("skipped: ") && said.contains("chat.jsonl:5"), "{said}");
    prepare(work.path(), "b", &options).unwrap();
    for file in ["samples.safetensors", "dataset.json"] {
        let read = |name: &str| std::fs::read(work.path().join(name).join(file)).unwrap();
        assert_eq!(read("a"), read("b"), "{file}");
    }

    let record = record::read(&work.path().join("a")).unwrap();
    let statistics = &record.statistics;
    let dropped: usize = statistics.dropped.values().sum();
    assert_eq!(statistics.read, 12 + 5 + 1);
    assert_eq!(statistics.read, statistics.kept + statistics.cut + dropped);
    assert_eq!(statistics.dropped["not understood"], 1);
    assert_eq!(statistics.dropped["no answer"], 1);
    assert!(statistics.dropped["too long up to its first answer"] >= 1);
    assert!(statistics.cut > 1 && statistics.answers_cut >= statistics.cut);
    assert!(statistics.packing.sequences < statistics.samples && statistics.packing.fill <= 1.0);
    assert_eq!(record.provenance.sources.len(), 4);
    assert_eq!(record.provenance.sources[0].items, 6);

    let dataset = Dataset::read(&work.path().join("a")).unwrap();
    assert_eq!(dataset.len(), statistics.samples);
    assert_eq!(dataset.samples().map(|sample| sample.tokens.len()).sum::<usize>(), statistics.tokens);
    assert_eq!(dataset.samples().map(|sample| sample.tokens.len()).max(), Some(statistics.lengths.max));
    assert!(statistics.lengths.max <= 300);
    // The document is last, in pieces; it includes its end token, and all of it bears loss.
    let tokenizer = tokenizer();
    let last = dataset.sample(dataset.len() - 1);
    assert_eq!(last.tokens.last().copied(), tokenizer.document_end_id());
    assert!(last.targets.iter().all(|target| *target));

    let limited = [&options[..], &["--limit", "3"]].concat();
    prepare(work.path(), "c", &limited).unwrap();
    assert_eq!(Dataset::read(&work.path().join("c")).unwrap().len(), 3);

    let look = |options: &[&str]| {
        let (data, model) = (work.path().join("a").display().to_string(), model().display().to_string());
        trainer(&[&["look", "--data", &data, "--model", &model], options].concat())
    };
    let shown = look(&["--sample", "0"]).unwrap();
    assert!(
        shown.starts_with("⟦<|im_start|>system\n") && shown.contains("<|im_start|>assistant\n⟧"),
        "{shown}"
    );
    assert!(shown.contains("<|im_end|>⟦\n") && shown.contains("sample 0 of "), "{shown}");
    let tokens = look(&["--tokens"]).unwrap();
    assert!(tokens.starts_with("⟦     0       1  \"<|im_start|>\"⟧\n"), "{tokens}");
    assert!(look(&["--sample", "100000"]).unwrap_err().contains("--sample: there are "));
}

#[test]
fn what_cannot_be_prepared_is_refused() {
    let work = tempfile::tempdir().unwrap();
    let chat = work.path().join("chat.jsonl");
    std::fs::write(&chat, json!({ "messages": turns(&TALK[..2]) }).to_string()).unwrap();
    let chat = chat.display().to_string();
    let said = prepare(work.path(), "a", &["--chat", &chat, "--sequence-len", "64"]).unwrap_err();
    assert!(
        said.contains("nothing to learn from: 1 read, 0 kept whole, 0 cut, 1 dropped (no answer)"),
        "{said}"
    );
    assert!(!work.path().join("a").exists());
    let said = prepare(work.path(), "a", &["--chat", &chat, "--sequence-len", "1"]).unwrap_err();
    assert!(said.contains("--sequence-len: must be at least 2"), "{said}");

    std::fs::write(&chat, json!({ "messages": turns(&TALK) }).to_string()).unwrap();
    std::fs::create_dir(work.path().join("b")).unwrap();
    std::fs::write(work.path().join("b/mine"), "").unwrap();
    let said = prepare(work.path(), "b", &["--chat", &chat, "--sequence-len", "64"]).unwrap_err();
    assert!(said.contains("b: not empty"), "{said}");

    // A file with inconsistent tensors.
    prepare(work.path(), "d", &["--chat", &chat, "--sequence-len", "64"]).unwrap();
    let row = |kind| Tensor::arange(3, (kind, Device::Cpu));
    let parts = [("tokens", Kind::Int64), ("targets", Kind::Uint8), ("ends", Kind::Int64)];
    let parts = parts.map(|(name, kind)| (name.to_owned(), row(kind)));
    write_file(&work.path().join("d/samples.safetensors"), parts.into()).unwrap();
    let message = refusal(Dataset::read(&work.path().join("d")));
    assert!(message.contains("samples.safetensors: tensor `ends` does not fit the tokens"), "{message}");

    // A folder without its record is unfinished; one made with another tokenizer is refused.
    prepare(work.path(), "c", &["--chat", &chat, "--sequence-len", "64"]).unwrap();
    let data = work.path().join("c");
    set(&data.join("dataset.json"), "tokenizer_sha256", json!("0"));
    let message = refusal(record::check_tokenizer(&data, model()));
    assert!(message.contains("`tokenizer_sha256` is of the tokenizer of "), "{message}");
    set(&data.join("dataset.json"), "schema_version", json!("v0"));
    assert!(refusal(record::read(&data)).contains("`schema_version` is not"));
    std::fs::remove_file(data.join("dataset.json")).unwrap();
    assert!(refusal(record::read(&data)).contains("did not finish"));
    assert!(refusal(Dataset::read(&data)).contains("did not finish"));
}

#[test]
fn templates_that_teach_no_end_or_refuse_are_told() {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(model()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let template = |text: &str| {
        std::fs::write(copy.path().join("chat_template.jinja"), text).unwrap();
        let tokenizer = Tokenizer::read(copy.path())?;
        encode(&tokenizer, &turns(&TALK), Rendering::default())
    };
    let message = refusal(template("{% for m in messages %}{{ m.content }}\n{% endfor %}"));
    assert!(
        message.contains("behind an answer comes token") && message.contains("eos_token_id"),
        "{message}"
    );
    let message = refusal(template(
        "{% for m in messages %}{{ m.content if m.role != 'assistant' }}<|im_end|>{% endfor %}",
    ));
    assert!(message.contains("message 2 cannot be found"), "{message}");
    let message = refusal(template("{{ raise_exception('No system prompts.') }}"));
    assert!(
        message.contains("refuses the conversation") && message.contains("No system prompts."),
        "{message}"
    );
    let message = refusal(template("{% for m in messages %}"));
    assert!(message.contains("chat_template.jinja: "), "{message}");
    // Trimmed answers are found, too.
    template("{% for m in messages %}{{ m.content | trim }}<|im_end|>{% endfor %}").unwrap();
}
