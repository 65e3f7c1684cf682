//! What can be chosen about windows, echoes and trends.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::SlidingWindow;

/// All settings of an [`Engine`](crate::Engine).
///
/// They are part of its state: a checkpoint made with others would mix two definitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub window: SlidingWindow,
    /// How long the watermark waits behind the largest event time.
    pub max_out_of_orderness: Duration,
    /// How long a closed pane may still change.
    pub allowed_lateness: Duration,
    pub echo: EchoSettings,
    pub trends: TrendSettings,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EchoSettings {
    /// How far back in event time echoes are recognised.
    pub horizon: Duration,
    /// The most keys remembered, over all partitions; open panes may need more.
    pub keys_max: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrendSettings {
    /// A topic is listed when it has more responses than this.
    pub count_above: u32,
    /// The most topics listed for a window worldwide.
    pub topics_max: usize,
    /// The most topics listed for a window and country.
    pub country_topics_max: usize,
    /// The span of earlier windows that says what is usual; a multiple of the slide.
    pub baseline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: SlidingWindow::default(),
            max_out_of_orderness: Duration::from_secs(2),
            allowed_lateness: Duration::ZERO,
            echo: EchoSettings { horizon: Duration::from_secs(10 * 60), keys_max: 4_000_000 },
            trends: TrendSettings {
                count_above: 5,
                topics_max: 100,
                country_topics_max: 20,
                baseline: Duration::from_secs(60 * 60),
            },
        }
    }
}

/// Whole milliseconds; settings are far below the 292 million years that fit.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
