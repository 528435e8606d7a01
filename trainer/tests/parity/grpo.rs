//! The loss of GRPO and its gradients, compared with PyTorch and PEFT.

use proto::rollout::{Played, Rollout, Sequence, Written};
use serde_json::{Value, json};
use tch::Tensor;
use trainer::lora::{self, Lora};
use trainer::model::Model;
use trainer::model::folder::load;
use trainer::train::Config;
use trainer::train::grpo::{Batch, Learner};
use trainer::weights::Weights;

use crate::{difference, oracle};

/// A rollout of two sequences, with tokens that differ by its number.
fn rollout(number: usize) -> Rollout {
    let sequence = |length: usize, parts: &[(usize, usize)]| {
        let id = |place: usize| ((place * (number + 3) * 7 + number * 11 + place * place) % 160) as u32;
        let logprobs = |start: usize, count: usize| {
            (start..start + count).map(|place| -4.5 - 0.3 * ((place + number) % 5) as f32).collect()
        };
        let written =
            parts.iter().map(|(start, count)| Written { start: *start, logprobs: logprobs(*start, *count) });
        Sequence { tokens: (0..length).map(id).collect(), written: written.collect() }
    };
    Rollout {
        group: number / 3,
        reward: [0.0, 0.5, 1.0, 0.25, 0.25, 0.9][number],
        sequences: vec![sequence(20 + number, &[(5, 4), (14, 6)]), sequence(9, &[(6, 3)])],
        ..Rollout::default()
    }
}

fn config(loss_type: &str, scale: &str) -> Config {
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("grpo.yaml");
    let text = format!(
        "base_model: m\noutput_dir: o\nrl: grpo\nsequence_len: 96\nlearning_rate: 1e-3\nadapter: lora\nlora_r: 8\nlora_alpha: 16\n\
         lora_target_linear: true\nmicro_batch_size: 2\ngradient_accumulation_steps: 3\nrollout: {{config: a, tasks_root: t}}\n\
         trl: {{num_generations: 3, beta: 0.3, epsilon: 0.1, epsilon_high: 0.2, temperature: 0.7, max_completion_length: 12, \
         loss_type: {loss_type}, scale_rewards: {scale}, importance_sampling_cap: 1.5}}"
    );
    std::fs::write(&path, text).unwrap();
    Config::read(&path).unwrap()
}

/// The Qwen3 with the adapter of all matrices, without dropout.
fn model() -> Model {
    let mut model = load(&oracle::folder().join("qwen3"), &crate::options()).unwrap();
    lora::load(&mut model, &oracle::folder().join("qwen3_all")).unwrap();
    for linear in model.linears_mut() {
        let lora = linear.adapter().map(|lora| Lora { dropout: 0.0, ..lora.shared() });
        linear.set_adapter(lora);
    }
    model.trained().iter().for_each(|(_, tensor)| drop(tensor.set_requires_grad(true)));
    model
}

#[test]
fn loss_and_gradients_are_those_of_the_formula_in_pytorch() {
    let work = tempfile::tempdir().unwrap();
    let played = Played { rollouts: (0..6).map(rollout).collect(), steps: 0 };
    let mut jobs = vec![];
    let mut found = vec![];
    for (number, (loss_type, scale)) in
        [("grpo", "group"), ("dr_grpo", "none"), ("dapo", "batch")].into_iter().enumerate()
    {
        let config = config(loss_type, scale);
        let trl = config.trl();
        let mut batch = Batch::new(0, &played, &trl, 160).unwrap();
        // In the second case other steps were taken since the episodes were played.
        if number == 1 {
            let mut model = model();
            Learner::new(&config, &trl).backpropagate(&mut model, &mut batch);
            for (index, row) in batch.rows.iter_mut().enumerate() {
                row.old
                    .iter_mut()
                    .enumerate()
                    .for_each(|(place, old)| *old += 0.15 * ((place + index) % 5) as f32 - 0.3);
                row.reference.clear();
            }
        }
        let file = |name: &str| work.path().join(format!("{number}.{name}"));
        jobs.push(json!({
            "model": oracle::folder().join("qwen3"),
            "adapter": oracle::folder().join("qwen3_all"),
            "rows": batch.rows,
            "trl": trl,
            "out": file("json"),
            "gradients": file("safetensors"),
        }));
        let mut model = model();
        let (sums, _) = Learner::new(&config, &trl).backpropagate(&mut model, &mut batch);
        let gradients: Vec<(String, Tensor)> =
            model.trained().into_iter().map(|(name, tensor)| (name, tensor.grad())).collect();
        found.push((sums, gradients, file("json"), file("safetensors")));
    }
    let path = work.path().join("jobs.json");
    std::fs::write(&path, json!(jobs).to_string()).unwrap();
    oracle::run("oracle_grpo.py", "loss", &path);

    for (number, (sums, gradients, out, file)) in found.iter().enumerate() {
        let told: Value = serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap();
        let near = |name: &str, value: f64| {
            let other = told[name].as_f64().unwrap();
            assert!(
                (value - other).abs() < 1e-4 * (1.0 + other.abs()),
                "{number}: {name} is {value}, not {other}"
            );
        };
        near("loss", sums.loss);
        near("kl", sums.kl);
        near("clipped", sums.clipped);
        assert_eq!(sums.clipped > 0.0, number == 1, "ratios differ from 1 in the second case only");
        let weights = Weights::open_file(file).unwrap();
        for (name, gradient) in gradients {
            let other = weights.read_any(name).unwrap();
            let (largest, difference) = (other.abs().max().double_value(&[]), difference(gradient, &other));
            assert!(largest > 1e-4, "{name}: nothing to compare");
            assert!(difference < 1e-3 * largest, "{number} {name}: differs by {difference}, of {largest}");
        }
    }
}
