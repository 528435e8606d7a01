//! Group-relative policy optimisation without an environment: advantages, the loss of tokens, gradients of rows, configs.

use proto::rollout::{Played, Rollout, Sequence, Written};
use tch::{Device, Kind, Tensor};
use trainer::lora;
use trainer::model::folder::{Options, load};
use trainer::train::grpo::{Batch, Columns, Learner, Surrogate, advantages};
use trainer::train::{Config, LossType, Method, Scale};

use crate::{folder, refusal};

const LINES: &str = "rl: grpo\nadapter: lora\nlora_r: 2\nlora_alpha: 4\nlora_target_linear: true\n\
                     micro_batch_size: 2\ngradient_accumulation_steps: 2\n";
const ROLLOUT: &str = "rollout: {config: agent.yaml, tasks_root: tasks}\n";

/// Reads a config with these lines added to the required ones.
fn read(lines: &str) -> trainer::Result<Config> {
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("grpo.yaml");
    let always = "base_model: m\noutput_dir: o\nsequence_len: 128\nlearning_rate: 1e-3\n";
    std::fs::write(&path, format!("{always}{lines}")).unwrap();
    let config = Config::read(&path)?;
    config.check_method(Method::Episodes, &path)?;
    Ok(config)
}

fn grpo(trl: &str) -> Config {
    read(&format!("{LINES}{ROLLOUT}trl: {{num_generations: 2, max_completion_length: 16, {trl}}}")).unwrap()
}

fn close(one: f64, other: f64) {
    assert!((one - other).abs() < 1e-6 * (1.0 + other.abs()), "{one}, not {other}");
}

fn row(values: &[f32]) -> Tensor {
    Tensor::from_slice(values)
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::<f64>::try_from(tensor.to_kind(Kind::Double)).unwrap()
}

#[test]
fn advantages_are_of_the_group_and_scaled_as_asked() {
    // Means 2 and 1; deviations of samples sqrt(2) and 0; of all five, sqrt(0.8).
    let (rewards, groups) = ([1.0, 3.0, 1.0, 1.0, 1.0], [2, 3]);
    let root = 2f64.sqrt() + 1e-4;
    for (scale, expected) in [
        (Scale::Group, [-1.0 / root, 1.0 / root, 0.0, 0.0, 0.0]),
        (Scale::Batch, [-1.0 / (0.8f64.sqrt() + 1e-4), 1.0 / (0.8f64.sqrt() + 1e-4), 0.0, 0.0, 0.0]),
        (Scale::None, [-1.0, 1.0, 0.0, 0.0, 0.0]),
    ] {
        let found = advantages(&rewards, &groups, scale);
        found.iter().zip(expected).for_each(|(one, other)| close(*one, other));
    }
    assert_eq!(advantages(&[0.7; 8], &[8], Scale::Group), [0.0; 8], "equal rewards teach exactly nothing");
}

/// Four tokens whose ratios are 1.5, 1.5, 0.5 and 0.5, with advantages of both signs: two are clipped, and two are not because the
/// step made them worse.
#[test]
fn a_ratio_is_clipped_only_where_the_step_has_gone_far_enough() {
    let trl = grpo("epsilon: 0.2, epsilon_high: 0.3, importance_sampling_correction: false").trl();
    let ratios = [1.5f64, 1.5, 0.5, 0.5];
    let logprobs = row(&ratios.map(|ratio| ratio.ln() as f32 - 1.0)).set_requires_grad(true);
    let columns = Columns {
        advantage: row(&[2.0, -2.0, 2.0, -2.0]),
        weight: row(&[0.25; 4]),
        old: Some(row(&[-1.0; 4])),
        drawn: row(&[-1.5; 4]),
        reference: None,
    };
    let (loss, sums) = Surrogate::new(&trl).loss(&logprobs, &columns);
    loss.backward();
    close(sums.loss, -(1.3 * 2.0 + 1.5 * -2.0 + 0.5 * 2.0 + 0.8 * -2.0) / 4.0);
    close(sums.clipped, 2.0);
    close(sums.difference, 4.0 * 0.5);
    assert_eq!(sums.kl, 0.0);
    // The derivative of the ratio by the log-probability is the ratio.
    let expected = [0.0, 1.5 * 2.0 / 4.0, -0.5 * 2.0 / 4.0, 0.0];
    values(&logprobs.grad()).iter().zip(expected).for_each(|(one, other)| close(*one, other));
}

#[test]
fn the_divergence_and_the_correction_have_their_closed_forms() {
    let trl = grpo("beta: 0.1, importance_sampling_cap: 1.25").trl();
    let now = [-1.0f64, -2.0];
    let (drawn, reference) = ([-1.1f64, -3.0], [-1.5f64, -1.8]);
    let logprobs = row(&now.map(|value| value as f32)).set_requires_grad(true);
    let columns = Columns {
        advantage: row(&[1.0, -3.0]),
        weight: row(&[1.0, 0.5]),
        old: None,
        drawn: row(&drawn.map(|value| value as f32)),
        reference: Some(row(&reference.map(|value| value as f32))),
    };
    let (loss, sums) = Surrogate::new(&trl).loss(&logprobs, &columns);
    loss.backward();
    let correction = [0.1f64.exp(), 1.25]; // exp(1) is above the cap
    let d = [reference[0] - now[0], reference[1] - now[1]];
    let kl = d.map(|d| d.exp() - d - 1.0);
    close(sums.kl, kl[0] + kl[1]);
    close(sums.loss, (-correction[0] + 0.1 * kl[0]) + 0.5 * (3.0 * correction[1] + 0.1 * kl[1]));
    // The policy is the one that played, so every ratio is 1, whatever the engine's rounding.
    let slope = |advantage: f64, correction: f64, d: f64| -advantage * correction + 0.1 * (1.0 - d.exp());
    let expected = [slope(1.0, correction[0], d[0]), 0.5 * slope(-3.0, correction[1], d[1])];
    values(&logprobs.grad()).iter().zip(expected).for_each(|(one, other)| close(*one, other));
}

/// A rollout of one sequence of 12 tokens, whose parts of these bounds the model wrote.
fn rollout(group: usize, reward: f64, parts: &[(usize, usize)]) -> Rollout {
    let written = |(start, count): &(usize, usize)| Written { start: *start, logprobs: vec![-3.0; *count] };
    let tokens = (0..12).map(|place| (place * 7 + group as u32 * 3 + (reward * 5.0) as u32) % 32).collect();
    let sequence = Sequence { tokens, written: parts.iter().map(written).collect() };
    Rollout { group, reward, sequences: vec![sequence], ..Rollout::default() }
}

fn played() -> Played {
    let rollouts = vec![
        rollout(0, 1.0, &[(3, 2), (8, 4)]),
        rollout(0, 0.0, &[(3, 3)]),
        rollout(1, 0.4, &[(2, 2)]),
        rollout(1, 0.4, &[(2, 5)]),
    ];
    Played { rollouts, steps: 0 }
}

#[test]
fn tokens_are_weighted_by_the_type_of_the_loss() {
    for (name, kind, weights) in [
        ("grpo", LossType::Grpo, [1.0 / 24.0, 1.0 / 12.0, 1.0 / 8.0, 1.0 / 20.0]),
        ("dr_grpo", LossType::DrGrpo, [1.0 / 64.0; 4]),
        ("dapo", LossType::Dapo, [1.0 / 16.0; 4]),
    ] {
        let trl = grpo(&format!("loss_type: {name}, beta: 0.1")).trl();
        assert_eq!(trl.loss_type, kind);
        let batch = Batch::new(0, &played(), &trl, 32).unwrap();
        let found: Vec<f64> = batch.rows.iter().map(|row| row.weight).collect();
        found.iter().zip(weights).for_each(|(one, other)| close(*one, other));
    }
    // Without a divergence to lessen, a group of equal rewards is not computed.
    let batch = Batch::new(0, &played(), &grpo("beta: 0").trl(), 32).unwrap();
    assert_eq!((batch.rows.len(), batch.written), (2, 16));
    let targets: Vec<usize> = (0..12).filter(|place| batch.rows[0].targets[*place]).collect();
    assert_eq!(targets, [3, 4, 8, 9, 10, 11]);
}

#[test]
fn rollouts_that_cannot_be_learnt_from_are_refused() {
    let trl = grpo("").trl();
    let mut bad = played();
    bad.rollouts[1].sequences[0].tokens[0] = 32;
    let error = refusal(Batch::new(0, &bad, &trl, 32));
    assert!(error.contains("rollout 1") && error.contains("token id 32"), "{error}");
    let mut bad = played();
    bad.rollouts[0].sequences[0].written[0].start = 0;
    assert!(refusal(Batch::new(0, &bad, &trl, 32)).contains("rollout 0"));
    let mut bad = played();
    bad.rollouts[2].reward = f64::NAN;
    assert!(refusal(Batch::new(0, &bad, &trl, 32)).contains("reward is NaN"));
}

/// The gradients of the adapter after one pass over what was played.
fn gradients(lines: &str, batch: &mut Batch) -> (Vec<(String, Tensor)>, f64) {
    let (_work, base) = folder();
    let config = read(lines).unwrap();
    let mut model = load(&base, &Options::default()).unwrap();
    tch::manual_seed(3);
    lora::attach(&mut model, &config.lora().unwrap());
    let trained = model.trained();
    for (number, (_, tensor)) in trained.iter().enumerate() {
        // Not as it begins, where `b` is zero and so is the gradient of `a`.
        let angles = Tensor::arange(tensor.numel() as i64, (Kind::Float, Device::Cpu)) * 0.7 + number as i64;
        tch::no_grad(|| tensor.shallow_clone().copy_(&(angles.sin() * 0.1).reshape(tensor.size())));
        let _ = tensor.set_requires_grad(true);
    }
    let (sums, _) = Learner::new(&config, &config.trl()).backpropagate(&mut model, batch);
    (trained.into_iter().map(|(name, tensor)| (name, tensor.grad())).collect(), sums.loss)
}

#[test]
fn gradients_do_not_depend_on_how_rows_share_passes_and_are_zero_where_nothing_is_taught() {
    let lines = |more: &str| {
        format!(
            "{LINES}{ROLLOUT}trl: {{num_generations: 2, max_completion_length: 16, beta: 0.2, temperature: 0.8}}\n{more}"
        )
    };
    let trl = read(&lines("")).unwrap().trl();
    let batch = || Batch::new(0, &played(), &trl, 32).unwrap();
    let mut first = batch();
    let (apart, loss) = gradients(&lines(""), &mut first);
    for more in ["sample_packing: true\n", "gradient_checkpointing: true\n"] {
        let (other, same) = gradients(&lines(more), &mut batch());
        close(loss, same);
        for ((name, one), (_, other)) in apart.iter().zip(&other) {
            assert!(one.allclose(other, 1e-4, 1e-7, false), "{name}");
        }
    }
    assert!(apart.iter().any(|(_, gradient)| gradient.abs().max().double_value(&[]) > 1e-4));
    assert!(
        first
            .rows
            .iter()
            .all(|row| row.old.len() == row.drawn.len() && row.reference.len() == row.drawn.len())
    );
    assert!(
        first.rows.iter().any(|row| row.old != row.reference),
        "the reference is the base, without the adapter"
    );

    // A second step on the same rows compares with what was noted, so the ratios are 1 again: nothing was updated.
    let (again, same) = gradients(&lines(""), &mut first);
    close(loss, same);
    for ((name, one), (_, other)) in apart.iter().zip(&again) {
        assert!(one.allclose(other, 1e-4, 1e-7, false), "{name}");
    }

    let nothing = Played { rollouts: vec![rollout(0, 0.5, &[(3, 2)]), rollout(0, 0.5, &[(3, 3)])], steps: 0 };
    let plain = format!("{LINES}{ROLLOUT}trl: {{num_generations: 2, max_completion_length: 16}}\n");
    let mut batch = Batch::new(0, &nothing, &read(&plain).unwrap().trl(), 32).unwrap();
    let (zero, loss) = gradients(&plain, &mut batch);
    assert!(batch.rows.is_empty() && loss == 0.0);
    assert!(
        zero.iter().all(|(_, gradient)| gradient.defined() && gradient.abs().max().double_value(&[]) == 0.0)
    );
}

#[test]
fn a_batch_survives_a_checkpoint_to_the_bit() {
    let mut batch = Batch::new(5, &played(), &grpo("beta: 0.1").trl(), 32).unwrap();
    for (number, row) in batch.rows.iter_mut().enumerate() {
        row.old =
            row.drawn.iter().enumerate().map(|(place, _)| -(place as f32 + 0.1).ln_1p() / 3.0).collect();
        row.reference = vec![-1.0 / (number as f32 + 3.0); row.drawn.len()];
    }
    let work = tempfile::tempdir().unwrap();
    batch.save(work.path()).unwrap();
    assert_eq!(Batch::load(work.path()).unwrap(), batch);
}

#[test]
fn configs_of_episodes_are_read_strictly() {
    let trl = "trl: {num_generations: 4, max_completion_length: 64, scale_rewards: false}\n";
    let config = read(&format!("{LINES}{ROLLOUT}{trl}")).unwrap();
    assert_eq!((config.trl().scale_rewards, config.trl().loss_type), (Scale::None, LossType::Dapo));

    for (lines, key, says) in [
        (format!("{LINES}{trl}"), "rollout", "must be there"),
        (format!("{LINES}{ROLLOUT}{trl}datasets: [{{path: d}}]\n"), "datasets", "left out"),
        (format!("rl: grpo\n{ROLLOUT}{trl}"), "adapter", "reference"),
        (format!("{LINES}lora_dropout: 0.1\n{ROLLOUT}{trl}"), "lora_dropout", "must be 0"),
        (format!("{LINES}{ROLLOUT}trl: {{num_generations: 3, max_completion_length: 64}}\n"), "gradient_accumulation_steps", "whole groups"),
        (format!("{LINES}{ROLLOUT}trl: {{num_generations: 1, max_completion_length: 64}}\n"), "trl.num_generations", "at least 2"),
        (format!("{LINES}{ROLLOUT}trl: {{num_generations: 2, max_completion_length: 128}}\n"), "trl.max_completion_length", "room"),
        (format!("{LINES}{ROLLOUT}trl: {{num_generations: 2, max_completion_length: 64, temperature: 0}}\n"), "trl.temperature", "above 0"),
        (format!("{LINES}{ROLLOUT}trl: {{num_generations: 2, max_completion_length: 64, loss_type: ppo}}\n"), "trl.loss_type", "dr_grpo"),
        (format!("{LINES}{ROLLOUT}trl: {{num_generations: 2, max_completion_length: 64, scale_rewards: 2}}\n"), "trl.scale_rewards", "group"),
        (format!("{LINES}{ROLLOUT}trl: {{num_generation: 2, max_completion_length: 64}}\n"), "trl.num_generation", "num_generations"),
        (format!("{LINES}{trl}rollout: {{config: a, env: [u], tasks_root: t}}\n"), "rollout.env", "not both"),
        (format!("{LINES}{trl}rollout: {{config: a}}\n"), "rollout.env", "tasks_root"),
        (format!("{LINES}{trl}rollout: {{config: a, env: [u], branch: {{min_turns: 3, max_turns: 1}}}}\n"), "rollout.branch.min_turns", "max_turns"),
        ("adapter: lora\nlora_r: 2\nlora_alpha: 4\nlora_target_linear: true\ndatasets: [{path: d}]\ntrl: {beta: 0.1}\n".to_owned(), "trl", "rl: grpo"),
        ("datasets: [{path: d}]\n".to_owned(), "rl", "trainer train"),
    ] {
        let error = refusal(read(&lines));
        assert!(error.contains(&format!("`{key}`")) && error.contains(says), "{lines}: {error}");
    }
}
