//! Before which steps a persistent interpreter loses its state.

use proto::interpreter_state::InterpreterState;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::Violation;

/// The chance, in [0, 1], that the state is lost before a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateLoss(f64);

impl StateLoss {
    /// This chance, for an interpreter that keeps its state or does not.
    ///
    /// # Errors
    /// A violation if it is outside [0, 1], or above 0 where there is no state to lose.
    pub fn new(chance: f64, state: InterpreterState) -> Result<Self, Violation> {
        let violation = |rule: String| Err(Violation::new("state_loss", rule));
        if !(0.0..=1.0).contains(&chance) {
            return violation(format!("is a chance, within 0 and 1, not {chance}"));
        }
        if chance > 0.0 && state == InterpreterState::Reset {
            return violation(
                "must be 0 under INTERPRETER_STATE_RESET, which keeps no state to lose".to_owned(),
            );
        }
        Ok(Self(chance))
    }

    /// The chance, in [0, 1].
    pub fn chance(self) -> f64 {
        self.0
    }

    /// Whether a code step of this index loses the state that it would find, in an episode with this seed.
    pub fn strikes(self, seed: u64, step_index: u64) -> bool {
        draw(seed, step_index) < self.0
    }
}

/// Uniform in [0, 1), by the rule that `CreateEpisodeRequest.state_loss` documents. The draw depends on the seed and
/// the index alone, so neither retries nor other steps change it.
fn draw(seed: u64, step_index: u64) -> f64 {
    let digest = Sha256::digest(format!("state_loss/{seed}/{step_index}"));
    let (head, _) = digest.split_at(8);
    let bits = head.iter().fold(0, |bits, &byte| bits << 8 | u64::from(byte)) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn persistent(chance: f64) -> StateLoss {
        StateLoss::new(chance, InterpreterState::Persistent).unwrap()
    }

    /// Computed by another program from the documented rule:
    /// `int.from_bytes(hashlib.sha256(b"state_loss/7/1").digest()[:8]) >> 11`, divided by `2**53`.
    #[test]
    fn the_draws_are_the_documented_ones() {
        let drawn = [(7, 1), (7, 2), (u64::MAX, 40)].map(|(seed, step)| draw(seed, step));
        assert_eq!(drawn, [0.2764849840526429, 0.10191965848929485, 0.3942367770230397]);
    }

    #[test]
    fn steps_are_struck_as_often_as_the_chance_says() {
        let mut struck = 0;
        for seed in 0..500 {
            struck += (1..=40).filter(|&step| persistent(0.3).strikes(seed, step)).count();
            assert!((0..40).all(|step| persistent(1.0).strikes(seed, step)));
            assert!((0..40).all(|step| !persistent(0.0).strikes(seed, step)));
        }
        // 20,000 draws: the standard deviation of their share is 0.0032.
        let share = f64::from(u32::try_from(struck).unwrap()) / 20_000.0;
        assert!((share - 0.3).abs() < 0.013, "{share}");
    }

    #[test]
    fn what_is_no_chance_or_has_nothing_to_lose_is_refused() {
        for chance in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let violation = StateLoss::new(chance, InterpreterState::Persistent).unwrap_err();
            assert_eq!(violation.field, "state_loss");
            assert!(violation.description.contains(&chance.to_string()), "{violation:?}");
        }
        let violation = StateLoss::new(0.1, InterpreterState::Reset).unwrap_err();
        assert!(violation.description.contains("RESET"), "{violation:?}");
        assert!(StateLoss::new(0.0, InterpreterState::Reset).is_ok());
    }
}
