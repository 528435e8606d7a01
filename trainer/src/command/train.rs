//! `trainer train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use lifecycle::{Interrupt, child};
use tch::{Cuda, Device};
use tokio::signal::unix::SignalKind;
use trainer::train::{Config, Failure, Method, Options, Training, grpo, silence_exhaustion};
use trainer::{Error, Result};

const HELP: &str = "\
Example:
  trainer train --config qlora.yaml

A QLoRA adapter, with the keys and values of the paper (Axolotl's keys; an unknown key is an error):
  base_model: models/base            # a Hugging Face folder
  datasets:
    - path: data/persistent          # a folder of `trainer prepare`
  output_dir: runs/persistent
  adapter: qlora                     # lora: in full precision; left out: the model itself is trained
  load_in_4bit: true
  lora_r: 64
  lora_alpha: 128
  lora_dropout: 0.05
  lora_target_linear: true           # or lora_target_modules: [q_proj, v_proj]
  sequence_len: 16384
  sample_packing: true
  micro_batch_size: 1
  gradient_accumulation_steps: 16
  num_epochs: 3                      # or max_steps
  optimizer: adamw_torch
  lr_scheduler: cosine               # or linear, constant, warmup_stable_decay
  learning_rate: 1.0e-4
  warmup_ratio: 0.03                 # or warmup_steps
  weight_decay: 0.01
  bf16: auto                         # true on a GPU, false on a CPU
  gradient_checkpointing: true
  val_set_size: 0.05
  eval_steps: 100
  save_steps: 100
  save_total_limit: 3
  seed: 3407

A whole model, from scratch or continued:
  base_model: models/fresh           # for example of `trainer init`
  datasets: [{ path: data/corpus }]
  output_dir: runs/base
  sequence_len: 1024
  sample_packing: true
  micro_batch_size: 8
  num_epochs: 4
  optimizer: muon                    # for the layers' matrices; AdamW for the rest
  learning_rate: 3.0e-3
  warmup_steps: 100
  lr_scheduler: warmup_stable_decay
  lr_scheduler_kwargs: { num_decay_steps: 800, decay_type: linear, min_lr_ratio: 0.03 }

train_configs/README.md lists all keys. output_dir receives the adapter or the model, training.json (its inputs and
position), metrics.jsonl, TensorBoard events, loss.svg, and checkpoint-N folders. The same command resumes from the last
checkpoint and gives the same weights (bit for bit on a CPU with the same number of threads). Ctrl-C ends the step, saves
a checkpoint and exits with 130.";

/// Trains an adapter or a model.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
}

/// The arguments of commands that train.
#[derive(Args)]
#[group(skip)]
pub struct Common {
    /// The config, YAML.
    #[arg(long)]
    config: PathBuf,
    /// The device to compute on; auto: the GPU if there is one.
    #[arg(long, value_enum, default_value_t = Place::Auto)]
    device: Place,
    /// Threads on a CPU [default: one per core].
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
    threads: Option<i32>,
    /// Start from the beginning: remove the checkpoints and metrics in the output folder.
    #[arg(long)]
    restart: bool,
    /// Only check the config, and whether its base model can be trained; the exit status says whether both are valid. Prints
    /// what each key will do.
    #[arg(long)]
    check: bool,
    /// With --check: do not read the base model, which is yet to be made.
    #[arg(long, requires = "check")]
    base_later: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Place {
    Cpu,
    Cuda,
    Auto,
}

/// Called at each signal. The first one ends the training after its step, the second one ends the program.
fn interrupted(signals: u32) {
    if signals > 1 {
        std::process::exit(lifecycle::interrupt::EXIT_CODE.into());
    }
    eprintln!("stopping after this step, with a checkpoint; once more stops at once");
}

pub fn run(arguments: &Arguments) -> Result<()> {
    run_as(&arguments.common, Method::Samples)
}

/// Trains by a method, which must be the config's.
pub fn run_as(arguments: &Common, method: Method) -> Result<()> {
    silence_exhaustion();
    let interrupt = Interrupt::listen(&[SignalKind::interrupt(), SignalKind::terminate()], interrupted)
        .map_err(|reason| Error::File { path: "signals".into(), reason })?;
    let config = Config::read(&arguments.config)?;
    config.check_method(method, &arguments.config)?;
    if arguments.check {
        return check(arguments, &config);
    }
    let device = match arguments.device {
        Place::Cpu => Device::Cpu,
        Place::Cuda if !Cuda::is_available() => return Err(Failure::NoGpu.into()),
        Place::Cuda => Device::Cuda(0),
        Place::Auto => Device::cuda_if_available(),
    };
    if let Some(threads) = arguments.threads {
        tch::set_num_threads(threads);
    }

    let output = config.output_dir.clone();
    let (inputs, unit) = match &config.rollout {
        None => (format!("{} datasets", config.datasets.len()), "samples"),
        Some(rollout) => (rollout.config.display().to_string(), "tasks"),
    };
    eprintln!("reading {} and {inputs}", config.base_model.display());
    let options = Options { device, agent: child::program("agent"), restart: arguments.restart, interrupt };
    let training = Training::open(config, options)?;
    let record = training.record();
    let [samples, held_out] = record.samples;
    eprintln!(
        "{} steps over {samples} {unit}, {held_out} held out; {} trained parameters, {} on {}",
        record.steps, record.trained_parameters, record.compute, record.device
    );
    if record.position.step > 0 {
        eprintln!("going on after step {}", record.position.step);
    }
    let record = training.run()?;
    let position = record.position;
    let say = |loss: Option<f64>| loss.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.4}"));
    eprintln!(
        "saved {}: {} tokens in {:.0} s, loss {}, evaluation {}",
        output.display(),
        position.tokens,
        position.seconds,
        say(position.loss),
        say(position.eval_loss.or(position.eval_reward))
    );
    Ok(())
}

/// Says what a config will do, on standard output. Checks what it names, too: the base, and the config of the agent that plays.
#[allow(clippy::print_stdout)] // what the config will do is what --check is for
fn check(arguments: &Common, config: &Config) -> Result<()> {
    println!("{}", config.explain(&arguments.config)?);
    let played = config.rollout.as_ref().map(|rollout| grpo::check(&child::program("agent"), rollout));
    match played {
        Some(Ok(true)) => println!("rollout.config was checked by `agent`, too"),
        Some(Ok(false)) => {
            println!(
                "rollout.config was not checked: `agent` is neither beside this program nor on the PATH"
            );
        }
        Some(Err(_)) | None => {}
    }
    let base = if arguments.base_later { Ok(()) } else { config.check_base() };
    match (played, base) {
        (Some(Err(agent)), Err(base)) => Err(Error::Agent(format!("{agent}\n{base}"))),
        (Some(Err(problem)), Ok(())) | (_, Err(problem)) => Err(problem),
        (_, Ok(())) => Ok(()),
    }
}
