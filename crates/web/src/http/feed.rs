//! The messages of a stream as they come, as server-sent events.
//!
//! Each client reads the log by itself, at its own pace: a slow one delays nobody, and misses only what the
//! log does not keep any more, which it is told. The ids of events are places in the log, so that one that
//! comes back goes on where it was.

pub(super) mod wanted;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::response::sse::Event;
use pulso_model::{Decoder, Offsets, Position};
use pulso_pipeline::{Batch, Record, Source, Views};
use pulso_runtime::config::Lost;
use pulso_runtime::stores::{LogReader, Reading, StoreError};
use pulso_runtime::{Config, chain};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tracing::error;

use super::guard::Login;
use super::live::{COME_BACK_AFTER, Listener, events};
use super::messages::{failed, shown};
use super::{Error, Shared};
use wanted::{From, Wanted, show};

/// The most clients that are given messages at once: each has a reader of its own.
pub(super) const CLIENTS_MAX: usize = 50;

/// Messages that are read at once for a client.
const BATCH_RECORDS: usize = 500;

/// How long a log may take to say where it ends.
const END_WAIT: Duration = Duration::from_secs(5);

/// Messages of a stream until the client goes, or has listened for long.
pub(super) async fn follow<V: Views>(
    State(app): Shared<V>,
    Path(name): Path<String>,
    login: Option<Extension<Login>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Error> {
    let config = app.options.config_of(&name)?;
    if !app.options.shows_members() {
        return Err(Error::NotShown);
    }
    let wanted = Wanted::read(config.stream(), &uri, &headers)?;
    let Ok(place) = Arc::clone(&app.feeds).try_acquire_owned() else {
        return Err(Error::TooManyListeners);
    };
    let reader = Box::pin(app.in_turn(Reader::begin(config, &wanted.from))).await?;
    let client = Client { reader, wanted, greeted: false, _place: place };
    Ok(events(client, app.live.end_for(login)))
}

/// Someone who is given messages.
struct Client {
    reader: Reader,
    wanted: Wanted,
    greeted: bool,
    _place: OwnedSemaphorePermit,
}

impl Listener for Client {
    async fn next(&mut self) -> Option<Event> {
        if !self.greeted {
            self.greeted = true;
            // Its id is where the client begins.
            return Some(Event::default().retry(COME_BACK_AFTER).id(show(&self.reader.next)));
        }
        loop {
            if let Some(event) = self.reader.event(&self.wanted) {
                return Some(event);
            }
            self.reader.read().await.ok()?;
        }
    }
}

/// Reads the log for one client.
struct Reader {
    log: LogReader,
    stream: &'static str,
    decoder: Decoder,
    /// Behind the last message that was looked at.
    next: Offsets,
    /// What was read, and not looked at yet.
    records: VecDeque<Record>,
    /// Whether messages were looked at since the last event.
    moved: bool,
}

impl Reader {
    async fn begin(mut config: Config, from: &From) -> Result<Self, Error> {
        config.log.batch_records = BATCH_RECORDS;
        // What is gone is told.
        config.kafka.lost = Lost::Skip;
        let mut log = LogReader::open(&config, Reading::Shared).await.map_err(failed)?;
        let next = match from {
            From::Start => log.first_offsets().await.map_err(failed)?,
            From::Now => end(&mut log).await?,
            From::Place(next) if next.partitions() == log.partitions() => next.clone(),
            From::Place(_) => {
                let reason = "this id is of another log; begin with `from=start` or `from=now`";
                return Err(Error::NoMessage { reason: reason.to_owned() });
            }
        };
        log.seek(&next).await.map_err(failed)?;
        let (stream, decoder) = (config.stream().name, config.decoder());
        Ok(Self { log, stream, decoder, next, records: VecDeque::new(), moved: false })
    }

    /// Waits for more messages, for a bounded time.
    async fn read(&mut self) -> Result<(), StoreError> {
        let batch: Batch = self.log.next_batch().await.inspect_err(|cause| {
            error!(error = %chain(cause), "failed to read the log");
        })?;
        self.records.extend(batch.records);
        Ok(())
    }

    /// The next event of what was read.
    fn event(&mut self, wanted: &Wanted) -> Option<Event> {
        while let Some(record) = self.records.pop_front() {
            let partition = record.partition;
            let expected = self.next.get(partition).unwrap_or_default();
            if record.offset > expected {
                let missed =
                    json!({ "partition": partition, "messages": record.offset - expected });
                self.next.pass(Position { partition, offset: record.offset - 1 });
                self.records.push_front(record);
                let event = Event::default().event("missed").id(show(&self.next));
                return Some(event.data(missed.to_string()));
            }
            self.next.pass(record.position());
            self.moved = true;
            if wanted.has(&self.decoder, &record) {
                self.moved = false;
                let message = shown(self.stream, &record);
                let data = serde_json::to_string(&message).expect("a message is text and numbers");
                return Some(Event::default().id(show(&self.next)).data(data));
            }
        }
        // Nobody hears of it, but a client that comes back need not have it looked through again.
        std::mem::take(&mut self.moved).then(|| Event::default().id(show(&self.next)))
    }
}

/// Where the log ends, as it says beside what it gives.
async fn end(log: &mut LogReader) -> Result<Offsets, Error> {
    let batch = timeout(END_WAIT, log.next_batch()).await.map_err(|_| Error::TooSlow)?;
    Ok(batch.map_err(failed)?.end_offsets)
}
