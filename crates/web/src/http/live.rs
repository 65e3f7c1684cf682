//! What changes, as it changes: server-sent events for each stream.
//!
//! One task looks at the store for all clients of a stream, and only while there are any. A client is
//! told how far the data have come since it was told last, so nothing is queued for one that is slow,
//! and nothing is lost for one that comes back: the ids of events are points in the data.

mod event;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use pulso_pipeline::Views;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch as channel};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::guard::Login;
use super::{Error, Shared, parameters};
use event::Teller;
use watch::{Channel, Seen};

/// The most clients that listen at once: most of the server's connections, but not all.
pub(crate) const CLIENTS_MAX: usize = 200;

/// How often a silent stream of events says that it is alive.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// A client is asked to come back after this time: before its connection is broken off for its age.
pub(crate) const LISTENING_MAX: Duration = Duration::from_secs(590);

/// How long a client waits before it comes back.
pub(super) const COME_BACK_AFTER: Duration = Duration::from_secs(2);

/// The header in which a client says what it has been told last.
pub(super) const LAST_EVENT_ID: &str = "last-event-id";

/// The streams of events, by the name of the stream.
#[derive(Debug)]
pub(super) struct Live {
    channels: BTreeMap<&'static str, Arc<Channel>>,
    places: Arc<Semaphore>,
    shutdown: CancellationToken,
}

impl Live {
    pub(super) fn new(
        streams: impl IntoIterator<Item = &'static str>,
        shutdown: CancellationToken,
    ) -> Self {
        let channels = streams.into_iter().map(|name| (name, Arc::default())).collect();
        Self { channels, places: Arc::new(Semaphore::new(CLIENTS_MAX)), shutdown }
    }

    /// When somebody who begins to listen now has to go.
    pub(super) fn end_for(&self, login: Option<Extension<Login>>) -> End {
        let login = login.map(|Extension(login)| login);
        End { login, until: Instant::now() + LISTENING_MAX, shutdown: self.shutdown.clone() }
    }
}

/// Events of a stream until the client goes, or has listened for long.
pub(super) async fn listen<V: Views>(
    State(app): Shared<V>,
    Path(name): Path<String>,
    login: Option<Extension<Login>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Error> {
    parameters::none(&uri)?;
    let mut streams = app.options.streams.iter();
    let Some(&served) = streams.find(|served| served.stream.name == name) else {
        let known = app.options.streams.iter().map(|served| served.stream.name).collect();
        return Err(Error::UnknownStream { name, known });
    };
    let live = &app.live;
    let Ok(place) = Arc::clone(&live.places).try_acquire_owned() else {
        return Err(Error::TooManyListeners);
    };
    let told = headers.get(LAST_EVENT_ID).map(|id| id.to_str().unwrap_or_default().to_owned());
    let channel =
        live.channels.get(served.stream.name).expect("each stream that is served has one");
    let client = Client {
        seen: Channel::listen(channel, &app, served),
        teller: Teller::new(served.stream.name, told.as_deref()),
        greeted: false,
        _place: place,
    };
    Ok(events(client, live.end_for(login)))
}

/// Somebody who is sent events.
pub(super) trait Listener: Send + 'static {
    /// The next event, when there is something to tell; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;
}

/// When somebody is sent no more, whatever there is to tell.
#[derive(Debug)]
pub(super) struct End {
    /// The login by which somebody listens; nobody else does after its end.
    login: Option<Login>,
    until: Instant,
    shutdown: CancellationToken,
}

impl End {
    /// Waits for it; the last event, if there is one.
    async fn reached(&self) -> Option<Event> {
        let login_over = async {
            match &self.login {
                Some(login) => login.end().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = login_over => {
                let data = r#"{"detail":"the login has ended; log in again"}"#;
                Some(Event::default().event("logged_out").data(data))
            }
            () = self.shutdown.cancelled() => None,
            () = sleep_until(self.until) => None,
        }
    }
}

/// An answer with all events of a listener, and signs of life in between.
pub(super) fn events(listener: impl Listener, end: End) -> Response {
    let events = stream::unfold((Some(listener), end), |(listener, end)| async {
        let mut listener = listener?;
        let (event, listener) = tokio::select! {
            biased;
            last = end.reached() => (last?, None),
            event = listener.next() => (event?, Some(listener)),
        };
        Some((Ok::<_, Infallible>(event), (listener, end)))
    });
    let alive = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    Sse::new(events).keep_alive(alive).into_response()
}

/// Someone who listens.
struct Client {
    seen: channel::Receiver<Seen>,
    teller: Teller,
    greeted: bool,
    _place: OwnedSemaphorePermit,
}

impl Listener for Client {
    async fn next(&mut self) -> Option<Event> {
        if !self.greeted {
            self.greeted = true;
            return Some(Event::default().retry(COME_BACK_AFTER));
        }
        loop {
            if let Some(event) = self.teller.next(&self.seen.borrow_and_update()) {
                return Some(event.into());
            }
            self.seen.changed().await.ok()?;
        }
    }
}
