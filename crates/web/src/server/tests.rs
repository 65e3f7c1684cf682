//! Tests in memory and in paused time, except where they need a port: no client here really waits.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use pulso_model::{Day, View};
use pulso_pipeline::{Aggregate, Aggregation, Documents, LayerChoice, Page, Query};
use pulso_runtime::Config;
use pulso_runtime::server::{
    CONNECTION_AGE_MAX, CONNECTION_END_WAIT, CONNECTIONS_MAX, PORTS_TRIED, REQUEST_HEAD_BYTES_MAX,
    REQUEST_HEAD_WAIT, bind, serve_connection,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;

struct Client {
    stream: DuplexStream,
    server: JoinHandle<()>,
    shutdown: CancellationToken,
    started: Instant,
}

/// A view store that never answers.
#[derive(Clone, Debug)]
struct Stuck;

impl Views for Stuck {
    type Error = Infallible;

    async fn query(&self, _: Query) -> Result<Page, Infallible> {
        std::future::pending().await
    }

    async fn aggregate(&self, _: Aggregation) -> Result<Aggregate, Infallible> {
        std::future::pending().await
    }

    async fn scan(&self, _: View, _: LayerChoice) -> Result<Documents<Infallible>, Infallible> {
        std::future::pending().await
    }

    async fn completed_days(&self, _: View) -> Result<BTreeSet<Day>, Infallible> {
        std::future::pending().await
    }
}

/// A view store that counts its queries and answers when told to.
#[derive(Clone, Debug)]
struct Slow {
    asked: watch::Sender<usize>,
    answers: Arc<Semaphore>,
}

impl Slow {
    fn new() -> Self {
        Self { asked: watch::Sender::default(), answers: Arc::new(Semaphore::new(0)) }
    }
}

impl Views for Slow {
    type Error = Infallible;

    async fn query(&self, _: Query) -> Result<Page, Infallible> {
        self.asked.send_modify(|asked| *asked += 1);
        self.answers.acquire().await.unwrap().forget();
        Ok(Page::default())
    }

    async fn aggregate(&self, _: Aggregation) -> Result<Aggregate, Infallible> {
        std::future::pending().await
    }

    async fn scan(&self, _: View, _: LayerChoice) -> Result<Documents<Infallible>, Infallible> {
        std::future::pending().await
    }

    async fn completed_days(&self, _: View) -> Result<BTreeSet<Day>, Infallible> {
        std::future::pending().await
    }
}

/// A connection to a server whose `/` never answers and whose `/ok` does.
fn connect() -> Client {
    let router = Router::new()
        .route("/", get(async || std::future::pending::<()>().await))
        .route("/ok", get(async || "fine"));
    connect_to(router)
}

fn connect_to(router: Router) -> Client {
    let (stream, other_end) = tokio::io::duplex(1024);
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve_connection(
        other_end,
        TowerToHyperService::new(router),
        shutdown.clone(),
    ));
    Client { stream, server, shutdown, started: Instant::now() }
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads until the server closes the connection.
    async fn read(&mut self) -> String {
        let mut text = String::new();
        self.stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[track_caller]
    fn check_elapsed(&self, expected: Duration) {
        let elapsed = self.started.elapsed();
        let tolerance = Duration::from_millis(10);
        assert!(elapsed >= expected && elapsed < expected + tolerance, "{elapsed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_its_request_is_cut_off() {
    let mut client = connect();
    client.send("GET /ok HTTP/1.1\r\nhost: ").await;
    client.read().await;
    client.check_elapsed(REQUEST_HEAD_WAIT);
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_is_cut_off() {
    let mut client = connect();
    client.send("GET /ok HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let text = client.read().await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    client.check_elapsed(REQUEST_HEAD_WAIT);
}

#[tokio::test(start_paused = true)]
async fn an_endless_head_is_refused() {
    let mut client = connect();
    let endless = format!("GET /ok HTTP/1.1\r\nx: {}", "x".repeat(REQUEST_HEAD_BYTES_MAX));
    // The server may hang up before it has read everything.
    let sent = client.stream.write_all(endless.as_bytes()).await;
    let text = client.read().await;
    assert!(text.starts_with("HTTP/1.1 431 "), "{text} {sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_outlives_the_shutdown_is_broken_off() {
    let mut client = connect();
    client.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    tokio::task::yield_now().await;
    client.shutdown.cancel();
    assert_eq!(client.read().await, "");
    client.check_elapsed(CONNECTION_END_WAIT);
    client.server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_ends() {
    let mut client = connect();
    client.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(client.read().await, "");
    client.check_elapsed(CONNECTION_AGE_MAX + CONNECTION_END_WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_given_up() {
    let options = Options::open(&Config::default()).unwrap();
    let mut client = connect_to(http::router(
        Stuck,
        Facts::default,
        String::new,
        options,
        CancellationToken::new(),
    ));
    client
        .send("GET /api/v1/groups HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await;
    let text = client.read().await;
    assert!(text.starts_with("HTTP/1.1 503 "), "{text}");
    assert!(text.contains(r#""instance":"/api/v1/groups""#), "{text}");
    assert!(text.contains("ask for a shorter range"), "{text}");
    client.check_elapsed(http::REQUEST_TIME_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_body_is_refused_unread() {
    let options = Options::open(&Config::default()).unwrap();
    let shutdown = CancellationToken::new();
    let mut client =
        connect_to(http::router(Stuck, Facts::default, String::new, options, shutdown));
    let head = "GET /api/v1/groups HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
    client.send(&format!("{head}content-length: 1000000000\r\n\r\n")).await;
    let text = client.read().await;
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    client.check_elapsed(Duration::ZERO);
}

const REQUEST: &str = "GET /api/v1/groups HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn the_views_are_asked_only_so_much_at_once() {
    let options = Options::open(&Config::default()).unwrap();
    let views = Slow::new();
    let router =
        http::router(views.clone(), Facts::default, String::new, options, CancellationToken::new());
    let mut clients: Vec<_> = (0..40).map(|_| connect_to(router.clone())).collect();
    for client in &mut clients {
        client.send(REQUEST).await;
    }
    // On paused time this goes on when nobody else can.
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(*views.asked.borrow(), http::QUERIES_MAX);
    views.answers.add_permits(5);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(*views.asked.borrow(), http::QUERIES_MAX + 5);
}

/// Uses a real port: when the maximum number of connections is open, the next one waits for one to
/// end.
#[tokio::test]
async fn more_connections_than_there_may_be_wait_for_their_turn() {
    let listener = bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
    let address = listener.local_addr().unwrap();
    let options = Options::open(&Config::default()).unwrap();
    let shutdown = CancellationToken::new();
    let views = Slow::new();
    let running =
        run(listener, views.clone(), Facts::default, String::new, options, shutdown.clone());
    let running = tokio::spawn(running);
    let ask = async |client: &mut TcpStream| {
        client.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    };
    let answer = async |client: &mut TcpStream| {
        let mut bytes = [0; 2048];
        let count = client.read(&mut bytes).await.unwrap();
        assert!(bytes[..count].starts_with(b"HTTP/1.1 200 OK"));
    };
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut client = TcpStream::connect(address).await.unwrap();
        ask(&mut client).await;
        answer(&mut client).await;
        clients.push(client);
    }
    let mut next = TcpStream::connect(address).await.unwrap();
    ask(&mut next).await;
    // The server answers all others meanwhile.
    for client in &mut clients {
        ask(client).await;
        answer(client).await;
    }
    assert!(next.try_read(&mut [0; 1]).is_err(), "it has no place yet");
    clients.pop();
    answer(&mut next).await;

    // A stop waits for what is under way.
    next.write_all(REQUEST.as_bytes()).await.unwrap();
    views.asked.subscribe().wait_for(|asked| *asked == 1).await.unwrap();
    shutdown.cancel();
    for client in &mut clients {
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0, "closed");
    }
    assert!(!running.is_finished());
    views.answers.add_permits(1);
    answer(&mut next).await;
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_an_error_or_the_next_one_is_taken() {
    let first = bind("127.0.0.1:0".parse().unwrap(), true).await.unwrap();
    let taken = first.local_addr().unwrap();
    let error = bind(taken, false).await.unwrap_err();
    assert_eq!(error.to_string(), format!("failed to listen on `{taken}`"));
    let next = bind(taken, true).await.unwrap().local_addr().unwrap();
    assert!((1..PORTS_TRIED).contains(&(next.port() - taken.port())), "{next} after {taken}");
}
