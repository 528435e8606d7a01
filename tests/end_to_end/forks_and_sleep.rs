//! Episodes that are forked, and episodes whose interpreters are hibernated.

use proto::env::v1::{self, InterpreterState};
use tests::{EnvServer, Episode, code_step, create_request, field, knapsack_task};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// An item of the recorded task.
const ITEM: &str = "item_02d5c78889d2";

async fn persistent(server: &EnvServer) -> Episode {
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    Episode::create(server.client().await, request).await.unwrap()
}

async fn fork(server: &EnvServer, from: &str, ids: &[&str]) -> Result<Vec<v1::EpisodeSummary>, Status> {
    let request = v1::ForkEpisodeRequest {
        episode_id: from.to_owned(),
        new_episode_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        at_step_index: None,
    };
    Ok(server.client().await.fork_episode(request).await?.into_inner().episodes)
}

/// Takes a step in an episode that is known by its id.
async fn step(server: &EnvServer, id: &str, index: u64, code: &str) -> v1::StepResponse {
    server.client().await.step(code_step(id, index, code)).await.unwrap().into_inner()
}

async fn prints(server: &EnvServer, id: &str, index: u64, code: &str) -> String {
    let observation = step(server, id, index, code).await.observation.unwrap();
    assert!(observation.success, "{code}: {}", observation.error);
    observation.output
}

async fn awake(server: &EnvServer) -> u64 {
    let info = server.client().await.get_server_info(v1::GetServerInfoRequest {}).await.unwrap();
    info.into_inner().awake_interpreters
}

#[tokio::test]
async fn forks_go_their_own_ways_with_the_generator_the_random_numbers_and_the_hidden_state() {
    let server = EnvServer::start(&[], &[]).await;
    let mut source = persistent(&server).await;
    source
        .observe("import random\nsquares = (n * n for n in range(100))\nprint(next(squares), next(squares))")
        .await;
    source.observe(&format!("inspect('{ITEM}')")).await;

    let forks = fork(&server, &source.id, &["left", ""]).await.unwrap();
    let [left, right] = &forks[..] else { panic!("{forks:?}") };
    assert_eq!((left.episode_id.as_str(), left.next_step_index), ("left", 2));
    assert!(!right.episode_id.is_empty());
    assert!(forks.iter().all(|fork| fork.forked_from == source.id));

    let draw = "drawn = random.random()\nprint(next(squares), drawn)";
    let expected = source.observe(draw).await.output;
    assert!(expected.starts_with("4 "));
    for fork in &forks {
        assert_eq!(prints(&server, &fork.episode_id, 2, draw).await, expected);
    }

    let taken = step(&server, "left", 3, &format!("take_item('{ITEM}')\nfinish()")).await;
    assert!(taken.terminated && taken.reward > 0.0, "the fork knows that the item was inspected");
    let other = step(&server, &right.episode_id, 3, "print(next(squares))\nfinish()").await;
    assert_eq!(other.observation.unwrap().output, "9\n");
    assert!(other.reward < taken.reward, "what one takes the other has not taken");
    assert_eq!(source.observe("print(next(squares))").await.output, "9\n");
}

#[tokio::test]
async fn a_fork_can_be_asked_for_again_and_keeps_the_answers_to_old_steps() {
    let server = EnvServer::start(&[], &[]).await;
    let mut source = persistent(&server).await;
    let first = source.observe("x = 1\nprint(x)").await;
    let made = fork(&server, &source.id, &["copy"]).await.unwrap();
    prints(&server, "copy", 1, "x += 1").await;
    let again = fork(&server, &source.id, &["copy"]).await.unwrap();
    assert_eq!((made[0].next_step_index, again[0].next_step_index), (1, 2), "as it stands, not made anew");
    assert_eq!(step(&server, "copy", 0, "x = 1\nprint(x)").await.observation.unwrap(), first);
    assert_eq!(prints(&server, "copy", 2, "print(x)").await, "2\n");

    let mut other = persistent(&server).await;
    other.observe("pass").await;
    assert_eq!(fork(&server, &other.id, &["copy"]).await.unwrap_err().code(), Code::AlreadyExists);
}

#[tokio::test]
async fn a_resetting_episode_and_one_that_ran_nothing_are_forked_too() {
    let server = EnvServer::start(&[], &[]).await;
    let request = create_request(&knapsack_task(), InterpreterState::Reset);
    let mut resetting = Episode::create(server.client().await, request).await.unwrap();
    resetting.observe(&format!("x = inspect('{ITEM}')")).await;
    fork(&server, &resetting.id, &["reset"]).await.unwrap();
    let observation = step(&server, "reset", 1, "print(x)").await.observation.unwrap();
    assert_eq!(observation.exception_type, "NameError");

    let fresh = persistent(&server).await;
    fork(&server, &fresh.id, &["fresh"]).await.unwrap();
    assert_eq!(prints(&server, "fresh", 0, "print(1)").await, "1\n");
}

#[tokio::test]
async fn a_fork_that_cannot_be_is_refused_and_makes_nothing() {
    let server = EnvServer::start(&[], &["--max-episodes", "3"]).await;
    let mut source = persistent(&server).await;
    source.observe("x = 1").await;
    for (ids, wrong) in [
        (&[][..], "new_episode_ids"),
        (&["a", "b/c"], "new_episode_ids[1]"),
        (&["a", "a"], "new_episode_ids[1]"),
    ] {
        let status = fork(&server, &source.id, ids).await.unwrap_err();
        assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, wrong));
    }
    assert_eq!(fork(&server, "nobody", &["a"]).await.unwrap_err().code(), Code::NotFound);
    let status = fork(&server, &source.id, &["a", "b", "c"]).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.get_details_retry_info().is_some());
    let get = v1::GetEpisodeRequest { episode_id: "a".to_owned(), ..Default::default() };
    assert_eq!(server.client().await.get_episode(get).await.unwrap_err().code(), Code::NotFound);

    assert_eq!(fork(&server, &source.id, &["a", "b"]).await.unwrap().len(), 2, "there is room for two");
    source.observe("finish()").await;
    let status = fork(&server, &source.id, &["c"]).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(prints(&server, "b", 1, "print(x)").await, "1\n", "the forks live on");
}

#[tokio::test]
async fn more_episodes_than_interpreters_go_on_as_if_they_were_always_awake() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--max-awake", "3", "--hibernation-dir", folder.path().to_str().unwrap()];
    let server = EnvServer::start(&[], &arguments).await;
    let mut episodes = Vec::new();
    for n in 0..12 {
        let mut episode = persistent(&server).await;
        // Replaying the steps of every other episode takes long.
        let work = if n % 2 == 0 { "total = sum(k * k for k in range(300_000))\n" } else { "total = 0\n" };
        let code = format!("import random\n{work}numbers = iter(range({n}, 100))\nnext(numbers)");
        assert!(episode.observe(&code).await.success);
        episodes.push(episode);
    }
    assert_eq!(awake(&server).await, 3);

    let mut printed = Vec::new();
    for _ in 0..2 {
        for episode in &mut episodes {
            printed.push(episode.observe("print(next(numbers), total > 0, random.random())").await.output);
        }
    }
    for (n, (first, second)) in printed[..12].iter().zip(&printed[12..]).enumerate() {
        let expect = |next: usize| format!("{next} {} ", if n % 2 == 0 { "True" } else { "False" });
        assert!(first.starts_with(&expect(n + 1)), "{n}: {first}");
        assert!(second.starts_with(&expect(n + 2)), "{n}: {second}");
        assert_ne!(first.split(' ').next_back(), second.split(' ').next_back());
    }
    assert_eq!(awake(&server).await, 3);

    fork(&server, &episodes[0].id, &["from-sleep"]).await.unwrap();
    assert!(prints(&server, "from-sleep", 3, "print(next(numbers))").await.starts_with('3'));
    for episode in &mut episodes {
        episode.close().await;
    }
    assert_eq!(awake(&server).await, 1, "the fork");
}
