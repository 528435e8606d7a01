//! Scales and their ticks.

/// From values to pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The least and the largest value.
    pub values: [f64; 2],
    /// Where they lie.
    pub pixels: [f64; 2],
}

impl Scale {
    /// Where a value lies.
    pub fn at(&self, value: f64) -> f64 {
        let [low, high] = self.values;
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        self.pixels[0] + share * (self.pixels[1] - self.pixels[0])
    }

    /// Round values within the scale, about so many: 1, 2 or 5 times a power of ten apart.
    pub fn ticks(&self, about: usize) -> Vec<f64> {
        let [low, high] = self.values;
        if high <= low {
            return vec![low];
        }
        let step = round_step((high - low) / about.max(1) as f64);
        let first = (low / step).ceil() as i64;
        (first..).map(|index| index as f64 * step).take_while(|tick| *tick <= high + step * 1e-9).collect()
    }

    /// As [`Scale::ticks`], but whole numbers alone.
    pub fn whole_ticks(&self, about: usize) -> Vec<f64> {
        self.ticks(about).into_iter().filter(|tick| tick.fract() == 0.0).collect()
    }
}

/// The least of 1, 2 and 5 times a power of ten that is not below `step`.
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
    }
}
