//! What waits in memory between one source and the log: bounded in messages and in bytes.
//!
//! The room of a message is given back when it is stored, not when the writer takes it, so the bounds
//! hold for all of a source's messages in memory.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use pulso_model::{Decoder, EventTime, Head, Key, StoreOptions, WallTime};
use pulso_pipeline::{Clock, Headers, Message, SourceCursor, observe};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tracing::{error, warn};

use crate::door::{Door, Verdict};
use crate::state::{Counts, Switch};
use crate::throttle::Throttle;
use crate::{COMPONENT, Options};

/// What comes at once goes on in parts, several to a write, so that most of a write is used.
const PARTS_PER_WRITE: usize = 4;

/// How often it is logged that messages are cut off, or that a filter fails, at most.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// The writer has ended, because of an error that it reports itself.
#[derive(Debug)]
pub(crate) struct WriterGone;

/// Messages that are stored at once, the last with the cursor behind all of them, and the room that they take.
#[derive(Debug)]
pub(crate) struct Buffered {
    pub(crate) messages: Vec<Message>,
    pub(crate) room: Room,
}

/// Given back to the buffer when it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    _message: Slot,
    _bytes: OwnedSemaphorePermit,
    receipt: Option<Receipt>,
}

impl Room {
    /// Whether somebody waits until the messages are stored.
    pub(crate) fn is_awaited(&self) -> bool {
        self.receipt.is_some()
    }

    /// The messages are stored.
    pub(crate) fn stored(self) {
        if let Some(receipt) = self.receipt {
            receipt.stored();
        }
    }
}

/// Tells whoever waits for it that messages are stored, and so are all of their source before.
#[derive(Debug)]
pub(crate) struct Receipt(pub(crate) oneshot::Sender<()>);

impl Receipt {
    pub(crate) fn stored(self) {
        // Nobody may wait any more.
        self.0.send(()).ok();
    }
}

/// Room for one message, or so many as were asked for.
#[derive(Debug)]
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
}

#[derive(Clone, Debug)]
struct Bounds {
    messages: Arc<Semaphore>,
    messages_max: u32,
    bytes: Arc<Semaphore>,
    bytes_max: u32,
}

/// The side of the source.
#[derive(Debug)]
pub(crate) struct Buffer<C> {
    source: Arc<str>,
    decoder: Decoder,
    /// What of a message is stored, where the stream asks.
    store: StoreOptions,
    door: Door,
    counts: Arc<Counts>,
    switch: Switch,
    clock: C,
    /// How many messages go on together at most.
    together_max: usize,
    bounds: Bounds,
    /// Bounded by the two semaphores.
    sender: mpsc::UnboundedSender<Buffered>,
    cuts: Mutex<Throttle>,
    undecided: Mutex<Throttle>,
    /// Where the source goes on, if that is behind messages that did not come in.
    passed: Mutex<Option<SourceCursor>>,
}

/// When a message happened and came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Its event time, when that is near enough to be true.
    pub(crate) time: Option<EventTime>,
    pub(crate) received_time: WallTime,
}

/// Shows how full a buffer is.
#[derive(Debug)]
pub(crate) struct Gauge {
    stream: &'static str,
    source: Arc<str>,
    bounds: Bounds,
}

impl<C: Clock> Buffer<C> {
    pub(crate) fn new(
        (source, door, switch): (Arc<str>, Door, Switch),
        options: &Options,
        clock: C,
        sender: mpsc::UnboundedSender<Buffered>,
    ) -> Self {
        let Options { acquisition: options, decoder, .. } = options;
        let messages_max = u32::try_from(options.buffer_messages).unwrap_or(u32::MAX);
        // The configuration keeps both within the permits that a semaphore gives out at once.
        let bytes_max = u32::try_from(options.buffer_bytes.0).unwrap_or(u32::MAX);
        let bounds = Bounds {
            messages: Arc::new(Semaphore::new(messages_max as usize)),
            messages_max,
            bytes: Arc::new(Semaphore::new(bytes_max as usize)),
            bytes_max,
        };
        let together_max =
            (options.batch_messages / PARTS_PER_WRITE).clamp(1, options.buffer_messages);
        let store = StoreOptions {
            anonymize_addresses: options.anonymize_addresses,
            host: options.host.clone(),
        };
        let decoder = decoder.clone();
        let counts = Arc::new(Counts::of(decoder.stream().name, &source));
        let [cuts, undecided] = [LOG_INTERVAL; 2].map(|every| Mutex::new(Throttle::new(every)));
        let passed = Mutex::default();
        Self {
            source,
            decoder,
            store,
            door,
            counts,
            switch,
            clock,
            together_max,
            bounds,
            sender,
            cuts,
            undecided,
            passed,
        }
    }

    pub(crate) fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// The name of the stream that the messages are of.
    pub(crate) fn stream(&self) -> &'static str {
        self.decoder.stream().name
    }

    pub(crate) fn gauge(&self) -> Gauge {
        let (source, bounds) = (Arc::clone(&self.source), self.bounds.clone());
        Gauge { stream: self.stream(), source, bounds }
    }

    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    pub(crate) fn switch(&self) -> &Switch {
        &self.switch
    }

    /// How many messages can go on together at most: with room, and in one write.
    pub(crate) fn together_max(&self) -> usize {
        self.together_max
    }

    /// Waits until there is room for one more message, and the source is not paused.
    pub(crate) async fn slot(&self) -> Slot {
        self.slots(1).await
    }

    /// The same for up to [`together_max`](Self::together_max) messages.
    pub(crate) async fn slots(&self, count: usize) -> Slot {
        self.switch.resumed().await;
        self.room(count).await
    }

    /// Waits until there is room for so many messages that are here already.
    pub(crate) async fn room(&self, count: usize) -> Slot {
        let count = u32::try_from(count).unwrap_or(u32::MAX).min(self.bounds.messages_max);
        Slot { _permit: acquire(&self.bounds.messages, count).await }
    }

    /// Hands a message to the writer, if it comes in, once there is room for its bytes, too. `cursor` says where
    /// the source goes on after it.
    pub(crate) async fn put(
        &self,
        slot: Slot,
        payload: Bytes,
        cursor: impl FnOnce(Times) -> Option<Arc<str>>,
    ) -> Result<(), WriterGone> {
        let payload = self.stored(payload);
        let verdict = self.judge(&payload);
        self.count(&verdict);
        let (key, times) = self.times(&payload);
        let (cursor, received_time) = (cursor(times), times.received_time);
        if verdict.keeps() {
            let message = self.message(payload, key, received_time, cursor);
            return self.hand_on(slot, vec![message], None).await;
        }
        // The source goes on all the same.
        if let Some(cursor) = cursor {
            *lock(&self.passed) = Some(SourceCursor { received_time, cursor });
        }
        Ok(())
    }

    /// The same for messages that are stored at once. `cursor` says where the source goes on behind all of them.
    pub(crate) async fn put_together(
        &self,
        slot: Slot,
        payloads: impl IntoIterator<Item = Bytes>,
        cursor: Arc<str>,
    ) -> Result<(), WriterGone> {
        let mut kept = Vec::new();
        for payload in payloads {
            let payload = self.stored(payload);
            let verdict = self.judge(&payload);
            self.count(&verdict);
            if verdict.keeps() {
                kept.push(payload);
            }
        }
        if kept.is_empty() {
            let received_time = self.clock.now();
            *lock(&self.passed) = Some(SourceCursor { received_time, cursor });
            return Ok(());
        }
        self.put_for(slot, kept, Some(cursor), None).await
    }

    /// What of a message goes on from here: as much as is to be stored.
    pub(crate) fn stored(&self, payload: Bytes) -> Bytes {
        self.decoder.stored(&payload, &self.store).map_or(payload, Bytes::from)
    }

    /// Judges a message that is as it is [`stored`](Self::stored).
    pub(crate) fn judge(&self, payload: &[u8]) -> Verdict {
        self.door.judge(&self.decoder, payload, self.clock.now())
    }

    /// Whether every message comes in.
    pub(crate) fn is_open(&self) -> bool {
        self.door.is_open()
    }

    /// Counts what becomes of a message.
    pub(crate) fn count(&self, verdict: &Verdict) {
        self.counts.read();
        match verdict {
            Verdict::Kept => {}
            Verdict::Filtered => self.counts.filtered(),
            Verdict::SampledOut => self.counts.sampled_out(),
            Verdict::Undecided(error) => {
                self.counts.filter_error();
                if let Some(suppressed) = lock(&self.undecided).pass(Instant::now()) {
                    let source = &self.source;
                    warn!(%source, error, suppressed, "a filter failed on a message, which is kept");
                }
            }
        }
    }

    /// Hands on messages that come in, for somebody who may wait until they are stored. They are as they are
    /// [`stored`](Self::stored), and counted.
    pub(crate) async fn put_for(
        &self,
        slot: Slot,
        payloads: Vec<Bytes>,
        cursor: Option<Arc<str>>,
        receipt: Option<Receipt>,
    ) -> Result<(), WriterGone> {
        let mut messages = Vec::with_capacity(payloads.len());
        for payload in payloads {
            let (key, times) = self.times(&payload);
            messages.push(self.message(payload, key, times.received_time, None));
        }
        if let Some(last) = messages.last_mut() {
            last.headers.cursor = cursor;
        }
        self.hand_on(slot, messages, receipt).await
    }

    fn message(
        &self,
        payload: Bytes,
        key: Option<Key<'static>>,
        received_time: WallTime,
        cursor: Option<Arc<str>>,
    ) -> Message {
        let headers = Headers { source: Arc::clone(&self.source), received_time, cursor };
        Message { headers, key, payload }
    }

    async fn hand_on(
        &self,
        slot: Slot,
        messages: Vec<Message>,
        receipt: Option<Receipt>,
    ) -> Result<(), WriterGone> {
        let size = |Message { headers, payload, .. }: &Message| {
            payload.len() + headers.cursor.as_ref().map_or(0, |cursor| cursor.len())
        };
        // What is larger than the buffer takes all of it.
        let bytes = messages.iter().map(size).sum::<usize>();
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.bounds.bytes_max);
        let bytes = acquire(&self.bounds.bytes, bytes).await;
        let room = Room { _message: slot, _bytes: bytes, receipt };
        *lock(&self.passed) = None;
        self.sender.send(Buffered { messages, room }).map_err(|_| WriterGone)
    }

    fn times(&self, payload: &[u8]) -> (Option<Key<'static>>, Times) {
        let received_time = self.clock.now();
        let Head { key, time } = self.decoder.head(payload);
        let time = time.filter(|&time| self.decoder.is_plausible(time, received_time));
        (key.map(Key::into_owned), Times { time, received_time })
    }

    /// Where the source goes on once all that came in is stored, if the last messages did not come in.
    pub(crate) fn passed(&self) -> Option<SourceCursor> {
        lock(&self.passed).clone()
    }

    /// Counts and logs that a message was longer than this, and lost its rest.
    pub(crate) fn report_cut(&self, bytes_max: usize) {
        observe::error_of_stream(COMPONENT, self.stream(), "receive", "line_too_long");
        if let Some(suppressed) = lock(&self.cuts).pass(Instant::now()) {
            let source = &self.source;
            error!(%source, bytes_max, suppressed, "cut off the rest of a message that is too long");
        }
    }

    /// Waits until all messages of this source are stored (or the writer is gone).
    pub(crate) async fn drained(&self) {
        drop(acquire(&self.bounds.messages, self.bounds.messages_max).await);
    }
}

impl Gauge {
    pub(crate) fn observe(&self) {
        let Bounds { messages, messages_max, .. } = &self.bounds;
        let free = messages.available_permits();
        observe::buffered(self.stream, &self.source, (*messages_max as usize).saturating_sub(free));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn acquire(semaphore: &Arc<Semaphore>, permits: u32) -> OwnedSemaphorePermit {
    let permit = Arc::clone(semaphore).acquire_many_owned(permits).await;
    permit.expect("the semaphore is never closed")
}
