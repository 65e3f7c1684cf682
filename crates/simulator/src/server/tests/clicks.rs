//! Clicks over HTTP: what a client reads, and how its connection ends.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::clicks::{ClicksConfig, Generator};

fn clicks() -> ClicksConfig {
    let per_second = NonZeroU32::new(5).unwrap();
    let event_time = EventTime::Paced { start_ms: 1_767_225_600_000, per_second };
    ClicksConfig { event_time, ..ClicksConfig::default() }
}

fn config(messages: u64) -> Config {
    Config { input: Input::Clicks(clicks()), ..super::config(messages) }
}

fn expected(count: usize) -> Vec<String> {
    Generator::new(clicks(), Clock::new(|| 0)).take(count).map(|click| click.line).collect()
}

impl Rig {
    /// Asks, and gives what is answered.
    fn ask(&mut self, head: &str) -> DuplexStream {
        let (mut near, far) = tokio::io::duplex(PIPE_BYTES);
        spawn_connection(&mut self.connections, &self.shared, far, &self.stop);
        let head = head.to_owned();
        let (read, mut write) = tokio::io::duplex(PIPE_BYTES);
        tokio::spawn(async move {
            near.write_all(head.as_bytes()).await.unwrap();
            let _all = tokio::io::copy(&mut near, &mut write).await;
        });
        read
    }
}

/// The head of an answer, and its lines as far as they came; the last one may be part of one.
async fn answered(mut stream: DuplexStream) -> (String, Vec<String>) {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    // Each chunk is one line, between its length and a line end.
    let mut lines = Vec::new();
    let mut rest = body;
    while let Some((length, chunk)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        let (line, behind) = chunk.split_at(length.min(chunk.len()));
        lines.push(line.to_owned());
        rest = behind.strip_prefix("\r\n").unwrap_or_default();
    }
    (head.to_owned(), lines)
}

#[tokio::test(start_paused = true)]
async fn an_answer_has_a_line_for_each_click_and_an_end() {
    let mut rig = Rig::start(config(50));
    let (head, lines) = answered(rig.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let expected = expected(50).into_iter().map(|line| line + "\n");
    assert_eq!(lines, expected.chain([String::new()]).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn nothing_but_a_get_is_answered_and_a_server_that_starts_says_so() {
    let faults = Faults { unavailable_first: 1, ..Faults::default() };
    let mut rig = Rig::start(Config { faults, ..config(5) });
    for (head, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 503 Service Unavailable\r\n"),
        ("POST / HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n"),
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n"),
    ] {
        let (answer, _) = answered(rig.ask(head)).await;
        assert!(answer.starts_with(status), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_answer_is_kept_alive_by_empty_lines() {
    let per_second = NonZeroU32::new(1).unwrap();
    let pace = Pace::Rate(per_second);
    let keep_alive = Duration::from_millis(400);
    let mut rig = Rig::start(Config { pace, keep_alive, ..config(3) });
    let (_, lines) = answered(rig.ask("GET / HTTP/1.1\r\n\r\n")).await;
    let clicks: Vec<_> = lines.iter().filter(|line| line.len() > 1).collect();
    let blanks = lines.iter().filter(|line| *line == "\n").count();
    assert_eq!(clicks.len(), 3);
    assert!((3..=5).contains(&blanks), "{blanks} between three clicks, two a second: {lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cut_comes_in_the_middle_of_a_line() {
    let faults = Faults { cut_every: Some(20), ..Faults::default() };
    let mut rig = Rig::start(Config { faults, ..config(50) });
    let (_, first) = answered(rig.ask("GET / HTTP/1.1\r\n\r\n")).await;
    let (_, second) = answered(rig.ask("GET / HTTP/1.1\r\n\r\n")).await;
    let expected = expected(50);
    assert_eq!(first.len(), 21);
    assert!(first[..20].iter().map(|line| line.trim_end()).eq(&expected[..20]));
    let part = &first[20];
    assert!(!part.is_empty() && !part.ends_with('\n') && expected[20].starts_with(part), "{part}");
    // What was cut is lost.
    assert!(second[..20].iter().map(|line| line.trim_end()).eq(&expected[21..41]));
}
