//! `trainer generate` as a program.

use std::process::{Command, Output};

use serde_json::json;

use crate::chatty;

#[test]
fn one_prompt_one_answer() {
    let (work, folder) = chatty::folder();
    let adapter = work.path().join("adapter");
    chatty::adapter(&folder, &adapter, 0, 4);
    let conversation = work.path().join("conversation.json");
    std::fs::write(&conversation, json!([{ "role": "user", "content": "hello" }]).to_string()).unwrap();
    let run = |arguments: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
        command.args(["generate", "--threads", "1", "--max-tokens", "24", "--model"]);
        command.arg(&folder).args(arguments).output().unwrap()
    };
    let answer = |arguments: &[&str]| {
        let output = run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let plain = answer(&["--prompt", "hello"]);
    assert!(plain.len() > 10 && plain.ends_with('\n'), "{plain:?}");
    assert_eq!(answer(&["--messages", conversation.to_str().unwrap()]), plain);
    assert_ne!(answer(&["--prompt", "hello", "--adapter", adapter.to_str().unwrap()]), plain);
    let sampled = ["--prompt", "hello", "--temperature", "1", "--seed"];
    let with_seed = |seed| answer(&[&sampled[..], &[seed]].concat());
    assert_eq!(with_seed("1"), with_seed("1"));
    assert_ne!(with_seed("1"), with_seed("2"));

    std::fs::write(&conversation, json!([{ "role": "oracle", "content": "" }]).to_string()).unwrap();
    for (arguments, named) in [
        (&["--prompt", &"long ".repeat(100), "--context", "100"][..], "maximum context length is 100 tokens"),
        (&["--messages", conversation.to_str().unwrap()], "conversation.json"),
        (&["--prompt", "x", "--context", "9000"], "made for 8192 tokens"),
        (&["--prompt", "x", "--adapter", "nowhere"], "nowhere/adapter_config.json"),
    ] {
        let output = run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(named), "{errors}");
    }
}
