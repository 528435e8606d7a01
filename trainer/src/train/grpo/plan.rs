//! Which tasks, seeds and branches the groups of a step have. All of it follows from the seed of the config.

use proto::rollout::{Branch, Group};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Result;
use crate::train::Failure;
use crate::train::batches::Batches;
use crate::train::config::{self, Config, Trl};
use crate::train::data::{SPLIT, held_out};

/// Streams of the random generator that the groups of a step draw from; epochs use the streams from zero.
const GROUPS: u64 = 1 << 32;
/// The stream of the evaluation's seeds.
const EVALUATION: u64 = u64::MAX - 1;

/// The tasks of a training and their order.
pub struct Plan {
    train: Vec<usize>,
    held_out: Vec<usize>,
    batches: Batches,
    generations: usize,
    branch: Option<config::Branch>,
    seed: u64,
}

impl Plan {
    /// Splits `tasks` tasks into those to learn from and those held out.
    ///
    /// # Errors
    /// If none remain to learn from.
    pub fn new(config: &Config, trl: &Trl, tasks: usize, branch: Option<config::Branch>) -> Result<Self> {
        let mut order: Vec<usize> = (0..tasks).collect();
        order.shuffle(&mut stream(config.seed, SPLIT));
        let kept = held_out(config, tasks);
        if kept >= tasks {
            let problem = format!(
                "nothing to learn from: the agent offers {tasks} tasks, and `val_set_size` holds out {kept}"
            );
            return Err(Failure::Samples { problem }.into());
        }
        let (held_out, train) = order.split_at_mut(kept);
        held_out.sort_unstable();
        train.sort_unstable();
        let rollouts = config.micro_batch_size * config.gradient_accumulation_steps;
        Ok(Self {
            batches: Batches {
                lengths: vec![1; train.len()],
                packing: None,
                sequences_per_pass: 1,
                passes_per_step: rollouts / trl.num_generations,
                seed: config.seed,
            },
            train: train.to_vec(),
            held_out: held_out.to_vec(),
            generations: trl.num_generations,
            branch,
            seed: config.seed,
        })
    }

    /// The number of tasks to learn from, and of those held out.
    pub fn tasks(&self) -> [usize; 2] {
        [self.train.len(), self.held_out.len()]
    }

    /// How often episodes are played in an epoch, in which each task is played by one group.
    pub fn samplings_per_epoch(&self) -> u64 {
        self.batches.steps_per_epoch()
    }

    /// The groups that are played together; samplings count from zero.
    pub fn groups(&self, sampling: u64) -> Vec<Group> {
        let per_epoch = self.samplings_per_epoch();
        let epoch = self.batches.epoch(sampling / per_epoch);
        let mut random = stream(self.seed, GROUPS | sampling);
        let group = |number: &usize| {
            let seeds = (0..self.generations).map(|_| seed(&mut random)).collect();
            let branch = self.branch.and_then(|config::Branch { min_turns, max_turns }| {
                let (turns, seed) = (random.random_range(min_turns..=max_turns), seed(&mut random));
                (turns > 0).then_some(Branch { turns, seed })
            });
            Group { task: self.train[*number], seeds, branch }
        };
        epoch[(sampling % per_epoch) as usize].iter().flatten().map(group).collect()
    }

    /// The held-out tasks, each for one rollout from its start, with the same seeds in every evaluation.
    pub fn evaluation(&self) -> Vec<Group> {
        let mut random = stream(self.seed, EVALUATION);
        let group = |task: &usize| Group { task: *task, seeds: vec![seed(&mut random)], branch: None };
        self.held_out.iter().map(group).collect()
    }
}

fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    random
}

/// A seed of 53 bits, so that every JSON reader gets the same number.
fn seed(random: &mut ChaCha8Rng) -> u64 {
    random.next_u64() >> 11
}
