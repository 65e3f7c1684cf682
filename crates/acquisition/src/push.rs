//! Messages that senders POST to us.
//!
//! A request is answered when its messages are stored. Its body is read whole before the first of them goes on,
//! so one that breaks off leaves nothing behind. A request with an `Idempotency-Key` that is repeated means the
//! same messages, also after a crash: see [`keys`].

mod answer;
mod keys;
mod request;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::{Request, header};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use pulso_pipeline::{Clock, observe};
use pulso_runtime::config::{ByteSize, Secret};
use pulso_runtime::server;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::buffer::{Buffer, Receipt};
use crate::door::Verdict;
use crate::error::ListenError;
use crate::follow::{Follow, Outlet, Positions};
use crate::{COMPONENT, Error};
use answer::{Accepted, Answer, Refusal};
use keys::{Keyed, Keys, Turn};
use request::{Head, Token};

/// How long a sender waits for its messages to be stored.
const STORE_WAIT: Duration = Duration::from_secs(30);

/// Takes what is sent to an address.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    pub(crate) listen: SocketAddr,
    pub(crate) token: Option<Secret>,
    pub(crate) body_bytes_max: ByteSize,
}

impl Follow for Push {
    async fn follow<C: Clock, L: Positions>(
        self,
        outlet: Outlet<C, L>,
    ) -> Result<(), Error<L::Error>> {
        let name = Arc::clone(outlet.buffer.source());
        let failed = |source| Error::Listen { name: Arc::clone(&name), source };
        let token = self.token.as_ref().map(Secret::reveal).transpose();
        let token = token.map_err(|source| failed(ListenError::Token { source }))?;
        let position = outlet.stop.run_until_cancelled(outlet.position());
        let Some(position) = position.await.transpose()? else { return Ok(()) };
        let address = self.listen;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| failed(ListenError::Bind { address, source }))?;
        let keys = position.and_then(|position| Keys::after(&position.cursor)).unwrap_or_default();
        let stop = outlet.stop.clone();
        let receiver = Arc::new(Receiver::new(self, outlet, token.as_deref(), keys));
        info!(source = %name, url = %format_args!("http://{}{}", receiver.listen, receiver.path), "receiving");
        let answering = Arc::clone(&receiver);
        let service = service_fn(move |request: Request<Incoming>| {
            let receiver = Arc::clone(&answering);
            async move { Ok::<_, Infallible>(receiver.answer(request).await) }
        });
        server::serve(listener, service, stop).await;
        // Nobody waits for the answer any more, but what has begun is stored whole.
        receiver.storing.close();
        receiver.storing.wait().await;
        Ok(())
    }
}

/// What all requests share.
struct Receiver<C> {
    listen: SocketAddr,
    path: String,
    token: Option<Token>,
    body_bytes_max: usize,
    message_bytes_max: usize,
    buffer: Buffer<C>,
    keys: StdMutex<Keys>,
    /// One request at a time hands its messages over, so that a cursor can say what is before it.
    turn: Mutex<()>,
    /// Requests under way.
    places: Arc<Semaphore>,
    /// Bytes of bodies in memory.
    room: Arc<Semaphore>,
    storing: TaskTracker,
}

/// A message, and what becomes of it.
struct Judged {
    message: Bytes,
    verdict: Verdict,
}

impl Accepted {
    fn of(messages: &[Judged]) -> Self {
        let count = |verdict| messages.iter().filter(|judged| judged.verdict == verdict).count();
        Self {
            messages: messages.len(),
            filtered: count(Verdict::Filtered),
            sampled_out: count(Verdict::SampledOut),
        }
    }
}

/// Held by a request from before its body is read until its messages are stored.
struct Place {
    _place: OwnedSemaphorePermit,
    _room: OwnedSemaphorePermit,
}

impl<C: Clock> Receiver<C> {
    fn new<L>(push: Push, outlet: Outlet<C, L>, token: Option<&str>, keys: Keys) -> Self {
        let Outlet { buffer, options, .. } = outlet;
        let options = options.acquisition;
        let body_bytes_max = push.body_bytes_max.as_usize();
        // At least one of the largest bodies, compressed and not, and what it becomes.
        let room = options.buffer_bytes.as_usize().max(2 * body_bytes_max);
        Self {
            listen: push.listen,
            path: format!("/api/v1/streams/{}/messages", buffer.stream()),
            token: token.map(Token::new),
            body_bytes_max,
            message_bytes_max: options.message_bytes_max.as_usize(),
            buffer,
            keys: StdMutex::new(keys),
            turn: Mutex::new(()),
            places: Arc::new(Semaphore::new(keys::IN_CURSOR_MAX)),
            room: Arc::new(Semaphore::new(room.min(Semaphore::MAX_PERMITS))),
            storing: TaskTracker::new(),
        }
    }

    async fn answer<B>(self: Arc<Self>, request: Request<B>) -> Answer
    where
        B: Body<Data: Buf, Error: Into<Box<dyn StdError + Send + Sync>>>,
    {
        match Arc::clone(&self).receive(request).await {
            Ok(accepted) => answer::accepted(accepted, self.buffer.is_open()),
            Err(refusal) => {
                let reason = refusal.reason();
                observe::error_of_stream(COMPONENT, self.buffer.stream(), "receive", reason);
                refusal.answer()
            }
        }
    }

    /// Stores the messages of a request that come in; says how many it has.
    async fn receive<B>(self: Arc<Self>, request: Request<B>) -> Result<Accepted, Refusal>
    where
        B: Body<Data: Buf, Error: Into<Box<dyn StdError + Send + Sync>>>,
    {
        let (parts, body) = request.into_parts();
        let head = Head::read(&parts, &self.path, self.token.as_ref())?;
        if self.buffer.switch().is_paused() {
            return Err(Refusal::Paused);
        }
        let length = parts.headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length > self.body_bytes_max) {
            return Err(Refusal::TooLarge { max: self.body_bytes_max });
        }
        let place = self.place(head.bytes_max(length, self.body_bytes_max))?;
        let body = head.body(body, self.body_bytes_max).await?;
        let messages = self.judge(head.messages(&body, self.message_bytes_max)?).await;
        let accepted = Accepted::of(&messages);
        let keyed = head.key.map(|key| Keyed::new(&key, &body));
        let from = match keyed.map(|keyed| self.keys().begin(keyed)) {
            None => 0,
            Some(Turn::Store { from }) => from.min(messages.len()),
            Some(Turn::Stored) => return Ok(accepted),
            Some(Turn::Busy) => return Err(Refusal::KeyBusy),
            Some(Turn::OtherBody) => return Err(Refusal::KeyUsed),
        };
        // It goes on when the sender does not wait any more: otherwise a part would be stored.
        let storing = Arc::clone(&self).store(messages, from, keyed, place);
        match timeout(STORE_WAIT, self.storing.spawn(storing)).await {
            Ok(Ok(true)) => Ok(accepted),
            _ => Err(Refusal::NotStored),
        }
    }

    /// What becomes of messages, each as it is to be stored. Says the same whenever a request is repeated.
    async fn judge(&self, messages: Vec<Bytes>) -> Vec<Judged> {
        let mut judged = Vec::with_capacity(messages.len());
        for message in messages {
            let message = self.buffer.stored(message);
            let verdict = self.buffer.judge(&message);
            judged.push(Judged { message, verdict });
            // Others have a turn between two messages.
            consume_budget().await;
        }
        judged
    }

    /// A place among the requests under way, with room for so many bytes.
    fn place(&self, bytes: usize) -> Result<Place, Refusal> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(bytes);
        Ok(Place { _place: place, _room: room.map_err(|_| Refusal::Busy)? })
    }

    /// Whether all messages are stored.
    async fn store(
        self: Arc<Self>,
        messages: Vec<Judged>,
        from: usize,
        keyed: Option<Keyed>,
        _place: Place,
    ) -> bool {
        let stored = self.hand_over(messages, from, keyed).await;
        // Nothing is known of messages that the writer dropped, with its error or at the spool's limit.
        let stored = match stored {
            Some(stored) => stored.await.is_ok(),
            None => false,
        };
        if let Some(keyed) = keyed {
            let mut keys = self.keys();
            if stored { keys.stored(keyed) } else { keys.lost(keyed) }
        }
        stored
    }

    /// Hands the messages to the writer, behind all of earlier requests; what tells that they are stored. `None`
    /// when nobody takes them.
    async fn hand_over(
        &self,
        messages: Vec<Judged>,
        from: usize,
        keyed: Option<Keyed>,
    ) -> Option<oneshot::Receiver<()>> {
        let _turn = self.turn.lock().await;
        let before = self.keys().before();
        let alone = (!before.is_empty()).then(|| Arc::<str>::from(&*before));
        let (receipt, stored) = oneshot::channel();
        let (all, mut receipt) = (messages.len(), Some(Receipt(receipt)));
        let mut kept = Vec::with_capacity(all);
        for (index, Judged { message, verdict }) in messages.into_iter().enumerate().skip(from) {
            self.buffer.count(&verdict);
            if verdict.keeps() {
                kept.push((index, message));
            }
        }
        let mut kept = kept.into_iter().peekable();
        loop {
            let part: Vec<_> = kept.by_ref().take(self.buffer.together_max()).collect();
            let Some((last, _)) = part.last() else { break };
            // With the last message that comes in, all are done with.
            let is_last = kept.peek().is_none();
            let count = if is_last { all } else { last + 1 };
            let cursor = match keyed {
                Some(keyed) => Some(keys::cursor(&before, keyed, (count, all)).into()),
                None => alone.clone(),
            };
            let receipt = receipt.take_if(|_| is_last);
            let slots = self.buffer.room(part.len()).await;
            let part = part.into_iter().map(|(_, message)| message).collect();
            self.buffer.put_for(slots, part, cursor, receipt).await.ok()?;
        }
        // None comes in, or a crash had come between the last one and its answer.
        if let Some(receipt) = receipt {
            receipt.stored();
        }
        if let Some(keyed) = keyed {
            self.keys().handed_over(keyed);
        }
        Some(stored)
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has a look at whether messages can be received.
///
/// # Errors
/// When the address or the token cannot be had.
pub(crate) async fn check(listen: SocketAddr, token: Option<&Secret>) -> anyhow::Result<()> {
    token.map(Secret::reveal).transpose()?;
    TcpListener::bind(listen)
        .await
        .map_err(|source| ListenError::Bind { address: listen, source })?;
    Ok(())
}
