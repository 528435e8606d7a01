//! The protocol's promises: explicit regimes, exactly-once steps, Gymnasium's
//! meaning of reward, terminated and truncated.

use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use proto::env::v1::create_episode_request::Task;
use proto::env::v1::environment_service_client::EnvironmentServiceClient;
use proto::env::v1::{self, EndReason, InterpreterState};
use tests::{EnvServer, Episode, code_step, create_request, field, knapsack_task, reason, tool_step};
use tonic::Code;

#[tokio::test]
async fn the_regime_has_no_default() {
    let server = EnvServer::start(&[], &[]).await;
    let request = create_request(&knapsack_task(), InterpreterState::Unspecified);
    let status = server.client().await.create_episode(request).await.unwrap_err();
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "interpreter_state"));
}

#[tokio::test]
async fn variables_survive_in_one_regime_only() {
    let server = EnvServer::start(&[], &[]).await;
    for (state, survives) in [(InterpreterState::Persistent, true), (InterpreterState::Reset, false)] {
        let request = create_request(&knapsack_task(), state);
        let mut episode = Episode::create(server.client().await, request).await.unwrap();
        assert!(episode.observe("x = 41").await.success);
        let second = episode.observe("print(x + 1)").await;
        assert_eq!(second.success, survives);
        assert_eq!(second.output, if survives { "42\n" } else { "" });
        assert_eq!(second.exception_type, if survives { "" } else { "NameError" });
    }
}

#[tokio::test]
async fn a_step_runs_exactly_once() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let id = client.create_episode(request).await.unwrap().into_inner().episode_id;

    let first = client.step(code_step(&id, 0, "n = globals().get('n', 0) + 1\nprint(n)")).await.unwrap();
    let again = client.step(code_step(&id, 0, "n = globals().get('n', 0) + 1\nprint(n)")).await.unwrap();
    assert_eq!(first.get_ref(), again.get_ref());
    assert_eq!(again.into_inner().observation.unwrap().output, "1\n");

    let conflict = client.step(code_step(&id, 0, "print('other')")).await.unwrap_err();
    assert_eq!((conflict.code(), reason(&conflict).as_str()), (Code::FailedPrecondition, "STEP_CONFLICT"));
    let gap = client.step(code_step(&id, 2, "print(n)")).await.unwrap_err();
    assert_eq!((gap.code(), reason(&gap).as_str()), (Code::FailedPrecondition, "STEP_GAP"));
    let next = client.step(code_step(&id, 1, "print(n)")).await.unwrap().into_inner();
    assert_eq!(next.observation.unwrap().output, "1\n", "refused steps left nothing behind");
}

#[tokio::test]
async fn create_and_close_are_idempotent() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let request = v1::CreateEpisodeRequest {
        episode_id: "mine-1".to_owned(),
        ..create_request(&knapsack_task(), InterpreterState::Reset)
    };
    let first = client.create_episode(request.clone()).await.unwrap().into_inner();
    let again = client.create_episode(request.clone()).await.unwrap().into_inner();
    assert_eq!((&first.episode_id, &first.observation), (&again.episode_id, &again.observation));
    let other = v1::CreateEpisodeRequest { seed: Some(1), ..request };
    let status = client.create_episode(other).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);

    let close = || v1::CloseEpisodeRequest { episode_id: "mine-1".to_owned() };
    let first = client.close_episode(close()).await.unwrap().into_inner();
    let again = client.close_episode(close()).await.unwrap().into_inner();
    assert_eq!(first, again);
    assert_eq!(first.end_reason(), EndReason::Closed);
    let status = client.step(code_step("mine-1", 0, "1")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "EPISODE_ENDED"));
    assert_eq!(client::end_reason(&status), Some(EndReason::Closed));
}

#[tokio::test]
async fn finish_terminates_with_the_score_as_reward() {
    let server = EnvServer::start(&[], &[]).await;
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let mut episode = Episode::create(server.client().await, request).await.unwrap();
    // The recorded optimum of this task.
    let best = ["item_02d5c78889d2", "item_1788c8b479ba", "item_56745c2dc289", "item_1b6c3413d011"];
    let taken = episode.run(&format!("for i in {best:?}:\n    take_item(i)")).await;
    assert!(taken.observation.as_ref().unwrap().success, "{taken:?}");
    assert_eq!((taken.reward, taken.terminated, taken.truncated), (0.0, false, false));
    let last = episode.run("finish()\nprint('still runs')").await;
    assert_eq!((last.reward, last.terminated, last.truncated), (1.0, true, false));
    assert_eq!(last.end_reason(), EndReason::Finished);
    assert_eq!(last.observation.unwrap().output, "still runs\n");
    assert!(last.evaluation.unwrap().is_solved);
    assert_eq!(episode.close().await.end_reason(), EndReason::Finished);
}

#[tokio::test]
async fn nothing_can_be_done_after_finish() {
    let server = EnvServer::start(&[], &[]).await;
    let request = create_request(&knapsack_task(), InterpreterState::Reset);
    let mut episode = Episode::create(server.client().await, request).await.unwrap();
    let last = episode.run("finish()\ntake_item('item_02d5c78889d2')").await;
    let error = last.observation.unwrap().error;
    assert!(error.ends_with("ToolRuntimeException: ToolRuntimeException: The episode has ended."), "{error}");
    assert_eq!((last.reward, last.terminated), (0.0, true));
}

#[tokio::test]
async fn racing_clients_take_a_step_once() {
    let server = EnvServer::start(&[], &[]).await;
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let id = Episode::create(server.client().await, request).await.unwrap().id;
    let client = server.client().await;
    let race = (0..8).map(|runner| {
        let (mut client, id) = (client.clone(), id.clone());
        tokio::spawn(async move { client.step(code_step(&id, 0, &format!("print({})", runner % 2))).await })
    });
    let mut answers = Vec::new();
    for runner in race.collect::<Vec<_>>() {
        match runner.await.unwrap() {
            Ok(answer) => answers.push(answer.into_inner()),
            Err(status) => assert_eq!(reason(&status), "STEP_CONFLICT"),
        }
    }
    assert_eq!(answers.len(), 4, "one of the two actions won");
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn max_steps_truncates() {
    let server = EnvServer::start(&[], &[]).await;
    let request = v1::CreateEpisodeRequest {
        limits: Some(v1::Limits { max_steps: 2, ..Default::default() }),
        ..create_request(&knapsack_task(), InterpreterState::Persistent)
    };
    let mut episode = Episode::create(server.client().await, request).await.unwrap();
    assert!(!episode.run("take_item('item_02d5c78889d2')").await.truncated);
    let last = episode.run("pass").await;
    assert_eq!((last.terminated, last.truncated, last.end_reason()), (false, true, EndReason::MaxSteps));
    assert!(last.reward > 0.0, "what was taken counts");
}

#[tokio::test]
async fn direct_tool_calls_share_the_rules_of_code() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let request = v1::CreateEpisodeRequest {
        limits: Some(v1::Limits { tool_calls_per_step: 2, ..Default::default() }),
        ..create_request(&knapsack_task(), InterpreterState::Persistent)
    };
    let id = client.create_episode(request).await.unwrap().into_inner().episode_id;
    let by_keyword = tool_step(&id, 0, "inspect", r#"{"item_id": "item_02d5c78889d2"}"#);
    let answer = client.step(by_keyword).await.unwrap().into_inner();
    let results = answer.observation.unwrap().tool_results;
    assert_eq!(results[0].result_json, r#""{\"class\":\"N\",\"value\":90,\"weight\":13}""#);
    assert_eq!(answer.info.unwrap().budget_left["inspect"], 29);

    let mut three = tool_step(&id, 1, "list_items", "[]");
    let Some(v1::step_request::Action::ToolCalls(action)) = &mut three.action else { unreachable!() };
    action.calls = vec![action.calls[0].clone(); 3];
    let observation = client.step(three).await.unwrap().into_inner().observation.unwrap();
    assert_eq!(observation.tool_results.len(), 2);
    assert_eq!(observation.error, "Tool call limit exceeded: allowed 2 per run.");

    let unknown =
        client.step(tool_step(&id, 2, "open_door", "[]")).await.unwrap().into_inner().observation.unwrap();
    assert!(!unknown.success && unknown.error.contains("open_door"), "{unknown:?}");
}

#[tokio::test]
async fn arguments_that_are_no_json_are_the_agents_mistake() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let id = client.create_episode(request).await.unwrap().into_inner().episode_id;
    for (index, (arguments, problem)) in
        [("{", "arguments are not JSON"), ("7", "arguments must be a JSON object")].into_iter().enumerate()
    {
        let mut step = tool_step(&id, index as u64, "inspect", arguments);
        let Some(v1::step_request::Action::ToolCalls(action)) = &mut step.action else { unreachable!() };
        action.calls.push(v1::ToolCall { name: "list_items".to_owned(), arguments_json: "[]".to_owned() });
        let answer = client.step(step).await.unwrap().into_inner();
        let observation = answer.observation.unwrap();
        assert_eq!(observation.error_kind(), v1::ErrorKind::Exception);
        assert_eq!(observation.exception_type, "ToolInvocationException");
        assert!(observation.error.contains(problem), "{}", observation.error);
        let [malformed, good] = &observation.tool_results[..] else { panic!("{observation:?}") };
        assert_eq!(serde_json::from_str::<String>(&malformed.arguments_json).unwrap(), arguments);
        assert!(!good.result_json.is_empty(), "the other call is made");
        let budget = &answer.info.unwrap().budget_left;
        assert_eq!(budget["inspect"], 30, "a call that is not made costs nothing");
    }
    let step = v1::StepRequest {
        action: Some(v1::step_request::Action::ToolCalls(v1::ToolCallsAction::default())),
        ..tool_step(&id, 2, "inspect", "[]")
    };
    assert_eq!(field(&client.step(step).await.unwrap_err()), "action.tool_calls.calls");
}

#[tokio::test]
async fn standard_error_is_part_of_the_observation_and_has_a_limit_of_its_own() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let mut request = create_request(&knapsack_task(), InterpreterState::Persistent);
    request.limits = Some(v1::Limits { error_output_bytes_per_step: 6, ..v1::Limits::default() });
    let created = client.create_episode(request.clone()).await.unwrap().into_inner();
    let limits = created.limits.unwrap();
    assert_eq!(limits.error_output_bytes_per_step, 6);
    let code = "import sys\nprint('out')\nprint('e\u{e9}\u{e9}\u{e9}', file=sys.stderr)\n1 / 0";
    let step = code_step(&created.episode_id, 0, code);
    let observation = client.step(step.clone()).await.unwrap().into_inner().observation.unwrap();
    assert_eq!((observation.output.as_str(), observation.output_bytes_left_out), ("out\n", 0));
    assert_eq!(
        (observation.error_output.as_str(), observation.error_output_bytes_left_out),
        ("e\u{e9}\u{e9}", 3)
    );
    assert!(
        observation.error.ends_with("ZeroDivisionError: division by zero") && !observation.output_truncated
    );
    let again = client.step(step).await.unwrap().into_inner().observation.unwrap();
    assert_eq!(again, observation, "the stored answer");

    request.limits = Some(v1::Limits { error_output_bytes_per_step: 1 << 40, ..v1::Limits::default() });
    let status = client.create_episode(request).await.unwrap_err();
    assert_eq!(field(&status), "limits.error_output_bytes_per_step");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_observations() {
    let server = EnvServer::start(&[], &[]).await;
    let code = "import random, time, uuid\nprint(random.random(), time.time(), uuid.uuid4(), hash('x'), id(object()))";
    let mut seen = Vec::new();
    for seed in [7, 7, 8] {
        let request = v1::CreateEpisodeRequest {
            seed: Some(seed),
            ..create_request(&knapsack_task(), InterpreterState::Persistent)
        };
        let mut episode = Episode::create(server.client().await, request).await.unwrap();
        let first = episode.run(code).await;
        seen.push((first.observation, first.info.unwrap().fuel_used));
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0].0, seen[2].0);
}

#[tokio::test]
async fn a_resetting_step_draws_by_its_index() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let request =
        |state| v1::CreateEpisodeRequest { seed: Some(7), ..create_request(&knapsack_task(), state) };
    let draw = "import random, uuid\nprint(random.choice(range(1000)), uuid.uuid4())";
    let mut one = Episode::create(client.clone(), request(InterpreterState::Reset)).await.unwrap();
    let mut drawn = Vec::new();
    for _ in 0..5 {
        drawn.push(one.observe(draw).await.output);
    }
    let mut distinct = drawn.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 5, "every step draws others: {drawn:?}");

    // Tool calls, failures and refused requests: each step that was taken has an index.
    let id = client.create_episode(request(InterpreterState::Reset)).await.unwrap().into_inner().episode_id;
    client.step(tool_step(&id, 0, "list_items", "[]")).await.unwrap();
    client.step(code_step(&id, 3, draw)).await.unwrap_err();
    client.step(code_step(&id, 1, "1 / 0")).await.unwrap();
    let output = |step: v1::StepResponse| step.observation.unwrap().output;
    let step = code_step(&id, 2, draw);
    assert_eq!(output(client.step(step.clone()).await.unwrap().into_inner()), drawn[2]);
    assert_eq!(output(client.step(step).await.unwrap().into_inner()), drawn[2], "the stored answer");
    let fork = v1::ForkEpisodeRequest {
        episode_id: id.clone(),
        new_episode_ids: vec![String::new()],
        at_step_index: None,
    };
    let forked = client.fork_episode(fork).await.unwrap().into_inner().episodes.remove(0).episode_id;
    for id in [&forked, &id] {
        assert_eq!(output(client.step(code_step(id, 3, draw)).await.unwrap().into_inner()), drawn[3]);
    }

    let mut persistent = Episode::create(client, request(InterpreterState::Persistent)).await.unwrap();
    let (first, second) = (persistent.observe(draw).await.output, persistent.observe(draw).await.output);
    assert!(first != second && !drawn.contains(&first) && !drawn.contains(&second));
}

#[tokio::test]
async fn an_episode_can_be_looked_at() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let request = create_request(&knapsack_task(), InterpreterState::Reset);
    let mut episode = Episode::create(client.clone(), request).await.unwrap();
    episode.run("print(1)").await;
    let get =
        v1::GetEpisodeRequest { episode_id: episode.id.clone(), include_steps: true, ..Default::default() };
    let found = client.get_episode(get.clone()).await.unwrap().into_inner();
    let summary = found.episode.unwrap();
    assert_eq!((summary.next_step_index, summary.ended), (1, false));
    assert_eq!(summary.interpreter_state(), InterpreterState::Reset);
    assert_eq!(found.steps[0].response.as_ref().unwrap().observation.as_ref().unwrap().output, "1\n");
    assert_eq!(found.evaluation, None, "how good it is stays hidden while it runs");

    let private = v1::GetEpisodeRequest { include_private: true, ..get };
    assert_eq!(client.get_episode(private).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn steps_come_in_pages_that_clients_accept() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await.max_decoding_message_size(4 << 20);
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let mut episode = Episode::create(server.client().await, request).await.unwrap();
    for _ in 0..70 {
        episode.run("print('y' * 65_000)").await;
    }
    let mut get =
        v1::GetEpisodeRequest { episode_id: episode.id.clone(), include_steps: true, ..Default::default() };
    let (mut indices, mut pages) = (Vec::new(), 0);
    loop {
        let page = client.get_episode(get.clone()).await.unwrap().into_inner();
        indices.extend(page.steps.into_iter().map(|step| step.request.unwrap().step_index));
        pages += 1;
        if page.next_step_page_token.is_empty() {
            break;
        }
        get.step_page_token = page.next_step_page_token;
    }
    assert!(pages > 1);
    assert_eq!(indices, (0..70).collect::<Vec<_>>());

    for (include_steps, token) in [(true, "x"), (false, "3")] {
        let step_page_token = token.to_owned();
        let get = v1::GetEpisodeRequest { include_steps, step_page_token, ..get.clone() };
        let status = client.get_episode(get).await.unwrap_err();
        assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "step_page_token"));
    }
}

#[tokio::test]
async fn semantics_are_chosen_and_told() {
    let server = EnvServer::start(&[], &[]).await;
    let cases = [
        (v1::Semantics::Unspecified, v1::Semantics::Script, ""),
        (v1::Semantics::Script, v1::Semantics::Script, ""),
        (v1::Semantics::Notebook, v1::Semantics::Notebook, "42\n"),
    ];
    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        for (asked, in_force, output) in cases {
            let mut request = create_request(&knapsack_task(), state);
            request.semantics = asked.into();
            let mut client = server.client().await;
            let created = client.create_episode(request).await.unwrap().into_inner();
            assert_eq!(created.semantics(), in_force);
            let step = code_step(&created.episode_id, 0, "6 * 7");
            let observation = client.step(step).await.unwrap().into_inner().observation.unwrap();
            assert_eq!(observation.output, output, "{asked:?} {state:?}");
            let get = v1::GetEpisodeRequest { episode_id: created.episode_id, ..Default::default() };
            let episode = client.get_episode(get).await.unwrap().into_inner().episode.unwrap();
            assert_eq!(episode.semantics(), in_force);
        }
    }
    let mut request = create_request(&knapsack_task(), InterpreterState::Reset);
    request.semantics = 7;
    let status = server.client().await.create_episode(request).await.unwrap_err();
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "semantics"));
}

/// With a client that leaves the deadline to the server: tonic's own would end the call first.
#[tokio::test]
async fn a_passed_deadline_is_called_so() {
    let server = EnvServer::start(&[], &[]).await;
    let http = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let mut client = EnvironmentServiceClient::with_origin(http, server.url.parse().unwrap());
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let id = server.client().await.create_episode(request).await.unwrap().into_inner().episode_id;
    for index in 0..20 {
        let step = || code_step(&id, index, "t = 0\nfor i in range(800_000): t += i");
        let mut request = tonic::Request::new(step());
        request.set_timeout(Duration::from_millis(5));
        let status = client.step(request).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{}", status.message());
        client.step(step()).await.expect("the step was stopped, or its answer is kept");
    }
}

#[tokio::test]
async fn an_unplayed_episode_does_not_tell_the_optimum() {
    let server = EnvServer::start(&[], &[]).await;
    let metrics = async |code: Option<&str>| {
        let request = create_request(&knapsack_task(), InterpreterState::Persistent);
        let mut episode = Episode::create(server.client().await, request).await.unwrap();
        if let Some(code) = code {
            episode.run(code).await;
        }
        episode.close().await.evaluation.unwrap().metrics_json
    };
    let unplayed = metrics(None).await;
    assert!(unplayed.contains("agent_value") && !unplayed.contains("optimal"), "{unplayed}");
    let played = metrics(Some("take_item(json.loads(list_items())[0])")).await;
    assert!(played.contains("optimal_value"), "{played}");
}

#[tokio::test]
async fn a_tasks_seed_is_not_told() {
    let server = EnvServer::start(&[], &[]).await;
    let created = async |seed: u64, salt: &str| {
        let task = v1::TaskFromConfig {
            family: "navigation".to_owned(),
            config_json: r#"{"horizon_range": [4, 4], "extra_nodes_range": [5, 5],
                "extra_edge_factor_range": [0.1, 0.1], "max_steps_multiplier": 2}"#
                .to_owned(),
            seed,
            seed_salt: salt.to_owned(),
        };
        let request = v1::CreateEpisodeRequest {
            task: Some(Task::TaskFromConfig(task)),
            interpreter_state: InterpreterState::Reset.into(),
            ..Default::default()
        };
        server.client().await.create_episode(request).await.unwrap().into_inner()
    };
    let (plain, salted) =
        (created(987_654_321, "").await, created(987_654_321, "a secret of the server").await);
    for answer in [&plain, &salted] {
        assert_eq!(answer.task.as_ref().unwrap().seed, None);
        assert!(!format!("{answer:?}").contains("987654321"), "{answer:?}");
    }
    assert_ne!(plain.seed, salted.seed);
    assert_ne!(plain.observation, salted.observation, "a salt gives other tasks");
    assert_eq!(created(987_654_321, "a secret of the server").await.observation, salted.observation);
}

#[tokio::test]
async fn a_task_can_be_made_on_the_spot() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let from_config = |seed, config: &str| v1::CreateEpisodeRequest {
        task: Some(Task::TaskFromConfig(v1::TaskFromConfig {
            family: "knapsack".to_owned(),
            config_json: config.to_owned(),
            seed,
            ..Default::default()
        })),
        interpreter_state: InterpreterState::Reset.into(),
        ..Default::default()
    };
    let config = r#"{"n_items_range": [25, 40], "weight_range": [5, 20], "value_range": [10, 100],
        "classes": ["A", "B", "C", "D"], "num_allowed_classes": 2, "capacity_ratio_range": [0.35, 0.5]}"#;
    let mut observations = Vec::new();
    for seed in [1, 1, 2] {
        let created = client.create_episode(from_config(seed, config)).await.unwrap().into_inner();
        observations.push(created.observation.unwrap().public_json);
    }
    assert_eq!(observations[0], observations[1]);
    assert_ne!(observations[0], observations[2]);
    let status = client.create_episode(from_config(1, r#"{"n_items_range": [40, 25]}"#)).await.unwrap_err();
    assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "task_from_config"));
    assert!(status.message().contains("n_items_range"), "{}", status.message());
}
