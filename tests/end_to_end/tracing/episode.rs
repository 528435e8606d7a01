//! An episode is one trace, from the agent to its servers.

use lifecycle::telemetry::names;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tests::{EnvServer, tiny_tasks};

use super::agent::{model, play};
use super::collector::{Collector, Seen};
use super::{ENDPOINT, rpc, terminate};

#[tokio::test]
async fn an_episode_is_one_trace_from_the_agent_to_its_servers() {
    let collector = Collector::start().await;
    let tasks = tiny_tasks();
    // Neither would send its spans by itself before it ends.
    let variables = [(ENDPOINT, collector.url.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "600000")];
    let server = EnvServer::start_with(&variables, "info", &[tasks.path()], &[]).await;
    let (url, callers) = model(&[
        "```python\nx = 'CODEMARKER'\nprint('OUT' + 'PUTMARKER')\n```",
        "```python\nraise ValueError('EXCEPTION' + 'MARKER')\n```",
        "```python\nfinish()\n```",
    ])
    .await;
    let played = play(&url, &server.url, &variables).await;
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    terminate(server).await;

    let episode = &collector.named("invoke_agent tracer")[..];
    let [episode] = episode else { panic!("{episode:?}") };
    assert!(episode.span.parent_span_id.is_empty() && episode.service == "agent", "{episode:?}");
    let id = episode.get(names::CONVERSATION);
    for (name, value) in [
        (names::OPERATION, "invoke_agent"),
        (names::AGENT, "tracer"),
        (names::PROVIDER, "openai"),
        (names::MODEL, "tiny"),
        (names::FAMILY, "knapsack"),
        (names::INTERPRETER_STATE, "persistent"),
        (names::END, "finish_tool"),
        (names::ERROR_TYPE, ""),
    ] {
        assert_eq!(episode.get(name), value, "{name}");
    }

    let chats = collector.named("chat tiny");
    assert_eq!(chats.len(), 3);
    for (chat, caller) in chats.iter().zip(&*callers.lock().unwrap()) {
        assert!(episode.is_parent_of(chat) && chat.span.kind() == SpanKind::Client, "{chat:?}");
        let values = [names::CONVERSATION, names::OPERATION, names::INPUT_TOKENS, names::OUTPUT_TOKENS];
        assert_eq!(values.map(|name| chat.get(name)), [&id, "chat", "11", "5"]);
        assert_eq!(chat.get(names::FINISH_REASONS), "stop");
        let (trace, span) = chat.ids();
        assert_eq!(*caller, format!("00-{trace}-{span}-01"));
    }

    let (tools, calls) = (collector.named("execute_tool python"), collector.named(&rpc("Step")));
    let steps = collector.named(names::STEP);
    assert_eq!((tools.len(), calls.len(), steps.len()), (3, 3, 3));
    for (index, tool) in tools.iter().enumerate() {
        let child =
            |of: &Seen, spans: &[Seen]| spans.iter().find(|span| of.is_parent_of(span)).cloned().unwrap();
        let call = child(tool, &calls);
        let step = child(&call, &steps);
        assert!(episode.is_parent_of(tool));
        assert_eq!((call.service.as_str(), call.span.kind()), ("env-server", SpanKind::Server));
        let values = [names::RPC_SYSTEM, names::RPC_METHOD, names::RPC_STATUS];
        assert_eq!(values.map(|name| call.get(name)), ["grpc", &rpc("Step"), "OK"]);
        for span in [tool, &step] {
            assert_eq!(span.get(names::STEP_INDEX), index.to_string());
            assert_eq!(
                (span.get(names::CONVERSATION), span.get(names::STATE_LOST)),
                (id.clone(), "false".to_owned())
            );
            assert!(span.get(names::FUEL_USED).parse::<u64>().unwrap() > 1000, "{span:?}");
        }
        let values = [names::INTERPRETER_STATE, names::TENANT, names::REPEATED];
        assert_eq!(values.map(|name| step.get(name)), ["persistent", "default", "false"]);
        let seconds = |name| step.get(name).parse::<f64>().unwrap();
        assert!(seconds(names::QUEUE_SECONDS) >= 0.0 && seconds(names::RUN_SECONDS) > 0.0, "{step:?}");
        // The agent's mistake is no fault of the server.
        let failed = index == 1;
        assert_eq!(step.get(names::OUTCOME), if failed { "exception" } else { "ok" });
        assert_eq!(tool.get(names::ERROR_TYPE), if failed { "exception" } else { "" });
        let is_error =
            |seen: &Seen| seen.span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error);
        assert_eq!([is_error(tool), is_error(&call), is_error(&step)], [failed, false, false]);
    }
    for method in ["CreateEpisode", "CloseEpisode"] {
        let [call] = &collector.named(&rpc(method))[..] else { panic!("{method}") };
        assert!(episode.is_parent_of(call) && call.get(names::CONVERSATION) == id, "{call:?}");
    }
    let text = collector.text();
    assert!(text.contains(names::GEN_AI_CONVENTIONS_VERSION) && text.contains("service.version"));
    for marker in ["CODEMARKER", "PUTMARKER", "EXCEPTIONMARKER", "ValueError", "print("] {
        assert!(!text.contains(marker), "{marker}");
    }
}
