//! The arithmetic of sliding windows and their panes (W1).
//!
//! A pane is the `slide`-wide part that neighbouring windows share ("No pane, no gain", Li et al.,
//! SIGMOD Record 34(1), 2005): each response is added to one pane, and windows are made of panes.

use std::time::Duration;

use pulso_model::EventTime;
use serde::{Deserialize, Serialize};

use crate::settings::millis;

/// Windows of one size, one beginning every `slide`, aligned to the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlidingWindow {
    size_ms: i64,
    slide_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("window size {size:?} is not a positive multiple of slide {slide:?}")]
pub struct InvalidWindow {
    size: Duration,
    slide: Duration,
}

impl Default for SlidingWindow {
    /// Five minutes, every ten seconds.
    fn default() -> Self {
        Self { size_ms: 300_000, slide_ms: 10_000 }
    }
}

impl SlidingWindow {
    /// # Errors
    /// When `size` is not a positive multiple of `slide`, both in whole milliseconds.
    pub fn new(size: Duration, slide: Duration) -> Result<Self, InvalidWindow> {
        let (size_ms, slide_ms) = (millis(size), millis(slide));
        if slide_ms == 0 || size_ms == 0 || size_ms % slide_ms != 0 {
            return Err(InvalidWindow { size, slide });
        }
        Ok(Self { size_ms, slide_ms })
    }

    /// Milliseconds.
    pub fn size(self) -> i64 {
        self.size_ms
    }

    /// Milliseconds.
    pub fn slide(self) -> i64 {
        self.slide_ms
    }

    /// The start of the pane that contains a time.
    pub fn pane(self, time: EventTime) -> EventTime {
        EventTime(time.0 - time.0.rem_euclid(self.slide_ms))
    }

    /// The end (exclusive) of the pane that begins at `start`: also the end of the first window
    /// that contains it.
    pub fn pane_end(self, start: EventTime) -> EventTime {
        EventTime(start.0 + self.slide_ms)
    }

    /// The end of the last window that contains the pane that begins at `start`.
    pub fn last_window_end(self, start: EventTime) -> EventTime {
        EventTime(start.0 + self.size_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w1_panes_are_aligned_to_the_epoch_also_before_it() {
        let window = SlidingWindow::default();
        let check = |time, start| assert_eq!(window.pane(EventTime(time)), EventTime(start));
        check(0, 0);
        check(9_999, 0);
        check(10_000, 10_000);
        check(-1, -10_000);
        check(-10_000, -10_000);
    }

    #[test]
    fn w1_a_size_that_is_no_multiple_of_the_slide_is_refused() {
        let seconds = Duration::from_secs;
        assert!(SlidingWindow::new(seconds(600), seconds(180)).is_err());
        assert!(SlidingWindow::new(seconds(600), Duration::ZERO).is_err());
        assert!(SlidingWindow::new(Duration::ZERO, seconds(1)).is_err());
        assert!(SlidingWindow::new(seconds(600), seconds(200)).is_ok());
    }
}
