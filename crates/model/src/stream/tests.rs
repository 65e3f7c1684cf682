use std::sync::LazyLock;

use super::*;
use crate::{
    Coordinate, EventTime, FieldType, KeyField, Term, UNKNOWN_SCOPE, ViewDescriptor, ViewKind,
};

use FieldType::{Boolean, Day, Float, Histogram, Integer, Location, Text, TextList, Time};
use KeyField::{Second, Value as Plain};

/// A stream with everything that a stream can have.
pub(crate) static SIGHTINGS: LazyLock<Stream> = LazyLock::new(|| Stream {
    name: "sightings",
    title: "Sightings",
    about: "Who saw which birds.",
    live: Vec::new(),
    fact: Names { one: "sighting", many: "sightings" },
    kind: KindField { name: "manner", values: vec!["heard", "seen"] },
    scope: Some(ScopeField { name: "country", values: ScopeValues::Country }),
    sums: vec!["birds"],
    place: true,
    columns: vec![
        Column { name: "observer", column_type: ColumnType::Text },
        Column { name: "checked", column_type: ColumnType::Boolean },
        Column { name: "site_latitude", column_type: ColumnType::Float },
        Column { name: "site_longitude", column_type: ColumnType::Float },
        Column { name: "ring", column_type: ColumnType::Integer },
        Column { name: "tags", column_type: ColumnType::Texts },
        Column { name: "noted", column_type: ColumnType::Time },
    ],
    actor: Some(0),
    visitor: vec![],
    personal: vec![Part::Column(0), Part::Column(2)],
    deletions: vec![],
    state: None,
    identity: vec![Part::Column(0), Part::Second, Part::Kind, Part::Sum(0)],
    echoes_within: None,
    facets: vec![
        facet("species", Counts::Facts, &[TRENDS_SCOPE, TRENDS].concat(), true),
        facet("marsh", Counts::Actors, TRENDS, false),
    ],
    statistics: vec![Statistic {
        field: "birds",
        number: Number { place: NumberPlace::Sum(0), scale: 1 },
        by: By::Scope,
        view: view(
            "sighting-birds-statistics",
            &[&[("@timestamp", Time), ("country", Text)], STATISTICS].concat(),
            &[Plain("@timestamp"), Plain("country")],
            Some("country"),
        ),
        days_view: view(
            "sighting-birds-statistics-days",
            &[&[("@timestamp", Time), ("day", Day), ("country", Text)], STATISTICS].concat(),
            &[Plain("day"), Plain("country")],
            Some("country"),
        ),
    }],
    sessions: vec![],
    facts_view: FactsView {
        view: view(
            "sightings",
            &[
                ("@timestamp", Time),
                ("who.observer", Text),
                ("who.checked", Boolean),
                ("site.location", Location),
                ("manner", Text),
                ("country", Text),
                ("birds", Integer),
                ("location", Location),
                ("species", TextList),
                ("species_names", TextList),
                ("ring.number", Integer),
                ("tags", TextList),
                ("noted", Time),
            ],
            &[Plain("who.observer"), Second("@timestamp"), Plain("manner"), Plain("birds")],
            Some("country"),
        ),
        shown: true,
        parts: vec![
            Part::Time,
            Part::Column(0),
            Part::Column(1),
            Part::Columns(2, 3),
            Part::Kind,
            Part::Scope,
            Part::Sum(0),
            Part::Place,
            Part::TermKeys(0),
            Part::TermNames(0),
            Part::Column(4),
            Part::Column(5),
            Part::Column(6),
        ],
    },
    activity_view: view(
        "country-activity",
        &[
            ("@timestamp", Time),
            ("country", Text),
            ("manner", Text),
            ("sightings", Integer),
            ("birds", Integer),
            ("location", Location),
        ],
        &[Plain("@timestamp"), Plain("country"), Plain("manner")],
        Some("country"),
    ),
    trends_view: Some(view(
        "sightings-trends",
        ENDED,
        &[Plain("@timestamp"), Plain("facet"), Plain("term")],
        None,
    )),
    trends_by_scope_view: Some(view(
        "sightings-trends-by-country",
        &[&[("country", Text)], ENDED].concat(),
        &[Plain("@timestamp"), Plain("country"), Plain("facet"), Plain("term")],
        Some("country"),
    )),
    jobs: vec![Job {
        view: view("marshes", &[("@timestamp", Time)], &[Plain("@timestamp")], None),
        personal: &[],
        sql: "SELECT 1",
    }],
});

/// A stream with as little as a stream can have.
pub(crate) static TICKS: LazyLock<Stream> = LazyLock::new(|| Stream {
    name: "ticks",
    title: "Ticks",
    about: "",
    live: Vec::new(),
    fact: Names { one: "tick", many: "ticks" },
    kind: KindField { name: "kind", values: vec!["tick"] },
    scope: None,
    sums: vec![],
    place: false,
    columns: vec![],
    actor: None,
    visitor: vec![],
    personal: vec![],
    deletions: vec![],
    state: None,
    identity: vec![],
    echoes_within: None,
    facets: vec![],
    statistics: vec![],
    sessions: vec![],
    facts_view: FactsView {
        view: view(
            "ticks",
            &[("@timestamp", Time), ("partition", Integer), ("offset", Integer), ("kind", Text)],
            &[Plain("partition"), Plain("offset")],
            None,
        ),
        shown: false,
        parts: vec![Part::Time, Part::Partition, Part::Offset, Part::Kind],
    },
    activity_view: view(
        "tick-activity",
        &[("@timestamp", Time), ("kind", Text), ("ticks", Integer)],
        &[Plain("@timestamp"), Plain("kind")],
        None,
    ),
    trends_view: None,
    trends_by_scope_view: None,
    jobs: vec![],
});

const TRENDS: &[(&str, FieldType)] = &[
    ("@timestamp", Time),
    ("window_start", Time),
    ("term", Text),
    ("name", Text),
    ("count", Integer),
    ("actors", Integer),
    ("rank", Integer),
    ("unusual_rank", Integer),
    ("since", Time),
    ("score", Float),
];

const STATISTICS: &[(&str, FieldType)] = &[
    ("count", Integer),
    ("min", Integer),
    ("max", Integer),
    ("sum", Integer),
    ("mean", Float),
    ("variance", Float),
    ("skewness", Float),
    ("kurtosis", Float),
    ("p50", Float),
    ("p90", Float),
    ("p95", Float),
    ("p99", Float),
    ("power_sums", TextList),
    ("histogram", Histogram),
];

const ENDED: &[(&str, FieldType)] = &[
    ("@timestamp", Time),
    ("facet", Text),
    ("term", Text),
    ("name", Text),
    ("began", Time),
    ("peak", Time),
    ("peak_score", Float),
    ("ended", Time),
    ("duration_seconds", Float),
    ("count", Integer),
    ("actors", Integer),
];

const TRENDS_SCOPE: &[(&str, FieldType)] = &[("country", Text), ("location", Location)];

fn facet(
    many: &'static str,
    counts: Counts,
    fields: &[(&'static str, FieldType)],
    by_scope: bool,
) -> Facet {
    let names_column = if by_scope { "species_names" } else { "marsh_names" };
    let key = [Plain("@timestamp"), Plain("term")];
    let scope_key = [Plain("@timestamp"), Plain("country"), Plain("term")];
    let by_scope_view =
        by_scope.then(|| view("trending-species-by-country", fields, &scope_key, Some("country")));
    let name = if by_scope { "trending-species" } else { "trending-marshes" };
    let view = view(name, TRENDS, &key, None);
    Facet { term: Names { one: "term", many }, names_column, counts, view, by_scope_view }
}

fn view(
    name: &'static str,
    fields: &[(&'static str, FieldType)],
    key: &[KeyField],
    scope_field: Option<&'static str>,
) -> View {
    let field = |&(name, field_type)| crate::Field { name, field_type };
    View::new(ViewDescriptor {
        name,
        title: name,
        stream: Some("sightings"),
        kind: ViewKind::Day,
        fields: fields.iter().map(field).collect::<Vec<_>>().leak(),
        key: key.to_vec().leak(),
        scope_field,
        aliases: &[],
        position_field: None,
        first_write_wins: false,
        edges: None,
    })
}

/// A fact of [`SIGHTINGS`] with all its parts.
pub(crate) fn sighting() -> Fact<'static> {
    Fact {
        time: EventTime(1_600_000_000_499),
        scope: "DE".into(),
        kind: 1,
        sums: [3, 0, 0, 0],
        place: Coordinate::new(52.5, 13.0),
        terms: [
            vec![term("crane", "Crane"), term("heron", "Grey \"Heron\"")],
            vec![term("linum", "Linum")],
            vec![],
            vec![],
        ],
        columns: vec![
            Value::Text("Ann".into()),
            Value::Boolean(true),
            Value::Float(-1.5),
            Value::Float(2.0),
            Value::Integer(-7),
            Value::Texts(vec!["a".into(), "b".into()]),
            Value::Time(EventTime(5)),
        ],
    }
}

/// A fact of [`TICKS`].
pub(crate) fn tick() -> Fact<'static> {
    Fact {
        time: EventTime(0),
        scope: UNKNOWN_SCOPE.into(),
        kind: 0,
        sums: [0; 4],
        place: None,
        terms: Default::default(),
        columns: vec![],
    }
}

fn term(key: &'static str, name: &'static str) -> Term<'static> {
    Term { key: key.into(), name: name.into() }
}

#[test]
fn the_lake_has_a_column_for_each_part() {
    let columns = |stream: &Stream| -> Vec<_> {
        stream.lake_columns().iter().map(|c| (c.name, c.column_type, c.part)).collect()
    };
    use ColumnType::{Boolean, Float, Integer, Text, Texts, Time};
    assert_eq!(
        columns(&SIGHTINGS),
        [
            ("time", Time, Part::Time),
            ("manner", Text, Part::Kind),
            ("country", Text, Part::Scope),
            ("birds", Integer, Part::Sum(0)),
            ("latitude", Float, Part::Latitude),
            ("longitude", Float, Part::Longitude),
            ("species", Texts, Part::TermKeys(0)),
            ("species_names", Texts, Part::TermNames(0)),
            ("marsh", Texts, Part::TermKeys(1)),
            ("marsh_names", Texts, Part::TermNames(1)),
            ("observer", Text, Part::Column(0)),
            ("checked", Boolean, Part::Column(1)),
            ("site_latitude", Float, Part::Column(2)),
            ("site_longitude", Float, Part::Column(3)),
            ("ring", Integer, Part::Column(4)),
            ("tags", Texts, Part::Column(5)),
            ("noted", Time, Part::Column(6)),
        ]
    );
    assert_eq!(columns(&TICKS), [("time", Time, Part::Time), ("kind", Text, Part::Kind)]);
}

#[test]
fn all_views_of_a_stream_are_known_once() {
    let names = |stream: &Stream| stream.views().into_iter().map(View::name).collect::<Vec<_>>();
    let expected = [
        "sightings",
        "country-activity",
        "sighting-birds-statistics",
        "trending-species",
        "trending-species-by-country",
        "trending-marshes",
        "sightings-trends",
        "sightings-trends-by-country",
        "sighting-birds-statistics-days",
        "marshes",
    ];
    assert_eq!(names(&SIGHTINGS), expected);
    assert_eq!(names(&TICKS), ["ticks", "tick-activity"]);
}

#[test]
fn facts_are_the_same_exactly_when_the_parts_of_the_identity_are() {
    let identity = |change: &dyn Fn(&mut Fact<'static>)| {
        let mut fact = sighting();
        change(&mut fact);
        SIGHTINGS.identity(&fact).unwrap()
    };
    let plain = identity(&|_| ());
    let echoes: [&dyn Fn(&mut Fact<'static>); 5] = [
        &|fact| fact.time = EventTime(1_600_000_000_000),
        &|fact| fact.scope = "US".into(),
        &|fact| fact.place = None,
        &|fact| fact.terms = Default::default(),
        &|fact| fact.columns[4] = Value::Integer(8),
    ];
    for change in echoes {
        assert_eq!(identity(change), plain);
    }
    let others: [&dyn Fn(&mut Fact<'static>); 4] = [
        &|fact| fact.time = EventTime(1_600_000_000_500),
        &|fact| fact.kind = 0,
        &|fact| fact.sums[0] = 4,
        &|fact| fact.columns[0] = Value::Text("Ann ".into()),
    ];
    for (index, change) in others.into_iter().enumerate() {
        assert_ne!(identity(change), plain, "{index}");
    }
    assert_eq!(TICKS.identity(&tick()), None, "each message is a fact of its own");
}

#[test]
fn every_comparable_part_can_tell_facts_apart() {
    let by = |part: Part, fact: &Fact<'_>| part::identity(&[part], &SIGHTINGS, fact).unwrap();
    let mut other = sighting();
    other.time = EventTime(other.time.0 + 1);
    other.scope = "US".into();
    other.columns[1] = Value::Boolean(false);
    other.columns[4] = Value::Integer(7);
    other.columns[6] = Value::Time(EventTime(6));
    let parts = [Part::Time, Part::Scope, Part::Column(1), Part::Column(4), Part::Column(6)];
    for part in parts {
        assert_ne!(by(part, &sighting()), by(part, &other), "{part:?}");
        assert_eq!(by(part, &sighting()), by(part, &sighting()), "{part:?}");
    }
}

#[test]
fn an_actor_is_a_text_whatever_the_column_is() {
    let actor = |value: Value<'static>| {
        let mut fact = sighting();
        fact.columns[0] = value;
        SIGHTINGS.actor(&fact).map(Cow::into_owned)
    };
    assert_eq!(actor(Value::Text("Ann".into())).as_deref(), Some("Ann"));
    assert_eq!(actor(Value::Integer(-7)).as_deref(), Some("-7"));
    assert_eq!(actor(Value::Boolean(true)).as_deref(), Some("true"));
    assert_eq!(actor(Value::Time(EventTime(5))).as_deref(), Some("1970-01-01T00:00:00.005Z"));
    assert_eq!(actor(Value::Null), None);
    assert_eq!(TICKS.actor(&tick()), None, "the stream has none");
    assert!(SIGHTINGS.counts_actors());
    assert!(!TICKS.counts_actors());
}
