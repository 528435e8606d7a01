use std::collections::BTreeMap;

use futures::FutureExt as _;
use proto::run::Evaluation;
use proto::task::{TaskState, ToolParameter, ToolSpec};
use sandbox::{Argument, ToolAnswer, ToolCall};
use serde_json::json;

use super::*;
use crate::error::Violation;

fn tool(name: &str, parameters: &[(&str, &str)]) -> ToolSpec {
    let parameter = |&(name, python_type): &(&str, &str)| ToolParameter {
        name: name.to_owned(),
        python_type: python_type.to_owned(),
    };
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: parameters.iter().map(parameter).collect(),
        returns: "str".to_owned(),
    }
}

fn family(name: &str) -> OfferedFamily {
    let task = |id: &str| OfferedTask {
        task_id: id.to_owned(),
        private_json: r#"{"number": 7}"#.to_owned(),
        ..OfferedTask::default()
    };
    OfferedFamily {
        name: name.to_owned(),
        tools: vec![tool("guess", &[("number", "int")])],
        tasks: vec![task("b"), task("a")],
        ..OfferedFamily::default()
    }
}

fn offer(families: Vec<OfferedFamily>) -> Offer {
    Offer { families, calls_at_a_time: 1 }
}

fn state(guesses: i64) -> TaskState {
    TaskState {
        budget_left: BTreeMap::from([("guesses".to_owned(), 10 - guesses)]),
        evaluation: Evaluation { is_solved: false, score: 0.0, metrics: <_>::default() },
        state_json: json!(guesses).to_string(),
    }
}

fn guess(number: i64) -> ToolCall {
    let args = vec![Argument::from(json!(number))];
    ToolCall { name: "guess".to_owned(), args, kwargs: Vec::new() }
}

/// A task of `guessing` that has begun, on a server with one host.
fn begun() -> (Hosts, Host, Requests, Box<dyn Environment>) {
    let hosts = Hosts::default();
    let (host, mut requests) = hosts.connect(offer(vec![family("guessing")]), &[]).unwrap();
    let task = hosts.family("guessing").unwrap().task("a").unwrap().clone();
    let mut begin = Box::pin(hosts.begin(task));
    assert!(begin.as_mut().now_or_never().is_none());
    let (id, request) = requests.try_recv().unwrap();
    assert!(matches!(request.question, Question::Open) && request.task_json.contains("number"));
    host.answer(id, Answer::Opened { goal: "Guess.".to_owned(), state: state(0) });
    let task = begin.now_or_never().unwrap().unwrap();
    let read = family::parse(&json!(task)).unwrap();
    assert_eq!(read, task, "it can be stored");
    let environment = hosts.open(&task).unwrap();
    assert_eq!((environment.goal().as_str(), environment.tools().len()), ("Guess.", 2));
    (hosts, host, requests, environment)
}

fn ask(environment: &mut dyn Environment, number: i64) -> sandbox::Pending {
    match environment.ask(&guess(number)) {
        ToolAnswer::Later(answer) => answer,
        ToolAnswer::Now(answer) => panic!("it was answered at once: {answer:?}"),
    }
}

fn why(answer: Option<Result<Result<serde_json::Value, sandbox::ToolError>, sandbox::Fault>>) -> Error {
    *answer.unwrap().unwrap_err().0.downcast().unwrap()
}

#[test]
fn a_call_is_answered_with_the_state_after_it() {
    let (_hosts, host, mut requests, mut environment) = begun();
    let before = environment.state().unwrap();
    let mut copy = environment.fork();
    let answer = ask(environment.as_mut(), 5);
    let (id, request) = requests.try_recv().unwrap();
    let Question::Tool { state: told, tool, arguments_json } = &request.question else { panic!() };
    assert_eq!((told, tool.as_str(), arguments_json.as_str()), (&before, "guess", r#"{"number":5}"#));
    host.answer(id, Answer::Result { result: json!("higher"), state: state(1) });
    assert_eq!(answer.now_or_never().unwrap().unwrap(), Ok(json!("higher")));
    assert_eq!(environment.budget_left()["guesses"], 9);
    assert_eq!(copy.state(), Some(before), "a copy has its own state");
    let refused = ask(copy.as_mut(), 5);
    host.answer(requests.try_recv().unwrap().0, Answer::Refusal("No.".to_owned()));
    assert_eq!(refused.now_or_never().unwrap().unwrap().unwrap_err().message, "ToolRuntimeException: No.");
    let fault = ask(copy.as_mut(), 5);
    host.answer(requests.try_recv().unwrap().0, Answer::Fault("ZeroDivisionError".to_owned()));
    assert!(
        matches!(why(fault.now_or_never()), Error::FamilyFault { why, .. } if why == "ZeroDivisionError")
    );
}

#[test]
fn what_needs_no_host_is_answered_at_once() {
    let (_hosts, _host, mut requests, mut environment) = begun();
    let call = |name: &str, args: &[i64]| ToolCall {
        name: name.to_owned(),
        args: args.iter().map(|number| Argument::from(json!(number))).collect(),
        kwargs: Vec::new(),
    };
    for (call, error) in [
        (call("finish", &[]), None),
        (call("finish", &[1]), Some("too many positional arguments")),
        (call("guess", &[]), Some("Missing required argument number")),
        (call("steal", &[]), Some("Unknown tool steal")),
    ] {
        let ToolAnswer::Now(answer) = environment.ask(&call) else { panic!("{call:?}") };
        assert_eq!(answer.is_err(), error.is_some());
        assert!(answer.err().is_none_or(|told| told.message.contains(error.unwrap())));
    }
    assert!(requests.try_recv().is_err());
}

#[test]
fn a_call_whose_host_goes_away_is_made_by_another() {
    let (hosts, host, mut requests, mut environment) = begun();
    let answer = ask(environment.as_mut(), 5);
    let (first, _) = requests.try_recv().unwrap();
    let (other, mut others) = hosts.connect(offer(vec![family("guessing")]), &[]).unwrap();
    assert!(others.try_recv().is_err(), "one host has it");
    drop(host);
    let (second, _) = others.try_recv().unwrap();
    assert_ne!(first, second);
    other.answer(first, Answer::Refusal("late".to_owned()));
    other.answer(second, Answer::Result { result: json!("higher"), state: state(1) });
    assert_eq!(answer.now_or_never().unwrap().unwrap(), Ok(json!("higher")));
}

#[test]
fn a_call_that_ends_several_hosts_is_given_up() {
    let (hosts, host, requests, mut environment) = begun();
    let mut answer = ask(environment.as_mut(), 5);
    drop((host, requests));
    for _ in 0..2 {
        assert!(answer.as_mut().now_or_never().is_none());
        let (host, mut requests) = hosts.connect(offer(vec![family("guessing")]), &[]).unwrap();
        requests.try_recv().unwrap();
        drop(host);
    }
    assert!(matches!(why(answer.now_or_never()), Error::NoHost { .. }));
}

#[test]
fn a_host_gets_as_many_calls_as_it_takes() {
    let (_hosts, host, mut requests, mut environment) = begun();
    let mut copy = environment.fork();
    let (given_up, waiting) = (ask(environment.as_mut(), 1), ask(copy.as_mut(), 2));
    let (id, _) = requests.try_recv().unwrap();
    drop(given_up);
    assert!(requests.try_recv().is_err(), "the host still makes the call that nobody waits for");
    host.answer(id, Answer::Result { result: json!(""), state: state(1) });
    let (id, request) = requests.try_recv().unwrap();
    assert!(
        matches!(&request.question, Question::Tool { arguments_json, .. } if arguments_json.contains('2'))
    );
    host.answer(id, Answer::Result { result: json!(null), state: state(1) });
    assert_eq!(waiting.now_or_never().unwrap().unwrap(), Ok(json!(null)));
}

#[test]
fn calls_end_when_they_are_stopped_or_take_too_long() {
    let (hosts, _host, mut requests, mut environment) = begun();
    let stop = Stop::default();
    environment.begin_step(&stop);
    let mut stopped = ask(environment.as_mut(), 1);
    hosts.look();
    assert!(stopped.as_mut().now_or_never().is_none());
    stop.ask();
    hosts.look();
    assert!(matches!(why(stopped.now_or_never()), Error::Stopped));
    environment.begin_step(&Stop::default());
    let late = ask(environment.as_mut(), 2);
    requests.try_recv().unwrap();
    hosts.table().look(Instant::now() + contract::CALL_TIMEOUT);
    assert!(matches!(why(late.now_or_never()), Error::NoHost { why, .. } if why.contains("no room")));
}

#[test]
fn an_episode_goes_on_with_its_own_version_only() {
    let (hosts, host, requests, mut environment) = begun();
    let newer = OfferedFamily { version: "2".to_owned(), ..family("guessing") };
    let Err(Error::Invalid(violation)) = hosts.connect(offer(vec![newer.clone()]), &[]) else { panic!() };
    assert_eq!(violation.field, "offer.families[0]");
    drop((host, requests));
    let (_newer, mut requests) = hosts.connect(offer(vec![newer]), &[]).unwrap();
    let answer = ask(environment.as_mut(), 1);
    assert!(requests.try_recv().is_err());
    hosts.table().look(Instant::now() + asker::NOBODY_TIMEOUT);
    assert!(matches!(why(answer.now_or_never()), Error::NoHost { why, .. } if why.contains("version")));
}

#[test]
fn a_server_that_shuts_down_has_no_hosts() {
    let (hosts, _host, mut requests, mut environment) = begun();
    let answer = ask(environment.as_mut(), 1);
    requests.try_recv().unwrap();
    hosts.close();
    assert!(matches!(why(answer.now_or_never()), Error::ShuttingDown));
    assert_eq!(requests.try_recv().unwrap_err(), mpsc::error::TryRecvError::Disconnected);
    assert!(matches!(why(ask(environment.as_mut(), 1).now_or_never()), Error::ShuttingDown));
    assert!(matches!(hosts.connect(offer(vec![family("guessing")]), &[]), Err(Error::ShuttingDown)));
}

#[test]
fn tasks_stay_until_others_are_offered() {
    let hosts = Hosts::default();
    let ids =
        || hosts.family("guessing").unwrap().tasks.iter().map(|it| it.task_id.clone()).collect::<String>();
    drop(hosts.connect(offer(vec![family("guessing")]), &[]).unwrap());
    assert_eq!((ids().as_str(), hosts.connected()), ("ab", 0));
    let none = OfferedFamily { tasks: Vec::new(), ..family("guessing") };
    drop(hosts.connect(offer(vec![none.clone()]), &[]).unwrap());
    assert_eq!(ids(), "ab");
    let newer = OfferedFamily { version: "2".to_owned(), ..none };
    drop(hosts.connect(offer(vec![newer]), &[]).unwrap());
    assert_eq!(ids(), "");
}

#[test]
fn a_wrong_offer_names_its_field() {
    let with_tool = |tool: ToolSpec| OfferedFamily { tools: vec![tool], ..family("guessing") };
    let with_task = |task: OfferedTask| OfferedFamily { tasks: vec![task], ..family("guessing") };
    let id = || "a".to_owned();
    let cases = [
        ("offer.families", Vec::new()),
        ("offer.families[1].name", vec![family("one"), family("one")]),
        ("offer.families[0].name", vec![family("knapsack")]),
        ("offer.families[0].name", vec![family("taken")]),
        ("offer.families[0].name", vec![family("Guess")]),
        ("offer.families[0].name", vec![family("")]),
        (
            "offer.families[0].call_timeout",
            vec![OfferedFamily { call_timeout: Some(Duration::ZERO), ..family("one") }],
        ),
        ("offer.families[0].tools[0].name", vec![with_tool(tool("finish", &[]))]),
        ("offer.families[0].tools[0].name", vec![with_tool(tool("class", &[]))]),
        ("offer.families[0].tools[0].parameters[0].type", vec![with_tool(tool("a", &[("x", "bytes")]))]),
        (
            "offer.families[0].tools[0].parameters[1].name",
            vec![with_tool(tool("a", &[("x", "int"), ("x", "int")]))],
        ),
        ("offer.families[0].tasks[0].task_id", vec![with_task(OfferedTask::default())]),
        (
            "offer.families[0].tasks[0].public_json",
            vec![with_task(OfferedTask { task_id: id(), public_json: "[]".to_owned(), ..<_>::default() })],
        ),
    ];
    for (field, families) in cases {
        let Err(Error::Invalid(Violation { field: told, .. })) =
            Hosts::default().connect(offer(families), &["taken"])
        else {
            panic!("{field} is accepted")
        };
        assert_eq!(told, field);
    }
}
