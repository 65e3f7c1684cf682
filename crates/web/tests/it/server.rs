//! A server on a free port, and a minimal client for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pulso_pipeline::Views;
use pulso_pipeline::memory::MemoryViews;
use pulso_runtime::Config;
use pulso_streams::{Definition, Streams};
use pulso_web::{Facts, Guard, Messages, Options, Organiser, Served, Windows};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) fn options() -> Options {
    let windows = Windows {
        size: Duration::from_secs(300),
        slide: Duration::from_secs(10),
        max_out_of_orderness: Duration::from_secs(2),
        count_above: 5,
    };
    let brought = Streams::brought();
    let served = |definition: &Definition| {
        let stream = definition.clone().showing(None, Some(true)).stream;
        Served { stream, windows }
    };
    let streams = brought.iter().map(served).collect();
    Options {
        page_limit_default: 10,
        page_limit_max: 100,
        streams,
        guard: Arc::new(Guard::without_login()),
        organiser: Organiser::from(&Config::default()),
        messages: Messages::from(&Config::default()),
    }
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) running: JoinHandle<()>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The head in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Server {
    pub(crate) async fn start(views: impl Views) -> Self {
        Self::start_with(views, Facts::default()).await
    }

    pub(crate) async fn start_with(views: impl Views, facts: Facts) -> Self {
        Self::start_as(views, facts, options()).await
    }

    pub(crate) async fn start_as(views: impl Views, facts: Facts, options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let metrics = || "pulso_up 1\n".to_owned();
        let facts = move || facts.clone();
        let running = pulso_web::run(listener, views, facts, metrics, options, shutdown.clone());
        let running = tokio::spawn(async move { running.await.unwrap() });
        Self { address, shutdown, running }
    }

    pub(crate) async fn empty() -> Self {
        Self::start(MemoryViews::default()).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str) -> Answer {
        self.ask_with(method, path, "accept: */*").await
    }

    /// Asks with another header.
    pub(crate) async fn ask_with(&self, method: &str, path: &str, header: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{header}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        read(stream).await
    }

    /// Sends JSON.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.post_as(path, "application/json", body).await
    }

    pub(crate) async fn post_as(&self, path: &str, media_type: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {media_type}\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        read(stream).await
    }

    pub(crate) async fn get_with(&self, path: &str, header: &str) -> Answer {
        self.ask_with("GET", path, header).await
    }

    /// Asks under another name.
    pub(crate) async fn get_as(&self, host: &str, path: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        read(stream).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).await
    }

    /// The body of an answer that must be successful.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let Answer { status, head, body } = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        assert!(head.contains("content-type: application/json\r\n"), "{path}: {head}");
        serde_json::from_str(&body).unwrap()
    }

    /// The `_id`s of a page.
    pub(crate) async fn ids(&self, path: &str) -> Vec<String> {
        ids(&self.json(path).await)
    }
}

pub(crate) async fn read(mut stream: TcpStream) -> Answer {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: format!("{}\r\n", head.to_lowercase()), body: body.to_owned() }
}

pub(crate) fn ids(page: &Value) -> Vec<String> {
    let documents = page["documents"].as_array().unwrap();
    documents.iter().map(|document| document["_id"].as_str().unwrap().to_owned()).collect()
}
