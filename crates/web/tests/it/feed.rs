//! Messages as they come, to those who follow them.

use pulso_model::WallTime;
use pulso_pipeline::Sink;
use pulso_runtime::Config;
use pulso_runtime::config::Layers;
use pulso_runtime::stores::LogWriter;
use pulso_testkit::message::{EPOCH, message};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

use crate::messages::start;
use crate::server::Server;

const FEED: &str = "/api/v1/streams/rsvps/messages";

/// A client of server-sent events.
struct Follower {
    lines: Lines<BufReader<TcpStream>>,
    /// The last id.
    id: String,
}

impl Follower {
    async fn start(server: &Server, query: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("GET {FEED}{query} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut follower = Self { lines: BufReader::new(stream).lines(), id: String::new() };
        // Where it begins: what is written after this comes.
        while follower.id.is_empty() {
            follower.line().await;
        }
        follower
    }

    async fn line(&mut self) -> String {
        let line = self.lines.next_line().await.unwrap().expect("the answer goes on");
        assert!(!line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.1 200"), "{line}");
        if let Some(id) = line.strip_prefix("id: ") {
            self.id = id.to_owned();
        }
        line
    }

    /// The numbers of so many messages.
    async fn ids(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            // The id of an event may come before or after its data.
            let line = self.line().await;
            let Some(data) = line.strip_prefix("data: ") else { continue };
            let shown: Value = serde_json::from_str(data).unwrap();
            let payload: Value = serde_json::from_str(shown["payload"].as_str().unwrap()).unwrap();
            assert_eq!((&shown["stream"], &shown["source"]), (&"rsvps".into(), &"test".into()));
            ids.push(payload["rsvp_id"].as_i64().unwrap());
            while !self.line().await.is_empty() {}
        }
        ids.sort_unstable();
        ids
    }
}

/// Writes more messages into the log of a folder.
async fn write(folder: &TempDir, ids: std::ops::Range<i64>) {
    let directory = folder.path().display().to_string();
    let overrides = [("data.directory".to_owned(), directory)].into();
    let config = Config::load(&Layers { overrides, ..Layers::default() }).unwrap();
    let messages = ids.map(|id| message(id, EPOCH + id).received(WallTime(0)));
    LogWriter::open(&config).unwrap().write(messages.collect()).await.unwrap();
}

#[tokio::test]
async fn who_follows_gets_what_comes_and_goes_on_where_he_was() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder, 0..5, true).await;
    let mut now = Follower::start(&server, "", "").await;
    let mut all = Follower::start(&server, "?from=start", "").await;
    write(&folder, 5..8).await;
    assert_eq!(now.ids(3).await, [5, 6, 7]);
    assert_eq!(all.ids(8).await, Vec::from_iter(0..8));
    let (id, last) = (now.id.clone(), all.id.clone());
    assert_eq!(id, last);
    drop((now, all));
    write(&folder, 8..10).await;
    let mut back = Follower::start(&server, "", &format!("last-event-id: {id}\r\n")).await;
    assert_eq!(back.ids(2).await, [8, 9]);
    let mut there = Follower::start(&server, &format!("?from={id}"), "").await;
    assert_eq!(there.ids(2).await, [8, 9]);
}

#[tokio::test]
async fn messages_are_filtered_by_what_their_facts_say() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder, 0..5, true).await;
    let of = async |query: &str, count| {
        let mut follower = Follower::start(&server, &format!("?from=start&{query}"), "").await;
        follower.ids(count).await
    };
    assert_eq!(of("response=yes&response=no", 5).await, Vec::from_iter(0..5));
    // None passes these, but the client hears how far it is.
    let mut none = Follower::start(&server, "?from=start&response=no", "").await;
    let begun = none.id.clone();
    while none.id == begun {
        none.line().await;
    }
    write(&folder, 5..6).await;
    let mut back = Follower::start(&server, "", &format!("last-event-id: {}\r\n", none.id)).await;
    assert_eq!(back.ids(1).await, [5], "without a filter");
}

#[tokio::test]
async fn a_wrong_question_is_refused_and_nothing_is_shown_where_members_are_not() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder, 0..1, true).await;
    for (query, status, said) in [
        ("?from=then", 400, "`now`, `start` or the id"),
        ("?from=now&from=now", 400, "more than once"),
        ("?city=x", 400, "there is no parameter `city`"),
        ("?response=", 400, "1 to 512"),
        ("?from=1-2-3-4-5-6", 404, "of another log"),
    ] {
        let answer = server.get(&format!("{FEED}{query}")).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.body);
        assert!(answer.body.contains(said), "{query}: {}", answer.body);
    }
    assert_eq!(server.get("/api/v1/streams/clicks/messages").await.status, 404);
    let folder = TempDir::new().unwrap();
    let hidden = start(&folder, 0..1, false).await;
    assert_eq!(hidden.get(FEED).await.status, 403);
}
