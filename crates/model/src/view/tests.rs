use super::*;
use crate::EventTime;

#[test]
fn names_read_back() {
    for view in View::ALL {
        assert_eq!(view.name().parse(), Ok(view));
    }
    assert!("trends".parse::<View>().is_err());
}

#[test]
fn keys_positions_and_countries_are_fields() {
    for view in View::ALL {
        let has = |name| view.fields().iter().any(|field| field.name == name);
        assert!(view.key().iter().all(|key| has(key.name())), "{view}");
        assert!(view.position_field().is_none_or(has), "{view}");
        assert!(has("@timestamp"), "{view}");
    }
}

#[test]
fn ids_tell_keys_apart() {
    let time = EventTime(1_489_925_470_960);
    let id = View::Responses.id(&[
        KeyPart::Integer(7),
        KeyPart::Time(time),
        KeyPart::Text("yes"),
        KeyPart::Integer(0),
    ]);
    assert_eq!(id, "7/1489925471/yes/0");
    let trend = |country, topic| {
        let parts = [KeyPart::Time(time), KeyPart::Text(country), KeyPart::Text(topic)];
        View::TrendingTopicsByCountry.id(&parts)
    };
    assert_eq!(trend("US", "art"), "2017-03-19T12:11:10.960Z/US/art");
    assert_ne!(trend("a/b", "c"), trend("a", "b/c"));
    assert_ne!(trend("a%2Fb", "c"), trend("a/b", "c"));
    let (long, longer) = ("é".repeat(600), "é".repeat(601));
    assert!(trend("US", &long).len() <= MAX_ID_BYTES);
    assert_ne!(trend("US", &long), trend("US", &longer));
}
