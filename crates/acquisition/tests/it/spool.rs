//! A broker that is killed while messages come in, and a program that is killed while they wait.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use pulso_acquisition::{AtLimit, Spool, SpooledLog};
use pulso_kafka::{Connection, KafkaLog, KafkaSource, LogOptions, SourceOptions, Topics, set_up};
use pulso_model::WallTime;
use pulso_pipeline::{Message, Sink, Source};
use pulso_testkit::message::{EPOCH, message};
use pulso_testkit::rsvp_id;
use pulso_testkit::servers::Kafka;
use tempfile::TempDir;

const PARTITIONS: u32 = 3;
const ROOMY: u64 = 1 << 30;

/// Names the folder of the spool to a child of this test, and the brokers.
const CHILD: &str = "PULSO_TEST_SPOOL";
const BROKERS: &str = "PULSO_TEST_BROKERS";

fn messages(ids: std::ops::Range<i64>) -> Vec<Message> {
    let made = |id| message(id, EPOCH + id * 1000).received(WallTime(EPOCH + id * 1000));
    ids.map(made).collect()
}

fn connection(brokers: &str) -> Connection {
    Connection { timeout: Duration::from_secs(5), ..Connection::plain([brokers]) }
}

async fn topic(connection: &Connection) -> Topics {
    let topics = Topics {
        messages: "messages".into(),
        partitions: PARTITIONS,
        dead_letters: "dead-letters".into(),
        lease: "lease".into(),
        replication: 1,
        retention: None,
        message_bytes_max: 1024 * 1024,
    };
    set_up(connection, &topics).await.unwrap();
    topics
}

async fn open(connection: &Connection, folder: &Path) -> SpooledLog<KafkaLog> {
    let delivery_timeout = Duration::from_secs(1);
    let options = LogOptions { delivery_timeout, ..LogOptions::new("messages", PARTITIONS) };
    let log = KafkaLog::new(connection, options).unwrap();
    let spool = Spool::open(&folder.join("spool.db"), ROOMY).unwrap();
    SpooledLog::open("rsvps", log, spool, AtLimit::Wait).await.unwrap()
}

/// The ids of all messages in the log, of each the first time, by partition.
async fn stored(connection: &Connection) -> Vec<Vec<i64>> {
    let options = SourceOptions::new("messages", PARTITIONS, 10_000);
    let mut source = KafkaSource::open(connection, options).await.unwrap();
    let (mut stored, mut seen) = (vec![Vec::new(); PARTITIONS as usize], BTreeSet::new());
    loop {
        let batch = source.next_batch().await.unwrap();
        if batch.records.is_empty() {
            return stored;
        }
        for record in batch.records {
            let id = rsvp_id(&record.payload).unwrap();
            if seen.insert(id) {
                stored[record.partition as usize].push(id);
            }
        }
    }
}

fn assert_all(stored: &[Vec<i64>], count: i64) {
    assert_eq!(stored.iter().map(Vec::len).sum::<usize>(), usize::try_from(count).unwrap());
    assert!(stored.iter().all(|ids| ids.is_sorted()), "none is overtaken by a later one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_twice_gets_everything_in_order() {
    let Some(mut kafka) = Kafka::start() else { return };
    let connection = connection(&kafka.brokers());
    topic(&connection).await;
    let folder = TempDir::new().unwrap();
    let mut log = open(&connection, folder.path()).await;
    let mut id = 0;
    let mut write = async |log: &mut SpooledLog<KafkaLog>| {
        for _ in 0..30 {
            log.write(messages(id..id + 10)).await.unwrap();
            id += 10;
        }
        id
    };
    for _ in 0..2 {
        write(&mut log).await;
        kafka.kill();
        write(&mut log).await;
        assert!(log.handle().level().borrow().messages > 0, "they wait");
        kafka.restart();
        write(&mut log).await;
    }
    let handle = log.handle();
    tokio::time::timeout(Duration::from_secs(60), handle.drained()).await.unwrap();
    let count = write(&mut log).await;
    assert_all(&stored(&connection).await, count);
}

/// Not a test of its own: what [`a_program_that_is_killed_loses_nothing_acknowledged`] kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let (Some(folder), Ok(brokers)) = (env::var_os(CHILD), env::var(BROKERS)) else { return };
    let mut log = open(&connection(&brokers), Path::new(&folder)).await;
    let first: i64 =
        std::fs::read_to_string(Path::new(&folder).join("next")).unwrap().parse().unwrap();
    let mut lines = std::io::stdout();
    for id in (first..).step_by(5) {
        log.write(messages(id..id + 5)).await.unwrap();
        writeln!(lines, "acknowledged {}", id + 5).unwrap();
        lines.flush().unwrap();
    }
}

/// Kills a program while it writes; gives the id up to which it had acknowledged messages.
fn run_and_kill(folder: &Path, brokers: &str, first: i64, writes: usize) -> i64 {
    std::fs::write(folder.join("next"), first.to_string()).unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["spool::child", "--exact", "--nocapture"])
        .env(CHILD, folder)
        .env(BROKERS, brokers)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let acknowledged = lines
        .map_while(Result::ok)
        .filter_map(|line| line.rsplit_once("acknowledged ")?.1.parse().ok())
        .nth(writes)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_loses_nothing_acknowledged() {
    let Some(mut kafka) = Kafka::start() else { return };
    let (brokers, folder) = (kafka.brokers(), TempDir::new().unwrap());
    let connection = connection(&brokers);
    topic(&connection).await;
    // What is not acknowledged is written again, as a source sends it again.
    let mut next = run_and_kill(folder.path(), &brokers, 0, 20);
    kafka.kill();
    for writes in [3, 40, 11] {
        next = run_and_kill(folder.path(), &brokers, next, writes);
    }
    kafka.restart();
    // While it drains, in the middle of it.
    next = run_and_kill(folder.path(), &brokers, next, 4);
    let log = open(&connection, folder.path()).await;
    tokio::time::timeout(Duration::from_secs(60), log.handle().drained()).await.unwrap();
    let stored = stored(&connection).await;
    let ids: BTreeSet<i64> = stored.iter().flatten().copied().collect();
    let missing: Vec<i64> = (0..next).filter(|id| !ids.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?} were acknowledged up to {next}");
}
