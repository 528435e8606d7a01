//! What is read from a config, and what its author is told about problems.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proto::conversation::ObservationFormat;
use proto::interpreter_state::InterpreterState;
use proto::semantics::Semantics;

use super::{AgentType, Backend, CutAnswers, Prompt, PromptDetail, RunConfig, RuntimePrompt, SeveralBlocks};

const GOOD: &str = "
output_dir: runs
run_name: trial
seed_start: 7
max_concurrent_runs: 2
task_families: [knapsack]
agents:
  - name: teacher
    agent_type: codeact
    persistent_state: true
    max_turns: 40
    timeout_s: 300
    max_tool_calls: 25
    llm:
      backend: scripted
      model: persistent-habit
      temperature: 0.2
      max_tokens: 12288
      enable_thinking: false
      timeout_s: 120
      max_concurrent_requests: 8
      max_retries: 6
      backoff_base_s: 0.5
      backoff_max_s: 30.0
      jitter_s: 0.2
";

#[test]
fn a_config_with_every_key_is_read_and_written_back() {
    let config = RunConfig::parse(GOOD).unwrap();
    let agent = &config.agents[0];
    assert_eq!(agent.agent_type, AgentType::Codeact);
    assert_eq!(agent.llm.backend, Some(Backend::Scripted));
    assert_eq!(agent.llm.model, "persistent-habit");
    assert_eq!(agent.interpreter_state, InterpreterState::Persistent);
    assert_eq!(config.seed_start, 7);
    assert_eq!(RunConfig::parse(&config.to_yaml().unwrap()).unwrap(), config);
}

#[test]
fn what_is_left_out_has_the_papers_value() {
    let text = GOOD
        .lines()
        .filter(|line| {
            !["max_turns", "timeout_s", "max_tool_calls", "max_tokens", "enable_thinking"]
                .iter()
                .any(|key| line.contains(key))
        })
        .collect::<Vec<_>>()
        .join("\n");
    let config = RunConfig::parse(&text).unwrap();
    let agent = &config.agents[0];
    assert_eq!((agent.max_turns, agent.max_tool_calls, agent.llm.max_tokens), (40, 25, 12_288));
    assert!(!agent.llm.enable_thinking && agent.semantics.is_script());
    assert_eq!((agent.several_blocks, agent.cut_answers), (SeveralBlocks::Refuse, CutAnswers::Refuse));
}

#[test]
fn a_backend_may_be_told_by_the_model() {
    let config = RunConfig::parse(&GOOD.replace("      backend: scripted\n", "")).unwrap();
    assert_eq!(config, RunConfig::parse(GOOD).unwrap(), "the same run");
}

#[test]
fn what_the_model_is_told_may_be_chosen() {
    let config = RunConfig::parse(GOOD).unwrap();
    assert_eq!(config.agents[0].prompt, Prompt::default());
    assert!(!config.to_yaml().unwrap().contains("prompt:"), "the default is left out");
    let text = GOOD.replace(
        "    llm:",
        "    prompt: {runtime: hidden, detail: brief, observation: compact, hide_names: true, hide_error_output: true}\n    llm:",
    );
    let config = RunConfig::parse(&text).unwrap();
    let (runtime, observation) = (RuntimePrompt::Hidden, ObservationFormat::Compact);
    let detail = PromptDetail::Brief;
    assert_eq!(
        config.agents[0].prompt,
        Prompt { runtime, detail, observation, hide_names: true, hide_error_output: true }
    );
    assert_eq!(RunConfig::parse(&config.to_yaml().unwrap()).unwrap(), config);
}

#[test]
fn how_answers_are_read_and_blocks_run_may_be_chosen() {
    let written = RunConfig::parse(GOOD).unwrap().to_yaml().unwrap();
    for key in [
        "semantics",
        "several_blocks",
        " tool_calls:",
        "cut_answers",
        "stop",
        "stream",
        "logprobs",
        "extra_body",
        "idle",
        "cache",
        "prices",
        "total_tokens",
    ] {
        assert!(!written.contains(key), "the default of {key} is left out");
    }
    let text = GOOD
        .replace(
            "    llm:",
            "    semantics: notebook\n    several_blocks: first\n    cut_answers: run\n    llm:",
        )
        .replace("enable_thinking: false", "enable_thinking: true\n      stop: [\"Observation:\"]");
    let config = RunConfig::parse(&text).unwrap();
    let agent = &config.agents[0];
    assert_eq!(agent.semantics, Semantics::Notebook);
    assert_eq!((agent.several_blocks, agent.cut_answers), (SeveralBlocks::First, CutAnswers::Run));
    assert!(agent.llm.enable_thinking);
    assert_eq!(agent.llm.stop, ["Observation:"]);
    assert_eq!(RunConfig::parse(&config.to_yaml().unwrap()).unwrap(), config);
}

#[test]
fn a_runtime_that_loses_its_state_is_asked_for() {
    let config = RunConfig::parse(GOOD).unwrap();
    assert_eq!(config.agents[0].state_loss, 0.0);
    assert!(!config.to_yaml().unwrap().contains("state_loss"), "the default is left out");
    let text = GOOD.replace("    llm:", "    state_loss: 0.3\n    llm:");
    let config = RunConfig::parse(&text).unwrap();
    assert_eq!(config.agents[0].state_loss, 0.3);
    assert_eq!(RunConfig::parse(&config.to_yaml().unwrap()).unwrap(), config);
    let never = GOOD.replace("persistent_state: true", "persistent_state: false\n    state_loss: 0");
    assert_eq!(RunConfig::parse(&never).unwrap().agents[0].state_loss, 0.0);
}

#[test]
fn environment_servers_are_one_url_or_a_list() {
    let with =
        |env: &str| RunConfig::parse(&GOOD.replace("task_families", &format!("env: {env}\ntask_families")));
    assert_eq!(with("http://127.0.0.1:1").unwrap().envs, ["http://127.0.0.1:1"]);
    let several = with("[http://a:1, 'unix:/b']").unwrap();
    assert_eq!(several.envs, ["http://a:1", "unix:/b"]);
    assert_eq!(RunConfig::parse(&several.to_yaml().unwrap()).unwrap(), several);
    assert!(RunConfig::parse(GOOD).unwrap().envs.is_empty());
    let error = with("7").unwrap_err().to_string();
    assert!(error.contains("`env`") && error.contains("a list of URLs"), "{error}");
}

#[test]
fn an_inference_server_is_named_in_the_config_or_later() {
    let text = GOOD.replace("backend: scripted", "backend: inference").replace("persistent-habit", "base");
    let mut config = RunConfig::parse(&text).unwrap();
    assert!(config.agents[0].llm.urls.is_empty());
    let urls = ["http://127.0.0.1:1".to_owned()];
    config.set_inference(&urls);
    assert_eq!(config.agents[0].llm.urls, urls);

    let told = GOOD
        .replace("      backend: scripted\n", "")
        .replace("model: persistent-habit", "model: base\n      url: http://127.0.0.1:2");
    let config = RunConfig::parse(&told).unwrap();
    assert_eq!(config.agents[0].llm.backend, Some(Backend::Inference));

    let mut scripted = RunConfig::parse(GOOD).unwrap();
    scripted.set_inference(&urls);
    assert_eq!(scripted, RunConfig::parse(GOOD).unwrap(), "it asks no server");
}

#[test]
fn errors_name_the_key() {
    let cases = [
        ("seed_start: 7", "seed_strat: 7", &["seed_strat", "unknown key"][..]),
        ("      temperature: 0.2", "      temprature: 0.2", &["agents[0].llm.temprature", "unknown key"]),
        ("    persistent_state: true\n", "", &["`agents[0].persistent_state`", "is required"]),
        ("persistent_state: true", "persistent_state: maybe", &["agents[0].persistent_state"]),
        (
            "persistent_state: true",
            "persistent_state: true\n    state_loss: 1.5",
            &["`agents[0].state_loss`", "within 0", "1.5"],
        ),
        ("persistent_state: true", "persistent_state: true\n    state_loss: .nan", &["state_loss`", "NaN"]),
        (
            "persistent_state: true",
            "persistent_state: false\n    state_loss: 0.3",
            &["`agents[0].state_loss`", "`persistent_state: false`", "no state to lose"],
        ),
        (
            "persistent_state: true",
            "persistent_state: true\n    semantics: cell",
            &["agents[0].semantics", "script, notebook", "cell"],
        ),
        (
            "persistent_state: true",
            "persistent_state: true\n    cut_answers: keep",
            &["agents[0].cut_answers", "refuse, run", "keep"],
        ),
        ("max_tokens: 12288", "stop: [a, \"\"]", &["`agents[0].llm.stop[1]`", "must not be empty"]),
        ("enable_thinking: false", "enable_thinking: maybe", &["agents[0].llm.enable_thinking", "maybe"]),
        (
            "agent_type: codeact",
            "agent_type: react",
            &["`agents[0].agent_type`", "`codeact`", "`llm.model: persistent-habit`", "writes Python"],
        ),
        (
            "model: persistent-habit",
            "model: react",
            &["`agents[0].agent_type`", "`react`", "`llm.model: react`", "calls tools"],
        ),
        (
            "agent_type: codeact",
            "agent_type: react\n    tool_calls: json",
            &["agents[0].tool_calls", "json", "native", "text"],
        ),
        ("agent_type: codeact", "agent_type: cot", &["agents[0].agent_type", "cot", "codeact"]),
        (
            "backend: scripted",
            "backend: gpt",
            &["agents[0].llm.backend", "gpt", "scripted", "vllm", "openai"],
        ),
        (
            "backend: scripted",
            "backend: vllm\n      url: [\"http://a:1/v1\", \"b:8000\"]",
            &["`agents[0].llm.url`", "`b:8000`", "http://127.0.0.1:8000/v1"],
        ),
        (
            "backend: scripted",
            "backend: openai\n      url: https://me:secret@a/v1",
            &["`agents[0].llm.url`", "`api_key_env`"],
        ),
        ("backend: scripted", "backend: scripted\n      url: 7", &["agents[0].llm.url", "a list of URLs"]),
        (
            "backend: scripted",
            "backend: openai\n      lora_path: x",
            &["`agents[0].llm.lora_path`", "`backend: vllm`"],
        ),
        (
            "backend: scripted",
            "backend: openai\n      extra_body: {messages: []}",
            &["`agents[0].llm.extra_body.messages`", "set by the agent"],
        ),
        (
            "      backend: scripted\n      model: persistent-habit",
            "      model: Qwen/Qwen3-8B",
            &["`agents[0].llm.model`", "`Qwen/Qwen3-8B` is no scripted policy", "backend: inference"],
        ),
        (
            "    llm:",
            "    prompt: {runtime: shown}\n    llm:",
            &["agents[0].prompt.runtime", "shown", "hidden"],
        ),
        ("backoff_base_s: 0.5", "backoff_base_s: -1", &["`agents[0].llm.backoff_base_s`", "-1"]),
        ("backoff_max_s: 30.0", "backoff_max_s: .inf", &["`agents[0].llm.backoff_max_s`", "inf"]),
        ("jitter_s: 0.2", "jitter_s: .nan", &["`agents[0].llm.jitter_s`", "NaN"]),
        (
            "model: persistent-habit",
            "model: gpt",
            &["`agents[0].llm.model`", "gpt", "persistent-habit, reset-habit"],
        ),
        ("task_families: [knapsack]", "task_families: []", &["`task_families`", "at least one"]),
        (
            "task_families: [knapsack]",
            "task_families: [knapsack, knapsack]",
            &["`task_families[1]`", "twice"],
        ),
        ("run_name: trial", "run_name: ../trial", &["`run_name`", "../trial"]),
        ("max_turns: 40", "max_total_tokens: 0", &["`agents[0].max_total_tokens`", "at least 1"]),
        (
            "backend: scripted",
            "backend: scripted\n      prices: {prompt: -1}",
            &["`agents[0].llm.prices.prompt`", "-1", "`agents[0].llm.prices.completion`"],
        ),
        ("max_turns: 40", "max_turns: 0", &["`agents[0].max_turns`", "at least 1"]),
        ("timeout_s: 300", "timeout_s: -1", &["`agents[0].timeout_s`", "-1"]),
        ("max_turns: 40", "max_turns: many", &["agents[0].max_turns", "many"]),
    ];
    for (old, new, expected) in cases {
        assert!(GOOD.contains(old), "{old}");
        let error = RunConfig::parse(&GOOD.replacen(old, new, 1)).unwrap_err().to_string();
        for part in expected {
            assert!(error.contains(part), "{new}: expected {part:?} in:\n{error}");
        }
    }
}

#[test]
fn all_problems_are_named_at_once() {
    let text = GOOD
        .replace("seed_start: 7", "seed_strat: 7")
        .replace("max_turns: 40", "max_turns: many")
        .replace("timeout_s: 300", "timeout_s: -1")
        .replace("    persistent_state: true\n", "")
        .replace("      temperature: 0.2", "      temprature: 0.2")
        .replace("    llm:", "    limits: {wall_clock_per_step_s: 0, memory_byte: 1}\n    llm:");
    let error = RunConfig::parse(&text).unwrap_err().to_string();
    let expected = [
        "`agents[0].max_turns`: expected an integer, found a string, \"many\"",
        "`agents[0].timeout_s`: must be more than 0 and at most 86400 seconds, not -1",
        "`agents[0].limits.wall_clock_per_step_s`: must be more than 0",
        "`agents[0].limits.memory_byte`: unknown key; did you mean memory_bytes?",
        "`agents[0].llm.temprature`: unknown key; did you mean temperature?",
        "`agents[0].persistent_state`: is required: true if the interpreter keeps its state",
        "`seed_strat`: unknown key; did you mean seed_start?",
    ];
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{error}");
    for (line, part) in lines.iter().zip(expected) {
        assert!(line.starts_with(part), "expected {part:?} in {line:?}");
    }
}

#[test]
fn agents_are_compared_by_name_even_if_one_has_another_problem() {
    let (_, agent) = GOOD.split_once("agents:\n").unwrap();
    let text = format!("{GOOD}{}", agent.replace("max_turns: 40", "max_turns: 0"));
    let error = RunConfig::parse(&text).unwrap_err().to_string();
    assert!(error.contains("`agents[1].max_turns`: must be at least 1"), "{error}");
    assert!(error.contains("`agents[1].name`: `teacher` names two agents"), "{error}");
}

#[test]
fn a_written_config_has_the_papers_keys_in_order() {
    let written = RunConfig::parse(GOOD).unwrap().to_yaml().unwrap();
    let read: Vec<&str> = GOOD
        .lines()
        .filter_map(|line| line.trim_start_matches([' ', '-']).split_once(':'))
        .map(|(key, _)| key)
        .collect();
    let keys: Vec<&str> = written
        .lines()
        .filter_map(|line| line.trim_start_matches([' ', '-']).split_once(':'))
        .map(|(key, _)| key)
        .collect();
    assert_eq!(keys, read);
    assert!(written.contains("persistent_state: true\n"), "{written}");
}

/// The configs of this repository.
fn configs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent_configs")
}

/// The paths of all values in a config, with `[]` for the elements of lists.
fn paths(value: &serde_json::Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                paths(value, &format!("{path}.{key}"), found);
            }
        }
        serde_json::Value::Array(values) if values[0].is_object() => {
            values.iter().for_each(|value| paths(value, &format!("{path}[]"), found));
        }
        _ => drop(found.insert(path.trim_start_matches('.').to_owned())),
    }
}

#[test]
fn the_readme_describes_every_key() {
    let every_key = GOOD
        .replace("task_families", "task_set: easy\nenv: [http://127.0.0.1:1]\nprompts: p\ncache_db_path: c.sqlite\ntask_families")
        .replace(
            "backend: scripted",
            "backend: vllm\n      stop: [a]\n      url: [http://127.0.0.1:1]\n      api_key_env: KEY\n      lora_path: l\n      \
             logprobs: true\n      cache_enabled: false\n      prices: {prompt: 1, completion: 2}\n      stream: false\n      idle_timeout_s: 5\n      token_prompts: true\n      extra_body: {top_p: 1}",
        )
        .replace(
            "    llm:",
            "    semantics: notebook\n    max_total_tokens: 9\n    several_blocks: first\n    tool_calls: text\n    cut_answers: run\n    state_loss: 0.1\n    prompt: \
             {runtime: hidden}\n    limits: {fuel_per_step: 1, error_output_bytes_per_step: 1, \
             wall_clock_per_step_s: 1, memory_bytes: 1, output_bytes_per_step: 1, code_bytes_per_step: 1, \
             tool_bytes_per_step: 1, scratch_bytes: 1}\n    llm:",
        );
    let config = RunConfig::parse(&every_key).unwrap();
    let mut keys = BTreeSet::new();
    paths(&serde_json::to_value(&config).unwrap(), "", &mut keys);
    // Its keys are the server's.
    assert!(
        keys.remove("agents[].llm.extra_body.top_p") && keys.insert("agents[].llm.extra_body".to_owned())
    );
    let readme = std::fs::read_to_string(configs().join("README.md")).unwrap();
    let (_, table) = readme.split_once("| Key |").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let described: BTreeSet<String> = table
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .filter(|key| key != "agents")
        .collect();
    assert_eq!(described, keys);

    let (_, example) = readme.split_once("```yaml\n").unwrap();
    RunConfig::parse(example.split_once("```").unwrap().0).unwrap();
}

#[test]
fn every_config_of_the_repository_can_be_used() {
    let mut count = 0;
    for folder in ["families", "habits", "rollouts", "served", "teachers"] {
        for file in std::fs::read_dir(configs().join(folder)).unwrap() {
            let path = file.unwrap().path();
            RunConfig::parse(&std::fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            count += 1;
        }
    }
    assert_eq!(count, 15);
}
