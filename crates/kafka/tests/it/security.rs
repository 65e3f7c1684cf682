//! Encrypted connections, client certificates and passwords, and the errors when they do not match.

use pulso_kafka::{Cause, Connection, Mechanism, Sasl, Tls, Topics, check, set_up};
use pulso_pipeline::{AdapterError, Secret, Sink};
use pulso_testkit::servers::{Certificates, Kafka, KafkaOptions, PASSWORD, USER};

use crate::failures::chain;
use crate::support::{at, log, messages, read, source, topics};

fn tls(certificates: &Certificates) -> Tls {
    Tls { certificate_authority: Some(certificates.ca()), ..Tls::default() }
}

fn scram(mechanism: Mechanism, password: &str) -> Option<Sasl> {
    Some(Sasl { mechanism, username: USER.into(), password: Secret::new(password) })
}

async fn writes_and_reads(connection: &Connection, topics: &Topics) {
    set_up(connection, topics).await.unwrap();
    log(connection, topics).write(messages(0..10)).await.unwrap();
    read(&mut source(connection, topics).await, 10).await;
}

async fn refused(connection: &Connection, topics: &Topics, cause: Cause, setting: &str) {
    let error = check(connection, topics).await.unwrap_err();
    let hint = error.hint().unwrap();
    assert_eq!(error.cause(), Some(cause), "{}", chain(&error));
    assert!(hint.contains(setting), "{hint}");
    assert!(!chain(&error).contains("wrong-password"), "{}", chain(&error));
}

#[tokio::test]
async fn connections_are_as_secure_as_configured() {
    let options = KafkaOptions { secure: true, ..KafkaOptions::default() };
    let Some(kafka) = Kafka::start_with(&options) else { return };
    let certificates = kafka.certificates();
    let [certificate, key] = certificates.client();
    let topics = topics("security", 2);
    let name = |name: &str| Topics { messages: format!("{name}-messages"), ..topics.clone() };

    let with_certificate = Tls { certificate: Some((certificate, key)), ..tls(certificates) };
    let tls_only = Connection { tls: Some(with_certificate), ..at(&kafka.tls_brokers()) };
    writes_and_reads(&tls_only, &name("tls")).await;
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let sasl = Connection {
            tls: Some(tls(certificates)),
            sasl: scram(mechanism, PASSWORD),
            ..at(&kafka.sasl_brokers())
        };
        writes_and_reads(&sasl, &name(mechanism.name())).await;
    }

    let quick = std::time::Duration::from_secs(4);
    let sasl = Connection {
        timeout: quick,
        tls: Some(tls(certificates)),
        sasl: scram(Mechanism::ScramSha512, "wrong-password"),
        ..at(&kafka.sasl_brokers())
    };
    refused(&sasl, &topics, Cause::Authentication, "`kafka.password`").await;
    let stranger =
        Tls { certificate_authority: Some(certificates.stranger_ca()), ..Tls::default() };
    let untrusted = Connection { tls: Some(stranger), ..sasl };
    refused(&untrusted, &topics, Cause::Tls, "`kafka.certificate_authority`").await;
    let nameless =
        Connection { timeout: quick, tls: Some(tls(certificates)), ..at(&kafka.tls_brokers()) };
    refused(&nameless, &topics, Cause::Tls, "`kafka.certificate`").await;
    let unencrypted = Connection { timeout: quick, ..at(&kafka.tls_brokers()) };
    refused(&unencrypted, &topics, Cause::Unreachable, "`kafka.tls`").await;
}
