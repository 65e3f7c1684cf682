use std::collections::BTreeMap;

use proptest::prelude::*;
use pulso_model::{WallTime, decode};
use serde_json::json;

use super::*;

/// Country, latitude, kind, and topics with names.
type Sent = (&'static str, i32, &'static str, Vec<(u8, u8)>);

fn aggregate(messages: &[Sent]) -> PaneAggregate {
    let mut pane = PaneAggregate::default();
    for (country, latitude, kind, topics) in messages {
        let topics: Vec<_> = topics
            .iter()
            .map(|(key, name)| json!({"urlkey": format!("t{key}"), "topic_name": format!("n{name}")}))
            .collect();
        let message = json!({
            "rsvp_id": 1, "mtime": 0, "response": kind, "guests": 1,
            "member": {"member_id": 3}, "event": {"event_id": "e"},
            "group": {"group_id": 5, "group_country": country, "group_lat": latitude,
                      "group_lon": 1, "group_topics": topics}
        })
        .to_string();
        pane.add(&decode(message.as_bytes(), WallTime(0)).unwrap());
    }
    pane
}

type Contents =
    (Vec<(String, ResponseKind, Activity)>, BTreeMap<(String, String), (String, TopicCount)>);

/// Everything in an aggregate, in one order.
fn contents(pane: &PaneAggregate) -> Contents {
    let activity = pane.activity();
    let activity = activity.iter().map(|a| (a.country.to_owned(), a.kind, a.activity)).collect();
    let mut topics = BTreeMap::new();
    for (key, name, counts) in pane.topics() {
        for (country, count) in counts {
            topics.insert((key.to_owned(), country.to_owned()), (name.to_owned(), count));
        }
    }
    (activity, topics)
}

#[test]
fn countries_and_topics_are_counted() {
    let pane = aggregate(&[
        ("de", 10, "yes", vec![(1, 9), (2, 2)]),
        ("de", 20, "yes", vec![(1, 3)]),
        ("us", 0, "no", vec![]),
    ]);
    let (activity, topics) = contents(&pane);
    assert_eq!(activity.len(), 2);
    let (country, kind, sums) = &activity[0];
    assert_eq!((country.as_str(), *kind), ("DE", ResponseKind::Yes));
    assert_eq!((sums.responses, sums.guests, sums.attendees), (2, 2, 4));
    assert_eq!(sums.location.mean().unwrap().lat, 15.0);
    let (name, count) = &topics[&("t1".to_owned(), "DE".to_owned())];
    assert_eq!((name.as_str(), count.count), ("n3", 2));
}

fn messages() -> impl Strategy<Value = Vec<Sent>> {
    let country = prop::sample::select(vec!["de", "us", "GB"]);
    let kind = prop::sample::select(vec!["yes", "no", "waitlist"]);
    let topics = prop::collection::vec((0_u8..5, 0_u8..5), 0..4);
    prop::collection::vec((country, -90..90, kind, topics), 0..20)
}

proptest! {
    #[test]
    fn p2_merging_parts_in_any_order_is_adding_one_by_one(
        messages in messages(), cut in any::<prop::sample::Index>(),
    ) {
        let (first, second) = messages.split_at(cut.index(messages.len() + 1));
        let whole = contents(&aggregate(&messages));
        let mut merged = aggregate(first);
        merged.merge(&aggregate(second));
        prop_assert_eq!(contents(&merged), whole.clone());
        let mut swapped = aggregate(second);
        swapped.merge(&aggregate(first));
        prop_assert_eq!(contents(&swapped), whole);
    }
}
