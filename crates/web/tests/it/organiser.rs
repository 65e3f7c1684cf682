//! The organiser's desk: whom it offers, what it notes, and what comes of it.

use std::time::Duration;

use pulso_model::{Position, ViewDocument, WallTime};
use pulso_pipeline::memory::MemoryViews;
use pulso_pipeline::{ManualClock, Sink};
use pulso_runtime::Config;
use pulso_testkit::message::message;
use pulso_testkit::{decoder, stream};
use pulso_web::{ContactWriter, Facts, Options, Organiser};
use serde_json::{Value, json};

use crate::server::{Server, options};
use crate::views::NOON;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// A response some minutes after noon to an event of the next day.
pub(crate) fn said(
    minutes: i64,
    member: i64,
    event: &str,
    group: i64,
    answer: &str,
) -> ViewDocument {
    let mtime = NOON.0 + minutes * MINUTE_MS;
    let topics = match group {
        1 => json!([{ "urlkey": "rust", "topic_name": "Rust" }, { "urlkey": "wasm" }]),
        2 => json!([{ "urlkey": "rust" }, { "urlkey": "chess" }]),
        _ => json!([{ "urlkey": "yoga" }]),
    };
    let payload = message(member * 100 + group, mtime)
        .response(answer)
        .member(member)
        .event(event)
        .group(group)
        .coordinates(52.0 + group as f64 / 100.0, 13.0)
        .set("/event/time", json!(NOON.0 + DAY_MS))
        .set("/group/group_urlname", json!(format!("group-{group}")))
        .set("/group/group_topics", topics)
        .bytes();
    let log_time = WallTime(mtime);
    let Ok(pulso_model::Decoded::Fact(fact)) = decoder().decode(&payload, log_time) else {
        panic!("a valid message")
    };
    let position = Position { partition: 0, offset: 0 };
    pulso_model::FactWriter::new(stream()).render(&fact, position)
}

pub(crate) fn some() -> Vec<ViewDocument> {
    vec![
        said(0, 1, "mine", 1, "yes"),
        said(1, 2, "theirs", 2, "yes"),
        said(2, 3, "theirs", 2, "yes"),
        said(3, 4, "yoga", 3, "yes"),
        said(4, 1, "theirs", 2, "yes"),
    ]
}

struct World {
    views: MemoryViews,
    clock: ManualClock,
    options: Options,
}

impl World {
    async fn new(set: &[(&str, &str)]) -> Self {
        let mut views = MemoryViews::default();
        views.write(some()).await.unwrap();
        let clock = ManualClock::at(WallTime(NOON.0 + 10 * MINUTE_MS));
        let overrides = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let layers =
            pulso_runtime::config::Layers { overrides: overrides.collect(), ..Default::default() };
        let config = Config::load(&layers).unwrap();
        let mut organiser = Organiser::from(&config);
        organiser.contacts = Some(ContactWriter::new(views.clone(), clock.clone()));
        let options = Options { organiser, ..options() };
        Self { views, clock, options }
    }

    async fn server(&self) -> Server {
        // As after a restart: nothing is remembered.
        Server::start_as(self.views.clone(), Facts::default(), self.options.clone()).await
    }
}

pub(crate) async fn candidates(server: &Server, query: &str) -> Vec<Value> {
    let answer = server.json(&format!("/api/v1/organiser/candidates{query}")).await;
    answer["candidates"].as_array().unwrap().clone()
}

fn names(candidates: &[Value]) -> Vec<&str> {
    candidates.iter().map(|one| one["name"].as_str().unwrap()).collect()
}

pub(crate) fn note(candidate: &Value) -> String {
    json!({ "person": candidate["person"], "event": candidate["event"]["id"], "note": "by mail" })
        .to_string()
}

pub(crate) const MINE: &str = "?own=group:group-1";
pub(crate) const CONTACTS: &str = "/api/v1/organiser/contacts?own=group:group-1";

#[tokio::test]
async fn whoever_said_yes_to_something_similar_nearby_is_offered_with_reasons() {
    let server = World::new(&[]).await.server().await;
    let events = server.json(&format!("/api/v1/organiser/events{MINE}")).await;
    assert_eq!(events["choice"], json!({ "by": "group", "name": "group-1", "from": "request" }));
    assert_eq!(events["relevant"], json!(["rust", "wasm"]));
    assert_eq!(events["as_of"], json!("2017-03-19T12:04:00.000Z"));
    let own = &events["events"][0];
    assert_eq!((&own["id"], &own["yes"], &own["change"]), (&json!("mine"), &json!(1), &json!(1)));
    let found = candidates(&server, MINE).await;
    assert_eq!(found.len(), 2, "not 1, who comes, nor 4, who is about yoga");
    let (first, second) = (&found[0], &found[1]);
    assert!(first["score"].as_f64() >= second["score"].as_f64());
    assert_eq!(first["person"], json!("3"), "who said yes last comes first");
    assert_eq!(first["topics"][0], json!({ "topic": "rust", "wanted": "rust", "similarity": 1.0 }));
    assert_eq!(first["km"], json!(1.112));
    assert_eq!(candidates(&server, "?own=group:group-1&distance_km=1").await.len(), 0);
    assert_eq!(candidates(&server, "?own=group:group-1&relevant=yoga").await.len(), 1);
    assert_eq!(candidates(&server, "?own=topic:wasm&relevant=chess&limit=1").await.len(), 1);
    assert_eq!(candidates(&server, "").await.len(), 0, "nobody chose");
    let groups = server.json("/api/v1/organiser/groups").await;
    assert_eq!(groups["groups"][0]["urlname"], json!("group-2"));
    assert_eq!(groups["choice"], Value::Null);
}

#[tokio::test]
async fn activity_and_reliability_are_of_more_responses_than_are_remembered() {
    const DAY: i64 = 24 * 60;
    let mut world = World::new(&[]).await;
    let earlier = vec![
        said(-40 * DAY, 3, "long-ago", 2, "yes"),
        said(-20 * DAY, 3, "kept", 2, "yes"),
        said(1 - 20 * DAY, 3, "taken-back", 2, "yes"),
        said(-19 * DAY, 3, "taken-back", 2, "no"),
        said(1 - 19 * DAY, 3, "never", 2, "no"),
    ];
    world.views.write(earlier).await.unwrap();
    // Five answers are of the day; they say who is a candidate for what.
    for (past_max, since, yes, kept) in [
        (500_000, "2017-02-17T12:04:00.000Z", 3, 2),
        (7, "2017-02-28T12:00:00.000Z", 2, 1),
        (5, "2017-03-19T12:00:00.000Z", 1, 1),
    ] {
        world.restarted().await;
        let settings = &mut world.options.organiser.settings;
        (settings.responses_max, settings.past_max) = (5, past_max);
        let server = world.server().await;
        let answer = server.json(&format!("/api/v1/organiser/candidates{MINE}")).await;
        assert_eq!((&answer["responses"], &answer["past_since"]), (&json!(5), &json!(since)));
        assert_eq!(answer["since"], json!("2017-03-19T12:00:00.000Z"));
        let mut found = answer["candidates"].as_array().unwrap().iter();
        let found = found.find(|one| one["person"] == "3").unwrap();
        assert_eq!((&found["yes"], &found["kept"]), (&json!(yes), &json!(kept)), "{past_max}");
    }
}

#[tokio::test]
async fn a_contact_is_kept_and_a_yes_after_it_is_a_conversion_until_a_no() {
    let mut world = World::new(&[]).await;
    let server = world.server().await;
    let found = candidates(&server, MINE).await;
    let noted = server.post(CONTACTS, &note(&found[0])).await;
    assert_eq!(noted.status, 200, "{}", noted.body);
    let again = server.post(CONTACTS, &note(&found[0])).await;
    assert_eq!(again.status, 409, "{}", again.body);
    assert_eq!(candidates(&server, MINE).await.len(), 1);

    let server = world.restarted().await.server().await;
    assert_eq!(candidates(&server, MINE).await.len(), 1, "still known");
    let contacts = server.json(CONTACTS).await;
    let contact = &contacts["contacts"][0];
    assert_eq!((&contact["by"], &contact["note"]), (&json!("local"), &json!("by mail")));
    let csv = server.get(&format!("{CONTACTS}&format=csv")).await;
    assert!(csv.head.contains("content-type: text/csv"), "{}", csv.head);
    assert_eq!(csv.body.lines().count(), 2, "{}", csv.body);

    for (minutes, answer, expected) in [(20, "yes", 1), (30, "no", 0), (40, "yes", 1)] {
        world.views.write(vec![said(minutes, 3, "mine", 1, answer)]).await.unwrap();
        let server = world.restarted().await.server().await;
        let found = server.json(&format!("/api/v1/organiser/conversions{MINE}")).await;
        assert_eq!((&found["contacts"], &found["conversions"]), (&json!(1), &json!(expected)));
        let reason = &found["reasons"][0];
        assert_eq!(reason["conversions"], json!(expected), "{reason}");
        let sum = |name: &str| {
            let bars = found["chart"][name].as_array().unwrap();
            bars.iter().map(|bar| bar.as_i64().unwrap()).sum::<i64>()
        };
        assert_eq!((sum("others"), sum("converted")), (1, expected));
    }
}

#[tokio::test]
async fn a_conversion_outlives_what_is_remembered_of_responses_and_contacts_have_an_age() {
    let mut world = World::new(&[("organiser.cooling", "1h"), ("organiser.retention", "2h")]).await;
    let server = world.server().await;
    let found = candidates(&server, MINE).await;
    assert_eq!(server.post(CONTACTS, &note(&found[0])).await.status, 200);
    world.views.write(vec![said(20, 3, "mine", 1, "yes")]).await.unwrap();
    let written = |field: &'static str| {
        let views = world.views.clone();
        async move {
            // Once the desk has compared contacts and responses.
            for _ in 0..100 {
                let page = contacts_of(&views).await;
                match page.first() {
                    Some(body) if !body[field].is_null() => return body[field].clone(),
                    _ => tokio::time::advance(Duration::from_secs(1)).await,
                }
            }
            panic!("the contact has no `{field}`")
        }
    };
    tokio::time::pause();
    assert_eq!(written("converted").await, json!("2017-03-19T12:20:00.000Z"));
    assert_eq!(written("converted_event").await, json!("mine"));
    world.clock.set(WallTime(NOON.0 + 10 * MINUTE_MS + 2 * 60 * MINUTE_MS + 1));
    for _ in 0..100 {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert!(contacts_of(&world.views).await.is_empty(), "as old as `retention`");
    drop(server);
    world.restarted().await;
}

async fn contacts_of(views: &MemoryViews) -> Vec<Value> {
    use pulso_pipeline::Views;
    let query = pulso_pipeline::Query::newest(pulso_model::View::CONTACTS, 10);
    let page = views.query(query).await.unwrap();
    let bodies = page.documents.iter().map(|one| one.document.body.as_str());
    bodies.map(|body| serde_json::from_str(body).unwrap()).collect()
}

impl World {
    /// The same views, and a desk that knows nothing.
    async fn restarted(&mut self) -> &Self {
        let mut organiser = Organiser::from(&Config::default());
        organiser.contacts = Some(ContactWriter::new(self.views.clone(), self.clock.clone()));
        self.options.organiser = organiser;
        self
    }
}

#[tokio::test]
async fn members_have_pseudonyms_where_names_are_not_shown() {
    let world = World::new(&[("privacy.show_members", "never")]).await;
    let server = world.server().await;
    let found = candidates(&server, MINE).await;
    assert!(names(&found).iter().all(|name| name.starts_with("Member ")), "{found:?}");
    let text = serde_json::to_string(&found).unwrap();
    assert!(!text.contains("\"person\":\"3\""), "{text}");
    let noted = server.post(CONTACTS, &note(&found[0])).await;
    assert_eq!(noted.status, 200, "{}", noted.body);
    let noted: Value = serde_json::from_str(&noted.body).unwrap();
    assert_eq!(noted["name"], found[0]["name"], "the same as long as the server runs");
    let elsewhere = World::new(&[("web.listen", "0.0.0.0:8080")]).await;
    assert!(!elsewhere.options.organiser.people.shown());
    assert!(World::new(&[]).await.options.organiser.people.shown());
    assert_eq!(server.get("/api/v1/contacts").await.status, 404);
}

#[tokio::test]
async fn requests_that_are_wrong_say_how() {
    let world = World::new(&[]).await;
    let server = world.server().await;
    for (path, expected) in [
        (
            "candidates?own=rust",
            "the parameter `own` must be `group:` with the name in a group's url, or `topic:` with a topic, not `rust`",
        ),
        (
            "candidates?own=group:%20",
            "the parameter `own` must be `group:` with the name in a group's url, or `topic:` with a topic, not `group: `",
        ),
        (
            "candidates?distance_km=-1",
            "the parameter `distance_km` must be a number from 0 to 20100, not `-1`",
        ),
        (
            "candidates?distance_km=NaN",
            "the parameter `distance_km` must be a number from 0 to 20100, not `NaN`",
        ),
        (
            "candidates?limit=1001",
            "the parameter `limit` must be a whole number from 1 to 1000, not `1001`",
        ),
        ("contacts?format=xml", "the parameter `format` must be `json` or `csv`, not `xml`"),
        (
            "events?limit=1",
            "there is no parameter `limit` here; the parameters are `own`, `relevant`, `distance_km`, `own_members`",
        ),
    ] {
        let answer = server.get(&format!("/api/v1/organiser/{path}")).await;
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, &problem["detail"]), (400, &json!(expected)), "{path}");
    }
    for body in [
        "",
        "[]",
        "{\"person\":\"3\"}",
        &format!("{{\"person\":\"3\",\"event\":\"mine\",\"note\":\"{}\"}}", "x".repeat(1_001)),
    ] {
        assert_eq!(server.post(CONTACTS, body).await.status, 400, "{body}");
    }
    let form =
        server.post_as(CONTACTS, "text/plain", &note(&candidates(&server, MINE).await[0])).await;
    assert_eq!(server.post(CONTACTS, &"x".repeat(20_000)).await.status, 413);
    assert_eq!(form.status, 415, "what a form on another page can send is refused");
    let nobody = json!({ "person": "99", "event": "mine" }).to_string();
    assert_eq!(server.post(CONTACTS, &nobody).await.status, 409);
    let mut options = world.options.clone();
    options.organiser.contacts = None;
    let reader = Server::start_as(world.views.clone(), Facts::default(), options).await;
    let found = candidates(&reader, MINE).await;
    let refused = reader.post(CONTACTS, &note(&found[0])).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("can only read"), "{}", refused.body);
    assert_eq!(
        reader.post("/api/v1/organiser/events", "{}").await.status,
        413,
        "no body elsewhere"
    );
}
