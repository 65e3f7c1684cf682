//! Events as clients get them, in paused time: waiting here takes no time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures::StreamExt;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use pulso_model::{Day, EventTime, View, ViewDocument, ViewKind};
use pulso_pipeline::memory::MemoryViews;
use pulso_pipeline::{
    AdapterError, Aggregate, Aggregation, BatchViews, Documents, ErrorKind, LayerChoice, Page,
    Part, Query, Retry, Sink,
};
use pulso_runtime::Config;
use pulso_testkit::contract::document;
use pulso_testkit::view;

use super::watch::LOOK_EVERY;
use super::*;
use crate::http::{Facts, Options, router};

/// 2017-03-19, noon.
const NOON: EventTime = EventTime(1_489_924_800_000);

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the store is away")]
struct Away;

impl AdapterError for Away {
    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        None
    }
}

/// A store that counts questions, and can be away.
#[derive(Clone, Debug, Default)]
struct Store {
    views: MemoryViews,
    asked: Arc<AtomicUsize>,
    away: Arc<AtomicBool>,
}

impl Store {
    fn ask(&self) -> Result<&MemoryViews, Away> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) { Err(Away) } else { Ok(&self.views) }
    }

    /// How many questions come in an hour.
    async fn asked_in_an_hour(&self) -> usize {
        let before = self.asked.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        self.asked.load(Ordering::SeqCst) - before
    }

    /// A window that ends so many seconds after noon.
    async fn close(&self, seconds: i64) {
        let time = EventTime(NOON.0 + seconds * 1_000);
        let trend = document(view("trending-topics"), time, 1, "US", "text");
        self.views.clone().write(vec![trend]).await.unwrap();
    }

    /// A completed day, and the run that completed it.
    async fn complete(&self, day: Day, ended: EventTime) {
        let activity = document(view("country-activity"), day.start(), 1, "US", "text");
        let stage = self.views.begin(activity.view, Part::Day(day)).await.unwrap();
        self.views.stage(stage, vec![activity]).await.unwrap();
        self.views.publish(stage, true).await.unwrap();
        let body = format!(r#"{{"stream":"rsvps","run":"{ended}","ended":"{ended}"}}"#);
        let run = ViewDocument {
            view: View::BATCH_RUNS,
            id: ended.to_string(),
            time: EventTime(ended.0 - 1_000),
            position: 0,
            scope: None,
            body,
        };
        self.views.clone().write(vec![run]).await.unwrap();
    }
}

impl Views for Store {
    type Error = Away;

    async fn query(&self, query: Query) -> Result<Page, Away> {
        Ok(self.ask()?.query(query).await.unwrap())
    }

    async fn aggregate(&self, question: Aggregation) -> Result<Aggregate, Away> {
        Ok(self.ask()?.aggregate(question).await.unwrap())
    }

    async fn scan(&self, _: View, _: LayerChoice) -> Result<Documents<Away>, Away> {
        unreachable!("the server never scans")
    }

    async fn completed_days(&self, view: View) -> Result<BTreeSet<Day>, Away> {
        Ok(self.ask()?.completed_days(view).await.unwrap())
    }
}

struct Server {
    service: TowerToHyperService<axum::Router>,
    shutdown: CancellationToken,
}

/// Someone who listens, and the text that has come.
struct Listener {
    events: BodyDataStream,
}

impl Server {
    fn start(store: &Store) -> Self {
        let shutdown = CancellationToken::new();
        let options = Options::open(&Config::default()).unwrap();
        let router = router(store.clone(), Facts::default, String::new, options, shutdown.clone());
        Self { service: TowerToHyperService::new(router), shutdown }
    }

    async fn answer(&self, stream: &str, last: Option<&str>) -> Response {
        let mut request = Request::get(format!("/api/v1/streams/{stream}/live"));
        if let Some(id) = last {
            request = request.header("last-event-id", id);
        }
        self.service.call(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// How many countries have activity on the day.
    async fn countries(&self) -> usize {
        let day = "from=2017-03-19&to=2017-03-20";
        let path = format!("/api/v1/top?view=country-activity&by=country&{day}");
        let request = Request::get(path).header("host", "localhost").body(Body::empty()).unwrap();
        let answer = self.service.call(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
        answer["groups"].as_array().unwrap().len()
    }

    async fn listen(&self, last: Option<&str>) -> Listener {
        let answer = self.answer("rsvps", last).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut listener = Listener { events: answer.into_body().into_data_stream() };
        assert_eq!(listener.next().await.unwrap(), "retry: 2000\n\n");
        listener
    }
}

impl Listener {
    /// The next event or comment; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        Some(String::from_utf8(self.events.next().await?.unwrap().to_vec()).unwrap())
    }

    async fn check(&mut self, id: &str, event: &str, data: &str) {
        let mut expected: Vec<_> = [("event", event), ("data", data), ("id", id)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        expected.sort();
        let mut found = self.next().await.unwrap();
        while found == ": heartbeat\n\n" {
            found = self.next().await.unwrap();
        }
        let mut found: Vec<_> = found.trim_end().lines().map(str::to_owned).collect();
        found.sort();
        assert_eq!(found, expected);
    }
}

/// The end of the last completed day of each view that has days, where only one view has any.
fn batch_until(end: &str) -> String {
    let views = pulso_testkit::stream().views().into_iter();
    let by_day = views.filter(|view| matches!(view.kind(), ViewKind::Day | ViewKind::BatchDay));
    let mut fields: Vec<_> = by_day
        .map(|view| match view.name() {
            "country-activity" => format!("\"{view}\":{end}"),
            _ => format!("\"{view}\":null"),
        })
        .collect();
    fields.sort();
    format!("{{{}}}", fields.join(","))
}

#[tokio::test(start_paused = true)]
async fn a_client_is_told_how_far_the_stream_is_and_what_comes() {
    let store = Store::default();
    let server = Server::start(&store);
    let mut listener = server.listen(None).await;
    let until = batch_until("null");
    let empty =
        format!(r#"{{"stream":"rsvps","closed_until":null,"batch_until":{until},"lag":null}}"#);
    listener.check("-_-", "state", &empty).await;
    store.close(0).await;
    let first =
        r#"{"stream":"rsvps","after":null,"closed_until":"2017-03-19T12:00:00.000Z","lag":null}"#;
    listener.check("2017-03-19T12:00:00.000Z_-", "window", first).await;
    store.close(10).await;
    let next = r#"{"stream":"rsvps","after":"2017-03-19T12:00:00.000Z","closed_until":"2017-03-19T12:00:10.000Z","lag":null}"#;
    listener.check("2017-03-19T12:00:10.000Z_-", "window", next).await;
    store.complete(NOON.day(), EventTime(NOON.0 + 86_400_000)).await;
    let until = batch_until("\"2017-03-20T00:00:00.000Z\"");
    let batch = format!(r#"{{"stream":"rsvps","batch_until":{until}}}"#);
    listener.check("2017-03-19T12:00:10.000Z_2017-03-20T12:00:00.000Z", "batch", &batch).await;
    assert_eq!(listener.next().await.unwrap(), ": heartbeat\n\n");
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_after_an_event_is_as_new_as_the_event() {
    let store = Store::default();
    // So that the run does not change how far the stream is.
    store.close(0).await;
    let server = Server::start(&store);
    let mut listener = server.listen(None).await;
    assert!(listener.next().await.unwrap().contains("event: state"));
    // Between two looks, so that an answer from before the run is still fresh when the run is seen.
    tokio::time::sleep(LOOK_EVERY / 2).await;
    assert_eq!(server.countries().await, 0);
    store.complete(NOON.day(), NOON).await;
    assert_eq!(server.countries().await, 0, "an answer of this second");
    while !listener.next().await.unwrap().contains("event: batch") {}
    assert_eq!(server.countries().await, 1);
}

#[tokio::test(start_paused = true)]
async fn one_who_comes_back_gets_what_was_missed_also_from_another_server() {
    let store = Store::default();
    store.close(0).await;
    let mut first = Server::start(&store).listen(None).await;
    let state = first.next().await.unwrap();
    let id = state.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    assert_eq!(id, "2017-03-19T12:00:00.000Z_-");
    drop(first);
    for seconds in [10, 20, 30] {
        store.close(seconds).await;
    }
    store.complete(NOON.day().previous(), NOON).await;
    let server = Server::start(&store);
    let mut listener = server.listen(Some(&id)).await;
    let window = r#"{"stream":"rsvps","after":"2017-03-19T12:00:00.000Z","closed_until":"2017-03-19T12:00:30.000Z","lag":null}"#;
    listener.check("2017-03-19T12:00:30.000Z_-", "window", window).await;
    let until = batch_until("\"2017-03-19T00:00:00.000Z\"");
    let batch = format!(r#"{{"stream":"rsvps","batch_until":{until}}}"#);
    let id = "2017-03-19T12:00:30.000Z_2017-03-19T12:00:00.000Z";
    listener.check(id, "batch", &batch).await;
    let mut up_to_date = server.listen(Some(id)).await;
    assert_eq!(up_to_date.next().await.unwrap(), ": heartbeat\n\n", "nothing was missed");
}

#[tokio::test(start_paused = true)]
async fn an_id_that_means_nothing_here_is_a_reset() {
    let store = Store::default();
    store.close(0).await;
    let server = Server::start(&store);
    let until = batch_until("null");
    let now = "2017-03-19T12:00:00.000Z";
    for (id, reason) in [
        ("7", "unknown_id"),
        ("yesterday_-", "unknown_id"),
        ("2017-03-19T12:00:10.000Z_-", "went_back"),
    ] {
        let mut listener = server.listen(Some(id)).await;
        let data = format!(
            r#"{{"stream":"rsvps","reason":"{reason}","closed_until":"{now}","batch_until":{until},"lag":null}}"#
        );
        listener.check(&format!("{now}_-"), "reset", &data).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_told_and_loses_nothing() {
    let store = Store::default();
    store.close(0).await;
    let server = Server::start(&store);
    let mut listener = server.listen(Some("2017-03-19T12:00:00.000Z_-")).await;
    store.away.store(true, Ordering::SeqCst);
    let away = r#"{"stream":"rsvps","detail":"the views cannot be read at the moment"}"#;
    listener.check("", "unavailable", away).await;
    let mut other = server.listen(None).await;
    other.check("", "unavailable", away).await;
    store.close(10).await;
    store.away.store(false, Ordering::SeqCst);
    listener.check("", "available", r#"{"stream":"rsvps"}"#).await;
    let window = r#"{"stream":"rsvps","after":"2017-03-19T12:00:00.000Z","closed_until":"2017-03-19T12:00:10.000Z","lag":null}"#;
    listener.check("2017-03-19T12:00:10.000Z_-", "window", window).await;
}

#[tokio::test(start_paused = true)]
async fn the_store_is_asked_for_all_clients_at_once_and_only_while_there_are_any() {
    let store = Store::default();
    let server = Server::start(&store);
    assert_eq!(store.asked_in_an_hour().await, 0);
    let alone = server.listen(None).await;
    let of_one = store.asked_in_an_hour().await;
    let looks = usize::try_from(3_600 / LOOK_EVERY.as_secs()).unwrap();
    assert!((looks..looks * 5).contains(&of_one), "{of_one}");
    // They never read, which disturbs nobody.
    let mut others = Vec::new();
    for _ in 1..CLIENTS_MAX {
        others.push(server.answer("rsvps", None).await);
    }
    let of_all = store.asked_in_an_hour().await;
    assert!(of_all <= of_one + 5, "{of_all} questions for all, {of_one} for one");
    drop((alone, others));
    tokio::time::sleep(LOOK_EVERY * 2).await;
    assert_eq!(store.asked_in_an_hour().await, 0);
    // Someone new is told what is so now, and not what was seen then.
    store.close(0).await;
    let mut late = server.listen(None).await;
    let state = late.next().await.unwrap();
    assert!(state.contains(r#""closed_until":"2017-03-19T12:00:00.000Z""#), "{state}");
}

#[tokio::test(start_paused = true)]
async fn there_are_so_many_places_and_one_who_goes_makes_room() {
    let store = Store::default();
    let server = Server::start(&store);
    let mut listeners = Vec::new();
    for _ in 0..CLIENTS_MAX {
        let answer = server.answer("rsvps", None).await;
        assert_eq!(answer.status(), 200);
        listeners.push(answer);
    }
    let refused = server.answer("rsvps", None).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    listeners.pop();
    assert_eq!(server.answer("rsvps", None).await.status(), 200);
    assert_eq!(server.answer("nothing", None).await.status(), 404);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_events_ends_at_a_stop_and_after_a_while() {
    let store = Store::default();
    let server = Server::start(&store);
    let mut listener = server.listen(None).await;
    let started = Instant::now();
    while listener.next().await.is_some() {}
    assert_eq!(started.elapsed(), LISTENING_MAX);
    let mut listener = server.listen(None).await;
    server.shutdown.cancel();
    let started = Instant::now();
    while listener.next().await.is_some() {}
    assert_eq!(started.elapsed(), Duration::ZERO);
}
