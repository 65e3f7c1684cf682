//! The page: a few files embedded in the program, so that it works without a network and without
//! installation.

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};

use super::cache;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Path, type and text of each file.
const FILES: [(&str, &str, &str); 14] = [
    ("/", HTML, include_str!("../page/index.html")),
    ("/page.css", CSS, include_str!("../page/page.css")),
    ("/icon.svg", "image/svg+xml", include_str!("../page/icon.svg")),
    ("/activity.js", JAVASCRIPT, include_str!("../page/activity.js")),
    ("/chart.js", JAVASCRIPT, include_str!("../page/chart.js")),
    ("/elements.js", JAVASCRIPT, include_str!("../page/elements.js")),
    ("/format.js", JAVASCRIPT, include_str!("../page/format.js")),
    ("/kinds.js", JAVASCRIPT, include_str!("../page/kinds.js")),
    ("/page.js", JAVASCRIPT, include_str!("../page/page.js")),
    ("/places.js", JAVASCRIPT, include_str!("../page/places.js")),
    ("/requests.js", JAVASCRIPT, include_str!("../page/requests.js")),
    ("/scopes.js", JAVASCRIPT, include_str!("../page/scopes.js")),
    ("/status.js", JAVASCRIPT, include_str!("../page/status.js")),
    ("/trends.js", JAVASCRIPT, include_str!("../page/trends.js")),
];

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Vec<(String, MethodRouter<S>)> {
    let file = |(path, content_type, text): (&str, &'static str, &'static str)| {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            // A newer program must not meet an older script.
            (header::CACHE_CONTROL, cache::ASK),
        ];
        (path.to_owned(), get(async move || (headers, text).into_response()))
    };
    FILES.map(file).into()
}
