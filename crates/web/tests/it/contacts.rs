//! Contacts in the stores that programs use: noted, remembered, cooling, and followed by a yes.

use pulso_model::{View, ViewDocument, WallTime};
use pulso_pipeline::{ManualClock, Query, Sink, Views};
use pulso_runtime::Config;
use pulso_runtime::stores::{ViewReader, ViewStore, set_up};
use pulso_testkit::servers;
use pulso_web::{ContactWriter, Facts, Options, Organiser};
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use crate::organiser::{CONTACTS, MINE, candidates, note, said, some};
use crate::parity::{config, refresh};
use crate::server::{Server, options};
use crate::views::NOON;

const MINUTE_MS: i64 = 60_000;

/// A store, and how what was written becomes visible in it.
struct Place {
    config: Config,
    store: ViewStore,
    server: Option<(&'static str, String)>,
}

impl Place {
    async fn open(config: Config, server: Option<(&'static str, String)>) -> Self {
        let store = ViewStore::open(&config).await.unwrap();
        Self { config, store, server }
    }

    async fn refresh(&self) {
        if let Some((url, prefix)) = &self.server {
            refresh(url, prefix).await;
        }
    }

    async fn write(&mut self, documents: Vec<ViewDocument>) {
        self.store.write(documents).await.unwrap();
        self.refresh().await;
    }

    /// A desk that knows what is stored, ten minutes after noon.
    async fn server(&self) -> Server {
        self.refresh().await;
        let mut organiser = Organiser::from(&self.config);
        let clock = ManualClock::at(WallTime(NOON.0 + 10 * MINUTE_MS));
        organiser.contacts = Some(ContactWriter::new(self.store.clone(), clock));
        let options = Options { organiser, ..options() };
        let reader = ViewReader::open(&self.config).await.unwrap();
        Server::start_as(reader, Facts::default(), options).await
    }

    /// Waits until the desk has written of the only contact what it led to.
    async fn settled(&self, expected: &Value) {
        for _ in 0..600 {
            self.refresh().await;
            let page = self.store.query(Query::newest(View::CONTACTS, 10)).await.unwrap();
            assert_eq!(page.documents.len(), 1);
            let body: Value = serde_json::from_str(&page.documents[0].document.body).unwrap();
            if body["converted_event"] == *expected {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("the contact does not have {expected}");
    }
}

async fn stop(server: Server) {
    server.shutdown.cancel();
    server.running.await.unwrap();
}

fn people(candidates: &[Value]) -> Vec<&str> {
    let mut people: Vec<_> = candidates.iter().map(|one| one["person"].as_str().unwrap()).collect();
    people.sort_unstable();
    people
}

async fn check(mut place: Place) {
    place.write(some()).await;
    place.write(vec![said(0, 5, "mine-too", 1, "yes")]).await;
    let server = place.server().await;
    let found = candidates(&server, MINE).await;
    assert_eq!(people(&found), ["2", "3"]);
    let chosen = found.iter().find(|one| one["person"] == "3").unwrap();
    assert_eq!(chosen["event"]["id"], json!("mine"));
    let noted = server.post(CONTACTS, &note(chosen)).await;
    assert_eq!(noted.status, 200, "{}", noted.body);
    assert_eq!(server.post(CONTACTS, &note(chosen)).await.status, 409, "nobody is told twice");
    assert_eq!(people(&candidates(&server, MINE).await), ["2"]);
    stop(server).await;

    place.write(vec![said(30, 3, "theirs-too", 2, "yes")]).await;
    let server = place.server().await;
    let contacts = server.json(CONTACTS).await;
    assert_eq!(contacts["contacts"][0]["person"], json!("3"), "known after a restart");
    assert_eq!(people(&candidates(&server, MINE).await), ["2"], "nor left out of the cooling time");
    stop(server).await;

    place.write(vec![said(80, 2, "theirs-too", 2, "no")]).await;
    let server = place.server().await;
    let found = candidates(&server, MINE).await;
    let again = found.iter().find(|one| one["person"] == "3").expect("an hour after the contact");
    assert_eq!(again["event"]["id"], json!("mine-too"), "not the event they were told of");
    stop(server).await;

    for (minutes, answer, event) in [(90, "yes", json!("mine")), (100, "no", Value::Null)] {
        place.write(vec![said(minutes, 3, "mine", 1, answer)]).await;
        let server = place.server().await;
        let found = server.json(&format!("/api/v1/organiser/conversions{MINE}")).await;
        let expected = json!(i32::from(answer == "yes"));
        assert_eq!((&found["contacts"], &found["conversions"]), (&json!(1), &expected));
        place.settled(&event).await;
        stop(server).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_are_noted_cool_and_convert_in_the_embedded_store() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().to_str().unwrap();
    let config = config(&[("data.directory", directory), ("organiser.cooling", "1h")]);
    check(Place::open(config, None).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_are_noted_cool_and_convert_in_elasticsearch() {
    let Some(url) = servers::elasticsearch() else { return };
    let prefix = servers::unique("contacts");
    let config = config(&[
        ("views.store", "elasticsearch"),
        ("elasticsearch.urls", &format!("[\"{url}\"]")),
        ("elasticsearch.index_prefix", &prefix),
        ("organiser.cooling", "1h"),
    ]);
    set_up(&config).await.unwrap();
    check(Place::open(config, Some((url, prefix))).await).await;
}
