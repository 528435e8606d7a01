//! Rules that concern several keys of a config.

use fields::Place;

use super::{Adapter, Config, Dtype, Rl, Shape, Switch};

/// Records every broken rule at its key.
pub fn check(config: &Config, root: &Place<'_>) {
    let require = |holds: bool, key: &str, rule: &str| root.key(key).require(holds, || rule.to_owned());
    match config.rl {
        Some(Rl::Grpo) => check_grpo(config, root),
        None => check_supervised(config, root),
    }
    require(
        !config.train_on_inputs,
        "train_on_inputs",
        "must be false: the dataset says what bears loss; `trainer prepare --text` makes samples that bear loss throughout",
    );
    check_base(config, root);
    match config.adapter {
        Some(_) => check_adapter(config, root),
        None => refuse_adapter_keys(config, root),
    }
    let stable_decay = config.lr_scheduler == Shape::WarmupStableDecay;
    require(
        config.lr_scheduler_kwargs.is_some() == stable_decay,
        "lr_scheduler_kwargs",
        match stable_decay {
            true => "must be there for `warmup_stable_decay`, with at least `num_decay_steps`",
            false => "is for `lr_scheduler: warmup_stable_decay`",
        },
    );
    check_cosine(config, root);
    check_intervals(config, root);
    let both = config.warmup_ratio.is_some_and(|ratio| ratio > 0.0)
        && config.warmup_steps.is_some_and(|steps| steps > 0);
    require(!both, "warmup_steps", "says the same as `warmup_ratio`; leave one of them out");
}

/// The keys of a cosine that does not fall to zero.
fn check_cosine(config: &Config, root: &Place<'_>) {
    let least = config.cosine_min_lr_ratio.is_some();
    root.key("cosine_min_lr_ratio").require(!least || config.lr_scheduler == Shape::Cosine, || {
        "is for `lr_scheduler: cosine`; leave it out".to_owned()
    });
    root.key("cosine_constant_lr_ratio").require(least || config.cosine_constant_lr_ratio.is_none(), || {
        "is for a cosine with `cosine_min_lr_ratio`; write that, too, or leave it out".to_owned()
    });
}

/// The keys that say the same, as steps and as times an epoch.
fn check_intervals(config: &Config, root: &Place<'_>) {
    let twice = [
        ("evals_per_epoch", config.evals_per_epoch.is_some() && config.eval_steps.is_some(), "eval_steps"),
        ("saves_per_epoch", config.saves_per_epoch.is_some() && config.save_steps.is_some(), "save_steps"),
    ];
    for (key, both, other) in twice {
        root.key(key).require(!both, || format!("says the same as `{other}`; leave one of them out"));
    }
}

/// The keys of learning from samples.
fn check_supervised(config: &Config, root: &Place<'_>) {
    let require = |holds: bool, key: &str, rule: &str| root.key(key).require(holds, || rule.to_owned());
    require(!config.datasets.is_empty(), "datasets", "must name at least one folder");
    require(config.trl.is_none(), "trl", "is for `rl: grpo`");
    require(config.rollout.is_none(), "rollout", "is for `rl: grpo`");
}

/// The keys of learning from episodes.
fn check_grpo(config: &Config, root: &Place<'_>) {
    let require = |holds: bool, key: &str, rule: &str| root.key(key).require(holds, || rule.to_owned());
    require(
        config.datasets.is_empty(),
        "datasets",
        "must be left out with `rl: grpo`, which learns from episodes",
    );
    require(
        config.adapter.is_some(),
        "adapter",
        "must be there with `rl: grpo`: the base without it is the reference",
    );
    let dropout = config.lora_dropout.unwrap_or(0.0);
    require(dropout == 0.0, "lora_dropout", "must be 0 with `rl: grpo`: episodes are played without it");
    let (trl, rollouts) = (config.trl(), config.micro_batch_size * config.gradient_accumulation_steps);
    root.key("gradient_accumulation_steps").require(rollouts.is_multiple_of(trl.num_generations), || {
        format!(
            "times `micro_batch_size` is {rollouts}, the rollouts of a step, which must be whole groups of \
             `trl.num_generations` ({})",
            trl.num_generations
        )
    });
    let trl_key = root.key("trl").key("max_completion_length");
    trl_key.require(trl.max_completion_length < config.sequence_len, || {
        "must leave room for a prompt in `sequence_len`".to_owned()
    });
    let Some(rollout) = &config.rollout else {
        require(false, "rollout", "must be there with `rl: grpo`: it says who plays the episodes, and where");
        return;
    };
    let place = root.key("rollout");
    place.key("env").require(rollout.env.is_empty() != rollout.tasks_root.is_none(), || {
        "must name running environment servers, or `tasks_root` a task folder, and not both".to_owned()
    });
    let in_order = rollout.branch.is_none_or(|branch| branch.min_turns <= branch.max_turns);
    place.key("branch").key("min_turns").require(in_order, || "must not be above `max_turns`".to_owned());
}

/// The quantisation and the precision of the base.
fn check_base(config: &Config, root: &Place<'_>) {
    let require = |holds: bool, key: &str, rule: &str| root.key(key).require(holds, || rule.to_owned());
    require(
        config.load_in_4bit == (config.adapter == Some(Adapter::Qlora)),
        "load_in_4bit",
        "must be true with `adapter: qlora`, and false without; write `adapter: qlora` for a base in four bits",
    );
    let four_bit = config.four_bit();
    require(
        four_bit.bnb_4bit_use_double_quant != Some(false),
        "bnb_4bit_use_double_quant",
        "must be true: only double quantisation is supported",
    );
    let dtype = four_bit.bnb_4bit_compute_dtype;
    let agrees = match config.bf16 {
        Switch::Auto => true,
        Switch::On => dtype != Some(Dtype::Float32),
        Switch::Off => dtype != Some(Dtype::Bfloat16),
    };
    require(agrees, "bnb_4bit_compute_dtype", "must say the same as `bf16`; leave one of them out");
}

/// The keys that an adapter needs.
fn check_adapter(config: &Config, root: &Place<'_>) {
    let require = |holds: bool, key: &str, rule: &str| root.key(key).require(holds, || rule.to_owned());
    require(config.lora_r.is_some_and(|r| r > 0), "lora_r", "must be there, and at least 1");
    require(config.lora_alpha.is_some_and(|alpha| alpha > 0.0), "lora_alpha", "must be there, above 0");
    let dropout = config.lora_dropout.unwrap_or(0.0);
    require((0.0..1.0).contains(&dropout), "lora_dropout", "must be from 0 to below 1");
    let some = config.lora_target_modules.as_ref().is_some_and(|modules| !modules.is_empty());
    require(
        some || config.lora_target_linear == Some(true),
        "lora_target_modules",
        "must name the matrices to adapt, or `lora_target_linear: true` be set for all of them",
    );
}

/// The keys that mean nothing without an adapter.
fn refuse_adapter_keys(config: &Config, root: &Place<'_>) {
    let keys = [
        ("lora_r", config.lora_r.is_some()),
        ("lora_alpha", config.lora_alpha.is_some()),
        ("peft_use_rslora", config.peft_use_rslora),
        ("lora_dropout", config.lora_dropout.is_some()),
        ("lora_target_modules", config.lora_target_modules.is_some()),
        ("lora_target_linear", config.lora_target_linear == Some(true)),
    ];
    for (key, set) in keys {
        let rule = || "is for adapters: set `adapter` to qlora or lora, or leave it out".to_owned();
        root.key(key).require(!set, rule);
    }
}
