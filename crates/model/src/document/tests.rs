use std::sync::LazyLock;

use serde_json::{Value, json};

use super::*;
use crate::stream::tests::{SIGHTINGS, TICKS, sighting, tick};
use crate::{By, DeadLetter, Fact, Number, Position, Reason, Statistic, Statistics, WallTime};

const POSITION: Position = Position { partition: 1, offset: 9 };

/// Every dotted path in a document, a location or a histogram being one value.
fn paths(value: &Value, prefix: &str, into: &mut Vec<String>) {
    let whole = |name| value.get(name).is_some();
    match value.as_object().filter(|_| !whole("lat") && !whole("counts")) {
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

/// Each field of the document is one of its view's, in their order.
fn check_fields(document: &ViewDocument) -> Value {
    let body: Value = serde_json::from_str(&document.body).unwrap();
    let mut found = Vec::new();
    paths(&body, "", &mut found);
    for path in &found {
        assert!(document.view.fields().iter().any(|field| field.name == path), "{path}");
    }
    assert_eq!(body["@timestamp"], json!(document.time.to_string()));
    assert!(!document.removes());
    body
}

fn render(fact: &Fact<'_>) -> ViewDocument {
    FactWriter::new(&SIGHTINGS).render(fact, POSITION)
}

static WINDOW: LazyLock<TrendWindow> =
    LazyLock::new(|| TrendWindow::new(EventTime(0), EventTime(20_000)));

fn trend(facet: usize, scope: Option<&str>) -> TrendDocument<'_> {
    TrendDocument {
        stream: &SIGHTINGS,
        facet: &SIGHTINGS.facets[facet],
        window: &WINDOW,
        scope,
        term: "crane",
        name: "Crane",
        count: 7,
        actors: 3,
        rank: 2,
        unusual_rank: Some(1),
        since: Some(EventTime(10_000)),
        score: Some(0.5),
        location: None,
    }
}

#[test]
fn documents_have_the_fields_of_their_view() {
    check_fields(&render(&sighting()));
    check_fields(&FactWriter::new(&TICKS).render(&tick(), POSITION));
    let late = LateFactDocument::render("sightings", POSITION, &sighting());
    assert_eq!(late.id, "sightings/1/9");
    assert_eq!(late.scope.as_deref(), Some("DE"));
    let body = check_fields(&late);
    assert_eq!((&body["stream"], &body["scope"]), (&json!("sightings"), &json!("DE")));
    assert_eq!((&body["partition"], &body["offset"]), (&json!(1), &json!(9)));
    let health = HealthDocument {
        stream: "sightings",
        time: WallTime(1_000),
        messages: 21,
        received: 15,
        counted: 1,
        echoes: 2,
        late: 3,
        skipped: 4,
        dead_letters: 5,
        lag: Some(6),
        watermark_delay_ms: Some(1_500),
    };
    let body = check_fields(&health.render());
    assert_eq!(body["skipped"], json!(4));
    assert_eq!(body["watermark_delay_seconds"], json!(1.5));
    assert_eq!(health.render().id, "sightings/1970-01-01T00:00:01.000Z/21");
    let early = HealthDocument { lag: None, watermark_delay_ms: None, ..health }.render();
    assert_eq!(check_fields(&early).get("lag"), None);
}

#[test]
fn a_contact_shows_what_is_known_of_it() {
    let reasons = ["topic: rust".to_owned()];
    let contact = ContactDocument {
        stream: "sightings",
        time: WallTime(1_000),
        event: "e/1",
        event_name: None,
        actor: "7",
        name: None,
        choice: "group: rustaceans",
        by: "local",
        note: "",
        reasons: &reasons,
        km: None,
        converted: None,
    };
    let early = contact.render();
    assert_eq!(early.id, "sightings/e%2F1/7");
    assert_eq!(check_fields(&early)["reasons"], json!(["topic: rust"]));
    let converted = Some((EventTime(2_000), "e2"));
    let (event_name, name, km) = (Some("Talks"), Some("A"), Some(1.5));
    let later = ContactDocument { converted, event_name, name, km, ..contact }.render();
    assert_eq!((&later.id, later.time), (&early.id, early.time));
    let body = check_fields(&later);
    assert_eq!(body["converted"], json!("1970-01-01T00:00:02.000Z"));
    assert_eq!((&body["converted_event"], &body["km"]), (&json!("e2"), &json!(1.5)));
}

#[test]
fn a_trend_shows_actors_where_they_are_counted() {
    let worldwide = trend(0, None).render();
    assert_eq!(worldwide.view, SIGHTINGS.facets[0].view);
    assert_eq!((worldwide.position, &worldwide.scope), (2, &None));
    assert_eq!(
        worldwide.body,
        concat!(
            r#"{"@timestamp":"1970-01-01T00:00:20.000Z","#,
            r#""window_start":"1970-01-01T00:00:00.000Z","term":"crane","name":"Crane","#,
            r#""count":7,"rank":2,"unusual_rank":1,"since":"1970-01-01T00:00:10.000Z","score":0.5}"#
        )
    );
    let actors = check_fields(&trend(1, None).render());
    assert_eq!((&actors["count"], &actors["actors"]), (&json!(7), &json!(3)));
    let location = Some(Location { lat: 1.0, lon: 2.0 });
    let by_scope = TrendDocument { location, ..trend(0, Some("DE")) }.render();
    assert_eq!(by_scope.view, SIGHTINGS.facets[0].by_scope_view.unwrap());
    assert_eq!(by_scope.id, "1970-01-01T00:00:20.000Z/DE/crane");
    assert_eq!(by_scope.scope.as_deref(), Some("DE"));
    assert_eq!(check_fields(&by_scope)["country"], json!("DE"));
}

#[test]
fn a_removal_has_the_id_of_the_trend_that_it_removes() {
    for scope in [None, Some("DE")] {
        let there = trend(0, scope).render();
        let removal = TrendDocument::removal(&SIGHTINGS.facets[0], &WINDOW, scope, "crane");
        assert!(removal.removes());
        assert_eq!((removal.view, removal.id), (there.view, there.id));
    }
}

fn ended(facet: usize, scope: Option<&str>) -> ViewDocument {
    let [began, peak, ended, time] = [20_000, 30_000, 90_500, 110_500].map(EventTime);
    EndedTrendDocument {
        stream: &SIGHTINGS,
        facet: &SIGHTINGS.facets[facet],
        time,
        scope,
        term: "crane",
        name: "Crane",
        began,
        peak,
        peak_score: 7.25,
        ended,
        count: 12,
        actors: 3,
    }
    .render()
}

#[test]
fn a_trend_that_ended_shows_its_life() {
    let worldwide = ended(0, None);
    assert_eq!(worldwide.view.name(), "sightings-trends");
    assert_eq!(worldwide.id, "1970-01-01T00:01:50.500Z/species/crane");
    assert_eq!(
        worldwide.body,
        concat!(
            r#"{"@timestamp":"1970-01-01T00:01:50.500Z","facet":"species","term":"crane","#,
            r#""name":"Crane","began":"1970-01-01T00:00:20.000Z","peak":"1970-01-01T00:00:30.000Z","#,
            r#""peak_score":7.25,"ended":"1970-01-01T00:01:30.500Z","duration_seconds":70.5,"#,
            r#""count":12}"#
        )
    );
    assert_eq!(check_fields(&ended(1, None))["actors"], json!(3));
    let by_scope = ended(0, Some("DE"));
    assert_eq!(by_scope.view.name(), "sightings-trends-by-country");
    assert_eq!(by_scope.id, "1970-01-01T00:01:50.500Z/DE/species/crane");
    assert_eq!((by_scope.scope.as_deref(), by_scope.time), (Some("DE"), EventTime(110_500)));
    assert_eq!(check_fields(&by_scope)["country"], json!("DE"));
    for (there, scope) in [(worldwide, None), (by_scope, Some("DE"))] {
        let facet = &SIGHTINGS.facets[0];
        let time = EventTime(110_500);
        let removal = EndedTrendDocument::removal(&SIGHTINGS, facet, time, scope, "crane");
        assert!(removal.removes());
        assert_eq!((removal.view, removal.id), (there.view, there.id));
    }
}

#[test]
fn activity_has_the_sums_of_the_stream() {
    let activity = ActivityDocument {
        stream: &SIGHTINGS,
        pane_start: EventTime(0),
        scope: "DE",
        kind: "seen",
        facts: 2,
        sums: &[1 << 40, 0, 0, 0],
        location: Some(Location { lat: 1.0, lon: 2.0 }),
    };
    let document = activity.render();
    check_fields(&document);
    assert_eq!(document.id, "1970-01-01T00:00:00.000Z/DE/seen");
    assert_eq!(
        document.body,
        concat!(
            r#"{"@timestamp":"1970-01-01T00:00:00.000Z","country":"DE","manner":"seen","#,
            r#""sightings":2,"birds":1099511627776,"location":{"lat":1.0,"lon":2.0}}"#
        )
    );
    let ticks = ActivityDocument {
        stream: &TICKS,
        scope: crate::UNKNOWN_SCOPE,
        kind: "tick",
        location: None,
        ..activity
    };
    let document = ticks.render();
    check_fields(&document);
    assert_eq!(document.id, "1970-01-01T00:00:00.000Z/tick", "without a scope in the stream");
    assert_eq!(document.scope, None);
    let body = r#"{"@timestamp":"1970-01-01T00:00:00.000Z","kind":"tick","ticks":2}"#;
    assert_eq!(document.body, body);
}

#[test]
fn statistics_have_numbers_in_their_own_units() {
    let mut statistics = Statistics::default();
    let statistic = SIGHTINGS.statistics[0];
    let render = |statistic: &Statistic, statistics: &Statistics| {
        let (pane_start, group) = (EventTime(0), Some("DE"));
        let stream = &SIGHTINGS;
        StatisticsDocument { stream, statistic, pane_start, group, statistics }.render()
    };
    assert_eq!(render(&statistic, &statistics), None, "no numbers, no document");
    [2, 2, 300].into_iter().for_each(|number| statistics.add(number));
    let by_country = render(&statistic, &statistics).unwrap();
    let fields = by_country.view.fields().iter().map(|field| field.name);
    assert_eq!(check_fields(&by_country).as_object().unwrap().len(), fields.count());
    assert_eq!(by_country.id, "1970-01-01T00:00:00.000Z/DE");
    assert_eq!(by_country.scope.as_deref(), Some("DE"));
    let shown = concat!(
        r#"{"@timestamp":"1970-01-01T00:00:00.000Z","country":"DE","count":3,"min":2,"max":300,"#,
        r#""sum":304,"mean":101.33333333333333,"variance":19734.222222222223,"#,
        r#""skewness":0.7071067811865475,"kurtosis":-1.5,"p50":2.0,"p90":300.0,"p95":300.0,"#,
        r#""p99":300.0,"power_sums":["304","90008","27000016","8100000032"],"#,
        r#""histogram":{"values":[2.0,300.5],"counts":[2,1]}}"#
    );
    assert_eq!(by_country.body, shown);

    let thousandths = Number { scale: 1000, ..statistic.number };
    let scaled = Statistic { number: thousandths, by: By::Kind, ..statistic };
    let body = render(&scaled, &statistics).unwrap().body;
    assert!(
        body.contains(r#""manner":"DE","count":3,"min":0.002,"max":0.3,"sum":0.304,"#),
        "{body}"
    );
}

#[test]
fn a_fact_is_shown_with_all_its_fields() {
    let document = render(&sighting());
    assert_eq!(document.id, "Ann/1600000000/seen/3");
    assert_eq!(document.time, EventTime(1_600_000_000_499));
    assert_eq!(document.scope.as_deref(), Some("DE"));
    let expected = concat!(
        r#"{"@timestamp":"2020-09-13T12:26:40.499Z","who":{"observer":"Ann","checked":true},"#,
        r#""site":{"location":{"lat":-1.5,"lon":2.0}},"manner":"seen","country":"DE","birds":3,"#,
        r#""location":{"lat":52.5,"lon":13.0},"species":["crane","heron"],"#,
        r#""species_names":["Crane","Grey \"Heron\""],"ring":{"number":-7},"tags":["a","b"],"#,
        r#""noted":"1970-01-01T00:00:00.005Z"}"#
    );
    assert_eq!(document.body, expected);
}

#[test]
fn what_has_no_value_is_left_out_and_so_is_an_object_of_nothing_else() {
    let mut fact = sighting();
    fact.place = None;
    fact.terms = Default::default();
    for column in &mut fact.columns[1..] {
        *column = crate::Value::Null;
    }
    let expected = concat!(
        r#"{"@timestamp":"2020-09-13T12:26:40.499Z","who":{"observer":"Ann"},"manner":"seen","#,
        r#""country":"DE","birds":3,"species":[],"species_names":[]}"#
    );
    assert_eq!(render(&fact).body, expected);
    fact.columns[0] = crate::Value::Null;
    fact.columns[1] = crate::Value::Boolean(false);
    fact.columns[2] = crate::Value::Float(0.0);
    fact.columns[3] = crate::Value::Float(0.0);
    fact.columns[4] = crate::Value::Integer(1);
    let expected = concat!(
        r#"{"@timestamp":"2020-09-13T12:26:40.499Z","who":{"checked":false},"manner":"seen","#,
        r#""country":"DE","birds":3,"species":[],"species_names":[],"ring":{"number":1}}"#
    );
    assert_eq!(render(&fact).body, expected, "0,0 is no place");
}

#[test]
fn a_fact_without_an_identity_is_told_by_its_position() {
    let document = FactWriter::new(&TICKS).render(&tick(), POSITION);
    assert_eq!(document.id, "1/9");
    assert_eq!(document.scope, None);
    let body =
        r#"{"@timestamp":"1970-01-01T00:00:00.000Z","partition":1,"offset":9,"kind":"tick"}"#;
    assert_eq!(document.body, body);
}

#[test]
fn documents_sort_by_their_key() {
    let sighting = render(&sighting());
    let text = |text: &str| KeyValue::Text(text.to_owned());
    let expected =
        [text("Ann"), text("2020-09-13T12:26:40.499Z"), text("seen"), KeyValue::Integer(3)];
    assert_eq!(sighting.sort_key(), expected);
    let tick = |offset| {
        let position = Position { partition: 0, offset };
        FactWriter::new(&TICKS).render(&tick(), position).sort_key()
    };
    assert!(tick(9) < tick(10));
}

#[test]
fn a_dead_letter_keeps_its_payload_as_received() {
    let dead = DeadLetter::new(Reason::InvalidJson, "x");
    let render = |payload: &[u8]| {
        let time = WallTime(0);
        let document =
            DeadLetterDocument::render("sightings", POSITION, time, "test", &dead, payload);
        assert_eq!(document.id, "sightings/1/9");
        check_fields(&document)
    };
    assert_eq!(render(b"{\"a")["payload"], json!("{\"a"));
    assert_eq!(render(&[0xff, 0x0a])["payload_hex"], json!("ff0a"));
    assert_eq!(render(b"")["stream"], json!("sightings"));
}
