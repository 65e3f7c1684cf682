//! What the simulator says that it wrote is in the log: through rotation, connections that are cut, and kills.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::time::Duration;

use pulso_simulator::clicks::{self, ClicksConfig};
use pulso_simulator::requests::{Generator, RequestsConfig};
use pulso_simulator::send::{
    Destination, Framing, Rotate, Rotation, SendConfig, Sent, SyslogFormat, Transport, send,
};
use pulso_simulator::{Clock, Config, EventTime, Faults, Input, Pace, Simulator, Stall};
use tokio_util::sync::CancellationToken;

use crate::file::{counts, kill, log, start, until_stored};
use crate::senders::{Program, configured};

const MESSAGES: u64 = 3000;

/// How often acquisition is killed while a file is written.
const KILLS: usize = 15;

fn requests() -> RequestsConfig {
    let per_second = NonZeroU32::new(5).unwrap();
    let event_time = EventTime::Paced { start_ms: 1_767_225_600_000, per_second };
    RequestsConfig { event_time, ..RequestsConfig::default() }
}

/// How often each line is in what the simulator writes: equal requests are two.
fn written(messages: u64) -> BTreeMap<Vec<u8>, u64> {
    let mut lines = BTreeMap::new();
    let generator = Generator::new(requests(), Clock::new(|| 0));
    for (_, request) in (0..messages).zip(generator) {
        *lines.entry(request.line.into_bytes()).or_default() += 1;
    }
    lines
}

fn config(to: Destination) -> SendConfig {
    let messages_max = Some(MESSAGES);
    SendConfig { messages_max, ..SendConfig::new(Input::Requests(requests()), to) }
}

async fn sent(config: SendConfig) -> Sent {
    let sent = send(config, CancellationToken::new()).await.unwrap();
    assert_eq!(sent.messages, MESSAGES);
    sent
}

async fn check_file(rotation: Rotation) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("pulso.toml"), crate::file::CONFIG).unwrap();
    fs::create_dir(directory.path().join("logs")).unwrap();
    let path = directory.path().join("logs/app.log");
    let stall = Some(Stall { every: 100, length: Duration::from_millis(30) });
    // Some seconds, in which acquisition is killed.
    let pace = Pace::Rate(NonZeroU32::new(600).unwrap());
    let to = Destination::File { path, rotation };
    let writing = tokio::spawn(sent(SendConfig { stall, pace, ..config(to) }));
    for _ in 0..KILLS {
        let program = start(directory.path());
        tokio::time::sleep(Duration::from_millis(300)).await;
        kill(program);
    }
    let sent = writing.await.unwrap();
    assert!(sent.rotations > 20 && sent.stalls > 20, "{sent}");
    let log = log(directory.path());
    let program = start(directory.path());
    until_stored(&log, MESSAGES).await;
    kill(program);
    // What would come again comes before this.
    let last = directory.path().join("logs/app.log.last");
    let program = start(directory.path());
    fs::write(last, "the last line\n").unwrap();
    until_stored(&log, MESSAGES + 1).await;
    kill(program);
    let mut expected = written(MESSAGES);
    expected.insert(b"the last line".to_vec(), 1);
    compare(&counts(&log).await, &expected);
}

fn compare(stored: &BTreeMap<Vec<u8>, u64>, expected: &BTreeMap<Vec<u8>, u64>) {
    let wrong = |(line, count): &(&Vec<u8>, &u64)| expected.get(*line) != Some(*count);
    let more: Vec<_> = stored.iter().filter(wrong).collect();
    let missing = expected.keys().filter(|line| !stored.contains_key(*line)).count();
    let first = more.first().map(|(line, count)| (String::from_utf8_lossy(line), **count));
    assert!(
        more.is_empty() && missing == 0,
        "{} wrong, such as {first:?}; {missing} missing",
        more.len()
    );
}

#[tokio::test]
async fn a_file_that_is_renamed_inside_a_line_comes_once_through_kills() {
    check_file(Rotation {
        lines: Some(97),
        inside_line: true,
        compress: true,
        ..Rotation::default()
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_copied_and_cut_comes_once_through_kills() {
    let how = Rotate::CopyTruncate;
    check_file(Rotation { how, lines: Some(97), compress: true, ..Rotation::default() }).await;
}

/// Sends to a program that goes on, over connections that are cut; each line comes once, and beside them what was cut.
async fn check_connection(source: &str, to: impl Fn(String) -> Destination) {
    let directory = configured(&[source]);
    let program = Program::start(directory.path(), 1);
    let to = to(program.addresses[0].to_string());
    let sent = sent(SendConfig { cut_every: Some(250), ..config(to) }).await;
    assert_eq!((sent.cuts, sent.broken), (11, 0));
    let log = log(directory.path());
    until_stored(&log, MESSAGES + sent.cuts).await;
    program.stop();
    let (mut stored, expected) = (counts(&log).await, written(MESSAGES));
    let halves = stored.extract_if(.., |line, _| !expected.contains_key(line));
    assert_eq!(halves.map(|(_, count)| count).sum::<u64>(), sent.cuts);
    compare(&stored, &expected);
}

#[tokio::test]
async fn each_line_over_tcp_comes_once_and_a_cut_one_its_half_before() {
    check_connection("protocol = \"tcp\"", |address| Destination::Tcp { address }).await;
}

#[tokio::test]
async fn each_message_of_syslog_comes_once_in_all_formats_and_framings() {
    let source = "protocol = \"syslog\"\ntransport = \"tcp\"";
    for (format, framing) in [
        (SyslogFormat::Rfc3164, Framing::Lines),
        (SyslogFormat::Rfc3164, Framing::Counted),
        (SyslogFormat::Rfc5424, Framing::Lines),
        (SyslogFormat::Rfc5424, Framing::Counted),
    ] {
        let transport = Transport::Tcp(framing);
        check_connection(source, |address| Destination::Syslog { address, transport, format })
            .await;
    }
}

#[tokio::test]
async fn each_datagram_of_syslog_comes_once() {
    for format in [SyslogFormat::Rfc3164, SyslogFormat::Rfc5424] {
        let directory = configured(&["protocol = \"syslog\""]);
        let program = Program::start(directory.path(), 1);
        let (address, transport) = (program.addresses[0].to_string(), Transport::Udp);
        let to = Destination::Syslog { address, transport, format };
        // Nothing makes a sender wait, so it is no faster than any reader.
        let pace = Pace::Rate(NonZeroU32::new(1500).unwrap());
        assert_eq!(sent(SendConfig { pace, ..config(to) }).await.broken, 0);
        let log = log(directory.path());
        until_stored(&log, MESSAGES).await;
        program.stop();
        compare(&counts(&log).await, &written(MESSAGES));
    }
}

/// What was sent and is not in the log was on its way, or in a buffer: it is the end of what the connection brought.
#[tokio::test]
async fn what_a_kill_takes_from_a_connection_is_its_end() {
    let directory = configured(&["protocol = \"tcp\""]);
    let program = Program::start(directory.path(), 1);
    let address = program.addresses[0].to_string();
    let shutdown = CancellationToken::new();
    let config = SendConfig { messages_max: None, ..config(Destination::Tcp { address }) };
    let sending = tokio::spawn(send(config, shutdown.clone()));
    let log = log(directory.path());
    until_stored(&log, MESSAGES).await;
    drop(program);
    shutdown.cancel();
    let sent = sending.await.unwrap().unwrap();
    let stored = log.end_offsets().await.unwrap().messages_before();
    assert!((MESSAGES..=sent.messages + 1).contains(&stored), "{stored} of {sent}");
    compare(&counts(&log).await, &written(stored));
}

/// The stream of clicks goes on after a cut where it was, but for the message that was cut.
#[tokio::test]
async fn each_line_over_http_comes_once_but_for_those_that_were_cut() {
    let clicks = ClicksConfig { event_time: requests().event_time, ..ClicksConfig::default() };
    let all: Vec<_> = clicks::Generator::new(clicks.clone(), Clock::new(|| 0)).take(2000).collect();
    let simulator = Simulator::bind(Config {
        messages_max: Some(2000),
        exit_at_end: true,
        faults: Faults { cut_every: Some(300), ..Faults::default() },
        ..Config::new(Input::Clicks(clicks), Pace::Unlimited)
    });
    let simulator = simulator.await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let source = format!(
        "[operations]\nacquisition = \"off\"\n[[acquisition.sources]]\nname = \"clicks\"\n\
         protocol = \"http\"\nurl = \"http://{}/\"\n",
        simulator.local_addr()
    );
    fs::write(directory.path().join("pulso.toml"), source).unwrap();
    let program = start(directory.path());
    simulator.run(CancellationToken::new()).await.unwrap();
    let mut expected = BTreeMap::new();
    for (_, click) in all.into_iter().enumerate().filter(|(number, _)| number % 301 != 300) {
        *expected.entry(click.line.into_bytes()).or_default() += 1;
    }
    let log = log(directory.path());
    until_stored(&log, expected.values().sum()).await;
    kill(program);
    compare(&counts(&log).await, &expected);
}
