use pulso_model::FieldType;

use crate::descriptor::Descriptor;
use crate::descriptor::tests::{SIGHTINGS, fields, good, key, names};

#[test]
fn the_views_of_a_stream_follow_from_its_descriptor() {
    use FieldType::{Float, Integer, Location, Text, Time};
    let Descriptor { stream, .. } = good(SIGHTINGS);
    let views = stream.views();
    let names: Vec<_> = views.iter().map(|view| view.name()).collect();
    let expected = [
        "sightings",
        "bird-activity",
        "trending-bird-species",
        "trending-bird-species-by-country",
        "trending-marshes",
        "sighting-trends",
        "sighting-trends-by-country",
        "marsh-days",
        "birds",
    ];
    assert_eq!(names, expected);
    assert!(views.iter().all(|view| view.stream() == Some("sightings")));
    let activity = [
        ("@timestamp", Time),
        ("country", Text),
        ("manner", Text),
        ("sightings", Integer),
        ("birds", Integer),
        ("location", Location),
    ];
    assert_eq!(fields(stream.activity_view), activity);
    assert_eq!(key(stream.activity_view), ["@timestamp", "country", "manner"]);
    let worldwide = [
        ("@timestamp", Time),
        ("window_start", Time),
        ("marsh", Text),
        ("name", Text),
        ("count", Integer),
        ("actors", Integer),
        ("rank", Integer),
        ("unusual_rank", Integer),
        ("since", Time),
        ("score", Float),
    ];
    assert_eq!(fields(stream.facets[1].view), worldwide);
    assert_eq!(key(stream.facets[1].view), ["@timestamp", "marsh"]);
    assert_eq!(stream.facets[1].view.scope_field(), None);
    let by_scope = stream.facets[0].by_scope_view.unwrap();
    let with_scope =
        "@timestamp window_start country bird name count rank unusual_rank since score location";
    assert_eq!(self::names(by_scope).join(" "), with_scope);
    assert_eq!(key(by_scope), ["@timestamp", "country", "bird"]);
    let ended = stream.trends_view.unwrap();
    let of_ended =
        "@timestamp facet term name began peak peak_score ended duration_seconds count actors";
    assert_eq!(self::names(ended).join(" "), of_ended);
    assert_eq!(key(ended), ["@timestamp", "facet", "term"]);
    let ended_by_scope = stream.trends_by_scope_view.unwrap();
    assert_eq!(key(ended_by_scope), ["@timestamp", "country", "facet", "term"]);
    assert_eq!((ended.scope_field(), ended_by_scope.scope_field()), (None, Some("country")));
    assert_eq!(by_scope.title(), "Trending bird species by country");
    assert_eq!(
        (by_scope.scope_field(), by_scope.position_field()),
        (Some("country"), Some("rank"))
    );
}
