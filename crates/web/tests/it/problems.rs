//! Everything that can go wrong, as problem details.

use pulso_pipeline::Retry;
use pulso_testkit::view;
use pulso_web::Facts;

use crate::server::{Answer, Server};
use crate::views::{Broken, NOON, Slow, document, store};

#[track_caller]
fn problem(kind: &str, title: &str, status: u16, detail: &str, instance: &str) -> String {
    format!(
        r#"{{"type":"urn:pulso:{kind}","title":"{title}","status":{status},"detail":"{detail}","instance":"{instance}"}}"#
    )
}

async fn check(server: &Server, path: &str, status: u16, expected: String) {
    let answer = server.get(path).await;
    assert_eq!((answer.status, answer.body), (status, expected), "{path}");
    let media_type = "content-type: application/problem+json\r\n";
    assert!(answer.head.contains(media_type), "{path}: {}", answer.head);
    assert!(answer.head.contains("x-content-type-options: nosniff\r\n"), "{path}");
}

#[tokio::test]
async fn places_that_are_not_there() {
    let server = Server::empty().await;
    for path in ["/favicon.ico", "/api", "/api/v1/", "/api/v1/groups/1?a=b", "/API/v1/views"] {
        let bare = path.split('?').next().unwrap();
        let detail =
            format!("there is nothing at `{bare}`; the API is described at `/api/v1/openapi.json`");
        check(&server, path, 404, problem("not-found", "Not found", 404, &detail, path)).await;
    }
    let detail = "there is no view `trends`; the views are `responses`, `country-activity`, \
                  `trending-topics`, `trending-topics-by-country`, `topic-trends`, \
                  `topic-trends-by-country`, `groups`, `events`, \
                  `group-days`, `event-days`, `topic-pairs`, `posts`, `language-activity`, `author-sessions`, \
                  `trending-hashtags`, \
                  `trending-hashtags-by-language`, `trending-domains`, `post-trends`, \
                  `post-trends-by-language`, `hashtag-days`, \
                  `domain-days`, `language-days`, `requests`, `request-activity`, \
                  `request-bytes-statistics`, `request-duration-statistics`, `site-visits`, \
                  `trending-paths`, `trending-referrers`, `trending-browsers`, \
                  `trending-browsers-by-country`, `request-trends`, `request-trends-by-country`, \
                  `request-bytes-statistics-days`, `request-duration-statistics-days`, \
                  `traffic-hours`, `path-days`, `referrer-days`, `visitor-days`, `clicks`, `click-activity`, `click-age-statistics`, \
                  `trending-clicked-domains`, `trending-clicked-domains-by-country`, \
                  `trending-links`, `click-trends`, `click-trends-by-country`, `click-age-statistics-days`, `link-days`, `city-days`, `comments`, `comment-activity`, \
                  `trending-discussions`, `trending-discussed-categories`, \
                  `trending-discussed-categories-by-country`, `comment-trends`, \
                  `comment-trends-by-country`, `discussions`, `discussion-days`, \
                  `announcements`, `event-activity`, `trending-categories`, \
                  `trending-categories-by-country`, `trending-cities`, `event-trends`, \
                  `event-trends-by-country`, `upcoming-events`, \
                  `category-days`, `calendar-records`, `calendar-activity`, \
                  `trending-calendar-events`, `calendar-trends`, `calendar-events`, `calendar-days`, `dead-letters`, \
                  `late-facts`, `batch-runs`, `health`";
    let path = "/api/v1/trends?limit=1";
    check(&server, path, 404, problem("unknown-view", "Unknown view", 404, detail, path)).await;
}

/// RFC 9110: an empty `allow` would say that the place is there and that no method works on it.
#[tokio::test]
async fn an_address_that_is_too_long_has_the_answer_that_is_described() {
    let server = Server::empty().await;
    let answer = server.get(&format!("/api/v1/groups?name={}", "a".repeat(70_000))).await;
    assert_eq!((answer.status, answer.body.as_str()), (414, ""));
    let document = server.json("/api/v1/openapi.json").await;
    let described = &document["paths"]["/api/v1/groups"]["get"]["responses"]["414"];
    assert_eq!(described["$ref"], "#/components/responses/TooLong");
    assert!(document["components"]["responses"]["TooLong"]["content"].is_null());
}

#[tokio::test]
async fn places_that_are_not_there_allow_no_methods_and_name_none() {
    let server = Server::empty().await;
    for method in ["GET", "POST"] {
        for path in ["/favicon.ico", "/api/v1/trends"] {
            let Answer { status, head, .. } = server.ask(method, path).await;
            assert_eq!(status, 404, "{method} {path}");
            assert!(!head.contains("\r\nallow:"), "{method} {path}: {head}");
        }
    }
}

#[tokio::test]
async fn wrong_parameters() {
    let server = Server::empty().await;
    let unknown = async |path: &str, detail: &str| {
        let expected = problem("unknown-parameter", "Unknown parameter", 400, detail, path);
        check(&server, path, 400, expected).await;
    };
    let invalid = async |path: &str, detail: &str| {
        let expected = problem("invalid-parameter", "Invalid parameter", 400, detail, path);
        check(&server, path, 400, expected).await;
    };
    unknown(
        "/api/v1/group-days?topic=rust",
        "there is no parameter `topic` here; the parameters are `from`, `to`, `country`, `layer`, \
         `limit`, `cursor`, `group.name`, `group.urlname`, `group.city`, `group.state`, `group.country`",
    )
    .await;
    unknown(
        "/api/v1/dead-letters?country=US",
        "there is no parameter `country` here; the parameters are `from`, `to`, `layer`, `limit`, `cursor`, \
         `stream`, `source`, `reason`, `detail`",
    )
    .await;
    for path in ["views", "layers", "status", "openapi.json"] {
        let path = format!("/api/v1/{path}?limit=1");
        unknown(&path, "there is no parameter `limit` here; no parameters are allowed").await;
    }
    invalid(
        "/api/v1/events?limit=101",
        "the parameter `limit` must be a whole number from 1 to 100, not `101`",
    )
    .await;
    invalid("/api/v1/events?limit=1&limit=1", "the parameter `limit` is given more than once")
        .await;
    invalid(
        "/api/v1/events?layer=%22%3Cb%3E%FF",
        r#"the parameter `layer` must be `current`, `speed` or `batch`, not `\"<b>�`"#,
    )
    .await;
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let server = Server::empty().await;
    for path in ["/", "/healthz", "/api/v1/views", "/api/v1/groups"] {
        for method in ["POST", "DELETE", "OPTIONS", "BREW"] {
            let answer = server.ask(method, path).await;
            let detail = "only GET and HEAD are allowed here";
            let expected = problem("method-not-allowed", "Method not allowed", 405, detail, path);
            assert_eq!((answer.status, answer.body), (405, expected), "{method} {path}");
            assert!(answer.head.contains("allow: get,head\r\n"), "{}", answer.head);
        }
    }
}

#[tokio::test]
async fn causes_are_not_shown() {
    let gone = Server::start(Broken(Retry::No)).await;
    let busy = Server::start(Broken(Retry::Backoff)).await;
    for path in ["/api/v1/groups", "/api/v1/layers", "/api/v1/trending-topics?window=latest"] {
        let detail = "failed to read the views; see the server's log";
        check(&gone, path, 500, problem("internal", "Internal error", 500, detail, path)).await;
        let detail = "the views cannot be read at the moment; try again";
        check(&busy, path, 503, problem("unavailable", "Unavailable", 503, detail, path)).await;
        assert!(busy.get(path).await.head.contains("retry-after: 2\r\n"));
    }
}

#[tokio::test]
async fn a_document_that_is_no_object_is_not_sent_on() {
    for body in ["[]", "{}", "null", "\"{\""] {
        let made = document(view("events"), "1", NOON);
        let made = pulso_model::ViewDocument { body: body.to_owned(), ..made };
        let server = Server::start(store(vec![made]).await).await;
        assert_eq!(server.get("/api/v1/events").await.status, 500, "{body}");
    }
}

#[tokio::test]
async fn readiness_has_a_reason_and_life_needs_nothing() {
    let broken = Server::start(Broken(Retry::No)).await;
    let detail = "not ready: the views cannot be read";
    let expected = problem("not-ready", "Not ready", 503, detail, "/readyz");
    check(&broken, "/readyz", 503, expected).await;
    assert_eq!(broken.get("/healthz").await.body, r#"{"status":"alive"}"#);

    let not_ready = Some("acquisition has given up".to_owned());
    let facts = Facts { not_ready, ..Facts::default() };
    let stopped = Server::start_with(store(Vec::new()).await, facts).await;
    let detail = "not ready: acquisition has given up";
    let expected = problem("not-ready", "Not ready", 503, detail, "/readyz");
    check(&stopped, "/readyz", 503, expected).await;

    let well = Server::empty().await;
    assert_eq!(well.json("/readyz").await["status"], "ready");
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end() {
    let views = Slow::default();
    let server = Server::start(views.clone()).await;
    let (address, shutdown) = (server.address, server.shutdown.clone());
    let request = tokio::spawn(async move {
        let answer = server.get("/api/v1/groups").await;
        (server, answer)
    });
    views.asked.notified().await;
    shutdown.cancel();
    // The listener is closed before anything else happens.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    views.go_on.notify_one();
    let (server, answer) = request.await.unwrap();
    assert_eq!(answer.status, 200);
    server.running.await.unwrap();
}
