//! Acquisition over the real network, against servers on ports of this machine, and as a program.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

mod file;
mod jetstream;
mod pause;
mod program;
mod push;
mod senders;
mod simulated;
mod spool;
mod tls;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use pulso_acquisition::{Input, Options, check, run};
use pulso_model::{Decoder, Key, WallTime};
use pulso_pipeline::{ManualClock, Message, Sink, SourceCursor};
use pulso_runtime::Config;
use pulso_runtime::config::{Acquisition, Admission, Protocol, Source};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};
use tokio_util::sync::CancellationToken;

fn options() -> Acquisition {
    let backoff = Duration::from_millis(1);
    let options = Config::default().acquisition;
    Acquisition { backoff_initial: backoff, backoff_max: backoff, ..options }
}

async fn listen(scheme: &str) -> (TcpListener, Source) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{scheme}://{}/stream", listener.local_addr().unwrap()).parse().unwrap();
    let protocol = Protocol::Websocket { resume_parameter: Some("since_mtime".to_owned()) };
    let (admission, resume_margin) = (Admission::default(), Duration::from_millis(2));
    let (name, stream, urls) = ("local".into(), "rsvps".into(), vec![url]);
    (listener, Source { name, stream, urls, protocol, admission, resume_margin })
}

/// The next connection, and the path and query that it asks for.
#[expect(clippy::result_large_err, reason = "the type of the refusal is the library's")]
async fn accept(listener: &TcpListener) -> (WebSocketStream<TcpStream>, String) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut asked = String::new();
    let callback = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        asked = request.uri().to_string();
        Ok(response)
    };
    (accept_hdr_async(stream, callback).await.unwrap(), asked)
}

fn decoding_with(decoder: Decoder) -> Options {
    Options { acquisition: options(), decoder, keeping: None }
}

/// Passes on what it is given, and tells the newest cursor.
struct Stored(mpsc::UnboundedSender<Message>, watch::Sender<Option<SourceCursor>>);

impl Sink<Message> for Stored {
    type Error = Infallible;

    async fn write(&mut self, messages: Vec<Message>) -> Result<(), Infallible> {
        for message in messages {
            let received_time = message.headers.received_time;
            let cursor = message.headers.cursor.clone();
            self.1.send_replace(cursor.map(|cursor| SourceCursor { received_time, cursor }));
            self.0.send(message).unwrap();
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_source_is_followed_across_connections() {
    let (listener, source) = listen("ws").await;
    let (sender, mut stored) = mpsc::unbounded_channel();
    let (cursor, _) = watch::channel(None);
    let last_stored = cursor.clone();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(run(
        vec![Input::Source(source)],
        Stored(sender, cursor),
        move |_: Arc<str>| std::future::ready(Ok(last_stored.borrow().clone())),
        ManualClock::at(WallTime(7)),
        decoding_with(pulso_testkit::decoder()),
        shutdown.clone(),
    ));
    let (mut socket, asked) = accept(&listener).await;
    assert_eq!(asked, "/stream");
    let sent = r#"{"mtime":5,"rsvp_id":9}"#;
    socket.send(Frame::text(sent)).await.unwrap();
    let Message { headers, key, payload } = stored.recv().await.unwrap();
    assert_eq!((payload.as_ref(), key), (sent.as_bytes(), Some(Key::Integer(9))));
    assert_eq!((&*headers.source, headers.received_time), ("local", WallTime(7)));
    assert_eq!(headers.cursor.as_deref(), Some("5"));
    socket.close(None).await.unwrap();
    drop(socket);
    let (mut socket, asked) = accept(&listener).await;
    assert_eq!(asked, "/stream?since_mtime=3");
    socket.send(Frame::binary(vec![0xff])).await.unwrap();
    let Message { headers, key, payload } = stored.recv().await.unwrap();
    assert_eq!((payload.as_ref(), key), ([0xff].as_slice(), None));
    assert_eq!(headers.cursor.as_deref(), Some("5"), "as of before: it has no time of its own");
    shutdown.cancel();
    assert!(socket.next().await.unwrap().unwrap().is_close());
    assert_eq!(running.await.unwrap().unwrap().stored, 2);
}

#[tokio::test]
async fn an_encrypted_source_is_greeted_with_tls() {
    let (listener, source) = listen("wss").await;
    let (sender, _stored) = mpsc::unbounded_channel();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(run(
        vec![Input::Source(source)],
        Stored(sender, watch::Sender::default()),
        |_: Arc<str>| std::future::ready(Ok(None)),
        ManualClock::default(),
        decoding_with(pulso_testkit::decoder()),
        shutdown.clone(),
    ));
    for _ in 0..2 {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The type of a handshake record, RFC 8446, section 5.1.
        assert_eq!(stream.read_u8().await.unwrap(), 0x16);
    }
    shutdown.cancel();
    assert_eq!(running.await.unwrap().unwrap().stored, 0);
}

#[tokio::test]
async fn a_check_connects_or_says_why_not() {
    let (listener, source) = listen("ws").await;
    let (options, greeting) = (options(), accept(&listener));
    let (checked, _) = tokio::join!(check(&source, &options), greeting);
    checked.unwrap();
    drop(listener);
    let error = check(&source, &options).await.unwrap_err();
    assert!(format!("{error:#}").starts_with("failed to connect: "), "{error:#}");
}
