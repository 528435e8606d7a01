//! How much one tenant may use, and how a server that is full or a quota that is used up says so.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use client::{EnvClient, Environment, Retry};
use proto::env::v1::{self, InterpreterState};
use tests::{EnvServer, Guarded, code_step, create_request, knapsack_task};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

/// More calls than a quota of one a second allows, however slowly they are made.
const MANY: u64 = 200;

async fn create(client: &mut EnvClient, id: &str) -> Result<(), Status> {
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let request = v1::CreateEpisodeRequest { episode_id: id.to_owned(), ..request };
    client.create_episode(request).await.map(drop)
}

async fn close(client: &mut EnvClient, id: &str) {
    client.close_episode(v1::CloseEpisodeRequest { episode_id: id.to_owned() }).await.unwrap();
}

/// Checks that a call was refused for this reason, and that the status says when to come back, to both kinds of clients.
fn check_refusal(status: &Status, reason: &str, part: &str) -> Duration {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert_eq!(status.get_details_error_info().unwrap().reason, reason);
    assert!(status.message().contains(part), "{status}");
    let wait = status.get_details_retry_info().unwrap().retry_delay.unwrap();
    let pushback: u128 =
        status.metadata().get("grpc-retry-pushback-ms").unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(pushback, wait.as_millis() + 1);
    wait
}

#[tokio::test]
async fn steps_are_limited_by_tenant() {
    let guarded = Guarded::start("quota red steps_per_second=1\n").await;
    let (mut red, mut blue) = (guarded.client("red").await, guarded.client("blue").await);
    create(&mut red, "mine").await.unwrap();
    let mut taken = 0;
    let refused = loop {
        match red.step(code_step("mine", taken, "1")).await {
            Ok(_) => taken += 1,
            Err(status) => break status,
        }
        assert!(taken < MANY, "nothing was refused");
    };
    check_refusal(&refused, "OVER_QUOTA", "steps_per_second=1");
    // What was taken before is told, and others are not slowed down.
    red.step(code_step("mine", 0, "1")).await.unwrap();
    create(&mut blue, "mine").await.unwrap();
    for index in 0..20 {
        blue.step(code_step("mine", index, "1")).await.unwrap();
    }
    // The client waits, as it is told to.
    let environment = Environment::new(red, Retry::default());
    for index in taken..taken + 3 {
        environment.step(code_step("mine", index, "1"), Duration::from_secs(60)).await.unwrap();
    }
}

#[tokio::test]
async fn an_operator_is_not_limited() {
    let guarded = Guarded::start("quota * steps_per_second=1 creates_per_second=1 episodes=1\n").await;
    let mut boss = guarded.client("boss").await;
    for id in ["one", "two", "three", "four"] {
        create(&mut boss, id).await.unwrap();
    }
    for index in 0..20 {
        boss.step(code_step("one", index, "1")).await.unwrap();
    }
}

#[tokio::test]
async fn creates_are_limited_by_tenant() {
    let guarded = Guarded::start("quota red creates_per_second=1\n").await;
    let (mut red, mut blue) = (guarded.client("red").await, guarded.client("blue").await);
    let mut created = 0;
    let refused = loop {
        match create(&mut red, &format!("mine-{created}")).await {
            Ok(()) => created += 1,
            Err(status) => break status,
        }
        assert!(created < MANY, "nothing was refused");
    };
    check_refusal(&refused, "OVER_QUOTA", "creates_per_second=1");
    create(&mut red, "mine-0").await.unwrap();
    for index in 0..20 {
        create(&mut blue, &format!("mine-{index}")).await.unwrap();
    }
}

#[tokio::test]
async fn episodes_are_limited_by_tenant_and_forks_count() {
    let guarded = Guarded::start("quota red episodes=2\n").await;
    let (mut red, mut blue) = (guarded.client("red").await, guarded.client("blue").await);
    create(&mut red, "one").await.unwrap();
    let fork = |ids: &[&str]| v1::ForkEpisodeRequest {
        episode_id: "one".to_owned(),
        new_episode_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        at_step_index: None,
    };
    let refused = red.fork_episode(fork(&["two", "three"])).await.unwrap_err();
    check_refusal(&refused, "OVER_QUOTA", "episodes=2");
    // No copy was made, and none of its places is taken.
    red.fork_episode(fork(&["two"])).await.unwrap();
    check_refusal(&create(&mut red, "three").await.unwrap_err(), "OVER_QUOTA", "episodes=2");
    for id in ["one", "two", "three"] {
        create(&mut blue, id).await.unwrap();
    }
    close(&mut red, "one").await;
    create(&mut red, "three").await.unwrap();

    fs::write(guarded.file(), Guarded::tokens() + "quota red episodes=3\n").unwrap();
    guarded.server.wait_for_log("the tokens were read again").await;
    create(&mut red, "four").await.unwrap();
    check_refusal(&create(&mut red, "five").await.unwrap_err(), "OVER_QUOTA", "episodes=3");
}

#[tokio::test]
async fn fuel_is_limited_also_that_of_steps_that_were_stopped() {
    let guarded = Guarded::start("quota * fuel_per_second=1000000\n").await;
    let (mut red, mut blue) = (guarded.client("red").await, guarded.client("blue").await);
    create(&mut red, "mine").await.unwrap();
    let step = code_step("mine", 0, "for _ in range(1_000_000): pass");
    let used = red.step(step).await.unwrap().into_inner().info.unwrap().fuel_used;
    let refused = red.step(code_step("mine", 1, "1")).await.unwrap_err();
    let wait = check_refusal(&refused, "OVER_QUOTA", "fuel_per_second=1000000");
    let paid = Duration::from_secs(used / 1_000_000);
    assert!(paid > Duration::from_secs(5), "{used}");
    assert!(wait <= paid + Duration::from_secs(1), "{wait:?} for {used}");

    create(&mut blue, "mine").await.unwrap();
    let mut endless = Request::new(code_step("mine", 0, "while True: pass"));
    endless.set_timeout(Duration::from_millis(500));
    // Who notices first, the server or the client, which calls it a cancellation.
    let code = blue.step(endless).await.unwrap_err().code();
    assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "{code:?}");
    let mut next = 0;
    let refused = loop {
        match blue.step(code_step("mine", next, "1")).await {
            Err(status) => break status,
            // The step that was stopped had not come to its end yet.
            Ok(_) => next += 1,
        }
        assert!(next < MANY, "nothing was refused");
    };
    assert!(check_refusal(&refused, "OVER_QUOTA", "fuel") > Duration::from_secs(5));
}

#[tokio::test]
async fn a_full_server_says_when_to_come_back() {
    let server = EnvServer::start(&[], &["--max-episodes", "1"]).await;
    let mut client = server.client().await;
    create(&mut client, "one").await.unwrap();
    let mut told = HashSet::new();
    for _ in 0..20 {
        told.insert(check_refusal(&create(&mut client, "two").await.unwrap_err(), "SERVER_FULL", "room"));
    }
    assert!(told.len() > 1, "clients are not told to come back together: {told:?}");
}

#[tokio::test]
async fn nobody_gets_more_than_the_server_s_limits() {
    let asked = |fuel| {
        let limits = Some(v1::Limits { fuel_per_step: fuel, ..v1::Limits::default() });
        v1::CreateEpisodeRequest { limits, ..create_request(&knapsack_task(), InterpreterState::Reset) }
    };
    for (arguments, default, most) in [
        (&[][..], 100_000_000_000, 100_000_000_000),
        (&["--fuel-per-step", "500000000"], 500_000_000, 500_000_000),
        (&["--fuel-per-step", "500000000", "--any-limits"], 500_000_000, 1_000_000_000_000),
    ] {
        let server = EnvServer::start(&[], arguments).await;
        let mut client = server.client().await;
        for (fuel, given) in [(0, default), (1_000_000, 1_000_000), (most, most)] {
            let created = client.create_episode(asked(fuel)).await.unwrap().into_inner();
            assert_eq!(created.limits.unwrap().fuel_per_step, given, "{arguments:?}");
        }
        let status = client.create_episode(asked(most + 1)).await.unwrap_err();
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "limits.fuel_per_step", "{arguments:?}");
    }
}
