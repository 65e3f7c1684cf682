//! Where names are not shown, no answer says who a person is.

use pulso_model::{Field, View, ViewDocument, ViewKind};
use pulso_pipeline::Part;
use pulso_pipeline::memory::MemoryViews;
use pulso_pipeline::{BatchViews, Sink};
use pulso_runtime::Config;
use pulso_runtime::config::Layers;
use pulso_testkit::contract;
use pulso_testkit::{view, views};
use pulso_web::{Facts, Options, Organiser};
use serde_json::{Value, json};

use crate::server::{Server, options};
use crate::views::NOON;

/// Who a person is: in no other value of the stored documents.
const PERSON: &str = "did:plc:somebody";

/// The same as a number.
const NUMBER: i64 = 987_654_321;

/// What says who a person is, by view; said again here, so that a descriptor that forgets it is noticed.
fn is_personal(view: View, field: &Field) -> bool {
    let all = |names: &[&str]| names.contains(&field.name);
    match view.name() {
        "responses" => all(&["member.id", "member.name"]),
        "posts" => all(&["did", "rkey", "rev", "reply_root"]),
        "requests" => all(&["source.ip", "user.name"]),
        "comments" => all(&["member_id"]),
        "calendar-records" => all(&["did", "rkey", "rev", "event_uri", "events", "event_names"]),
        "trending-calendar-events" => all(&["event", "name"]),
        "calendar-trends" => all(&["term", "name"]),
        "calendar-events" => all(&["event_uri", "organiser"]),
        "dead-letters" => all(&["detail", "payload", "payload_hex"]),
        _ => false,
    }
}

/// A document of a view in which every personal field says who it is.
fn telling(view: View, number: i64) -> ViewDocument {
    let mut made = contract::document(view, NOON, number, "US", "text");
    let mut body: Value = serde_json::from_str(&made.body).unwrap();
    for field in view.fields().iter().filter(|field| is_personal(view, field)) {
        let mut names = field.name.split('.');
        let at = names.try_fold(&mut body, |at, name| at.get_mut(name)).unwrap();
        *at = match at {
            Value::Number(_) => json!(NUMBER),
            Value::Array(_) => json!([PERSON]),
            _ => json!(format!("{PERSON}/{number}")),
        };
        if view.key().iter().any(|key| key.name() == field.name) {
            made.id = format!("{PERSON}/{number}");
        }
    }
    made.body = body.to_string();
    made
}

async fn filled() -> MemoryViews {
    let mut store = MemoryViews::default();
    for view in views() {
        let documents: Vec<_> = (0..3).map(|number| telling(view, number)).collect();
        let part = match view.kind() {
            ViewKind::Day | ViewKind::Journal => {
                store.write(documents).await.unwrap();
                continue;
            }
            ViewKind::BatchDay => Part::Day(NOON.day()),
            ViewKind::Now => Part::Now,
        };
        let stage = store.begin(view, part).await.unwrap();
        store.stage(stage, documents).await.unwrap();
        store.publish(stage, true).await.unwrap();
    }
    store
}

fn with(show_members: &str) -> Options {
    let overrides = vec![("privacy.show_members".to_owned(), show_members.to_owned())];
    let config = Config::load(&Layers { overrides, ..Default::default() }).unwrap();
    Options { organiser: Organiser::from(&config), ..options() }
}

/// Asks everything that can be asked of every view, and gives all answers.
async fn everything(server: &Server) -> Vec<(String, Value)> {
    let mut asked = Vec::new();
    let listed = server.json("/api/v1/views").await;
    for path in ["views", "streams", "layers", "status", "openapi.json"] {
        asked.push(format!("/api/v1/{path}"));
    }
    for view in listed["views"].as_array().unwrap() {
        let name = view["name"].as_str().unwrap();
        let fields = view["fields"].as_array().unwrap();
        for group in fields.iter().filter(|field| field["group"] == true) {
            let group = group["name"].as_str().unwrap();
            asked.push(format!("/api/v1/top?view={name}&by={group}"));
            if view["kind"] != "now" {
                asked.push(format!("/api/v1/series?view={name}&by={group}"));
            }
        }
    }
    let mut answers = Vec::new();
    for path in asked {
        let answer = server.json(&path).await;
        answers.push((path, answer));
    }
    for view in listed["views"].as_array().unwrap() {
        let path = format!("{}?limit=1", view["href"].as_str().unwrap());
        let mut next = path.clone();
        let mut pages = 0;
        loop {
            let page = server.json(&next).await;
            let cursor = page["next_cursor"].as_str().map(str::to_owned);
            pages += page["documents"].as_array().unwrap().len();
            answers.push((std::mem::take(&mut next), page));
            let Some(cursor) = cursor else { break };
            next = format!("{path}&cursor={cursor}");
        }
        assert_eq!(pages, 3, "{path}: a cursor goes on where its page ended");
    }
    answers
}

fn tells(answer: &Value) -> bool {
    let text = answer.to_string();
    // A cursor holds an `_id` as hexadecimal digits.
    let digits = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let number = NUMBER.to_string();
    let forms = [PERSON.to_owned(), digits(PERSON), number.clone(), digits(&number)];
    forms.iter().any(|form| text.contains(form))
}

#[tokio::test]
async fn no_answer_says_who_a_person_is_where_names_are_not_shown() {
    let server = Server::start_as(filled().await, Facts::default(), with("never")).await;
    let answers = everything(&server).await;
    let telling: Vec<_> = answers.iter().filter(|(_, answer)| tells(answer)).collect();
    assert!(telling.is_empty(), "{telling:?}");
    assert!(answers.len() > 200, "{}", answers.len());
}

#[tokio::test]
async fn answers_say_who_a_person_is_where_names_are_shown() {
    let server = Server::start_as(filled().await, Facts::default(), with("always")).await;
    let answers = everything(&server).await;
    for view in views() {
        let path = format!("/api/v1/{view}?limit=1");
        let Some((_, page)) = answers.iter().find(|(asked, _)| *asked == path) else { continue };
        let personal = view.fields().iter().any(|field| is_personal(view, field));
        assert_eq!(tells(page), personal, "{path}");
    }
}

#[tokio::test]
async fn a_pseudonym_stands_for_one_person_in_all_answers() {
    let server = Server::start_as(filled().await, Facts::default(), with("never")).await;
    let page = server.json("/api/v1/responses").await;
    let members: Vec<_> =
        page["documents"].as_array().unwrap().iter().map(|one| &one["member"]).collect();
    assert_eq!(members[0], members[1], "one member, one pseudonym");
    assert!(members[0]["id"].as_str().unwrap().starts_with('p'), "{members:?}");
    assert!(members[0]["name"].is_null(), "{members:?}");

    let top = server.json("/api/v1/top?view=trending-calendar-events&by=event").await;
    let names: Vec<_> = top["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 3);
    assert!(names.is_sorted(), "equal values are ordered by what is shown: {names:?}");
    let one = format!("/api/v1/top?view=trending-calendar-events&by=event&event={}", names[1]);
    let one = server.json(&format!("{one}&with=event")).await;
    let group = json!({ "name": names[1], "value": 1, "with": { "event": names[1] } });
    assert_eq!(one["groups"], json!([group]));
    let documents = format!("/api/v1/trending-calendar-events?event={}", names[1]);
    let documents = server.json(&documents).await;
    let found: Vec<_> = documents["documents"].as_array().unwrap().iter().collect();
    assert_eq!((found.len(), &found[0]["event"]), (1, &json!(names[1])));
    for other in [format!("{PERSON}/1"), "p00".to_owned()] {
        let path = format!("/api/v1/top?view=trending-calendar-events&by=event&event={other}");
        let none = server.json(&path).await;
        assert_eq!(none["groups"], json!([]), "nobody can be looked up: {other}");
        let path = format!("/api/v1/trending-calendar-events?event={other}");
        assert_eq!(server.json(&path).await["documents"], json!([]), "{path}");
    }
}

#[tokio::test]
async fn what_is_left_out_can_be_neither_grouped_nor_filtered_by() {
    let server = Server::start_as(filled().await, Facts::default(), with("never")).await;
    for question in ["by=member.name", "by=country&member.name=text"] {
        let answer = server.get(&format!("/api/v1/top?view=responses&{question}")).await;
        assert_eq!(answer.status, 400, "{question}");
        assert!(answer.body.contains("country"), "it says what can be asked: {}", answer.body);
    }
    let answer = server.get("/api/v1/responses?member.name=text").await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    let listed = server.json("/api/v1/views").await;
    let responses =
        listed["views"].as_array().unwrap().iter().find(|view| view["name"] == "responses");
    let fields = responses.unwrap()["fields"].as_array().unwrap();
    let of = |name: &str| fields.iter().find(|field| field["name"] == name);
    assert_eq!(
        of("member.id"),
        Some(&json!({ "name": "member.id", "type": "text", "pseudonym": true }))
    );
    assert_eq!(of("member.name"), None);
    assert_eq!(view("responses").stream(), Some("rsvps"));
}
