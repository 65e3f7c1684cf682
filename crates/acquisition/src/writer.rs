//! Takes messages out of all buffers and stores them in batches.

use std::collections::BTreeSet;
use std::sync::Arc;

use pulso_pipeline::{Message, Sink, observe};
use pulso_runtime::config::Acquisition;
use pulso_runtime::{Retries, RetryPolicy};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::buffer::{Buffered, Gauge, Room};
use crate::spool::SpoolHandle;
use crate::{COMPONENT, Error};

pub(crate) struct Writer<S> {
    /// Whose messages these are.
    pub(crate) stream: &'static str,
    pub(crate) sink: S,
    pub(crate) receiver: mpsc::UnboundedReceiver<Buffered>,
    /// What had no room in the last batch.
    pub(crate) held: Option<Buffered>,
    pub(crate) gauges: Vec<Gauge>,
    pub(crate) options: Acquisition,
    /// How many messages the sink has dropped, where it may.
    pub(crate) dropped: Option<SpoolHandle>,
    /// Sources of whose messages, stored at once, only the last needs its cursor: long ones, which say all.
    pub(crate) exact: Arc<BTreeSet<Arc<str>>>,
    /// Bounds how often storing is tried again once it is cancelled.
    pub(crate) stop: CancellationToken,
}

impl<S: Sink<Message>> Writer<S> {
    /// Stores until all sources have ended and their buffers are empty; tells how many messages.
    pub(crate) async fn run(mut self) -> Result<u64, Error<S::Error>> {
        let mut stored = 0;
        loop {
            let (messages, rooms) = self.next_batch().await;
            if messages.is_empty() {
                return Ok(stored);
            }
            let count = messages.len() as u64;
            observe::received(COMPONENT, self.stream, count);
            let dropped = self.dropped();
            self.store(messages).await?;
            let kept = count - (self.dropped() - dropped);
            observe::sent(COMPONENT, self.stream, kept);
            stored += kept;
            // Which of them a sink dropped is not known.
            if kept == count {
                rooms.into_iter().for_each(Room::stored);
            } else {
                drop(rooms);
            }
            self.observe_buffers();
        }
    }

    /// As many messages as come within the delay after the first one; none at the end. Where somebody waits for
    /// one of them, no more than have come: who waits sends nothing, and others gather during the write.
    async fn next_batch(&mut self) -> (Vec<Message>, Vec<Room>) {
        let max = self.options.batch_messages;
        let (mut batch, mut rooms, mut awaited) = (Vec::new(), Vec::new(), false);
        let mut next = match self.held.take() {
            Some(held) => Some(held),
            None => self.receiver.recv().await,
        };
        let until = Instant::now() + self.options.batch_delay;
        while let Some(Buffered { messages, room }) = next {
            if !batch.is_empty() && batch.len() + messages.len() > max {
                self.held = Some(Buffered { messages, room });
                break;
            }
            awaited |= room.is_awaited();
            batch.extend(messages);
            rooms.push(room);
            if batch.len() >= max {
                break;
            }
            next = match self.receiver.try_recv() {
                Ok(next) => Some(next),
                Err(_) if awaited => None,
                Err(_) => timeout_at(until, self.receiver.recv()).await.ok().flatten(),
            };
        }
        self.drop_cursors(&mut batch);
        (batch, rooms)
    }

    fn drop_cursors(&self, messages: &mut [Message]) {
        let mut seen = BTreeSet::new();
        for Message { headers, .. } in messages.iter_mut().rev() {
            if self.exact.contains(&headers.source) && !seen.insert(Arc::clone(&headers.source)) {
                headers.cursor = None;
            }
        }
    }

    async fn store(&mut self, messages: Vec<Message>) -> Result<(), Error<S::Error>> {
        let policy = RetryPolicy {
            initial: self.options.backoff_initial,
            max: self.options.backoff_max,
            ..RetryPolicy::new(COMPONENT, self.stream, "send")
        };
        let mut retries = Retries::new(policy, self.stop.clone());
        loop {
            self.observe_buffers();
            let begin = Instant::now();
            // Copies no payload; a sink takes what it writes, and it may be written again.
            let Err(error) = self.sink.write(messages.clone()).await else {
                observe::sink_write(COMPONENT, self.stream, begin.elapsed());
                return Ok(());
            };
            let count = messages.len();
            retries.after(error).await.map_err(|source| Error::Store { count, source })?;
        }
    }

    fn dropped(&self) -> u64 {
        self.dropped.as_ref().map_or(0, SpoolHandle::dropped)
    }

    fn observe_buffers(&self) {
        self.gauges.iter().for_each(Gauge::observe);
    }
}
