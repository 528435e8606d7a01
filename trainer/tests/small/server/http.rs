//! The endpoints over HTTP, compared with recorded answers of vLLM.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use super::client::Served;
use super::recorded::{assert_shape, body, events, recorded};

#[tokio::test]
async fn answers_have_the_shape_of_vllm() {
    let served = Served::start(&[]);
    for name in ["chat_basic", "chat_logprobs"] {
        let exchange = recorded(name);
        let (status, ours) = served.chat(&body(&exchange)).await;
        assert_eq!(status, 200, "{ours}");
        assert_shape(name, &ours, &exchange["response"]["json"]);
        assert_eq!(ours["choices"][0]["finish_reason"], "length");
        assert_eq!(ours["usage"]["completion_tokens"], 8);
    }

    let exchange = recorded("chat_stream");
    let whole = served.chat(&body(&recorded("chat_basic"))).await.1;
    let (status, text) =
        served.http("POST", "/v1/chat/completions", Some(&body(&exchange).to_string())).await;
    assert_eq!(status, 200);
    let (ours, theirs) = (events(&text), exchange["response"]["sse_events"].as_array().unwrap().clone());
    assert_shape("first", &ours[0], &theirs[0]);
    assert_shape("piece", &ours[1], &theirs[1]);
    assert_shape("usage", ours.last().unwrap(), theirs.iter().rfind(|event| event.is_object()).unwrap());
    let delta =
        |event: &Value| event["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned();
    let text: String = ours.iter().map(delta).collect();
    assert_eq!(json!(text), whole["choices"][0]["message"]["content"]);
    assert_eq!(ours[ours.len() - 2]["choices"][0]["finish_reason"], "length");

    let (status, models) = served.http("GET", "/v1/models", None).await;
    let models: Value = serde_json::from_str(&models).unwrap();
    assert_eq!(
        (status, &models["data"][1]["id"], &models["data"][1]["parent"]),
        (200, &json!("even"), &json!("model"))
    );
    assert_eq!(served.http("GET", "/health", None).await, (200, String::new()));
}

#[tokio::test]
async fn errors_have_the_shape_and_status_of_vllm() {
    let served = Served::start(&["--context", "4096"]);
    for (name, param) in [
        ("err_unknown_model", json!("model")),
        ("err_max_tokens_0", json!("max_tokens")),
        ("err_bad_temperature", json!("temperature")),
        ("err_context_overflow_prompt", json!("input_tokens")),
        ("err_top_logprobs_too_many", json!("top_logprobs")),
        ("err_invalid_json", json!("body")),
    ] {
        let exchange = recorded(name);
        let text = match exchange["request"]["raw_body"].as_str() {
            Some(text) => text.to_owned(),
            None => body(&exchange).to_string(),
        };
        let (status, ours) = served.http("POST", "/v1/chat/completions", Some(&text)).await;
        let ours: Value = serde_json::from_str(&ours).unwrap();
        assert_eq!(json!(status), exchange["response"]["status"], "{name}: {ours}");
        assert_shape(name, &ours, &exchange["response"]["json"]);
        assert_eq!(ours["error"]["param"], param, "{ours}");
        if name == "err_context_overflow_prompt" {
            // The words by which clients recognise it; the tokenizers differ.
            let words = |error: &Value| {
                let message = error["error"]["message"].as_str().unwrap();
                message.chars().filter(|character| !character.is_ascii_digit()).collect::<String>()
            };
            assert_eq!(words(&ours), words(&exchange["response"]["json"]));
        }
    }
    for (name, method, path) in
        [("err_404_path", "POST", "/v1/nope"), ("err_405_method", "GET", "/v1/chat/completions")]
    {
        let (status, ours) = served.http(method, path, None).await;
        let theirs = &recorded(name)["response"];
        assert_eq!(
            (json!(status), serde_json::from_str(&ours).unwrap()),
            (theirs["status"].clone(), theirs["json"].clone())
        );
    }
}

#[tokio::test]
async fn what_would_change_the_answer_is_obeyed_or_refused_by_name() {
    let served = Served::start(&[]);
    let ask = async |extra: Value| {
        let mut body = json!({
            "model": "even", "messages": [{ "role": "user", "content": "hello" }], "max_tokens": 20,
            "temperature": 0, "ignore_eos": true, "return_token_ids": true,
        });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        served.chat(&body).await
    };
    let (status, plain) =
        ask(json!({ "no_such_key": 1, "n": 1, "tools": [], "presence_penalty": 0.0, "logit_bias": null }))
            .await;
    assert_eq!((status, plain["model"].as_str()), (200, Some("even")));
    let ids = |answer: &Value| answer["choices"][0]["token_ids"].clone();
    // Parts of text are joined; another adapter gives another answer.
    let parts = json!([{ "role": "user", "content": [{ "type": "text", "text": "hello" }] }]);
    assert_eq!(ids(&ask(json!({ "messages": parts })).await.1), ids(&plain));
    assert_ne!(ids(&ask(json!({ "model": "model" })).await.1), ids(&plain));
    let thinking = ask(json!({ "chat_template_kwargs": { "enable_thinking": false } })).await.1;
    assert!(
        thinking["prompt_token_ids"].as_array().unwrap().len()
            > plain["prompt_token_ids"].as_array().unwrap().len()
    );
    // A single stop string; max_completion_tokens takes precedence over max_tokens.
    let text = plain["choices"][0]["message"]["content"].as_str().unwrap();
    let stop: String = text.chars().skip(4).take(2).collect();
    let stopped = ask(json!({ "stop": stop })).await.1;
    assert_eq!(stopped["choices"][0]["message"]["content"], json!(text[..text.find(&stop).unwrap()]));
    assert_eq!(
        (&stopped["choices"][0]["finish_reason"], &stopped["choices"][0]["stop_reason"]),
        (&json!("stop"), &json!(stop))
    );
    assert_eq!(ask(json!({ "max_completion_tokens": 3 })).await.1["usage"]["completion_tokens"], 3);
    // Seeds; the default temperature is 1.
    let sampled = async |seed| ids(&ask(json!({ "temperature": null, "seed": seed })).await.1);
    assert_eq!(sampled(5).await, sampled(5).await);
    assert_ne!(sampled(5).await, sampled(6).await);

    for (key, value) in [
        ("n", json!(2)),
        ("tools", json!([{ "type": "function" }])),
        ("response_format", json!({ "type": "json_object" })),
        ("logit_bias", json!({ "5": 1 })),
        ("presence_penalty", json!(0.5)),
        ("repetition_penalty", json!(1.1)),
        ("chat_template_kwargs.style", json!(1)),
        ("top_k", json!(-2)),
        ("top_p", json!(0)),
        ("temperature", json!("hot")),
        ("messages", json!([])),
        ("messages[0].role", json!("oracle")),
        ("max_tokens", json!(100_000)),
    ] {
        let extra = match key {
            "chat_template_kwargs.style" => json!({ "chat_template_kwargs": { "style": value } }),
            "messages[0].role" => json!({ "messages": [{ "role": value, "content": "" }] }),
            _ => json!({ key: value }),
        };
        let (status, refused) = ask(extra).await;
        assert_eq!((status, &refused["error"]["param"]), (400, &json!(key)), "{refused}");
        assert!(refused["error"]["message"].as_str().unwrap().contains(&format!("`{key}`")), "{refused}");
    }
    for (part, kind) in [
        (json!({ "type": "image_url", "image_url": { "url": "x" } }), "image_url"),
        (json!({ "type": "refusal", "refusal": "no" }), "refusal"),
        (json!({ "type": "input_audio", "input_audio": {} }), "input_audio"),
    ] {
        let messages = json!([{ "role": "user", "content": [{ "type": "text", "text": "a" }, part] }]);
        let (status, refused) = ask(json!({ "messages": messages })).await;
        assert_eq!(
            (status, &refused["error"]["param"]),
            (400, &json!("messages[0].content[1]")),
            "{refused}"
        );
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains(kind) && message.contains("only text is supported"), "{message}");
    }

    // No tools are as good as none; null is the empty text; a developer is the system.
    for neutral in [
        json!({ "tools": [], "tool_choice": "auto" }),
        json!({ "tools": null, "tool_choice": "none" }),
        json!({ "tool_choice": "auto" }),
    ] {
        assert_eq!(ids(&ask(neutral).await.1), ids(&plain));
    }
    assert_eq!(ask(json!({ "tools": [{ "type": "function" }], "tool_choice": "auto" })).await.0, 400);
    let talk = |message: Value| json!({ "messages": [{ "role": "user", "content": "x" }, message, { "role": "user", "content": "y" }] });
    let prompt = async |message: Value| {
        let (status, answer) = ask(talk(message)).await;
        assert_eq!(status, 200, "{answer}");
        answer["prompt_token_ids"].clone()
    };
    let empty = prompt(json!({ "role": "assistant", "content": "" })).await;
    assert_eq!(prompt(json!({ "role": "assistant", "content": null, "tool_calls": [] })).await, empty);
    assert_eq!(prompt(json!({ "role": "assistant" })).await, empty);
    let system = prompt(json!({ "role": "system", "content": "s" })).await;
    assert_eq!(prompt(json!({ "role": "developer", "content": "s" })).await, system);
    let tool = prompt(json!({ "role": "tool", "content": "s", "tool_call_id": "1" })).await;
    assert_ne!(tool, system);
    let calls = json!({ "role": "assistant", "content": null, "tool_calls": [{ "id": "1" }] });
    let refused = ask(talk(calls)).await.1;
    assert_eq!(refused["error"]["param"], "messages[1].tool_calls[0]", "{refused}");
}

#[tokio::test]
async fn tokens_models_and_adapters_are_told_as_by_vllm() {
    let served = Served::start(&["--allow-runtime-lora-updating", "--enable-thinking", "false"]);
    let post = async |path: &str, body: &Value| served.http("POST", path, Some(&body.to_string())).await;
    let json_of = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for name in ["tokenize_chat", "tokenize_text"] {
        let exchange = recorded(name);
        let (status, ours) = post("/tokenize", &body(&exchange)).await;
        assert_eq!(status, 200, "{ours}");
        assert_shape(name, &json_of(&ours), &exchange["response"]["json"]);
    }
    let text = json_of(&post("/tokenize", &json!({ "prompt": "hello", "return_token_strs": true })).await.1);
    assert_eq!(text["token_strs"].as_array().unwrap().len(), text["count"].as_u64().unwrap() as usize);
    let back = post("/detokenize", &json!({ "model": "model", "tokens": text["tokens"] })).await;
    assert_eq!((back.0, json_of(&back.1)), (200, json!({ "prompt": "hello" })));
    // The server's own default for thinking, unless a request says otherwise.
    let count = async |kwargs: Value| {
        let asked =
            json!({ "messages": [{ "role": "user", "content": "a" }], "chat_template_kwargs": kwargs });
        json_of(&post("/tokenize", &asked).await.1)["count"].as_u64().unwrap()
    };
    assert_eq!(count(json!({})).await, count(json!({ "enable_thinking": false })).await);
    assert!(count(json!({})).await > count(json!({ "enable_thinking": true })).await);

    let (status, model) = served.http("GET", "/v1/models/even", None).await;
    assert_eq!((status, &json_of(&model)["parent"]), (200, &json!("model")));
    let (status, missing) = served.http("GET", "/v1/models/some/other", None).await;
    assert_eq!((status, &json_of(&missing)["error"]["type"]), (404, &json!("NotFoundError")));

    let odd = served.adapter("odd").display().to_string();
    let adapter = |name: &str, path: &str| json!({ "lora_name": name, "lora_path": path });
    for (path, asked, name) in [
        ("/v1/load_lora_adapter", adapter("lora_b", &odd), "lora_load_b"),
        ("/v1/load_lora_adapter", adapter("lora_b", &odd), "lora_load_b_again"),
        ("/v1/load_lora_adapter", adapter("nope", "/no/such/folder"), "lora_load_missing_path"),
        ("/v1/unload_lora_adapter", adapter("lora_b", ""), "lora_unload_b"),
        ("/v1/unload_lora_adapter", adapter("lora_b", ""), "lora_unload_b_again"),
    ] {
        let theirs = &recorded(name)["response"];
        let (status, ours) = post(path, &asked).await;
        assert_eq!(json!(status), theirs["status"], "{name}: {ours}");
        match theirs["json"].is_object() {
            true => {
                let (ours, theirs) = (json_of(&ours)["error"].clone(), &theirs["json"]["error"]);
                assert_eq!((&ours["type"], &ours["code"]), (&theirs["type"], &theirs["code"]), "{name}");
                if name != "lora_load_missing_path" {
                    assert_eq!(ours["message"], theirs["message"]);
                }
            }
            false => assert_eq!(json!(ours), theirs["text"]),
        }
    }
    let inplace = json!({ "lora_name": "even", "lora_path": odd, "load_inplace": true });
    assert_eq!(post("/v1/load_lora_adapter", &inplace).await.0, 200);
}

#[tokio::test]
async fn adapters_and_other_origins_need_an_option() {
    let served = Served::start(&[]);
    let asked = json!({ "lora_name": "b", "lora_path": served.adapter("odd").display().to_string() });
    assert_eq!(served.http("POST", "/v1/load_lora_adapter", Some(&asked.to_string())).await.0, 404);
    let preflight = async |served: &Served, origin: &str| {
        let head = format!(
            "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n"
        );
        let mut text = String::new();
        served.send_raw(&head).await.read_to_string(&mut text).await.unwrap();
        text.to_lowercase()
    };
    let allowed = "access-control-allow-origin: http://a.test";
    assert!(!preflight(&served, "http://a.test").await.contains("access-control-allow-origin"));
    let served = Served::start(&["--allowed-origin", "http://a.test"]);
    let answer = preflight(&served, "http://a.test").await;
    assert!(answer.starts_with("http/1.1 200") && answer.contains(allowed), "{answer}");
    assert!(!preflight(&served, "http://b.test").await.contains("access-control-allow-origin"));
}

#[tokio::test]
async fn tokens_are_named_by_their_ids_on_request() {
    let served = Served::start(&[]);
    let exchange = recorded("chat_logprobs_token_ids");
    let (status, ours) = served.chat(&body(&exchange)).await;
    assert_eq!(status, 200, "{ours}");
    assert_shape("chat", &ours, &exchange["response"]["json"]);
    let choice = &ours["choices"][0];
    for (entry, id) in
        choice["logprobs"]["content"].as_array().unwrap().iter().zip(choice["token_ids"].as_array().unwrap())
    {
        assert_eq!(entry["token"], json!(format!("token_id:{id}")));
        let alternative = &entry["top_logprobs"][0];
        let name = alternative["token"].as_str().unwrap();
        assert!(name.strip_prefix("token_id:").unwrap().parse::<u64>().is_ok());
        assert_eq!(alternative["bytes"], json!(name.as_bytes()));
    }
}

#[tokio::test]
async fn an_answer_whose_caller_hung_up_is_not_finished() {
    let mut served = Served::start(&["--max-batch", "1", "--queue", "1"]);
    let body = |stream: bool, max_tokens: usize| {
        json!({
            "model": "model", "messages": [{ "role": "user", "content": "hello" }], "max_tokens": max_tokens,
            "temperature": 0, "ignore_eos": true, "stream": stream, "return_token_ids": true,
        })
    };
    let expected = served.chat(&body(false, 6000)).await.1;
    served.logged("generation started").await;
    let ids = |part: &Value| -> Vec<i64> { serde_json::from_value(part.clone()).unwrap() };
    let prompt = ids(&expected["prompt_token_ids"]);
    let answer = ids(&expected["choices"][0]["token_ids"]);
    for stream in [true, false] {
        // Another request first, so that the only slot holds nothing of this one.
        let other =
            json!({ "model": "even", "messages": [{ "role": "user", "content": "?" }], "max_tokens": 1 });
        assert_eq!(served.chat(&other).await.0, 200);
        served.logged("generation started").await;
        let text = body(stream, 6000).to_string();
        let mut connection = served.send("POST", "/v1/chat/completions", Some(&text)).await;
        assert_eq!(served.logged("generation started").await["cached"], 0);
        if stream {
            let mut start = [0; 512];
            connection.read_exact(&mut start).await.unwrap();
        }
        drop(connection);
        let abandoned = served.logged("generation abandoned").await["tokens"].as_u64().unwrap();
        assert!((1..5000).contains(&abandoned), "streamed: {stream}; ended after {abandoned} tokens");
        // The cache shows how many tokens were generated.
        let mut client = served.grpc().await;
        let all: Vec<u32> = prompt.iter().chain(&answer).map(|id| *id as u32).collect();
        let found = client.generate(super::client::request(&all, 1, "")).await.unwrap().into_inner();
        served.logged("generation started").await;
        let cached = found.usage.unwrap().cached_tokens as usize;
        assert!(cached < prompt.len() + 5000, "streamed: {stream}; {cached} tokens were written");
        // The last token of an answer is not in the cache.
        assert_eq!(cached, prompt.len() + abandoned as usize - 1, "streamed: {stream}");
    }
}

#[test]
fn a_server_listens_on_a_name() {
    let (_work, folder) = crate::chatty::folder();
    let mut server = Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(["serve", "--listen", "localhost:0", "--until-stdin-closes", "--threads", "1", "--model"])
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    drop(server.stdin.take());
    server.wait().unwrap();
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line:?}");
}
