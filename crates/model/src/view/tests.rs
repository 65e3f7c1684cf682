use super::*;
use crate::EventTime;
use crate::stream::tests::{SIGHTINGS, TICKS};

fn all() -> Vec<View> {
    [SIGHTINGS.views(), TICKS.views(), View::JOURNALS.to_vec()].concat()
}

#[test]
fn keys_positions_and_scopes_are_fields() {
    for view in all() {
        let has = |name| view.fields().iter().any(|field| field.name == name);
        assert!(view.key().iter().all(|key| has(key.name())), "{view}");
        assert!(view.position_field().is_none_or(has), "{view}");
        assert!(view.scope_field().is_none_or(has), "{view}");
        assert!(has("@timestamp"), "{view}");
    }
}

#[test]
fn journals_tell_streams_apart() {
    for view in View::JOURNALS {
        assert_eq!(view.stream(), None, "{view}");
        assert_eq!(view.kind(), ViewKind::Journal, "{view}");
        assert_eq!(view.key()[0], KeyField::Value("stream"), "{view}");
    }
    let id = |stream| {
        let position = [KeyPart::Integer(1), KeyPart::Integer(2)];
        View::DEAD_LETTERS.id(&[KeyPart::Text(stream), position[0], position[1]])
    };
    assert_eq!(id("rsvps"), "rsvps/1/2");
    assert_ne!(id("rsvps"), id("posts"));
}

#[test]
fn views_are_equal_by_name() {
    let descriptor = |name| ViewDescriptor {
        name,
        title: "",
        stream: None,
        kind: ViewKind::Now,
        fields: &[],
        key: &[],
        scope_field: None,
        aliases: &[],
        position_field: None,
        first_write_wins: false,
        edges: None,
    };
    assert_eq!(View::new(descriptor("a")), View::new(descriptor("a")));
    assert_ne!(View::new(descriptor("a")), View::new(descriptor("b")));
    assert!(View::new(descriptor("a")) < View::new(descriptor("b")));
    let set = std::collections::HashSet::from([View::HEALTH, View::new(descriptor("health"))]);
    assert_eq!(set.len(), 1);
}

#[test]
fn a_filter_by_scope_has_the_last_part_of_the_fields_name() {
    let named = |scope_field| {
        let descriptor = ViewDescriptor {
            name: "groups",
            title: "",
            stream: None,
            kind: ViewKind::Now,
            fields: &[],
            key: &[],
            scope_field,
            aliases: &[],
            position_field: None,
            first_write_wins: false,
            edges: None,
        };
        View::new(descriptor).scope_name()
    };
    assert_eq!(named(Some("group.country")), Some("country"));
    assert_eq!(named(Some("language")), Some("language"));
    assert_eq!(named(None), None);
}

#[test]
fn ids_tell_keys_apart() {
    let time = EventTime(1_489_925_470_960);
    let key = [KeyPart::Text("7"), KeyPart::Time(time), KeyPart::Text("yes"), KeyPart::Integer(0)];
    assert_eq!(SIGHTINGS.facts_view.view.id(&key), "7/1489925471/yes/0");
    let trends = SIGHTINGS.facets[0].by_scope_view.unwrap();
    let trend =
        |scope, term| trends.id(&[KeyPart::Time(time), KeyPart::Text(scope), KeyPart::Text(term)]);
    assert_eq!(trend("US", "art"), "2017-03-19T12:11:10.960Z/US/art");
    assert_ne!(trend("a/b", "c"), trend("a", "b/c"));
    assert_ne!(trend("a%2Fb", "c"), trend("a/b", "c"));
    let (long, longer) = ("é".repeat(600), "é".repeat(601));
    assert!(trend("US", &long).len() <= MAX_ID_BYTES);
    assert_ne!(trend("US", &long), trend("US", &longer));
}
