//! Which windows the score of a trend compares.

use std::time::Duration;

/// The windows that say what is usual, and the one that says what grows, before a window that is judged.
/// All numbers are slides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The length of a window.
    pub size: i64,
    /// How much earlier the window ends from which growth is counted: a fifth of a window.
    pub growth: i64,
    /// How much earlier the newest window of the past ends. A window is not compared with those that hold
    /// some of the same facts, nor with those in which what grows now had begun: at least a whole window,
    /// and a quarter of the baseline.
    pub newest: i64,
    /// How much earlier the oldest window of the past ends: the baseline.
    pub oldest: i64,
    /// How far back a trend is followed at most: two baselines. By then what stays has become usual.
    pub life: i64,
}

impl Comparison {
    /// How many facts each window is taken to have beside its own: where there are few, their number says
    /// little.
    pub const OTHERS: i64 = 100;

    /// A window counts as past if it has at least one fact for so many of the judged one. What has fewer
    /// was reached by stragglers only: the source was away.
    pub const SPARSE: i64 = 50;

    /// Of windows of a size, one every `slide`, with a baseline; both are multiples of `slide`.
    pub fn new(size: Duration, slide: Duration, baseline: Duration) -> Self {
        let slides = |span: Duration| {
            i64::try_from(span.as_millis() / slide.as_millis().max(1)).unwrap_or(i64::MAX)
        };
        let (size, oldest) = (slides(size), slides(baseline));
        Self {
            size,
            growth: (size / 5).max(1),
            newest: size.max(oldest / 4).min(oldest),
            oldest,
            life: 2 * oldest,
        }
    }

    /// How many windows the past has in the end.
    pub fn windows(self) -> i64 {
        (self.oldest - self.newest + 1).max(0)
    }

    /// Of how many windows the past must be to say what is usual: a third.
    pub fn windows_min(self) -> i64 {
        (self.windows() + 2) / 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_windows_are_compared_with_those_of_three_quarters_of_an_hour() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let slide = Duration::from_secs(10);
        let usual = Comparison::new(minutes(5), slide, minutes(60));
        assert_eq!(usual, Comparison { size: 30, growth: 6, newest: 90, oldest: 360, life: 720 });
        assert_eq!((usual.windows(), usual.windows_min()), (271, 91));
        let long = Comparison::new(minutes(60), slide, minutes(60));
        assert_eq!((long.newest, long.windows(), long.windows_min()), (360, 1, 1));
        let single = Comparison::new(slide, slide, slide);
        assert_eq!(single, Comparison { size: 1, growth: 1, newest: 1, oldest: 1, life: 2 });
    }
}
