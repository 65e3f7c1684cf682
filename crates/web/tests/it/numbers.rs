//! Numbers over time and by group.

use pulso_model::{EventTime, ViewDocument};
use pulso_pipeline::Part;
use pulso_pipeline::memory::MemoryViews;
use pulso_testkit::view;
use serde_json::{Value, json};

use crate::server::Server;
use crate::views::{NOON, publish, store};

/// What happened in a pane, so many seconds after noon.
fn activity(seconds: i64, country: &str, response: &str, responses: i64) -> ViewDocument {
    let time = EventTime(NOON.0 + seconds * 1_000);
    let body = json!({
        "@timestamp": time.to_string(), "country": country, "response": response,
        "responses": responses, "guests": 1,
    });
    ViewDocument {
        view: view("country-activity"),
        id: format!("{time}/{country}/{response}"),
        time,
        position: 0,
        scope: Some(country.to_owned()),
        body: body.to_string(),
    }
}

fn trend(seconds: i64, topic: &str, count: i64) -> ViewDocument {
    let time = EventTime(NOON.0 + seconds * 1_000);
    let body =
        json!({ "@timestamp": time.to_string(), "topic": topic, "count": count, "score": 1.25 });
    ViewDocument {
        view: view("trending-topics"),
        id: format!("{time}/{topic}"),
        time,
        position: 1,
        scope: None,
        body: body.to_string(),
    }
}

async fn views() -> MemoryViews {
    store(vec![
        activity(0, "US", "yes", 5),
        activity(10, "US", "no", 7),
        activity(10, "GB", "yes", 3),
        activity(130, "US", "yes", 6),
        activity(130, "DE", "yes", 1),
        trend(10, "art", 8),
        trend(20, "art", 9),
        trend(20, "rust", 30),
    ])
    .await
}

async fn without_reach(server: &Server, path: &str) -> Value {
    let mut answer = server.json(path).await;
    let fields = answer.as_object_mut().unwrap();
    fields.remove("as_of");
    fields.remove("batch_until");
    answer
}

#[tokio::test]
async fn a_series_has_a_value_for_each_bucket_of_the_largest_groups() {
    let server = Server::start(views().await).await;
    let path = "/api/v1/series?view=country-activity&field=responses&by=country&limit=2&interval=1m\
                &from=2017-03-19T12:00:00Z&to=2017-03-19T12:04:00Z";
    let expected = json!({
        "view": "country-activity", "field": "responses", "function": "sum", "by": "country",
        "from": "2017-03-19T12:00:00.000Z", "to": "2017-03-19T12:04:00.000Z",
        "start": "2017-03-19T12:00:00.000Z", "interval_seconds": 60, "buckets": 4,
        "total": { "value": 22, "values": [15, 0, 7, 0] },
        "groups": [
            { "name": "US", "value": 18, "values": [12, 0, 6, 0] },
            { "name": "GB", "value": 3, "values": [3, 0, 0, 0] },
        ],
        "more": true, "exact": true,
    });
    assert_eq!(without_reach(&server, path).await, expected);
    let filtered = server.json(&format!("{path}&country=us&response=yes")).await;
    assert_eq!(filtered["total"], json!({ "value": 11, "values": [5, 0, 6, 0] }));
    assert_eq!(filtered["more"], json!(false));
    let two = format!("{path}&country=us&country=de&country=FR&response=yes&response=waitlist");
    let two = server.json(&two).await;
    let groups = json!([
        { "name": "US", "value": 11, "values": [5, 0, 6, 0] },
        { "name": "DE", "value": 1, "values": [0, 0, 1, 0] },
    ]);
    assert_eq!((&two["groups"], &two["total"]["value"]), (&groups, &json!(12)));
}

#[tokio::test]
async fn a_series_without_more_ends_after_the_newest_document_and_counts_documents() {
    let server = Server::start(views().await).await;
    let expected = json!({
        "view": "country-activity", "field": null, "function": "count", "by": null,
        "from": "2017-03-19T11:02:20.000Z", "to": "2017-03-19T12:02:20.000Z",
        "start": "2017-03-19T11:02:00.000Z", "interval_seconds": 30, "buckets": 121,
        "groups": [], "more": false, "exact": true,
    });
    let mut found = without_reach(&server, "/api/v1/series?view=country-activity").await;
    let total = found.as_object_mut().unwrap().remove("total").unwrap();
    assert_eq!(found, expected);
    assert_eq!(total["value"], 5);
    let values = total["values"].as_array().unwrap();
    assert_eq!((&values[116], &values[120]), (&json!(3), &json!(2)));
    let sum: i64 = values.iter().filter_map(Value::as_i64).sum();
    assert_eq!(sum, 5);
}

#[tokio::test]
async fn of_overlapping_windows_the_largest_count_is_given_and_unknown_is_null() {
    let server = Server::start(views().await).await;
    let path = "/api/v1/series?view=trending-topics&field=count&by=topic&interval=10\
                &from=2017-03-19T12:00:00Z&to=2017-03-19T12:00:30Z";
    let answer = server.json(path).await;
    assert_eq!(answer["function"], "max");
    assert_eq!(answer["total"], json!({ "value": 30, "values": [null, 8, 30] }));
    let groups = json!([
        { "name": "rust", "value": 30, "values": [null, null, 30] },
        { "name": "art", "value": 9, "values": [null, 8, 9] },
    ]);
    assert_eq!(answer["groups"], groups);
    let score = server.json("/api/v1/top?view=trending-topics&field=score&by=topic").await;
    assert_eq!(score["groups"][0], json!({ "name": "art", "value": 1.25 }));
    let path_of_top = "/api/v1/top?view=trending-topics&field=count&by=topic";
    let top = server.json(&format!("{path_of_top}&with=name&with=topic&with=score")).await;
    let with = &top["groups"][1]["with"];
    assert_eq!(with, &json!({ "name": null, "topic": "art", "score": 1.25 }), "{top}");
    let both = server.json(&format!("{path}&with=topic&with=score")).await;
    let groups = json!([
        {
            "name": "rust", "value": 30, "values": [null, null, 30],
            "with": { "topic": "rust", "score": 1.25 },
        },
        { "name": "art", "value": 9, "values": [null, 8, 9], "with": { "topic": "art", "score": 1.25 } },
    ]);
    assert_eq!((&both["groups"], &both["total"]), (&groups, &answer["total"]));
    let refused = server.get(&format!("{path}&function=sum")).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("must be one of `max` for the field `count`"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn the_top_is_of_the_layer_that_answers() {
    let views = views().await;
    let server = Server::start(views.clone()).await;
    let path = "/api/v1/top?view=country-activity&field=responses&by=country";
    let expected = json!({
        "view": "country-activity", "field": "responses", "function": "sum", "by": "country",
        "from": "2017-03-19T11:02:20.000Z", "to": "2017-03-19T12:02:20.000Z", "total": 22,
        "groups": [
            { "name": "US", "value": 18 }, { "name": "GB", "value": 3 }, { "name": "DE", "value": 1 },
        ],
        "more": false, "exact": true,
    });
    assert_eq!(without_reach(&server, path).await, expected);
    publish(&views, Part::Day(NOON.day()), vec![activity(0, "FR", "yes", 40)], true).await;
    // The first server may give the same answer for a second.
    let server = Server::start(views.clone()).await;
    let batch = server.json(path).await;
    assert_eq!(batch["groups"], json!([{ "name": "FR", "value": 40 }]));
    let speed = server.json(&format!("{path}&layer=speed&limit=1")).await;
    assert_eq!((&speed["total"], &speed["more"]), (&json!(22), &json!(true)));
    let mean = server.json(&format!("{path}&layer=speed&function=mean")).await;
    assert_eq!(mean["groups"][0], json!({ "name": "US", "value": 6.0 }));
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again_until_it_changes() {
    let views = views().await;
    let server = Server::start(views.clone()).await;
    let range = "from=2017-03-19&to=2017-03-20";
    let paths = [
        format!("/api/v1/series?view=country-activity&{range}"),
        format!("/api/v1/top?view=country-activity&by=country&{range}"),
        format!("/api/v1/country-activity?{range}"),
    ];
    let tag = |head: &str| {
        head.lines().find_map(|line| line.strip_prefix("etag: w")).unwrap().trim().to_owned()
    };
    let mut tags = Vec::new();
    for path in &paths {
        let first = server.get(path).await;
        assert!(first.head.contains("cache-control: no-cache\r\n"), "{}", first.head);
        let tag = tag(&first.head);
        let again = server.get_with(path, &format!("if-none-match: W{tag}")).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        tags.push(tag);
    }
    publish(&views, Part::Day(NOON.day()), vec![activity(0, "FR", "yes", 40)], true).await;
    // Another server, so that nothing is known of how far the layers reached.
    let server = Server::start(views).await;
    for (path, tag) in paths.iter().zip(tags) {
        let changed = server.get_with(path, &format!("if-none-match: W{tag}")).await;
        assert_eq!(changed.status, 200, "{path}");
        let completed = "cache-control: private, max-age=60\r\n";
        assert!(changed.head.contains(completed), "{path}: {}", changed.head);
    }
}

#[tokio::test]
async fn what_is_as_of_now_has_a_top_without_a_range_and_no_history() {
    let views = MemoryViews::default();
    let body = json!({ "@timestamp": NOON.to_string(), "group": { "name": "Rust", "id": 7 }, "members": 12 });
    let group = ViewDocument {
        view: view("groups"),
        id: "7".to_owned(),
        time: NOON,
        position: 0,
        scope: None,
        body: body.to_string(),
    };
    publish(&views, Part::Now, vec![group], true).await;
    let server = Server::start(views).await;
    let top = server.json("/api/v1/top?view=groups&field=members&by=group.name").await;
    assert_eq!((&top["from"], &top["to"], &top["total"]), (&json!(null), &json!(null), &json!(12)));
    assert_eq!(top["groups"], json!([{ "name": "Rust", "value": 12 }]));
    let refused = server.get("/api/v1/series?view=groups").await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("a view with a history: this one is as of now"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn nothing_is_an_answer() {
    let server = Server::empty().await;
    let series = server.json("/api/v1/series?view=country-activity&field=responses").await;
    let nothing = json!({ "value": 0, "values": [] });
    assert_eq!((&series["total"], &series["start"]), (&nothing, &json!(null)));
    let range = "from=2017-03-19T12:00:00Z&to=2017-03-19T12:00:20Z&interval=10s";
    let series =
        server.json(&format!("/api/v1/series?view=trending-topics&field=count&{range}")).await;
    assert_eq!(series["total"], json!({ "value": null, "values": [null, null] }));
    let top = server.json("/api/v1/top?view=dead-letters&by=reason").await;
    assert_eq!((&top["total"], &top["groups"]), (&json!(0), &json!([])));
}

async fn check_refused(server: &Server, path: &str, detail: &str) {
    let answer = server.get(&format!("/api/v1/{path}")).await;
    assert_eq!(answer.status, 400, "{path}");
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    let found = problem["detail"].as_str().unwrap();
    assert!(found.starts_with(detail), "{path}: {found}");
}

#[tokio::test]
async fn more_groups_than_an_answer_has_are_refused() {
    let server = Server::empty().await;
    let check = async |path: &str, detail: &str| check_refused(&server, path, detail).await;
    let activity = "series?view=country-activity";
    check(
        &format!("{activity}&limit=3"),
        "the parameter `limit` must be left out where there is no `by`",
    )
    .await;
    check(
        &format!("{activity}&by=country&limit=1001"),
        "the parameter `limit` must be a whole number from 1 to 1000, not `1001`",
    )
    .await;
    check(
        &format!("{activity}&by=country&limit=501&interval=1m&from=2017-03-19T00:00:00Z&to=2017-03-19T01:40:00Z"),
        "the parameter `limit` must be at most 500 where there are 100 buckets, as the groups of a series \
         have at most 50000 values, not `501`",
    )
    .await;
}

#[tokio::test]
async fn what_has_no_meaning_is_refused_with_what_has() {
    let server = Server::empty().await;
    let check = async |path: &str, detail: &str| check_refused(&server, path, detail).await;
    check("series", "the parameter `view` is missing; it must be one of `responses`, ").await;
    check("top?view=health", "the parameter `by` is missing; it must be one of `stream`").await;
    let top = "top?view=trending-topics&by=topic";
    check(
        &format!("{top}&with=since"),
        "the parameter `with` must be at most 4 different ones of `topic`, ",
    )
    .await;
    check(&format!("{top}&with=name&with=name"), "the parameter `with` must be at most 4").await;
    check(
        "series?view=trending-topics&with=name",
        "the parameter `with` must be left out where there is no `by`",
    )
    .await;
    check("series?view=nothing", "the parameter `view` must be one of `responses`, ").await;
    let activity = "series?view=country-activity";
    check(
        &format!("{activity}&field=country"),
        "the parameter `field` must be one of `responses`, `guests`, `attendees`, not `country`",
    )
    .await;
    check("series?view=responses&field=group.id", "the parameter `field` must be one of ").await;
    check(
        &format!("{activity}&function=sum"),
        "the parameter `function` must be left out where there is no `field`",
    )
    .await;
    check(
        &format!("{activity}&field=responses&function=median"),
        "the parameter `function` must be one of `sum`, `max`, `min`, `mean` for the field `responses`",
    )
    .await;
    check(
        &format!("{activity}&by=responses"),
        "the parameter `by` must be one of `country`, `response`, not `responses`",
    )
    .await;
    check(&format!("{activity}&topic=x"), "there is no parameter `topic` here; ").await;
    check(
        &format!("{activity}{}", "&country=US".repeat(51)),
        "the parameter `country` is given 51 times; it may be given 50 times at most",
    )
    .await;
    check(&format!("{activity}&view=health"), "the parameter `view` is given more than once").await;
    for interval in ["0", "500ms", "1w", "-1", "40000d", "", "99999999999999999999"] {
        let detail = "the parameter `interval` must be `1s` to `36500d`";
        check(&format!("{activity}&interval={interval}"), detail).await;
    }
    check(
        &format!("{activity}&interval=1s&from=2017-03-19&to=2017-03-20"),
        "the parameter `interval` must be at least `5m` for this range, as a series has at most 1000 \
         buckets, not `1s`",
    )
    .await;
}

#[tokio::test]
async fn the_list_of_views_says_what_fields_can_be_asked_for() {
    let list = Server::empty().await.json("/api/v1/views").await;
    let field = |view: &str, field: &str| {
        let views = list["views"].as_array().unwrap();
        let view = views.iter().find(|one| one["name"] == view).unwrap();
        let fields = view["fields"].as_array().unwrap();
        fields.iter().find(|one| one["name"] == field).unwrap().clone()
    };
    let check = |view: &str, name: &str, functions: &[&str], group: bool| {
        let found = field(view, name);
        let listed: Vec<_> = found["functions"]
            .as_array()
            .map(|all| all.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        assert_eq!(
            (listed.as_slice(), found["group"] == true),
            (functions, group),
            "{view} {name}"
        );
    };
    let all = ["sum", "max", "min", "mean"];
    check("country-activity", "responses", &all, false);
    check("country-activity", "country", &[], true);
    check("country-activity", "location", &[], false);
    check("responses", "guests", &all, false);
    check("responses", "rsvp_id", &[], false);
    check("responses", "member.id", &[], false);
    check("responses", "topics", &[], false);
    check("trending-topics", "count", &["max"], false);
    check("trending-topics", "score", &["max"], false);
    check("trending-topics", "rank", &["min"], false);
    check("trending-topics", "unusual_rank", &["min"], false);
    check("trending-topics", "topic", &[], true);
    check("group-days", "members", &all, false);
    check("group-days", "group.country", &[], true);
    check("health", "counted", &all, false);
    check("health", "messages", &["max", "min"], false);
    check("health", "watermark_delay_seconds", &["max", "min"], false);
    check("batch-runs", "rows", &all, false);
    check("batch-runs", "lake_version", &["max", "min"], false);
    check("dead-letters", "offset", &[], false);
    check("dead-letters", "reason", &[], true);
    check("dead-letters", "payload", &[], false);
    let filters = |view: &str, name: &str| field(view, name)["filter"] == true;
    assert!(filters("responses", "topics") && filters("responses", "response"));
    assert!(!filters("responses", "guests") && !filters("dead-letters", "payload"));
}
