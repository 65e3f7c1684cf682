//! Serves one client: sends it what it has not read yet, and misbehaves when told to.

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::hub::Progress;
use super::socket::Socket;
use super::wanted::Wanted;
use super::{Orders, Shared, garbage};
use crate::config::{Config, Input, Stall};
use crate::ring::{ClientId, Read};

/// The most messages that are sent before the client's pings are checked again.
const BATCH_MAX: usize = 256;
/// A client that accepts nothing for this long counts as dead; others wait for it until then.
const SEND_MAX: Duration = Duration::from_secs(60);
/// How long a closing handshake may take.
const CLOSE_MAX: Duration = Duration::from_secs(1);

pub(super) struct Connection<S> {
    socket: Socket<S>,
    shared: Arc<Shared>,
    wanted: Wanted,
    client: ClientId,
    /// What the client is told first.
    greeting: Option<Message>,
    progress: watch::Receiver<Progress>,
    orders: watch::Receiver<Orders>,
    /// The orders that have been obeyed, or were given before this client came.
    seen: Orders,
    /// Messages sent on this connection.
    sent: u64,
    garbage_due: u64,
    garbage_sent: u64,
    drop_at: Option<Instant>,
    /// When a client is told that the server is alive, unless there is something to tell before.
    alive_at: Option<Instant>,
    silence: Option<Silence>,
}

#[derive(Debug, Clone, Copy)]
struct Silence {
    until: Instant,
    frozen: bool,
}

enum Step {
    Again,
    Send,
    Stop(End),
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    ClientLeft,
    /// A fault, as configured or ordered.
    Dropped,
    /// The same, in the middle of a message.
    Cut,
    /// A fault, or an order: the client is told that it does not keep up.
    TooSlow,
    /// The client took nothing for too long.
    TimedOut,
    /// The client sent something, which it may not.
    Forbidden,
    Shutdown,
    /// Everything has been sent.
    Finished,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(socket: Socket<S>, shared: Arc<Shared>, wanted: Wanted) -> Self {
        let mut orders = shared.control.orders();
        let seen = *orders.borrow_and_update();
        let progress = shared.hub.watch();
        let (client, greeting) = wanted.attach(&shared);
        let drop_after = shared.config.faults.drop_after;
        let alive_at = alive_at(&shared.config);
        info!(?client, ?wanted, "a client connected");
        Self {
            socket,
            shared,
            wanted,
            client,
            greeting,
            progress,
            orders,
            seen,
            sent: 0,
            garbage_due: 0,
            garbage_sent: 0,
            drop_at: drop_after.map(|age| Instant::now() + age),
            alive_at,
            silence: None,
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        let end = loop {
            let step = match self.wait(&stop).await {
                Step::Send => self.send(&stop).await,
                other => other,
            };
            if let Step::Stop(end) = step {
                break end;
            }
        };
        if end == End::Cut {
            self.cut().await;
        }
        self.shared.hub.detach(self.client);
        info!(client = ?self.client, messages_sent = self.sent, ?end, "a client is gone");
        if matches!(end, End::Shutdown | End::Finished | End::TooSlow) {
            let last_word = self.wanted.too_slow().filter(|_| end == End::TooSlow);
            let closing = async {
                if let Some(frame) = last_word
                    && self.socket.feed(frame).await.is_ok()
                {
                    self.socket.flush().await.ok();
                }
                self.socket.close().await;
            };
            if tokio::time::timeout(CLOSE_MAX, closing).await.is_err() {
                info!(client = ?self.client, "a client did not answer the goodbye");
            }
        }
    }

    /// Waits for something to do.
    async fn wait(&mut self, stop: &CancellationToken) -> Step {
        let silent = self.silence.is_some();
        let frozen = self.silence.is_some_and(|silence| silence.frozen);
        // Before the ring is looked at: what is added afterwards wakes this task again.
        let ended = self.progress.borrow_and_update().ended;
        let nothing_due = self.garbage_due == 0 && self.greeting.is_none();
        let idle = silent || (nothing_due && self.shared.hub.caught_up(self.client));
        if idle && !silent && ended && self.shared.config.exit_at_end {
            return Step::Stop(End::Finished);
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => Step::Stop(End::Shutdown),
            changed = self.orders.changed() => match changed {
                Ok(()) => self.obey(),
                Err(_) => Step::Stop(End::Shutdown),
            },
            () = at(self.drop_at) => Step::Stop(End::Dropped),
            () = at(self.alive_at), if idle && !silent => {
                self.greeting = Some(Message::text(""));
                Step::Send
            }
            () = at(self.silence.map(|silence| silence.until)) => {
                self.silence = None;
                Step::Again
            }
            incoming = self.socket.next(), if !frozen => match incoming {
                // Reading is what answers pings; nothing else is expected.
                Some(Ok(message)) if !message.is_close() => match self.wanted.allows(&message) {
                    true => Step::Again,
                    false => Step::Stop(End::Forbidden),
                },
                _ => Step::Stop(End::ClientLeft),
            },
            () = ready(()), if !idle => Step::Send,
            _ = self.progress.changed(), if !silent => Step::Again,
        }
    }

    fn obey(&mut self) -> Step {
        let orders = *self.orders.borrow_and_update();
        let seen = std::mem::replace(&mut self.seen, orders);
        if orders.drops != seen.drops {
            return Step::Stop(End::Dropped);
        }
        if orders.too_slow != seen.too_slow {
            return Step::Stop(End::TooSlow);
        }
        if orders.stalls != seen.stalls {
            let until = Instant::now() + orders.stall.length;
            self.silence = Some(Silence { until, frozen: orders.stall.frozen });
        }
        self.garbage_due += orders.garbage - seen.garbage;
        Step::Again
    }

    /// Sends garbage that is due, and as many of the next messages as may go before the next fault.
    async fn send(&mut self, stop: &CancellationToken) -> Step {
        let Read { payloads, passed } = self.shared.hub.read(self.client, self.batch_max());
        let messages: Vec<_> =
            payloads.into_iter().filter_map(|payload| self.wanted.frame(payload)).collect();
        let count = messages.len();
        let mut frames: Vec<Message> = Vec::with_capacity(count);
        frames.extend(self.greeting.take());
        for _ in 0..std::mem::take(&mut self.garbage_due) {
            frames.push(self.next_garbage());
        }
        for (place, message) in (self.sent..).zip(messages) {
            if self.garbage_before(place) {
                frames.push(self.next_garbage());
            }
            frames.push(message);
        }
        let drops_seen = self.seen.drops;
        let mut orders = self.orders.clone();
        let sending = async {
            for frame in frames {
                self.socket.feed(frame).await?;
            }
            self.socket.flush().await
        };
        let stopped = tokio::select! {
            sent = tokio::time::timeout(SEND_MAX, sending) => match sent {
                Ok(Ok(())) => None,
                Ok(Err(_)) => Some(End::ClientLeft),
                Err(_) => Some(End::TimedOut),
            },
            () = stop.cancelled() => Some(End::Shutdown),
            _ = orders.wait_for(|orders| orders.drops != drops_seen) => Some(End::Dropped),
            () = at(self.drop_at) => Some(End::Dropped),
        };
        if let Some(end) = stopped {
            return Step::Stop(end);
        }
        self.alive_at = alive_at(&self.shared.config);
        self.shared.hub.advance(self.client, passed);
        self.after_messages(count as u64)
    }

    /// Begins the next message, which is then lost, as of a server that goes down.
    async fn cut(&mut self) {
        let Read { payloads, passed } = self.shared.hub.read(self.client, 1);
        let next = payloads.into_iter().find_map(|payload| self.wanted.frame(payload));
        if let Some(message) = next {
            self.socket.cut(&message).await;
            self.shared.hub.advance(self.client, passed);
        }
    }

    /// Triggers the faults that are due after a number of messages.
    fn after_messages(&mut self, count: u64) -> Step {
        self.sent += count;
        let faults = &self.shared.config.faults;
        let reached = |every: u64| count > 0 && self.sent.is_multiple_of(every);
        if faults.drop_every.is_some_and(reached) {
            return Step::Stop(End::Dropped);
        }
        if faults.cut_every.is_some_and(reached) {
            return Step::Stop(End::Cut);
        }
        if faults.too_slow_every.is_some_and(reached) {
            return Step::Stop(End::TooSlow);
        }
        if let Some(Stall { every, length }) = faults.stall
            && reached(every)
        {
            self.silence = Some(Silence { until: Instant::now() + length, frozen: false });
        }
        Step::Again
    }

    /// The size of the next batch, which ends where a fault is due.
    fn batch_max(&self) -> usize {
        let faults = &self.shared.config.faults;
        let until = |every: u64| usize::try_from(every - self.sent % every).unwrap_or(usize::MAX);
        let until_drop = faults.drop_every.map_or(BATCH_MAX, until);
        let until_cut = faults.cut_every.map_or(BATCH_MAX, until);
        let until_stall = faults.stall.map_or(BATCH_MAX, |stall| until(stall.every));
        let until_too_slow = faults.too_slow_every.map_or(BATCH_MAX, until);
        BATCH_MAX.min(until_drop).min(until_cut).min(until_stall).min(until_too_slow)
    }

    fn garbage_before(&self, place: u64) -> bool {
        let seed = match &self.shared.config.input {
            Input::Synthetic(synthetic) => synthetic.seed,
            Input::Posts(posts) => posts.seed,
            Input::Requests(requests) => requests.seed,
            Input::Clicks(clicks) => clicks.seed,
            Input::Recordings(_) => 0,
        };
        garbage::belongs_before(place, self.shared.config.faults.garbage_share, seed)
    }

    fn next_garbage(&mut self) -> Message {
        self.garbage_sent += 1;
        garbage::frame(self.garbage_sent - 1)
    }
}

fn alive_at(config: &Config) -> Option<Instant> {
    config.speaks_http().then(|| Instant::now() + config.keep_alive)
}

/// Completes at `instant`, or never.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => pending().await,
    }
}
