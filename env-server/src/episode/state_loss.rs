//! Before which steps a persistent interpreter loses its state.

use sandbox::InterpreterState;
use sha2::{Digest as _, Sha256};

use super::error::Violation;

/// A chance of losing state, and the seed that it is drawn from.
#[derive(Clone, Copy, Debug)]
pub struct StateLoss {
    chance: f64,
    seed: u64,
}

impl StateLoss {
    /// The chance that a request asks for, drawn from the episode's seed.
    ///
    /// # Errors
    /// A violation if it is no chance, or there is nothing to lose.
    pub fn from_request(chance: f64, state: InterpreterState, seed: u64) -> Result<Self, Violation> {
        let violation = |rule: String| Err(Violation::new("state_loss", rule));
        if !(0.0..=1.0).contains(&chance) {
            return violation(format!("is a chance, within 0 and 1, not {chance}"));
        }
        if chance > 0.0 && state == InterpreterState::Reset {
            return violation(
                "must be 0 under INTERPRETER_STATE_RESET, which keeps no state to lose".to_owned(),
            );
        }
        Ok(Self { chance, seed })
    }

    /// The chance, in [0, 1].
    pub fn chance(self) -> f64 {
        self.chance
    }

    /// Whether the state that a code step of this index would find is lost.
    pub fn strikes(self, step_index: u64) -> bool {
        self.draw(step_index) < self.chance
    }

    /// Uniform in [0, 1), by the rule that `CreateEpisodeRequest.state_loss`
    /// documents. Each step has a draw of its own, so it matters neither how
    /// often a step is tried nor what the others were.
    fn draw(self, step_index: u64) -> f64 {
        let digest = Sha256::digest(format!("state_loss/{}/{step_index}", self.seed));
        let (head, _) = digest.split_at(8);
        let bits = head.iter().fold(0, |bits, &byte| bits << 8 | u64::from(byte)) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn persistent(chance: f64, seed: u64) -> StateLoss {
        StateLoss::from_request(chance, InterpreterState::Persistent, seed).unwrap()
    }

    /// Made by another program from the documented rule:
    /// `int.from_bytes(hashlib.sha256(b"state_loss/7/1").digest()[:8]) >> 11`, divided by `2**53`.
    #[test]
    fn the_draws_are_the_documented_ones() {
        let drawn = [(7, 1), (7, 2), (u64::MAX, 40)].map(|(seed, step)| persistent(0.5, seed).draw(step));
        assert_eq!(drawn, [0.2764849840526429, 0.10191965848929485, 0.3942367770230397]);
    }

    #[test]
    fn steps_are_struck_as_often_as_the_chance_says() {
        let mut struck = 0;
        for seed in 0..500 {
            struck += (1..=40).filter(|&step| persistent(0.3, seed).strikes(step)).count();
            assert!((0..40).all(|step| persistent(1.0, seed).strikes(step)));
            assert!((0..40).all(|step| !persistent(0.0, seed).strikes(step)));
        }
        // 20,000 draws: the standard deviation of their share is 0.0032.
        let share = f64::from(u32::try_from(struck).unwrap()) / 20_000.0;
        assert!((share - 0.3).abs() < 0.013, "{share}");
    }

    #[test]
    fn what_is_no_chance_or_has_nothing_to_lose_is_refused() {
        for chance in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let violation = StateLoss::from_request(chance, InterpreterState::Persistent, 1).unwrap_err();
            assert_eq!(violation.field, "state_loss");
            assert!(violation.description.contains(&chance.to_string()), "{violation:?}");
        }
        let violation = StateLoss::from_request(0.1, InterpreterState::Reset, 1).unwrap_err();
        assert!(violation.description.contains("RESET"), "{violation:?}");
        assert!(StateLoss::from_request(0.0, InterpreterState::Reset, 1).is_ok());
    }
}
