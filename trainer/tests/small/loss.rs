//! Which tokens bear loss: as templates write answers, thoughts and calls of tools, and as traces recorded them.

use std::path::Path;

use proto::conversation::{Message, Role, ToolCall};
use serde_json::json;
use trainer::chat::Rendering;
use trainer::dataset::{Dataset, record};
use trainer::prepare::encode;
use trainer::tokenizer::Tokenizer;

use crate::chat::copy;
use crate::prepare::{prepare, tokenizer, turns};
use crate::trainer;

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
