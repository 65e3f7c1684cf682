//! The newest messages of the stream, and how far each client has read.
//!
//! Messages have consecutive numbers. Every client passes all of them in order from where it began; one that named a
//! `since_mtime` is sent only those that are greater, as the real server's documentation says. The messages that some
//! client has passed are always those before one number, `sent_to`.
//!
//! | guarantee | by |
//! | --- | --- |
//! | a connected client misses nothing, however slow | a message is not evicted before every client has passed it |
//! | a message waits for a client, however long nobody is there | at most half of the ring waits, then it is full |
//! | a client that comes back can have all it missed, if no more than half a ring was sent since | the other half stays |
//!
//! When the ring is full, the stream pauses. Nothing is ever dropped to continue.

use std::collections::{BTreeMap, VecDeque};

use tokio_tungstenite::tungstenite::Utf8Bytes;

#[cfg(test)]
mod tests;

/// A message as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Entry<P = Utf8Bytes> {
    /// Milliseconds since the epoch.
    pub(crate) mtime_ms: i64,
    pub(crate) payload: P,
}

/// A connected client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientId(u64);

/// Where a connected client is.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    /// The number of the message that it reads next.
    next: u64,
    /// It is sent messages with a greater `mtime` only.
    since_mtime_ms: Option<i64>,
}

/// What a client is to be sent.
#[derive(Debug)]
pub(crate) struct Read<P = Utf8Bytes> {
    pub(crate) payloads: Vec<P>,
    /// How many messages these are, together with those between them that the client has not asked for.
    pub(crate) passed: u64,
}

#[derive(Debug)]
pub(crate) struct Ring<P = Utf8Bytes> {
    capacity: usize,
    entries: VecDeque<Entry<P>>,
    /// Number of the oldest message kept.
    first: u64,
    /// Messages before this number were sent to at least one client, or were not what it had asked for.
    sent_to: u64,
    cursors: BTreeMap<ClientId, Cursor>,
    next_client: u64,
}

impl<P: Clone> Ring<P> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: VecDeque::new(),
            first: 0,
            sent_to: 0,
            cursors: BTreeMap::new(),
            next_client: 0,
        }
    }

    /// Adds a message, or gives it back when the ring is full.
    pub(crate) fn push(&mut self, entry: Entry<P>) -> Result<(), Entry<P>> {
        let unsent_max = self.capacity as u64 / 2;
        if self.head() - self.sent_to >= unsent_max {
            return Err(entry);
        }
        if self.entries.len() == self.capacity {
            if self.cursors.values().any(|cursor| cursor.next <= self.first) {
                return Err(entry);
            }
            self.entries.pop_front();
            self.first += 1;
        }
        self.entries.push_back(entry);
        Ok(())
    }

    /// Lets a client read.
    ///
    /// Without `since_mtime_ms` it begins with the first message that nobody was sent. With it, it is sent exactly the
    /// messages with a greater `mtime`, in order of arrival: of those that are kept, and of those to come. A late one
    /// with a smaller `mtime` is not among them, so a client has to ask from before its last message.
    pub(crate) fn attach(&mut self, since_mtime_ms: Option<i64>) -> ClientId {
        let client = ClientId(self.next_client);
        self.next_client += 1;
        let next = if since_mtime_ms.is_some() { self.first } else { self.sent_to };
        let next = next.max(self.first);
        self.cursors.insert(client, Cursor { next, since_mtime_ms });
        client
    }

    /// Lets a client read from the message with this number on, or from the oldest one kept. The
    /// message may be one that is still to come.
    pub(crate) fn attach_at(&mut self, number: u64) -> ClientId {
        let client = self.attach(None);
        let next = number.max(self.first);
        self.cursors.insert(client, Cursor { next, since_mtime_ms: None });
        client
    }

    /// The number of the oldest message kept that is as asked.
    pub(crate) fn find(&self, asked: impl Fn(&P) -> bool) -> Option<u64> {
        let place = self.entries.iter().position(|entry| asked(&entry.payload))?;
        Some(self.first + place as u64)
    }

    /// The number of the oldest message kept, or of the next one to come.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn detach(&mut self, client: ClientId) {
        self.cursors.remove(&client);
    }

    /// The next messages for a client, at most `count_max`; the same again until [`Ring::advance`] is called.
    pub(crate) fn read(&self, client: ClientId, count_max: usize) -> Read<P> {
        let mut read = Read { payloads: Vec::new(), passed: 0 };
        let Some(&Cursor { next, since_mtime_ms }) = self.cursors.get(&client) else {
            return read;
        };
        let behind = usize::try_from(next - self.first).unwrap_or(usize::MAX);
        for entry in self.entries.iter().skip(behind) {
            if read.payloads.len() == count_max {
                break;
            }
            read.passed += 1;
            if since_mtime_ms.is_none_or(|since_ms| entry.mtime_ms > since_ms) {
                read.payloads.push(entry.payload.clone());
            }
        }
        read
    }

    /// Notes that a client has been sent what it read, and so has passed so many messages.
    pub(crate) fn advance(&mut self, client: ClientId, passed: u64) {
        let head = self.head();
        if let Some(cursor) = self.cursors.get_mut(&client) {
            cursor.next += passed;
            self.sent_to = self.sent_to.max(cursor.next.min(head));
        }
    }

    /// Whether there is nothing for a client to read.
    pub(crate) fn caught_up(&self, client: ClientId) -> bool {
        self.cursors.get(&client).is_none_or(|cursor| cursor.next >= self.head())
    }

    /// The number of the next message, which is the number of messages so far.
    pub(crate) fn head(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// How many messages at least one client has passed.
    pub(crate) fn sent_to(&self) -> u64 {
        self.sent_to
    }

    pub(crate) fn clients(&self) -> usize {
        self.cursors.len()
    }
}
