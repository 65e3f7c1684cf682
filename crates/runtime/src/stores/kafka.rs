//! From the configuration to the plain values of the Kafka adapter.

use pulso_kafka::{
    Connection, LeaseOptions, LogOptions, Mechanism, Sasl, SourceOptions, Tls, Topics,
};

use pulso_pipeline::Secret;

use super::StoreError;
use crate::Config;
use crate::config::{self, Lost, SaslMechanism};

/// How to reach the brokers; reads the files of secrets.
///
/// # Errors
/// When a secret cannot be read.
pub(super) fn connection(config: &Config) -> Result<Connection, StoreError> {
    let config::Kafka { brokers, client, tls, sasl, timeout, .. } = &config.kafka;
    let secret = |secret: &config::Secret| secret.reveal().map(Secret::new);
    let tls = match tls {
        None => None,
        Some(config::Tls { certificate_authority, certificate, key_password }) => Some(Tls {
            certificate_authority: certificate_authority.clone(),
            certificate: certificate.clone(),
            key_password: key_password.as_ref().map(secret).transpose()?,
        }),
    };
    let sasl = match sasl {
        None => None,
        Some((mechanism, config::Login { username, password })) => Some(Sasl {
            mechanism: match mechanism {
                SaslMechanism::Plain => Mechanism::Plain,
                SaslMechanism::ScramSha256 => Mechanism::ScramSha256,
                SaslMechanism::ScramSha512 => Mechanism::ScramSha512,
            },
            username: username.clone(),
            password: secret(password)?,
        }),
    };
    let (brokers, client, timeout) = (brokers.clone(), client.clone(), *timeout);
    Ok(Connection { brokers, client, tls, sasl, timeout })
}

/// The name of what a stream has in Kafka.
fn name(config: &Config, what: &str) -> String {
    format!("{}-{}-{what}", config.kafka.topic_prefix, config.stream)
}

pub(super) fn messages(config: &Config) -> String {
    name(config, "messages")
}

pub(super) fn dead_letters(config: &Config) -> String {
    name(config, "dead-letters")
}

fn lease(config: &Config) -> String {
    name(config, "lease")
}

/// How messages are written.
pub(super) fn log_options(config: &Config) -> LogOptions {
    let message_bytes_max = config.acquisition.message_bytes_max.as_usize();
    let options = LogOptions::new(&messages(config), config.log.partitions);
    LogOptions { message_bytes_max, ..options }
}

pub(super) fn dead_letter_options(config: &Config) -> LogOptions {
    LogOptions { topic: dead_letters(config), ..log_options(config) }
}

pub(super) fn source_options(config: &Config) -> SourceOptions {
    let (partitions, batch_records) = (config.log.partitions, config.log.batch_records);
    let lost = match config.kafka.lost {
        Lost::Refuse => pulso_kafka::Lost::Refuse,
        Lost::Skip => pulso_kafka::Lost::Skip,
    };
    let options = SourceOptions::new(&messages(config), partitions, batch_records);
    SourceOptions { lost, ..options }
}

pub(super) fn lease_options(config: &Config) -> LeaseOptions {
    LeaseOptions::new(&lease(config), &name(config, "speed"))
}

pub(super) fn topics(config: &Config) -> Topics {
    let kafka = &config.kafka;
    Topics {
        messages: messages(config),
        partitions: config.log.partitions,
        dead_letters: dead_letters(config),
        lease: lease(config),
        replication: kafka.replication,
        retention: kafka.retention,
        message_bytes_max: config.acquisition.message_bytes_max.as_usize(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_has_topics_and_a_group_of_its_own() {
        let mut config = Config::default();
        let names = |config: &Config| {
            let topics = topics(config);
            let lease = lease_options(config);
            assert_eq!(log_options(config).topic, topics.messages);
            assert_eq!(source_options(config).topic, topics.messages);
            assert_eq!(dead_letter_options(config).topic, topics.dead_letters);
            assert_eq!(lease.topic, topics.lease);
            [topics.messages, topics.dead_letters, topics.lease, lease.group]
        };
        let expected = |stream: &str| {
            ["messages", "dead-letters", "lease", "speed"]
                .map(|what| format!("pulso-{stream}-{what}"))
        };
        assert_eq!(names(&config), expected(Config::STREAM));
        assert_eq!(names(&config.of_stream("posts").unwrap()), expected("posts"));
        config.kafka.topic_prefix = "b.eu".to_owned();
        assert_eq!(names(&config)[0], format!("b.eu-{}-messages", Config::STREAM));
    }
}
