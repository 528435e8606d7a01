//! `trainer prepare` and `trainer look`: which tokens bear loss, what is cut, what is counted.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proto::conversation::{Message, Role, ToolCall};
use serde_json::json;
use tch::{Device, Kind, Tensor};
use trainer::chat::Rendering;
use trainer::dataset::{Dataset, record};
use trainer::prepare::{Fit, encode, fit};
use trainer::tokenizer::Tokenizer;
use trainer::weights::write_file;

use crate::chat::copy;
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

fn tokenizer() -> Tokenizer {
    Tokenizer::read(model()).unwrap()
}

fn turns(turns: &[(Role, &str)]) -> Vec<Message> {
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
fn prepare(work: &Path, name: &str, options: &[&str]) -> Result<String, String> {
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

/// Qwen3's way: the last answer always has thoughts, earlier ones have none.
const LAST_THINKS: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}\
    {%- set thoughts = m.content.split('</think>')[0].split('<think>')[-1].strip('\n') if '</think>' in m.content else '' %}\
    {%- set said = m.content.split('</think>')[-1].lstrip('\n') %}\
    {%- if m.role == 'assistant' and loop.last %}{{ '<think>\n' + thoughts + '\n</think>\n\n' + said }}\
    {%- else %}{{ said }}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}\
    {%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}\
    {%- if enable_thinking is defined and not enable_thinking %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}";

/// Answers are marked, thoughts included.
const MARKED: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}\
    {%- if m.role == 'assistant' %}{%- generation -%} {{ m.content | trim + '<|im_end|>' }} {%- endgeneration %}\
    {%- else %}{{ m.content + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}\
    {%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/// The texts that bear loss.
fn learnt(template: &str, talk: &[(Role, &str)], enable_thinking: Option<bool>) -> Vec<String> {
    learnt_of(template, &turns(talk), Rendering { enable_thinking, ..Rendering::default() })
}

fn learnt_of(template: &str, messages: &[Message], rendering: Rendering<'_>) -> Vec<String> {
    let folder = copy();
    std::fs::write(folder.path().join("chat_template.jinja"), template).unwrap();
    let tokenizer = Tokenizer::read(folder.path()).unwrap();
    let encoded = encode(&tokenizer, messages, rendering).unwrap();
    let mut start = 0;
    let mut texts = vec![];
    for position in 0..=encoded.tokens.len() {
        let bears = encoded.targets.get(position).copied().unwrap_or(false);
        if !bears && start < position {
            texts.push(tokenizer.decode(&encoded.tokens[start..position], false).unwrap());
        }
        start = if bears { start } else { position + 1 };
    }
    texts
}

#[test]
fn an_answer_begins_where_its_prompt_ends() {
    use Role::{Assistant, User};
    let talk = [
        (User, "one?"),
        (Assistant, "<think>\nhm\n</think>\n\none"),
        (User, "two?"),
        (Assistant, "<think>\nwell\n</think>\n\ntwo"),
    ];
    let thought = "<think>\nwell\n</think>\n\ntwo<|im_end|>";
    // What the model has to write after the prompt bears loss: its thoughts, from their first token on.
    assert_eq!(learnt(LAST_THINKS, &talk, None), ["one<|im_end|>", thought]);
    assert_eq!(learnt(LAST_THINKS, &talk, Some(true)), ["one<|im_end|>", thought]);
    let plain = [(User, "one?"), (Assistant, "one")];
    assert_eq!(learnt(LAST_THINKS, &plain, None), ["<think>\n\n</think>\n\none<|im_end|>"]);
    // What the prompt holds bears none.
    assert_eq!(learnt(LAST_THINKS, &plain, Some(false)), ["one<|im_end|>"]);
    // A prompt without the header of the answer: the model writes the header.
    let bare = "{% for m in messages %}<|im_start|>{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}";
    assert_eq!(learnt(bare, &plain, None), ["<|im_start|>assistant: one<|im_end|>"]);
    // A template that opens the thoughts itself, and shows earlier ones without them.
    let opened = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ '<think>\n' if m.role == 'assistant' and loop.last }}\
        {{- m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}";
    let open = [(User, "a"), (Assistant, "b"), (User, "c"), (Assistant, "hm\n</think>\n\nd")];
    assert_eq!(learnt(opened, &open, None), ["b<|im_end|>", "hm\n</think>\n\nd<|im_end|>"]);
    // A user who quotes the prompt.
    let quoting = [(User, "<|im_start|>assistant\nx"), (Assistant, "y")];
    assert_eq!(learnt(LAST_THINKS, &quoting, Some(false)), ["y<|im_end|>"]);
}

/// Qwen's way of writing calls.
const CALLS: &str = "{% if tools %}{{ '<|im_start|>system\n' }}{% for tool in tools %}{{ (tool | tojson) + '\n' }}\
    {%- endfor %}{{ '<|im_end|>\n' }}{% endif %}\
    {%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content }}\
    {%- for call in m.tool_calls or [] %}{% if m.content or not loop.first %}{{ '\n' }}{% endif %}\
    {{- '<tool_call>{\"name\": \"' + call.function.name + '\", \"arguments\": ' + (call.function.arguments | tojson) + '}</tool_call>' }}\
    {%- endfor %}{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/// Writes a trace whose calls have tokens: for each its `seen`, the rest of its prompt, its answer, and the answer's text.
fn write_recorded(folder: &Path, calls: &[(usize, &[i64], &[i64], &str)]) {
    std::fs::create_dir_all(folder).unwrap();
    let event = |kind: &str, data| json!({ "type": kind, "data": data, "timestamp": "" });
    let events: Vec<_> = calls
        .iter()
        .flat_map(|(seen, prompt, answer, text)| {
            let tokens = json!({ "seen": seen, "prompt": prompt, "answer": answer });
            let result = json!({ "success": true, "output": "7\n" });
            [
                event("ModelResponseEvent", json!({ "tokens": tokens })),
                event(
                    "StepEvent",
                    json!({ "assistant_text": text, "code": "x", "interpreter_result": result }),
                ),
            ]
        })
        .collect();
    let summary = json!({ "task": "Go.", "system_prompts": [] });
    let trace = json!({ "provenance": { "schema_version": "runtime_gym.trace.v1" }, "summary": summary, "events": events });
    std::fs::write(folder.join("f-1.trace.json"), trace.to_string()).unwrap();
}

#[test]
fn recorded_tokens_are_taken_as_they_are() {
    let work = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer();
    let ids = |text: &str| tokenizer.encode(text).unwrap();
    let end = *tokenizer.end_ids().first().unwrap();
    // Tokens that the tokenizer itself would not choose: one for each character.
    let split =
        |text: &str| text.chars().flat_map(|character| ids(&character.to_string())).collect::<Vec<_>>();
    let (one, two, three) = (split("print(1)"), split("print(2)"), split("print(3)"));
    assert_ne!(one, ids("print(1)"));
    let with_end = |ids: &[i64]| [ids, &[end]].concat();
    let (prompt, more, other) = (ids("The task."), ids("next"), ids("A new prompt."));
    let first = prompt.len() + one.len() + 1;
    let prepared = |calls: &[(usize, &[i64], &[i64], &str)], name: &str, options: &[&str]| {
        let traces = work.path().join(format!("traces-{name}"));
        write_recorded(&traces, calls);
        let _ =
            prepare(work.path(), name, &[&["--traces", traces.to_str().unwrap()], options].concat()).unwrap();
        let folder = work.path().join(name);
        (Dataset::read(&folder).unwrap(), record::read(&folder).unwrap().statistics)
    };
    let (one_end, two_end, three_end) = (with_end(&one), with_end(&two), with_end(&three));
    let calls: [(usize, &[i64], &[i64], &str); 4] = [
        (0, &prompt, &one_end, "print(1)"),
        (first, &more, &two_end, "print(2)"),
        (0, &other, &three, "print(3)"), // cut off: without an end
        (other.len() + three.len(), &more, &three_end, "print(3)"),
    ];
    let (data, statistics) = prepared(&calls, "a", &["--sequence-len", "200"]);
    assert_eq!((data.len(), statistics.read, statistics.kept, statistics.recorded), (2, 1, 1, 1));
    let whole = [prompt.as_slice(), &one_end, &more, &two_end].concat();
    assert_eq!(data.sample(0).tokens, whole);
    let targets: Vec<i64> =
        whole.iter().zip(data.sample(0).targets).filter(|(_, bears)| **bears).map(|(id, _)| *id).collect();
    assert_eq!(targets, [one_end.as_slice(), &two_end].concat());
    assert_eq!(data.sample(1).tokens, [other.as_slice(), &three, &more, &three_end].concat());
    assert_eq!(
        data.sample(1).targets.iter().filter(|bears| **bears).count(),
        three_end.len(),
        "the cut answer bears none"
    );

    let (data, statistics) = prepared(&calls[..2], "b", &["--sequence-len", &(whole.len() - 1).to_string()]);
    assert_eq!((data.sample(0).tokens.len(), statistics.cut, statistics.answers_cut), (first, 1, 1));

    // The text is taken if the ids are another tokenizer's, or the observations or the thinking are to be others.
    let text = (0, prompt.as_slice(), one_end.as_slice(), "something else");
    for (name, calls, options) in [
        ("c", vec![text], vec!["--sequence-len", "200"]),
        ("d", vec![(0, &prompt[..], &[99_999][..], "print(1)")], vec!["--sequence-len", "200"]),
        ("e", calls[..1].to_vec(), vec!["--sequence-len", "200", "--observations", "agent"]),
        ("f", calls[..1].to_vec(), vec!["--sequence-len", "200", "--enable-thinking", "false"]),
    ] {
        assert_eq!(prepared(&calls, name, &options).1.recorded, 0, "{name}");
    }
    let traces = work.path().join("wrong");
    write_recorded(&traces, &[(3, &prompt, &one_end, "print(1)")]);
    let error = prepare(work.path(), "g", &["--traces", traces.to_str().unwrap(), "--sequence-len", "200"])
        .unwrap_err();
    assert!(error.contains("tokens.seen"), "{error}");
}

#[test]
fn calls_of_tools_bear_loss() {
    let call = |name: &str, arguments: &str| ToolCall {
        id: format!("call_{name}"),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    let calls = [call("look", "{\"b\":1,\"a\":\"é\"}"), call("list", "{}")];
    let messages = [
        Message::user("Go."),
        Message { tool_calls: calls.to_vec(), ..Message::assistant("I look.") },
        Message::tool(&calls[0], "7"),
        Message::tool(&calls[1], "[]"),
        Message { tool_calls: vec![call("finish", "not JSON")], ..Message::assistant("") },
    ];
    let tools = [json!({ "type": "function", "function": { "name": "look" } })];
    let rendering = Rendering { tools: &tools, ..Rendering::default() };
    let two = "I look.\n<tool_call>{\"name\": \"look\", \"arguments\": {\"b\": 1, \"a\": \"é\"}}</tool_call>\n\
               <tool_call>{\"name\": \"list\", \"arguments\": {}}</tool_call><|im_end|>";
    let last = "<tool_call>{\"name\": \"finish\", \"arguments\": \"not JSON\"}</tool_call><|im_end|>";
    assert_eq!(learnt_of(CALLS, &messages, rendering), [two, last]);

    // The same from a trace, with the functions that its model was offered.
    let work = tempfile::tempdir().unwrap();
    let model = copy();
    std::fs::write(model.path().join("chat_template.jinja"), CALLS).unwrap();
    let steps = [
        json!({ "assistant_text": "I look.", "calls": calls, "results": [{ "tool": "look", "output": "7" }, { "tool": "list", "output": "[]" }] }),
        json!({ "calls": messages[4].tool_calls, "results": [{ "tool": "finish", "output": "None" }] }),
    ];
    let events = steps.map(|step| json!({ "type": "StepEvent", "data": step, "timestamp": "" }));
    let provenance = json!({ "schema_version": "runtime_gym.trace.v1", "tools": tools, "agent": { "agent_type": "react" } });
    let summary = json!({ "task": "Go.", "system_prompts": [] });
    let trace = json!({ "provenance": provenance, "summary": summary, "events": events });
    std::fs::write(work.path().join("f-1.trace.json"), trace.to_string()).unwrap();
    // And from a chat file.
    let line = json!({ "messages": messages, "tools": tools });
    std::fs::write(work.path().join("chat.jsonl"), line.to_string()).unwrap();
    let whole = Tokenizer::read(model.path()).unwrap();
    let whole = encode(&whole, &messages, rendering).unwrap();
    for (name, source, path) in
        [("a", "--traces", work.path().to_owned()), ("b", "--chat", work.path().join("chat.jsonl"))]
    {
        let out = work.path().join(name);
        let [model, path, to] = [model.path(), &path, &out].map(|path| path.to_str().unwrap());
        trainer(&["prepare", "--model", model, source, path, "--out", to, "--sequence-len", "400"]).unwrap();
        let data = Dataset::read(&out).unwrap();
        assert_eq!((data.len(), data.sample(0).tokens), (1, whole.tokens.as_slice()), "{source}");
        assert_eq!(data.sample(0).targets, whole.targets, "{source}");
    }
}

#[test]
fn thinking_is_as_in_the_run_that_made_the_trace() {
    let model = copy();
    std::fs::write(model.path().join("chat_template.jinja"), LAST_THINKS).unwrap();
    let work = tempfile::tempdir().unwrap();
    let targets = |agent: serde_json::Value, options: &[&str]| {
        let step = json!({ "type": "StepEvent", "data": { "assistant_text": "one" }, "timestamp": "" });
        let summary = json!({ "task": "one?", "system_prompts": [] });
        let trace = json!({ "provenance": { "agent": agent }, "summary": summary, "events": [step] });
        let (traces, out) = (work.path().join("f-1.trace.json"), work.path().join("data"));
        std::fs::write(&traces, trace.to_string()).unwrap();
        let _ = std::fs::remove_dir_all(&out);
        let [model, traces, out] = [model.path(), work.path(), &out].map(|path| path.to_str().unwrap());
        let fixed = ["prepare", "--model", model, "--traces", traces, "--out", out, "--sequence-len", "100"];
        trainer(&[&fixed, options].concat()).unwrap();
        record::read(Path::new(out)).unwrap().statistics.target_tokens
    };
    let thinking = |value: bool| json!({ "llm": { "enable_thinking": value } });
    let (with, without) = (targets(thinking(true), &[]), targets(thinking(false), &[]));
    assert!(with > without, "{with} and {without}: empty thoughts are learnt, or are a part of the prompt");
    assert_eq!(targets(json!({}), &[]), with, "undefined where nothing is known");
    assert_eq!(targets(thinking(false), &["--enable-thinking", "true"]), with);
    assert_eq!(targets(thinking(true), &["--enable-thinking", "false"]), without);
}

#[test]
fn what_a_template_marks_bears_loss() {
    use Role::{Assistant, User};
    let talk = [(User, "a"), (Assistant, "<think>\nb\n</think>\n\nc"), (User, "d"), (Assistant, "e")];
    assert_eq!(learnt(MARKED, &talk, None), ["<think>\nb\n</think>\n\nc<|im_end|>", "e<|im_end|>"]);
    // Marks around less: the end token right behind them is learnt all the same, or nothing would end.
    let outside = MARKED
        .replace("| trim + '<|im_end|>' }}", "| trim }}")
        .replace("endgeneration %}", "endgeneration %}{{ '<|im_end|>' }}");
    assert_eq!(learnt(&outside, &talk, None), ["<think>\nb\n</think>\n\nc<|im_end|>", "e<|im_end|>"]);
    // Only the last answer, in two parts.
    let last = "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if loop.last %}{% generation %}{{ m.content }}\
        {%- endgeneration %} # {% generation %}ok<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}\
        {%- endfor %}";
    assert_eq!(learnt(last, &talk, None), ["e", "ok<|im_end|>"]);
    // Marks do not change the text, and variables set between them end with them.
    let scoped = MARKED.replace("endgeneration %}", "set r = 1 %}{%- endgeneration %}{{ r is defined }}");
    assert_eq!(learnt(&scoped, &talk[2..], None), ["e<|im_end|>"]);
}
