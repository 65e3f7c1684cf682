use serde_json::{Value, json};

use super::*;
use crate::{DeadLetter, Reason, decode};

/// Every dotted path in a document, a location being one value.
fn paths(value: &Value, prefix: &str, into: &mut Vec<String>) {
    match value.as_object().filter(|object| !object.contains_key("lat")) {
        None => into.push(prefix.to_owned()),
        Some(object) => {
            for (name, value) in object {
                let path =
                    if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                paths(value, &path, into);
            }
        }
    }
}

fn check_fields(document: &ViewDocument) -> Value {
    let body: Value = serde_json::from_str(&document.body).unwrap();
    let mut found = Vec::new();
    paths(&body, "", &mut found);
    for path in &found {
        assert!(document.view.fields().iter().any(|field| field.name == path), "{path}");
    }
    assert_eq!(body["@timestamp"], json!(document.time.to_string()));
    body
}

#[test]
fn documents_have_the_fields_of_their_view() {
    let message = json!({
        "rsvp_id": 1, "mtime": 1_600_000_000_000_i64, "response": "yes", "guests": 2,
        "member": {"member_id": 3},
        "event": {"event_id": "e4"},
        "venue": {"venue_name": "Hall", "lat": 0, "lon": 0},
        "group": {"group_id": 5, "group_country": "de", "group_lat": 52.5, "group_lon": 13,
                  "group_topics": [{"urlkey": "art", "topic_name": "Art"}]}
    })
    .to_string();
    let response = decode(message.as_bytes(), WallTime(1_700_000_000_000)).unwrap();
    let document = ResponseDocument::render(&response);
    assert_eq!(document.id, "1/1600000000/yes/2");
    let body = check_fields(&document);
    assert_eq!(body["group"]["location"], json!({"lat": 52.5, "lon": 13.0}));
    assert_eq!(body["venue"], json!({"name": "Hall"}));
    check_fields(&LateResponseDocument::render((1, 2), &response));

    let trend = TrendDocument {
        window_end: EventTime(20_000),
        window_start: EventTime(0),
        country: Some("DE"),
        topic: "art",
        name: "Art",
        count: 7,
        rank: 1,
        score: 0.5,
        location: None,
    };
    assert_eq!(trend.render().view, View::TrendingTopicsByCountry);
    check_fields(&trend.render());
    let activity = ActivityDocument {
        pane_start: EventTime(0),
        country: "DE",
        response: ResponseKind::No,
        responses: 1,
        guests: 0,
        attendees: 0,
        location: None,
    };
    assert_eq!(check_fields(&activity.render())["response"], json!("no"));
}

#[test]
fn a_response_is_shown_with_all_its_fields() {
    let message = json!({
        "rsvp_id": 1, "mtime": 1_600_000_000_499_i64, "response": "yes", "guests": 2,
        "member": {"member_id": 3, "member_name": "A \"B\""},
        "event": {"event_id": "e4", "event_name": "N", "event_url": "https://x/y", "time": 5},
        "venue": {"venue_id": -6, "venue_name": "Hall", "lat": 1.5, "lon": 2},
        "group": {"group_id": 5, "group_name": "G", "group_urlname": "g", "group_city": "Köln",
                  "group_state": "NRW", "group_country": "de", "group_lat": 52.5, "group_lon": 13,
                  "group_topics": [{"urlkey": "b", "topic_name": "B"}, {"urlkey": "a"}]}
    })
    .to_string();
    let response = decode(message.as_bytes(), WallTime(1_700_000_000_000)).unwrap();
    let document = ResponseDocument::render(&response);
    assert_eq!(document.country.as_deref(), Some("DE"));
    let expected = concat!(
        r#"{"@timestamp":"2020-09-13T12:26:40.499Z","rsvp_id":1,"response":"yes","guests":2,"#,
        r#""attendees":3,"country":"DE","topics":["a","b"],"topic_names":["a","B"],"#,
        r#""member":{"id":3,"name":"A \"B\""},"event":{"id":"e4","name":"N","#,
        r#""url":"https://x/y","time":"1970-01-01T00:00:00.005Z"},"group":{"id":5,"name":"G","#,
        r#""urlname":"g","city":"Köln","state":"NRW","country":"DE","#,
        r#""location":{"lat":52.5,"lon":13.0}},"venue":{"id":-6,"name":"Hall","#,
        r#""location":{"lat":1.5,"lon":2.0}}}"#
    );
    assert_eq!(document.body, expected);
}

#[test]
fn a_dead_letter_keeps_its_payload_as_received() {
    let dead = DeadLetter { reason: Reason::InvalidJson, detail: "x".into() };
    let render = |payload: &[u8]| {
        let document = DeadLetterDocument::render((0, 9), WallTime(0), "test", &dead, payload);
        check_fields(&document)
    };
    assert_eq!(render(b"{\"a")["payload"], json!("{\"a"));
    assert_eq!(render(&[0xff, 0x0a])["payload_hex"], json!("ff0a"));
}
