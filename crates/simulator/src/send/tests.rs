use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::num::NonZeroU32;
use std::path::Path;

use flate2::read::GzDecoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

use super::*;
use crate::config::EventTime;
use crate::requests::{Format, Generator, RequestsConfig};

fn requests() -> RequestsConfig {
    let per_second = NonZeroU32::new(5).unwrap();
    let event_time = EventTime::Paced { start_ms: 1_767_225_600_000, per_second };
    RequestsConfig { event_time, ..RequestsConfig::default() }
}

fn config(to: Destination, messages: u64) -> SendConfig {
    let input = Input::Requests(requests());
    SendConfig { messages_max: Some(messages), ..SendConfig::new(input, to) }
}

fn expected(messages: usize) -> Vec<String> {
    let generator = Generator::new(requests(), Clock::new(|| panic!("time is paced")));
    generator.take(messages).map(|request| request.line).collect()
}

fn file(folder: &Path, rotation: Rotation) -> Destination {
    Destination::File { path: folder.join("access.log"), rotation }
}

/// The files by name, compressed or not.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let read = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let mut text = String::new();
        match path.extension().is_some_and(|extension| extension == "gz") {
            true => drop(GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap()),
            false => text = String::from_utf8(bytes).unwrap(),
        };
        text
    };
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), read(&path)))
        .collect()
}

async fn sent(config: SendConfig) -> Sent {
    send(config, CancellationToken::new()).await.unwrap()
}

#[tokio::test]
async fn a_file_is_rotated_as_logrotate_does() {
    for how in [Rotate::Rename, Rotate::CopyTruncate] {
        let folder = tempfile::tempdir().unwrap();
        let rotation = Rotation { how, lines: Some(10), compress: true, ..Rotation::default() };
        let sent = sent(config(file(folder.path(), rotation), 35)).await;
        assert_eq!((sent.messages, sent.rotations), (35, 3));
        let files = files(folder.path());
        let names = ["access.log", "access.log.1", "access.log.2.gz", "access.log.3.gz"];
        assert_eq!(files.keys().collect::<Vec<_>>(), names);
        let together: String = names.iter().rev().map(|name| files[*name].as_str()).collect();
        assert_eq!(together.lines().collect::<Vec<_>>(), expected(35));
        assert_eq!(together.len() as u64, sent.bytes);
        assert_eq!(files["access.log.2.gz"].lines().count(), 10);
    }
}

#[tokio::test]
async fn the_rest_of_a_line_follows_its_beginning_into_the_renamed_file() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation { lines: Some(10), inside_line: true, ..Rotation::default() };
    assert_eq!(sent(config(file(folder.path(), rotation), 35)).await.rotations, 3);
    let files = files(folder.path());
    let counts: Vec<_> = files.values().map(|text| text.lines().count()).collect();
    assert_eq!(counts, [2, 11, 11, 11]);
    let together: String = files.into_values().rev().collect();
    let (mut lines, mut all): (Vec<_>, _) = (together.lines().collect(), expected(35));
    lines.sort_unstable();
    all.sort_unstable();
    assert_eq!(lines, all);
}

#[tokio::test]
async fn the_oldest_files_go_and_a_restart_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let rotation =
        Rotation { lines: Some(10), keep: Some(2), compress: true, ..Rotation::default() };
    for _ in 0..2 {
        sent(config(file(folder.path(), rotation.clone()), 35)).await;
    }
    let files = files(folder.path());
    assert_eq!(files.keys().collect::<Vec<_>>(), ["access.log", "access.log.1", "access.log.2.gz"]);
    let all = expected(35);
    assert_eq!(files["access.log"].lines().collect::<Vec<_>>(), all[30..]);
    assert_eq!(files["access.log.1"].lines().collect::<Vec<_>>(), all[20..30]);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_line_is_half_there_and_whole_after_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let length = Duration::from_secs(10);
    let stall = Some(Stall { every: 2, length });
    let stalling =
        SendConfig { stall, ..config(file(folder.path(), Rotation::default()), u64::MAX) };
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(send(stalling, shutdown.clone()));
    sleep(Duration::from_secs(15)).await;
    let all = expected(5).join("\n");
    let there = files(folder.path()).remove("access.log").unwrap();
    assert!(
        all.starts_with(&there) && !there.ends_with('\n') && there.lines().count() == 5,
        "{there}"
    );
    shutdown.cancel();
    let sent = running.await.unwrap().unwrap();
    assert_eq!((sent.messages, sent.stalls), (5, 2));
    assert_eq!(files(folder.path())["access.log"], all + "\n");
}

/// What each connection brought, until so many have ended.
async fn connections(count: usize) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let reading = async move {
        let mut brought = Vec::new();
        while brought.len() < count {
            let mut text = String::new();
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_to_string(&mut text).await.unwrap();
            brought.push(text);
        }
        brought
    };
    (address, tokio::spawn(reading))
}

#[tokio::test]
async fn a_line_that_was_cut_is_sent_again() {
    let (address, reading) = connections(3).await;
    let config = SendConfig { cut_every: Some(4), ..config(Destination::Tcp { address }, 10) };
    let sent = sent(config).await;
    assert_eq!((sent.messages, sent.cuts, sent.broken), (10, 2, 0));
    let (all, brought) = (expected(10), reading.await.unwrap());
    let half = |line: &str| line.split_at(line.len().div_ceil(2)).0.to_owned();
    let part = |from: usize, to: usize| all[from..to].join("\n") + "\n";
    assert_eq!(brought[0], part(0, 4) + &half(&all[4]));
    assert_eq!(brought[1], part(4, 8) + &half(&all[8]));
    assert_eq!(brought[2], part(8, 10));
    assert_eq!(sent.bytes, brought.iter().map(|text| text.len() as u64).sum::<u64>());
}

#[tokio::test]
async fn syslog_has_its_two_formats_and_two_framings() {
    let line = &expected(1)[0];
    let old = format!("<190>Jan  1 00:00:00 www nginx: {line}");
    let new = format!("<190>1 2026-01-01T00:00:00.000Z www nginx - - - {line}");
    for (format, framing, expected) in [
        (SyslogFormat::Rfc3164, Framing::Lines, format!("{old}\n")),
        (SyslogFormat::Rfc5424, Framing::Counted, format!("{} {new}", new.len())),
    ] {
        let (address, reading) = connections(1).await;
        let transport = Transport::Tcp(framing);
        sent(config(Destination::Syslog { address, transport, format }, 1)).await;
        assert_eq!(reading.await.unwrap(), [expected]);
    }
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let (transport, format) = (Transport::Udp, SyslogFormat::Rfc5424);
    sent(config(Destination::Syslog { address, transport, format }, 1)).await;
    let mut datagram = [0; 2048];
    let length = socket.recv(&mut datagram).await.unwrap();
    assert_eq!(std::str::from_utf8(&datagram[..length]).unwrap(), new);
}

#[tokio::test]
async fn a_web_server_is_asked_once_for_each_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        let mut heads = Vec::new();
        for answer in
            ["HTTP/1.1 200 OK\r\n\r\nHello", "SSH-2.0-x\r\n", "", "HTTP/1.1 404 Not Found\r\n\r\n"]
        {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            heads.push(String::from_utf8(head).unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        heads
    });
    let mut config = config(Destination::Http { address }, 4);
    let asked = RequestsConfig { format: Format::Asked, malformed_share: 0.0, ..requests() };
    config.input = Input::Requests(asked.clone());
    let sent = sent(config).await;
    assert_eq!((sent.messages, sent.unanswered), (4, 2));
    let heads: Vec<_> = Generator::new(asked, Clock::new(|| 0)).take(4).map(|it| it.line).collect();
    assert_eq!(serving.await.unwrap(), heads);
}
