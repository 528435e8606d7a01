//! One thing that may be used at so much a second.

use std::num::NonZeroU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much time's amount may be used at once.
const BURST: Duration = Duration::from_secs(1);

/// One thing that may be used at so much a second (the generic cell rate algorithm). What is used may exceed that: then nothing
/// more may be used until the debt is paid.
pub struct Rate {
    per_second: NonZeroU64,
    /// When what was used so far is paid.
    paid_at: Mutex<Instant>,
}

impl Rate {
    /// A rate of which nothing is used yet.
    pub fn new(per_second: NonZeroU64) -> Self {
        Self { per_second, paid_at: Mutex::new(Instant::now()) }
    }

    /// How much may be used in a second.
    pub fn per_second(&self) -> u64 {
        self.per_second.get()
    }

    /// Uses `count`, if there is room for one of them. With 0 it tells whether the debt is paid.
    ///
    /// # Errors
    /// How long it will take until there is room.
    pub fn take(&self, count: u64) -> Result<(), Duration> {
        self.take_at(Instant::now(), count)
    }

    fn take_at(&self, now: Instant, count: u64) -> Result<(), Duration> {
        let mut paid_at = self.paid_at();
        let with_one = paid_at.saturating_duration_since(now).saturating_add(self.time_of(count.min(1)));
        if with_one > BURST {
            return Err(with_one - BURST);
        }
        self.add(&mut paid_at, now, count);
        Ok(())
    }

    /// Counts what was used already.
    pub fn charge(&self, count: u64) {
        self.charge_at(Instant::now(), count);
    }

    fn charge_at(&self, now: Instant, count: u64) {
        self.add(&mut self.paid_at(), now, count);
    }

    fn add(&self, paid_at: &mut Instant, now: Instant, count: u64) {
        let from = now.max(*paid_at);
        // What is beyond all time changes nothing.
        *paid_at = from.checked_add(self.time_of(count)).unwrap_or(from);
    }

    /// The time in which `count` may be used.
    fn time_of(&self, count: u64) -> Duration {
        Duration::try_from_secs_f64(count as f64 / self.per_second.get() as f64).unwrap_or(Duration::MAX)
    }

    fn paid_at(&self) -> MutexGuard<'_, Instant> {
        self.paid_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u64) -> (Rate, Instant) {
        let rate = Rate::new(NonZeroU64::new(per_second).unwrap());
        let now = *rate.paid_at();
        (rate, now)
    }

    #[test]
    fn a_second_s_amount_is_there_at_once_and_comes_back_with_time() {
        for per_second in [1, 10, 1000] {
            let (rate, mut now) = rate(per_second);
            for _ in 0..per_second {
                rate.take_at(now, 1).unwrap();
            }
            let one = Duration::from_secs(1) / u32::try_from(per_second).unwrap();
            assert_eq!(rate.take_at(now, 1).unwrap_err(), one);
            for _ in 0..100 {
                now += one;
                rate.take_at(now, 1).unwrap();
                assert_eq!(rate.take_at(now, 1).unwrap_err(), one);
            }
        }
    }

    #[test]
    fn a_debt_is_paid_by_time_alone() {
        for per_second in [1, 20, 20_000_000_000] {
            let (rate, now) = rate(per_second);
            rate.take_at(now, 0).unwrap();
            rate.charge_at(now, per_second * 60);
            assert_eq!(rate.take_at(now, 0).unwrap_err().as_secs(), 59);
            assert_eq!(rate.take_at(now + Duration::from_secs(30), 0).unwrap_err().as_secs(), 29);
            rate.take_at(now + Duration::from_secs(59), 0).unwrap();
        }
    }

    #[test]
    fn several_at_once_are_a_debt() {
        let (rate, now) = rate(10);
        rate.take_at(now, 35).unwrap();
        assert_eq!(rate.take_at(now, 1).unwrap_err(), Duration::from_millis(2600));
        rate.charge_at(now, u64::MAX);
        rate.take_at(now, 1).unwrap_err();
    }
}
