//! From the configuration of all programs to what the speed layer takes.

use std::time::Duration;

use pulso_runtime::Config;
use pulso_window::{EchoSettings, ListMax, Settings, Shape, SlidingWindow, TrendSettings};
use tokio::sync::watch;

use crate::{Options, Status, StreamSettings};

/// Often enough for charts of an hour; less than nine thousand small documents a day.
const HEALTH_INTERVAL: Duration = Duration::from_secs(10);

/// The part of a configuration that says what is computed.
///
/// # Panics
/// When `window.size` is not a multiple of `window.slide`; [`Config::load`] refuses that.
pub fn settings(config: &Config) -> Settings {
    let Config { window, echo, trends, .. } = config;
    Settings {
        window: SlidingWindow::new(window.size, window.slide)
            .expect("a configuration is checked when it is loaded"),
        max_out_of_orderness: window.max_out_of_orderness,
        allowed_lateness: window.allowed_lateness,
        echo: EchoSettings { horizon: echo.horizon, keys_max: echo.keys_max },
        trends: TrendSettings {
            count_above: u32::try_from(trends.count_above).unwrap_or(u32::MAX),
            mute: trends.mute.clone(),
            unusual_from: trends.unusual_from,
            worldwide: ListMax { terms: trends.terms_max, unusual: trends.unusual_max },
            by_scope: ListMax { terms: trends.scope_terms_max, unusual: trends.scope_unusual_max },
            baseline: trends.baseline,
        },
        sessions_max: config.sessions.keys_max,
        shape: Shape::of(config.stream()),
    }
}

impl StreamSettings {
    /// What the configured stream says.
    pub fn new(config: &Config) -> Self {
        let decoder = config.decoder();
        let shows_facts = decoder.stream().facts_view.shown;
        Self { decoder, shows_facts }
    }
}

impl Options {
    /// `status` is told where the speed layer is.
    ///
    /// # Panics
    /// As [`settings`].
    pub fn new(config: &Config, status: watch::Sender<Status>) -> Self {
        Self {
            stream: StreamSettings::new(config),
            settings: settings(config),
            idle_timeout: config.window.idle_timeout,
            checkpoint_interval: config.checkpoint.interval,
            checkpoint_records_max: config.checkpoint.records_max,
            health_interval: Some(HEALTH_INTERVAL),
            status,
        }
    }
}
