//! On paused time, which goes on only when nobody can do anything else.

mod jetstream;

use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use pulso_pipeline::Retry;
use pulso_runtime::config::{Acquisition, Protocol};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::testing::{Running, SOCKET_BYTES, Socket, options, payload, payloads, source};
use crate::{Error, Input};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

async fn send(socket: &mut Socket, numbers: std::ops::Range<u64>) {
    for number in numbers {
        socket.send(Message::text(payload(number))).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_reconnect_the_source_goes_on_from_a_margin_before_the_last_stored_message() {
    let mut running = Running::with_source(options());
    let attempt = running.attempt().await;
    assert_eq!(attempt.url, "ws://a.example/rsvps?x=y", "nothing is stored yet");
    let mut socket = attempt.accept().await;
    send(&mut socket, 1..3).await;
    drop(socket);
    let attempt = running.attempt().await;
    assert_eq!(attempt.url, "ws://a.example/rsvps?x=y&since_mtime=1990");
    send(&mut attempt.accept().await, 3..4).await;
    assert_eq!(running.stored(3).await, payloads(1..4));
    running.stop(3).await;
}

/// What a source repeats after a start is older than what is stored.
#[tokio::test(start_paused = true)]
async fn a_start_does_not_move_the_position_back() {
    let mut running = Running::with_source(options());
    send(&mut running.attempt().await.accept().await, 1..6).await;
    running.stored(5).await;
    let log = running.log.clone();
    running.stop(5).await;

    let input = Input::Source(source("a"));
    let mut running = Running::start_after(log.messages(), vec![input], options());
    let attempt = running.attempt().await;
    assert_eq!(attempt.url.query(), Some("x=y&since_mtime=4990"));
    send(&mut attempt.accept().await, 3..4).await;
    // After a connection that only repeated messages it is asked from the position itself.
    assert_eq!(running.attempt().await.url.query(), Some("x=y&since_mtime=5000"));
    running.stop(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_is_asked_to_go_on_only_when_all_is_stored() {
    let mut running = Running::with_source(options());
    running.log.block();
    let mut socket = running.attempt().await.accept().await;
    send(&mut socket, 1..3).await;
    drop(socket);
    tokio::time::sleep(HOUR).await;
    assert!(!running.has_attempt());
    running.log.unblock();
    assert_eq!(running.attempt().await.url.query(), Some("x=y&since_mtime=1990"));
    running.stop(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_resume_is_asked_as_configured() {
    let mut source = source("a");
    source.protocol = Protocol::Websocket { resume_parameter: None };
    let mut running = Running::start(vec![Input::Source(source)], options());
    send(&mut running.attempt().await.accept().await, 1..2).await;
    assert_eq!(running.attempt().await.url, "ws://a.example/rsvps?x=y");
    running.stop(1).await;
}

#[tokio::test(start_paused = true)]
async fn connecting_is_tried_for_ever_with_growing_pauses() {
    let begin = Instant::now();
    let mut running = Running::with_source(options());
    for _ in 0..100 {
        drop(running.attempt().await);
    }
    let took = begin.elapsed();
    // The mean of a pause is half of 30 s.
    assert!((1000 * SECOND..2000 * SECOND).contains(&took), "{took:?}");
    running.stop(0).await;
}

/// A source that was of use is asked again soon, one that only picks up the phone is not.
#[tokio::test(start_paused = true)]
async fn pauses_are_short_again_after_a_message() {
    const ROUNDS: usize = 20;
    let mut running = Running::with_source(options());
    let mut rounds = async |messages: u64| {
        let begin = Instant::now();
        for _ in 0..ROUNDS {
            send(&mut running.attempt().await.accept().await, 0..messages).await;
        }
        begin.elapsed()
    };
    let growing = rounds(0).await;
    let short = rounds(1).await;
    // But for the first of them: the pause before it was decided on earlier.
    let short_max = options().backoff_max + 20 * options().backoff_initial;
    assert!(growing > 60 * SECOND, "{growing:?}");
    assert!(short < short_max, "{short:?}");
    running.stored(ROUNDS).await;
    running.stop(ROUNDS as u64).await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_come_within_the_delay_are_stored_together() {
    let mut options = options();
    options.batch_delay = SECOND;
    let mut running = Running::with_source(options);
    let mut socket = running.attempt().await.accept().await;
    for (number, wait_ms) in [(0, 900), (1, 200), (2, 0)] {
        send(&mut socket, number..number + 1).await;
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    }
    running.stored(3).await;
    assert_eq!(running.log.batches(), [2, 1]);
    running.stop(3).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_given_up() {
    let mut running = Running::with_source(options());
    let begin = Instant::now();
    let _held = running.attempt().await;
    let silent = running.attempt().await.accept_raw();
    running.attempt().await;
    let pauses = 500 * Duration::from_millis(1) + SECOND;
    let timeouts = 2 * options().connect_timeout;
    assert!((timeouts..=timeouts + pauses).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    drop(silent);
    running.stop(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_pings_is_left() {
    let mut running = Running::with_source(options());
    let mut socket = running.attempt().await.accept().await;
    send(&mut socket, 1..2).await;
    let begin = Instant::now();
    running.attempt().await;
    let limit = options().ping_interval + options().pong_timeout;
    assert!((limit..limit + 2 * SECOND).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    running.stop(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_lives_but_sends_nothing_is_left_later() {
    let mut running = Running::with_source(options());
    let mut socket = running.attempt().await.accept().await;
    let begin = Instant::now();
    // Reading answers pings, until the client says goodbye.
    let mut pings = 0;
    while let Some(Ok(frame)) = socket.next().await {
        pings += u32::from(frame.is_ping());
    }
    let limit = options().idle_timeout;
    assert!((limit..limit + SECOND).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    assert_eq!(pings, 5, "every 20 s");
    running.attempt().await;
    running.stop(0).await;
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_data_frame_is_kept_as_received() {
    let mut running = Running::with_source(options());
    let mut socket = running.attempt().await.accept().await;
    let sent =
        [Message::text("not json\r\n"), Message::binary(vec![0xff, 0, 1]), Message::text("")];
    for message in sent {
        socket.send(message).await.unwrap();
    }
    let expected = ["not json\r\n".as_bytes(), &[0xff, 0, 1], b""].map(Bytes::from_static);
    assert_eq!(running.stored(3).await, expected);
    running.stop(3).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_received_costs_no_other() {
    let mut options = options();
    options.message_bytes_max = pulso_runtime::ByteSize(100);
    let invalid_utf8 = Frame::message(vec![0xff], OpCode::Data(Data::Text), true);
    for bad in [Message::text("x".repeat(101)), Message::Frame(invalid_utf8)] {
        let mut running = Running::with_source(options.clone());
        let mut socket = running.attempt().await.accept().await;
        send(&mut socket, 1..3).await;
        socket.send(bad.clone()).await.unwrap();
        // It is there again, with the last stored message before it.
        let attempt = running.attempt().await;
        assert_eq!(attempt.url.query(), Some("x=y&since_mtime=1990"));
        let mut socket = attempt.accept().await;
        send(&mut socket, 2..3).await;
        socket.send(bad.clone()).await.unwrap();
        // It may be older than that message.
        let attempt = running.attempt().await;
        assert_eq!(attempt.url.query(), Some("x=y&since_mtime=2000"));
        attempt.accept().await.send(bad).await.unwrap();
        // It is not. Asked for once more it would repeat for ever.
        let attempt = running.attempt().await;
        assert_eq!(attempt.url.query(), Some("x=y"));
        send(&mut attempt.accept().await, 3..4).await;
        let stored = running.stored(4).await;
        assert_eq!(stored, [payloads(1..3), payloads(2..4)].concat());
        assert_eq!(running.attempt().await.url.query(), Some("x=y&since_mtime=2990"));
        running.stop(4).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_within_a_message_is_made_again() {
    let mut running = Running::with_source(options());
    let mut socket = running.attempt().await.accept().await;
    send(&mut socket, 1..2).await;
    // Announces 100 bytes of text and brings four.
    socket.get_mut().write_all(b"\x81\x64half").await.unwrap();
    drop(socket);
    send(&mut running.attempt().await.accept().await, 2..3).await;
    assert_eq!(running.stored(2).await, payloads(1..3));
    running.stop(2).await;
}

/// So long that few of them are on their way at any time.
fn long_payload(number: u64) -> String {
    format!("{:1$}", payload(number), SOCKET_BYTES / 2)
}

/// A slow log: reading stops when the buffer is full, the connection stays, and nothing is lost.
async fn check_backpressure(options: Acquisition, messages_max: u64) {
    const SENT: u64 = 1000;
    let mut running = Running::with_source(options);
    running.log.block();
    let mut socket = running.attempt().await.accept().await;
    let (sent, count) = tokio::sync::watch::channel(0);
    let server = tokio::spawn(async move {
        for number in 0..SENT {
            socket.send(Message::text(long_payload(number))).await.unwrap();
            sent.send_replace(number);
        }
        socket
    });
    tokio::time::sleep(HOUR).await;
    // Two are in the socket, two in the client's frame reader, and two half in either.
    let stuck = *count.borrow();
    assert!((messages_max..=messages_max + 6).contains(&stuck), "{stuck}");
    assert!(!running.has_attempt(), "the connection is not to blame for a slow log");
    running.log.unblock();
    let expected: Vec<Bytes> = (0..SENT).map(|number| long_payload(number).into()).collect();
    assert_eq!(running.stored(1000).await, expected);
    let mut socket = server.await.unwrap();
    send(&mut socket, SENT..SENT + 1).await;
    assert_eq!(running.stored(1).await, payloads(SENT..SENT + 1), "on the same connection");
    running.stop(SENT + 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_log_stops_the_reading_at_the_most_messages() {
    let mut options = options();
    (options.buffer_messages, options.batch_messages) = (20, 10);
    check_backpressure(options, 20).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_log_stops_the_reading_at_the_most_bytes() {
    let mut options = options();
    options.buffer_bytes = pulso_runtime::ByteSize(30 * long_payload(100).len() as u64);
    check_backpressure(options, 30).await;
}

#[tokio::test(start_paused = true)]
async fn a_log_that_fails_for_a_while_gets_everything_in_order() {
    let mut running = Running::with_source(options());
    let outage = [Retry::Backoff, Retry::After(HOUR), Retry::Backoff, Retry::Backoff];
    running.log.fail(outage);
    let mut socket = running.attempt().await.accept().await;
    let server = tokio::spawn(async move {
        for number in 0..100 {
            tokio::time::sleep(SECOND).await;
            send(&mut socket, number..number + 1).await;
        }
        // Reading answers pings.
        while let Some(Ok(_)) = socket.next().await {}
    });
    assert_eq!(running.stored(100).await, payloads(0..100));
    running.stop(100).await;
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_log_that_refuses_for_good_is_an_error() {
    let mut running = Running::with_source(options());
    running.log.fail([Retry::No]);
    let mut socket = running.attempt().await.accept().await;
    send(&mut socket, 0..3).await;
    let error = running.end().await.unwrap_err();
    assert!(matches!(error, Error::Store { count: 3, .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn sources_do_not_wait_for_each_other_and_keep_their_order() {
    let inputs = ["a", "b", "c"].map(|name| Input::Source(source(name)));
    let mut running = Running::start(inputs.into(), options());
    let mut servers = Vec::new();
    for _ in 0..3 {
        let attempt = running.attempt().await;
        // One of them is never there.
        if attempt.url.host() != Some("b.example") {
            servers.push(attempt.accept().await);
        }
    }
    for number in 0..10 {
        for socket in &mut servers {
            send(socket, number..number + 1).await;
        }
    }
    running.stored(20).await;
    assert_eq!(running.log.stored("a"), payloads(0..10));
    assert_eq!(running.log.stored("b"), payloads(0..0));
    assert_eq!(running.log.stored("c"), payloads(0..10));
    running.stop(20).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_stores_what_was_received_and_says_goodbye() {
    let mut running = Running::with_source(options());
    running.log.block();
    let mut socket = running.attempt().await.accept().await;
    send(&mut socket, 0..50).await;
    tokio::time::sleep(SECOND).await;
    running.shutdown.cancel();
    let goodbye = socket.next().await.unwrap().unwrap();
    assert!(goodbye.is_close(), "{goodbye:?}");
    running.log.unblock();
    let log = running.log.clone();
    running.stop(50).await;
    assert_eq!(log.stored("a"), payloads(0..50));
}

#[tokio::test(start_paused = true)]
async fn a_stop_without_a_log_is_an_error() {
    let mut running = Running::with_source(options());
    running.log.fail(vec![Retry::Backoff; 1000]);
    send(&mut running.attempt().await.accept().await, 0..1).await;
    tokio::time::sleep(HOUR).await;
    running.shutdown.cancel();
    let begin = Instant::now();
    let error = running.end().await.unwrap_err();
    assert!(matches!(error, Error::Store { count: 1, .. }), "{error:?}");
    assert!(begin.elapsed() < 10 * SECOND);
}
