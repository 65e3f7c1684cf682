//! The newest messages of the stream, and how far each client has read.
//!
//! Messages have consecutive numbers. Every client reads all messages in order from where it began,
//! so the messages that at least one client was sent are exactly those before one number,
//! `sent_to`.
//!
//! | guarantee | by |
//! | --- | --- |
//! | a connected client misses nothing, however slow | a message is not evicted before every client has passed it |
//! | a message is sent to somebody, however long nobody is there | at most half of the ring is unsent, then it is full |
//! | a client that comes back misses nothing, if no more than half a ring was sent since | the other half stays |
//!
//! When the ring is full, the stream pauses. Nothing is ever dropped to continue.

use std::collections::{BTreeMap, VecDeque};

use tokio_tungstenite::tungstenite::Utf8Bytes;

#[cfg(test)]
mod tests;

/// A message as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Milliseconds since the epoch.
    pub(crate) mtime_ms: i64,
    pub(crate) payload: Utf8Bytes,
}

/// A connected client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientId(u64);

#[derive(Debug)]
pub(crate) struct Ring {
    capacity: usize,
    entries: VecDeque<Entry>,
    /// Number of the oldest message kept.
    first: u64,
    /// Messages before this number were sent to at least one client.
    sent_to: u64,
    /// The number that each connected client reads next.
    cursors: BTreeMap<ClientId, u64>,
    next_client: u64,
}

impl Ring {
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
    pub(crate) fn push(&mut self, entry: Entry) -> Result<(), Entry> {
        let unsent_max = self.capacity as u64 / 2;
        if self.head() - self.sent_to >= unsent_max {
            return Err(entry);
        }
        if self.entries.len() == self.capacity {
            if self.cursors.values().any(|&cursor| cursor <= self.first) {
                return Err(entry);
            }
            self.entries.pop_front();
            self.first += 1;
        }
        self.entries.push_back(entry);
        Ok(())
    }

    /// Attaches a client, which reads from the first message that it may lack.
    ///
    /// Without `since_mtime_ms`, it gets the messages that nobody was sent. With it, it also gets
    /// everything from the oldest message with an `mtime` not before it. That message is at or
    /// before the client's last one, whose `mtime` it is. Everything that follows is sent again,
    /// not only messages with a greater `mtime`, because late messages have a smaller one. If there
    /// is no such message, the client's last one is older than the ring, and everything kept is
    /// sent again.
    pub(crate) fn attach(&mut self, since_mtime_ms: Option<i64>) -> ClientId {
        let client = ClientId(self.next_client);
        self.next_client += 1;
        let resume_from = since_mtime_ms.map(|since| {
            let known = self.entries.iter().position(|entry| entry.mtime_ms >= since).unwrap_or(0);
            self.first + known as u64
        });
        let cursor = resume_from.map_or(self.sent_to, |resume_from| resume_from.min(self.sent_to));
        self.cursors.insert(client, cursor.max(self.first));
        client
    }

    pub(crate) fn detach(&mut self, client: ClientId) {
        self.cursors.remove(&client);
    }

    /// Returns the client's next messages, at most `count_max`, and the same ones again until
    /// [`Ring::advance`] is called.
    pub(crate) fn read(&self, client: ClientId, count_max: usize) -> Vec<Utf8Bytes> {
        let Some(&cursor) = self.cursors.get(&client) else {
            return Vec::new();
        };
        let skipped = usize::try_from(cursor - self.first).unwrap_or(usize::MAX);
        self.entries
            .iter()
            .skip(skipped)
            .take(count_max)
            .map(|entry| entry.payload.clone())
            .collect()
    }

    /// Records that `count` messages have been sent to a client.
    pub(crate) fn advance(&mut self, client: ClientId, count: u64) {
        if let Some(cursor) = self.cursors.get_mut(&client) {
            *cursor += count;
            self.sent_to = self.sent_to.max(*cursor);
        }
    }

    /// Whether there is nothing for a client to read.
    pub(crate) fn caught_up(&self, client: ClientId) -> bool {
        self.cursors.get(&client).is_none_or(|&cursor| cursor == self.head())
    }

    /// The number of the next message, which is the number of messages so far.
    pub(crate) fn head(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// How many messages have been sent to at least one client.
    pub(crate) fn sent_to(&self) -> u64 {
        self.sent_to
    }

    pub(crate) fn clients(&self) -> usize {
        self.cursors.len()
    }
}
