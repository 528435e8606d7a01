//! Models behind an HTTP API like OpenAI's: vLLM's recorded answers, and servers that fail.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::http::{Got, Http, Reply, events};
use agent::config::{Llm, RunConfig};
use agent::model::{self, Cache, Completion, Error, GenerateRequest, Message, Model};
use serde_json::{Value, json};

/// A config's `llm`, with these keys beside the model `tiny` and waits that a test can bear.
fn llm(keys: &Value) -> Llm {
    let mut llm = json!({
        "model": "tiny", "backend": "vllm", "backoff_base_s": 0.01, "backoff_max_s": 0.01, "jitter_s": 0, "max_retries": 2,
    });
    llm.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    let config = json!({
        "output_dir": "out", "run_name": "r", "task_families": ["knapsack"],
        "agents": [{ "name": "a", "agent_type": "codeact", "persistent_state": true, "llm": llm }],
    });
    RunConfig::parse(&config.to_string()).unwrap().agents.remove(0).llm
}

async fn connect(server: &Http, keys: Value) -> Result<Arc<dyn Model>, Error> {
    let mut keys = keys;
    keys["url"] = json!(server.url);
    model::from_config(&llm(&keys), None).await
}

fn hello() -> GenerateRequest {
    GenerateRequest {
        messages: vec![Message::user("hello world")],
        max_tokens: 8,
        seed: 7,
        ..Default::default()
    }
}

fn models(names: &[&str]) -> Reply {
    let data: Vec<Value> = names.iter().map(|name| json!({ "id": name, "object": "model" })).collect();
    Reply::json(200, &json!({ "object": "list", "data": data }))
}

/// A server that lists `tiny`, and answers chats as `chat` says.
async fn serve(chat: impl Fn(&Got, usize) -> Reply + Send + Sync + 'static) -> Http {
    Http::start(move |got, before| match got.path.as_str() {
        "/v1/models" => models(&["tiny"]),
        _ => chat(got, before),
    })
    .await
}

/// An answer or an error in a line.
fn described(answer: &Result<Completion, Error>) -> String {
    match answer {
        Ok(answer) => {
            let mut words = format!("{}: {:?}", answer.finish_reason, answer.text);
            if !answer.reasoning.is_empty() {
                words.push_str(&format!(", thought {:?}", answer.reasoning));
            }
            for call in &answer.tool_calls {
                words.push_str(&format!(", {}({})", call.name, call.arguments));
            }
            if let Some(tokens) = &answer.tokens {
                let (prompt, answer, logprobs) =
                    (tokens.prompt.len(), tokens.answer.len(), tokens.logprobs.len());
                words.push_str(&format!(", ids {prompt} + {answer}, logprobs {logprobs}"));
            }
            words
        }
        Err(error) => {
            let name = format!("{error:?}");
            format!("{}: {error}", name.split([' ', '(']).next().unwrap())
        }
    }
}

/// A recording in `tests/fixtures/vllm`.
fn recording(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/vllm");
    files::read_json(&folder.join(format!("{name}.json"))).unwrap()
}

#[tokio::test]
async fn recorded_answers_are_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/vllm");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    names.sort();
    let mut lines = String::new();
    for name in names {
        let recording: Value = files::read_json(&folder.join(&name)).unwrap();
        if recording["request"]["path"] != "/v1/chat/completions" {
            continue;
        }
        let reply = Reply::recorded(&recording["response"]);
        let server = serve(move |_, _| reply.clone()).await;
        let model = connect(&server, json!({ "max_retries": 1 })).await.unwrap();
        let answer = model.generate(&hello()).await;
        let asked = server.got("/v1/chat/completions").len();
        let again = if asked > 1 { format!(" ({asked} attempts)") } else { String::new() };
        let described = described(&answer).replace(&server.url, "URL");
        lines.push_str(&format!("{}{again} {described}\n", name.trim_end_matches(".json")));
    }
    let expected = folder.join("understood.txt");
    assert_eq!(lines, std::fs::read_to_string(&expected).unwrap_or_default(), "{}", expected.display());
}

#[tokio::test]
async fn a_request_holds_what_the_server_knows() {
    let server = serve(|_, _| Reply::says("fine ")).await;
    let keys =
        json!({ "enable_thinking": true, "logprobs": true, "extra_body": { "top_p": 0.9, "seed": null } });
    let model = connect(&server, keys).await.unwrap();
    let request = GenerateRequest { stop: vec!["END".to_owned()], enable_thinking: true, ..hello() };
    assert_eq!(model.generate(&request).await.unwrap().text, "fine ");
    let sent = &server.got("/v1/chat/completions")[0];
    assert_eq!(
        sent.body,
        json!({
            "model": "tiny", "messages": [{ "role": "user", "content": "hello world" }], "temperature": 0.0,
            "max_tokens": 8, "stop": ["END"], "stream": true, "stream_options": { "include_usage": true },
            "logprobs": true, "return_token_ids": true, "chat_template_kwargs": { "enable_thinking": true }, "top_p": 0.9,
        })
    );
    assert_eq!((sent.method.as_str(), &sent.authorization), ("POST", &None));

    // Only what OpenAI's API has, and an answer in one piece, which a server may also give when asked for a stream.
    let whole =
        json!({ "choices": [{ "message": { "content": "fine" }, "finish_reason": "stop" }], "usage": null });
    for stream in [false, true] {
        let whole = whole.clone();
        let server = serve(move |_, _| Reply::json(200, &whole)).await;
        let model = connect(&server, json!({ "backend": "openai", "stream": stream })).await.unwrap();
        let answer = model.generate(&hello()).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.usage.estimated), ("fine", true));
        let mut body = server.got("/v1/chat/completions")[0].body.clone();
        assert_eq!(body.as_object_mut().unwrap().remove("stream").is_some(), stream);
        body.as_object_mut().unwrap().remove("stream_options");
        let messages = json!([{ "role": "user", "content": "hello world" }]);
        let expected = json!({ "model": "tiny", "messages": messages, "temperature": 0.0, "seed": 7, "max_completion_tokens": 8 });
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn only_what_may_pass_is_tried_again() {
    let error = |status: u16| Reply::json(status, &json!({ "error": { "message": "no", "code": status } }));
    for (status, attempts) in
        [(429, 3), (500, 3), (502, 3), (503, 3), (504, 3), (400, 1), (401, 1), (404, 1), (422, 1)]
    {
        let server = serve(move |_, _| error(status)).await;
        let model = connect(&server, json!({})).await.unwrap();
        let message = model.generate(&hello()).await.unwrap_err().to_string();
        assert!(message.contains(&status.to_string()) && message.contains(&server.url), "{message}");
        assert_eq!(server.got("/v1/chat/completions").len(), attempts, "{status}");
    }
    // After two failures it succeeds.
    let server = serve(move |_, before| if before < 2 { error(503) } else { Reply::says("at last") }).await;
    let model = connect(&server, json!({})).await.unwrap();
    assert_eq!(model.generate(&hello()).await.unwrap().text, "at last");
}

#[tokio::test]
async fn a_server_that_asks_for_a_wait_gets_it() {
    let busy = Reply::Whole {
        status: 429,
        headers: vec![("retry-after".to_owned(), "1".to_owned())],
        body: "slow down".to_owned(),
    };
    let server = serve(move |_, before| if before == 0 { busy.clone() } else { Reply::says("thanks") }).await;
    let model = connect(&server, json!({})).await.unwrap();
    let begun = Instant::now();
    assert_eq!(model.generate(&hello()).await.unwrap().text, "thanks");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let half = events("this is half an answer").split_inclusive("\n\n").take(3).collect::<String>();
    for broken in [Reply::Breaks(half.clone()), Reply::Stalls(half), Reply::Silent] {
        let reply = broken.clone();
        let server =
            serve(move |_, before| if before == 0 { reply.clone() } else { Reply::says("a whole answer") })
                .await;
        let model = connect(&server, json!({ "idle_timeout_s": 0.2 })).await.unwrap();
        assert_eq!(model.generate(&hello()).await.unwrap().text, "a whole answer", "{broken:?}");
        let server = serve(move |_, _| broken.clone()).await;
        let model = connect(&server, json!({ "idle_timeout_s": 0.1 })).await.unwrap();
        let error = model.generate(&hello()).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert_eq!(server.got("/v1/chat/completions").len(), 3);
    }
    // An answer without its end.
    let server =
        serve(|_, _| Reply::json(200, &json!({ "choices": [{ "message": { "content": "a" } }] }))).await;
    let error = connect(&server, json!({})).await.unwrap().generate(&hello()).await.unwrap_err().to_string();
    assert!(error.contains("broke off"), "{error}");
    // Something else.
    let server = serve(|_, _| Reply::json(200, &json!(["what?"]))).await;
    let error = connect(&server, json!({})).await.unwrap().generate(&hello()).await.unwrap_err().to_string();
    assert!(error.contains("what?") && error.contains("a completion"), "{error}");
}

#[tokio::test]
async fn a_dead_server_is_passed_over() {
    let dead = serve(|_, _| Reply::json(503, &json!({ "error": "starting" }))).await;
    let alive = serve(|_, _| Reply::says("here")).await;
    let urls = json!({ "url": [dead.url, alive.url, "http://127.0.0.1:1/v1"], "max_retries": 6 });
    let model = model::from_config(&llm(&urls), None).await.unwrap();
    for _ in 0..10 {
        assert_eq!(model.generate(&hello()).await.unwrap().text, "here");
    }
    assert_eq!(alive.got("/v1/chat/completions").len(), 10);
    assert!(dead.got("/v1/chat/completions").len() <= 1, "it rests after its failure");

    let error = model::from_config(&llm(&json!({ "url": "http://127.0.0.1:1/v1" })), None)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("http://127.0.0.1:1/v1") && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn what_no_call_can_mend_is_said_before_the_first() {
    let unauthorized = |_: &Got, _| Reply::json(401, &json!({ "error": "Unauthorized" }));
    let server = Http::start(unauthorized).await;
    let error = connect(&server, json!({})).await.unwrap_err().to_string();
    assert!(error.contains("401") && error.contains("`llm.api_key_env`"), "{error}");

    let server = serve(|_, _| Reply::says("x")).await;
    let error = connect(&server, json!({ "model": "other" })).await.unwrap_err().to_string();
    assert!(error.contains("`other`") && error.contains("tiny"), "{error}");
    let error =
        connect(&server, json!({ "api_key_env": "RUNTIME_GYM_NO_SUCH_KEY" })).await.unwrap_err().to_string();
    assert!(error.contains("RUNTIME_GYM_NO_SUCH_KEY") && error.contains(".env"), "{error}");

    // A server without a list of models is taken as it is, unless it should be vLLM.
    let server = Http::start(|got, _| match got.path.as_str() {
        "/v1/models" => Reply::json(404, &json!({ "detail": "Not Found" })),
        _ => Reply::says("x"),
    });
    let server = server.await;
    assert!(connect(&server, json!({ "backend": "openai" })).await.is_ok());
    let error = connect(&server, json!({})).await.unwrap_err().to_string();
    assert!(error.contains("404") && error.contains("/v1"), "{error}");
}

#[tokio::test]
async fn a_key_is_sent_and_never_shown() {
    // A variable that every process has stands for the key.
    let home = std::env::var("HOME").unwrap();
    let server = serve(|got, _| {
        let key = got.authorization.clone().unwrap_or_default();
        Reply::json(403, &json!({ "error": { "message": format!("bad key: {key}"), "code": 403 } }))
    })
    .await;
    let model = connect(&server, json!({ "api_key_env": "HOME" })).await.unwrap();
    let error = model.generate(&hello()).await.unwrap_err();
    let shown = format!("{error} {error:?} {model:?}");
    assert!(!shown.contains(&home) && shown.contains("check the key in HOME"), "{shown}");
    assert_eq!(server.got("/v1/chat/completions")[0].authorization, Some(format!("Bearer {home}")));
    assert_eq!(server.got("/v1/models")[0].authorization, Some(format!("Bearer {home}")));
}

#[tokio::test]
async fn an_adapter_is_loaded_for_the_run_under_a_name_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("adapter_model.safetensors"), "weights").unwrap();
    let server = serve(|_, _| Reply::says("adapted")).await;
    let keys = json!({ "model": "lora", "lora_path": folder.path() });
    let model = connect(&server, keys.clone()).await.unwrap();
    model.generate(&hello()).await.unwrap();
    let weights = model.weights().adapter_sha256;
    assert_eq!((model.name(), weights.len()), ("lora", 64));
    let loaded = server.got("/v1/load_lora_adapter")[0].body.clone();
    let name = loaded["lora_name"].as_str().unwrap();
    assert!(name.starts_with(&format!("lora-{}-", &weights[..8])), "{name}");
    assert_eq!(loaded["lora_path"], json!(folder.path().canonicalize().unwrap()));
    assert_eq!(server.got("/v1/chat/completions")[0].body["model"], name);
    model.release().await;
    assert_eq!(server.got("/v1/unload_lora_adapter")[0].body, json!({ "lora_name": name }));

    for (status, message) in [(404, "Not Found"), (500, "LoRA rank 32 is greater than max_lora_rank 16")] {
        let server =
            Http::start(move |_, _| Reply::json(status, &json!({ "error": { "message": message } }))).await;
        let error = connect(&server, keys.clone()).await.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert_eq!(server.got("/v1/load_lora_adapter").len(), 1);
    }
    let error =
        connect(&server, json!({ "lora_path": folder.path().join("none") })).await.unwrap_err().to_string();
    assert!(error.contains("none") && error.contains("`llm.lora_path`"), "{error}");
}

#[tokio::test]
async fn a_server_that_has_forgotten_the_adapter_loads_it_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("adapter_model.safetensors"), "weights").unwrap();
    // Another episode's call has had it loaded in between.
    let twice = Reply::recorded(&recording("lora_load_b_again")["response"]);
    let server = Http::start(move |got, before| match (got.path.as_str(), before) {
        ("/v1/load_lora_adapter", 1) => twice.clone(),
        ("/v1/load_lora_adapter", _) => Reply::Whole { status: 200, headers: vec![], body: "loaded".into() },
        ("/v1/chat/completions", 0) => Reply::recorded(&recording("err_unknown_model")["response"]),
        _ => Reply::says("adapted"),
    })
    .await;
    let model = connect(&server, json!({ "lora_path": folder.path(), "max_retries": 0 })).await.unwrap();
    assert_eq!(model.generate(&hello()).await.unwrap().text, "adapted");
    assert_eq!(server.got("/v1/load_lora_adapter").len(), 2);

    // A server that is not there yet is no reason to fail, if another one is.
    let urls = json!([server.url, "http://127.0.0.1:1/v1"]);
    assert!(
        model::from_config(&llm(&json!({ "lora_path": folder.path(), "url": urls })), None).await.is_ok()
    );
}

#[tokio::test]
async fn prompts_of_tokens_continue_what_was_seen() {
    let tokenized = recording("tokenize_chat")["response"].clone();
    let ids: Vec<u32> = serde_json::from_value(tokenized["json"]["tokens"].clone()).unwrap();
    for (name, stream) in [("completion_token_ids", false), ("completion_token_ids_stream", true)] {
        let (tokenized, completion) = (tokenized.clone(), recording(name)["response"].clone());
        let server = serve(move |got, _| match got.path.as_str() {
            "/tokenize" => Reply::recorded(&tokenized),
            _ => Reply::recorded(&completion),
        })
        .await;
        let keys = json!({
            "token_prompts": true, "stream": stream, "logprobs": true, "extra_body": { "top_p": 0.9, "seed": null },
        });
        let model = connect(&server, keys).await.unwrap();
        let answer = model.generate(&hello()).await.unwrap();
        let tokens = answer.tokens.unwrap();
        assert_eq!((answer.text.as_str(), tokens.answer.as_slice()), (" w w w w w", [316; 5].as_slice()));
        assert_eq!((tokens.prompt.len(), tokens.logprobs.len(), tokens.ended), (8, 5, false));
        assert_eq!(
            server.got("/tokenize")[0].body,
            json!({
                "model": "tiny", "messages": [{ "role": "user", "content": "hello world" }],
                "chat_template_kwargs": { "enable_thinking": false },
            })
        );
        let mut sent = server.got("/v1/completions")[0].body.clone();
        assert_eq!(sent.as_object_mut().unwrap().remove("stream").is_some(), stream);
        sent.as_object_mut().unwrap().remove("stream_options");
        assert_eq!(
            sent,
            json!({
                "model": "tiny", "prompt": ids, "temperature": 0.0, "max_tokens": 8, "logprobs": 1,
                "return_token_ids": true, "top_p": 0.9,
            })
        );

        // The first message is now an answer of two tokens of which the template knows nothing.
        let end = ids.iter().position(|id| *id == 1002).unwrap();
        let seen = [&[1001, 7, 7], &ids[end..=end]].concat();
        let request = GenerateRequest { seen: seen.clone(), max_tokens: 5000, ..hello() };
        model.generate(&request).await.unwrap();
        let sent = &server.got("/v1/completions")[1].body;
        let prompt = [&seen, &ids[end + 1..]].concat();
        assert_eq!((&sent["prompt"], &sent["max_tokens"]), (&json!(prompt), &json!(4096 - prompt.len())));
    }
}

/// Dropping a call ends its connection, so that the server stops writing.
#[tokio::test]
async fn a_dropped_call_is_cancelled() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let closed = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut chats = 0;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 1 << 16];
            let length = stream.read(&mut buffer).await.unwrap();
            if String::from_utf8_lossy(&buffer[..length]).starts_with("GET") {
                let body = r#"{"data":[{"id":"tiny"}]}"#;
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                stream.write_all((head + body).as_bytes()).await.unwrap();
                continue;
            }
            chats += 1;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await.unwrap();
            stream.write_all(events("a b").split_inclusive("\n\n").next().unwrap().as_bytes()).await.unwrap();
            // The client's end of the connection.
            while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
            return chats;
        }
    });
    let model = model::from_config(&llm(&json!({ "url": url })), None).await.unwrap();
    let call =
        tokio::time::timeout(Duration::from_millis(300), async move { model.generate(&hello()).await });
    assert!(call.await.is_err(), "the answer has no end");
    assert_eq!(tokio::time::timeout(Duration::from_secs(10), closed).await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn answers_are_kept_and_not_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache/answers.sqlite");
    let server = serve(|_, before| Reply::says(&format!("answer {before}"))).await;
    let keys = |more: Value| {
        let mut keys = json!({ "url": server.url });
        keys.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        llm(&keys)
    };
    let answer = async |llm: &Llm, request: &GenerateRequest| {
        // The cache is opened for each answer, as another run does.
        let cache = Cache::open(&path).unwrap();
        let model = model::from_config(llm, Some(&cache)).await.unwrap();
        let answer = model.generate(request).await.unwrap();
        (answer.text, answer.cached)
    };
    let usual = keys(json!({}));
    assert_eq!(answer(&usual, &hello()).await, ("answer 0".to_owned(), false));
    assert_eq!(answer(&usual, &hello()).await, ("answer 0".to_owned(), true));
    // Whatever decides an answer is a part of the key.
    let other_seed = GenerateRequest { seed: 8, ..hello() };
    assert_eq!(answer(&usual, &other_seed).await, ("answer 1".to_owned(), false));
    assert!(!answer(&keys(json!({ "extra_body": { "top_p": 0.5 } })), &hello()).await.1);
    assert_eq!(
        answer(&keys(json!({ "cache_enabled": false })), &hello()).await,
        ("answer 3".to_owned(), false)
    );
    // What is not is not.
    assert!(answer(&keys(json!({ "max_retries": 0, "stream": true })), &hello()).await.1);
    assert_eq!(server.got("/v1/chat/completions").len(), 4);

    std::fs::write(folder.path().join("text"), "no database, but long enough to be read as one".repeat(9))
        .unwrap();
    let error = Cache::open(&folder.path().join("text")).unwrap_err().to_string();
    assert!(error.contains("text") && error.contains("cache_db_path"), "{error}");
}
