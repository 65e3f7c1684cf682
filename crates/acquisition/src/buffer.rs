//! What waits in memory between one source and the log: bounded in messages and in bytes.
//!
//! The room of a message is given back when it is stored, not when the writer takes it, so the bounds
//! hold for all of a source's messages in memory.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use pulso_model::{Decoder, EventTime, Head, Key};
use pulso_pipeline::{Clock, Headers, Message, SourceCursor, observe};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::Options;

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
    cursors: Cursors,
    decoder: Decoder,
    clock: C,
    bounds: Bounds,
    /// Bounded by the two semaphores.
    sender: mpsc::UnboundedSender<Buffered>,
}

/// How the messages of a source say where it goes on after them.
#[derive(Debug)]
pub(crate) enum Cursors {
    /// Not at all.
    None,
    /// The largest event time so far, in milliseconds; none before the first.
    LargestTime(AtomicI64),
}

impl Cursors {
    pub(crate) fn largest_time() -> Self {
        Self::LargestTime(AtomicI64::new(i64::MIN))
    }

    fn not_before(&self, cursor: &str) {
        if let (Self::LargestTime(largest), Ok(time)) = (self, cursor.parse()) {
            largest.fetch_max(time, Ordering::Relaxed);
        }
    }

    /// After a message of this time.
    fn after(&self, time: Option<EventTime>) -> Option<Arc<str>> {
        let Self::LargestTime(largest) = self else { return None };
        let time = time.map_or(i64::MIN, |time| time.0);
        let largest = largest.fetch_max(time, Ordering::Relaxed).max(time);
        (largest > i64::MIN).then(|| largest.to_string().into())
    }
}

/// Shows how full a buffer is.
#[derive(Debug)]
pub(crate) struct Gauge {
    source: Arc<str>,
    bounds: Bounds,
}

impl<C: Clock> Buffer<C> {
    pub(crate) fn new(
        source: Arc<str>,
        cursors: Cursors,
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
        Self { source, cursors, decoder: decoder.clone(), clock, bounds, sender }
    }

    pub(crate) fn source(&self) -> &Arc<str> {
        &self.source
    }

    pub(crate) fn gauge(&self) -> Gauge {
        Gauge { source: Arc::clone(&self.source), bounds: self.bounds.clone() }
    }

    /// Takes note of where the source goes on, as of the log. What it repeats is older, and must not
    /// move that back.
    pub(crate) fn goes_on_after(&self, last: &SourceCursor) {
        self.cursors.not_before(&last.cursor);
    }

    /// Waits until there is room for one more message.
    pub(crate) async fn slot(&self) -> Slot {
        Slot { _permit: acquire(&self.bounds.messages, 1).await }
    }

    /// Waits until there is room for the bytes, too, and hands the message to the writer.
    pub(crate) async fn put(&self, slot: Slot, payload: Bytes) -> Result<(), WriterGone> {
        // A message larger than the buffer takes all of it.
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX).min(self.bounds.bytes_max);
        let received_time = self.clock.now();
        let Head { key, time } = self.decoder.head(&payload);
        let key = key.map(Key::into_owned);
        let time = time.filter(|&time| self.decoder.is_plausible(time, received_time));
        let cursor = self.cursors.after(time);
        let headers = Headers { source: Arc::clone(&self.source), received_time, cursor };
        let bytes = acquire(&self.bounds.bytes, bytes).await;
        let message = Message { headers, key, payload };
        let buffered = Buffered { message, room: Room { _message: slot, _bytes: bytes } };
        self.sender.send(buffered).map_err(|_| WriterGone)
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
        observe::buffered(&self.source, (*messages_max as usize).saturating_sub(free));
    }
}

async fn acquire(semaphore: &Arc<Semaphore>, permits: u32) -> OwnedSemaphorePermit {
    let permit = Arc::clone(semaphore).acquire_many_owned(permits).await;
    permit.expect("the semaphore is never closed")
}
