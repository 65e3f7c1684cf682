//! Synthetic messages, as the source would send them.

mod sequence;

use bytes::Bytes;
use pulso_model::{Key, WallTime};
use pulso_pipeline::{Headers, Message};
use serde_json::{Value, json};

pub use sequence::{EPOCH, sequence};

/// Builds the JSON of one response. Whatever is not set has a plausible value.
#[derive(Clone, Debug)]
pub struct MessageBuilder {
    message: Value,
}

/// A response to an event in Berlin: a yes without guests, with two topics, of a group with
/// coordinates and without a venue. `mtime` is in milliseconds since the epoch.
pub fn message(rsvp_id: i64, mtime: i64) -> MessageBuilder {
    let message = json!({
        "rsvp_id": rsvp_id,
        "mtime": mtime,
        "response": "yes",
        "guests": 0,
        "visibility": "public",
        "member": {"member_id": rsvp_id + 1000, "member_name": format!("Member {rsvp_id}")},
        "event": {
            "event_id": "e1", "event_name": "Evening 1", "time": mtime + 86_400_000,
            "event_url": "https://example.org/events/e1"
        },
        "group": {
            "group_id": 1, "group_name": "Group 1", "group_urlname": "group-1",
            "group_city": "Berlin", "group_country": "de", "group_lat": 52.52, "group_lon": 13.4,
            "group_topics": [
                {"urlkey": "art", "topic_name": "Art"}, {"urlkey": "music", "topic_name": "Music"}
            ]
        }
    });
    MessageBuilder { message }
}

impl MessageBuilder {
    /// `yes`, `no` or `waitlist`.
    pub fn response(self, response: &str) -> Self {
        self.set("/response", json!(response))
    }

    pub fn guests(self, guests: u32) -> Self {
        self.set("/guests", json!(guests))
    }

    pub fn member(self, id: i64) -> Self {
        let name = json!(format!("Member {id}"));
        self.set("/member/member_id", json!(id)).set("/member/member_name", name)
    }

    pub fn event(self, id: &str) -> Self {
        let url = format!("https://example.org/events/{id}");
        self.set("/event/event_id", json!(id))
            .set("/event/event_name", json!(format!("Evening {id}")))
            .set("/event/event_url", json!(url))
    }

    pub fn group(self, id: i64) -> Self {
        self.set("/group/group_id", json!(id))
            .set("/group/group_name", json!(format!("Group {id}")))
            .set("/group/group_urlname", json!(format!("group-{id}")))
    }

    /// The country as the source sends it: two lower-case letters.
    pub fn country(self, country: &str) -> Self {
        self.set("/group/group_country", json!(country))
    }

    /// The topics by `urlkey`; each topic's name is its key.
    pub fn topics(self, topics: &[&str]) -> Self {
        let topic = |key: &&str| json!({"urlkey": key, "topic_name": key});
        self.set("/group/group_topics", topics.iter().map(topic).collect())
    }

    /// The group's coordinates, in degrees.
    pub fn coordinates(self, latitude: f64, longitude: f64) -> Self {
        self.set("/group/group_lat", json!(latitude)).set("/group/group_lon", json!(longitude))
    }

    pub fn venue(self, id: i64, latitude: f64, longitude: f64) -> Self {
        let name = format!("Hall {id}");
        let venue = json!({"venue_id": id, "venue_name": name, "lat": latitude, "lon": longitude});
        self.set("/venue", venue)
    }

    /// Replaces the value at a JSON pointer, or adds it.
    pub fn set(mut self, pointer: &str, value: Value) -> Self {
        let (object, field) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
        let object = self.message.pointer_mut(object).expect("the message has such an object");
        object[field] = value;
        self
    }

    /// Removes a field.
    pub fn without(mut self, pointer: &str) -> Self {
        let (object, field) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
        if let Some(object) = self.message.pointer_mut(object).and_then(Value::as_object_mut) {
            object.remove(field);
        }
        self
    }

    /// The message as the source sends it.
    pub fn bytes(&self) -> Bytes {
        self.message.to_string().into()
    }

    /// The message as acquisition passes it on, from the source `test`.
    pub fn received(&self, received_time: WallTime) -> Message {
        received("test", received_time, self.bytes())
    }
}

/// Any payload as acquisition passes it on.
pub fn received(source: &str, received_time: WallTime, payload: impl Into<Bytes>) -> Message {
    let payload = payload.into();
    let headers = Headers { source: source.into(), received_time, cursor: None };
    let key = crate::decoder().head(&payload).key.map(Key::into_owned);
    Message { headers, key, payload }
}
