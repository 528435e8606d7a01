//! What is measured of the episodes of a step, and of an evaluation.

use proto::rollout::{self, Habits, Rollout};
use proto::training::{Played, Values};

use super::advantage::{deviation, mean};
use super::batch::{groups, written};
use super::sampler::Sampled;

/// The measures of `count` groups that were played.
pub fn played(sampled: &Sampled, count: usize) -> Played {
    let Sampled { played: rollout::Played { rollouts, steps }, engine, time } = sampled;
    let lengths = groups(rollouts);
    let rewards: Vec<f64> = rollouts.iter().map(|rollout| rollout.reward).collect();
    let mut rest = rewards.as_slice();
    let deviations: Vec<f64> = (lengths.iter())
        .map(|length| {
            let (group, others) = rest.split_at(*length);
            rest = others;
            deviation(group)
        })
        .collect();
    let engine_seconds = engine.time.as_secs_f64();
    let env_seconds = (time.as_secs_f64() - engine_seconds).max(0.0);
    Played {
        reward: mean(&rewards),
        reward_std: mean(&deviations),
        frac_reward_zero_std: share(&deviations, |deviation| *deviation == 0.0),
        solved: share(rollouts, |rollout| rollout.is_solved),
        rollouts: rollouts.len() as u64,
        unbranched_groups: (count - lengths.len()) as u64,
        turns: habit(rollouts, |habits| habits.turns),
        completion_tokens: mean_of(rollouts, |rollout| written(rollout) as f64),
        missing_variables: habit(rollouts, |habits| habits.missing_variables),
        names_redefined: habit(rollouts, |habits| habits.names_redefined),
        generated_tokens: engine.generated_tokens,
        prompt_tokens: engine.prompt_tokens,
        cached_tokens: engine.cached_tokens,
        env_steps: *steps,
        engine_seconds,
        engine_tokens_per_second: rate(engine.generated_tokens, engine_seconds),
        env_seconds,
        env_steps_per_second: rate(*steps, env_seconds),
    }
}

/// The measures of an evaluation.
pub fn evaluation(played: &rollout::Played) -> Values {
    let rollouts = &played.rollouts;
    Values::Episodes {
        eval_reward: mean_of(rollouts, |rollout| rollout.reward),
        eval_solved: share(rollouts, |rollout| rollout.is_solved),
        eval_turns: habit(rollouts, |habits| habits.turns),
        eval_completion_tokens: mean_of(rollouts, |rollout| written(rollout) as f64),
        eval_missing_variables: habit(rollouts, |habits| habits.missing_variables),
    }
}

fn mean_of(rollouts: &[Rollout], value: impl Fn(&Rollout) -> f64) -> f64 {
    mean(&rollouts.iter().map(value).collect::<Vec<_>>())
}

fn habit(rollouts: &[Rollout], count: impl Fn(&Habits) -> u64) -> f64 {
    mean_of(rollouts, |rollout| count(&rollout.habits) as f64)
}

/// The share of those that are so; 0 of nothing.
fn share<T>(all: &[T], is_so: impl Fn(&T) -> bool) -> f64 {
    mean(&all.iter().map(|one| f64::from(u8::from(is_so(one)))).collect::<Vec<_>>())
}

fn rate(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
