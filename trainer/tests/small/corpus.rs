//! Traces, chat files and text files as conversations and texts; the errors of malformed ones.

use std::path::{Path, PathBuf};

use proto::conversation::Role;
use proto::dataset::{Observations, SourceKind};
use serde_json::{Value, json};
use trainer::corpus::{Content, Corpus, Sources, read};

use crate::refusal;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/runs")
}

fn traces(path: &Path) -> Sources {
    Sources { traces: vec![path.to_owned()], ..Sources::default() }
}

fn messages(corpus: &Corpus, item: usize) -> Vec<(Role, &str)> {
    let Content::Conversation { messages, .. } = &corpus.items[item].content else { panic!("a text") };
    messages.iter().map(|message| (message.role, message.content.as_str())).collect()
}

/// A trace with these steps, as `<folder>/f-1.trace.json`.
fn write_trace(folder: &Path, steps: &[Value]) -> PathBuf {
    let event = |step: &Value| json!({ "type": "StepEvent", "data": step, "timestamp": "" });
    let trace = json!({
        "summary": { "task": "Do.", "system_prompts": ["One.", "Two."] },
        "events": steps.iter().map(event).collect::<Vec<_>>(),
    });
    let path = folder.join("f-1.trace.json");
    std::fs::write(&path, trace.to_string()).unwrap();
    path
}

#[test]
fn recorded_runs_become_conversations_as_the_paper_trains() {
    let corpus = read(&traces(&fixtures().join("persistent"))).unwrap();
    assert_eq!((corpus.items.len(), corpus.bad.len(), corpus.left_out.len()), (6, 0, 0));
    assert_eq!((corpus.read[0].kind, corpus.read[0].items), (SourceKind::Traces, 6));
    let item = corpus.items.iter().position(|item| item.origin.ends_with("0000000002.trace.json")).unwrap();
    let look = "I list the items and define a helper.\n```python\nids = json.loads(list_items())\nseen = {}\n\
                def look(a, b):\n    for i in ids[a:b]:\n        seen[i] = json.loads(inspect(i))\nlook(0, 20)\n\
                print(len(ids), len(seen))\n```";
    let messages = messages(&corpus, item);
    assert_eq!(
        messages[..5],
        [
            (Role::System, "You act by writing Python.\n\nState persists between steps."),
            (Role::User, "Pick items of the allowed classes N,O,L; capacity 38; inspect budget 23."),
            (Role::Assistant, look),
            (Role::User, r#"{"output": "33 20\n"}"#),
            (Role::Assistant, "Inspect the next batch.\n```python\nlook(20, 23)\nprint(len(seen))\n```"),
        ]
    );
    // Four answers, with an observation between each two, and none after the last.
    assert_eq!((messages.len(), messages[8].0), (2 + 7, Role::Assistant));
}

#[test]
fn observations_of_every_kind() {
    let work = tempfile::tempdir().unwrap();
    let failed = json!({ "success": false, "output": "part", "error": "Oh \"ü\"" });
    write_trace(
        work.path(),
        &[
            json!({ "assistant_text": "a", "code": "x", "interpreter_result": failed }),
            json!({ "assistant_text": "b", "error": "two blocks" }),
            json!({ "assistant_text": "c" }),
            json!({ "assistant_text": "", "error": "no answer" }),
            json!({ "assistant_text": "d", "results": [{ "tool": "t", "output": "1" }, { "tool": "u", "output": "2\n3" }] }),
            json!({ "assistant_text": "e", "interpreter_result": { "success": true, "output": "" } }),
            json!({ "assistant_text": "f", "interpreter_result": { "success": true, "output": "unseen" } }),
            json!({ "assistant_text": "", "error": "unseen" }),
        ],
    );
    let paper = read(&traces(work.path())).unwrap();
    let (user, assistant) = (|text| (Role::User, text), |text| (Role::Assistant, text));
    let start = [(Role::System, "One.\n\nTwo."), user("Do."), assistant("a")];
    let rest = [
        user(r#"{"error": "Oh \"ü\""}"#),
        assistant("b"),
        user(r#"{"error": "two blocks"}"#),
        assistant("c"),
        user(r#"{"error": "no answer"}"#),
        assistant("d"),
        user("Observation: [t] 1\nObservation: [u] 2\n3"),
        assistant("e"),
        user(r#"{"output": ""}"#),
        assistant("f"),
    ];
    assert_eq!(messages(&paper, 0), [&start[..], &rest[..]].concat());

    let mut sources = traces(work.path());
    sources.options.observations = Some(Observations::Agent);
    let agent = read(&sources).unwrap();
    let messages = messages(&agent, 0);
    assert_eq!(messages[..2], [(Role::System, "One.\n\nTwo."), (Role::User, "Do.")]);
    assert_eq!(messages[3].1, r#"{"success":false,"result":null,"output":"part","error":"Oh \"ü\""}"#);
    // The turn without an answer adds its error to the message before it.
    let (no_block, error) = messages[7].1.split_once("\n\n").unwrap();
    assert!(no_block.contains("holds no code block") && error.contains("no answer"), "{no_block} {error}");
}

#[test]
fn an_archive_is_read_as_its_folder() {
    let work = tempfile::tempdir().unwrap();
    let archive = work.path().join("run.tar.gz");
    let gz =
        flate2::write::GzEncoder::new(std::fs::File::create(&archive).unwrap(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gz);
    tar.append_dir_all(".", fixtures().join("stateless")).unwrap();
    tar.into_inner().unwrap().finish().unwrap();

    let folder = read(&traces(&fixtures().join("stateless"))).unwrap();
    let packed = read(&traces(&archive)).unwrap();
    let contents = |corpus: &Corpus| corpus.items.iter().map(|item| item.content.clone()).collect::<Vec<_>>();
    assert_eq!((contents(&packed), packed.items.len()), (contents(&folder), 6));
    assert!(packed.items[0].origin.contains("run.tar.gz/"), "{}", packed.items[0].origin);

    let bytes = std::fs::read(&archive).unwrap();
    std::fs::write(&archive, &bytes[..bytes.len() / 2]).unwrap();
    assert!(
        refusal(read(&traces(&archive))).contains("run.tar.gz: no folder, and no .tar.gz that can be read")
    );
}

#[test]
fn results_tell_which_episodes_are_wanted() {
    let work = tempfile::tempdir().unwrap();
    let trace = std::fs::read(write_trace(work.path(), &[json!({ "assistant_text": "a" })])).unwrap();
    let add = |name: &str, result: Option<Value>| {
        std::fs::write(work.path().join(format!("{name}.trace.json")), &trace).unwrap();
        if let Some(result) = result {
            std::fs::write(work.path().join(format!("{name}.json")), result.to_string()).unwrap();
        }
    };
    let result = |status: &str, evaluation: Value| json!({ "status": status, "error": null, "result": evaluation, "finished_at": 1.0, "started_at": 0.0 });
    add("f-1", Some(result("completed", json!({ "is_solved": true, "score": 1.0, "metrics": {} }))));
    add("f-2", Some(result("completed", json!({ "is_solved": false, "score": 0.5, "metrics": {} }))));
    add("f-3", Some(result("failed", Value::Null)));
    add("f-4", None);
    let taken = |only_solved, min_score| {
        let mut sources = traces(work.path());
        sources.options.only_solved = only_solved;
        sources.options.min_score = min_score;
        let corpus = read(&sources).unwrap();
        (corpus.items.len(), corpus.left_out.into_iter().collect::<Vec<_>>())
    };
    let reasons =
        |reasons: &[&str]| reasons.iter().map(|reason| ((*reason).to_owned(), 1)).collect::<Vec<_>>();
    assert_eq!(taken(false, None), (3, reasons(&["episode failed"])));
    assert_eq!(taken(true, None), (1, reasons(&["episode failed", "no evaluation", "not solved"])));
    assert_eq!(taken(false, Some(0.5)), (2, reasons(&["episode failed", "no evaluation"])));
    assert_eq!(taken(false, Some(0.6)), (1, reasons(&["episode failed", "no evaluation", "score too low"])));
}

#[test]
fn broken_traces_and_lines_are_named_or_skipped() {
    let work = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = work.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let good =
        r#"{"id": 7, "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}"#;
    let chat = |line: &str| Sources {
        chats: vec![file("chat.jsonl", &format!("{good}\n\n{line}\n"))],
        ..Sources::default()
    };
    for (line, named) in [
        ("{", "chat.jsonl:3: EOF"),
        (r#"{"turns": []}"#, "chat.jsonl:3: `messages` is missing"),
        (r#"{"messages": []}"#, "chat.jsonl:3: `messages` is empty"),
        (
            r#"{"messages": [{"role": "user", "content": 3}]}"#,
            "chat.jsonl:3: `messages[0].content` must be a string",
        ),
        (
            r#"{"messages": [{"role": "oracle", "content": ""}]}"#,
            "chat.jsonl:3: `messages[0].role` is \"oracle\"",
        ),
        (
            r#"{"messages": [{"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}]}"#,
            "`messages[0].tool_calls[0]` has no `function` with a `name`",
        ),
        (
            r#"{"messages": [{"role": "assistant", "content": "a", "reasoning_content": "hm"}]}"#,
            "`messages[0].reasoning_content` is not supported",
        ),
        (
            r#"{"messages": [{"role": "assistant", "content": "a", "weight": 0}]}"#,
            "`messages[0].weight` is not supported",
        ),
        (r#"{"messages": [{"role": "user", "content": null}]}"#, "`messages[0].content` is missing or null"),
        (r#"{"messages": [{"role": "user", "content": NaN}]}"#, "`messages[0].content` is missing or null"),
        (
            r#"{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}"#,
            "`messages[0].content[0]` is of type \"image_url\"; only text is supported",
        ),
        (&good.replace("\"id\": 7", "\"tools\": [1]"), "chat.jsonl:3: `tools` is not a list of functions"),
        (&format!("{good} x"), "chat.jsonl:3: trailing characters"),
    ] {
        let message = refusal(read(&chat(line)));
        assert!(message.contains(named), "{message}");
        let corpus = read(&Sources { skip_bad: true, ..chat(line) }).unwrap();
        assert_eq!((corpus.items.len(), &corpus.bad), (1, &vec![message]));
    }

    let text = |name: &str, text: &str| Sources { texts: vec![file(name, text)], ..Sources::default() };
    assert!(refusal(read(&text("t.txt", ""))).contains("t.txt: is empty"));
    assert!(refusal(read(&text("t.jsonl", "{\"text\": \"\"}"))).contains("t.jsonl:1: `text` is empty"));
    let corpus = read(&text("t.jsonl", "{\"text\": \"a\\nb\"}\n{\"text\": \"c\"}")).unwrap();
    assert_eq!(corpus.items[0].content, Content::Text("a\nb".to_owned()));
    assert_eq!((corpus.items.len(), corpus.items[1].origin.ends_with("t.jsonl:2")), (2, true));

    let message = refusal(read(&traces(work.path())));
    assert!(message.contains("no traces found"), "{message}");
    let path = write_trace(work.path(), &[json!({ "assistant_text": 3 })]);
    let message = refusal(read(&traces(work.path())));
    assert!(message.contains("f-1.trace.json: `events[0]` is no StepEvent: "), "{message}");
    std::fs::write(&path, r#"{"summary": {}, "events": []}"#).unwrap();
    assert!(refusal(read(&traces(work.path()))).contains("f-1.trace.json: `summary.task` is missing"));
    std::fs::write(&path, "{").unwrap();
    assert!(refusal(read(&traces(work.path()))).contains("f-1.trace.json: EOF"));
    write_trace(work.path(), &[json!({ "assistant_text": "a" })]);
    std::fs::write(work.path().join("f-1.json"), "[]").unwrap();
    assert!(refusal(read(&traces(work.path()))).contains("f-1.json: "));
    let skipped = read(&Sources { skip_bad: true, ..traces(work.path()) }).unwrap();
    assert_eq!((skipped.items.len(), skipped.bad.len()), (0, 1));
    assert!(refusal(read(&traces(&work.path().join("nowhere")))).contains("nowhere: "));
}

#[test]
fn what_says_nothing_is_accepted_in_chat_files() {
    let work = tempfile::tempdir().unwrap();
    let read = |line: &str| {
        let path = work.path().join("chat.jsonl");
        std::fs::write(&path, line).unwrap();
        let corpus = read(&Sources { chats: vec![path], ..Sources::default() }).unwrap();
        corpus.items.into_iter().next().unwrap().content
    };
    let plain = read(r#"{"messages":[{"role":"user","content":"1"},{"role":"assistant","content":"one"}]}"#);
    for line in [
        "\u{feff}{\"messages\":[{\"role\":\"user\",\"content\":\"1\"},{\"role\":\"assistant\",\"content\":\"one\"}]}",
        r#"{"messages":[{"role":"user","content":"1","name":null},{"role":"assistant","content":"one","tool_calls":null,"function_call":null,"refusal":null,"annotations":[],"weight":1}]}"#,
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"1"}]},{"role":"assistant","content":[{"type":"text","text":"one"}]}]}"#,
        r#"{"messages":[{"role":"user","content":"1"},{"role":"assistant","content":"one","tool_calls":[]}],"tools":[],"functions":null,"documents":[]}"#,
        r#"{"score":NaN,"range":[-Infinity,Infinity],"note":"\"NaN","messages":[{"role":"user","content":"1"},{"role":"assistant","content":"one"}]}"#,
    ] {
        assert_eq!(read(line), plain, "{line}");
    }
    // Words in strings are text; a developer's message is the system's; parts are joined by line breaks.
    let told = read(
        r#"{"x":NaN,"messages":[{"role":"developer","content":[{"type":"text","text":"NaN"},{"type":"text","text":"\\\"Infinity"}]},{"role":"tool","content":"t","tool_call_id":"1"},{"role":"assistant","content":"a"}]}"#,
    );
    let Content::Conversation { messages, .. } = told else { panic!() };
    assert_eq!((messages[0].role, messages[0].content.as_str()), (Role::System, "NaN\n\\\"Infinity"));
    assert_eq!(messages[1].role, Role::Tool);
}
