//! The API answers exactly the same from both stores.

use pulso_model::{Day, EventTime, FieldType, View, ViewDocument, ViewKind};
use pulso_pipeline::{BatchViews, Part, Sink};
use pulso_runtime::Config;
use pulso_runtime::config::Layers;
use pulso_runtime::stores::{ViewReader, ViewStore, set_up};
use pulso_testkit::contract::document;
use pulso_testkit::{servers, views};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::Server;
use crate::views::NOON;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub(crate) fn config(settings: &[(&str, &str)]) -> Config {
    let overrides = settings.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
    Config::load(&Layers { overrides: overrides.collect(), ..Layers::default() }).unwrap()
}

/// Two days of a view in two countries, with several documents at the same time.
fn documents(view: View, text: &str) -> Vec<ViewDocument> {
    let made = |number: i64| {
        let time = EventTime(NOON.0 + number % 2 * DAY_MS + number / 4 * 10_000);
        document(view, time, number, ["DE", "US", "K1"][usize::try_from(number % 3).unwrap()], text)
    };
    (0..25).map(made).collect()
}

/// Both layers' documents; the batch layer has completed the first day.
async fn fill(mut store: ViewStore) {
    for view in views() {
        if !matches!(view.kind(), ViewKind::Now | ViewKind::BatchDay) {
            store.write(documents(view, "speed")).await.unwrap();
        }
        let part = match view.kind() {
            ViewKind::Journal => continue,
            ViewKind::Now => Part::Now,
            ViewKind::Day | ViewKind::BatchDay => Part::Day(NOON.day()),
        };
        let inside = |document: &ViewDocument| part == Part::Now || part == day(document);
        let documents = documents(view, "batch").into_iter().filter(inside).collect();
        let stage = store.begin(view, part).await.unwrap();
        store.stage(stage, documents).await.unwrap();
        store.publish(stage, true).await.unwrap();
    }
}

fn day(document: &ViewDocument) -> Part {
    Part::Day(document.time.day())
}

/// Makes everything written so far visible to searches.
pub(crate) async fn refresh(url: &str, prefix: &str) {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "POST /{prefix}-*/_refresh?expand_wildcards=all HTTP/1.1\r\nhost: {host}\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// Every parameter of the API, alone and combined, with valid and invalid values.
fn paths() -> Vec<String> {
    let places = ["views", "layers", "status", "openapi.json", "trends", "views?limit=1"];
    let mut paths: Vec<_> = places.iter().map(|place| format!("/api/v1/{place}")).collect();
    paths.extend(["/readyz".to_owned(), "/healthz".to_owned()]);
    let days = [NOON.day(), NOON.day().next()].map(|day: Day| day.to_string());
    for view in views() {
        for query in [
            "".to_owned(),
            "layer=speed".into(),
            "layer=batch&limit=100".into(),
            "layer=current&limit=7".into(),
            "layer=both".into(),
            "limit=0".into(),
            "limit=x".into(),
            "cursor=x".into(),
            "country=de&limit=50".into(),
            "country=de&country=US&limit=3".into(),
            "country=".into(),
            "language=US&limit=50".into(),
            "language=%09".into(),
            "window=latest".into(),
            "window=first".into(),
            format!("from={}&limit=100", days[1]),
            format!("to={}&limit=3", days[1]),
            format!("from={}&to={}T12:00:20Z&limit=4", days[0], days[0]),
            format!("from={}&to={}", days[1], days[0]),
            "from=yesterday".into(),
            "topic=rust".into(),
            "topic=speed&topic=batch".into(),
            "topics=speed&limit=7".into(),
        ] {
            paths.push(format!("/api/v1/{view}?{query}"));
        }
        paths.extend(numbers(view));
    }
    paths
}

/// Numbers of a view: of some fields, by its first text field.
fn numbers(view: View) -> Vec<String> {
    let of_type =
        |field_type| view.fields().iter().filter(move |field| field.field_type == field_type);
    let by = of_type(FieldType::Text).next().map_or("none", |field| field.name);
    let mut measures = vec![String::new()];
    let fields = of_type(FieldType::Integer).chain(of_type(FieldType::Float));
    measures.extend(fields.map(|field| format!("&field={}", field.name)));
    let ranges = ["", "&from=2017-03-19&to=2017-03-21&interval=6h&layer=speed"];
    let mut paths = Vec::new();
    for measure in &measures {
        paths.push(format!("/api/v1/top?view={view}{measure}&by={by}&limit=3"));
        paths.push(format!("/api/v1/top?view={view}{measure}&by={by}&limit=3&with={by}"));
        let series = ranges.map(|range| format!("/api/v1/series?view={view}{measure}{range}"));
        let filters = format!("{by}=text&{by}=batch&{by}=speed&{by}=k3");
        paths.extend(series.iter().map(|series| format!("{series}&by={by}&limit=3&{filters}")));
        paths.extend(series);
    }
    paths
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_stores_give_the_same_answers() {
    let Some(url) = servers::elasticsearch() else { return };
    let (folder, prefix) = (tempfile::tempdir().unwrap(), servers::unique("parity"));
    let embedded = config(&[("data.directory", folder.path().to_str().unwrap())]);
    let elasticsearch = config(&[
        ("views.store", "elasticsearch"),
        ("elasticsearch.urls", &format!("[\"{url}\"]")),
        ("elasticsearch.index_prefix", &prefix),
    ]);
    set_up(&elasticsearch).await.unwrap();
    let mut servers = Vec::new();
    for config in [&embedded, &elasticsearch] {
        fill(ViewStore::open(config).await.unwrap()).await;
        servers.push(Server::start(ViewReader::open(config).await.unwrap()).await);
    }
    refresh(url, &prefix).await;
    let (mut pages, mut documents) = (0, 0);
    for mut path in paths() {
        loop {
            let [one, other] = [servers[0].get(&path).await, servers[1].get(&path).await];
            assert_eq!((one.status, &one.body), (other.status, &other.body), "{path}");
            assert!(one.status < 500, "{path}: {}", one.body);
            pages += 1;
            documents += one.body.matches("\"_id\"").count();
            let next = serde_json::from_str::<serde_json::Value>(&one.body).unwrap();
            let Some(cursor) = next["next_cursor"].as_str() else { break };
            let before = path.split("&cursor=").next().unwrap();
            path = format!("{before}&cursor={cursor}");
        }
    }
    assert!(pages > 250 && documents > 1000, "{pages} pages, {documents} documents");
}

#[tokio::test]
async fn while_elasticsearch_is_away_everything_says_so() {
    // Nobody listens at port 1.
    let away = config(&[
        ("views.store", "elasticsearch"),
        ("elasticsearch.urls", "[\"http://127.0.0.1:1\"]"),
    ]);
    let server = Server::start(ViewReader::unseen(&away).unwrap()).await;
    for path in ["/api/v1/responses", "/api/v1/trending-topics?window=latest", "/api/v1/layers"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 503, "{path}: {}", answer.body);
        assert!(answer.body.contains("the views cannot be read at the moment; try again"));
        assert!(answer.head.contains("retry-after: "), "{}", answer.head);
        assert!(!answer.body.contains("127.0.0.1"), "{}", answer.body);
    }
    assert_eq!(server.get("/readyz").await.status, 503);
    assert_eq!(server.get("/api/v1/responses?limit=0").await.status, 400);
    assert_eq!(server.get("/healthz").await.status, 200);
}
