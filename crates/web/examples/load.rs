//! Asks a running server 500 times a second while 200 clients listen to a stream, and says how long answers took and
//! whether every listener was told of every change. `scripts/load.sh` starts the server and calls this.
//!
//! Requests are sent when their time has come, whether or not earlier ones are answered, and are timed from then: so a
//! server that stands still for a while is not asked less.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Connections over which requests are sent in turn: beside the listeners' as many as the server takes.
const CONNECTIONS: usize = 40;

/// The requests of a page, over and over.
const PATHS: [&str; 6] = [
    "/api/v1/status",
    "/api/v1/series?view=country-activity&field=responses&interval=10s",
    "/api/v1/top?view=country-activity&field=responses&by=country&limit=10",
    "/api/v1/trending-topics?window=latest&limit=10",
    "/api/v1/topic-trends?limit=10",
    "/api/v1/country-activity?limit=100",
];

/// How long listeners may be behind the end before they have lost something: the server looks once a second.
const END_WAIT: Duration = Duration::from_secs(10);

#[derive(Debug, Parser)]
struct Cli {
    /// The address of the server
    #[arg(value_name = "IP:PORT")]
    address: String,
    /// How long to ask
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Requests per second
    #[arg(long, default_value_t = 500)]
    rate: u64,
    /// Clients that listen
    #[arg(long, default_value_t = 200)]
    listeners: usize,
    /// The stream to listen to
    #[arg(long, default_value = "rsvps")]
    stream: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    // Listeners go on until they have heard of this point, or of a later one.
    let (goal, watched) = watch::channel(None::<String>);
    let mut listening = JoinSet::new();
    for _ in 0..cli.listeners {
        let listener = Listener::start(&cli, watched.clone()).await?;
        listening.spawn(listener.listen());
    }
    let mut times = ask(&cli).await?;
    let status = Connection::open(&cli.address).await?.get("/api/v1/status").await?;
    let status: Value = serde_json::from_slice(&status)?;
    let streams = status["streams"].as_array().context("a status without streams")?;
    let stream = streams.iter().find(|stream| stream["name"] == cli.stream.as_str());
    let until = stream.and_then(|stream| stream["closed_until"].as_str());
    goal.send_replace(Some(until.context("nothing is counted yet")?.to_owned()));
    let (mut windows, mut lost) = (Vec::new(), 0);
    while let Some(heard) = listening.join_next().await {
        match heard? {
            Ok(count) => windows.push(count),
            Err(error) => {
                eprintln!("a listener: {error:#}");
                lost += 1;
            }
        }
    }
    times.sort_unstable();
    let at = |percent: usize| {
        let index = times.len().saturating_sub(1) * percent / 100;
        times.get(index).copied().unwrap_or_default()
    };
    println!("{} answers in {} s", times.len(), cli.seconds);
    println!("p50 {:.1?}, p90 {:.1?}, p99 {:.1?}, longest {:.1?}", at(50), at(90), at(99), at(100));
    let (fewest, most) = (windows.iter().min(), windows.iter().max());
    println!(
        "{} listeners heard of {fewest:?} to {most:?} changes; {lost} lost some",
        windows.len()
    );
    ensure!(lost == 0, "listeners lost updates");
    Ok(())
}

/// How long each answer took, from when it was due to be asked for.
async fn ask(cli: &Cli) -> Result<Vec<Duration>> {
    let started = Instant::now();
    let interval = Duration::from_secs(1) / u32::try_from(cli.rate)?;
    let count = usize::try_from(cli.rate * cli.seconds)?;
    let mut asking = JoinSet::new();
    for first in 0..CONNECTIONS {
        let mut connection = Connection::open(&cli.address).await?;
        asking.spawn(async move {
            let mut times = Vec::new();
            for number in (first..count).step_by(CONNECTIONS) {
                let due = started + interval * u32::try_from(number)?;
                sleep_until(due).await;
                let path = PATHS.get(number % PATHS.len()).copied().unwrap_or_default();
                connection.get(path).await.with_context(|| format!("failed to get `{path}`"))?;
                times.push(due.elapsed());
            }
            Ok::<_, anyhow::Error>(times)
        });
    }
    let mut times = Vec::new();
    while let Some(asked) = asking.join_next().await {
        times.extend(asked??);
    }
    Ok(times)
}

struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), host: address.to_owned() })
    }

    async fn send(&mut self, path: &str) -> Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host);
        self.stream.write_all(request.as_bytes()).await?;
        let status = self.line().await?;
        ensure!(status.starts_with("HTTP/1.1 200 "), "the answer is `{status}`");
        Ok(())
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            bail!("the server hung up");
        }
        Ok(line.trim_end().to_owned())
    }

    async fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        self.send(path).await?;
        let mut length = 0;
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            if let Some(number) = line.strip_prefix("content-length: ") {
                length = number.parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(body)
    }
}

/// A client that listens, and remembers how far it was told that the data are.
struct Listener {
    connection: Connection,
    goal: watch::Receiver<Option<String>>,
    until: Option<String>,
    changes: usize,
}

impl Listener {
    async fn start(cli: &Cli, goal: watch::Receiver<Option<String>>) -> Result<Self> {
        let mut connection = Connection::open(&cli.address).await?;
        connection.send(&format!("/api/v1/streams/{}/live", cli.stream)).await?;
        Ok(Self { connection, goal, until: None, changes: 0 })
    }

    /// The number of changes, each of which went on where the one before ended.
    async fn listen(mut self) -> Result<usize> {
        let mut event = String::new();
        let mut end = None;
        loop {
            let goal = self.goal.borrow().clone();
            if let (Some(goal), Some(until)) = (&goal, &self.until)
                && until >= goal
            {
                return Ok(self.changes);
            }
            if goal.is_some() && end.is_none() {
                end = Some(Instant::now() + END_WAIT);
            }
            let wait = end.unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
            // Reading a line can be broken off only between lines: what was read of one would be lost.
            let Ok(ready) = timeout_at(wait, self.connection.stream.fill_buf()).await else {
                ensure!(end.is_none(), "not told of {goal:?}, only of {:?}", self.until);
                continue;
            };
            ensure!(!ready?.is_empty(), "the server hung up");
            let line = self.connection.line().await?;
            if let Some(name) = line.strip_prefix("event: ") {
                name.clone_into(&mut event);
            } else if let Some(data) = line.strip_prefix("data: ") {
                self.hear(&event, &serde_json::from_str(data)?)?;
            }
        }
    }

    fn hear(&mut self, event: &str, data: &Value) -> Result<()> {
        let text = |name: &str| data[name].as_str().map(str::to_owned);
        match event {
            "state" => self.until = text("closed_until"),
            "window" => {
                let after = text("after");
                ensure!(
                    after == self.until,
                    "told of what is after {after:?}, but knows {:?}",
                    self.until
                );
                self.until = text("closed_until");
                self.changes += 1;
            }
            "batch" => {}
            other => bail!("told of `{other}`"),
        }
        Ok(())
    }
}
