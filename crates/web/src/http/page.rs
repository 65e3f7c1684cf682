//! The page: a few files embedded in the program, so that it works without a network and without
//! installation.

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};

const FILES: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("../page/index.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("../page/page.css")),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("../page/page.js")),
    ("/icon.svg", "image/svg+xml", include_str!("../page/icon.svg")),
];

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Vec<(String, MethodRouter<S>)> {
    let file = |(path, content_type, text): (&str, &'static str, &'static str)| {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            // A newer program must not meet an older script.
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        (path.to_owned(), get(async move || (headers, text).into_response()))
    };
    FILES.map(file).into()
}
