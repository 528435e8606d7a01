//! What is played: the calls of one episode and of its forks, in their order. It follows from a seed.

use proto::env::v1::create_episode_request::Task;
use proto::env::v1::step_request::Action;
use proto::env::v1::{self, InterpreterState, Semantics};
use tests::knapsack_task;

use crate::blocks;
use crate::draw::Draw;

/// Streams of numbers above this are not those of scripts.
pub const STREAMS: u64 = 1 << 40;

/// Families and sections of task configs.
const FAMILIES: [(&str, &str); 3] = [
    (
        "knapsack",
        r#"{"num_tasks": 1, "n_items_range": [9, 13], "weight_range": [5, 20], "value_range": [21, 99], "classes": ["A", "B", "C", "D"], "num_allowed_classes": 2, "capacity_ratio_range": [0.5, 0.7]}"#,
    ),
    (
        "navigation",
        r#"{"num_tasks": 1, "horizon_range": [5, 10], "extra_nodes_range": [0, 6], "extra_edge_factor_range": [0.05, 0.2], "max_steps_multiplier": 2.2}"#,
    ),
    ("rule_diagnosis", r#"{"num_tasks": 1, "families": ["linear_int", "affine_mod"]}"#),
];

/// Names and arguments of direct calls.
const CALLS: [(&str, &str); 12] = [
    ("list_items", "[]"),
    ("inspect", r#"["item_02d5c78889d2"]"#),
    ("inspect", r#"{"item_id": "item_02d5c78889d2"}"#),
    ("take_item", r#"["item_02d5c78889d2"]"#),
    ("take_item", "no JSON"),
    ("take_item", r#"[1, {"a": [2.50, null]}]"#),
    ("scan", "[]"),
    ("move", r#"["nowhere"]"#),
    ("test_input", "[7]"),
    ("test_input", r#"{"x": -3}"#),
    ("submit", r#"["{\"a\": 1}"]"#),
    ("no_tool", "[]"),
];

/// One call. Episodes are named by their numbers within the script; ids are given when it is played.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// Creates the episode 0. The request has no id.
    Create(Box<v1::CreateEpisodeRequest>),
    /// The same, once more.
    CreateAgain,
    /// Takes the next step.
    Step(usize, Action),
    /// Sends a step again that was taken, if so many were.
    Repeat(usize, usize),
    /// Sends a taken step with another action.
    Conflict(usize, usize),
    /// Sends a step that is not the next.
    Gap(usize),
    /// Copies `source` to `copy`, where it stands or before an earlier step.
    Fork { source: usize, copy: usize, at: Option<u64> },
    /// Reads an episode with all its steps.
    Get(usize),
    /// Closes an episode.
    Close(usize),
}

/// The calls of the script with this number.
pub fn script(seed: u64, number: u64) -> Vec<Call> {
    let mut random = Draw::new(seed, number);
    let (family, create) = create(&mut random);
    let mut calls = vec![Call::Create(Box::new(create))];
    if random.one_in(3) {
        calls.push(Call::CreateAgain);
    }
    let mut episodes = 1;
    // Of each episode: how many steps it has taken at most.
    let mut taken = vec![0];
    for _ in 0..10 + random.below(30) {
        let episode = random.below(episodes as u64) as usize;
        let some_step = |random: &mut Draw, taken: &[u64]| random.below(taken[episode].max(1));
        match random.below(30) {
            0..20 => {
                calls.push(Call::Step(episode, action(&mut random, family)));
                taken[episode] += 1;
            }
            20..23 => calls.push(Call::Repeat(episode, some_step(&mut random, &taken) as usize)),
            23 => calls.push(Call::Conflict(episode, some_step(&mut random, &taken) as usize)),
            24 => calls.push(Call::Gap(episode)),
            25 => calls.push(Call::Get(episode)),
            26 if episodes < 4 || random.one_in(8) => {
                let earlier = random.one_in(2).then(|| some_step(&mut random, &taken));
                calls.push(Call::Fork { source: episode, copy: episodes, at: earlier });
                taken.push(earlier.unwrap_or(taken[episode]));
                episodes += 1;
            }
            27 if episodes > 1 && random.one_in(2) => calls.push(Call::Close(episode)),
            28 if random.one_in(3) => {
                let code = "finish()".to_owned();
                calls.push(Call::Step(episode, Action::Code(v1::CodeAction { code })));
            }
            _ => calls.push(Call::CreateAgain),
        }
    }
    for episode in 0..episodes {
        calls.push(Call::Get(episode));
        calls.extend([Call::Close(episode), Call::Close(episode)]);
    }
    calls.push(Call::CreateAgain);
    calls
}

fn create(random: &mut Draw) -> (&'static str, v1::CreateEpisodeRequest) {
    let (family, task) = if random.one_in(3) {
        ("knapsack", Task::TaskJson(knapsack_task()))
    } else {
        let (family, config) = random.pick(&FAMILIES);
        let (family_name, config_json) = (family.to_owned(), config.to_owned());
        let seed = random.below(1000);
        let config = v1::TaskFromConfig { family: family_name, config_json, seed, seed_salt: String::new() };
        (family, Task::TaskFromConfig(config))
    };
    let is_reset = random.one_in(3);
    let state = if is_reset { InterpreterState::Reset } else { InterpreterState::Persistent };
    let limits = v1::Limits {
        max_steps: if random.one_in(6) { 8 } else { 0 },
        tool_calls_per_step: 20,
        fuel_per_step: 60_000_000,
        // Never reached: it depends on the machine.
        wall_clock_per_step: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        memory_bytes: 96 << 20,
        output_bytes_per_step: 50_000,
        ..v1::Limits::default()
    };
    let request = v1::CreateEpisodeRequest {
        task: Some(task),
        interpreter_state: state.into(),
        limits: Some(limits),
        seed: random.one_in(2).then(|| random.below(1000)),
        record_definitions: random.one_in(3),
        state_loss: if !is_reset && random.one_in(3) { 0.2 } else { 0.0 },
        semantics: random.pick(&[Semantics::Script, Semantics::Notebook]).into(),
        lease: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
        ..v1::CreateEpisodeRequest::default()
    };
    (family, request)
}

fn action(random: &mut Draw, family: &str) -> Action {
    if random.one_in(6) {
        let call = |random: &mut Draw| {
            let (name, arguments_json) = random.pick(&CALLS);
            v1::ToolCall { name: name.to_owned(), arguments_json: arguments_json.to_owned() }
        };
        let calls = (0..=random.below(3)).map(|_| call(random)).collect();
        Action::ToolCalls(v1::ToolCallsAction { calls })
    } else {
        Action::Code(v1::CodeAction { code: blocks::draw(random, family) })
    }
}
