//! Faults on demand.

use std::time::Duration;

use tokio::sync::watch;

use super::hub::Hub;
use crate::rsvps::{Invitation, Invitations};

/// Disturbs a running stream. Orders reach the clients that are connected at the time. Cheap to
/// clone.
#[derive(Debug, Clone)]
pub struct Control {
    orders: watch::Sender<Orders>,
    hub: Hub,
    invitations: Option<Invitations>,
}

/// The progress of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Messages made so far.
    pub made: u64,
    /// Messages sent to at least one client, or not asked for by it.
    pub sent: u64,
    /// Clients connected now.
    pub clients: usize,
}

/// All orders ever given, as counters. A connection compares them with what it has seen, so it
/// misses none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Orders {
    pub(super) drops: u64,
    pub(super) stalls: u64,
    pub(super) stall: Pause,
    pub(super) garbage: u64,
    pub(super) too_slow: u64,
}

/// A time of silence.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pause {
    pub(super) length: Duration,
    /// Not even pings are answered.
    pub(super) frozen: bool,
}

impl Control {
    pub(super) fn new(hub: Hub, invitations: Option<Invitations>) -> Self {
        Self { orders: watch::Sender::new(Orders::default()), hub, invitations }
    }

    /// Invites a simulated member to an event. Some say yes within a minute; elsewhere nothing happens.
    pub fn invite(&self, invitation: Invitation) {
        if let Some(invitations) = &self.invitations {
            invitations.add(invitation);
        }
    }

    /// Drops all connections, without a closing handshake.
    pub fn drop_connections(&self) {
        self.orders.send_modify(|orders| orders.drops += 1);
    }

    /// Sends nothing for a while. The sockets stay open and pings are answered.
    pub fn stall(&self, length: Duration) {
        self.pause(Pause { length, frozen: false });
    }

    /// Sends nothing and reads nothing for a while: pings are not answered, as if the network were gone.
    pub fn freeze(&self, length: Duration) {
        self.pause(Pause { length, frozen: true });
    }

    /// Sends every client this many things that are no messages: binary frames, broken JSON, frames
    /// over a mebibyte.
    pub fn garbage(&self, count: u64) {
        self.orders.send_modify(|orders| orders.garbage += count);
    }

    /// Closes all connections as those of clients that do not keep up. Jetstream's version 2 says so
    /// in a last frame.
    pub fn too_slow(&self) {
        self.orders.send_modify(|orders| orders.too_slow += 1);
    }

    /// The progress of the stream.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let progress = self.hub.progress();
        Stats { made: progress.made, sent: progress.sent, clients: progress.clients }
    }

    pub(super) fn orders(&self) -> watch::Receiver<Orders> {
        self.orders.subscribe()
    }

    fn pause(&self, stall: Pause) {
        self.orders.send_modify(|orders| {
            orders.stalls += 1;
            orders.stall = stall;
        });
    }
}
