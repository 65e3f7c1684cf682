//! An error names its true cause and the setting to change.

use std::time::Duration;

use pulso_kafka::{
    Cause, Connection, Error, KafkaSource, Lease, LeaseOptions, SourceOptions, Tls, check, set_up,
};
use pulso_pipeline::{AdapterError, Retry, Sink};

use crate::support::{at, log, messages, soon, topics};

/// The whole error in one line, as programs print it.
pub(crate) fn chain(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// A connection to port 1, where nobody listens. An error that took all of the time limit has not
/// noticed that connections are refused.
fn nowhere() -> Connection {
    Connection { timeout: Duration::from_mins(5), ..at("127.0.0.1:1") }
}

fn assert_unreachable(error: &Error) {
    assert_eq!((error.cause(), error.retry()), (Some(Cause::Unreachable), Retry::Backoff));
    let chain = chain(error);
    assert!(chain.contains("Connection refused"), "{chain}");
    assert!(error.hint().unwrap().contains("`kafka.brokers`"));
}

#[tokio::test]
async fn brokers_that_are_not_there() {
    let topics = topics("nowhere", 2);
    assert_unreachable(&soon(check(&nowhere(), &topics)).await.unwrap_err());
    assert_unreachable(&soon(set_up(&nowhere(), &topics)).await.unwrap_err());
    let error = soon(log(&nowhere(), &topics).write(messages(0..2))).await.unwrap_err();
    assert_unreachable(&error);
    let options = SourceOptions::new(&topics.messages, 2, 10);
    assert_unreachable(&soon(KafkaSource::open(&nowhere(), options)).await.unwrap_err());
    let mut lease = Lease::join(&nowhere(), LeaseOptions::new("lease", "group")).unwrap();
    assert_unreachable(&soon(lease.acquire()).await.unwrap_err());
}

#[tokio::test]
async fn a_file_that_is_not_there() {
    let tls = Tls { certificate_authority: Some("/nowhere/ca.pem".into()), ..Tls::default() };
    let connection = Connection { tls: Some(tls), ..nowhere() };
    let error = check(&connection, &topics("no-file", 1)).await.unwrap_err();
    assert_eq!((error.cause(), error.retry()), (Some(Cause::Settings), Retry::No));
    assert!(chain(&error).contains("ssl.ca.location"), "{}", chain(&error));
    assert!(error.hint().unwrap().contains("`kafka`"));
}
