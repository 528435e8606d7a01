//! What a model is shown when its answer can't be run, and how an episode without a call of `finish` ends.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Fake, Setup};
use acting::prompts::Prompts;
use agent::config::RunConfig;
use agent::episode::{Assignment, Outcome, Player};
use agent::model::{Completion, Error, FinishReason, GenerateRequest, Message, Model, Role, estimate_usage};
use client::{Environments, Retry};
use proto::env::v1;
use proto::trace::{EventKind, Step, Trace, Versions};
use tokio::sync::watch;

/// A model that gives prepared answers in turn, and keeps the messages that it was sent.
#[derive(Debug)]
struct Canned {
    answers: Vec<(&'static str, FinishReason)>,
    shown: Mutex<Vec<Vec<Message>>>,
}

/// The beginning of an answer that is cut off at the model's limit.
const CUT: &str = "cut off";

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
                ..Completion::default()
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
    play_on(Setup::default(), answers, persistent, extra).await
}

/// See [`play`].
async fn play_on(
    setup: Setup,
    answers: &[&'static str],
    persistent: bool,
    extra: &str,
) -> (Outcome, Arc<Canned>, (usize, usize)) {
    let finish = |text: &str| if text.starts_with(CUT) { FinishReason::Length } else { FinishReason::Stop };
    let answers = answers.iter().map(|text| (*text, finish(text))).collect();
    let model = Arc::new(Canned { answers, shown: Mutex::default() });
    let fake = Fake::start(setup).await;
    let yaml = format!(
        "{{output_dir: o, run_name: r, task_families: [knapsack], agents: [{{name: a, agent_type: codeact, \
         persistent_state: {persistent}, {extra} llm: {{backend: scripted, model: reset-habit}}}}]}}"
    );
    let environments =
        Environments::connect(std::slice::from_ref(&fake.url), Retry::default()).await.unwrap();
    let player = Player {
        agent: RunConfig::parse(&yaml).unwrap().agents.remove(0),
        model: model.clone(),
        prompts: Arc::new(Prompts::read(None).unwrap()),
        environments,
        watcher: None,
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
    trace.steps().collect()
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
    let names: Vec<&Message> = last.iter().filter(|message| message.content.contains("Names")).collect();
    assert_eq!(names.len(), 1, "the names are shown, not kept");
    assert!(names[0].content.ends_with("\n\nNames defined in the interpreter: y"), "{}", names[0].content);
    // The call that failed wrote nothing: what is said of it joins the answer before it.
    let told: usize = last
        .iter()
        .filter(|message| message.role == Role::User)
        .map(|message| {
            let lines = message.content.lines();
            lines
                .filter(|line| line.starts_with("{\"success\"") || line.contains("holds no code block"))
                .count()
        })
        .sum();
    assert_eq!(told, 5, "every turn was answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resetting_runtime_shows_no_names_and_turns_run_out() {
    let (outcome, model, (steps_run, _)) = play(&["```python\nx = 1\n```"], false, "max_turns: 3,").await;
    outcome.evaluation.unwrap();
    assert_eq!((outcome.trace.summary.finish_reason.as_deref(), steps_run), (Some("max_turns"), 3));
    let shown = model.shown.lock().unwrap();
    assert!(shown.iter().flatten().all(|message| !message.content.contains("Names")));
    assert!(shown[0][0].content.contains("reset after every block"));
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
    assert!(model.shown.lock().unwrap()[0][0].content.contains("reset after every block"));

    let (_, model, _) = play(&answers, true, "max_turns: 1, prompt: {detail: brief},").await;
    let brief = model.shown.lock().unwrap()[0].clone();
    let (_, model, _) = play(&answers, true, "max_turns: 1,").await;
    let full = model.shown.lock().unwrap()[0].clone();
    assert!(brief[0].content.contains("inspect(item_id), "), "{brief:?}");
    assert!(brief[0].content.len() * 3 < full[0].content.len(), "{brief:?}");
    let runtime = |messages: &[Message]| messages[0].content.rsplit("\n\n").next().map(str::to_owned);
    assert_eq!(runtime(&brief), runtime(&full), "the runtime is told in either");
    assert!(runtime(&full).unwrap().contains("keeps its state"), "{full:?}");
    let public = |message: &Message| {
        let line = message.content.lines().find(|line| line.starts_with('{')).unwrap();
        serde_json::from_str::<serde_json::Value>(line).unwrap()
    };
    assert_eq!(public(&brief[1]), public(&full[1]));
    assert!(brief[1].content.contains("\"capacity\": "), "numbers stand as they do in code: {brief:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_alternate_in_every_request() {
    let answers = ["fail", "", "```python\nx = 1\n```", "I think.", CUT, "fail", "```python\nprint(x)\n```"];
    for (persistent, extra) in [(true, "max_turns: 9,"), (false, "max_turns: 9,")] {
        let (outcome, model, _) = play(&answers, persistent, extra).await;
        outcome.evaluation.unwrap();
        let shown = model.shown.lock().unwrap();
        for messages in shown.iter() {
            let roles: Vec<Role> = messages.iter().map(|message| message.role).collect();
            let turns = [Role::User, Role::Assistant].into_iter().cycle().take(roles.len() - 1);
            let expected: Vec<Role> = std::iter::once(Role::System).chain(turns).collect();
            assert_eq!(roles, expected);
        }
        // What was sent can be read from the trace.
        let summary = &outcome.trace.summary;
        assert_eq!(summary.system_prompts, [shown[0][0].content.clone()]);
        let reminders: Vec<_> = outcome
            .trace
            .events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::ModelCallEvent(call) => Some(call.reminder.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(reminders.len(), shown.len());
        for (reminder, messages) in reminders.iter().zip(shown.iter()) {
            assert_eq!(reminder.is_some(), persistent);
            let last = &messages.last().unwrap().content;
            assert!(reminder.as_ref().is_none_or(|text| last.ends_with(&format!("\n\n{text}"))), "{last}");
        }
        assert_eq!(shown[0][1].content.split("\n\nNames").next(), Some(summary.task.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_blocks_are_refused_or_the_first_one_runs() {
    let answers = ["```python\nx = 1\n```\nThen:\n```python\nprint(x)\n```"];
    for (extra, steps_run, told) in
        [("", 0, "none of them is run"), ("several_blocks: first,", 1, "the first one is run")]
    {
        let (outcome, model, (run, _)) = play(&answers, true, &format!("max_turns: 1, {extra}")).await;
        let step = steps(&outcome.trace)[0];
        assert_eq!(run, steps_run, "{extra}");
        assert_eq!(step.code.as_deref(), (steps_run == 1).then_some("x = 1"));
        assert_eq!(step.error.is_none(), steps_run == 1);
        assert!(model.shown.lock().unwrap()[0][0].content.contains(told));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_in_place_of_python_is_told_what_to_do() {
    let answers = ["{\"name\": \"list_items\", \"arguments\": {}}", "```\n{\"output\": \"12\"}\n```"];
    let (outcome, _, (steps_run, _)) = play(&answers, true, "max_turns: 2,").await;
    let errors: Vec<&str> = steps(&outcome.trace).iter().filter_map(|step| step.error.as_deref()).collect();
    assert!(errors[0].contains("tool call") && errors[0].contains("```python"), "{errors:?}");
    assert!(errors[1].contains("result") && errors[1].contains("```python"), "{errors:?}");
    assert_eq!(steps_run, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_block_of_a_cut_answer_is_refused_or_runs() {
    let whole = "cut off\n```python\nprint(7)\n```\nThis pri";
    let part = "cut off\n```python\nprint(7)";
    for (extra, expected) in [("", [false, false]), ("cut_answers: run,", [true, false])] {
        let (outcome, ..) = play(&[whole, part], true, &format!("max_turns: 2, {extra}")).await;
        for (step, runs) in steps(&outcome.trace).into_iter().zip(expected) {
            assert_eq!(step.interpreter_result.as_ref().is_some_and(|result| result.output == "7\n"), runs);
            assert_eq!(step.error.as_ref().is_some_and(|error| error.contains("cut off")), !runs);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_repetition_is_shortened_in_later_turns() {
    let endless: &'static str = format!("{CUT}. {}", "I look at the next item. ".repeat(400)).leak();
    let (outcome, model, _) = play(&[endless, "```python\nfinish()\n```"], true, "").await;
    let steps = steps(&outcome.trace);
    assert_eq!(steps[0].assistant_text, endless, "the trace has all of it");
    let kept = steps[0].kept_text.as_deref().unwrap();
    assert!(kept.len() < 300 && kept.contains("bytes were left out"), "{kept}");
    assert_eq!(model.shown.lock().unwrap()[1][2], Message::assistant(kept));
    assert_eq!(steps[1].kept_text, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_was_cut_says_so() {
    let answers = ["```python\nprint('é' * 50)\nimport sys\nprint('w' * 50, file=sys.stderr)\n```"];
    let extra = "max_turns: 2, limits: {output_bytes_per_step: 21, error_output_bytes_per_step: 10},";
    let (outcome, model, _) = play(&answers, true, extra).await;
    let result = steps(&outcome.trace)[0].interpreter_result.clone().unwrap();
    assert_eq!(result.output, "éééééééééé\n[... 81 more bytes of output were left out]\n");
    assert_eq!(result.error_output, "wwwwwwwwww\n[... 41 more bytes of output were left out]\n");
    let shown = model.shown.lock().unwrap();
    let told = &shown[1].last().unwrap().content;
    assert!(told.contains("81 more bytes") && told.contains("41 more bytes"), "{told}");
    let limits = &outcome.trace.provenance.as_ref().unwrap().limits;
    assert_eq!(limits["error_output_bytes_per_step"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_error_is_shown_unless_it_is_hidden() {
    let answers = ["```python\nimport sys\nprint('out')\nprint('warned', file=sys.stderr)\n```"];
    for (extra, is_shown) in [("", true), ("prompt: {hide_error_output: true},", false)] {
        let (outcome, model, _) = play(&answers, false, &format!("max_turns: 2, {extra}")).await;
        let result = steps(&outcome.trace)[0].interpreter_result.clone().unwrap();
        assert_eq!((result.output.as_str(), result.error_output.as_str()), ("out\n", "warned\n"));
        let shown = model.shown.lock().unwrap();
        let told = &shown[1].last().unwrap().content;
        assert_eq!(told.contains("\"output\":\"out\\n\",\"error_output\":\"warned\\n\""), is_shown, "{told}");
        assert_eq!(told.contains("warned"), is_shown, "{told}");
        assert_eq!(
            proto::conversation::Shown::of(&outcome.trace).error_output,
            is_shown,
            "training shows the same"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn semantics_are_asked_for_stated_and_recorded() {
    let answers = ["```python\nx = 1\n```"];
    let told = |model: &Canned| model.shown.lock().unwrap()[0][0].content.clone();
    let (outcome, model, _) = play(&answers, true, "max_turns: 1,").await;
    assert!(outcome.trace.provenance.as_ref().unwrap().semantics.is_script());
    assert!(told(&model).contains("The block is run as a script") && !told(&model).contains("notebook"));

    for extra in ["semantics: notebook,", "semantics: notebook, prompt: {detail: brief, runtime: hidden},"] {
        let (outcome, model, _) = play(&answers, true, &format!("max_turns: 1, {extra}")).await;
        assert_eq!(outcome.trace.provenance.unwrap().semantics.name(), "notebook");
        assert!(told(&model).contains("last expression") && !told(&model).contains("as a script"), "{extra}");
    }

    let setup = Setup { knows_semantics: false, ..Setup::default() };
    let (outcome, ..) = play_on(setup.clone(), &answers, true, "semantics: notebook,").await;
    let error = outcome.evaluation.unwrap_err().to_string();
    assert!(error.contains("`semantics` is notebook") && error.contains("has script in force"), "{error}");
    let (outcome, ..) = play_on(setup, &answers, true, "max_turns: 1,").await;
    outcome.evaluation.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_context_ends_the_episode_and_a_lost_server_fails_it() {
    let (outcome, _, _) = play(&["```python\nx = 1\n```", "full"], true, "").await;
    outcome.evaluation.unwrap();
    assert_eq!(outcome.trace.summary.finish_reason.as_deref(), Some("context_length"));

    let (outcome, _, _) = play(&["gone"], true, "").await;
    let error = outcome.evaluation.unwrap_err();
    assert_eq!(error.unreachable(), Some("model server"));
    assert!(error.to_string().contains("gave no answer"), "{error}");
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
