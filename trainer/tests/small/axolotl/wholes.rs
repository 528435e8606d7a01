//! Whole configs, of the shape that people share, checked by the program.

use std::path::Path;
use std::process::{Command, Output};

/// A QLoRA adapter of a Qwen2.5.
const QWEN2: &str = include_str!("../../fixtures/axolotl/qwen2.5-qlora.yaml");
/// A LoRA adapter of a Llama 3, with Liger's kernels.
const LLAMA3: &str = include_str!("../../fixtures/axolotl/llama3-lora-liger.yaml");
/// A QLoRA adapter of a Qwen3, with Axolotl's own kernels.
const QWEN3: &str = include_str!("../../fixtures/axolotl/qwen3-qlora-kernels.yaml");

/// Checks a config by the program, on a small base.
fn check(config: &str, options: &[&str]) -> Output {
    let (work, base) = crate::folder();
    let path = work.path().join("train.yaml");
    let text = config
        .replace("BASE", &base.display().to_string())
        .replace("OUT", &work.path().join("out").display().to_string());
    std::fs::write(&path, text).unwrap();
    run(Path::new(env!("CARGO_BIN_EXE_trainer")), "train", &path, options)
}

fn run(trainer: &Path, command: &str, config: &Path, options: &[&str]) -> Output {
    let mut call = Command::new(trainer);
    call.args([command, "--check", "--config"]).arg(config).args(options);
    call.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The keys of the file that begin a line, in its order.
fn keys(config: &str) -> Vec<&str> {
    let begins = config.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    begins.map(|line| line.split_once(':').unwrap().0).collect()
}

#[test]
fn configs_as_people_share_them_are_explained_key_by_key() {
    for (config, says) in [
        (
            QWEN2,
            &[
                ("load_in_8bit: false", "as if it were left out"),
                ("datasets[0].type: chat_template", "no effect: `trainer prepare --chat`"),
                ("flash_attention: true", "no effect: attention is computed by PyTorch's fused kernels"),
                ("evals_per_epoch: 4", "evaluates 4 times an epoch"),
                ("cosine_min_lr_ratio: 0.1", "the cosine falls to 0.1 times `learning_rate`"),
                ("gradient_checkpointing: unsloth", "computes activations again"),
                ("wandb_project: support", "no effect: metrics are written to `metrics.jsonl`"),
                (
                    "trains",
                    "an adapter of rank 32 on 7 matrices of every layer, scaled by 0.5; the base is held in NF4",
                ),
                ("computes in", "bf16 on a GPU, f32 on a CPU"),
                ("a step", "2 * 4 = 8 sequences of up to 2048 tokens, each of several samples"),
                ("length", "3 epochs"),
                ("learning rate", "rises for 0.1 of all steps to 2e-4, then falls as half a cosine to 2e-5"),
                ("evaluates", "4 times an epoch, and at the end, on 0.05 of the samples"),
                ("saves  ", "2 times an epoch, and at the end, and keeps 4"),
                (
                    "optimizer  ",
                    "AdamW; betas 0.9 and 0.999, epsilon 1e-8, weight decay 0; gradients are clipped",
                ),
            ][..],
        ),
        (
            LLAMA3,
            &[
                ("plugins: [\"axolotl.integrations.", "no effect: these plugins change kernels"),
                ("liger_rope: true", "no effect: these kernels compute the same"),
                ("peft_use_rslora: true", "divides `lora_alpha` by the root of `lora_r`"),
                ("special_tokens: {\"pad_token\":", "no effect: nothing is padded"),
                ("hub_model_id: someone/llama-3-lora", "no effect: nothing is downloaded or uploaded"),
                (
                    "trains",
                    "an adapter of rank 16 on 2 matrices of every layer, scaled by 8; the base is in full",
                ),
                ("computes in", "bf16"),
                ("learning rate", "rises for 10 steps to 2e-4, then falls as half a cosine to 0"),
            ],
        ),
        (
            QWEN3,
            &[
                ("lora_mlp_kernel: true", "no effect: these kernels compute the same"),
                ("eot_tokens: [\"<|im_end|>\"]", "no effect: the tokens that end answers are `eos_token_id`"),
                ("chat_template: tokenizer_default", "no effect: `trainer prepare` renders"),
                ("trains", "an adapter of rank 16 on 6 matrices of every layer, scaled by 2"),
                ("evaluates", "never: `val_set_size` holds out no samples"),
            ],
        ),
    ] {
        let output = check(config, &[]);
        let (said, errors) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{errors}");
        let lines: Vec<&str> = said.lines().collect();
        let (of_keys, follows) = lines.split_at(lines.iter().position(|line| line.is_empty()).unwrap());
        let named = of_keys.iter().filter(|line| !line.starts_with("datasets["));
        let named: Vec<&str> = named.map(|line| line.split_once(':').unwrap().0).collect();
        assert_eq!(named, keys(config), "a line for each key, in the file's order");
        for (about, words) in says {
            let all = || of_keys.iter().chain(follows);
            let found = all().find(|line| line.starts_with(about));
            let found = found.unwrap_or_else(|| panic!("no line begins with {about}:\n{said}"));
            assert!(found.contains(words), "{found}");
        }
        assert!(!said.contains("  refused: ") && !said.contains("  unknown"), "{said}");
    }
}

#[test]
fn what_a_shared_config_must_change_is_told_at_once() {
    let config = QWEN2
        .replace("load_in_8bit: false", "load_in_8bit: true")
        .replace("type: chat_template", "type: sharegpt")
        .replace("early_stopping_patience:", "early_stopping_patience: 3")
        .replace("deepspeed:", "deepspeed: deepspeed_configs/zero2.json")
        .replace("strict: false", "strict: false\nchat_template: qwen_25\nneftune_noise_alpha: 5");
    let output = check(&config, &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    let told: Vec<&str> = said.lines().collect();
    let keys = [
        "chat_template",
        "neftune_noise_alpha",
        "load_in_8bit",
        "early_stopping_patience",
        "deepspeed",
        "datasets[0].type",
    ];
    assert_eq!(told.len(), keys.len(), "{said}");
    for (line, key) in told.iter().zip(keys) {
        assert!(line.contains(&format!("`{key}`: ")), "{said}");
    }
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
}

#[test]
fn a_check_without_keys_says_what_follows_from_defaults() {
    let output = check(
        "base_model: BASE\ndatasets: [{path: d}]\noutput_dir: OUT\nsequence_len: 64\nlearning_rate: 1e-3\n",
        &[],
    );
    let said = text(&output.stdout);
    for words in [
        "all weights of the model",
        "1 * 1 = 1 samples, each of up to 64 tokens",
        "1 epochs",
        "without a warm-up (Axolotl's default has one of 0.03 of all steps), then falls as half a cosine to 0",
        "after every epoch, and at the end, and keeps 4",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

const GRPO: &str = "\
base_model: BASE
output_dir: OUT
rl: grpo
adapter: lora
lora_r: 8
lora_alpha: 16
lora_target_linear: true
sequence_len: 2560
micro_batch_size: 8
gradient_accumulation_steps: 8
val_set_size: 16
max_steps: 100
learning_rate: 1.0e-4
rollout: {config: agent.yaml, tasks_root: tasks}
";

#[test]
fn a_check_of_rollouts_asks_the_agent() {
    use std::os::unix::fs::PermissionsExt as _;
    let (work, base) = crate::folder();
    // A program beside no other one, so that the agent is the one that the test puts there.
    let trainer = work.path().join("trainer");
    std::fs::copy(env!("CARGO_BIN_EXE_trainer"), &trainer).unwrap();
    let path = work.path().join("grpo.yaml");
    let out = work.path().join("out").display().to_string();
    std::fs::write(&path, GRPO.replace("BASE", &base.display().to_string()).replace("OUT", &out)).unwrap();
    let check = || {
        let mut call = Command::new(&trainer);
        call.args(["grpo", "--check", "--config"]).arg(&path).env("PATH", work.path());
        call.output().unwrap()
    };
    let output = check();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("rollout.config was not checked"), "{said}");
    assert!(said.contains("8 * 8 = 64 rollouts, in 8 groups of 8"), "{said}");

    let agent = work.path().join("agent");
    let write = |script: &str| {
        std::fs::write(&agent, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    write("[ \"$*\" = 'rollouts --check --config agent.yaml' ]");
    let output = check();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("rollout.config was checked by `agent`"),
        "{}",
        text(&output.stdout)
    );

    write("echo 'error: agent.yaml: agents: missing' >&2; exit 1");
    std::fs::remove_file(base.join("config.json")).unwrap();
    let output = check();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("error: `rollout.config`: agent.yaml: agents: missing\n"), "{said}");
    assert!(said.contains("config.json"), "{said}");
}
