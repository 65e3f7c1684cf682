//! On paused time, against a server that writes its answers byte by byte.

mod events;

use std::time::Duration;

use http::Uri;
use pulso_runtime::config::{Acquisition, Format, Protocol, Source};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

use crate::Input;
use crate::connection::REFUSED_PAUSE;
use crate::testing::{Running, options, payload, payloads, source};

const SECOND: Duration = Duration::from_secs(1);

/// A source with a margin of a second.
fn answers(format: Format, resume_parameter: Option<&str>) -> Input {
    let resume_parameter = resume_parameter.map(str::to_owned);
    let urls = vec![Uri::from_static("http://a.example:81/feed?x=y")];
    let protocol = Protocol::Http { format, resume_parameter };
    Input::Source(Source { urls, protocol, resume_margin: SECOND, ..source("a") })
}

fn lines() -> Running {
    Running::start(vec![answers(Format::Lines, Some("since"))], options())
}

/// The server's side of a connection.
struct Server(DuplexStream);

impl Server {
    /// Waits for a request; gives its first line and its headers, in small letters.
    async fn next(running: &mut Running) -> (Self, String) {
        let mut stream = running.attempt().await.accept_raw();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        (Self(stream), String::from_utf8(request).unwrap())
    }

    async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Begins an answer that goes on.
    async fn begin(&mut self, content_type: &str) {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type:";
        self.write(&format!("{head} {content_type}\r\n\r\n")).await;
    }

    async fn chunk(&mut self, text: &str) {
        self.write(&format!("{:x}\r\n{text}\r\n", text.len())).await;
    }

    /// Ends the answer as HTTP has it.
    async fn end(mut self) {
        self.write("0\r\n\r\n").await;
        // Until the other side has noticed: a reset would hide it.
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn lines_are_stored_as_they_come_and_the_source_goes_on_after_them() {
    let mut running = lines();
    let (mut server, request) = Server::next(&mut running).await;
    let first = "GET /feed?x=y HTTP/1.1\r\nhost: a.example:81\r\n";
    assert!(request.to_lowercase().starts_with(&first.to_lowercase()), "{request}");
    assert!(request.contains("accept: application/x-ndjson"), "{request}");
    server.begin("application/json").await;
    let text = format!("{}\r\n\n{}\n{}", payload(1), payload(2), payload(3));
    for piece in text.as_bytes().chunks(7) {
        server.chunk(std::str::from_utf8(piece).unwrap()).await;
    }
    assert_eq!(running.stored(2).await, payloads(1..3));
    // The last line of an answer that is whole needs no end.
    server.end().await;
    assert_eq!(running.stored(1).await, payloads(3..4));
    let (mut server, request) = Server::next(&mut running).await;
    assert!(request.starts_with("GET /feed?x=y&since=2000 HTTP/1.1\r\n"), "{request}");
    server.begin("application/json").await;
    server.chunk(&format!("{}\n{}\n", payload(3), payload(4))).await;
    assert_eq!(running.stored(2).await, payloads(3..5));
    running.stop(5).await;
}

/// A line whose end did not come may be half a message.
#[tokio::test(start_paused = true)]
async fn half_a_line_of_an_answer_that_breaks_off_is_not_stored() {
    let mut running = lines();
    let (mut server, _) = Server::next(&mut running).await;
    server.begin("application/json").await;
    server.chunk(&format!("{}\n{}", payload(1), payload(2))).await;
    running.stored(1).await;
    drop(server);
    let (mut server, _) = Server::next(&mut running).await;
    server.begin("application/json").await;
    server.chunk(&format!("{}\n{}\n", payload(1), payload(2))).await;
    assert_eq!(running.stored(2).await, payloads(1..3));
    running.stop(3).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_answer_is_given_up_and_an_empty_line_keeps_it() {
    let mut running = lines();
    let (mut server, _) = Server::next(&mut running).await;
    server.begin("application/json").await;
    let begin = Instant::now();
    for _ in 0..10 {
        tokio::time::sleep(options().idle_timeout - SECOND).await;
        server.chunk("\n").await;
    }
    let (_second, _) = Server::next(&mut running).await;
    let limit = 11 * options().idle_timeout - 10 * SECOND;
    assert!((limit..limit + 2 * SECOND).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    running.stop(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_log_makes_the_server_wait() {
    let options = Acquisition { buffer_messages: 5, ..options() };
    let mut running = Running::start(vec![answers(Format::Lines, None)], options);
    running.log.block();
    let (mut server, _) = Server::next(&mut running).await;
    server.begin("application/json").await;
    let text: String = (0..20_000).map(|number| payload(number) + "\n").collect();
    let writing = async {
        for piece in text.as_bytes().chunks(1000) {
            server.chunk(std::str::from_utf8(piece).unwrap()).await;
        }
    };
    tokio::pin!(writing);
    let held = tokio::time::timeout(Duration::from_hours(1), &mut writing).await;
    assert!(held.is_err(), "it takes all of it");
    running.log.unblock();
    let (_, stored) = tokio::join!(writing, running.stored(20_000));
    assert_eq!(stored, payloads(0..20_000));
    running.stop(20_000).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_too_long_is_cut_off() {
    let mut options = options();
    options.message_bytes_max = pulso_runtime::ByteSize(10);
    let mut running = Running::start(vec![answers(Format::Lines, None)], options);
    let (mut server, _) = Server::next(&mut running).await;
    server.begin("application/json").await;
    server.chunk(&"x".repeat(3000)).await;
    server.chunk("\nnext\n").await;
    assert_eq!(running.stored(2).await, ["x".repeat(10), "next".to_owned()]);
    running.stop(2).await;
}

/// What asking again will hardly change is asked rarely.
#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_fit_is_a_refusal() {
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
    for head in [
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n".to_owned(),
        "HTTP/1.1 301 Moved Permanently\r\nLocation: https://b.example/\r\nContent-Length: 0\r\n"
            .to_owned(),
        "HTTP/1.1 204 No Content\r\n".to_owned(),
        format!("{whole}Content-Type: text/event-stream\r\n"),
        format!("{whole}Content-Encoding: gzip\r\n"),
    ] {
        let mut running = lines();
        let (mut server, _) = Server::next(&mut running).await;
        let begin = Instant::now();
        server.write(&format!("{head}\r\n")).await;
        running.attempts_after(begin + REFUSED_PAUSE).await;
        running.stop(0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_instead_of_an_answer_is_tried_again() {
    let mut running = lines();
    for garbage in ["\0\u{1}\u{2}\r\n\r\n", "HTTP/1.1 500 Oh no\r\n\r\n", "SSH-2.0-x\r\n"] {
        let (mut server, _) = Server::next(&mut running).await;
        let begin = Instant::now();
        server.write(garbage).await;
        drop(server);
        running.attempts_after(begin).await;
        assert!(begin.elapsed() <= options().backoff_max + SECOND, "{garbage:?}");
    }
    running.stop(0).await;
}
