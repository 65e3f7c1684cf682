mod clicks;
mod posts;

use std::num::NonZeroU32;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::DuplexStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async, connect_async};

use super::*;
use crate::clock::Clock;
use crate::config::{EventTime, Faults, Input, Pace, Stall};
use crate::rsvps::{Generator, SyntheticConfig};

/// Big enough for a mebibyte, small enough that an unlimited stream has to wait for its reader.
const PIPE_BYTES: usize = 1 << 16;

fn synthetic() -> SyntheticConfig {
    let event_time =
        EventTime::Paced { start_ms: 1_767_225_600_000, per_second: NonZeroU32::new(500).unwrap() };
    // Without repeats, so that a test can tell all messages apart.
    SyntheticConfig {
        topics: 200,
        groups: 100,
        event_time,
        repeat_share: 0.0,
        ..SyntheticConfig::default()
    }
}

fn config(messages: u64) -> Config {
    Config {
        messages_max: Some(messages),
        exit_at_end: true,
        clock: Clock::new(|| 0),
        ..Config::new(Input::Synthetic(synthetic()), Pace::Unlimited)
    }
}

fn expected(count: usize) -> Vec<(i64, String)> {
    let messages = Generator::new(synthetic(), Clock::new(|| 0)).take(count);
    messages.map(|message| (message.mtime_ms, message.payload)).collect()
}

fn payloads(messages: &[(i64, String)]) -> Vec<String> {
    messages.iter().map(|(_, payload)| payload.clone()).collect()
}

/// The server's tasks without a socket, so that time can be paused.
struct Rig {
    shared: Arc<Shared>,
    connections: JoinSet<()>,
    stop: CancellationToken,
}

type Client = WebSocketStream<DuplexStream>;

impl Rig {
    fn start(config: Config) -> Self {
        config.validate().unwrap();
        let source = Source::open(&config.input, config.clock.clone()).unwrap();
        let shared = Arc::new(Shared::new(config, &source));
        let stop = CancellationToken::new();
        tokio::spawn(producer::run(source, Arc::clone(&shared), stop.clone()));
        Self { shared, connections: JoinSet::new(), stop }
    }

    async fn connect(&mut self, query: &str) -> Client {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        spawn_connection(&mut self.connections, &self.shared, far, &self.stop);
        client_async(format!("ws://localhost/{query}"), near).await.unwrap().0
    }
}

/// The next text message, or `None` when the connection has ended in any way.
async fn next_text(client: &mut Client) -> Option<String> {
    loop {
        match client.next().await {
            Some(Ok(Message::Text(text))) => return Some(text.to_string()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

async fn read_all(client: &mut Client) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(text) = next_text(client).await {
        texts.push(text);
    }
    texts
}

async fn read(client: &mut Client, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(next_text(client).await.unwrap());
    }
    texts
}

#[tokio::test]
async fn two_clients_on_a_real_socket_get_the_whole_stream_and_the_server_exits() {
    let simulator = Simulator::bind(Config { wait_for_clients: 2, ..config(700) }).await.unwrap();
    let url = format!("ws://{}/", simulator.local_addr());
    let server = tokio::spawn(simulator.run(CancellationToken::new()));
    let client = async || {
        let (mut socket, _) = connect_async(&url).await.unwrap();
        let mut texts = Vec::new();
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message {
                texts.push(text.to_string());
            }
        }
        texts
    };
    let (first, second) = tokio::join!(client(), client());
    assert_eq!(first, payloads(&expected(700)));
    assert_eq!(first, second);
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_taken_address_and_a_wrong_configuration_are_told_apart() {
    let simulator = Simulator::bind(config(1)).await.unwrap();
    let taken = Config { listen: simulator.local_addr(), ..config(1) };
    assert_eq!(Simulator::bind(taken).await.unwrap_err().exit_code(), 3);
    assert_eq!(
        Simulator::bind(Config { resume_buffer: 1, ..config(1) }).await.unwrap_err().exit_code(),
        2
    );
    let refused = connect_async(format!("ws://{}/?since_mtime=now", simulator.local_addr()));
    let server = tokio::spawn(simulator.run(CancellationToken::new()));
    assert!(refused.await.unwrap_err().to_string().contains("400"));
    server.abort();
}

#[tokio::test(start_paused = true)]
async fn since_mtime_is_strict_from_the_handshake_to_the_last_message() {
    let expected = expected(500);
    // Of a message in the middle: there are late ones after it, and early ones before it.
    let since_ms = expected[250].0;
    let mut rig = Rig::start(config(500));
    let mut client = rig.connect(&format!("?since_mtime={since_ms}")).await;
    let greater = expected.iter().filter(|(mtime_ms, _)| *mtime_ms > since_ms);
    let greater: Vec<String> = greater.map(|(_, payload)| payload.clone()).collect();
    assert_eq!(read_all(&mut client).await, greater);
    assert!(!payloads(&expected).ends_with(&greater), "the stream is not in order of `mtime`");
}

/// With late messages left out, so that a margin of a part of a connection's 300 messages spans all disorder.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_dropped_again_and_again_and_asks_from_a_margin_before_misses_nothing() {
    const MARGIN_MS: i64 = 150;
    const DROP_EVERY: usize = 300;
    let faults = Faults { drop_every: Some(DROP_EVERY as u64), ..Faults::default() };
    let ordered = SyntheticConfig { late_share: 0.0, echo_share: 0.0, ..synthetic() };
    let input = Input::Synthetic(ordered.clone());
    let mut rig = Rig::start(Config { faults, resume_buffer: 800, input, ..config(2000) });
    let expected = Generator::new(ordered, Clock::new(|| 0)).take(2000);
    let expected: Vec<_> = expected.map(|message| (message.mtime_ms, message.payload)).collect();
    let mut stored: Vec<String> = Vec::new();
    let mut since_ms: Option<i64> = None;
    let mut connections = 0;
    while stored.len() < expected.len() {
        let query = since_ms
            .map_or(String::new(), |since_ms| format!("?since_mtime={}", since_ms - MARGIN_MS));
        let mut client = rig.connect(&query).await;
        connections += 1;
        // Some of what arrives before a drop is lost before it is stored.
        let mut received = read_all(&mut client).await;
        if received.len() == DROP_EVERY {
            received.truncate(DROP_EVERY * 3 / 4);
        }
        for text in received {
            let position = expected.iter().position(|(_, payload)| *payload == text).unwrap();
            if position >= stored.len() {
                assert_eq!(text, expected[stored.len()].1, "message {} is missing", stored.len());
                stored.push(text);
                since_ms = since_ms.max(Some(expected[position].0));
            }
        }
        assert!(connections < 200, "no progress");
    }
    assert_eq!(stored, payloads(&expected));
    assert!(connections > 10, "{connections} connections");
}

#[tokio::test(start_paused = true)]
async fn a_client_without_since_mtime_gets_what_nobody_was_sent() {
    let mut rig = Rig::start(config(400));
    let mut first = rig.connect("").await;
    let mut texts = read(&mut first, 50).await;
    rig.shared.control.drop_connections();
    // What was on its way still arrives, and the rest goes to the next client.
    texts.extend(read_all(&mut first).await);
    let mut second = rig.connect("").await;
    texts.extend(read_all(&mut second).await);
    texts.dedup();
    let all = payloads(&expected(400));
    assert!(texts.starts_with(&all[..50]) && texts.ends_with(&all[399..]));
    assert_eq!(rig.shared.control.stats(), Stats { made: 400, sent: 400, clients: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_silent_for_its_length_and_answers_pings() {
    let stall = Stall { every: 100, length: Duration::from_secs(10) };
    let faults = Faults { stall: Some(stall), ..Faults::default() };
    let mut rig = Rig::start(Config { faults, ..config(150) });
    let mut client = rig.connect("").await;
    read(&mut client, 100).await;
    let stalled = Instant::now();
    client.send(Message::Ping("still there?".into())).await.unwrap();
    assert!(matches!(client.next().await, Some(Ok(Message::Pong(_)))));
    assert!(stalled.elapsed() < Duration::from_secs(1));
    read(&mut client, 50).await;
    assert!((10..12).contains(&stalled.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_connection_does_not_even_answer_pings() {
    let mut rig = Rig::start(Config { exit_at_end: false, ..config(50) });
    let mut client = rig.connect("").await;
    read(&mut client, 50).await;
    rig.shared.control.freeze(Duration::from_secs(30));
    tokio::task::yield_now().await;
    let frozen = Instant::now();
    client.send(Message::Ping("still there?".into())).await.unwrap();
    assert!(matches!(client.next().await, Some(Ok(Message::Pong(_)))));
    assert!((29..31).contains(&frozen.elapsed().as_secs()));
    rig.shared.control.stall(Duration::from_secs(5));
    rig.stop.cancel();
    assert!(
        client.next().await.unwrap().unwrap().is_close(),
        "a stop closes properly, stalled or not"
    );
}

#[tokio::test(start_paused = true)]
async fn garbage_comes_on_demand_and_by_itself() {
    let mut rig = Rig::start(Config { exit_at_end: false, ..config(10) });
    let mut client = rig.connect("").await;
    read(&mut client, 10).await;
    rig.shared.control.garbage(4);
    assert!(client.next().await.unwrap().unwrap().is_binary());
    let texts = read(&mut client, 3).await;
    assert!(
        texts[1].len() > 1 << 20 && serde_json::from_str::<serde_json::Value>(&texts[1]).is_ok()
    );
    assert!(
        [&texts[0], &texts[2]]
            .iter()
            .all(|text| serde_json::from_str::<serde_json::Value>(text).is_err())
    );

    let faults = Faults { garbage_share: 0.02, ..Faults::default() };
    let mut rig = Rig::start(Config { faults, ..config(1000) });
    let mut client = rig.connect("").await;
    let mut frames = 0;
    let mut texts = Vec::new();
    while let Some(Ok(message)) = client.next().await {
        frames += usize::from(!message.is_close());
        if let Message::Text(text) = message {
            texts.push(text.to_string());
        }
    }
    assert!((1005..1040).contains(&frames), "{frames} frames");
    let expected = payloads(&expected(1000));
    texts.retain(|text| expected.contains(text));
    assert_eq!(texts, expected);
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_and_an_old_connection_dropped() {
    let pace = Pace::Rate(NonZeroU32::new(20).unwrap());
    let faults = Faults { drop_after: Some(Duration::from_secs(60)), ..Faults::default() };
    let mut rig = Rig::start(Config { pace, faults, ..config(5000) });
    let mut client = rig.connect("").await;
    let started = Instant::now();
    read(&mut client, 201).await;
    assert!((9_900..10_200).contains(&started.elapsed().as_millis()));
    let count = 201 + read_all(&mut client).await.len();
    assert!((1190..1210).contains(&count), "{count} messages in a minute");
    assert!((59..62).contains(&started.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_pauses_the_stream_and_loses_nothing() {
    let mut rig = Rig::start(Config { resume_buffer: 64, wait_for_clients: 2, ..config(3000) });
    let mut fast = rig.connect("").await;
    let mut slow = rig.connect("").await;
    read(&mut slow, 1).await;
    let ahead = read(&mut fast, 40).await;
    assert!(rig.shared.control.stats().made <= 1000, "the stream has gone on");
    let (rest, slow_rest) = tokio::join!(read_all(&mut fast), read_all(&mut slow));
    let expected = payloads(&expected(3000));
    assert_eq!([ahead, rest].concat(), expected);
    assert_eq!(slow_rest, expected[1..]);
}
