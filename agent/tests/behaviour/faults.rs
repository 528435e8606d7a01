//! What a run does when a model's answers, or its server, are not as they should be: the rows of "When something goes
//! wrong" in agent_configs/README.md, with a real HTTP server.

use std::path::Path;
use std::time::Duration;

use crate::support::http::{Got, Http, Reply, events};
use crate::support::proxy::Proxy;
use crate::support::{Fake, Setup};
use agent::config::RunConfig;
use agent::run::{Error, Options, Report, execute};
use client::Retry;
use proto::run::{EpisodeResult, Layout, Status};
use proto::trace::Trace;
use serde_json::{Value, json};
use tokio::sync::watch;

/// The path of the model's calls.
const CHAT: &str = "/v1/chat/completions";

/// Plays all tasks, one after the other, with a model on a server. `llm` holds further keys of the model.
async fn run(folder: &Path, fake: &Fake, url: &str, llm: Value) -> Result<Report, Error> {
    let mut keys = json!({
        "backend": "vllm", "model": "tiny", "url": url, "max_retries": 2, "backoff_base_s": 0.01, "backoff_max_s": 0.01,
        "jitter_s": 0,
    });
    keys.as_object_mut().unwrap().extend(llm.as_object().unwrap().clone());
    let config = json!({
        "output_dir": folder, "run_name": "r", "task_families": ["knapsack"], "max_concurrent_runs": 1,
        "agents": [{ "name": "a", "agent_type": "codeact", "persistent_state": true, "llm": keys }],
    });
    let options = Options {
        config: RunConfig::parse(&config.to_string()).unwrap(),
        tasks_root: None,
        envs: vec![fake.url.clone()],
        max_examples: None,
        retry: Retry::default(),
    };
    let (_keep, stop) = watch::channel(false);
    execute(options, stop).await
}

/// The result and the trace of a task.
fn played(folder: &Path, index: u64) -> (EpisodeResult, Trace) {
    let (layout, task) = (Layout::new(folder, "r"), format!("knapsack-{index:010}"));
    let result = files::read_json(&layout.result("a", "knapsack", &task)).unwrap();
    (result, files::read_json(&layout.trace("a", "knapsack", &task)).unwrap())
}

/// A server that lists the model `tiny`, and answers calls as `chat` says.
async fn serve(chat: impl Fn(&Got, usize) -> Reply + Send + Sync + 'static) -> Http {
    Http::start(move |got, before| match got.path.as_str() {
        "/v1/models" => Reply::json(200, &json!({ "data": [{ "id": "tiny" }] })),
        _ => chat(got, before),
    })
    .await
}

/// The answer of a model that prints at its first two turns, and ends the task at the third.
fn plays(got: &Got) -> Reply {
    let messages = got.body["messages"].as_array().unwrap();
    match messages.iter().filter(|message| message["role"] == "assistant").count() {
        turn @ 0..2 => Reply::says(&format!("I look.\n```python\nprint({turn})\n```")),
        _ => Reply::says("```python\nfinish()\n```"),
    }
}

fn refuses(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": { "message": message, "code": status } }))
}

/// The last paragraph that a request tells the model, without the names in the interpreter.
fn told(got: &Got) -> String {
    let message = got.body["messages"].as_array().unwrap().last().unwrap();
    let text = message["content"].as_str().unwrap();
    text.split("\n\nNames defined").next().unwrap().rsplit("\n\n").next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_one_block_runs_what_is_meant_or_tells_the_model() {
    let call =
        json!([{ "id": "1", "type": "function", "function": { "name": "list_items", "arguments": "{}" } }]);
    let cases = [
        // What the model says, why it ends, what runs, and what the model is told.
        (json!({ "content": "I think." }), "stop", None, "holds no code block"),
        (
            json!({ "content": "```python\na = 1\n```\n```python\nb = 2\n```" }),
            "stop",
            None,
            "holds 2 code blocks",
        ),
        (
            json!({ "content": "So.\n```python\nprint('open')" }),
            "stop",
            Some("print('open')"),
            r#""output":"open\n""#,
        ),
        (
            json!({ "content": "<think>\n```python\nprint('draft')\n```\n</think>\n```python\nprint('said')\n```" }),
            "stop",
            Some("print('said')"),
            r#""output":"said\n""#,
        ),
        (
            json!({ "content": "<think>\n```python\nprint('draft')\n```" }),
            "stop",
            None,
            "holds no code block",
        ),
        (
            json!({ "reasoning": "```python\nprint('draft')\n```", "content": "```python\nprint(7)\n```" }),
            "stop",
            Some("print(7)"),
            r#""output":"7\n""#,
        ),
        (
            json!({ "content": r#"{"name": "list_items", "arguments": {}}"# }),
            "stop",
            None,
            "holds a tool call",
        ),
        (json!({ "content": null, "tool_calls": call }), "tool_calls", None, "holds a tool call"),
        (json!({ "content": r#"{"output": "12"}"# }), "stop", None, "holds a result"),
        (json!({ "content": "" }), "stop", None, "holds no code block"),
        (json!({ "content": null }), "stop", None, "holds no code block"),
        (
            json!({ "content": "```python\nprint('cut')\n```" }),
            "length",
            None,
            "cut off (finish reason: length)",
        ),
    ];
    let end = json!({ "content": "```python\nfinish()\n```" });
    let answers: Vec<Value> = (cases.iter().map(|(message, reason, ..)| (message, *reason)))
        .chain([(&end, "stop")])
        .map(|(message, reason)| json!({ "choices": [{ "message": message, "finish_reason": reason }] }))
        .collect();
    let fake = Fake::start(Setup { tasks: 1, ..Setup::default() }).await;
    let server = serve(move |_, before| Reply::json(200, &answers[before])).await;
    let folder = tempfile::tempdir().unwrap();
    let report = run(folder.path(), &fake, &server.url, json!({})).await.unwrap();
    assert_eq!(report.failed(), 0);

    let (_, trace) = played(folder.path(), 0);
    let steps: Vec<_> = trace.steps().collect();
    assert_eq!((steps.len(), trace.summary.finish_reason.as_deref()), (cases.len() + 1, Some("finish_tool")));
    let requests = server.got(CHAT);
    for (turn, (message, _, runs, tells)) in cases.iter().enumerate() {
        assert_eq!(steps[turn].code.as_deref(), *runs, "{message}");
        let told = told(&requests[turn + 1]);
        assert!(told.contains(tells), "{message}: {told}");
    }
    let run = cases.iter().filter(|(_, _, runs, _)| runs.is_some()).count();
    assert_eq!(fake.state.lock().unwrap().steps_run, run + 1, "nothing else ran");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_or_model_ends_a_run_before_it_begins() {
    let fake = Fake::start(Setup::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let closed = Http::start(|_, _| refuses(401, "Unauthorized")).await;
    let open = serve(|got, _| plays(got)).await;
    for (server, llm, parts) in [
        (&closed, json!({ "api_key_env": "HOME" }), ["401", "check the key in HOME"]),
        (&open, json!({ "model": "large" }), ["does not serve `large`", "tiny"]),
    ] {
        let error = run(folder.path(), &fake, &server.url, llm).await.unwrap_err().to_string();
        for part in parts.into_iter().chain(["`agents[0].llm`", &server.url]) {
            assert!(error.contains(part), "{error}");
        }
        assert!(server.got(CHAT).is_empty(), "no call is made");
    }
    assert!(fake.state.lock().unwrap().created.is_empty());
    assert!(!folder.path().join("r").exists(), "the folder is free for the mended config");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_withdrawn_ends_the_run_and_the_next_start_continues_it() {
    let fake = Fake::start(Setup { tasks: 5, ..Setup::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    // Valid for the first episode, and for one call of the second.
    let server = serve(|got, before| if before < 4 { plays(got) } else { refuses(401, "key revoked") }).await;
    let error = run(folder.path(), &fake, &server.url, json!({})).await.unwrap_err().to_string();
    for part in
        ["the model server can't be reached", "3 episodes in a row", "key revoked", "`llm.api_key_env`"]
    {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(server.got(CHAT).len(), 4 + 3, "such a call is not repeated");
    assert_eq!(fake.state.lock().unwrap().open_episodes(), 0);
    let statuses = (0..4).map(|index| played(folder.path(), index).0.status).collect::<Vec<_>>();
    assert_eq!(statuses, [Status::Completed, Status::Failed, Status::Failed, Status::Failed]);

    let server = serve(|got, _| plays(got)).await;
    let report = run(folder.path(), &fake, &server.url, json!({})).await.unwrap();
    assert_eq!((report.failed(), report.lines[0].played, report.lines[0].kept), (0, 4, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_context_ends_the_episode_and_it_is_evaluated() {
    let fake = Fake::start(Setup { tasks: 1, ..Setup::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let full = "This model's maximum context length is 512 tokens. However, you requested 600 tokens.";
    let server = serve(move |got, before| if before == 0 { plays(got) } else { refuses(400, full) }).await;
    let report = run(folder.path(), &fake, &server.url, json!({})).await.unwrap();
    assert_eq!(report.failed(), 0);
    let (result, trace) = played(folder.path(), 0);
    assert!(result.result.is_some(), "it is evaluated");
    assert_eq!(trace.summary.finish_reason.as_deref(), Some("context_length"));
    assert_eq!((trace.steps().count(), server.got(CHAT).len()), (1, 2), "such a call is not repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_is_asked_for_again_and_runs_once() {
    let fake = Fake::start(Setup { tasks: 1, ..Setup::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let half = events("I look.\n```python\nprint('half a').\n```")
        .split_inclusive("\n\n")
        .take(2)
        .collect::<String>();
    let server = serve(move |got, before| match before {
        0 => Reply::Stalls(half.clone()),
        2 => Reply::Breaks(half.clone()),
        _ => plays(got),
    });
    let server = server.await;
    let report = run(folder.path(), &fake, &server.url, json!({ "idle_timeout_s": 0.3 })).await.unwrap();
    assert_eq!(report.failed(), 0);
    let (_, trace) = played(folder.path(), 0);
    let codes: Vec<_> = trace.steps().map(|step| step.code.as_deref().unwrap()).collect();
    assert_eq!(codes, ["print(0)", "print(1)", "finish()"]);
    assert_eq!((server.got(CHAT).len(), fake.state.lock().unwrap().steps_run), (5, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_and_comes_back_costs_nothing() {
    let fake = Fake::start(Setup { tasks: 8, ..Setup::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let server = serve(|got, _| plays(got)).await;
    let mut proxy = Proxy::start(server.url.trim_end_matches("/v1"), 0, 0).await;
    let url = format!("{}/v1", proxy.url);
    let llm = json!({ "max_retries": 500 });
    let playing = async {
        let report = run(folder.path(), &fake, &url, llm).await.unwrap();
        assert_eq!((report.failed(), report.lines[0].played), (0, 8));
    };
    let breaking = async {
        fake.has_run(2).await;
        proxy.cut();
        tokio::time::sleep(Duration::from_millis(300)).await;
        proxy.restore().await;
    };
    tokio::join!(playing, breaking);
    let steps: usize = (0..8).map(|index| played(folder.path(), index).1.steps().count()).sum();
    assert_eq!((steps, fake.state.lock().unwrap().steps_run), (8 * 3, 8 * 3), "every step ran once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_ends_the_run_and_the_next_start_continues_it() {
    let fake = Fake::start(Setup { tasks: 20, ..Setup::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let server = serve(|got, _| plays(got)).await;
    let mut proxy = Proxy::start(server.url.trim_end_matches("/v1"), 0, 0).await;
    let url = format!("{}/v1", proxy.url);
    let breaking = async {
        fake.has_run(4).await;
        proxy.cut();
    };
    let (ended, ()) = tokio::join!(run(folder.path(), &fake, &url, json!({})), breaking);
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("the model server can't be reached") && error.contains(&url), "{error}");
    assert!(error.contains("the same command continues the run"), "{error}");
    assert_eq!(fake.state.lock().unwrap().open_episodes(), 0);

    proxy.restore().await;
    let report = run(folder.path(), &fake, &url, json!({})).await.unwrap();
    assert_eq!((report.failed(), report.lines[0].played + report.lines[0].kept), (0, 20));
    assert!(report.lines[0].kept >= 1, "what was completed is kept");
    assert_eq!(report.lines[0].summary.num_tasks_executed, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_refused_or_takes_too_long_costs_its_turn_but_not_the_first() {
    let fake = Fake::start(Setup { tasks: 1, ..Setup::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let server = serve(|got, before| match before {
        1 => refuses(422, "messages must not hold that"),
        3 => Reply::Silent,
        _ => plays(got),
    });
    let server = server.await;
    let report = run(folder.path(), &fake, &server.url, json!({ "timeout_s": 1 })).await.unwrap();
    assert_eq!(report.failed(), 0);
    let (_, trace) = played(folder.path(), 0);
    let errors: Vec<_> = trace.steps().map(|step| step.error.as_deref().unwrap_or_default()).collect();
    assert_eq!(errors.len(), 5, "{errors:?}");
    let requests = server.got(CHAT);
    for (turn, part) in [(1, "messages must not hold that"), (3, "did not answer within 1 s")] {
        assert!(errors[turn].contains(part), "{errors:?}");
        assert!(told(&requests[turn + 1]).contains(part), "{}", told(&requests[turn + 1]));
    }

    let folder = tempfile::tempdir().unwrap();
    let server = serve(|_, _| refuses(422, "no such parameter")).await;
    let report = run(folder.path(), &fake, &server.url, json!({})).await.unwrap();
    assert_eq!(report.failed(), 1);
    let error = played(folder.path(), 0).0.error.unwrap();
    assert!(error.contains("no such parameter") && error.contains(&server.url), "{error}");
}
