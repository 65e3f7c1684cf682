//! The ring, shared by the producer and the connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::payload::Payload;
use crate::posts::subscription::Start;
use crate::ring::{ClientId, Entry, Read, Ring};

/// A shared ring. Cheap to clone: all clones are the same hub.
#[derive(Debug, Clone)]
pub(super) struct Hub {
    ring: Arc<Mutex<Ring<Payload>>>,
    progress: watch::Sender<Progress>,
    /// Wakes the producer. Only the producer waits for it, so one stored permit is enough.
    room: Arc<Notify>,
}

/// The progress of the stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Messages made so far.
    pub(super) made: u64,
    /// Messages sent to at least one client, or not asked for by it.
    pub(super) sent: u64,
    /// Clients connected now.
    pub(super) clients: usize,
    /// No more messages will be made.
    pub(super) ended: bool,
}

impl Hub {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            ring: Arc::new(Mutex::new(Ring::new(capacity))),
            progress: watch::Sender::new(Progress::default()),
            room: Arc::new(Notify::new()),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Adds messages, and waits for space as often as needed. Leaves `batch` empty.
    pub(super) async fn push_all(&self, batch: &mut Vec<Entry<Payload>>) {
        let mut entries = batch.drain(..);
        let mut next = entries.next();
        while next.is_some() {
            {
                let mut ring = self.lock();
                while let Some(entry) = next {
                    match ring.push(entry) {
                        Ok(()) => next = entries.next(),
                        Err(refused) => {
                            next = Some(refused);
                            break;
                        }
                    }
                }
                self.publish(&ring);
            }
            if next.is_some() {
                self.room.notified().await;
            }
        }
    }

    pub(super) fn end(&self) {
        self.progress.send_modify(|progress| progress.ended = true);
    }

    pub(super) fn attach(&self, since_mtime_ms: Option<i64>) -> ClientId {
        let mut ring = self.lock();
        let client = ring.attach(since_mtime_ms);
        self.publish(&ring);
        client
    }

    /// Lets a client read from where its cursor says; `first_seq` is the number of the stream's first
    /// event. True when what it asked for is not kept any more.
    pub(super) fn attach_at(&self, start: Start, first_seq: u64) -> (ClientId, bool) {
        let mut ring = self.lock();
        let not_before = |time_us: i64| move |payload: &Payload| payload.time_us() >= time_us;
        let (client, outdated) = match start {
            Start::Live => (ring.attach(None), false),
            Start::Seq(seq) => (ring.attach_at(seq.saturating_sub(first_seq)), false),
            Start::Time(time_us) => match ring.find(not_before(time_us)) {
                Some(number) => {
                    let oldest = ring.find(|_| true) == Some(number);
                    // The oldest itself may be what was asked for.
                    let exact = ring.find(not_before(time_us.saturating_add(1))) != Some(number);
                    (ring.attach_at(number), oldest && !exact)
                }
                // A time to come means from now on.
                None => (ring.attach(None), false),
            },
        };
        self.publish(&ring);
        (client, outdated)
    }

    /// The number of the oldest message kept.
    pub(super) fn oldest(&self) -> u64 {
        self.lock().first()
    }

    pub(super) fn detach(&self, client: ClientId) {
        let mut ring = self.lock();
        ring.detach(client);
        self.publish(&ring);
        self.room.notify_one();
    }

    pub(super) fn read(&self, client: ClientId, count_max: usize) -> Read<Payload> {
        self.lock().read(client, count_max)
    }

    pub(super) fn advance(&self, client: ClientId, passed: u64) {
        let mut ring = self.lock();
        ring.advance(client, passed);
        self.publish(&ring);
        self.room.notify_one();
    }

    pub(super) fn caught_up(&self, client: ClientId) -> bool {
        self.lock().caught_up(client)
    }

    /// Completes when this many clients are connected.
    pub(super) async fn clients(&self, count: usize) {
        self.reached(|progress| progress.clients >= count).await;
    }

    /// Completes when the stream has ended and every message has been passed by somebody.
    pub(super) async fn all_sent(&self) {
        self.reached(|progress| progress.ended && progress.sent == progress.made).await;
    }

    async fn reached(&self, condition: impl FnMut(&Progress) -> bool) {
        let mut progress = self.watch();
        progress.wait_for(condition).await.expect("the hub itself holds the sender");
    }

    fn publish(&self, ring: &Ring<Payload>) {
        self.progress.send_if_modified(|progress| {
            let now = Progress {
                made: ring.head(),
                sent: ring.sent_to(),
                clients: ring.clients(),
                ended: progress.ended,
            };
            let changed = *progress != now;
            *progress = now;
            changed
        });
    }

    fn lock(&self) -> MutexGuard<'_, Ring<Payload>> {
        // The ring's methods leave it whole even when a caller panics between them.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
