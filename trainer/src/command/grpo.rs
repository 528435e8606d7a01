//! `trainer grpo`.

use clap::Args;
use trainer::Result;
use trainer::train::Method;

use super::train;

const HELP: &str = "\
Example:
  trainer grpo --config train_configs/grpo.yaml

The model plays episodes in groups, and learns from how much better each is than the others of its group. The keys are those of
`trainer train` and, in the sections `trl` and `rollout`:
  base_model: models/base            # a Hugging Face folder
  output_dir: runs/policy
  rl: grpo
  adapter: lora                      # the base without it is the reference
  lora_r: 8
  lora_alpha: 16
  lora_target_linear: true
  sequence_len: 2560                 # most tokens of an episode
  micro_batch_size: 8                # rollouts of a pass
  gradient_accumulation_steps: 8     # 64 rollouts a step
  val_set_size: 16                   # tasks that are held out
  max_steps: 100
  learning_rate: 1.0e-4
  trl:
    num_generations: 8               # rollouts of a group
    num_iterations: 1
    beta: 0.0
    epsilon: 0.2
    epsilon_high: 0.28
    loss_type: dr_grpo               # grpo, dr_grpo, dapo
    scale_rewards: false             # group, batch, none
    temperature: 1.0
    max_completion_length: 512       # tokens of an answer
  rollout:
    config: agent_configs/rollouts/persistent.yaml   # a run config of `agent`, of one agent
    tasks_root: tasks/tiny              # or env: [http://127.0.0.1:50051]
    branch: {min_turns: 1, max_turns: 3}   # left out: a group begins at its task's start

train_configs/README.md lists all keys. output_dir receives the adapter, training.json, metrics.jsonl, TensorBoard events,
reward.svg and checkpoint-N folders. The same command resumes from the last checkpoint and gives the same weights (bit for bit
on a CPU with the same number of threads). Ctrl-C ends the step, saves a checkpoint and exits with 130.";

/// Trains an adapter on episodes that it plays, according to a config with `rl: grpo`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(flatten)]
    train: train::Common,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    train::run_as(&arguments.train, Method::Episodes)
}
