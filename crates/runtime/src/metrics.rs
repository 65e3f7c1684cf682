//! Keeps the values of all metrics in memory and gives them in the Prometheus text format.
//!
//! Serves nothing itself: the web layer answers `/metrics` with [`Metrics::render`].

use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the buckets of every duration, from a quick write to a slow batch job.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];

/// The same for the way of a message through the speed layer: close to one another below a second,
/// where they tell a good service from a bad one, then up to half an hour of backlog.
const END_TO_END_SECONDS: [f64; 18] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 10.0, 60.0,
    300.0, 1800.0,
];

/// How often recorded durations are sorted into their buckets when nobody asks for the metrics;
/// until then each is kept singly, so this bounds the memory they take.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The metrics of this process; clones show the same.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// All metrics in the Prometheus text format.
    pub fn render(&self) -> String {
        self.handle.render()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Makes this process record its metrics. Call it once, on the async runtime.
///
/// # Errors
/// When another recorder was installed before.
pub fn install() -> anyhow::Result<Metrics> {
    let handle = builder()?.install_recorder().context("failed to install the metrics recorder")?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            interval.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(Metrics { handle })
}

fn builder() -> anyhow::Result<PrometheusBuilder> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|builder| {
            let end_to_end = Matcher::Suffix("_end_to_end_seconds".to_owned());
            builder.set_buckets_for_metric(end_to_end, &END_TO_END_SECONDS)
        })
        .context("failed to set the buckets of durations")
}

#[cfg(test)]
mod tests {
    use pulso_pipeline::observe;

    #[tokio::test]
    async fn recorded_facts_are_shown_and_durations_have_buckets() {
        let metrics = super::install().unwrap();
        observe::sink_write("speed", "posts", std::time::Duration::from_millis(30));
        observe::received("speed", "posts", 7);
        observe::received("speed", "clicks", 8);
        observe::acknowledged_after("posts", [1, 180, 9000].map(std::time::Duration::from_millis));
        let text = metrics.render();
        for line in [
            "pulso_received_events_total{component=\"speed\",stream=\"posts\"} 7",
            "pulso_received_events_total{component=\"speed\",stream=\"clicks\"} 8",
            "pulso_sink_write_seconds_bucket{component=\"speed\",stream=\"posts\",le=\"0.025\"} 0",
            "pulso_sink_write_seconds_bucket{component=\"speed\",stream=\"posts\",le=\"0.05\"} 1",
            "pulso_speed_end_to_end_seconds_bucket{stream=\"posts\",le=\"0.15\"} 1",
            "pulso_speed_end_to_end_seconds_bucket{stream=\"posts\",le=\"0.2\"} 2",
            "pulso_speed_end_to_end_seconds_count{stream=\"posts\"} 3",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(super::install().is_err());
    }
}
