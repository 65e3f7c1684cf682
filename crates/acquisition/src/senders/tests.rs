//! Over sockets of this machine, into a log in the hands of the test.

use std::net::{Ipv4Addr, SocketAddr};

use pulso_runtime::ByteSize;
use pulso_runtime::config::{Protocol, Source, SyslogTransport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::testing::{Running, options, source};
use crate::{Input, Summary};

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// An address that is free, most likely.
async fn free() -> SocketAddr {
    TcpListener::bind(LOCAL).await.unwrap().local_addr().unwrap()
}

fn input(protocol: Protocol) -> Input {
    Input::Source(Source { urls: Vec::new(), protocol, ..source("a") })
}

async fn tcp(options: Acquisition) -> (Running, SocketAddr) {
    let address = free().await;
    let protocol = Protocol::Tcp(Listening { connections_max: 3, ..Listening::plain(address) });
    (Running::start(vec![input(protocol)], options), address)
}

/// Connects as soon as somebody listens.
async fn connect(address: SocketAddr) -> TcpStream {
    loop {
        match TcpStream::connect(address).await {
            Ok(stream) => return stream,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

async fn send(address: SocketAddr, bytes: impl AsRef<[u8]>) {
    let mut stream = connect(address).await;
    stream.write_all(bytes.as_ref()).await.unwrap();
    closed(stream).await;
}

/// Says that nothing more comes, and waits for the other side.
async fn closed(mut stream: TcpStream) {
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

fn small(bytes_max: u64) -> Acquisition {
    Acquisition { message_bytes_max: ByteSize(bytes_max), ..options() }
}

#[tokio::test]
async fn lines_are_stored_and_the_last_needs_no_end() {
    let (mut running, address) = tcp(options()).await;
    send(address, "one\r\n\ntwo\n\u{ff}\0\u{7}\nfour").await;
    let stored = running.stored(4).await;
    assert_eq!(stored, ["one", "two", "\u{ff}\0\u{7}", "four"]);
    send(address, b"\xff\xfe\x16\x03\n5 x\n<13>1 - - - - - - x\n").await;
    let stored = running.stored(3).await;
    assert_eq!(stored, [b"\xff\xfe\x16\x03".as_slice(), b"5 x", b"<13>1 - - - - - - x"]);
    assert!(running.log.messages().iter().all(|message| message.headers.cursor.is_none()));
    running.stop(7).await;
}

#[tokio::test]
async fn a_connection_that_is_reset_ends_no_other() {
    let (mut running, address) = tcp(options()).await;
    let mut other = connect(address).await;
    let mut stream = connect(address).await;
    stream.write_all(b"whole\nhalf").await.unwrap();
    running.stored(1).await;
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
    assert_eq!(running.stored(1).await, ["half"]);
    other.write_all(b"more\n").await.unwrap();
    assert_eq!(running.stored(1).await, ["more"]);
    running.stop(3).await;
}

#[tokio::test]
async fn a_line_that_is_too_long_is_cut_off() {
    let (mut running, address) = tcp(small(10)).await;
    send(address, format!("{}\nnext\n{}", "x".repeat(1_000_000), "y".repeat(11))).await;
    let stored = running.stored(3).await;
    assert_eq!(stored, ["x".repeat(10), "next".to_owned(), "y".repeat(10)]);
    running.stop(3).await;
}

/// Four connect where three may be connected.
#[tokio::test]
async fn more_senders_wait_until_one_leaves() {
    let (mut running, address) = tcp(options()).await;
    let mut streams = Vec::new();
    for number in 0..3 {
        let mut stream = connect(address).await;
        stream.write_all(format!("{number}\n").as_bytes()).await.unwrap();
        running.stored(1).await;
        streams.push(stream);
    }
    let mut waiting = connect(address).await;
    waiting.write_all(b"waited\n").await.unwrap();
    streams[1].write_all(b"served\n").await.unwrap();
    assert_eq!(running.stored(1).await, ["served"]);
    closed(streams.pop().unwrap()).await;
    assert_eq!(running.stored(1).await, ["waited"]);
    running.stop(5).await;
}

#[tokio::test]
async fn a_slow_log_makes_senders_wait_and_loses_nothing() {
    let options = Acquisition { buffer_messages: 5, batch_messages: 5, ..options() };
    let (mut running, address) = tcp(options).await;
    running.log.block();
    // Two that only sit there take no room.
    let _silent = (connect(address).await, connect(address).await);
    let text: String = (0..100_000).map(|number| format!("{number:0200}\n")).collect();
    let mut stream = connect(address).await;
    let mut sent = 0;
    // The sender's buffer and the receiver's take some; then there is no getting on.
    while let Ok(written) =
        timeout(Duration::from_millis(500), stream.write(&text.as_bytes()[sent..])).await
    {
        sent += written.unwrap();
        assert!(sent < text.len(), "it takes all of it");
    }
    running.log.unblock();
    stream.write_all(&text.as_bytes()[sent..]).await.unwrap();
    let stored = running.stored(100_000).await;
    let expected: Vec<_> = text.lines().collect();
    assert!(stored == expected, "each once, in order");
    running.stop(100_000).await;
}

#[tokio::test]
async fn what_was_read_is_stored_at_the_stop() {
    let (mut running, address) = tcp(options()).await;
    let mut idle = connect(address).await;
    idle.write_all(b"a\nhalf").await.unwrap();
    let mut busy = connect(address).await;
    busy.write_all(b"b\nbeg").await.unwrap();
    running.stored(2).await;
    running.shutdown.cancel();
    tokio::task::yield_now().await;
    busy.write_all(b"un\n").await.unwrap();
    let mut stored = running.stored(2).await;
    stored.sort();
    assert_eq!(stored, ["begun", "half"]);
    assert_eq!(running.end().await.unwrap(), Summary { stored: 4 });
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0, "it says goodbye");
}

#[tokio::test]
async fn an_address_that_is_in_use_is_named() {
    let taken = TcpListener::bind(LOCAL).await.unwrap();
    let address = taken.local_addr().unwrap();
    let listening = Listening::plain(address);
    let error =
        Running::start(vec![input(Protocol::Tcp(listening.clone()))], options()).end().await;
    let error = format!("{:#}", anyhow::Error::new(error.unwrap_err()));
    let expected = format!("failed to start source `a`: failed to listen on `{address}`: ");
    assert!(error.starts_with(&expected), "{error}");
    let error = format!("{:#}", check(&listening).await.unwrap_err());
    assert!(error.starts_with(&format!("failed to listen on `{address}`: ")), "{error}");
    drop(taken);
    check(&listening).await.unwrap();
}

#[tokio::test]
async fn syslog_says_its_messages_over_tcp() {
    let address = free().await;
    let protocol = Protocol::Syslog(SyslogTransport::Tcp(Listening::plain(address)));
    let mut running = Running::start(vec![input(protocol)], options());
    let nginx = "<190>Nov 27 21:00:00 web nginx: first line\n";
    let five = "<14>1 - - - - - [a b=\"\\\"]\"] two\nlines";
    send(address, format!("{nginx}{} {five}plain\n<14>{{\"a\":1}}", five.len())).await;
    let stored = running.stored(4).await;
    assert_eq!(stored, ["first line", "two\nlines", "plain", "{\"a\":1}"]);
    running.stop(4).await;
}
