//! The servers that tests start: they answer, keep their data, and end when they should.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use pulso_testkit::servers::{self, Elasticsearch, Generation, Kafka, KafkaOptions};

/// Sends a request for the versions that a broker speaks, the first thing a client asks.
fn speaks_kafka(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // Length, api key 18 and version 0, correlation 7, a client without a name.
    stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 255, 255]).unwrap();
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).is_ok() && answer[4..] == [0, 0, 0, 7, 0, 0]
}

#[test]
fn shared_servers_answer() {
    let Some(brokers) = servers::kafka() else { return };
    assert!(speaks_kafka(brokers.split(',').next().unwrap()));
    let Some(url) = servers::elasticsearch() else { return };
    let (status, body) = servers::ask(url, "GET /_cluster/health", "").unwrap();
    assert_eq!(status, 200, "{body}");
    assert_ne!(servers::unique("topic"), servers::unique("topic"));
}

#[test]
fn a_broker_of_its_own_is_killed_stopped_and_comes_back() {
    let options = KafkaOptions { secure: true, ..KafkaOptions::default() };
    let Some(mut kafka) = Kafka::start_with(&options) else { return };
    let brokers = kafka.brokers();
    assert!(speaks_kafka(&brokers));
    assert!(!speaks_kafka(&kafka.sasl_brokers()), "TLS is asked for");
    kafka.kill();
    assert!(!speaks_kafka(&brokers));
    kafka.restart();
    assert!(speaks_kafka(&brokers));
    kafka.stop();
    assert!(!speaks_kafka(&brokers));
    let folder = kafka.folder().to_owned();
    assert!(folder.join("data/meta.properties").exists());
    drop(kafka);
    assert!(!folder.exists());
}

fn check_elasticsearch(generation: Generation) {
    let Some(mut server) = Elasticsearch::start(generation) else { return };
    let url = server.url();
    let document = "PUT /a/_doc/1?refresh=true&wait_for_active_shards=1";
    let (status, body) = servers::ask(&url, document, r#"{"place": "here"}"#).unwrap();
    assert_eq!(status, 201, "{body}");
    server.stop();
    assert_eq!(servers::ask(&url, "GET /a/_doc/1", ""), None);
    server.restart();
    let health = "GET /_cluster/health?wait_for_status=yellow&timeout=60s";
    assert_eq!(servers::ask(&url, health, "").unwrap().0, 200);
    let (status, body) = servers::ask(&url, "GET /a/_doc/1", "").unwrap();
    assert!(status == 200 && body.contains("here"), "{body}");
}

#[test]
fn elasticsearch_9_comes_back_with_its_documents() {
    check_elasticsearch(Generation::Nine);
}

#[test]
fn elasticsearch_8_comes_back_with_its_documents() {
    check_elasticsearch(Generation::Eight);
}
