//! What a model is shown when its answer can't be run, and how an episode without a call of `finish` ends.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions only, not what they call

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::config::RunConfig;
use agent::episode::{Assignment, Outcome, Player};
use agent::model::{Completion, Error, FinishReason, GenerateRequest, Message, Model, Role, estimate_usage};
use client::{Environment, Retry};
use proto::env::v1;
use proto::trace::{EventKind, Step, Trace, Versions};
use support::{Fake, Setup};
use tokio::sync::watch;

/// A model that gives prepared answers in turn, and keeps the messages that it was sent.
#[derive(Debug)]
struct Canned {
    answers: Vec<(&'static str, FinishReason)>,
    shown: Mutex<Vec<Vec<Message>>>,
}

#[tonic::async_trait]
impl Model for Canned {
    fn name(&self) -> &str {
        "canned"
    }

    async fn generate(&self, request: &GenerateRequest) -> Result<Completion, Error> {
        let turn = self.shown.lock().unwrap().len();
        self.shown.lock().unwrap().push(request.messages.clone());
        let (text, finish_reason) = self.answers[turn % self.answers.len()].clone();
        match text {
            "fail" => Err(Error::Conversation { model: "canned".into(), reason: "out of tape".into() }),
            "full" => Err(Error::ContextOverflow { problem: "too long".into() }),
            "gone" => Err(Error::Unreachable { url: "there".into(), problem: "no answer".into() }),
            "sleep" => std::future::pending().await,
            _ => Ok(Completion {
                text: text.to_owned(),
                finish_reason,
                usage: estimate_usage(&request.messages, text),
            }),
        }
    }
}

/// Plays one episode; `extra` holds further keys of the agent's config. The numbers are the server's steps
/// and renewals.
async fn play(
    answers: &[&'static str],
    persistent: bool,
    extra: &str,
) -> (Outcome, Arc<Canned>, (usize, usize)) {
    let finish = |text: &str| if text == "cut off" { FinishReason::Length } else { FinishReason::Stop };
    let answers = answers.iter().map(|text| (*text, finish(text))).collect();
    let model = Arc::new(Canned { answers, shown: Mutex::default() });
    let fake = Fake::start(Setup::default()).await;
    let yaml = format!(
        "{{output_dir: o, run_name: r, task_families: [knapsack], agents: [{{name: a, agent_type: codeact, \
         persistent_state: {persistent}, {extra} llm: {{backend: scripted, model: reset-habit}}}}]}}"
    );
    let player = Player {
        agent: RunConfig::parse(&yaml).unwrap().agents.remove(0),
        model: model.clone(),
        environment: Environment::new(client::connect(&fake.url).await.unwrap(), Retry::default()),
    };
    let task = v1::TaskSummary { task_id: "knapsack-0000000001".into(), ..v1::TaskSummary::default() };
    let assignment =
        Assignment { task, episode_id: "e".into(), policy_seed: 1, versions: Versions::default() };
    let (_keep, stop) = watch::channel(false);
    let outcome = player.play(&assignment, stop).await;
    let state = fake.state.lock().unwrap();
    (outcome, model, (state.steps_run, state.renewals))
}

fn steps(trace: &Trace) -> Vec<&Step> {
    let events = trace.events.iter();
    events
        .filter_map(|event| match &event.kind {
            EventKind::StepEvent(step) => Some(&**step),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_costs_a_turn_and_is_told() {
    let answers = [
        "```python\nx = 1\n```\n```python\nprint(x)\n```",
        "I think.",
        "cut off",
        "fail",
        "```python\ny = 2\nprint('here')\nprint(undefined)\n```",
        "```python\nfinish()\n```",
    ];
    let (outcome, model, (steps_run, renewals)) = play(&answers, true, "").await;
    outcome.evaluation.unwrap();
    let steps = steps(&outcome.trace);
    assert_eq!((steps.len(), steps_run), (6, 2));
    for (step, part) in steps.iter().zip(["2 code blocks", "", "length", "out of tape"]) {
        assert!(step.interpreter_result.is_none());
        match step.error.as_deref() {
            Some(error) => assert!(!part.is_empty() && error.contains(part), "{error}"),
            None => assert!(part.is_empty(), "a turn without code is no error"),
        }
    }
    assert_eq!(renewals, 4, "turns that run nothing renew the lease all the same");
    let result = steps[4].interpreter_result.as_ref().unwrap();
    assert_eq!((result.success, result.output.as_str()), (false, "here\n"));
    assert_eq!(steps[4].info.as_ref().unwrap().exception_type.as_deref(), Some("NameError"));
    assert_eq!(outcome.trace.summary.finish_reason.as_deref(), Some("finish_tool"));

    let shown = model.shown.lock().unwrap();
    let last = shown.last().unwrap();
    let names: Vec<&Message> = last.iter().filter(|message| message.content.starts_with("Names")).collect();
    assert_eq!(names.len(), 1, "the names are shown, not kept");
    assert!(names[0].content.ends_with(": y"), "{}", names[0].content);
    let told = last.iter().filter(|message| {
        message.role == Role::User
            && (message.content.starts_with('{') || message.content.contains("holds no code block"))
    });
    assert_eq!(told.count(), 5, "every turn was answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resetting_runtime_shows_no_names_and_turns_run_out() {
    let (outcome, model, (steps_run, _)) = play(&["```python\nx = 1\n```"], false, "max_turns: 3,").await;
    outcome.evaluation.unwrap();
    assert_eq!((outcome.trace.summary.finish_reason.as_deref(), steps_run), (Some("max_turns"), 3));
    let shown = model.shown.lock().unwrap();
    assert!(shown.iter().flatten().all(|message| !message.content.starts_with("Names")));
    assert!(shown[0][1].content.contains("reset after every block"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_the_runtime_is_the_configs_choice() {
    let answers = ["```python\nprint('here')\n```", "```python\nprint(undefined)\n```"];
    let extra = "max_turns: 3, prompt: {runtime: hidden, observation: compact, hide_names: true},";
    let (_, model, _) = play(&answers, true, extra).await;
    let shown = model.shown.lock().unwrap().clone();
    let messages: Vec<(Role, &str)> =
        shown[2].iter().map(|message| (message.role, message.content.as_str())).collect();
    let [(Role::System, acting), _, _, printed, _, failed] = messages[..] else { panic!("{messages:?}") };
    assert!(acting.contains("error if there is one, or else output"), "{acting}");
    assert_eq!(printed, (Role::User, r#"{"output":"here\n"}"#));
    assert!(failed.1.starts_with(r#"{"error":"NameError"#), "{failed:?}");

    let (_, model, _) = play(&answers, true, "max_turns: 1, prompt: {runtime: misstated},").await;
    assert!(model.shown.lock().unwrap()[0][1].content.contains("reset after every block"));

    let (_, model, _) = play(&answers, true, "max_turns: 1, prompt: {detail: brief},").await;
    let brief = model.shown.lock().unwrap()[0].clone();
    let (_, model, _) = play(&answers, true, "max_turns: 1,").await;
    let full = model.shown.lock().unwrap()[0].clone();
    assert!(brief[0].content.contains("inspect(item_id), "), "{brief:?}");
    assert!(brief[0].content.len() * 4 < full[0].content.len(), "{brief:?}");
    assert_eq!(brief[1], full[1], "the runtime is told in either");
    let public = |message: &Message| {
        serde_json::from_str::<serde_json::Value>(message.content.lines().last().unwrap()).unwrap()
    };
    assert_eq!(public(&brief[2]), public(&full[2]));
    assert!(brief[2].content.contains("\"capacity\": "), "numbers stand as they do in code: {brief:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_context_ends_the_episode_and_a_lost_server_fails_it() {
    let (outcome, _, _) = play(&["```python\nx = 1\n```", "full"], true, "").await;
    outcome.evaluation.unwrap();
    assert_eq!(outcome.trace.summary.finish_reason.as_deref(), Some("context_length"));

    let (outcome, _, _) = play(&["gone"], true, "").await;
    let error = outcome.evaluation.unwrap_err();
    assert_eq!(error.unreachable(), Some("inference server"));
    assert!(error.to_string().contains("can't be reached"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_lose_state_as_asked_fails_the_episode() {
    let (outcome, model, (steps_run, _)) = play(&["```python\nx = 1\n```"], true, "state_loss: 0.3,").await;
    let error = outcome.evaluation.unwrap_err().to_string();
    assert!(error.contains("`state_loss` is 0.3") && error.contains("has 0 in force"), "{error}");
    assert_eq!((steps_run, model.shown.lock().unwrap().len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_episode_that_takes_too_long_is_evaluated_as_it_stands() {
    let before = std::time::Instant::now();
    let (outcome, _, (steps_run, _)) = play(&["sleep"], true, "timeout_s: 0.2,").await;
    outcome.evaluation.unwrap();
    assert_eq!((outcome.trace.summary.finish_reason.as_deref(), steps_run), (Some("timeout"), 0));
    assert!(before.elapsed() < Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_turn_begins_after_the_episodes_time() {
    let (outcome, model, (steps_run, _)) = play(&["```python\nx = 1\n```"], true, "timeout_s: 1e-9,").await;
    outcome.evaluation.unwrap();
    assert_eq!((outcome.trace.summary.finish_reason.as_deref(), steps_run), (Some("timeout"), 0));
    assert!(model.shown.lock().unwrap().is_empty(), "the model is not asked");
}
