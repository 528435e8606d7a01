//! The parts of training, in isolation.

use std::path::Path;

use prost::Message;
use tch::{Device, Kind, Tensor};
use trainer::dataset::{Dataset, Sample};
use trainer::model::folder::{Options, load};
use trainer::model::{Backward, Batch, Config as Sizes, Model, Source};
use trainer::train::batches::{Batches, pack};
use trainer::train::events::Events;
use trainer::train::loss::Targets;
use trainer::train::optimizer::Optimizer;
use trainer::train::{Config, Schedule};
use trainer::{Result, lora};

use crate::{config as sizes, folder, refusal};

/// Reads a config with these lines added to the required ones.
fn read(lines: &str) -> Result<Config> {
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("train.yaml");
    let always =
        "base_model: m\ndatasets: [{path: d}]\noutput_dir: o\nsequence_len: 128\nlearning_rate: 1e-3\n";
    std::fs::write(&path, format!("{always}{lines}")).unwrap();
    Config::read(&path)
}

#[test]
fn configs_are_read_strictly() {
    let qlora = "adapter: qlora\nload_in_4bit: true\nlora_r: 8\nlora_alpha: 16\nlora_target_linear: true\n";
    let config = read(qlora).unwrap();
    assert_eq!(config.compute(false), Kind::Float);
    assert_eq!(config.compute(true), Kind::BFloat16);
    assert_eq!(config.lora().unwrap().target_modules, lora::Target::ALL.into());
    let nested = format!("{qlora}bnb_config_kwargs: {{bnb_4bit_compute_dtype: bfloat16}}");
    assert_eq!(read(&nested).unwrap().compute(false), Kind::BFloat16);
    assert_eq!(read("bf16: true").unwrap().compute(false), Kind::BFloat16);

    for (lines, key, says) in [
        ("lora_rank: 8", "lora_rank", "unknown key"),
        ("seed: [x]", "seed", ""),
        ("optimizer: adafactor", "optimizer", "adamw_torch"),
        ("lr_scheduler: rex", "lr_scheduler", "cosine"),
        ("lr_scheduler: warmup_stable_decay", "lr_scheduler_kwargs", "num_decay_steps"),
        ("lr_scheduler_kwargs: {num_decay_steps: 3}", "lr_scheduler_kwargs", "warmup_stable_decay"),
        ("lr_scheduler_kwargs: {num_cycles: 2}", "lr_scheduler_kwargs.num_cycles", "unknown key"),
        (
            "lr_scheduler_kwargs: {num_decay_steps: 3, decay_type: sqrt}",
            "lr_scheduler_kwargs.decay_type",
            "1-sqrt",
        ),
        (
            "lr_scheduler: warmup_stable_decay\nlr_scheduler_kwargs: {num_decay_steps: 0}",
            "lr_scheduler_kwargs.num_decay_steps",
            "at least 1",
        ),
        (
            "lr_scheduler: warmup_stable_decay\nlr_scheduler_kwargs: {num_decay_steps: 3, min_lr_ratio: 2}",
            "lr_scheduler_kwargs.min_lr_ratio",
            "0 to 1",
        ),
        ("adapter: dora", "adapter", "qlora"),
        ("bf16: 3", "bf16", "true, false or auto"),
        ("bf16: maybe", "bf16", "true, false or auto"),
        ("micro_batch_size: 0", "micro_batch_size", "at least 1"),
        ("micro_batch_size: -1", "micro_batch_size", ""),
        ("val_set_size: 1.5", "val_set_size", "share"),
        ("warmup_ratio: 2", "warmup_ratio", "0 to 1"),
        ("warmup_ratio: 0.1\nwarmup_steps: 3", "warmup_steps", "leave one"),
        ("train_on_inputs: true", "train_on_inputs", "must be false"),
        ("lora_r: 8", "lora_r", "adapter"),
        ("load_in_4bit: true", "load_in_4bit", "qlora"),
        ("adapter: lora\nlora_alpha: 8\nlora_target_linear: true", "lora_r", "must be there"),
        ("adapter: lora\nlora_r: 4\nlora_alpha: 8", "lora_target_modules", "lora_target_linear"),
        ("adapter: lora\nlora_target_modules: [lm_head]", "lora_target_modules", "q_proj"),
        ("bnb_4bit_quant_type: fp4", "bnb_4bit_quant_type", "nf4"),
        ("bnb_4bit_use_double_quant: false", "bnb_4bit_use_double_quant", "must be true"),
        ("bf16: true\nbnb_4bit_compute_dtype: float32", "bnb_4bit_compute_dtype", "bf16"),
        ("num_epochs: .nan", "num_epochs", "above 0"),
    ] {
        let error = refusal(read(lines));
        assert!(error.contains(&format!("`{key}")), "{lines}: {error}");
        assert!(error.contains(says), "{lines}: {error}");
    }
}

#[test]
fn all_problems_of_a_config_are_named_at_once() {
    let error = refusal(read("lora_rank: 8\nbf16: maybe\nseed: -1\nlogging_steps: 0\nload_in_4bit: true"));
    for part in ["`lora_rank`: unknown key; did you mean lora_r?", "`bf16`", "`seed`", "`logging_steps`"] {
        assert!(error.contains(part), "{error}");
    }
    let error = refusal(read("lora_r: 8\nload_in_4bit: true\nwarmup_ratio: 0.1\nwarmup_steps: 3"));
    for part in
        ["`lora_r`: is for adapters", "`load_in_4bit`: must be true with", "`warmup_steps`: says the same"]
    {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_readme_of_configs_lists_every_key() {
    let readme = include_str!("../../../train_configs/README.md");
    let error = refusal(read("qqqqqqqqqqqqqqqqqqqq: 1"));
    let keys: Vec<&str> = error.split_once("known here: ").unwrap().1.split(", ").collect();
    assert!(keys.len() > 35, "{keys:?}");
    for key in keys {
        assert!(readme.contains(&format!("\n| `{key}` |")), "{key}");
    }
}

#[test]
fn learning_rates_follow_their_shapes() {
    // The parity tests compare with transformers' schedules; this tests the steps.
    let schedule = Schedule::new(&read("num_epochs: 3\nwarmup_ratio: 0.03").unwrap(), 7);
    assert_eq!(schedule.steps, 21);
    assert_eq!(schedule.learning_rate(0), 0.0); // one step of warm-up
    assert_eq!(schedule.learning_rate(1), 1e-3);
    assert!((schedule.learning_rate(11) - 0.5e-3).abs() < 1e-12);
    assert_eq!([None, Some(0.1), Some(4.0)].map(|steps| schedule.interval(steps)), [7, 3, 4]);
    let schedule = Schedule::new(&read("max_steps: 10\nlr_scheduler: linear").unwrap(), 7);
    assert_eq!(schedule.steps, 10);
    for (step, rate) in [(0, 1e-3), (5, 0.5e-3), (9, 0.1e-3)] {
        assert!((schedule.learning_rate(step) - rate).abs() < 1e-12);
    }
    let schedule = Schedule::new(&read("num_epochs: 0.5\nlr_scheduler: constant").unwrap(), 7);
    assert_eq!((schedule.steps, schedule.learning_rate(3)), (4, 1e-3));
    let lines = "max_steps: 10\nwarmup_steps: 2\nlr_scheduler: warmup_stable_decay\n\
                 lr_scheduler_kwargs: {num_decay_steps: 4, decay_type: linear, min_lr_ratio: 0.2}";
    let schedule = Schedule::new(&read(lines).unwrap(), 7);
    let rates = [0.2e-3, 0.6e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 0.8e-3, 0.6e-3, 0.4e-3];
    for (step, rate) in rates.into_iter().enumerate() {
        assert!((schedule.learning_rate(step as u64) - rate).abs() < 1e-12, "step {step}");
    }
}

#[test]
fn packing_keeps_every_sample_once_and_wastes_little() {
    let lengths: Vec<usize> = (0..200).map(|number| 10 + number * 37 % 91).collect();
    let batches = |passes_per_step, packing| Batches {
        lengths: lengths.clone(),
        packing,
        sequences_per_pass: 2,
        passes_per_step,
        seed: 3,
    };
    let packed = batches(4, Some(128));
    let total: usize = lengths.iter().sum();
    let sequences = pack(&(0..200).collect::<Vec<_>>(), &lengths, 128);
    assert!(sequences.len() <= total.div_ceil(128) + 1, "{} sequences", sequences.len());
    for sequence in &sequences {
        assert!(sequence.iter().map(|sample| lengths[*sample]).sum::<usize>() <= 128);
    }
    for batches in [packed.clone(), batches(4, None)] {
        let epoch = batches.epoch(0);
        assert_eq!(epoch.len() as u64, batches.steps_per_epoch());
        assert_eq!(epoch.len(), batches.epoch(5).len());
        assert_eq!(epoch, batches.epoch(0));
        assert_ne!(epoch, batches.epoch(1));
        let mut all = epoch.concat().concat();
        all.sort_unstable();
        assert_eq!(all, (0..200).collect::<Vec<_>>());
    }
    assert_eq!(batches(8, None).steps_per_epoch(), 13); // 100 passes: the last step has four
    // 60 + 40 and 50 + 50: best fit needs two sequences, packing in the order of the samples three.
    assert_eq!(pack(&[0, 1, 2, 3], &[50, 40, 50, 60], 100), [vec![3, 1], vec![0, 2]]);
}

/// Samples of these lengths, each with targets.
fn dataset(lengths: &[usize], vocabulary: i64) -> Dataset {
    let mut dataset = Dataset::default();
    for (number, length) in lengths.iter().enumerate() {
        let tokens: Vec<i64> =
            (0..*length as i64).map(|i| (i * i + 7 * number as i64) % vocabulary).collect();
        let targets: Vec<bool> = (0..*length).map(|place| place % 3 != 1).collect();
        dataset.push(&tokens, &targets);
    }
    dataset
}

fn packed(dataset: &Dataset) -> (Batch, Targets) {
    let samples: Vec<Sample<'_>> = dataset.samples().collect();
    let tokens: Vec<&[i64]> = samples.iter().map(|sample| sample.tokens).collect();
    (Batch::packed(&tokens, Device::Cpu), Targets::new(&samples, Device::Cpu))
}

/// The gradients of all trained tensors; clears them.
fn gradients(model: &Model) -> Vec<(String, Tensor)> {
    let take = |(name, mut tensor): (String, Tensor)| {
        let gradient = tensor.grad().copy();
        tensor.zero_grad();
        (name, gradient)
    };
    model.trained().into_iter().map(take).collect()
}

fn model(sizes: Sizes) -> Model {
    let mut phase = 0.0;
    let waves = |_: &str, shape: &[i64]| {
        phase += 1.0;
        let count = shape.iter().product::<i64>();
        let angles = Tensor::arange(count, (Kind::Float, Device::Cpu)) * 12.9898 + phase;
        Ok((angles.sin() * 0.3).reshape(shape))
    };
    Model::new(sizes, &mut Source::new(waves)).unwrap()
}

fn learn(model: &Model) {
    model.trained().into_iter().for_each(|(_, tensor)| drop(tensor.set_requires_grad(true)));
}

#[test]
fn the_loss_in_chunks_is_the_loss() {
    for tie_word_embeddings in [true, false] {
        let model = model(Sizes { tie_word_embeddings, ..sizes() });
        learn(&model);
        // More targets than two chunks hold.
        let (batch, targets) = packed(&dataset(&[2500, 40, 1300], 32));
        assert!(targets.len() > 2048);
        let scale = 1.0 / targets.len() as f64;
        let training = Backward { seed: 0, checkpointing: false };
        let mut chunked = 0.0;
        model.backpropagate(&batch, training, |hidden| {
            let (loss, gradient) = targets.backpropagate(&model, hidden, scale);
            chunked = loss.double_value(&[]) * scale;
            gradient
        });
        let ours = gradients(&model);

        let labels = dataset(&[2500, 40, 1300], 32);
        let mut labels: Vec<i64> = labels
            .samples()
            .flat_map(|sample| {
                let mut labels: Vec<i64> = sample.tokens.to_vec();
                (0..labels.len())
                    .filter(|place| !sample.targets[*place])
                    .for_each(|place| labels[place] = -100);
                labels[0] = -100;
                labels
            })
            .collect();
        labels.rotate_left(1);
        let plain = model.forward(&batch).squeeze_dim(0).cross_entropy_loss(
            &Tensor::from_slice(&labels),
            None::<Tensor>,
            tch::Reduction::Mean,
            -100,
            0.0,
        );
        plain.backward();
        assert!((plain.double_value(&[]) - chunked).abs() < 1e-5);
        let evaluated =
            tch::no_grad(|| targets.loss(&model, &model.hidden(&batch, false)).double_value(&[]) * scale);
        assert!((evaluated - chunked).abs() < 1e-9);
        assert_same(&ours, &gradients(&model), 1e-5);
    }
}

#[test]
fn gradients_with_and_without_checkpointing_are_equal() {
    let (_work, path) = folder();
    for (nf4, targets, kind) in [
        (false, vec![], Kind::Float),
        (false, vec![], Kind::BFloat16),
        (true, vec![lora::Target::QProj, lora::Target::DownProj], Kind::Float),
        (true, lora::Target::ALL.to_vec(), Kind::BFloat16),
    ] {
        let full = targets.is_empty();
        let options = Options { nf4, kind: Some(kind), master_weights: full, ..Options::default() };
        let mut model = load(&path, &options).unwrap();
        if !full {
            let target_modules = targets.into_iter().collect::<std::collections::BTreeSet<_>>().into();
            let config = lora::Config {
                r: 4,
                alpha: 8.0,
                rslora: false,
                dropout: 0.0,
                target_modules,
                base_model: None,
            };
            lora::attach(&mut model, &config);
            for (name, mut tensor) in model.trained() {
                if name.contains("lora_B") {
                    let _ = tensor.fill_(0.01);
                }
            }
        }
        learn(&model);
        let (batch, targets) = packed(&dataset(&[20, 33, 7], 32));
        let run = |checkpointing| {
            let how = Backward { seed: 1, checkpointing };
            model.backpropagate(&batch, how, |hidden| targets.backpropagate(&model, hidden, 0.1).1);
            gradients(&model)
        };
        let (plain, checkpointed) = (run(false), run(true));
        assert_eq!(plain.len(), if full { 25 } else { model.trained().len() });
        assert_same(&plain, &checkpointed, 0.0);
    }
}

#[track_caller]
fn assert_same(ours: &[(String, Tensor)], theirs: &[(String, Tensor)], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len());
    for ((name, ours), (_, theirs)) in ours.iter().zip(theirs) {
        let largest = theirs.abs().max().double_value(&[]);
        let difference = (ours - theirs).abs().max().double_value(&[]);
        assert!(largest > 0.0, "{name}: no gradient");
        assert!(difference <= tolerance * largest, "{name}: {difference} of {largest}");
    }
}

#[test]
fn adamw_takes_the_steps_that_its_formula_says() {
    let config = read("weight_decay: 0.1\nadam_beta1: 0.8\nadam_beta2: 0.95").unwrap();
    let rate = 0.05;
    let names = ["a.weight", "a_norm.weight"]; // norms do not decay
    let tensors = names.map(|name| (name.to_owned(), Tensor::from_slice(&[1.0f32, -2.0])));
    let mut optimizer = Optimizer::new(&config, tensors.into());
    let (mut values, mut means, mut squares) = ([1.0, -2.0, 1.0, -2.0], [0.0; 4], [0.0; 4]);
    for step in 1..=3 {
        // The loss is the sum of squares, with weight three for the second values. The gradient is clipped to
        // norm one.
        for parameter in optimizer.parameters() {
            (parameter.value.square() * Tensor::from_slice(&[1.0f32, 3.0])).sum(Kind::Float).backward();
        }
        let gradients: Vec<f64> = (0..4).map(|i| values[i] * [2.0, 6.0][i % 2]).collect();
        let length = gradients.iter().map(|gradient| gradient * gradient).sum::<f64>().sqrt();
        assert!((optimizer.clip(0.0) - length).abs() < 1e-4 * length);
        assert!((optimizer.clip(1.0) - length).abs() < 1e-4 * length);
        optimizer.step(step, rate);

        for i in 0..4 {
            let gradient = gradients[i] / length;
            means[i] = 0.8 * means[i] + 0.2 * gradient;
            squares[i] = 0.95 * squares[i] + 0.05 * gradient * gradient;
            let mean = means[i] / (1.0 - 0.8f64.powi(step as i32));
            let square = squares[i] / (1.0 - 0.95f64.powi(step as i32));
            let decayed = if i < 2 { values[i] * (1.0 - rate * 0.1) } else { values[i] };
            values[i] = decayed - rate * mean / (square.sqrt() + 1e-8);
        }
        let ours: Vec<f64> = optimizer
            .parameters()
            .iter()
            .flat_map(|one| Vec::<f64>::try_from(one.value.detach().to_kind(Kind::Double)).unwrap())
            .collect();
        for (ours, theirs) in ours.iter().zip(values) {
            assert!((ours - theirs).abs() < 1e-5, "step {step}: {ours} {theirs}");
        }
    }
}

#[test]
fn muon_steps_along_orthogonal_matrices() {
    // The parity tests compare with torch; this tests that steps are orthogonal.
    let config = read("optimizer: muon\nweight_decay: 0.1").unwrap();
    let shapes = [
        ("model.layers.0.self_attn.q_proj.weight", [6, 6]), // square, tall and wide
        ("model.layers.0.mlp.up_proj.weight", [9, 6]),
        ("model.layers.0.mlp.down_proj.weight", [6, 9]),
        ("model.layers.0.mlp.gate_proj.weight", [9, 6]),
        ("model.embed_tokens.weight", [12, 6]), // AdamW's
        ("lm_head.weight", [12, 6]),
        ("model.layers.0.input_layernorm.weight", [6, 1]),
    ];
    let ones = |shape: &[i64]| Tensor::ones(shape, (Kind::Float, Device::Cpu));
    let tensors = shapes.map(|(name, [rows, columns])| {
        let shape = if columns == 1 { vec![rows] } else { vec![rows, columns] };
        (name.to_owned(), ones(&shape))
    });
    let mut optimizer = Optimizer::new(&config, tensors.into());
    let gradients: Vec<Tensor> = optimizer
        .parameters()
        .iter()
        .map(|parameter| {
            let count = Tensor::arange(parameter.value.numel() as i64, (Kind::Float, Device::Cpu));
            (count.square() * 12.9898).sin().reshape(parameter.value.size())
        })
        .collect();
    for (parameter, gradient) in optimizer.parameters().iter().zip(&gradients) {
        if parameter.name.contains("gate_proj") {
            (&parameter.value * 0.0).sum(Kind::Float).backward(); // a gradient of zero
        } else {
            (&parameter.value * gradient).sum(Kind::Float).backward();
        }
    }
    let rate = 0.05;
    optimizer.step(1, rate);

    for (parameter, gradient) in optimizer.parameters().iter().zip(&gradients) {
        let name = &parameter.name;
        let value = parameter.value.detach();
        if !name.contains("proj") {
            // AdamW's first step has the size of the learning rate, whatever the gradient's size; nothing
            // decays.
            let step = (&value - value.ones_like()) + gradient.sign() * rate;
            assert!(step.abs().max().double_value(&[]) < 1e-5, "{name}: {value}");
            continue;
        }
        let decayed = 1.0 - rate * 0.1;
        if name.contains("gate_proj") {
            assert!((value - decayed).abs().max().double_value(&[]) < 1e-6);
            continue;
        }
        // The singular vectors of the gradient with singular values of about one, scaled to the size of
        // AdamW's steps.
        let longest = *value.size().iter().max().unwrap() as f64;
        let step = (decayed - value) / (rate * 0.2 * longest.sqrt());
        let (u, s, v) = gradient.svd(true, true);
        let turned = u.tr().matmul(&step).matmul(&v);
        let values = turned.diag(0);
        let (least, most) = (values.min().double_value(&[]), values.max().double_value(&[]));
        assert!(s.min().double_value(&[]) > 0.05, "{name}: the gradient is too thin to say: {s}");
        assert!(least > 0.6 && most < 1.3, "{name}: from {least} to {most}");
        let rest = (&turned - values.diag_embed(0, 0, 1)).abs().max().double_value(&[]);
        assert!(rest < 1e-4, "{name}: turned by {rest}");
    }
}

/// An event, as TensorBoard's readers decode it.
#[derive(Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, tag = "3")]
    file_version: String,
    #[prost(bytes, tag = "5")]
    summary: Vec<u8>,
}

#[test]
fn events_are_framed_as_tensorboard_reads_them() {
    let work = tempfile::tempdir().unwrap();
    let mut events = Events::create(work.path(), 1e9).unwrap();
    events.add(1e9 + 1.0, 7, &[("train/loss", 2.5), ("train/lr", 0.5)]).unwrap();
    let name = std::fs::read_dir(work.path()).unwrap().next().unwrap().unwrap().path();
    let data = std::fs::read(&name).unwrap();
    let mut rest = data.as_slice();
    let mut read = vec![];
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        let checked = |data: &[u8], crc: &[u8]| {
            // Undo the mask: subtract the offset, rotate back.
            let masked = u32::from_le_bytes(crc.try_into().unwrap());
            assert_eq!(crc32c::crc32c(data), masked.wrapping_sub(0xa282_ead8).rotate_left(15));
        };
        checked(&rest[..8], &rest[8..12]);
        checked(&rest[12..12 + length], &rest[12 + length..16 + length]);
        read.push(Event::decode(&rest[12..12 + length]).unwrap());
        rest = &rest[16 + length..];
    }
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].file_version, "brain.Event:2");
    assert_eq!((read[1].step, read[1].wall_time), (7, 1e9 + 1.0));
    let value = [b"\x0a\x11\x0a\x0atrain/loss\x15".as_slice(), &2.5f32.to_le_bytes()].concat();
    assert!(read[1].summary.starts_with(&value), "{:?}", read[1].summary);
    assert!(Path::new(&name).file_name().unwrap().to_str().unwrap().starts_with("events.out.tfevents."));
}

#[test]
fn what_changes_nothing_is_accepted_in_configs() {
    let qlora = "adapter: qlora\nload_in_4bit: true\nlora_r: 8\nlora_alpha: 16\nlora_target_linear: true\n";
    let plain = read(qlora).unwrap();
    let neutral = "load_in_8bit: false\nstrict: false\noptimizer: adamw_torch_fused\nfp16: false\ntf32: true\n\
         flash_attention: true\nwandb_project:\nwandb_watch: all\nspecial_tokens:\nweight_decay:\nseed: null\n\
         pad_to_sequence_len: true\ndataset_prepared_path:\nmax_steps: -1\ndeepspeed: ''\nfsdp: []\n\
         fsdp_config: {}\nlora_modules_to_save:\npeft_use_dora: false\nchat_template: tokenizer_default\n\
         model_type: AutoModelForCausalLM\nlr_scheduler_kwargs: {}\nplugins: []\nwarmup_steps: 0\nlora_dropout:\n\
         bnb_config_kwargs: {bnb_4bit_quant_type: null}\neval_steps:\nsave_total_limit: null\n";
    let read_neutral = read(&format!("{qlora}{neutral}")).unwrap();
    assert_eq!(read_neutral, Config { warmup_steps: Some(0), ..plain.clone() });
    for name in
        ["adamw_hf", "adamw_bnb_8bit", "paged_adamw_8bit", "adamw_torch_4bit", "ao_adamw_8bit", "adamw"]
    {
        assert_eq!(read(&format!("{qlora}optimizer: {name}")).unwrap(), plain, "{name}");
    }
    // An adapter names its base so that it is found from any folder.
    let here = Config { base_model: ".".into(), ..plain };
    let base = here.lora().unwrap().base_model.unwrap();
    assert_eq!(std::path::PathBuf::from(base), std::env::current_dir().unwrap().canonicalize().unwrap());

    // What is switched on is refused, and so is a misspelt key, empty or not; all at once.
    let message = refusal(read(
        "deepspeed: zero3.json\npeft_use_dora: true\nwieght_decay:\nchat_template: chatml\nfp16: true\n\
         optimizer: lion_8bit\nlora_r: 8",
    ));
    for key in ["deepspeed", "peft_use_dora", "wieght_decay", "chat_template", "fp16", "optimizer"] {
        assert!(message.contains(&format!("`{key}`: ")), "{key}: {message}");
    }
}
