use std::sync::Arc;
use std::time::Duration;

use pulso_pipeline::Cursor;
use pulso_streams::Streams;
use pulso_testkit::view;

use super::*;
use crate::{Guard, Served, Windows};

fn options() -> Options {
    let windows = Windows {
        size: Duration::from_secs(300),
        slide: Duration::from_secs(10),
        max_out_of_orderness: Duration::from_secs(2),
        count_above: 5,
    };
    let brought = Streams::brought();
    let streams = brought.iter().map(|definition| Served { stream: definition.stream, windows });
    let (page_limit_default, page_limit_max, streams) = (10, 50, streams.collect());
    let guard = Arc::new(Guard::without_login());
    let config = pulso_runtime::Config::default();
    let (organiser, messages) = (crate::Organiser::from(&config), crate::Messages::from(&config));
    Options { page_limit_default, page_limit_max, streams, guard, organiser, messages }
}

fn read(view: View, query: &str) -> Result<Wanted, Error> {
    let uri = format!("/api/v1/{view}?{query}").parse().unwrap();
    documents(&Fields::of(view, &options()), &uri)
}

#[track_caller]
fn check(view: View, query: &str, expected: Query) {
    assert_eq!(read(view, query).unwrap().query, expected, "{query}");
}

#[track_caller]
fn check_refused(view: View, query: &str, detail: &str) {
    assert_eq!(read(view, query).unwrap_err().to_string(), detail, "{query}");
}

/// The refusal of a parameter that a view does not have: its own ones, then its texts.
#[track_caller]
fn check_unknown(view: View, query: &str, own: &str) {
    let (name, _) = query.split_once('=').unwrap();
    let texts: String =
        filters(&Fields::of(view, &options())).map(|field| format!(", `{}`", field.name)).collect();
    let detail = format!("there is no parameter `{name}` here; the parameters are {own}{texts}");
    check_refused(view, query, &detail);
}

#[test]
fn a_view_is_filtered_by_its_texts() {
    let names = |view: View| {
        filters(&Fields::of(view, &options())).map(|field| field.name).collect::<Vec<_>>()
    };
    assert_eq!(names(view("topic-pairs")), ["topic", "other"]);
    assert_eq!(names(view("country-activity")), ["response"], "the country is the scope");
    assert_eq!(names(View::DEAD_LETTERS), ["stream", "source", "reason", "detail"]);
}

#[test]
fn parameters_narrow_the_newest_documents() {
    let view = view("responses");
    let newest = || Query::newest(view, 10);
    let noon = EventTime(1_489_924_800_000);
    let day = EventTime(1_489_881_600_000);
    let cursor = Cursor { time: noon, position: 3, id: "7/é".to_owned() };
    check(view, "", newest());
    check(view, "from=2017-03-19", Query { from: Some(day), ..newest() });
    check(view, "to=2017-03-19T12:00:00Z", Query { to: Some(noon), ..newest() });
    check(view, "to=2017-03-19T14:00:00%2B02:00", Query { to: Some(noon), ..newest() });
    check(view, "country=us", Query { scope: Some("US".to_owned()), ..newest() });
    let filters = vec![Filter::is("response", "yes"), Filter::is("group.city", "Zürich")];
    check(view, "response=yes&group.city=Z%C3%BCrich", Query { filters, ..newest() });
    let one_of = |field, texts: [&str; 2]| Filter { field, texts: texts.map(str::to_owned).into() };
    let filters = vec![one_of("country", ["US", "DE"]), one_of("response", ["yes", "no"])];
    check(view, "response=yes&country=us&response=no&country=DE", Query { filters, ..newest() });
    check(view, "layer=current", newest());
    check(view, "layer=batch", Query { layer: LayerChoice::Only(Layer::Batch), ..newest() });
    check(view, "limit=50", Query { limit: 50, ..newest() });
    check(view, &format!("cursor={cursor}"), Query { after: Some(cursor), ..newest() });
    let all = "layer=speed&limit=1&from=2017-03-19&to=2017-03-19T12:00:00.000Z&country=DE";
    let expected = Query {
        layer: LayerChoice::Only(Layer::Speed),
        limit: 1,
        from: Some(day),
        to: Some(noon),
        scope: Some("DE".to_owned()),
        ..newest()
    };
    check(view, all, expected);
}

#[test]
fn only_trends_have_a_latest_window() {
    assert!(read(view("trending-topics"), "window=latest").unwrap().latest);
    assert!(!read(view("trending-topics"), "").unwrap().latest);
    let own = "`from`, `to`, `country`, `layer`, `limit`, `cursor`";
    check_unknown(view("responses"), "window=latest", own);
}

#[test]
fn refusals_name_the_parameter_its_value_and_what_is_allowed() {
    let trends = view("trending-topics");
    let time = "an RFC 3339 time such as `2017-03-19T12:00:00Z` (with `+` written as `%2B`) or a \
                UTC day such as `2017-03-19`";
    let limit = "a whole number from 1 to 50";
    let refused = |query: &str, name: &str, value: &str, allowed: &str| {
        let detail = format!("the parameter `{name}` must be {allowed}, not `{value}`");
        check_refused(trends, query, &detail);
    };
    refused("from=yesterday", "from", "yesterday", time);
    refused("from=2017-03-19T14:00:00+02:00", "from", "2017-03-19T14:00:00 02:00", time);
    refused("to=2017-02-30", "to", "2017-02-30", time);
    refused("layer=Batch", "layer", "Batch", "`current`, `speed` or `batch`");
    for value in ["0", "51", "-1", "ten", "", "99999999999999999999999"] {
        refused(&format!("limit={value}"), "limit", value, limit);
    }
    refused("cursor=x", "cursor", "x", "the `next_cursor` of an earlier answer");
    refused("window=first", "window", "first", "`latest`");
    let repeated = "the parameter `limit` is given more than once";
    check_refused(trends, "limit=1&limit=2", repeated);
    check_unknown(trends, "country=US", "`from`, `to`, `layer`, `limit`, `cursor`, `window`");
    for value in [String::new(), "x".repeat(513)] {
        refused(&format!("topic={value}"), "topic", &value, "1 to 512 characters");
    }
    let fifty = "&topic=a".repeat(50);
    assert_eq!(read(trends, &fifty).unwrap().query.filters[0].texts.len(), 50);
    let detail = "the parameter `topic` is given 51 times; it may be given 50 times at most";
    check_refused(trends, &format!("topic=b{fifty}"), detail);
    refused(
        &format!("topic=a&topic={}", "x".repeat(513)),
        "topic",
        &"x".repeat(513),
        "1 to 512 characters",
    );
    for (view, name) in [(view("responses"), "country"), (view("language-days"), "language")] {
        let detail = format!(
            "the parameter `{name}` must be 1 to 512 characters such as `US` or `en`, not ` `"
        );
        check_refused(view, &format!("{name}=%20"), &detail);
    }
}

/// A filter is called as the view calls its scope, and finds it as the stream writes it.
#[test]
fn a_scope_is_read_as_its_stream_writes_it() {
    let scoped = |view: View, scope: &str| Query {
        scope: Some(scope.to_owned()),
        ..Query::newest(view, 10)
    };
    for name in ["language-activity", "trending-hashtags-by-language", "language-days"] {
        let view = view(name);
        check(view, "language=PT", scoped(view, "pt"));
        let window = view.position_field().map_or("", |_| ", `window`");
        let own = format!("`from`, `to`, `language`, `layer`, `limit`, `cursor`{window}");
        check_unknown(view, "country=US", &own);
    }
    for name in ["country-activity", "trending-topics-by-country", "groups"] {
        let view = view(name);
        check(view, "country=pt", scoped(view, "PT"));
        assert!(read(view, "language=pt").is_err(), "{name}");
    }
}
