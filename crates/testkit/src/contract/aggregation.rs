//! The contract of [`Views::aggregate`]: the same numbers from every store.

use std::collections::BTreeMap;
use std::time::Duration;

use pulso_model::{Day, EventTime, Layer, View, ViewDocument};
use pulso_pipeline::{
    Aggregate, Aggregation, BatchViews, Extreme, FieldValue, Filter, Function, Group, Interval,
    LayerChoice, Line, Measure, Part, Sink, Views,
};
use serde_json::{Value, json};

use super::views::ViewsHost;

/// Checks that a store computes what it should.
///
/// # Panics
/// At the first difference from what the port promises.
pub async fn aggregation<H: ViewsHost>(new_host: impl Fn() -> H) {
    nothing_is_no_group_and_no_value(&mut new_host()).await;
    facts_are_added_up_by_group_and_bucket(&mut new_host()).await;
    a_filter_may_have_several_texts(&mut new_host()).await;
    a_filter_finds_any_item_of_a_list(&mut new_host()).await;
    every_function_is_of_the_documents_that_have_the_field(&mut new_host()).await;
    a_group_has_the_extremes_of_other_fields(&mut new_host()).await;
    the_largest_groups_are_listed_and_ties_are_by_name(&mut new_host()).await;
    each_day_is_added_up_from_the_layer_that_answers(&mut new_host()).await;
    any_text_is_a_group(&mut new_host()).await;
    many_groups_on_many_days_are_exact(&mut new_host()).await;
}

const DAY: Day = Day(17_244);

fn at(seconds: i64) -> EventTime {
    EventTime(DAY.start().0 + seconds * 1_000)
}

fn seconds(seconds: u64) -> Option<Interval> {
    Interval::new(Duration::from_secs(seconds))
}

/// The number of documents of a view.
fn counting(view: &str) -> Aggregation {
    Aggregation {
        view: crate::view(view),
        layer: LayerChoice::Current,
        from: None,
        to: None,
        filters: Vec::new(),
        measure: Measure::Documents,
        by: None,
        groups_max: 10,
        interval: None,
        extremes: Vec::new(),
    }
}

fn measuring(view: &str, name: &'static str, function: Function) -> Aggregation {
    Aggregation { measure: Measure::Field { name, function }, ..counting(view) }
}

/// What happened in a pane of `country-activity`.
fn activity(time: EventTime, country: &str, response: &str, responses: i64) -> ViewDocument {
    let fields = json!({
        "@timestamp": time.to_string(), "country": country, "response": response,
        "responses": responses, "guests": 0, "attendees": responses,
    });
    let id = format!("{time}/{country}/{response}");
    made(crate::view("country-activity"), id, time, Some(country), &fields)
}

/// A term of a window; `score` is left out while a stream is warming up.
fn trend(time: EventTime, topic: &str, count: i64, score: Option<f64>) -> ViewDocument {
    let mut fields = json!({
        "@timestamp": time.to_string(), "window_start": time.to_string(), "topic": topic,
        "name": topic, "count": count, "rank": 1,
    });
    if let Some(score) = score {
        fields["score"] = json!(score);
    }
    made(crate::view("trending-topics"), format!("{time}/{topic}"), time, None, &fields)
}

fn made(
    view: View,
    id: String,
    time: EventTime,
    scope: Option<&str>,
    fields: &Value,
) -> ViewDocument {
    let (scope, body) = (scope.map(str::to_owned), fields.to_string());
    ViewDocument { view, id, time, position: 0, scope, body }
}

fn line(value: f64, buckets: &[(i64, f64)]) -> Line {
    let buckets: BTreeMap<_, _> = buckets.iter().map(|&(time, value)| (at(time), value)).collect();
    Line { value: Some(value), buckets }
}

fn group(name: &str, value: f64, buckets: &[(i64, f64)]) -> Group {
    Group { name: name.to_owned(), line: line(value, buckets), extremes: Vec::new() }
}

async fn check(
    store: &impl Views,
    question: Aggregation,
    total: Line,
    groups: &[Group],
    more: bool,
) {
    let expected = Aggregate { total, groups: groups.to_vec(), more, exact: true };
    assert_eq!(store.aggregate(question.clone()).await.unwrap(), expected, "{question:?}");
}

async fn nothing_is_no_group_and_no_value(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let by = Some("country");
    for question in [
        counting("country-activity"),
        Aggregation { by, ..counting("country-activity") },
        Aggregation { interval: seconds(10), ..counting("country-activity") },
        Aggregation { by, interval: seconds(10), ..counting("groups") },
        Aggregation { by: Some("reason"), ..counting("dead-letters") },
        measuring("health", "counted", Function::Sum),
    ] {
        check(&store, question, Line::default(), &[], false).await;
    }
    store.write(vec![activity(at(0), "US", "yes", 1)]).await.unwrap();
    for (from, to) in [(at(1), at(9)), (at(9), at(1)), (EventTime(i64::MAX), EventTime(i64::MAX))] {
        let (from, to) = (Some(from), Some(to));
        let question = Aggregation { from, to, by, ..counting("country-activity") };
        check(&store, question, Line::default(), &[], false).await;
    }
    let layer = LayerChoice::Only(Layer::Batch);
    let question = Aggregation { layer, by, ..counting("country-activity") };
    check(&store, question, Line::default(), &[], false).await;
}

async fn facts_are_added_up_by_group_and_bucket(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let written = [
        activity(at(-10), "US", "yes", 100),
        activity(at(0), "US", "yes", 3),
        activity(at(10), "US", "no", 4),
        activity(at(10), "DE", "yes", 5),
        activity(at(59), "US", "yes", 1),
        activity(at(60), "DE", "yes", 2),
        activity(at(180), "US", "yes", 50),
    ];
    store.write(written.to_vec()).await.unwrap();
    let sum = Aggregation {
        from: Some(at(0)),
        to: Some(at(180)),
        ..measuring("country-activity", "responses", Function::Sum)
    };
    check(&store, sum.clone(), line(15.0, &[]), &[], false).await;
    let by_minute = Aggregation { interval: seconds(60), ..sum.clone() };
    check(&store, by_minute.clone(), line(15.0, &[(0, 13.0), (60, 2.0)]), &[], false).await;
    let by = Some("country");
    let groups = [group("US", 8.0, &[]), group("DE", 7.0, &[])];
    check(&store, Aggregation { by, ..sum.clone() }, line(15.0, &[]), &groups, false).await;
    let both = Aggregation { by, ..by_minute.clone() };
    let groups = [group("US", 8.0, &[(0, 8.0)]), group("DE", 7.0, &[(0, 5.0), (60, 2.0)])];
    let total = line(15.0, &[(0, 13.0), (60, 2.0)]);
    check(&store, both.clone(), total.clone(), &groups, false).await;
    let first = Aggregation { groups_max: 1, ..both.clone() };
    check(&store, first, total.clone(), &groups[..1], true).await;
    let none = Aggregation { groups_max: 0, ..both.clone() };
    check(&store, none, total, &[], true).await;
    let filters = vec![Filter::is("country", "US"), Filter::is("response", "yes")];
    let filtered = Aggregation { filters, ..by_minute };
    check(&store, filtered, line(4.0, &[(0, 4.0)]), &[], false).await;
    let by = Some("response");
    let filters = vec![Filter::is("country", "US")];
    let groups = [group("no", 4.0, &[]), group("yes", 4.0, &[])];
    check(&store, Aggregation { by, filters, ..sum.clone() }, line(8.0, &[]), &groups, false).await;
    // Buckets are aligned to the epoch, whatever the range; a week begins on a Thursday.
    let week = Aggregation { from: None, to: None, interval: seconds(7 * 86_400), ..sum };
    let start = DAY.0.rem_euclid(7);
    let total = line(165.0, &[(-i64::from(start) * 86_400, 165.0)]);
    check(&store, week, total, &[], false).await;
}

/// By the scope, which stores keep apart, and by other fields.
async fn a_filter_may_have_several_texts(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let written = [
        activity(at(0), "US", "yes", 1),
        activity(at(0), "US", "no", 2),
        activity(at(10), "DE", "yes", 4),
        activity(at(10), "FR", "waitlist", 8),
        activity(at(10), "it's", "yes", 16),
        activity(at(20), "FR", "no", 32),
    ];
    store.write(written.to_vec()).await.unwrap();
    let one_of = |field, texts: &[&str]| Filter {
        field,
        texts: texts.iter().map(|&text| text.to_owned()).collect(),
    };
    let by_country = Aggregation {
        by: Some("country"),
        interval: seconds(10),
        ..measuring("country-activity", "responses", Function::Sum)
    };
    let ask = |filters: &[Filter]| Aggregation { filters: filters.to_vec(), ..by_country.clone() };
    let us = group("US", 3.0, &[(0, 3.0)]);
    let france = group("FR", 40.0, &[(10, 8.0), (20, 32.0)]);
    let countries = one_of("country", &["US", "FR", "XX", "US"]);
    let total = line(43.0, &[(0, 3.0), (10, 8.0), (20, 32.0)]);
    check(&store, ask(std::slice::from_ref(&countries)), total, &[france, us], false).await;
    let answers = one_of("response", &["yes", "waitlist"]);
    let total = line(29.0, &[(0, 1.0), (10, 28.0)]);
    let groups = [
        group("it's", 16.0, &[(10, 16.0)]),
        group("FR", 8.0, &[(10, 8.0)]),
        group("DE", 4.0, &[(10, 4.0)]),
        group("US", 1.0, &[(0, 1.0)]),
    ];
    check(&store, ask(std::slice::from_ref(&answers)), total, &groups, false).await;
    let groups = [groups[1].clone(), groups[3].clone()];
    let total = line(9.0, &[(0, 1.0), (10, 8.0)]);
    check(&store, ask(&[countries.clone(), answers]), total, &groups, false).await;
    let none = [countries, one_of("response", &[])];
    check(&store, ask(&none), Line::default(), &[], false).await;
}

async fn a_filter_finds_any_item_of_a_list(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let view = crate::view("responses");
    let response = |number: i64, topics: Value| {
        let fields = json!({
            "@timestamp": at(number).to_string(), "rsvp_id": number, "response": "yes", "topics": topics,
        });
        made(view, number.to_string(), at(number), None, &fields)
    };
    let written = [
        response(0, json!(["rust", "it's \"ü\""])),
        response(1, json!(["rust", "wasm", "rust"])),
        response(2, json!(["wasm"])),
        response(3, json!([])),
        response(4, Value::Null),
        response(5, json!(["Rust", "[\"rust\"]", "rus"])),
        response(6, json!(["7"])),
    ];
    store.write(written.to_vec()).await.unwrap();
    let ask = |lists: &[&[&str]]| {
        let texts = lists.iter().map(|texts| texts.iter().map(|&text| text.to_owned()).collect());
        let filters = texts.map(|texts| Filter { field: "topics", texts }).collect();
        Aggregation { filters, interval: seconds(1), ..counting("responses") }
    };
    for (lists, expected) in [
        (&[&["rust"][..]][..], &[0, 1][..]),
        (&[&["rust", "7"]], &[0, 1, 6]),
        (&[&["rust"], &["wasm", "none"]], &[1]),
        (&[&["it's \"ü\""]], &[0]),
        (&[&["[\"rust\"]"]], &[5]),
    ] {
        let buckets: Vec<_> = expected.iter().map(|&number| (number, 1.0)).collect();
        let total: f64 = buckets.iter().map(|(_, one)| one).sum();
        check(&store, ask(lists), line(total, &buckets), &[], false).await;
    }
    for lists in [&[&["none"][..]][..], &[&[""]], &[&[]], &[&["null"]]] {
        check(&store, ask(lists), Line::default(), &[], false).await;
    }
}

async fn every_function_is_of_the_documents_that_have_the_field(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let written = [
        trend(at(0), "art", 8, Some(1.5)),
        trend(at(10), "art", 6, Some(-2.25)),
        trend(at(10), "rust", 7, None),
        trend(at(20), "rust", 9, Some(0.125)),
        trend(at(20), "wine", 7, None),
    ];
    store.write(written.to_vec()).await.unwrap();
    let by = Some("topic");
    let ask = |name, function| Aggregation { by, ..measuring("trending-topics", name, function) };
    let groups = [group("rust", 9.0, &[]), group("art", 8.0, &[]), group("wine", 7.0, &[])];
    check(&store, ask("count", Function::Max), line(9.0, &[]), &groups, false).await;
    let groups = [group("art", 6.0, &[]), group("rust", 7.0, &[]), group("wine", 7.0, &[])];
    check(&store, ask("count", Function::Min), line(6.0, &[]), &groups, false).await;
    let groups = [group("rust", 8.0, &[]), group("art", 7.0, &[]), group("wine", 7.0, &[])];
    check(&store, ask("count", Function::Mean), line(7.4, &[]), &groups, false).await;
    let groups = [group("art", 1.5, &[]), group("rust", 0.125, &[])];
    check(&store, ask("score", Function::Max), line(1.5, &[]), &groups, false).await;
    let by_bucket = Aggregation { interval: seconds(10), ..ask("score", Function::Max) };
    let groups =
        [group("art", 1.5, &[(0, 1.5), (10, -2.25)]), group("rust", 0.125, &[(20, 0.125)])];
    let total = line(1.5, &[(0, 1.5), (10, -2.25), (20, 0.125)]);
    check(&store, by_bucket, total, &groups, false).await;
    let documents = Aggregation { by, interval: seconds(20), ..counting("trending-topics") };
    let groups = [
        group("art", 2.0, &[(0, 2.0)]),
        group("rust", 2.0, &[(0, 1.0), (20, 1.0)]),
        group("wine", 1.0, &[(20, 1.0)]),
    ];
    check(&store, documents, line(5.0, &[(0, 3.0), (20, 2.0)]), &groups, false).await;
}

async fn a_group_has_the_extremes_of_other_fields(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let named = |time, topic, count, score, name: &str| {
        let document: ViewDocument = trend(time, topic, count, score);
        let mut body: Value = serde_json::from_str(&document.body).unwrap();
        body["name"] = json!(name);
        body["rank"] = json!(20 - count);
        ViewDocument { body: body.to_string(), ..document }
    };
    let written = [
        named(at(0), "art", 8, Some(1.5), "Art"),
        named(at(10), "art", 6, Some(2.25), "art"),
        named(at(20), "art", 3, Some(0.5), "ART"),
        named(at(10), "rust", 7, None, "Rust"),
        named(at(90), "wine", 9, None, "Wine"),
    ];
    store.write(written.to_vec()).await.unwrap();
    let view = crate::view("trending-topics");
    let extreme = |name: &str, smallest| {
        let field = view.fields().iter().find(|field| field.name == name).unwrap();
        Extreme { field: *field, smallest }
    };
    let asked = [("name", false), ("score", false), ("rank", true), ("name", true)];
    let question = Aggregation {
        by: Some("topic"),
        to: Some(at(60)),
        extremes: asked.map(|(name, smallest)| extreme(name, smallest)).to_vec(),
        ..measuring("trending-topics", "count", Function::Max)
    };
    let (number, text) = (
        |number| Some(FieldValue::Number(number)),
        |text: &str| Some(FieldValue::Text(text.to_owned())),
    );
    let art = [text("art"), number(2.25), number(12.0), text("ART")].to_vec();
    let rust = [text("Rust"), None, number(13.0), text("Rust")].to_vec();
    let groups = [
        Group { extremes: art, ..group("art", 8.0, &[]) },
        Group { extremes: rust, ..group("rust", 7.0, &[]) },
    ];
    check(&store, question.clone(), line(8.0, &[]), &groups, false).await;
    let first = Aggregation { groups_max: 1, ..question };
    check(&store, first, line(8.0, &[]), &groups[..1], true).await;
}

async fn the_largest_groups_are_listed_and_ties_are_by_name(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let names = ["b", "a", "é", "A", "aa", "z"];
    let written = (0..).zip(names).map(|(pane, name)| activity(at(pane), name, "yes", 1));
    store.write(written.collect()).await.unwrap();
    store.write(vec![activity(at(99), "z", "no", 1)]).await.unwrap();
    let sum = measuring("country-activity", "responses", Function::Sum);
    let sum = Aggregation { by: Some("country"), ..sum };
    let ordered = ["z", "A", "a", "aa", "b", "é"];
    let values = [2.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    let groups: Vec<_> =
        ordered.iter().zip(values).map(|(name, value)| group(name, value, &[])).collect();
    for groups_max in [1, 3, 5, 6, 7] {
        let listed = &groups[..groups_max.min(6)];
        let question = Aggregation { groups_max, ..sum.clone() };
        check(&store, question, line(7.0, &[]), listed, groups_max < 6).await;
    }
}

async fn publish<S: BatchViews>(store: &S, part: Part, documents: Vec<ViewDocument>, end: bool) {
    let stage = store.begin(documents[0].view, part).await.unwrap();
    store.stage(stage, documents).await.unwrap();
    store.publish(stage, end).await.unwrap();
}

async fn each_day_is_added_up_from_the_layer_that_answers(host: &mut impl ViewsHost) {
    const HOURS: i64 = 3_600;
    let mut store = host.open();
    let of_days = |responses: i64| -> Vec<_> {
        let days = [-24, 0, 24, 48].into_iter();
        days.map(|hour| activity(at((hour + 12) * HOURS), "US", "yes", responses)).collect()
    };
    store.write(of_days(1)).await.unwrap();
    for (part, document) in [-1, 0, 1, 2].into_iter().zip(of_days(10)) {
        // Of the third day it has written a part only.
        let (part, completes) = (Part::Day(Day(DAY.0 + part)), part < 1);
        if part != Part::Day(Day(DAY.0 + 2)) {
            publish(&store, part, vec![document.clone()], false).await;
            publish(&store, part, vec![document], completes).await;
        }
    }
    let by_day = Aggregation {
        by: Some("country"),
        interval: seconds(86_400),
        ..measuring("country-activity", "responses", Function::Sum)
    };
    let days = [(-24 * HOURS, 10.0), (0, 10.0), (24 * HOURS, 1.0), (48 * HOURS, 1.0)];
    check(&store, by_day.clone(), line(22.0, &days), &[group("US", 22.0, &days)], false).await;
    let cut = Aggregation { from: Some(at(1)), to: Some(at(37 * HOURS)), ..by_day.clone() };
    let total = line(11.0, &days[1..3]);
    check(&store, cut, total, &[group("US", 11.0, &days[1..3])], false).await;
    for (layer, value, count) in [(Layer::Speed, 1.0, 4), (Layer::Batch, 10.0, 3)] {
        let days: Vec<_> = days[..count].iter().map(|&(day, _)| (day, value)).collect();
        let total: f64 = days.iter().map(|(_, value)| value).sum();
        let only = Aggregation { layer: LayerChoice::Only(layer), ..by_day.clone() };
        check(&store, only, line(total, &days), &[group("US", total, &days)], false).await;
    }
}

async fn any_text_is_a_group(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let names = ["it's", "\"quoted\"", "a/b%\\", "\u{1f600} ü", " ", "null", "[1]", "7"];
    let written = (0..).zip(names).map(|(pane, name)| activity(at(pane), name, "yes", 100 - pane));
    store.write(written.collect()).await.unwrap();
    let without = json!({ "@timestamp": at(0).to_string(), "response": "yes", "responses": 1 });
    let view = crate::view("country-activity");
    store.write(vec![made(view, "none".to_owned(), at(0), None, &without)]).await.unwrap();
    let by = Some("country");
    let sum = Aggregation { by, ..measuring("country-activity", "responses", Function::Sum) };
    let groups: Vec<_> = (0..)
        .zip(names)
        .map(|(pane, name)| {
            group(name, f64::from(100 - pane), &[(i64::from(pane), f64::from(100 - pane))])
        })
        .collect();
    let value = groups.iter().filter_map(|group| group.line.value).sum::<f64>() + 1.0;
    let mut buckets: Vec<_> = (0..8).map(|pane| (i64::from(pane), f64::from(100 - pane))).collect();
    buckets[0].1 += 1.0;
    let by_second = Aggregation { interval: seconds(1), ..sum.clone() };
    check(&store, by_second, line(value, &buckets), &groups, false).await;
    for group in groups {
        let filters = vec![Filter::is("country", group.name.clone())];
        let line = Line { buckets: BTreeMap::new(), ..group.line };
        let expected = [Group { line: line.clone(), ..group }];
        check(&store, Aggregation { filters, ..sum.clone() }, line, &expected, false).await;
    }
}

/// More groups than a server would compare by itself, of which the largest are nowhere the first.
async fn many_groups_on_many_days_are_exact(host: &mut impl ViewsHost) {
    const GROUPS: i64 = 300;
    let mut store = host.open();
    let mut written = Vec::new();
    for day in 0..4 {
        for number in 0..GROUPS {
            // The others have their large value on one of the days.
            let value = if number < 5 {
                60 + number
            } else if number % 4 == day {
                100
            } else {
                1
            };
            let name = format!("{number:03}");
            written.push(activity(at(day * 86_400), &name, "yes", value));
        }
    }
    store.write(written).await.unwrap();
    let sum = measuring("country-activity", "responses", Function::Sum);
    let sum = Aggregation { by: Some("country"), groups_max: 6, ..sum };
    let mut groups: Vec<_> = (0..5)
        .rev()
        .map(|number| group(&format!("{number:03}"), f64::from(240 + 4 * number), &[]))
        .collect();
    groups.push(group("005", 103.0, &[]));
    let total = 5.0 * 240.0 + 4.0 * 10.0 + 295.0 * 103.0;
    check(&store, sum, line(total, &[]), &groups, true).await;
}
