//! The episodes of a server: listed in pages, and kept alive together.

use std::time::SystemTime;

use client::EnvClient;
use proto::env::v1::{self, InterpreterState};
use tests::{EnvServer, Episode, create_request, knapsack_task};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

async fn create(client: &EnvClient, id: &str, state: InterpreterState) -> Episode {
    let request =
        v1::CreateEpisodeRequest { episode_id: id.to_owned(), ..create_request(&knapsack_task(), state) };
    Episode::create(client.clone(), request).await.unwrap()
}

async fn list(
    client: &EnvClient,
    request: v1::ListEpisodesRequest,
) -> Result<v1::ListEpisodesResponse, Status> {
    Ok(client.clone().list_episodes(request).await?.into_inner())
}

fn ids(page: &v1::ListEpisodesResponse) -> Vec<&str> {
    page.episodes.iter().map(|episode| episode.episode_id.as_str()).collect()
}

fn field(status: &Status) -> String {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    status.get_details_bad_request().unwrap().field_violations[0].field.clone()
}

#[tokio::test]
async fn episodes_are_listed_in_pages_the_newest_first() {
    let server = EnvServer::start(&[], &[]).await;
    let client = server.client().await;
    let request = |page_token: &str| v1::ListEpisodesRequest {
        page_size: 2,
        page_token: page_token.to_owned(),
        ..v1::ListEpisodesRequest::default()
    };
    assert_eq!(list(&client, request("")).await.unwrap(), v1::ListEpisodesResponse::default());
    for id in ["one", "two.2", "three", "four", "five"] {
        create(&client, id, InterpreterState::Persistent).await;
    }
    let first = list(&client, request("")).await.unwrap();
    assert_eq!(ids(&first), ["five", "four"]);
    // Neither a new episode nor one that has gone moves the others to another page.
    create(&client, "six", InterpreterState::Persistent).await;
    let second = list(&client, request(&first.next_page_token)).await.unwrap();
    assert_eq!(ids(&second), ["three", "two.2"]);
    let last = list(&client, request(&second.next_page_token)).await.unwrap();
    assert_eq!((ids(&last), last.next_page_token.as_str()), (vec!["one"], ""));

    let all = list(&client, v1::ListEpisodesRequest { page_size: 6, ..request("") }).await.unwrap();
    assert_eq!((all.episodes.len(), all.next_page_token.as_str()), (6, ""), "a full page may be the last");
    let task = all.episodes[0].task.clone().unwrap();
    assert_eq!((task.seed, task.difficulty_json.as_str()), (None, ""), "hidden data");
    assert_eq!(task.family, "knapsack");

    for token in ["x", "1", ".five", "-1.five", "99999999999999999999999.five"] {
        assert_eq!(field(&list(&client, request(token)).await.unwrap_err()), "page_token", "{token}");
    }
    let large = v1::ListEpisodesRequest { page_size: 1001, ..request("") };
    assert_eq!(field(&list(&client, large).await.unwrap_err()), "page_size");
}

#[tokio::test]
async fn a_listing_may_be_of_some_episodes_only() {
    let server = EnvServer::start(&[], &[]).await;
    let client = server.client().await;
    create(&client, "running", InterpreterState::Persistent).await;
    create(&client, "closed", InterpreterState::Persistent).await.close().await;
    create(&client, "reset", InterpreterState::Reset).await;
    let any = v1::ListEpisodesRequest::default;
    let all = list(&client, any()).await.unwrap();
    assert_eq!(ids(&all), ["reset", "closed", "running"]);
    assert_eq!(all.episodes[1].end_reason(), v1::EndReason::Closed);
    let task_id = all.episodes[0].task.clone().unwrap().task_id;
    let none: [&str; 0] = [];
    for (request, wanted) in [
        (v1::ListEpisodesRequest { only_running: true, ..any() }, &["reset", "running"][..]),
        (v1::ListEpisodesRequest { interpreter_state: 2, ..any() }, &["reset"]),
        (v1::ListEpisodesRequest { interpreter_state: 1, only_running: true, ..any() }, &["running"]),
        (v1::ListEpisodesRequest { family: "knapsack".into(), ..any() }, &["reset", "closed", "running"]),
        (v1::ListEpisodesRequest { family: "navigation".into(), ..any() }, &none),
        (v1::ListEpisodesRequest { task_id, ..any() }, &["reset", "closed", "running"]),
        (v1::ListEpisodesRequest { task_id: "another".into(), ..any() }, &none),
        (v1::ListEpisodesRequest { set: "another".into(), ..any() }, &none),
    ] {
        assert_eq!(ids(&list(&client, request.clone()).await.unwrap()), wanted, "{request:?}");
    }
    let unknown = v1::ListEpisodesRequest { family: "chess".into(), ..any() };
    assert_eq!(field(&list(&client, unknown).await.unwrap_err()), "family");
}

#[tokio::test]
async fn leases_are_renewed_together_and_unknown_ones_named() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    create(&client, "a", InterpreterState::Persistent).await;
    create(&client, "b", InterpreterState::Reset).await;
    create(&client, "closed", InterpreterState::Persistent).await.close().await;
    let keep =
        |ids: &[&str]| v1::KeepAliveRequest { episode_ids: ids.iter().map(|id| (*id).to_owned()).collect() };
    let expiry = |lease: &v1::Lease| SystemTime::try_from(lease.expires_at.unwrap()).unwrap();
    let before = client.keep_alive(keep(&["a"])).await.unwrap().into_inner();
    let asked = SystemTime::now();
    let after = client.keep_alive(keep(&["b", "nobody", "a", "closed"])).await.unwrap().into_inner();
    assert_eq!(after.unknown_episode_ids, ["nobody", "closed"]);
    assert_eq!(after.leases.len(), 4);
    for unknown in [1, 3] {
        assert_eq!(after.leases[unknown], v1::Lease::default());
    }
    for renewed in [0, 2] {
        let lasts = expiry(&after.leases[renewed]).duration_since(asked).unwrap();
        assert!(lasts.as_secs() >= 900 - 1, "the whole lease from now on: {lasts:?}");
    }
    assert!(expiry(&after.leases[2]) > expiry(&before.leases[0]));
    let status = client.keep_alive(keep(&["a"; 1001])).await.unwrap_err();
    assert_eq!(field(&status), "episode_ids");
}
