//! Requests to a source over a real socket, with a log in the hands of the test.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener as StdListener, TcpStream};

use flate2::Compression;
use flate2::write::GzEncoder;
use pulso_pipeline::Retry;
use pulso_runtime::config::{Acquisition, Protocol};
use tokio::task::spawn_blocking;

use super::*;
use crate::Input;
use crate::testing::{Running, options, payload, payloads, source};

const PATH: &str = "/api/v1/streams/rsvps/messages";

/// A source at work, and how to send to it.
struct Pushed {
    running: Running,
    address: SocketAddr,
}

#[derive(Debug)]
struct Answered {
    status: u16,
    head: String,
    body: String,
}

/// A free port, as far as anybody can know.
fn free() -> SocketAddr {
    StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn input(address: SocketAddr, token: Option<Secret>) -> Input {
    let protocol = Protocol::Push { listen: address, token, body_bytes_max: ByteSize(4096) };
    Input::Source(pulso_runtime::config::Source { protocol, urls: Vec::new(), ..source("a") })
}

/// Sends text, ends there if it is cut off, and reads all that comes back; nothing where nobody answers.
fn exchange(address: SocketAddr, text: &[u8], cut: bool) -> Option<Answered> {
    let mut stream = loop {
        // The source may be about to listen.
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    stream.write_all(text).ok()?;
    if cut {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    let mut answer = Vec::new();
    // Who does not read a body to its end may break the connection off behind the answer.
    stream.read_to_end(&mut answer).ok();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answered { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}

impl Pushed {
    fn start(acquisition: Acquisition) -> Self {
        let address = free();
        Self { running: Running::start(vec![input(address, None)], acquisition), address }
    }

    /// The same after a crash: with a log that has these messages of the source.
    fn again(stored: Vec<pulso_pipeline::Message>) -> Self {
        let address = free();
        let running = Running::start_after(stored, vec![input(address, None)], options());
        Self { running, address }
    }

    /// Sends a request in the background.
    fn sending(&self, head: &str, body: &[u8]) -> tokio::task::JoinHandle<Option<Answered>> {
        let length = body.len();
        let mut request = format!(
            "POST {PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n{head}\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        let address = self.address;
        spawn_blocking(move || exchange(address, &request, false))
    }

    async fn send(&self, head: &str, body: &[u8]) -> Answered {
        self.sending(head, body).await.unwrap().unwrap()
    }

    async fn raw(&self, request: &str, cut: bool) -> Option<Answered> {
        let (address, request) = (self.address, request.as_bytes().to_vec());
        spawn_blocking(move || exchange(address, &request, cut)).await.unwrap()
    }
}

fn lines(numbers: std::ops::Range<u64>) -> Vec<u8> {
    numbers.flat_map(|number| format!("{}\n", payload(number)).into_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_that_all_is_stored() {
    let pushed = Pushed::start(options());
    let answered = pushed.send("Content-Type: application/x-ndjson\r\n", &lines(0..3)).await;
    assert_eq!((answered.status, &*answered.body), (200, "{\"messages\":3}\n"));
    assert_eq!(pushed.running.log.stored("a"), payloads(0..3));
    // What `curl --data-binary` sends; empty lines and the ends of lines are nothing.
    let body = format!("{}\r\n\n{}", payload(3), payload(4));
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert_eq!(pushed.send(form, body.as_bytes()).await.status, 200);
    let answered = pushed.send("Content-Type: application/json\r\n", b"{\n\"rsvp_id\":\n5}").await;
    assert_eq!(answered.body, "{\"messages\":1}\n", "JSON is one message");
    let mut all = payloads(0..5);
    all.push("{\n\"rsvp_id\":\n5}".into());
    assert_eq!(pushed.running.log.stored("a"), all);
    pushed.running.stop(6).await;
}

/// Whoever waits for the answer sends nothing meanwhile, so a write that waited for more would wait for nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_does_not_wait_for_others() {
    let batch_delay = Duration::from_hours(1);
    let pushed = Pushed::start(Acquisition { batch_delay, ..options() });
    assert_eq!(pushed.send("", &lines(0..3)).await.status, 200);
    pushed.running.stop(3).await;
}

/// A write has the messages of all requests that came during the one before.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_are_stored_together() {
    let pushed = Pushed::start(options());
    pushed.running.log.block();
    let sending: Vec<_> = (0..4).map(|_| pushed.sending("", &lines(0..10))).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    pushed.running.log.unblock();
    for sending in sending {
        assert_eq!(sending.await.unwrap().unwrap().status, 200);
    }
    let batches = pushed.running.log.batches();
    assert!(batches.len() <= 2 && batches.iter().sum::<usize>() == 40, "{batches:?}");
    pushed.running.stop(40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_before_it_is_stored() {
    let pushed = Pushed::start(options());
    pushed.running.log.block();
    let sending = pushed.sending("", &lines(0..2));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!sending.is_finished());
    pushed.running.log.unblock();
    assert_eq!(sending.await.unwrap().unwrap().status, 200);
    assert_eq!(pushed.running.log.stored("a"), payloads(0..2));
    pushed.running.stop(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_log_is_no_success() {
    let pushed = Pushed::start(options());
    pushed.running.log.fail([Retry::No]);
    let answered = pushed.send("", &lines(0..2)).await;
    assert_eq!(answered.status, 503);
    assert!(answered.head.contains("retry-after: 5"), "{answered:?}");
    assert!(pushed.running.end().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_means_the_same_messages() {
    // Each message is a write, so a crash may come between any two.
    let pushed = Pushed::start(Acquisition { batch_messages: 1, ..options() });
    let key = "Idempotency-Key: \"a\"\r\n";
    for _ in 0..2 {
        let answered = pushed.send(key, &lines(0..3)).await;
        assert_eq!((answered.status, &*answered.body), (200, "{\"messages\":3}\n"));
    }
    let other = pushed.send(key, &lines(0..4)).await;
    assert_eq!(other.status, 422);
    pushed.running.log.block();
    let late = "Idempotency-Key: \"b\"\r\n";
    let sending = pushed.sending(late, &lines(3..4));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let busy = pushed.send(late, &lines(3..4)).await;
    assert_eq!(busy.status, 409);
    assert!(busy.head.contains("retry-after: 1"), "{busy:?}");
    pushed.running.log.unblock();
    assert_eq!(sending.await.unwrap().unwrap().status, 200);
    // Keys are of no use to whoever sends none, but they are kept.
    assert_eq!(pushed.send("", &lines(4..5)).await.status, 200);
    let stored = pushed.running.log.messages();
    pushed.running.stop(5).await;

    // At every place in the log at which a crash may come.
    for end in 1..=stored.len() {
        let again = Pushed::again(stored[..end].to_vec());
        for (key, range) in [(key, 0..3), (late, 3..4)] {
            assert_eq!(again.send(key, &lines(range)).await.status, 200);
        }
        assert_eq!(again.running.log.stored("a")[..4], payloads(0..4), "after {end} messages");
        let now = u64::try_from(again.running.log.messages().len() - end).unwrap();
        again.running.stop(now).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_refused_with_the_reason() {
    let pushed = Pushed::start(Acquisition { message_bytes_max: ByteSize(100), ..options() });
    let one = lines(0..1);
    let long = [one.as_slice(), &[b'x'; 101]].concat();
    let big = vec![b'\n'; 4097];
    let refused: [(&str, &[u8], u16, &str); 10] = [
        ("", b"", 400, "no message"),
        ("", b"\n\r\n", 400, "no message"),
        ("", &long, 413, "message 2 has more than 100 bytes"),
        ("", &big, 413, "more than 4096 bytes"),
        ("Content-Type: multipart/form-data\r\n", &one, 415, "content type"),
        ("Content-Encoding: br\r\n", &one, 415, "with gzip"),
        ("Content-Encoding: gzip\r\n", &one, 400, "gzip"),
        ("Origin: https://a.example\r\n", &one, 403, "web pages"),
        ("Idempotency-Key: \r\n", &one, 400, "the key"),
        ("Idempotency-Key: a\r\nContent-Encoding: zip\r\n", &one, 415, "encoding"),
    ];
    for (head, body, status, said) in refused {
        let answered = pushed.send(head, body).await;
        assert_eq!(answered.status, status, "{answered:?}");
        assert!(answered.body.contains(said), "{answered:?}");
        assert!(answered.head.contains("content-type: application/problem+json"), "{answered:?}");
    }
    let raw = async |request: &str| pushed.raw(request, false).await.unwrap();
    let get = raw(&format!("GET {PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
    assert!(get.status == 405 && get.head.contains("allow: post"), "{get:?}");
    let head = "HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    let elsewhere = raw(&format!("POST / {head}")).await;
    assert!(elsewhere.status == 404 && elsewhere.body.contains(PATH), "{elsewhere:?}");
    // It breaks off.
    let head = "HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n";
    let cut = pushed.raw(&format!("POST {PATH} {head}{}\n", payload(1)), true).await;
    assert!(cut.is_none_or(|cut| cut.status == 400));
    assert_eq!(pushed.running.log.messages(), []);
    pushed.running.stop(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_be_compressed_but_is_no_bomb() {
    let pushed = Pushed::start(options());
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let head = "Content-Encoding: gzip\r\n";
    assert_eq!(pushed.send(head, &gzip(&lines(0..5))).await.status, 200);
    let bomb = gzip(&vec![b'x'; 1 << 20]);
    assert!(bomb.len() < 4096);
    assert_eq!(pushed.send(head, &bomb).await.status, 413);
    assert_eq!(pushed.send(head, &gzip(&lines(0..5))[..40]).await.status, 400);
    assert_eq!(pushed.running.log.stored("a"), payloads(0..5));
    pushed.running.stop(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_have_to_know_the_token() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "open sesame\n").unwrap();
    let token = Secret::file("acquisition.sources[0].token_file", file.path().to_owned());
    let address = free();
    let running = Running::start(vec![input(address, Some(token))], options());
    let pushed = Pushed { running, address };
    for wrong in ["", "Authorization: Bearer open\r\n", "Authorization: Basic open sesame\r\n"] {
        let answered = pushed.send(wrong, &lines(0..1)).await;
        assert_eq!(answered.status, 401);
        assert!(answered.head.contains("www-authenticate: bearer"), "{answered:?}");
    }
    let right = "Authorization: bearer open sesame\r\nOrigin: https://a.example\r\n";
    assert_eq!(pushed.send(right, &lines(0..1)).await.status, 200);
    pushed.running.stop(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_taken_than_can_be_kept() {
    // Of messages that wait, with room for two of the largest bodies.
    let batch_delay = Duration::from_millis(1);
    let small = Acquisition { buffer_bytes: ByteSize(100), batch_delay, ..options() };
    let pushed = Pushed::start(small);
    pushed.running.log.block();
    let body = lines(0..60);
    let waiting: Vec<_> = (0..3).map(|_| pushed.sending("", &body)).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let busy = pushed.send("", &[b"x\n".as_slice(); 2000].concat()).await;
    assert_eq!(busy.status, 429);
    assert!(busy.head.contains("retry-after: 1"), "{busy:?}");
    pushed.running.log.unblock();
    for sending in waiting {
        assert_eq!(sending.await.unwrap().unwrap().status, 200);
    }
    pushed.running.stop(180).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_begun_is_stored_whole_at_a_stop() {
    let pushed = Pushed::start(Acquisition { buffer_messages: 1, ..options() });
    pushed.running.log.block();
    let sending = pushed.sending("", &lines(0..10));
    tokio::time::sleep(Duration::from_millis(300)).await;
    pushed.running.shutdown.cancel();
    pushed.running.log.unblock();
    assert_eq!(sending.await.unwrap().unwrap().status, 200);
    assert_eq!(pushed.running.log.stored("a"), payloads(0..10));
    pushed.running.stop(10).await;
}

/// What a filter keeps out is acknowledged; the answer says how much that is, also when it is repeated.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_what_did_not_come_in() {
    let address = free();
    let Input::Source(source) = input(address, None) else { panic!("not a source") };
    let start = |stored, condition: &str| {
        let admission = crate::door::filter(condition);
        let input = Input::Source(pulso_runtime::config::Source { admission, ..source.clone() });
        Pushed { running: Running::start_after(stored, vec![input], options()), address }
    };
    let pushed = start(Vec::new(), "int!(.rsvp_id) < 2");
    let key = "Idempotency-Key: \"one\"\r\n";
    let answers = "{\"filtered\":3,\"messages\":5,\"sampled_out\":0}\n";
    for _ in 0..2 {
        assert_eq!(pushed.send(key, &lines(0..5)).await.body, answers);
    }
    let none = pushed.send("Idempotency-Key: \"two\"\r\n", &lines(2..4)).await;
    assert_eq!(
        (none.status, &*none.body),
        (200, "{\"filtered\":2,\"messages\":2,\"sampled_out\":0}\n")
    );
    assert_eq!(pushed.running.log.stored("a"), payloads(0..2));
    let stored = pushed.running.log.messages();
    pushed.running.stop(2).await;
    // After a start the log knows that all of the first is done with, whatever is filtered now.
    let pushed = start(stored, "true");
    let again = pushed.send(key, &lines(0..5)).await;
    assert_eq!((again.status, pushed.running.log.stored("a").len()), (200, 2));
    pushed.running.stop(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_source_takes_nothing_and_says_so() {
    let (directory, address) = (tempfile::tempdir().unwrap(), free());
    let sources = pulso_runtime::sources::Sources::in_folder(directory.path());
    let keeping = crate::Keeping { sources: sources.clone(), health: Default::default() };
    sources.pause("a", pulso_model::WallTime(0)).unwrap();
    let inputs = vec![input(address, None)];
    let running = Running::start_kept(Vec::new(), inputs, options(), Some(keeping));
    let pushed = Pushed { running, address };
    let refused = pushed.send("", &lines(0..2)).await;
    assert_eq!(refused.status, 503);
    assert!(refused.head.contains("retry-after: 30") && refused.body.contains("is paused"));
    assert_eq!(pushed.running.log.messages(), []);
    sources.resume("a").unwrap();
    while pushed.send("", &lines(0..2)).await.status != 200 {}
    assert_eq!(pushed.running.log.stored("a"), payloads(0..2));
    pushed.running.stop(2).await;
}
