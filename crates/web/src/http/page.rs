//! The pages: a few files embedded in the program, so that they work without a network and without
//! installation. They are made from the sources in `ui/` by `ui/build.sh`.

use axum::Extension;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};

use super::{Access, Route, cache};

const INDEX: File = File {
    content_type: "text/html; charset=utf-8",
    bytes: include_bytes!("../../ui/dist/index.html"),
};

/// Where the pages are. What is shown at a path is decided in the browser, so all are one file.
const PAGES: [&str; 9] = [
    "/",
    "/trends",
    "/map",
    "/facts",
    "/sessions",
    "/organiser",
    "/views/{view}",
    "/pipeline",
    "/streams",
];

/// What the pages load.
const FILES: [(&str, File); 5] = [
    (
        "/app.css",
        File {
            content_type: "text/css; charset=utf-8",
            bytes: include_bytes!("../../ui/dist/app.css"),
        },
    ),
    (
        "/app.js",
        File {
            content_type: "text/javascript; charset=utf-8",
            bytes: include_bytes!("../../ui/dist/app.js"),
        },
    ),
    (
        "/icon.svg",
        File { content_type: "image/svg+xml", bytes: include_bytes!("../../ui/dist/icon.svg") },
    ),
    (
        "/licenses.txt",
        File {
            content_type: "text/plain; charset=utf-8",
            bytes: include_bytes!("../../ui/dist/licenses.txt"),
        },
    ),
    (
        "/world.json",
        File {
            content_type: "application/json",
            bytes: include_bytes!("../../ui/dist/world.json"),
        },
    ),
];

#[derive(Clone, Copy)]
struct File {
    content_type: &'static str,
    bytes: &'static [u8],
}

/// Open to all, as the login is one of the pages; what they show is not.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Vec<Route<S>> {
    let pages = PAGES.map(|path| (path, INDEX)).into_iter().chain(FILES);
    pages.map(|(path, file)| Route::new(path, serve(file)).access(Access::Open)).collect()
}

fn serve<S: Clone + Send + Sync + 'static>(file: File) -> MethodRouter<S> {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(file.content_type)),
        // A newer program must not meet an older script.
        (header::CACHE_CONTROL, cache::ASK),
    ];
    let once = cache::CompressedOnce::default();
    get(async move || (headers, Extension(once), file.bytes).into_response())
}
