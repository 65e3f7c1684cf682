//! Keeps a loop from filling the log with the same line.

use std::time::Duration;

use tokio::time::Instant;

/// Lets one line pass per interval.
#[derive(Debug)]
pub(crate) struct Throttle {
    interval: Duration,
    next: Option<Instant>,
    suppressed: u64,
}

impl Throttle {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, next: None, suppressed: 0 }
    }

    /// Whether a line may be logged now and, if so, how many were not since the last one.
    pub(crate) fn pass(&mut self, now: Instant) -> Option<u64> {
        if self.next.is_some_and(|next| now < next) {
            self.suppressed += 1;
            return None;
        }
        self.next = Some(now + self.interval);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_passes_per_interval_and_counts_the_others() {
        let mut throttle = Throttle::new(Duration::from_secs(5));
        let begin = Instant::now();
        let passed = |second| throttle.pass(begin + Duration::from_secs(second));
        let passed: Vec<_> = [0, 1, 4, 5, 6, 20].into_iter().map(passed).collect();
        assert_eq!(passed, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
