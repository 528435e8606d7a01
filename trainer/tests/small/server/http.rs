//! `/v1/chat/completions`, compared with recorded answers of vLLM.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use super::client::Served;

/// A recorded exchange with vLLM.
fn recorded(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/vllm/{name}.json"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Keys of vLLM's answers for features that do not exist here.
const THEIRS_ALONE: [&str; 11] = [
    "annotations",
    "audio",
    "function_call",
    "routed_experts",
    "completion_tokens_details",
    "prompt_tokens_details",
    "prompt_text",
    "kv_transfer_params",
    "ec_transfer_params",
    "metrics",
    "finish_reason", // in vLLM's last piece of text; here it is in a chunk of its own
];

/// Fails unless our answer has every key of vLLM's, with a value of the same type unless vLLM's is null.
#[track_caller]
fn assert_shape(place: &str, ours: &Value, theirs: &Value) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, theirs) in theirs.iter().filter(|(key, _)| !THEIRS_ALONE.contains(&key.as_str())) {
                let ours = ours.get(key).unwrap_or_else(|| panic!("{place}.{key} is missing"));
                assert_shape(&format!("{place}.{key}"), ours, theirs);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            assert_eq!(ours.is_empty(), theirs.is_empty(), "{place}");
            if let (Some(ours), Some(theirs)) = (ours.first(), theirs.first()) {
                assert_shape(place, ours, theirs);
            }
        }
        (_, Value::Null) => {}
        _ => assert_eq!(
            std::mem::discriminant(ours),
            std::mem::discriminant(theirs),
            "{place}: {ours}, {theirs}"
        ),
    }
}

/// The request of an exchange, addressed to the small model.
fn body(exchange: &Value) -> Value {
    let mut body = exchange["request"]["body"].clone();
    if body["model"] == "tiny" {
        body["model"] = json!("model");
    }
    body
}

fn events(body: &str) -> Vec<Value> {
    let data: Vec<&str> = body.split("\n\n").filter_map(|part| part.strip_prefix("data: ")).collect();
    assert_eq!(data.last(), Some(&"[DONE]"), "{body}");
    data[..data.len() - 1].iter().map(|data| serde_json::from_str(data).unwrap()).collect()
}

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
    let image =
        json!([{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "x" } }] }]);
    assert_eq!(ask(json!({ "messages": image })).await.0, 400);
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
