//! From the configuration to Kibana's dashboards.

use pulso_elasticsearch::{Connection, Kibana, kibana_objects};
use pulso_streams::Definition;

use super::{StoreError, elasticsearch};
use crate::Config;

/// The names that the objects of [`Definition::kibana_objects`] are for.
const PREFIX: &str = "pulso";

/// Brings the dashboards of the streams that are shown to Kibana, and returns the streams.
pub(super) async fn bring_dashboards(config: &Config) -> Result<Vec<&'static str>, StoreError> {
    let urls = config.kibana.url.iter().map(elasticsearch::shown).collect();
    let connection = Connection { urls, ..elasticsearch::connection(&config.elasticsearch)? };
    let kibana = Kibana::new(&connection)?;
    let mut streams = Vec::new();
    for definition in config.shown_streams().iter().map(Config::definition) {
        kibana.import(&lines(&config.elasticsearch.index_prefix, &definition)).await?;
        streams.push(definition.stream.name);
    }
    kibana.ignore_filters_on_missing_fields().await?;
    Ok(streams)
}

/// The objects of a stream, one a line: its own, or those made from its descriptor.
fn lines(prefix: &str, definition: &Definition) -> String {
    if let Some(own) = definition.kibana_objects().filter(|_| prefix == PREFIX) {
        return own.to_owned();
    }
    let objects = kibana_objects(prefix, definition.stream);
    objects.iter().map(|object| format!("{object}\n")).collect()
}

#[cfg(test)]
mod tests {
    use pulso_streams::Streams;

    use super::*;

    #[test]
    fn every_stream_has_a_dashboard_under_every_prefix() {
        for definition in Streams::brought().iter() {
            let name = definition.stream.name;
            let generated = format!("\"id\":\"mine-stream-{name}\"");
            assert!(lines("mine", definition).contains(&generated), "{name}");
            let lines = lines(PREFIX, definition);
            assert!(lines.contains("\"type\":\"dashboard\""), "{name}");
            let own = definition.kibana_objects().is_some();
            assert_ne!(lines.contains(&format!("\"id\":\"pulso-stream-{name}\"")), own, "{name}");
        }
    }
}
