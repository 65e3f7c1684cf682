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

/// How messages are written.
pub(super) fn log_options(config: &Config) -> LogOptions {
    let message_bytes_max = config.acquisition.message_bytes_max.as_usize();
    let options = LogOptions::new(&config.kafka.messages_topic, config.log.partitions);
    LogOptions { message_bytes_max, ..options }
}

pub(super) fn dead_letter_options(config: &Config) -> LogOptions {
    LogOptions { topic: config.kafka.dead_letters_topic.clone(), ..log_options(config) }
}

pub(super) fn source_options(config: &Config) -> SourceOptions {
    let (partitions, batch_records) = (config.log.partitions, config.log.batch_records);
    let lost = match config.kafka.lost {
        Lost::Refuse => pulso_kafka::Lost::Refuse,
        Lost::Skip => pulso_kafka::Lost::Skip,
    };
    let options = SourceOptions::new(&config.kafka.messages_topic, partitions, batch_records);
    SourceOptions { lost, ..options }
}

pub(super) fn lease_options(config: &Config) -> LeaseOptions {
    LeaseOptions::new(&config.kafka.lease_topic, &config.kafka.group)
}

pub(super) fn topics(config: &Config) -> Topics {
    let kafka = &config.kafka;
    Topics {
        messages: kafka.messages_topic.clone(),
        partitions: config.log.partitions,
        dead_letters: kafka.dead_letters_topic.clone(),
        lease: kafka.lease_topic.clone(),
        replication: kafka.replication,
        retention: kafka.retention,
        message_bytes_max: config.acquisition.message_bytes_max.as_usize(),
    }
}
