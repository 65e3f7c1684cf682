//! Making what servers need before the first message, and looking whether it is there.

use anyhow::Context;

use super::{StoreError, elasticsearch, kafka, kibana};
use crate::config::{LogStore, ViewStore, format_duration};
use crate::{Config, ExplainExt};

/// Makes topics of the streams that are served, templates and aliases of those that are shown, and brings
/// their dashboards to Kibana; returns a line for each server.
///
/// # Errors
/// With exit code 3 when a server cannot be had, or has what does not fit.
pub async fn set_up(config: &Config) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    if config.log.store == LogStore::Kafka {
        let done = async {
            let connection = kafka::connection(config)?;
            for config in config.each_stream() {
                pulso_kafka::set_up(&connection, &kafka::topics(&config)).await?;
            }
            Ok::<_, StoreError>(())
        };
        done.await.explained().context("failed to set up Kafka")?;
        lines.push(format!("{}: set up", kafka_name(config)));
    }
    if config.views.store == ViewStore::Elasticsearch {
        let done = async { Ok::<_, StoreError>(elasticsearch::views(config)?.set_up().await?) };
        done.await.explained().context("failed to set up Elasticsearch")?;
        lines.push(format!("{}: set up", elasticsearch_name(config)));
    }
    if let Some(url) = &config.kibana.url {
        let url = elasticsearch::shown(url);
        let brought = kibana::bring_dashboards(config).await.explained();
        let streams = brought.context("failed to set up Kibana")?;
        lines.push(format!("kibana `{url}`: brought dashboards of {}", streams.join(", ")));
    }
    if lines.is_empty() {
        let folder = config.data.directory.display();
        lines.push(format!("log and views are in `{folder}`, where nothing has to be set up"));
    }
    Ok(lines)
}

/// Has Kafka keep messages and dead letters for as long as the configuration says; `None` for the
/// embedded log, which keeps all.
///
/// # Errors
/// With exit code 3 when Kafka cannot be had, or does not let this user.
pub async fn retain_log(config: &Config) -> anyhow::Result<Option<String>> {
    if config.log.store == LogStore::Embedded {
        return Ok(None);
    }
    let changed = async {
        let connection = kafka::connection(config)?;
        let topics = kafka::topics(config);
        for topic in [&topics.messages, &topics.dead_letters] {
            pulso_kafka::set_retention(&connection, topic, config.kafka.retention).await?;
        }
        Ok::<_, StoreError>(())
    };
    changed.await.explained()?;
    let kept = config
        .kafka
        .retention
        .map_or("for ever".to_owned(), |age| format!("for {}", format_duration(age)));
    Ok(Some(format!("{}: keeps messages {kept}", kafka_name(config))))
}

/// Asks Kafka whether the log is in order; `None` for the embedded log, of which its users know more.
///
/// # Errors
/// With exit code 3 when it is not.
pub async fn check_log(config: &Config) -> anyhow::Result<Option<String>> {
    if config.log.store == LogStore::Embedded {
        return Ok(None);
    }
    let asked = async {
        let connection = kafka::connection(config)?;
        Ok::<_, StoreError>(pulso_kafka::check(&connection, &kafka::topics(config)).await?)
    };
    asked.await.explained()?;
    let partitions = config.log.partitions;
    Ok(Some(format!("{}: ok, {partitions} partitions", kafka_name(config))))
}

/// The same for Elasticsearch.
///
/// # Errors
/// With exit code 3 when it is not.
pub async fn check_views(config: &Config) -> anyhow::Result<Option<String>> {
    if config.views.store == ViewStore::Embedded {
        return Ok(None);
    }
    let asked = async { Ok::<_, StoreError>(elasticsearch::views(config)?.check().await?) };
    asked.await.explained()?;
    Ok(Some(format!("{}: ok", elasticsearch_name(config))))
}

fn kafka_name(config: &Config) -> String {
    format!("kafka `{}`", config.kafka.brokers.join(","))
}

fn elasticsearch_name(config: &Config) -> String {
    let urls: Vec<_> = config.elasticsearch.urls.iter().map(elasticsearch::shown).collect();
    format!("elasticsearch `{}`", urls.join(","))
}
