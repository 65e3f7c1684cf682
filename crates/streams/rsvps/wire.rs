//! The message as the source spells it. Unknown fields are ignored.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

#[derive(serde::Deserialize)]
pub(super) struct Message<'a> {
    pub(super) rsvp_id: i64,
    pub(super) mtime: i64,
    #[serde(borrow)]
    pub(super) response: Text<'a>,
    pub(super) guests: i64,
    #[serde(borrow)]
    pub(super) member: Member<'a>,
    #[serde(borrow)]
    pub(super) event: Event<'a>,
    #[serde(borrow)]
    pub(super) group: Group<'a>,
    #[serde(borrow)]
    pub(super) venue: Option<Venue<'a>>,
}

#[derive(serde::Deserialize)]
pub(super) struct Member<'a> {
    pub(super) member_id: i64,
    #[serde(borrow)]
    pub(super) member_name: Option<Text<'a>>,
}

#[derive(serde::Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    pub(super) event_id: Text<'a>,
    #[serde(borrow)]
    pub(super) event_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) event_url: Option<Text<'a>>,
    pub(super) time: Option<i64>,
}

#[derive(serde::Deserialize)]
pub(super) struct Group<'a> {
    pub(super) group_id: i64,
    #[serde(borrow)]
    pub(super) group_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) group_urlname: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) group_city: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) group_state: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) group_country: Text<'a>,
    pub(super) group_lat: Degrees,
    pub(super) group_lon: Degrees,
    #[serde(borrow, deserialize_with = "topics")]
    pub(super) group_topics: Vec<Topic<'a>>,
}

#[derive(serde::Deserialize)]
pub(super) struct Topic<'a> {
    #[serde(borrow)]
    pub(super) urlkey: Text<'a>,
    #[serde(borrow)]
    pub(super) topic_name: Option<Text<'a>>,
}

#[derive(serde::Deserialize)]
pub(super) struct Venue<'a> {
    pub(super) venue_id: Option<i64>,
    #[serde(borrow)]
    pub(super) venue_name: Option<Text<'a>>,
    #[serde(default)]
    pub(super) lat: Degrees,
    #[serde(default)]
    pub(super) lon: Degrees,
}

/// Groups have up to fifteen topics; a list that grows to that many is copied three times.
const TOPICS: usize = 16;

fn topics<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Topic<'de>>, D::Error> {
    struct Topics;

    impl<'de> Visitor<'de> for Topics {
        type Value = Vec<Topic<'de>>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list of topics")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut topics = Vec::with_capacity(TOPICS);
            while let Some(topic) = items.next_element()? {
                topics.push(topic);
            }
            Ok(topics)
        }
    }

    deserializer.deserialize_seq(Topics)
}

/// Text that borrows from the message. A type of its own because `Option<Cow<str>>` never borrows.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A number, or anything else, which is then not usable: a coordinate never makes a dead letter.
#[derive(Clone, Copy, Default)]
pub(super) struct Degrees(pub(super) Option<f64>);

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DegreesVisitor)
    }
}

struct DegreesVisitor;

impl<'de> Visitor<'de> for DegreesVisitor {
    type Value = Degrees;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("degrees")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Degrees, E> {
        Ok(Degrees(Some(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Degrees, E> {
        Ok(Degrees(Some(value as f64)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Degrees, E> {
        Ok(Degrees(Some(value as f64)))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Degrees, E> {
        Ok(Degrees(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Degrees, E> {
        Ok(Degrees(None))
    }

    fn visit_unit<E>(self) -> Result<Degrees, E> {
        Ok(Degrees(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Degrees, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Degrees(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Degrees, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Degrees(None))
    }
}
