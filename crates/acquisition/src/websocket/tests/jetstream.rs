//! What a server of Jetstream says of the connection.

use std::time::Duration;

use tokio::io::{AsyncReadExt, DuplexStream};

use super::*;
use crate::connection::REFUSED_PAUSE;
use crate::testing::Attempt;

const INFO: &str = r##"{"$type":"message","payload":{"$type":"x#info","name":"OutdatedCursor","message":"moved"}}"##;

fn jetstream() -> Input {
    let mut source = source("a");
    source.urls = vec![format!("ws://a.example{}", Protocol::JETSTREAM_2).parse().unwrap()];
    source.protocol = Protocol::Jetstream;
    Input::Source(source)
}

fn error(name: &str) -> Message {
    Message::text(format!(r#"{{"$type":"error","error":"{name}","message":"that is why"}}"#))
}

/// Answers a handshake; the connection stays open.
async fn answer(attempt: Attempt, status: &str, body: &str) -> DuplexStream {
    let mut stream = attempt.accept_raw();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(start_paused = true)]
async fn frames_about_the_connection_are_not_stored() {
    let mut running = Running::start(vec![jetstream()], options());
    let attempt = running.attempt().await;
    let mut socket = attempt.accept_with("xrpc.v1.json").await;
    socket.send(Message::text(INFO)).await.unwrap();
    send(&mut socket, 1..3).await;
    socket.send(error("ConsumerTooSlow")).await.unwrap();
    send(&mut running.attempt().await.accept_with("xrpc.v1.json").await, 3..4).await;
    assert_eq!(running.stored(3).await, payloads(1..4));
    running.stop(3).await;
}

/// A narrow filter is silent by itself; a dead connection does not answer pings.
#[tokio::test(start_paused = true)]
async fn a_silent_server_that_answers_pings_is_well() {
    let mut running = Running::start(vec![jetstream()], options());
    let mut socket = running.attempt().await.accept_with("xrpc.v1.json").await;
    let server = tokio::spawn(async move {
        // Reading answers pings.
        while let Some(Ok(_)) = socket.next().await {}
    });
    tokio::time::sleep(HOUR).await;
    assert!(!running.has_attempt());
    running.stop(0).await;
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_for_good_is_not_hammered() {
    let mut running = Running::start(vec![jetstream()], options());
    let body = r#"{"error":"InvalidRequest","message":"there is no parameter `x`"}"#;
    for _ in 0..3 {
        let attempt = running.attempt().await;
        let answered = Instant::now();
        let _open = answer(attempt, "400 Bad Request", body).await;
        running.attempts_after(answered + REFUSED_PAUSE).await;
    }
    let mut socket = running.attempt().await.accept_with("xrpc.v1.json").await;
    send(&mut socket, 1..2).await;
    let answered = Instant::now();
    socket.send(error("InvalidRequest")).await.unwrap();
    running.attempts_after(answered + REFUSED_PAUSE).await;
    running.stop(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_starting_is_asked_again_soon() {
    let mut running = Running::start(vec![jetstream()], options());
    let attempt = running.attempt().await;
    let _open = answer(attempt, "503 Service Unavailable", "").await;
    let begin = Instant::now();
    send(&mut running.attempt().await.accept_with("xrpc.v1.json").await, 1..2).await;
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    running.stored(1).await;
    running.stop(1).await;
}
