//! Documents, pages of them, filters, and the newest window.

use pulso_model::{EventTime, View, ViewKind};
use pulso_pipeline::memory::MemoryViews;
use pulso_pipeline::{Part, Sink};
use pulso_streams::Streams;
use pulso_testkit::{view, views};
use pulso_web::{Facts, Progress};
use serde_json::json;

use crate::server::{Server, ids};
use crate::views::{NOON, document, publish, store, trends};

/// All views but the contacts, which the organiser's desk shows.
fn served() -> Vec<View> {
    views().into_iter().filter(|view| *view != View::CONTACTS).collect()
}

#[tokio::test]
async fn every_view_answers_with_its_documents_as_stored() {
    for view in served() {
        let made = document(view, "a/\"1\"", NOON);
        let made = pulso_model::ViewDocument {
            body: r#"{"@timestamp":"2017-03-19T12:00:00.000Z","n":1.50,"t":"é<\/"}"#.to_owned(),
            ..made
        };
        let (views, layer) = match view.kind() {
            ViewKind::BatchDay => {
                let views = MemoryViews::default();
                publish(&views, Part::Day(NOON.day()), vec![made], true).await;
                (views, "batch")
            }
            _ => (store(vec![made]).await, "speed"),
        };
        let server = Server::start(views).await;
        let answer = server.get(&format!("/api/v1/{view}")).await;
        let start = format!(
            r#"{{"view":"{view}","documents":[{{"_id":"a/\"1\"","layer":"{layer}",{}}}],"next_cursor":null,"as_of":"#,
            r#""@timestamp":"2017-03-19T12:00:00.000Z","n":1.50,"t":"é<\/""#,
        );
        assert_eq!(answer.status, 200, "{view}");
        assert!(answer.body.starts_with(&start), "{view}: {}", answer.body);
    }
}

#[tokio::test]
async fn an_empty_view_is_an_empty_page() {
    let server = Server::empty().await;
    for path in ["/api/v1/groups", "/api/v1/trending-topics?window=latest"] {
        let page = server.json(path).await;
        assert_eq!((&page["documents"], &page["next_cursor"]), (&json!([]), &json!(null)));
    }
}

/// Follows the cursors and returns the `_id`s of all pages.
async fn all_pages(server: &Server, path: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = path.to_owned();
    loop {
        let page = server.json(&next).await;
        pages.push(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { return pages };
        next = format!("{path}&cursor={cursor}");
    }
}

#[tokio::test]
async fn pages_together_are_the_one_big_page() {
    let made = (0..23).map(|n| {
        let time = EventTime(NOON.0 + n / 4);
        document(view("responses"), &format!("{}", n * 7 % 23), time)
    });
    let server = Server::start(store(made.collect()).await).await;
    let whole = server.ids("/api/v1/responses?limit=100").await;
    assert_eq!(whole.len(), 23);
    for limit in [1, 2, 7, 22, 23] {
        let pages = all_pages(&server, &format!("/api/v1/responses?limit={limit}")).await;
        assert!(pages.iter().all(|page| !page.is_empty() && page.len() <= limit), "{pages:?}");
        assert_eq!(pages.concat(), whole, "{limit}");
    }
    assert_eq!(server.ids("/api/v1/responses").await, whole[..10], "the default limit");
}

#[tokio::test]
async fn a_page_of_large_documents_ends_early_and_loses_none() {
    let megabytes = |size: usize| "x".repeat(size * 1024 * 1024);
    let made = [10, 5, 3, 20, 1].into_iter().zip(0..).map(|(size, n)| {
        let made = document(View::DEAD_LETTERS, &format!("{n}"), EventTime(NOON.0 - n));
        pulso_model::ViewDocument {
            body: format!(r#"{{"payload":"{}"}}"#, megabytes(size)),
            ..made
        }
    });
    let server = Server::start(store(made.collect()).await).await;
    let pages = all_pages(&server, "/api/v1/dead-letters?limit=4").await;
    assert_eq!(pages, [vec!["0", "1"], vec!["2"], vec!["3"], vec!["4"]]);
}

#[tokio::test]
async fn filters_choose_time_country_and_layer() {
    let at = |id: &str, seconds: i64, country: &str| {
        let made = document(view("responses"), id, EventTime(NOON.0 + seconds * 1000));
        pulso_model::ViewDocument { scope: Some(country.to_owned()), ..made }
    };
    let views = store(vec![at("a", 0, "US"), at("b", 10, "DE"), at("c", 86_400, "US")]).await;
    publish(&views, Part::Day(NOON.day()), vec![at("a", 0, "US"), at("late", 5, "US")], true).await;
    let server = Server::start(views).await;
    let check = async |query: &str, expected: &[&str]| {
        assert_eq!(server.ids(&format!("/api/v1/responses?{query}")).await, expected, "{query}");
    };
    check("", &["c", "late", "a"]).await;
    check("layer=current&country=us", &["c", "late", "a"]).await;
    check("layer=speed", &["c", "b", "a"]).await;
    check("layer=batch", &["late", "a"]).await;
    check("layer=speed&country=de", &["b"]).await;
    check("country=FR", &[]).await;
    check("from=2017-03-20", &["c"]).await;
    check("to=2017-03-20", &["late", "a"]).await;
    check("from=2017-03-19T12:00:00Z&to=2017-03-19T12:00:05Z", &["a"]).await;
    check("from=2017-03-19&to=2017-03-19", &[]).await;
    check("from=2017-03-20&to=2017-03-19", &[]).await;
    let layers = server.json("/api/v1/layers").await;
    assert_eq!(layers["responses"], json!(["2017-03-19"]));
    assert_eq!(layers["trending-topics"], json!([]));
    assert!(layers.get("groups").is_none(), "groups have no days");
}

#[tokio::test]
async fn the_latest_window_is_never_mixed_with_another() {
    let view = "2017-03-19T12:00:10.000Z";
    let older = trends(0, None, &["old", "art", "wine"]);
    let newer = trends(10, None, &["rust", "art", "zen"]);
    let mut views = store([older, newer].concat()).await;
    let server = Server::start(views.clone()).await;
    let path = "/api/v1/trending-topics?window=latest";
    let expected = ["rust", "art", "zen"].map(|topic| format!("{view}/{topic}"));
    assert_eq!(server.ids(path).await, expected);

    let first = server.json(&format!("{path}&limit=2")).await;
    assert_eq!(ids(&first), expected[..2]);
    views.write(trends(20, None, &["newest"])).await.unwrap();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = server.json(&format!("{path}&limit=2&cursor={cursor}")).await;
    assert_eq!(ids(&rest), expected[2..], "later pages stay in the window of the first");
    assert_eq!(rest["next_cursor"], json!(null));

    assert_eq!(server.ids(path).await, ["2017-03-19T12:00:20.000Z/newest"]);
    let earlier = server.ids(&format!("{path}&to=2017-03-19T12:00:20Z")).await;
    assert_eq!(earlier, expected, "the newest before a time");
    assert_eq!(server.ids(&format!("{path}&from=2017-03-19T12:00:21Z")).await, [""; 0]);
}

#[tokio::test]
async fn a_country_without_trends_in_the_latest_window_has_none() {
    let older = trends(0, Some("DE"), &["wine"]);
    let newer = trends(10, Some("US"), &["rust", "art"]);
    let server = Server::start(store([older, newer].concat()).await).await;
    let path = "/api/v1/trending-topics-by-country?window=latest";
    assert_eq!(server.ids(path).await.len(), 2);
    assert_eq!(server.ids(&format!("{path}&country=us")).await.len(), 2);
    assert_eq!(server.ids(&format!("{path}&country=de")).await, [""; 0]);
}

#[tokio::test]
async fn views_are_listed_with_their_fields() {
    let list = Server::empty().await.json("/api/v1/views").await;
    let list = list["views"].as_array().unwrap();
    assert_eq!(list.len(), served().len());
    let trends = &list[2];
    assert_eq!(trends["name"], "trending-topics");
    assert_eq!(trends["href"], "/api/v1/trending-topics");
    assert_eq!(trends["parameters"], json!(["from", "to", "layer", "limit", "cursor", "window"]));
    let score = json!({ "name": "score", "type": "float", "functions": ["max"] });
    assert!(trends["fields"].as_array().unwrap().contains(&score), "{trends}");
}

#[tokio::test]
async fn a_stream_is_described_with_all_that_a_client_needs_to_show_it() {
    let list = Server::empty().await.json("/api/v1/streams").await;
    let names: Vec<_> =
        list["streams"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    let brought = Streams::brought();
    assert_eq!(names, brought.iter().map(|one| one.stream.name).collect::<Vec<_>>());
    let topics = json!({
        "term": { "one": "topic", "many": "topics" }, "counts": "facts",
        "view": "trending-topics", "by_scope_view": "trending-topics-by-country",
    });
    let rsvps = json!({
        "name": "rsvps", "title": "Meetup RSVPs",
        "about": "Who says yes or no to which meetup, worldwide: Meetup's stream of RSVPs.",
        "fact": { "one": "response", "many": "responses" },
        "kind": { "name": "response", "values": ["no", "waitlist", "yes"] },
        "scope": { "name": "country", "values": "country" },
        "sums": ["guests", "attendees"], "place": true, "facets": [topics], "organiser": true,
        "activity_view": "country-activity",
        "trends_view": "topic-trends", "trends_by_scope_view": "topic-trends-by-country",
        "facts_view": { "name": "responses", "shown": true }, "statistics": [], "sessions": [],
    });
    assert_eq!(list["streams"][0], rsvps);
    let domains = json!({
        "term": { "one": "domain", "many": "domains" }, "counts": "actors",
        "view": "trending-domains", "by_scope_view": null,
    });
    let visits = json!([{
        "view": "site-visits", "by": ["source_ip", "user_agent"], "gap_seconds": 1800.0,
        "facets": [
            { "term": { "one": "path", "many": "paths" }, "first": "first_path", "last": "last_path" },
            {
                "term": { "one": "referrer", "many": "referrers" },
                "first": "first_referrer", "last": "last_referrer",
            },
        ],
        "columns": ["browser", "device"],
    }]);
    assert_eq!(list["streams"][2]["sessions"], visits);
    let posts = &list["streams"][1];
    assert_eq!((&posts["facets"][1], &posts["place"]), (&domains, &json!(false)));
    assert_eq!(posts["scope"], json!({ "name": "language", "values": "language" }));
    assert_eq!(posts["facts_view"], json!({ "name": "posts", "shown": false }));
}

#[tokio::test]
async fn a_view_that_no_layer_writes_says_so_unless_it_has_documents() {
    let notice = "the stream `posts` keeps single posts in the lake only";
    let server = Server::empty().await;
    let empty = json!({
        "view": "posts", "documents": [], "next_cursor": null, "as_of": null, "batch_until": null,
        "notice": notice,
    });
    assert_eq!(server.json("/api/v1/posts").await, empty);
    assert_eq!(server.json("/api/v1/responses").await.get("notice"), None);
    let list = server.json("/api/v1/views").await;
    for view in list["views"].as_array().unwrap() {
        let name = view["name"].as_str().unwrap();
        let left_out = ["posts", "requests"].contains(&name);
        let expected = left_out.then(|| notice.replace("posts", name));
        assert_eq!(view["notice"].as_str(), expected.as_deref(), "{name}");
    }
    // From before it was left out.
    let kept = Server::start(store(vec![document(view("posts"), "a", NOON)]).await).await;
    let page = kept.json("/api/v1/posts").await;
    assert_eq!((page.get("notice"), ids(&page).len()), (None, 1));
}

#[tokio::test]
async fn every_answer_says_how_far_the_layers_reach() {
    let pane = document(view("country-activity"), "pane", NOON);
    let views = store(vec![pane.clone(), document(View::HEALTH, "health", NOON)]).await;
    let days = [document(view("country-activity"), "day", EventTime(NOON.0 - 86_400_000))];
    publish(&views, Part::Day(NOON.day().previous()), days.to_vec(), true).await;
    publish(&views, Part::Day(NOON.day()), vec![pane], false).await;
    publish(&views, Part::Day(NOON.day()), vec![document(view("group-days"), "g", NOON)], true)
        .await;
    publish(&views, Part::Now, vec![document(view("groups"), "g", NOON)], true).await;
    let server = Server::start(views.clone()).await;
    let derived = Some("2017-03-19T12:00:10.000Z");
    let (before, completed) = (Some("2017-03-19T00:00:00.000Z"), Some("2017-03-20T00:00:00.000Z"));
    for (view, by, as_of, batch_until) in [
        ("country-activity", "country", derived, before),
        ("trending-topics", "topic", derived, None),
        ("group-days", "group.name", None, completed),
        ("groups", "group.name", None, None),
        ("health", "stream", None, None),
        ("trending-hashtags", "hashtag", None, None),
    ] {
        let paths = [
            format!("/api/v1/{view}"),
            format!("/api/v1/series?view={view}"),
            format!("/api/v1/top?view={view}&by={by}"),
        ];
        for path in paths.iter().filter(|path| !path.ends_with("series?view=groups")) {
            let answer = server.json(path).await;
            assert_eq!(answer["as_of"].as_str(), as_of, "{path}");
            assert_eq!(answer["batch_until"].as_str(), batch_until, "{path}");
        }
    }
    let progress = Progress { stream: "rsvps", closed_until: Some(NOON), lag: 7 };
    let facts = Facts { streams: vec![progress], not_ready: None };
    let answer = Server::start_with(views, facts).await.json("/api/v1/country-activity").await;
    assert_eq!(answer["as_of"], "2017-03-19T12:00:00.000Z", "as known");
}

#[tokio::test]
async fn the_status_is_what_is_known_else_what_the_newest_pane_or_window_tells() {
    let window = json!({
        "size_seconds": 300.0, "slide_seconds": 10.0, "max_out_of_orderness_seconds": 2.0,
        "count_above": 5,
    });
    let stream = |name: &str, closed_until: Option<&str>, lag: Option<u64>| json!({ "name": name, "closed_until": closed_until, "lag": lag, "window": window });
    let check = async |server: Server, closed_until: Option<&str>, lag: Option<u64>| {
        let brought = Streams::brought();
        let streams: Vec<_> = brought
            .iter()
            .map(|one| match one.stream.name {
                "rsvps" => stream("rsvps", closed_until, lag),
                name => stream(name, None, None),
            })
            .collect();
        let expected = json!({ "not_ready": null, "page_limit_max": 100, "streams": streams });
        assert_eq!(server.json("/api/v1/status").await, expected);
    };
    check(Server::empty().await, None, None).await;
    let mut views = store(vec![document(view("country-activity"), "pane", NOON)]).await;
    let derived = Some("2017-03-19T12:00:10.000Z");
    check(Server::start(views.clone()).await, derived, None).await;
    // Windows that end at NOON and 20 s after it.
    views.write([trends(0, None, &["old"]), trends(20, None, &["last"])].concat()).await.unwrap();
    let derived = Some("2017-03-19T12:00:20.000Z");
    check(Server::start(views.clone()).await, derived, None).await;
    let progress = Progress { stream: "rsvps", closed_until: Some(NOON), lag: 7 };
    let facts = Facts { streams: vec![progress], not_ready: None };
    let known = Some("2017-03-19T12:00:00.000Z");
    check(Server::start_with(views, facts).await, known, Some(7)).await;
}
