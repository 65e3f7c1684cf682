//! The server of posts: paths, filters, cursors, faults.

use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::{Error, http};

use super::*;
use crate::posts::{Event, PostsConfig, Protocol};

const PATH_1: &str = "subscribe";
const PATH_2: &str = "xrpc/network.bsky.jetstream.subscribeEvents";
/// The number of the first event.
const FIRST_SEQ: u64 = 30_000_000_001;

fn posts_config() -> PostsConfig {
    let event_time =
        EventTime::Paced { start_ms: 1_767_225_600_000, per_second: NonZeroU32::new(500).unwrap() };
    PostsConfig { hashtags: 500, event_time, ..PostsConfig::default() }
}

fn config(messages: u64) -> Config {
    Config {
        messages_max: Some(messages),
        exit_at_end: true,
        clock: Clock::new(|| 0),
        ..Config::new(Input::Posts(posts_config()), Pace::Unlimited)
    }
}

fn events(count: usize) -> Vec<Event> {
    crate::posts::Generator::new(posts_config(), Clock::new(|| 0)).take(count).collect()
}

fn frames(count: usize, protocol: Protocol) -> Vec<String> {
    events(count).iter().filter_map(|event| event.frame(protocol)).collect()
}

impl Rig {
    /// Connects as a client of either version does.
    async fn subscribe(&mut self, address: &str) -> Result<Client, Error> {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        spawn_connection(&mut self.connections, &self.shared, far, &self.stop);
        let mut request = format!("ws://localhost/{address}").into_client_request()?;
        if address.starts_with(PATH_2) {
            let name = HeaderValue::from_static("xrpc.v1.json");
            request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
        }
        client_async(request, near).await.map(|(client, _)| client)
    }

    /// The status and body of a refusal.
    async fn refused(&mut self, address: &str) -> (u16, Value) {
        match self.subscribe(address).await {
            Err(Error::Http(response)) => answer(&response),
            other => panic!("{other:?}"),
        }
    }
}

fn answer(response: &http::Response<Option<Vec<u8>>>) -> (u16, Value) {
    let body = response.body().as_deref().unwrap_or_default();
    (response.status().as_u16(), serde_json::from_slice(body).unwrap_or_default())
}

fn seq(frame: &str) -> u64 {
    let frame: Value = serde_json::from_str(frame).unwrap();
    let seq = frame["payload"].get("seq").or(frame.get("cursor"));
    seq.and_then(Value::as_u64).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn clients_of_both_versions_get_the_whole_stream() {
    let mut rig = Rig::start(Config { wait_for_clients: 2, ..config(700) });
    let mut one = rig.subscribe(PATH_1).await.unwrap();
    let mut two = rig.subscribe(PATH_2).await.unwrap();
    let (one, two) = tokio::join!(read_all(&mut one), read_all(&mut two));
    assert_eq!(one, frames(700, Protocol::One));
    assert_eq!(two, frames(700, Protocol::Two));
}

#[tokio::test(start_paused = true)]
async fn filters_leave_the_rest_out_and_the_stream_still_ends() {
    let mut rig = Rig::start(config(2000));
    let address = format!("{PATH_2}?kinds=commit&collections=app.bsky.feed.post");
    let mut client = rig.subscribe(&address).await.unwrap();
    let received = read_all(&mut client).await;
    let posts = events(2000).into_iter();
    let posts = posts.filter(|event| event.collection() == Some("app.bsky.feed.post"));
    let expected: Vec<_> = posts.filter_map(|event| event.frame(Protocol::Two)).collect();
    assert_eq!(received, expected);
    assert!(expected.len() < 1100);
    rig.shared.hub.all_sent().await;
}

#[tokio::test(start_paused = true)]
async fn a_cursor_is_inclusive_in_both_versions() {
    let mut rig = Rig::start(Config { exit_at_end: false, ..config(300) });
    let mut client = rig.subscribe(PATH_2).await.unwrap();
    read(&mut client, 300).await;
    let events = events(300);
    let mut again = rig.subscribe(&format!("{PATH_2}?cursor={}", events[250].seq)).await.unwrap();
    assert_eq!(read(&mut again, 50).await, frames(300, Protocol::Two)[250..]);
    // The first that is not before the time; all that follow come too, whatever their time.
    let time_us = events[200].time_us;
    let first = events.iter().find(|event| event.time_us >= time_us).unwrap().seq;
    for path in [PATH_1, PATH_2] {
        let mut again = rig.subscribe(&format!("{path}?cursor={time_us}")).await.unwrap();
        assert_eq!(seq(&next_text(&mut again).await.unwrap()), first, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_to_come_is_waited_for() {
    let mut rig = Rig::start(config(300));
    let mut future = rig.subscribe(&format!("{PATH_2}?cursor={}", FIRST_SEQ + 290)).await.unwrap();
    let received = read_all(&mut future).await;
    assert_eq!(received, frames(300, Protocol::Two)[290..]);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_is_too_old_is_refused_or_moved_up() {
    let pace = Pace::Rate(NonZeroU32::new(1000).unwrap());
    let mut rig =
        Rig::start(Config { exit_at_end: false, resume_buffer: 100, pace, ..config(300) });
    let mut client = rig.subscribe(PATH_2).await.unwrap();
    read(&mut client, 300).await;
    let oldest = FIRST_SEQ + 200;
    let (status, body) = rig.refused(&format!("{PATH_2}?cursor={FIRST_SEQ}")).await;
    assert_eq!((status, &body["error"]), (400, &Value::from("CursorTooOld")));
    assert!(body["message"].as_str().unwrap().ends_with(&oldest.to_string()), "{body}");
    let mut two = rig.subscribe(&format!("{PATH_2}?cursor=1000000000000000")).await.unwrap();
    let info: Value = serde_json::from_str(&next_text(&mut two).await.unwrap()).unwrap();
    assert_eq!(info["payload"]["name"], "OutdatedCursor");
    assert_eq!(seq(&next_text(&mut two).await.unwrap()), oldest);
    // Version 1 moves it up without a word.
    let mut one = rig.subscribe(&format!("{PATH_1}?cursor=1")).await.unwrap();
    assert_eq!(seq(&next_text(&mut one).await.unwrap()), oldest);
}

#[tokio::test(start_paused = true)]
async fn wrong_addresses_are_refused_with_a_reason() {
    let mut rig = Rig::start(config(10));
    assert_eq!(rig.refused("").await.0, 404);
    let (status, body) = rig.refused(&format!("{PATH_2}?wantedCollections=a.b")).await;
    assert_eq!((status, &body["error"]), (400, &Value::from("InvalidRequest")));
    // Without the subprotocol of version 2.
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    spawn_connection(&mut rig.connections, &rig.shared, far, &rig.stop);
    let Err(Error::Http(response)) = client_async(format!("ws://localhost/{PATH_2}"), near).await
    else {
        panic!("it was accepted");
    };
    let (status, body) = answer(&response);
    assert_eq!(status, 400);
    assert!(body["message"].as_str().unwrap().contains("xrpc.v1.json"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_starting_is_unavailable() {
    let faults = Faults { unavailable_first: 2, ..Faults::default() };
    let mut rig = Rig::start(Config { faults, ..config(50) });
    for path in [PATH_1, PATH_2] {
        let (status, body) = rig.refused(path).await;
        assert_eq!((status, &body["error"]), (503, &Value::from("ServiceUnavailable")));
    }
    let mut client = rig.subscribe(PATH_2).await.unwrap();
    assert_eq!(read_all(&mut client).await.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_too_slow_hears_so_and_goes_on_where_it_was() {
    let faults = Faults { too_slow_every: Some(40), ..Faults::default() };
    let mut rig = Rig::start(Config { faults, ..config(100) });
    let mut received: Vec<String> = Vec::new();
    let mut farewells = 0;
    while received.len() < 100 {
        let cursor = received.last().map(|frame| format!("?cursor={}", seq(frame)));
        let address = format!("{PATH_2}{}", cursor.unwrap_or_default());
        let mut client = rig.subscribe(&address).await.unwrap();
        for text in read_all(&mut client).await {
            if text.contains("\"$type\":\"error\"") {
                let frame: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(frame["error"], "ConsumerTooSlow");
                farewells += 1;
            } else if received.last() != Some(&text) {
                received.push(text);
            }
        }
    }
    assert_eq!(received, frames(100, Protocol::Two));
    assert!(farewells >= 2, "{farewells} farewells");
    let mut rig = Rig::start(Config { exit_at_end: false, ..config(10) });
    let mut one = rig.subscribe(PATH_1).await.unwrap();
    read(&mut one, frames(10, Protocol::One).len()).await;
    rig.shared.control.too_slow();
    assert!(one.next().await.unwrap().unwrap().is_close());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_something_is_disconnected() {
    let mut rig = Rig::start(Config { exit_at_end: false, ..config(10) });
    let mut client = rig.subscribe(PATH_2).await.unwrap();
    read(&mut client, 10).await;
    client.send(Message::Ping("still there?".into())).await.unwrap();
    assert!(matches!(client.next().await, Some(Ok(Message::Pong(_)))));
    client.send(Message::text("{}")).await.unwrap();
    assert_eq!(next_text(&mut client).await, None);
}
