//! Scales and their ticks.

use crate::table;

/// A linear scale from values to pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The smallest and the largest value.
    pub values: [f64; 2],
    /// The pixels of these two values.
    pub pixels: [f64; 2],
}

impl Scale {
    /// The pixel of a value.
    pub fn at(&self, value: f64) -> f64 {
        let [low, high] = self.values;
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        self.pixels[0] + share * (self.pixels[1] - self.pixels[0])
    }

    /// About `about` round values on the scale. Their distance is 1, 2 or 5 times a power of ten.
    pub fn ticks(&self, about: usize) -> Vec<f64> {
        let [low, high] = self.values;
        if high <= low {
            return vec![low];
        }
        let step = round_step((high - low) / about.max(1) as f64);
        let first = (low / step).ceil() as i64;
        (first..).map(|index| index as f64 * step).take_while(|tick| *tick <= high + step * 1e-9).collect()
    }

    /// [`Scale::ticks`] with their text, which has as many decimals as their distance.
    pub fn labelled_ticks(&self, about: usize) -> Vec<(f64, String)> {
        let ticks = self.ticks(about);
        let step = ticks.windows(2).map(|pair| pair[1] - pair[0]).next().unwrap_or(1.0);
        // The logarithm of a power of ten may be slightly less than the whole number.
        let decimals = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
        ticks.into_iter().map(|tick| (tick, table::number(tick, decimals))).collect()
    }

    /// [`Scale::ticks`] that are whole numbers.
    pub fn whole_ticks(&self, about: usize) -> Vec<f64> {
        self.ticks(about).into_iter().filter(|tick| tick.fract() == 0.0).collect()
    }
}

/// The smallest number that is at least `step` and is 1, 2 or 5 times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|s| *s >= step * (1.0 - 1e-9))
        .unwrap_or(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let scale = |low, high| Scale { values: [low, high], pixels: [0.0, 100.0] };
        assert_eq!(scale(0.0, 1_070.0).ticks(5), [0.0, 500.0, 1000.0]);
        assert_eq!(scale(0.0, 100.0).ticks(5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(scale(1.0, 4.0).whole_ticks(8), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(scale(3.0, 3.0).ticks(4), [3.0]);
        assert_eq!(scale(0.0, 10.0).at(2.5), 25.0);
        let texts = |high: f64, about: usize| -> Vec<String> {
            scale(0.0, high).labelled_ticks(about).into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(texts(0.17, 4), ["0.00", "0.05", "0.10", "0.15"]);
        assert_eq!(texts(0.31, 4), ["0.0", "0.1", "0.2", "0.3"]);
        assert_eq!(texts(2_500.0, 3), ["0", "1,000", "2,000"]);
    }
}
