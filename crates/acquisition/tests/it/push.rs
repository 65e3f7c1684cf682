//! Senders repeat what was not answered, the program is killed at any moment, and every message comes once.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::file::{counts, kill, log, start};

const KILLS: usize = 50;
const SENDERS: u64 = 3;

/// Whether the messages of a POST are stored; whoever does not know it sends them again.
fn stored(address: SocketAddr, key: &str, body: &str) -> Option<()> {
    let mut stream = TcpStream::connect(address).ok()?;
    let length = body.len();
    write!(
        stream,
        "POST /api/v1/streams/rsvps/messages HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Idempotency-Key: \"{key}\"\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    if answer.starts_with("HTTP/1.1 200") {
        return Some(());
    }
    let later = ["HTTP/1.1 409", "HTTP/1.1 429", "HTTP/1.1 503"];
    assert!(answer.is_empty() || later.iter().any(|later| answer.starts_with(later)), "{answer}");
    None
}

/// Sends one POST after the other until it is to end; how many messages that were.
fn send(address: SocketAddr, sender: u64, ends: &AtomicBool) -> u64 {
    let (mut random, mut sent) = (StdRng::seed_from_u64(sender), 0);
    for post in 0.. {
        if ends.load(Ordering::Relaxed) {
            break;
        }
        let messages = random.random_range(1..200);
        let message = |number: u64| format!("{{\"rsvp_id\":{}}}\n", 10 * (sent + number) + sender);
        let body: String = (0..messages).map(message).collect();
        while stored(address, &format!("{sender}-{post}"), &body).is_none() {
            thread::sleep(Duration::from_millis(5));
        }
        sent += messages;
    }
    sent
}

#[tokio::test]
async fn every_message_is_stored_once_through_kills_by_senders_that_repeat() {
    let directory = tempfile::tempdir().unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = format!(
        "[operations]\nacquisition = \"off\"\n[acquisition]\nbatch_messages = 50\n\
         [[acquisition.sources]]\nname = \"push\"\nprotocol = \"push\"\nlisten = \"{address}\"\n"
    );
    fs::write(directory.path().join("pulso.toml"), config).unwrap();
    let ends = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let ends = Arc::clone(&ends);
            thread::spawn(move || send(address, sender, &ends))
        })
        .collect();
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..KILLS {
        let program = start(directory.path());
        thread::sleep(Duration::from_millis(random.random_range(50..400)));
        kill(program);
    }
    ends.store(true, Ordering::Relaxed);
    let program = start(directory.path());
    let sent: u64 = senders.into_iter().map(|sender| sender.join().unwrap()).sum();
    kill(program);
    let counts = counts(&log(directory.path())).await;
    let wrong = counts.values().filter(|count| **count != 1).count();
    assert_eq!((wrong, counts.len() as u64), (0, sent));
    assert!(sent > 1000, "{sent}: it gets on between two kills");
}
