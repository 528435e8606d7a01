//! Many steps in one call: a batch, a stream.

use client::EnvClient;
use proto::env::v1::step_stream_response::Result as Outcome;
use proto::env::v1::{self, InterpreterState};
use tests::{EnvServer, Episode, code_step, create_request, knapsack_task};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

/// Room for long outputs.
const OUTPUT_BYTES: u64 = 1 << 20;

async fn create(client: &EnvClient) -> Episode {
    let request = v1::CreateEpisodeRequest {
        limits: Some(v1::Limits { output_bytes_per_step: OUTPUT_BYTES, ..v1::Limits::default() }),
        ..create_request(&knapsack_task(), InterpreterState::Persistent)
    };
    Episode::create(client.clone(), request).await.unwrap()
}

async fn batch(
    client: &EnvClient,
    steps: Vec<v1::StepRequest>,
) -> Result<Vec<v1::StepStreamResponse>, Status> {
    Ok(client.clone().step_batch(v1::StepBatchRequest { steps }).await?.into_inner().results)
}

async fn next_step_index(client: &EnvClient, episode_id: &str) -> u64 {
    let request = v1::GetEpisodeRequest { episode_id: episode_id.to_owned(), ..Default::default() };
    client.clone().get_episode(request).await.unwrap().into_inner().episode.unwrap().next_step_index
}

/// The output of a step, or the reason of its failure and the field at fault.
fn told(answer: &v1::StepStreamResponse) -> String {
    match answer.result.as_ref().unwrap() {
        Outcome::Response(response) => response.observation.as_ref().unwrap().output.trim().to_owned(),
        Outcome::Error(error) => format!("{} {}", error.reason, error.field).trim().to_owned(),
    }
}

#[tokio::test]
async fn each_step_of_a_batch_has_an_outcome_of_its_own() {
    let server = EnvServer::start(&[], &["--any-limits"]).await;
    let client = server.client().await;
    let (a, b) = (create(&client).await, create(&client).await);
    let steps = vec![
        code_step(&a.id, 0, "x = 1\nprint('first')"),
        code_step(&b.id, 5, "print('gap')"),
        code_step(&a.id, 1, "x += 1\nprint(x)"),
        code_step("nobody", 0, "print('unknown')"),
        v1::StepRequest { episode_id: b.id.clone(), step_index: 0, action: None },
        code_step(&b.id, 0, "print('b')"),
        code_step(&a.id, 2, "print(x + 1)"),
    ];
    let wanted = ["first", "STEP_GAP", "2", "UNKNOWN_EPISODE", "INVALID_FIELD action", "b", "3"];
    let answers = batch(&client, steps.clone()).await.unwrap();
    assert_eq!(answers.iter().map(told).collect::<Vec<_>>(), wanted);
    let ids: Vec<&str> = answers.iter().map(|answer| answer.episode_id.as_str()).collect();
    assert_eq!(ids, steps.iter().map(|step| step.episode_id.as_str()).collect::<Vec<_>>());
    let Some(Outcome::Error(error)) = &answers[3].result else { panic!("{answers:?}") };
    assert_eq!(error.code, i32::from(Code::NotFound));
    assert!(error.message.contains("nobody"), "{}", error.message);

    let mut again = steps;
    again.remove(1);
    let repeated = batch(&client, again).await.unwrap();
    assert_eq!(repeated[0], answers[0], "a batch that is sent again gets the stored answers");
    assert_eq!(next_step_index(&client, &a.id).await, 3);
}

#[tokio::test]
async fn the_steps_of_a_batch_run_side_by_side() {
    let server = EnvServer::start(&[], &["--workers", "1", "--any-limits"]).await;
    let client = server.client().await;
    let mut endless = create(&client).await;
    let mut steps = vec![code_step(&endless.id, 0, "while True: pass")];
    let mut others = Vec::new();
    for number in 0..40 {
        let episode = create(&client).await;
        steps.push(code_step(&episode.id, 0, &format!("print({number})")));
        others.push(episode);
    }
    let call = tokio::spawn({
        let client = client.clone();
        async move { batch(&client, steps).await }
    });
    for episode in &others {
        while next_step_index(&client, &episode.id).await == 0 {
            tokio::task::yield_now().await;
        }
    }
    assert!(!call.is_finished(), "the first step has not ended");
    endless.close().await;
    let answers = call.await.unwrap().unwrap();
    assert_eq!(told(&answers[0]), "EPISODE_ENDED");
    let outputs: Vec<String> = answers[1..].iter().map(told).collect();
    assert_eq!(outputs, (0..40).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_is_bounded() {
    let server = EnvServer::start(&[], &["--any-limits"]).await;
    let client = server.client().await;
    let step = code_step("nobody", 0, "pass");
    let status = batch(&client, vec![step.clone(); 1001]).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("steps: must be at most 1000"), "{}", status.message());
    assert_eq!(batch(&client, vec![step; 1000]).await.unwrap().len(), 1000);

    // Answers of 900 kB: three have room.
    let mut steps = Vec::new();
    for number in 0..5 {
        let id = create(&client).await.id;
        steps.push(code_step(&id, 0, &format!("print('{number}' * 900_000)")));
    }
    let answers = batch(&client, steps.clone()).await.unwrap();
    let left_out: Vec<bool> = answers.iter().map(|answer| told(answer) == "ANSWER_LEFT_OUT").collect();
    assert_eq!(left_out, [false, false, false, true, true]);
    // They were taken, and are told when they are asked for again.
    assert_eq!(next_step_index(&client, &steps[4].episode_id).await, 1);
    let again = batch(&client, steps[3..].to_vec()).await.unwrap();
    assert_eq!(again.iter().map(told).collect::<Vec<_>>(), ["3".repeat(900_000), "4".repeat(900_000)]);
}

#[tokio::test]
async fn a_stream_answers_in_the_order_of_its_requests_and_outlives_failures() {
    let server = EnvServer::start(&[], &["--any-limits"]).await;
    let mut client = server.client().await;
    let (a, b) = (create(&client).await, create(&client).await);
    let mut requests = Vec::new();
    let mut wanted = Vec::new();
    for index in 0..30 {
        requests.push(code_step(&a.id, index, "n = globals().get('n', 0) + 1\nprint(n)"));
        wanted.push((index + 1).to_string());
        requests.push(code_step(&b.id, index, &format!("print('b{index}')")));
        wanted.push(format!("b{index}"));
        requests.push(code_step("nobody", index, "pass"));
        wanted.push("UNKNOWN_EPISODE".to_owned());
    }
    // All of them before the first answer.
    let mut answers = client.step_stream(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let mut outcomes = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        outcomes.push(told(&answer));
    }
    assert_eq!(outcomes, wanted, "and the stream ends when the requests do");
}

#[tokio::test]
async fn a_stream_is_a_conversation() {
    let server = EnvServer::start(&[], &["--any-limits"]).await;
    let mut client = server.client().await;
    let episode = create(&client).await;
    let (requests, receiver) = mpsc::channel(1);
    let mut answers = client.step_stream(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    for index in 0..10 {
        requests.send(code_step(&episode.id, index, &format!("print({index})"))).await.unwrap();
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(told(&answer), index.to_string());
    }
    drop(requests);
    assert!(answers.message().await.unwrap().is_none());
}

/// An answer of a step has 400 kB here. The connection may hold some, and the server 16.
#[tokio::test]
async fn a_client_that_does_not_read_does_not_make_the_server_go_on() {
    let server = EnvServer::start(&[], &["--any-limits"]).await;
    let mut client = server.client().await;
    let (mut other, flooded) = (create(&client).await, create(&client).await);
    let requests = (0..100).map(|index| code_step(&flooded.id, index, "print('x' * 400_000)"));
    let requests: Vec<_> = requests.collect();
    let mut answers = client.step_stream(tokio_stream::iter(requests)).await.unwrap().into_inner();
    while next_step_index(&client, &flooded.id).await == 0 {
        tokio::task::yield_now().await;
    }
    // Enough for all of the stream's steps, if they ran.
    for _ in 0..200 {
        assert!(other.observe("print('y' * 400_000)").await.success);
    }
    let taken = next_step_index(&client, &flooded.id).await;
    assert!(taken <= 50, "{taken} steps were taken");
    let mut read = 0;
    while let Some(answer) = answers.message().await.unwrap() {
        assert_eq!(told(&answer).len(), 400_000);
        read += 1;
    }
    assert_eq!(read, 100);
}
