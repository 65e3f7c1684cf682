//! The pages, metrics, and what all answers have in common.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pulso_model::View;
use pulso_streams::Streams;
use serde_json::Value;

use crate::server::Server;
use crate::views::{store, trends};

const PAGES: [&str; 7] =
    ["/", "/trends", "/map", "/facts", "/views/groups", "/pipeline", "/streams"];

/// What a first visit loads, and how much of that is sent, compressed as well as it can be.
const LOADED_BYTES_MAX: usize = 500_000;
const SENT_BYTES_MAX: usize = 130_000;

/// The sources of the pages by path, with their text.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 10);
    found
}

#[tokio::test]
async fn the_pages_need_nothing_from_elsewhere() {
    let server = Server::empty().await;
    let files = [
        ("/app.css", "text/css; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/world.json", "application/json"),
        ("/licenses.txt", "text/plain; charset=utf-8"),
    ];
    let files = files.into_iter().chain(PAGES.map(|path| (path, "text/html; charset=utf-8")));
    let mut bytes = 0;
    for (path, media_type) in files {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.head.contains(&format!("content-type: {media_type}\r\n")), "{path}");
        assert!(answer.head.contains("cache-control: no-cache\r\n"), "{path}");
        if path.starts_with("/app") || path == "/world.json" {
            bytes += answer.body.len();
        }
        let names = ["2000/svg", "1998/Math/MathML", "1999/xhtml", "1999/xlink"];
        let body = names
            .iter()
            .fold(answer.body, |body, name| body.replace(&format!("http://www.w3.org/{name}"), ""));
        let elsewhere = body.contains("http://") || body.contains("https://");
        assert!(!elsewhere || path == "/licenses.txt", "{path}");
    }
    assert!(bytes < LOADED_BYTES_MAX, "{bytes}");
    let page = server.get("/").await.body;
    for path in ["/app.css", "/icon.svg", "/app.js"] {
        assert!(page.contains(&format!("\"{path}\"")), "{path}");
    }
    assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("onclick"));
}

#[tokio::test]
async fn a_first_visit_is_sent_compressed_to_who_takes_it() {
    let server = Server::empty().await;
    let length = async |path: &str, header: &str| {
        let answer = server.ask_with("HEAD", path, header).await;
        assert!(answer.head.contains("vary: accept-encoding\r\n"), "{path}: {}", answer.head);
        let length = answer.head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
        (answer.head.contains("content-encoding: gzip\r\n"), length.parse::<usize>().unwrap())
    };
    let mut sent = 0;
    for path in ["/app.css", "/app.js", "/world.json"] {
        let (compressed, bytes) = length(path, "accept-encoding: gzip, deflate, br").await;
        assert!(compressed, "{path}");
        sent += bytes;
        let (compressed, whole) = length(path, "accept-encoding: br").await;
        assert!(!compressed && whole > 2 * bytes, "{path}");
    }
    assert!(sent < SENT_BYTES_MAX, "{sent}");
}

/// A stream is shown by its description alone; only the organiser's desk is about one.
#[test]
fn the_pages_name_no_stream() {
    let mut files = sources();
    files.retain(|(path, _)| !path.contains("organiser"));
    for definition in Streams::brought().iter() {
        let stream = definition.stream;
        let mut names: Vec<_> = stream.views().into_iter().map(View::name).collect();
        names.extend([stream.name, stream.fact.one, stream.fact.many]);
        names.extend(stream.facets.iter().flat_map(|facet| [facet.term.one, facet.term.many]));
        names.extend(&stream.kind.values);
        for (path, text) in &files {
            let words: BTreeSet<_> = text
                .split(|letter: char| !letter.is_alphanumeric() && letter != '-' && letter != '_')
                .collect();
            // Many are words that a script needs for other things, but not as texts.
            let named = |name: &&&str| {
                // What a browser calls a click, and where it came from.
                !["click", "referrer"].contains(*name) && text.contains(&format!("\"{name}\""))
                    || name.contains('-') && words.contains(**name)
            };
            let found: Vec<_> = names.iter().filter(named).collect();
            assert!(found.is_empty(), "{path} names {found:?} of {stream}");
        }
    }
}

#[tokio::test]
async fn a_hostile_topic_stays_text() {
    let hostile = r#"<script>alert("1")</script>"#;
    let server = Server::start(store(trends(0, None, &[hostile])).await).await;
    let answer = server.get("/api/v1/trending-topics?window=latest").await;
    let page: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(page["documents"][0]["name"], hostile);
    assert!(answer.head.contains("content-type: application/json\r\n"));
    assert!(answer.head.contains("x-content-type-options: nosniff\r\n"));
    let ways_in =
        ["innerHTML", "InnerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("];
    for (path, script) in sources() {
        for way_in in ways_in {
            assert!(!script.contains(way_in), "{path}: {way_in}");
        }
    }
}

#[tokio::test]
async fn every_answer_is_guarded_and_what_passes_is_not_kept() {
    let server = Server::empty().await;
    for path in ["/", "/api/v1/groups", "/api/v1/groups?x=1", "/metrics", "/nowhere"] {
        let head = server.get(path).await.head;
        assert!(head.contains("content-security-policy: default-src 'none'; script-src 'self';"));
        assert!(head.contains("x-content-type-options: nosniff\r\n"), "{path}");
        assert!(head.contains("referrer-policy: no-referrer\r\n"), "{path}");
        let kept = ["/", "/api/v1/groups"].contains(&path);
        let expected = if kept { "no-cache" } else { "no-store" };
        assert!(head.contains(&format!("cache-control: {expected}\r\n")), "{path}: {head}");
        assert_eq!(head.contains("etag: "), kept, "{path}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = Server::start(store(trends(0, None, &["rust"])).await).await;
    for path in ["/", "/api/v1/trending-topics", "/api/v1/openapi.json", "/nowhere", "/metrics"] {
        let (get, head) = (server.get(path).await, server.ask("HEAD", path).await);
        let length = format!("content-length: {}\r\n", get.body.len());
        assert!(get.head.contains(&length), "{path}: {}", get.head);
        assert!(head.head.contains(&length), "{path}: {}", head.head);
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
    }
}

#[tokio::test]
async fn metrics_are_those_of_the_process() {
    let answer = Server::empty().await.get("/metrics").await;
    assert_eq!(answer.body, "pulso_up 1\n");
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
}

#[tokio::test]
async fn requests_are_measured_by_route_not_by_path() {
    let metrics = pulso_runtime::metrics::install().unwrap();
    let server = Server::empty().await;
    server.get("/api/v1/groups?limit=1").await;
    server.get("/api/v1/groups?limit=0").await;
    server.get("/some/secret").await;
    let text = metrics.render();
    for labels in [
        r#"route="/api/v1/groups",status="200""#,
        r#"route="/api/v1/groups",status="400""#,
        r#"route="none",status="404""#,
    ] {
        let line = format!("pulso_web_request_seconds_count{{{labels}}} ");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("secret") && !text.contains("limit"), "{text}");
}

#[tokio::test]
async fn every_described_path_answers() {
    let server = Server::empty().await;
    let description = server.json("/api/v1/openapi.json").await;
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.len() > 11);
    for path in paths.keys() {
        let required = match path.as_str() {
            "/api/v1/series" => "?view=health",
            "/api/v1/top" => "?view=health&by=stream",
            _ => "",
        };
        // What is of one stream has tests of its own.
        if !path.contains('{') {
            assert_eq!(server.get(&format!("{path}{required}")).await.status, 200, "{path}");
        }
    }
}
