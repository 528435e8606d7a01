//! `analysis view`: what it serves, and what it refuses.
#![allow(clippy::unwrap_used, reason = "clippy exempts tests, but not their helpers")]

#[path = "support/study.rs"]
mod study;
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use analysis::turn::turns;
use proto::trace::Trace;
use serde_json::Value;
use study::Study;
use support::{analysis, recorded, result, trace, write_episode};

/// A program that serves; it ends with this value.
struct View {
    child: Child,
    address: String,
}

/// An answer: the status, the headers in lower case, the body.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl View {
    fn start(paths: &[&Path]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_analysis"))
            .arg("view")
            .args(paths)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("listening on http://").unwrap().trim_end_matches('/').to_owned();
        Self { child, address }
    }

    fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = answer[end + 4..].to_vec();
        if head.contains("transfer-encoding: chunked") {
            body = joined(&body);
        }
        Answer { status, head, body }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &format!("host: {}\r\n", self.address))
    }

    /// The index, once it is complete.
    fn index(&self) -> Value {
        let began = Instant::now();
        loop {
            let index = self.get("/api/index").json();
            if index["done"] == true {
                return index;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{index}");
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The parts of a chunked body.
fn joined(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|bytes| bytes == b"\r\n").unwrap();
        let length = usize::from_str_radix(str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend(&body[end + 2..end + 2 + length]);
        body = &body[end + 2 + length + 2..];
    }
}

/// The id of a query, encoded.
fn encoded(id: &str) -> String {
    id.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[test]
fn a_row_says_what_the_trace_says() {
    let runs = recorded("");
    let view = View::start(&[&runs]);
    let index = view.index();
    let rows = index["rows"].as_array().unwrap();
    assert_eq!(rows.len() as u64, index["found"].as_u64().unwrap());
    assert!(index["problems"].as_array().unwrap().is_empty(), "{index}");
    for row in rows {
        let id = row["id"].as_str().unwrap();
        let path: PathBuf =
            format!("{}.trace.json", runs.join(id.strip_prefix("runs/").unwrap()).display()).into();
        let whole: Trace = files::read_json(&path).unwrap();
        let letters: String = turns(&whole).into_iter().map(|(_, turn)| turn.letter()).collect();
        assert_eq!(row["outcomes"], letters, "{id}");
        assert_eq!(row["missing_variables"], letters.matches('m').count(), "{id}");
        assert_eq!(row["all_tokens"], whole.summary.token_usage.total_tokens, "{id}");
        if let Some(origin) = &whole.provenance {
            assert_eq!(row["interpreter_state"], *origin.interpreter_state, "{id}");
        }
        let sent = view.get(&format!("/api/trace?id={}", encoded(id)));
        assert_eq!((sent.status, sent.body), (200, fs::read(&path).unwrap()), "{id}");
    }
}

#[test]
fn the_page_and_its_data_have_a_strict_policy() {
    let view = View::start(&[&recorded("persistent")]);
    let page = view.get("/");
    assert!(page.head.contains("content-type: text/html"), "{}", page.head);
    let etag = page.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    for answer in [page, view.get("/index.js"), view.get("/api/index"), view.get("/none")] {
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            "x-content-type-options: nosniff",
        ] {
            assert!(answer.head.contains(header), "{header} in {}", answer.head);
        }
    }
    let again = view.ask("GET", "/", &format!("host: {}\r\nif-none-match: {etag}\r\n", view.address));
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[test]
fn only_what_was_found_can_be_read_and_only_from_here() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    write_episode(&run, "one", 1, &result(true, 1.0), &trace(&[]));
    fs::write(folder.path().join("secret.trace.json"), "{}").unwrap();
    fs::write(run.join("config.yaml"), "key: secret").unwrap();
    let view = View::start(&[&run]);
    let known = "run/results/one/knapsack/knapsack-knapsack-0000000001";
    assert_eq!(view.get(&format!("/api/trace?id={known}")).json()["summary"]["num_steps"], 0);
    assert_eq!(view.get(&format!("/api/result?id={known}")).json()["result"]["score"], 1.0);
    for id in [
        "../secret",
        "run/../../secret",
        "run/config.yaml",
        "/etc/passwd",
        "",
        "run",
        &format!("{known}/../x"),
    ] {
        for kind in ["trace", "result", "study", "report", "figure"] {
            let answer = view.get(&format!("/api/{kind}?id={}", encoded(id)));
            assert_eq!(answer.status, 404, "{kind} {id}");
        }
    }
    for path in
        ["/../secret.trace.json", "/%2e%2e/secret.trace.json", "/..%2fsecret.trace.json", "//etc/passwd"]
    {
        assert_eq!(view.get(path).status, 404, "{path}");
    }
    for host in
        ["host: example.org\r\n", "host: 127.0.0.1.example.org:80\r\n", "host: localhost.evil\r\n", ""]
    {
        let answer = view.ask("GET", &format!("/api/trace?id={known}"), host);
        assert!([400, 403].contains(&answer.status), "{host}");
    }
    for host in ["localhost:1234", "127.0.0.1", "[::1]:80"] {
        let answer = view.ask("GET", "/api/index", &format!("host: {host}\r\n"));
        assert_eq!(answer.status, 200, "{host}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        let answer =
            view.ask(method, "/api/index", &format!("host: {}\r\ncontent-length: 0\r\n", view.address));
        assert_eq!(answer.status, 405, "{method}");
    }
}

#[test]
fn a_study_has_its_cells_and_its_report() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    fs::create_dir(&made).unwrap();
    Study::new(&made, "A study", &[1]);
    let view = View::start(&[&made]);
    let index = view.index();
    assert_eq!(index["studies"][0], serde_json::json!({"id": "made", "title": "A study"}));
    let study = view.get("/api/study?id=made").json();
    let cell = &study["cells"][1];
    assert_eq!((&cell["train"], &cell["runtime"]), (&"persistent".into(), &"reset".into()));
    let of_cell = index["rows"].as_array().unwrap().iter().filter(|row| row["run"] == cell["run"]);
    assert_eq!(of_cell.count(), 20);
    let report = view.get("/api/report?id=made").json();
    let names: Vec<&str> = report["sections"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|section| section["name"].as_str())
        .collect();
    assert!(names.starts_with(&["summary", "aims", "main"]), "{names:?}");
    let figure = view.get("/api/figure?id=made&name=score");
    assert!(figure.head.contains("content-type: image/svg+xml"), "{}", figure.head);
    assert!(figure.body.starts_with(b"<svg"));
    assert_eq!(view.get("/api/figure?id=made&name=../study").status, 404);
}

#[test]
fn the_runs_of_a_study_may_be_links_to_other_folders() {
    let folder = tempfile::tempdir().unwrap();
    let (study, run) = (folder.path().join("study"), folder.path().join("stages/evaluate-1/cell"));
    write_episode(&run, "one", 1, &result(true, 1.0), &trace(&[]));
    fs::create_dir_all(study.join("seed1")).unwrap();
    std::os::unix::fs::symlink(&run, study.join("seed1/cell")).unwrap();
    let manifest = serde_json::json!({
        "format": "runtime_gym.study.v1", "name": "study", "title": "", "experiment": {}, "commit": "",
        "machine": {"processor": "", "cores": 1, "memory_bytes": 0, "system": ""}, "programs": [],
        "started_at": "", "finished_at": "", "stages": [], "training": [],
        "cells": [{"seed": 1, "train": "base", "runtime": "reset", "tasks": "easy", "run": "seed1/cell"}],
    });
    fs::write(study.join("study.json"), manifest.to_string()).unwrap();
    let view = View::start(&[&study]);
    let index = view.index();
    assert_eq!(index["rows"][0]["id"], "study/seed1/cell/results/one/knapsack/knapsack-knapsack-0000000001");
    assert_eq!(view.get("/api/study?id=study").json()["cells"][0]["run"], index["rows"][0]["run"]);
}

#[test]
fn a_trace_that_cannot_be_read_is_named_and_the_others_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    write_episode(folder.path(), "one", 1, &result(true, 1.0), &trace(&[]));
    write_episode(folder.path(), "one", 2, &result(true, 1.0), &"no trace".into());
    let view = View::start(&[folder.path()]);
    let index = view.index();
    assert_eq!(index["rows"].as_array().unwrap().len(), 1);
    assert!(index["problems"][0].as_str().unwrap().contains("knapsack-0000000002"), "{index}");
}

#[test]
fn paths_without_traces_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    analysis(&["view", path]).refused(&[path, "no traces found"]);
    analysis(&["view", "/does/not/exist"]).refused(&["/does/not/exist"]);
    fs::write(folder.path().join("a.json"), "{\"format\": \"other\"}").unwrap();
    analysis(&["view", &format!("{path}/a.json")]).refused(&["a.json", "`format`"]);
}
