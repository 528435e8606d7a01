//! `trainer train` as a program: interrupted, killed, out of disk or memory, and resumed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use proto::dataset::RECORD;
use proto::training::SCHEMA_VERSION;
use serde_json::Value;
use tch::Kind;
use trainer::dataset::Dataset;
use trainer::lora;
use trainer::model::folder::{Options, load};
use trainer::weights::Weights;

use crate::folder;

/// A temporary folder with a small base, data and configs.
struct Work {
    folder: tempfile::TempDir,
    base: PathBuf,
}

const LORA: &str = "adapter: qlora\nload_in_4bit: true\nlora_r: 4\nlora_alpha: 8\nlora_dropout: 0.1\n\
                    lora_target_linear: true\n";
/// Packing, accumulation and evaluation: what could differ after resuming. 7 steps per epoch.
const STEPS: &str = "sample_packing: true\ngradient_accumulation_steps: 2\nmax_steps: 40\nval_set_size: 3\n\
                     save_steps: 5\neval_steps: 10\nsave_total_limit: 2\nwarmup_ratio: 0.1\n";

impl Work {
    fn new() -> Self {
        let (folder, base) = folder();
        let mut data = Dataset::default();
        for sample in 0..40i64 {
            let tokens: Vec<i64> = (0..20 + sample % 11).map(|i| (i * (sample % 5 + 1)) % 32).collect();
            let targets: Vec<bool> = (0..tokens.len()).map(|place| place > 5).collect();
            data.push(&tokens, &targets);
        }
        let path = folder.path().join("data");
        std::fs::create_dir(&path).unwrap();
        data.write(&path).unwrap();
        std::fs::write(path.join(RECORD), "{}").unwrap();
        Self { folder, base }
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command line of a training whose config has these lines.
    fn command(&self, name: &str, lines: &[&str]) -> Vec<String> {
        let config = self.out(&format!("{name}.yaml"));
        let text = format!(
            "base_model: {}\ndatasets: [{{path: {}}}]\noutput_dir: {}\nsequence_len: 72\n{}{}",
            self.base.display(),
            self.out("data").display(),
            self.out(name).display(),
            if lines.iter().any(|line| line.contains("learning_rate")) {
                ""
            } else {
                "learning_rate: 1.0e-2\n"
            },
            lines.concat()
        );
        std::fs::write(&config, text).unwrap();
        let words = [env!("CARGO_BIN_EXE_trainer"), "train", "--threads", "1", "--device", "cpu", "--config"];
        words.map(str::to_owned).into_iter().chain([config.display().to_string()]).collect()
    }

    fn run(&self, name: &str, lines: &[&str]) -> Output {
        run(&self.command(name, lines))
    }

    /// Starts a training and waits until it has done this number of steps.
    fn start(&self, name: &str, lines: &[&str], steps: usize) -> Child {
        let words = self.command(name, lines);
        let child = Command::new(&words[0]).args(&words[1..]).stderr(Stdio::piped()).spawn().unwrap();
        let metrics = self.out(name).join("metrics.jsonl");
        let deadline = Instant::now() + Duration::from_secs(60);
        while std::fs::read_to_string(&metrics).unwrap_or_default().lines().count() < steps {
            assert!(Instant::now() < deadline, "no step in a minute");
            std::thread::sleep(Duration::from_millis(2));
        }
        child
    }

    /// The steps of the checkpoints in the folder, ascending.
    fn checkpoints(&self, name: &str) -> Vec<u64> {
        let names = std::fs::read_dir(self.out(name)).unwrap().map(|entry| entry.unwrap().file_name());
        let mut steps: Vec<u64> = names
            .filter_map(|name| name.to_str().unwrap().strip_prefix("checkpoint-")?.parse().ok())
            .collect();
        steps.sort_unstable();
        steps
    }

    fn metrics(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.out(name).join("metrics.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn run(words: &[String]) -> Output {
    Command::new(&words[0]).args(&words[1..]).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}", errors(output));
}

/// Fails unless two results are equal, byte for byte.
#[track_caller]
fn assert_same_adapter(one: &Path, other: &Path) {
    let read = |folder: &Path| std::fs::read(folder.join("adapter_model.safetensors")).unwrap();
    assert!(read(one) == read(other), "{} and {} differ", one.display(), other.display());
}

/// Fails unless the metrics have each step once, in order, and the evaluations.
#[track_caller]
fn assert_complete(metrics: &[Value], steps: u64) {
    let trained = metrics.iter().filter(|line| line.get("loss").is_some());
    assert_eq!(
        trained.map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>(),
        (1..=steps).collect::<Vec<_>>()
    );
    let evaluated = metrics.iter().filter(|line| line.get("eval_loss").is_some());
    let tenths: Vec<u64> = (1..=steps).filter(|step| step % 10 == 0).collect();
    assert_eq!(evaluated.map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>(), tenths);
}

#[test]
fn killed_interrupted_or_starved_it_goes_on_to_the_same_weights() {
    let work = Work::new();
    let lines = [LORA, STEPS];
    let whole = work.run("whole", &lines);
    assert_success(&whole);
    assert_eq!(work.checkpoints("whole"), [35, 40]);
    assert_complete(&work.metrics("whole"), 40);
    let losses: Vec<f64> = work.metrics("whole").iter().filter_map(|line| line["loss"].as_f64()).collect();
    assert!(losses[39] < losses[0] - 0.3, "it learns nothing: {losses:?}");
    for file in ["loss.svg", "training.json", "adapter_config.json"] {
        assert!(work.out("whole").join(file).exists(), "{file}");
    }

    // Killed twice, at different steps.
    for steps in [8, 21] {
        let mut child = work.start("killed", &lines, steps);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!work.out("killed").join("training.json").exists());
    }
    let output = work.run("killed", &lines);
    assert_success(&output);
    assert!(errors(&output).contains("going on after step"), "{}", errors(&output));
    assert_same_adapter(&work.out("whole"), &work.out("killed"));
    assert_complete(&work.metrics("killed"), 40);

    // Interrupted.
    let child = work.start("interrupted", &lines, 7);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", errors(&output));
    let said = errors(&output);
    assert!(said.contains("goes on from there") && said.contains("checkpoint-"), "{said}");

    // A full disk: files are limited to the size of the adapter, so the optimizer's state does not fit.
    let before = work.checkpoints("interrupted");
    let words = work.command("interrupted", &lines);
    let starved = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 24; exec \"$@\"", "bash"])
        .args(&words)
        .output()
        .unwrap();
    assert_eq!(starved.status.code(), Some(1), "{}", errors(&starved));
    let said = errors(&starved);
    assert!(said.contains("could not be saved") && said.contains("is intact"), "{said}");
    assert_eq!(work.checkpoints("interrupted"), before);
    let hidden = std::fs::read_dir(work.out("interrupted")).unwrap();
    assert!(
        hidden.into_iter().all(|entry| !entry.unwrap().file_name().to_str().unwrap().ends_with(".partial"))
    );

    // Resumed from records of an earlier version, without a schema version and without a key that is new.
    for step in &before {
        let file = work.out("interrupted").join(format!("checkpoint-{step}/training.json"));
        let mut record: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(record.as_object_mut().unwrap().remove("schema_version").unwrap(), SCHEMA_VERSION);
        assert!(record["config"].as_object_mut().unwrap().remove("optimizer").is_some());
        std::fs::write(&file, record.to_string()).unwrap();
    }
    assert_success(&run(&words));
    assert_same_adapter(&work.out("whole"), &work.out("interrupted"));
    assert_complete(&work.metrics("interrupted"), 40);

    // Gradient checkpointing does not change results: recomputed dropout draws the same values.
    assert_success(&work.run("checkpointing", &[LORA, STEPS, "gradient_checkpointing: true\n"]));
    assert_same_adapter(&work.out("whole"), &work.out("checkpointing"));

    // The same command after the end changes nothing.
    assert_success(&work.run("whole", &lines));
    assert_same_adapter(&work.out("whole"), &work.out("killed"));

    // Another training does not overwrite it without --restart.
    let other = [LORA, STEPS, "seed: 7\n"];
    let refused = work.run("whole", &other);
    assert_eq!(refused.status.code(), Some(1));
    let said = errors(&refused);
    assert!(said.contains("`seed` was 42, is 7") && said.contains("--restart"), "{said}");
    assert_same_adapter(&work.out("whole"), &work.out("killed"));
    let mut words = work.command("whole", &other);
    words.push("--restart".to_owned());
    assert_success(&run(&words));
    assert_complete(&work.metrics("whole"), 40);

    // A result without checkpoints, which someone may have kept, is not overwritten either.
    for step in work.checkpoints("killed") {
        std::fs::remove_dir_all(work.out("killed").join(format!("checkpoint-{step}"))).unwrap();
    }
    let said = errors(&work.run("killed", &lines));
    assert!(said.contains("finished training without checkpoints"), "{said}");
    assert_same_adapter(&work.out("interrupted"), &work.out("killed"));
}

#[test]
fn whole_models_are_trained_and_say_where_they_come_from() {
    let work = Work::new();
    std::fs::write(work.base.join("tokenizer.json"), "{}").unwrap();
    let lines =
        ["num_epochs: 1.5\nmicro_batch_size: 4\nweight_decay: 0.1\nval_set_size: 0.1\nsave_steps: 0.5\n"];
    assert_success(&work.run("full", &lines));
    let out = work.out("full");
    assert!(out.join("tokenizer.json").exists());
    let (ours, base) =
        (load(&out, &Options::default()).unwrap(), load(&work.base, &Options::default()).unwrap());
    for ((name, ours), (_, base)) in ours.tensors().iter().zip(base.tensors()) {
        assert!((ours - base).abs().max().double_value(&[]) > 1e-4, "{name} was not trained");
    }
    let record: Value = serde_json::from_slice(&std::fs::read(out.join("training.json")).unwrap()).unwrap();
    assert_eq!(record["samples"], serde_json::json!([36, 4]));
    assert_eq!(record["steps"], 14); // 9 per epoch
    assert_eq!(record["config"]["learning_rate"], 1e-2);
    assert_eq!(record["base_model"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(record["datasets"][0]["sha256"].as_str().unwrap().len(), 64);
    assert!(record["position"]["eval_loss"].as_f64().unwrap() > 0.0);
    assert!(record["git_commit"].is_string());

    // With bf16, weights are held in f32 and saved in bf16.
    assert_success(&work.run("half", &[lines[0], "bf16: true\n"]));
    let weights = Weights::open_file(&work.out("half").join("model.safetensors")).unwrap();
    let embedding = weights.read_any("model.embed_tokens.weight").unwrap();
    assert_eq!(embedding.kind(), Kind::BFloat16);
    let state = work.out("half").join("checkpoint-14/optimizer.safetensors");
    let value = Weights::open_file(&state).unwrap().read_any("value.model.embed_tokens.weight").unwrap();
    assert_eq!(value.kind(), Kind::Float);
    assert!(value.to_kind(Kind::BFloat16).equal(&embedding));

    // An adapter of the trained model.
    let again = work.command("adapter", &[LORA, "max_steps: 2\n"]);
    assert_success(&run(&again));
    let mut model = load(&work.base, &Options::default()).unwrap();
    assert_eq!(lora::load(&mut model, &work.out("adapter")).unwrap().r, 4);
}

#[test]
fn a_loss_that_is_no_number_ends_the_training() {
    let work = Work::new();
    let lines = ["learning_rate: 1.0e+30\nsave_steps: 1\nmax_steps: 30\nmax_grad_norm: 0\nwarmup_steps: 1\n"];
    let output = work.run("nan", &lines);
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    let said = errors(&output);
    assert!(said.contains("step ") && said.contains("learning_rate") && said.contains("is intact"), "{said}");
    let last = *work.checkpoints("nan").last().unwrap();
    assert!(said.contains(&format!("checkpoint-{last} ")), "{said}");
    let weights = Weights::open_folder(&work.out("nan").join(format!("checkpoint-{last}"))).unwrap();
    for name in weights.names() {
        assert_eq!(weights.read_any(name).unwrap().isfinite().all().int64_value(&[]), 1, "{name}");
    }
    assert!(!work.out("nan").join("model.safetensors").exists());
}

#[test]
fn memory_that_is_not_there_is_told_with_what_to_lower() {
    let work = Work::new();
    // One sample of half a million tokens, for which a single layer needs more memory than the process may
    // have.
    let mut data = Dataset::default();
    data.push(&[1; 500_000], &[true; 500_000]);
    data.write(&work.out("data")).unwrap();
    let mut words = work.command("starved", &["max_steps: 1\n"]);
    let config = words.last().unwrap().clone();
    let text = std::fs::read_to_string(&config).unwrap().replace("sequence_len: 72", "sequence_len: 500000");
    std::fs::write(&config, text).unwrap();
    words.splice(0..0, ["bash", "-c", "ulimit -v 1500000; exec \"$@\"", "bash"].map(str::to_owned));
    let output = run(&words);
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    let said = errors(&output);
    for word in ["out of memory at step 1", "micro_batch_size", "sequence_len", "gradient_checkpointing"] {
        assert!(said.contains(word), "{said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_whole_model_that_was_killed_goes_on_to_the_same_weights() {
    let work = Work::new();
    for (name, kind) in [
        ("adamw", "bf16: true\n"), // computed in bf16, held in f32
        ("muon", "optimizer: muon\nlearning_rate: 1.0e-2\nweight_decay: 0.1\n"),
    ] {
        let lines = [STEPS, kind];
        let (whole, killed) = (format!("{name}_whole"), format!("{name}_killed"));
        assert_success(&work.run(&whole, &lines));
        let mut child = work.start(&killed, &lines, 12);

        // The folder is locked. The training is halted, so that it cannot end meanwhile.
        let halt = Command::new("kill").args(["-STOP", &child.id().to_string()]).status();
        assert!(halt.unwrap().success());
        let second = errors(&work.run(&killed, &lines));
        assert!(second.contains("another training is writing there"), "{second}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_success(&work.run(&killed, &lines));
        let weights = |name: &str| std::fs::read(work.out(name).join("model.safetensors")).unwrap();
        assert!(weights(&whole) == weights(&killed), "{name}: the weights differ");

        // The two optimizers' states are not interchangeable.
        if name == "adamw" {
            let refused = errors(&work.run(&killed, &[STEPS, kind, "optimizer: muon\n"]));
            assert!(refused.contains("`optimizer` was"), "{refused}");
        }
    }
}

#[test]
fn muon_trains_adapters_too() {
    let work = Work::new();
    let lines = [LORA, STEPS, "optimizer: muon\nlearning_rate: 5.0e-2\n"];
    assert_success(&work.run("muon", &lines));
    let losses: Vec<f64> = work.metrics("muon").iter().filter_map(|line| line["loss"].as_f64()).collect();
    assert!(losses[39] < losses[0] - 0.3, "it learns nothing: {losses:?}");
    let state = Weights::open_file(&work.out("muon").join("checkpoint-40/optimizer.safetensors")).unwrap();
    assert!(state.names().all(|name| !name.contains("mean_square")), "AdamW has trained something");
}

#[test]
fn what_others_have_made_is_left_alone() {
    let work = Work::new();
    let theirs = work.out("theirs");
    std::fs::create_dir(&theirs).unwrap();
    for file in ["config.json", "model.safetensors", "metrics.jsonl"] {
        std::fs::write(theirs.join(file), "theirs").unwrap();
    }
    for restart in [false, true] {
        let mut words = work.command("theirs", &[LORA, STEPS]);
        words.extend(restart.then(|| "--restart".to_owned()));
        let said = errors(&run(&words));
        assert!(said.contains("no training here has made"), "{said}");
        for file in ["config.json", "model.safetensors", "metrics.jsonl"] {
            assert_eq!(std::fs::read_to_string(theirs.join(file)).unwrap(), "theirs");
        }
    }

    // A dataset whose samples are not those of its record.
    std::fs::write(work.out("data").join(RECORD), r#"{"samples_sha256": "another"}"#).unwrap();
    let said = errors(&work.run("damaged", &[LORA, STEPS]));
    assert!(said.contains("`samples_sha256` is not that of samples.safetensors"), "{said}");
}

#[test]
fn data_that_does_not_fit_is_refused() {
    let work = Work::new();
    let refusal = |lines: &[&str]| {
        let output = work.run("refused", lines);
        assert_eq!(output.status.code(), Some(1));
        errors(&output)
    };
    let said = errors(&work.run("model", &[])); // the folder of the base
    assert!(said.contains("`output_dir` must not be"), "{said}");
    let said = refusal(&["val_set_size: 40\n"]);
    assert!(said.contains("nothing to train on"), "{said}");
    let mut data = Dataset::default();
    data.push(&[1; 73], &[true; 73]);
    data.push(&[1; 72], &[true; 72]);
    data.write(&work.out("data")).unwrap();
    let said = refusal(&[]);
    assert!(said.contains("1 of 2 samples are longer than `sequence_len` (72 tokens)"), "{said}");
    let mut data = Dataset::default();
    data.push(&[1, 32], &[true, true]);
    data.write(&work.out("data")).unwrap();
    let said = refusal(&[]);
    assert!(said.contains("token id 32"), "{said}");
    std::fs::write(work.out("data").join(RECORD), r#"{"tokenizer_sha256": "another"}"#).unwrap();
    std::fs::write(work.out("model").join("tokenizer.json"), "{}").unwrap();
    let said = refusal(&[]);
    assert!(
        said.contains("`tokenizer_sha256` is not that of") && said.contains("prepare the data"),
        "{said}"
    );
}

#[test]
fn a_check_reads_the_base() {
    let work = tempfile::tempdir().unwrap();
    let (_base, base) = crate::folder();
    let config = work.path().join("config.yaml");
    let write = |base: &Path| {
        let text = format!(
            "base_model: {}\ndatasets: [{{path: d}}]\noutput_dir: o\nsequence_len: 128\nlearning_rate: 1e-3\n",
            base.display()
        );
        std::fs::write(&config, text).unwrap();
    };
    let check = |options: &[&str]| {
        let path = config.display().to_string();
        crate::trainer(&[&["train", "--check", "--config", &path], options].concat())
    };
    write(&base);
    check(&[]).unwrap();
    crate::set(&base.join("config.json"), "hidden_act", serde_json::json!("gelu"));
    crate::set(&base.join("config.json"), "partial_rotary_factor", serde_json::json!(0.5));
    let said = check(&[]).unwrap_err();
    assert!(said.contains("`hidden_act`") && said.contains("`partial_rotary_factor`"), "{said}");
    write(&work.path().join("nowhere"));
    let said = check(&[]).unwrap_err();
    assert!(said.contains("nowhere/config.json"), "{said}");
    check(&["--base-later"]).unwrap();
}
