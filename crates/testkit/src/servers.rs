//! Real servers for tests: Kafka and Elasticsearch from the jars that their projects release.
//!
//! They need only Java and Maven. The jars are downloaded once per machine and user, see `jars`.
//! [`kafka`] and [`elasticsearch`] are shared by all test programs that run at the same time or
//! shortly one after another, so every test uses names of its own ([`unique`]). They end by
//! themselves when no test program needs them any more, however it ended. Tests that stop, kill or
//! restart a server start their own: [`Kafka::start`], [`Elasticsearch::start`].
//!
//! Calls block: a server takes seconds to start, and the test has nothing to do in the meantime.

mod ask;
mod certificates;
mod elasticsearch;
mod jars;
mod java;
mod kafka;
mod process;

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::{Mutex, OnceLock};

pub use ask::ask;
pub use certificates::Certificates;
pub use elasticsearch::{Elasticsearch, Generation};
pub use kafka::{Kafka, KafkaOptions, PASSWORD, USER};

use process::Shared;

/// The variables that name servers which are already running.
const KAFKA_VARIABLE: &str = "KAFKA_BROKERS";
const ELASTICSEARCH_VARIABLE: &str = "ELASTICSEARCH_URL";
/// Set to 1 where no test may be skipped.
const REQUIRE_VARIABLE: &str = "PULSO_REQUIRE_SERVERS";

/// How long an unused server waits for the next test program of the same run.
const LINGER_SECONDS: i64 = 20;

/// What the tests of this process use of a shared server.
#[derive(Debug)]
struct Found {
    address: String,
    /// Keeps the server running for as long as this process lives.
    _shared: Option<Shared>,
}

/// The addresses of a Kafka cluster, `host:port,...`. Returns `None`, and prints a clear line, if
/// there is none.
pub fn kafka() -> Option<&'static str> {
    static FOUND: OnceLock<Option<Found>> = OnceLock::new();
    let find = || find(KAFKA_VARIABLE, || kafka::shared(LINGER_SECONDS));
    FOUND.get_or_init(find).as_ref().map(|found| &*found.address)
}

/// The URL of Elasticsearch. Returns `None`, and prints a clear line, if there is none.
pub fn elasticsearch() -> Option<&'static str> {
    static FOUND: OnceLock<Option<Found>> = OnceLock::new();
    let find = || find(ELASTICSEARCH_VARIABLE, || elasticsearch::shared(LINGER_SECONDS));
    FOUND.get_or_init(find).as_ref().map(|found| &*found.address)
}

/// Starts both and leaves them running until [`stop_all`], for developers who run tests often.
pub fn start_all() -> Option<[String; 2]> {
    let mut kafka = available(kafka::shared(LINGER_SECONDS))?;
    let mut elasticsearch = available(elasticsearch::shared(LINGER_SECONDS))?;
    kafka.stay();
    elasticsearch.stay();
    Some([kafka.address().to_owned(), elasticsearch.address().to_owned()])
}

/// The addresses of the shared servers that are running.
pub fn running() -> [Option<String>; 2] {
    [kafka::running(), elasticsearch::running()]
}

/// Stops the shared servers, even if tests use them.
pub fn stop_all() {
    kafka::stop_shared();
    elasticsearch::stop_shared();
}

/// A name for topics and indices that no other test uses, now or later: lower case, with `-`.
pub fn unique(name: &str) -> String {
    format!("{name}-{:08x}", RandomState::new().hash_one(name) >> 32)
}

fn find(variable: &str, start: impl FnOnce() -> Result<Shared, Missing>) -> Option<Found> {
    match env::var(variable) {
        Ok(address) if !address.is_empty() => Some(Found { address, _shared: None }),
        _ => available(start())
            .map(|shared| Found { address: shared.address().to_owned(), _shared: Some(shared) }),
    }
}

/// Why there can be no server on this machine: what is missing, and the command that installs it.
#[derive(Debug)]
struct Missing(String);

/// Says what is missing, once per process and reason. Fails the test where servers are required.
fn available<T>(server: Result<T, Missing>) -> Option<T> {
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    match server {
        Ok(server) => Some(server),
        Err(Missing(why)) => {
            let required = env::var(REQUIRE_VARIABLE).is_ok_and(|value| value == "1");
            assert!(!required, "{REQUIRE_VARIABLE}=1, but {why}");
            let mut said = SAID.lock().unwrap();
            if !said.contains(&why) {
                // Not `eprintln`, which the test harness shows for failed tests only.
                let mut terminal = io::stderr();
                writeln!(terminal, "SKIPPED tests on real servers: {why}").unwrap();
                said.push(why);
            }
            None
        }
    }
}
