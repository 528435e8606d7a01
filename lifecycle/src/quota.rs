//! How much a tenant may use.

use std::num::NonZeroU64;

/// How much a tenant may use. `None`: as much as the server has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Episodes that run at a time.
    pub episodes: Option<NonZeroU64>,
    /// Episodes that are created in a second, forks included.
    pub creates_per_second: Option<NonZeroU64>,
    /// Steps that begin in a second.
    pub steps_per_second: Option<NonZeroU64>,
    /// Fuel that steps use in a second.
    pub fuel_per_second: Option<NonZeroU64>,
}

impl Quota {
    /// Reads `NAME=NUMBER` words.
    ///
    /// # Errors
    /// What is wrong, as a sentence that names the word.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut quota = Self::default();
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let place = match name {
                "episodes" => &mut quota.episodes,
                "creates_per_second" => &mut quota.creates_per_second,
                "steps_per_second" => &mut quota.steps_per_second,
                "fuel_per_second" => &mut quota.fuel_per_second,
                _ => {
                    return Err(format!(
                        "`{word}` is no quota: they are episodes=N, creates_per_second=N, steps_per_second=N and \
                         fuel_per_second=N"
                    ));
                }
            };
            let number =
                value.parse().map_err(|_| format!("`{word}`: must be a whole number, at least 1"))?;
            if place.replace(number).is_some() {
                return Err(format!("`{name}` is there twice"));
            }
        }
        if words.is_empty() {
            return Err("the quota is empty: add episodes=N, or others".to_owned());
        }
        Ok(quota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read() {
        let quota = Quota::parse(&["fuel_per_second=20000000000", "episodes=5"]).unwrap();
        let wanted = Quota {
            episodes: NonZeroU64::new(5),
            fuel_per_second: NonZeroU64::new(20_000_000_000),
            ..Quota::default()
        };
        assert_eq!(quota, wanted);
    }

    #[test]
    fn a_wrong_word_is_named() {
        for (words, part) in [
            (&[][..], "empty"),
            (&["episodes"], "`episodes`: must be"),
            (&["episodes=0"], "`episodes=0`: must be"),
            (&["steps_per_second=1e3"], "must be a whole number"),
            (&["steps=3"], "`steps=3` is no quota"),
            (&["episodes=1", "episodes=2"], "twice"),
        ] {
            let error = Quota::parse(words).unwrap_err();
            assert!(error.contains(part), "{words:?}: {error}");
        }
    }
}
