//! Connections: what one client can do to the others.

use std::time::{Duration, Instant};

use client::{EnvClient, connect};
use h2::Reason;
use lifecycle::child;
use proto::env::v1::{self, InterpreterState};
use tests::{EnvServer, Episode, create_request, knapsack_task, program};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;
use tonic::codegen::http::Request;

/// How long the server may take to close a connection.
const PATIENCE: Duration = Duration::from_secs(120);
const CALL: &str = "/runtime_gym.env.v1.EnvironmentService/GetServerInfo";

fn address(url: &str) -> &str {
    url.split_once("://").unwrap().1
}

async fn info(client: &mut EnvClient) {
    client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap();
}

/// Whether the server answers on a new connection.
async fn answers(url: &str) -> bool {
    match connect(url).await {
        Ok(mut client) => client.get_server_info(v1::GetServerInfoRequest {}).await.is_ok(),
        Err(_) => false,
    }
}

async fn signal(server: &EnvServer, name: &str) {
    let status = Command::new("kill").args([name, &server.pid().to_string()]).status().await.unwrap();
    assert!(status.success());
}

/// Waits until the server has closed a connection; returns what it said before.
async fn closed(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    // A connection that is reset is closed, too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("it is closed");
    String::from_utf8_lossy(&said).into_owned()
}

/// 10,000 calls are cancelled before the server has looked at any of them.
#[tokio::test]
async fn thousands_of_cancelled_calls_lose_no_connection() {
    let server = EnvServer::start(&[], &[]).await;
    let stream = TcpStream::connect(address(&server.url)).await.unwrap();
    let (mut calls, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = || {
        let request = Request::post(format!("{}{CALL}", server.url));
        request.header("content-type", "application/grpc").header("te", "trailers").body(()).unwrap()
    };
    let whole = async |calls: &mut h2::client::SendRequest<_>| {
        let (answer, mut body) = calls.send_request(request(), false).unwrap();
        body.send_data(vec![0; 5].into(), true).unwrap();
        let mut answer = timeout(PATIENCE, answer).await.unwrap().unwrap().into_body();
        while answer.data().await.is_some() {}
        answer.trailers().await.unwrap().unwrap()["grpc-status"].clone()
    };
    assert_eq!(whole(&mut calls).await, "0");

    signal(&server, "-STOP").await;
    for _ in 0..10_000 {
        calls = timeout(PATIENCE, calls.ready())
            .await
            .expect("a call that was cancelled takes no place")
            .unwrap();
        let (_, mut body) = calls.send_request(request(), false).unwrap();
        // Lets the connection write the request before it is cancelled.
        tokio::task::yield_now().await;
        body.send_reset(Reason::CANCEL);
        tokio::task::yield_now().await;
    }
    signal(&server, "-CONT").await;
    calls = calls.ready().await.unwrap();
    assert_eq!(whole(&mut calls).await, "0");
    assert!(!connection.is_finished());
}

#[tokio::test]
async fn connections_are_limited_and_their_places_given_back() {
    let server = EnvServer::start(&[], &["--max-connections", "3"]).await;
    let mut client = server.client().await;
    info(&mut client).await;
    let connect_raw = async || TcpStream::connect(address(&server.url)).await.unwrap();
    let held = [connect_raw().await, connect_raw().await];
    assert_eq!(closed(&mut connect_raw().await).await, "");
    server.wait_for_log("(--max-connections)").await;
    info(&mut client).await;
    drop(held);
    let deadline = Instant::now() + PATIENCE;
    while !answers(&server.url).await {
        assert!(Instant::now() < deadline, "the places were not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Clients that do not speak, or stop in the middle of a request, or read no answers.
#[tokio::test]
async fn slow_clients_are_dropped() {
    let server = EnvServer::start(&[], &[]).await;
    let address = address(&server.url);
    let head = |length: usize| {
        format!(
            "POST {CALL} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{{"
        )
    };
    let silent = async { closed(&mut TcpStream::connect(address).await.unwrap()).await };
    let halting = async |text: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        closed(&mut stream).await
    };
    let (text, body) = (head(100), head(100));
    let deaf = async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
        let request = (head(2) + "}").repeat(100);
        let written = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
        timeout(PATIENCE, written).await.expect("it is closed");
    };
    let (silence, halted_head, halted_body, ()) =
        tokio::join!(silent, halting(&text[..40]), halting(&body), deaf);
    assert_eq!(silence, "");
    assert!(!halted_head.contains("200 OK"), "{halted_head}");
    assert!(halted_body.starts_with("HTTP/1.1 4"), "{halted_body}");
    info(&mut server.client().await).await;
}

#[tokio::test]
async fn running_out_of_file_descriptors_is_said_and_survived() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 100 && exec \"$@\"", "sh"]).arg(program("env-server")).arg("serve");
    let started = Instant::now();
    let server = child::Server::start_command("environment server", command, &log).await.unwrap();
    let mut client = connect(server.url()).await.unwrap();
    let mut crowd = Vec::new();
    for _ in 0..200 {
        crowd.push(TcpStream::connect(address(server.url())).await.unwrap());
    }
    let said = || files::read_text(&log).unwrap().matches("a connection cannot be accepted").count();
    let deadline = Instant::now() + PATIENCE;
    while said() == 0 {
        assert!(Instant::now() < deadline, "{}", files::read_text(&log).unwrap());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Those who are connected notice nothing.
    info(&mut client).await;
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let mut episode = Episode::create(client, request).await.unwrap();
    assert_eq!(episode.observe("print(6 * 7)").await.output, "42\n");
    drop(crowd);
    let deadline = Instant::now() + PATIENCE;
    while !answers(server.url()).await {
        assert!(Instant::now() < deadline, "it accepts nobody any more");
    }
    let seconds = started.elapsed().as_secs() as usize;
    assert!(said() <= seconds + 1, "{} times in {seconds} s", said());
}
