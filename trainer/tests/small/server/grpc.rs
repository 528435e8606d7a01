//! `runtime_gym.inference.v1`.

use proto::inference::v1;
use proto::inference::v1::generate_request::Prompt;
use proto::inference::v1::tokenize_request::Input;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use super::client::{Served, load, request};

fn conversation() -> v1::Messages {
    let message = |role: &str, content: &str| v1::Message { role: role.into(), content: content.into() };
    v1::Messages {
        messages: vec![message("system", "be kind"), message("user", "hello")],
        enable_thinking: None,
    }
}

/// The code, the reason, and the field of a refusal.
fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String, String) {
    let status = answer.unwrap_err();
    let reason = status.get_details_error_info().unwrap().reason;
    let field = status.get_details_bad_request().map(|bad| bad.field_violations[0].field.clone());
    (status.code(), reason, field.unwrap_or_default())
}

#[tokio::test]
async fn every_call_answers() {
    let mut served = Served::start(&["--name", "small", "--context", "300"]);
    let mut client = served.grpc().await;
    let info = client.get_model_info(v1::GetModelInfoRequest {}).await.unwrap().into_inner();
    assert_eq!((info.model.as_str(), info.context_length, info.vocabulary_size), ("small", 300, 272));
    assert_eq!(
        (info.model_sha256.len(), info.adapters[0].name.as_str(), info.adapters[0].rank),
        (64, "even", 4)
    );

    // Tokenize gives the prompt that Generate uses.
    let input =
        v1::TokenizeRequest { input: Some(Input::Messages(conversation())), add_generation_prompt: true };
    let tokens = client.tokenize(input).await.unwrap().into_inner();
    assert!(tokens.text.ends_with("hello<|im_end|>\n<|im_start|>assistant\n"), "{:?}", tokens.text);
    let back = v1::DetokenizeRequest { token_ids: tokens.token_ids.clone() };
    assert_eq!(client.detokenize(back).await.unwrap().into_inner().text, tokens.text);
    let asked = v1::GenerateRequest {
        prompt: Some(Prompt::Messages(conversation())),
        logprobs: Some(2),
        prompt_logprobs: true,
        ..request(&[], 12, "even")
    };
    let whole = client.generate(asked.clone()).await.unwrap().into_inner();
    assert_eq!(whole.prompt_token_ids, tokens.token_ids);
    assert_eq!((whole.token_ids.len(), whole.logprobs.len()), (12, 12));
    assert_eq!(whole.prompt_logprobs.len(), tokens.token_ids.len() - 1);
    assert_eq!((whole.logprobs[0].token_id, whole.logprobs[0].alternatives.len()), (whole.token_ids[0], 2));
    assert_eq!(whole.finish_reason(), v1::FinishReason::Length);
    assert_eq!(whole.usage.unwrap().completion_tokens, 12);
    assert!(whole.generate_time.is_some() && whole.queue_time.is_some());

    // Streamed: the same answer in pieces, and whole at the end. The prompt as text is equivalent to that as
    // messages.
    let text = v1::GenerateRequest { prompt: Some(Prompt::Text(tokens.text.clone())), ..asked };
    let mut stream = client.generate_stream(text).await.unwrap().into_inner();
    let (mut delta, mut ids, mut last) = (String::new(), vec![], None);
    while let Some(piece) = stream.next().await {
        let piece = piece.unwrap();
        assert!(last.is_none(), "the last piece is the last");
        delta += &piece.text_delta;
        ids.extend(piece.token_ids);
        last = piece.last;
    }
    let last = last.unwrap();
    assert_eq!((&delta, &ids), (&last.text, &last.token_ids));
    assert_eq!((&last.text, &last.token_ids), (&whole.text, &whole.token_ids));

    let mut health = HealthClient::new(served.channel().await);
    let check =
        tonic_health::pb::HealthCheckRequest { service: "runtime_gym.inference.v1.InferenceService".into() };
    assert_eq!(health.check(check).await.unwrap().into_inner().status(), ServingStatus::Serving);
    // Not on this thread, which must keep serving the connections.
    let ended = tokio::task::spawn_blocking(move || served.end()).await.unwrap();
    assert!(ended, "it shuts down when its standard input closes");
}

#[tokio::test]
async fn bad_calls_name_the_field() {
    let served = Served::start(&["--context", "300"]);
    let mut client = served.grpc().await;
    let plain = request(&[1, 2, 3], 4, "");
    let sampling = v1::Sampling { temperature: -1.0, ..Default::default() };
    let strange = v1::Messages {
        messages: vec![v1::Message { role: "oracle".into(), content: String::new() }],
        ..Default::default()
    };
    for (request, code, reason, field) in [
        (
            v1::GenerateRequest { prompt: None, ..plain.clone() },
            Code::InvalidArgument,
            "INVALID_FIELD",
            "prompt",
        ),
        (request(&[272], 4, ""), Code::InvalidArgument, "INVALID_FIELD", "token_ids"),
        (request(&[1; 300], 4, ""), Code::InvalidArgument, "CONTEXT_OVERFLOW", "prompt"),
        (request(&[1], 4, "nobody"), Code::NotFound, "UNKNOWN_ADAPTER", ""),
        (
            v1::GenerateRequest { sampling: Some(sampling), ..plain.clone() },
            Code::InvalidArgument,
            "INVALID_FIELD",
            "sampling.temperature",
        ),
        (
            v1::GenerateRequest { prompt: Some(Prompt::Messages(strange)), ..plain.clone() },
            Code::InvalidArgument,
            "INVALID_FIELD",
            "messages[0].role",
        ),
        (
            v1::GenerateRequest { prompt: Some(Prompt::Messages(v1::Messages::default())), ..plain.clone() },
            Code::InvalidArgument,
            "INVALID_FIELD",
            "messages",
        ),
    ] {
        let expected = (code, reason.to_owned(), field.to_owned());
        assert_eq!(refusal(client.generate(request.clone()).await), expected);
        assert_eq!(refusal(client.generate_stream(request).await), expected);
    }
    let nothing = v1::TokenizeRequest { input: None, add_generation_prompt: false };
    assert_eq!(refusal(client.tokenize(nothing).await).2, "input");
}

#[tokio::test]
async fn adapters_change_while_it_serves() {
    let served = Served::start(&[]);
    let mut client = served.grpc().await;
    let prompt: Vec<u32> = (0..20).map(|number| number * 11 % 250).collect();
    let mut ids = async |adapter: &str, count| {
        let answer = client.generate(request(&prompt, count, adapter)).await;
        answer.unwrap().into_inner().token_ids
    };
    let (base, even) = (ids("", 30).await, ids("even", 2000).await);
    assert_ne!(base, even[..30]);

    // An adapter is replaced during an answer, which keeps using the old one.
    let mut other = served.grpc().await;
    let mut stream = other.generate_stream(request(&prompt, 2000, "even")).await.unwrap().into_inner();
    stream.next().await.unwrap().unwrap();
    let odd = served.adapter("odd");
    let mut admin = served.grpc().await;
    assert_eq!(
        refusal(admin.load_adapter(load("even", &odd, false)).await),
        (Code::AlreadyExists, "ADAPTER_EXISTS".into(), String::new())
    );
    let replaced = admin.load_adapter(load("even", &odd, true)).await.unwrap().into_inner().adapter.unwrap();
    assert_eq!(replaced.rank, 3);
    let last = loop {
        if let Some(last) = stream.next().await.unwrap().unwrap().last {
            break last;
        }
    };
    assert_eq!(last.token_ids, even);
    let now = ids("even", 30).await;
    assert_ne!(now, even[..30]);
    admin.load_adapter(load("odd", &odd, false)).await.unwrap();
    assert_eq!(ids("odd", 30).await, now);

    // A failed load changes nothing; an unloaded adapter is gone; the name of the base is reserved.
    let broken = served.work.path().join("nowhere");
    assert_eq!(
        refusal(admin.load_adapter(load("odd", &broken, true)).await),
        (Code::InvalidArgument, "INVALID_ADAPTER".into(), "path".into())
    );
    assert_eq!(refusal(admin.load_adapter(load("model", &odd, true)).await).2, "name");
    assert_eq!(ids("odd", 30).await, now);
    admin.unload_adapter(v1::UnloadAdapterRequest { name: "odd".into() }).await.unwrap();
    assert_eq!(refusal(admin.generate(request(&prompt, 1, "odd")).await).0, Code::NotFound);
    let gone = admin.unload_adapter(v1::UnloadAdapterRequest { name: "odd".into() }).await;
    assert_eq!(refusal(gone).0, Code::NotFound);
    let list = admin.list_adapters(v1::ListAdaptersRequest {}).await.unwrap().into_inner().adapters;
    assert_eq!(list.iter().map(|adapter| adapter.name.as_str()).collect::<Vec<_>>(), ["even"]);
    assert_eq!(ids("", 30).await, base);
}

#[tokio::test]
async fn a_full_queue_says_when_to_retry_and_callers_may_leave() {
    let served = Served::start(&["--max-batch", "1", "--queue", "1"]);
    let mut client = served.grpc().await;
    let long = || request(&[1, 2, 3], 8000, "");
    let mut first = client.generate_stream(long()).await.unwrap().into_inner();
    first.next().await.unwrap().unwrap();
    let mut other = served.grpc().await;
    let second = tokio::spawn(async move { other.generate_stream(long()).await });
    let second = second.await.unwrap().unwrap();
    let status = client.generate(long()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());

    // Both callers hang up; the next request finds the slot free.
    drop((first, second));
    let prompt: Vec<u32> = vec![1, 2, 3];
    let answer = loop {
        match client.generate(request(&prompt, 5000, "")).await {
            Ok(answer) => break answer.into_inner(),
            Err(status) => assert_eq!(status.code(), Code::ResourceExhausted),
        }
    };
    assert_eq!(answer.token_ids.len(), 5000);
}
