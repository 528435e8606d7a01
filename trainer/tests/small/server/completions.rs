//! `/v1/completions`, compared with recorded answers of vLLM.

use serde_json::{Value, json};

use super::client::Served;
use super::recorded::{assert_shape, body, events, recorded};
use crate::tokenizer;

#[tokio::test]
async fn completions_have_the_shape_of_vllm() {
    let served = Served::start(&[]);
    let post = async |path: &str, body: &Value| {
        let (status, text) = served.http("POST", path, Some(&body.to_string())).await;
        (status, serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
    };
    let small = |exchange: &Value| {
        // The ids of the small model's vocabulary.
        let mut body = body(exchange);
        fn fold(value: &mut Value) {
            match value {
                Value::Array(items) => items.iter_mut().for_each(fold),
                Value::Number(id) => *value = json!(id.as_u64().unwrap() % 250),
                _ => {}
            }
        }
        fold(&mut body["prompt"]);
        body["ignore_eos"] = json!(true);
        body
    };
    for name in [
        "completion_text",
        "completion_token_ids",
        "completion_token_ids_as_ids",
        "completion_token_ids_batch",
    ] {
        let exchange = recorded(name);
        let (status, ours) = post("/v1/completions", &small(&exchange)).await;
        assert_eq!(status, 200, "{name}: {ours}");
        let theirs = &exchange["response"]["json"];
        if name != "completion_token_ids_as_ids" {
            // The keys of the alternatives are texts.
            let mut theirs = theirs.clone();
            for choice in
                theirs["choices"].as_array_mut().unwrap().iter_mut().filter(|one| one["logprobs"].is_object())
            {
                choice["logprobs"]["top_logprobs"] = Value::Null;
            }
            assert_shape(name, &ours, &theirs);
        }
        let count = theirs["choices"].as_array().unwrap().len();
        assert_eq!(ours["choices"].as_array().unwrap().len(), count);
        assert_eq!(ours["usage"]["completion_tokens"], theirs["usage"]["completion_tokens"], "{name}");
        assert_eq!(ours["choices"][count - 1]["index"], count - 1);
        for choice in ours["choices"].as_array().unwrap() {
            let logprobs = &choice["logprobs"];
            let ids = choice["token_ids"].as_array().cloned().unwrap_or_default();
            if name == "completion_token_ids_as_ids" {
                let names: Vec<_> = ids.iter().map(|id| json!(format!("token_id:{id}"))).collect();
                assert_eq!(logprobs["tokens"], json!(names));
                assert!(logprobs["top_logprobs"][0][names[0].as_str().unwrap()].is_number());
                assert_eq!(logprobs["text_offset"][1], json!(names[0].as_str().unwrap().len()));
            }
        }
    }

    // Streams of several prompts hold what the whole answers hold.
    let exchange = recorded("completion_token_ids_stream");
    let mut asked = small(&exchange);
    let prompt = asked["prompt"].clone();
    asked["prompt"] = json!([prompt, [1, 2, 3]]);
    let (status, text) = served.http("POST", "/v1/completions", Some(&asked.to_string())).await;
    assert_eq!(status, 200, "{text}");
    let ours = events(&text);
    let theirs = exchange["response"]["sse_events"].as_array().unwrap();
    let mut first = theirs[0].clone();
    first["choices"][0]["logprobs"]["top_logprobs"] = Value::Null;
    assert_shape("piece", &ours[0], &first);
    assert_shape("usage", ours.last().unwrap(), theirs.iter().rfind(|event| event.is_object()).unwrap());
    asked["stream"] = json!(false);
    let whole = post("/v1/completions", &asked).await.1;
    for index in 0..2 {
        let of_choice = ours.iter().filter(|event| event["choices"][0]["index"] == index);
        let choices: Vec<&Value> = of_choice.map(|event| &event["choices"][0]).collect();
        let text: String = choices.iter().map(|choice| choice["text"].as_str().unwrap()).collect();
        assert_eq!(json!(text), whole["choices"][index]["text"]);
        let prompts: Vec<_> = choices.iter().filter(|choice| choice["prompt_token_ids"].is_array()).collect();
        assert_eq!((prompts.len(), &prompts[0]["prompt_token_ids"]), (1, &asked["prompt"][index]));
        assert_eq!(choices.last().unwrap()["finish_reason"], "length");
    }

    for (extra, param) in [
        (json!({ "prompt": [] }), "prompt"),
        (json!({ "prompt": "x", "echo": true }), "echo"),
        (json!({ "prompt": "x", "suffix": "y" }), "suffix"),
        (json!({ "prompt": "x", "n": 2 }), "n"),
        (json!({ "prompt": [99999] }), "token_ids"),
        (json!({ "prompt": { "text": "x" } }), "prompt"),
    ] {
        let mut body = json!({ "model": "model" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let (status, refused) = post("/v1/completions", &body).await;
        assert_eq!((status, &refused["error"]["param"]), (400, &json!(param)), "{refused}");
    }

    // A conversation's tokens, continued as a completion, are its answer.
    let messages = json!([{ "role": "user", "content": "hello" }]);
    let chat = json!({ "model": "even", "messages": messages, "max_tokens": 9, "temperature": 0, "ignore_eos": true });
    let answer = served.chat(&chat).await.1;
    let (status, tokens) = post("/tokenize", &json!({ "model": "even", "messages": messages })).await;
    assert_eq!((status, &tokens["count"]), (200, &json!(tokens["tokens"].as_array().unwrap().len())));
    let continued = json!({
        "model": "even", "prompt": tokens["tokens"], "max_tokens": 9, "temperature": 0, "ignore_eos": true,
    });
    let text = post("/v1/completions", &continued).await.1["choices"][0]["text"].clone();
    assert_eq!(text, answer["choices"][0]["message"]["content"]);
}

#[tokio::test]
async fn prompts_begin_with_what_the_tokenizer_adds_and_conversations_do_not() {
    let served = Served::start_with(tokenizer::begin_texts, &[]);
    let post = async |path: &str, body: &Value| {
        let (status, answer) = served.http("POST", path, Some(&body.to_string())).await;
        (status, serde_json::from_str::<Value>(&answer).unwrap())
    };
    let tokens = async |body: Value| post("/tokenize", &body).await.1["tokens"].clone();
    let plain = tokens(json!({ "prompt": "hello", "add_special_tokens": false })).await;
    let begun = tokens(json!({ "prompt": "hello" })).await;
    assert_eq!(begun[0], tokenizer::BEGIN);
    assert_eq!(begun.as_array().unwrap()[1..], plain.as_array().unwrap()[..]);
    let messages = json!([{ "role": "user", "content": "hello" }]);
    assert_ne!(tokens(json!({ "messages": messages })).await[0], tokenizer::BEGIN);
    let (status, refused) =
        post("/tokenize", &json!({ "messages": messages, "add_special_tokens": true })).await;
    assert_eq!((status, &refused["error"]["param"]), (400, &json!("add_special_tokens")), "{refused}");

    let ids = async |keys: Value| {
        let mut body = json!({ "model": "model", "max_tokens": 1, "return_token_ids": true });
        body.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        post("/v1/completions", &body).await.1["choices"][0]["prompt_token_ids"].clone()
    };
    assert_eq!(ids(json!({ "prompt": "hello" })).await, begun);
    assert_eq!(ids(json!({ "prompt": ["hello"], "add_special_tokens": false })).await, plain);
    assert_eq!(ids(json!({ "prompt": plain })).await, plain);
}
