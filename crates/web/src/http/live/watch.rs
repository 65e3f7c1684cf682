//! Looks at the store, once for all clients of a stream.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pulso_model::{EventTime, View, ViewKind};
use pulso_pipeline::{Query, Views};
use serde::Deserialize;
use tokio::sync::watch;
use tracing::debug;

use super::event::Point;
use crate::http::{App, Error, Served};

/// How often the store is looked at while somebody listens.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The pause after the store could not be read.
const AWAY_PAUSE: Duration = Duration::from_secs(5);

/// Runs that are looked through for those of a stream: more than a night's runs of all streams.
const RUNS: usize = 200;

/// What is known of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// `None` until the store has been looked at.
    pub(super) state: Option<State>,
    /// Whether the store could not be read when it was looked at last.
    pub(super) away: bool,
}

/// How far a stream has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) point: Point,
    /// The end of the last day that the batch layer has completed.
    pub(super) batch_until: BTreeMap<View, Option<EventTime>>,
    pub(super) lag: Option<u64>,
}

/// The way from the one who looks to all who listen.
#[derive(Debug, Default)]
pub(super) struct Channel {
    seen: watch::Sender<Seen>,
    /// Whether somebody looks.
    looking: Mutex<bool>,
}

impl Channel {
    /// What is seen from now on. Begins to look if nobody does.
    pub(super) fn listen<V: Views>(
        channel: &Arc<Self>,
        app: &Arc<App<V>>,
        served: Served,
    ) -> watch::Receiver<Seen> {
        let mut looking = channel.lock();
        let receiver = channel.seen.subscribe();
        if !*looking {
            *looking = true;
            // What was seen before nobody looked may be old.
            channel.seen.send_replace(Seen::default());
            let (channel, app) = (Arc::clone(channel), Arc::clone(app));
            drop(tokio::spawn(async move { channel.look(&app, served).await }));
        }
        receiver
    }

    /// Looks until nobody listens any more.
    async fn look<V: Views>(&self, app: &App<V>, served: Served) {
        debug!(stream = served.stream.name, "somebody listens");
        let mut before = None;
        while !self.is_over(app) {
            let pause = match state(app, served, before.as_ref()).await {
                Ok(state) => {
                    before = Some(state.clone());
                    let seen = Seen { state: Some(state), away: false };
                    self.seen.send_if_modified(|known| {
                        let news = known.differs(&seen);
                        *known = seen;
                        news
                    });
                    LOOK_EVERY
                }
                Err(_) => {
                    self.seen.send_if_modified(|known| !std::mem::replace(&mut known.away, true));
                    AWAY_PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = app.live.shutdown.cancelled() => {}
            }
        }
        debug!(stream = served.stream.name, "nobody listens any more");
    }

    fn is_over<V>(&self, app: &App<V>) -> bool {
        let mut looking = self.lock();
        let over = self.seen.receiver_count() == 0 || app.live.shutdown.is_cancelled();
        *looking = !over;
        over
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Whether there is something to tell; the lag alone is not worth an event.
    fn differs(&self, other: &Self) -> bool {
        let point = |seen: &Self| seen.state.as_ref().map(|state| state.point);
        (point(self), self.away) != (point(other), other.away)
    }
}

async fn state<V: Views>(
    app: &App<V>,
    served: Served,
    before: Option<&State>,
) -> Result<State, Error> {
    let stream = served.stream;
    let closed_until = app.closed_until(&served).await?;
    let progress = (app.status)().streams;
    let lag = progress.iter().find(|one| one.stream == stream.name).map(|one| one.lag);
    let known = before.and_then(|before| before.point.run_ended);
    // Runs of other streams may have moved the last one of this stream out of sight.
    let run_ended = run_ended(app, stream.name).await?.max(known);
    let point = Point { closed_until, run_ended };
    if let Some(before) = before.filter(|before| before.point.run_ended == run_ended) {
        return Ok(State { point, batch_until: before.batch_until.clone(), lag });
    }
    app.forget_answers();
    let mut batch_until = BTreeMap::new();
    for view in stream.views() {
        if matches!(view.kind(), ViewKind::Day | ViewKind::BatchDay) {
            let completed = app.ask(app.views.completed_days(view)).await?;
            batch_until.insert(view, completed.last().map(|day| day.end()));
        }
    }
    Ok(State { point, batch_until, lag })
}

/// When the last run of a stream's batch jobs ended.
async fn run_ended<V: Views>(app: &App<V>, stream: &str) -> Result<Option<EventTime>, Error> {
    #[derive(Deserialize)]
    struct Run<'a> {
        stream: &'a str,
        ended: &'a str,
    }
    let page = app.query(Query::newest(View::BATCH_RUNS, RUNS)).await?;
    let ended = page.documents.iter().filter_map(|stored| {
        let run: Run<'_> = serde_json::from_str(&stored.document.body).ok()?;
        run.ended.parse().ok().filter(|_| run.stream == stream)
    });
    Ok(ended.max())
}
