//! What waits in memory between one source and the log: bounded in messages and in bytes.
//!
//! The room of a message is given back when it is stored, not when the writer takes it, so the bounds
//! hold for all of a source's messages in memory.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use pulso_model::{Decoder, EventTime, Head, Key, StoreOptions, WallTime};
use pulso_pipeline::{Clock, Headers, Message, observe};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tracing::error;

use crate::throttle::Throttle;
use crate::{COMPONENT, Options};

/// How often it is logged that messages are cut off, at most.
const CUT_LOG_INTERVAL: Duration = Duration::from_secs(5);

/// The writer has ended, because of an error that it reports itself.
#[derive(Debug)]
pub(crate) struct WriterGone;

/// A message and the room that it takes.
#[derive(Debug)]
pub(crate) struct Buffered {
    pub(crate) message: Message,
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
    /// The message is stored.
    pub(crate) fn stored(self) {
        if let Some(receipt) = self.receipt {
            receipt.stored();
        }
    }
}

/// Tells whoever waits for it that a message is stored, and so are all of its source before.
#[derive(Debug)]
pub(crate) struct Receipt(pub(crate) oneshot::Sender<()>);

impl Receipt {
    pub(crate) fn stored(self) {
        // Nobody may wait any more.
        self.0.send(()).ok();
    }
}

/// Room for one message.
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
    clock: C,
    bounds: Bounds,
    /// Bounded by the two semaphores.
    sender: mpsc::UnboundedSender<Buffered>,
    cuts: Mutex<Throttle>,
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
        source: Arc<str>,
        options: &Options,
        clock: C,
        sender: mpsc::UnboundedSender<Buffered>,
    ) -> Self {
        let Options { acquisition: options, decoder } = options;
        let messages_max = u32::try_from(options.buffer_messages).unwrap_or(u32::MAX);
        // The configuration keeps both within the permits that a semaphore gives out at once.
        let bytes_max = u32::try_from(options.buffer_bytes.0).unwrap_or(u32::MAX);
        let bounds = Bounds {
            messages: Arc::new(Semaphore::new(messages_max as usize)),
            messages_max,
            bytes: Arc::new(Semaphore::new(bytes_max as usize)),
            bytes_max,
        };
        let store = StoreOptions {
            anonymize_addresses: options.anonymize_addresses,
            host: options.host.clone(),
        };
        let (decoder, cuts) = (decoder.clone(), Mutex::new(Throttle::new(CUT_LOG_INTERVAL)));
        Self { source, decoder, store, clock, bounds, sender, cuts }
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

    /// Waits until there is room for one more message.
    pub(crate) async fn slot(&self) -> Slot {
        Slot { _permit: acquire(&self.bounds.messages, 1).await }
    }

    /// Waits until there is room for the bytes, too, and hands the message to the writer. `cursor` says
    /// where the source goes on after it.
    pub(crate) async fn put(
        &self,
        slot: Slot,
        payload: Bytes,
        cursor: impl FnOnce(Times) -> Option<Arc<str>>,
    ) -> Result<(), WriterGone> {
        self.put_for(slot, payload, cursor, None).await
    }

    /// The same for somebody who waits until the message is stored.
    pub(crate) async fn put_for(
        &self,
        slot: Slot,
        payload: Bytes,
        cursor: impl FnOnce(Times) -> Option<Arc<str>>,
        receipt: Option<Receipt>,
    ) -> Result<(), WriterGone> {
        // Only what is to be stored goes on from here.
        let payload = self.decoder.stored(&payload, &self.store).map_or(payload, Bytes::from);
        let received_time = self.clock.now();
        let Head { key, time } = self.decoder.head(&payload);
        let key = key.map(Key::into_owned);
        let time = time.filter(|&time| self.decoder.is_plausible(time, received_time));
        let cursor = cursor(Times { time, received_time });
        let headers = Headers { source: Arc::clone(&self.source), received_time, cursor };
        // A message larger than the buffer takes all of it.
        let bytes = payload.len() + headers.cursor.as_ref().map_or(0, |cursor| cursor.len());
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.bounds.bytes_max);
        let bytes = acquire(&self.bounds.bytes, bytes).await;
        let message = Message { headers, key, payload };
        let room = Room { _message: slot, _bytes: bytes, receipt };
        self.sender.send(Buffered { message, room }).map_err(|_| WriterGone)
    }

    /// Counts and logs that a message was longer than this, and lost its rest.
    pub(crate) fn report_cut(&self, bytes_max: usize) {
        observe::error_of_stream(COMPONENT, self.stream(), "receive", "line_too_long");
        let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(suppressed) = cuts.pass(Instant::now()) {
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

async fn acquire(semaphore: &Arc<Semaphore>, permits: u32) -> OwnedSemaphorePermit {
    let permit = Arc::clone(semaphore).acquire_many_owned(permits).await;
    permit.expect("the semaphore is never closed")
}
