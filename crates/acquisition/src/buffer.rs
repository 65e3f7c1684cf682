//! What waits in memory between one source and the log: bounded in messages and in bytes.
//!
//! The room of a message is given back when it is stored, not when the writer takes it, so the bounds
//! hold for all of a source's messages in memory.

use std::sync::Arc;

use bytes::Bytes;
use pulso_pipeline::{Clock, Headers, Message, observe};
use pulso_runtime::config::Acquisition;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

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
    clock: C,
    bounds: Bounds,
    /// Bounded by the two semaphores.
    sender: mpsc::UnboundedSender<Buffered>,
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
        options: &Acquisition,
        clock: C,
        sender: mpsc::UnboundedSender<Buffered>,
    ) -> Self {
        let messages_max = u32::try_from(options.buffer_messages).unwrap_or(u32::MAX);
        // The configuration keeps both within the permits that a semaphore gives out at once.
        let bytes_max = u32::try_from(options.buffer_bytes.0).unwrap_or(u32::MAX);
        let bounds = Bounds {
            messages: Arc::new(Semaphore::new(messages_max as usize)),
            messages_max,
            bytes: Arc::new(Semaphore::new(bytes_max as usize)),
            bytes_max,
        };
        Self { source, clock, bounds, sender }
    }

    pub(crate) fn source(&self) -> &Arc<str> {
        &self.source
    }

    pub(crate) fn gauge(&self) -> Gauge {
        Gauge { source: Arc::clone(&self.source), bounds: self.bounds.clone() }
    }

    /// Waits until there is room for one more message.
    pub(crate) async fn slot(&self) -> Slot {
        Slot { _permit: acquire(&self.bounds.messages, 1).await }
    }

    /// Waits until there is room for the bytes, too, and hands the message to the writer.
    pub(crate) async fn put(&self, slot: Slot, payload: Bytes) -> Result<(), WriterGone> {
        // A message larger than the buffer takes all of it.
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX).min(self.bounds.bytes_max);
        let headers = Headers { source: Arc::clone(&self.source), received_time: self.clock.now() };
        let bytes = acquire(&self.bounds.bytes, bytes).await;
        let message = Message { headers, payload };
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
