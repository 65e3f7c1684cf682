//! The routes, and what all answers have in common: a time limit, security headers, problem details
//! that name the request, and metrics.

mod cache;
mod documents;
mod error;
mod live;
mod measures;
mod numbers;
mod openapi;
mod page;
mod parameters;
mod reach;
mod status;
mod streams;
mod views;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get};
use pulso_model::{Stream, View};
use pulso_pipeline::{AdapterError, Page, Query, Retry, Views, observe};
use pulso_runtime::{Config, chain};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use error::Error;
pub use status::{Facts, Progress, Windows};

/// Where the API begins.
const API: &str = "/api/v1";

/// How long a request may take.
pub(crate) const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);

/// The most concurrent queries at the view store; further requests wait for their turn.
pub(crate) const QUERIES_MAX: usize = 16;

/// The name of requests that match no route, in metrics.
const NO_ROUTE: &str = "none";

/// Sent with every answer. They forbid browsers to load anything from elsewhere, to embed the page,
/// and to guess types.
const SECURITY_HEADERS: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// How the API and the page behave.
#[derive(Clone, Debug)]
pub struct Options {
    /// Documents in an answer when the request does not specify a number; from 1 to
    /// `page_limit_max`.
    pub page_limit_default: usize,
    pub page_limit_max: usize,
    /// What is served: the views of these streams, and the journals.
    pub streams: Vec<Served>,
}

/// A stream as it is configured.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    pub stream: &'static Stream,
    /// How it is divided into windows; only shown.
    pub windows: Windows,
}

impl From<&Config> for Options {
    fn from(config: &Config) -> Self {
        Self {
            page_limit_default: config.web.page_limit_default,
            page_limit_max: config.web.page_limit_max,
            streams: config.shown_streams().iter().map(Served::from).collect(),
        }
    }
}

impl From<&Config> for Served {
    /// The stream that the configuration means.
    fn from(config: &Config) -> Self {
        let windows = Windows {
            size: config.window.size,
            slide: config.window.slide,
            max_out_of_orderness: config.window.max_out_of_orderness,
            count_above: config.trends.count_above,
        };
        Self { stream: config.stream(), windows }
    }
}

impl Options {
    /// All views that are served.
    fn views(&self) -> Vec<View> {
        let own = self.streams.iter().flat_map(|served| served.stream.views());
        own.chain(View::JOURNALS).collect()
    }

    /// The stream of a view; `None` for a journal.
    fn stream_of(&self, view: View) -> Option<&'static Stream> {
        let mut streams = self.streams.iter().map(|served| served.stream);
        streams.find(|stream| Some(stream.name) == view.stream())
    }

    /// Why no layer writes a view, if that is so.
    fn unwritten(&self, view: View) -> Option<String> {
        self.stream_of(view)?.unwritten(view)
    }
}

/// What all requests share.
struct App<V> {
    views: V,
    status: Box<dyn Fn() -> Facts + Send + Sync>,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
    options: Options,
    openapi: String,
    queries: Semaphore,
    known: reach::Known,
    live: live::Live,
}

impl<V> fmt::Debug for App<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("App").field("options", &self.options).finish_non_exhaustive()
    }
}

type Shared<V> = State<Arc<App<V>>>;

impl<V: Views> App<V> {
    /// Queries the view store when it is this request's turn.
    async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, V::Error>>,
    ) -> Result<T, Error> {
        let _turn = self.queries.acquire().await.expect("nobody closes the semaphore");
        question.await.map_err(|cause| {
            error!(error = %chain(&cause), "failed to read the views");
            observe::error("web", "process", "views");
            match cause.retry() {
                Retry::No => Error::Internal,
                Retry::Backoff | Retry::After(_) => Error::Unavailable,
            }
        })
    }

    async fn query(&self, query: Query) -> Result<Page, Error> {
        self.ask(self.views.query(query)).await
    }
}

pub(crate) fn router<V: Views>(
    views: V,
    status: impl Fn() -> Facts + Send + Sync + 'static,
    metrics: impl Fn() -> String + Send + Sync + 'static,
    options: Options,
    shutdown: CancellationToken,
) -> Router {
    let (status, metrics) = (Box::new(status), Box::new(metrics));
    let openapi = openapi::document(&options).to_string();
    let queries = Semaphore::new(QUERIES_MAX);
    let views_served = options.views();
    let known = reach::Known::default();
    let streams = options.streams.iter().map(|served| served.stream.name);
    let live = live::Live::new(streams, shutdown);
    let app = Arc::new(App { views, status, metrics, options, openapi, queries, known, live });
    // `any`, as the fallback of a router of methods names those that are allowed: none.
    let listed = views_served.clone();
    let unknown = any(move |uri: Uri| async move { error::no_route(&uri, &listed) });
    let mut router =
        Router::new().fallback_service(observed(NO_ROUTE.into(), unknown).with_state(()));
    for (path, methods) in routes::<V>(&views_served).into_iter().chain(page::routes()) {
        let methods = methods.fallback(async || Error::MethodNotAllowed);
        router = router.route(&path, observed(path.as_str().into(), methods));
    }
    router.with_state(app)
}

/// All routes except those of the page.
fn routes<V: Views>(views_served: &[View]) -> Vec<(String, MethodRouter<Arc<App<V>>>)> {
    let mut routes = vec![
        (format!("{API}/streams"), get(streams::list::<V>)),
        (format!("{API}/streams/{{stream}}/live"), get(live::listen::<V>)),
        (format!("{API}/views"), get(views::list::<V>)),
        (format!("{API}/layers"), get(views::layers::<V>)),
        (format!("{API}/series"), get(numbers::series::<V>)),
        (format!("{API}/top"), get(numbers::top::<V>)),
        (format!("{API}/status"), get(status::show::<V>)),
        (format!("{API}/openapi.json"), get(openapi::show::<V>)),
        ("/healthz".to_owned(), get(status::alive)),
        ("/readyz".to_owned(), get(status::ready::<V>)),
        ("/metrics".to_owned(), get(status::metrics::<V>)),
    ];
    routes.extend(views_served.iter().map(|&view| {
        let list =
            async move |State(app): Shared<V>, uri: Uri| documents::list(&app, view, &uri).await;
        (format!("{API}/{view}"), get(list))
    }));
    routes
}

/// Wraps a route in [`answer`].
fn observed<S: Clone + Send + Sync + 'static>(
    route: Arc<str>,
    methods: MethodRouter<S>,
) -> MethodRouter<S> {
    methods.layer(middleware::from_fn(move |request: Request, next: Next| {
        answer(Arc::clone(&route), request, next)
    }))
}

async fn answer(route: Arc<str>, request: Request, next: Next) -> Response {
    let (started, uri, headers) =
        (Instant::now(), request.uri().clone(), request.headers().clone());
    let response = match request.body().is_end_stream() {
        true => tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await,
        // It would only be read to be thrown away.
        false => Ok(Error::BodyNotAllowed.into_response()),
    };
    let response = response.unwrap_or_else(|_| {
        warn!(%route, limit = ?REQUEST_TIME_MAX, "gave up on a request");
        Error::TooSlow.into_response()
    });
    let mut response = error::with_instance(response, &uri);
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let response = cache::finish(&headers, response).await;
    observe::request(&route, response.status().as_u16(), started.elapsed());
    response
}

/// An answer with prepared JSON that the client may keep.
fn kept(control: HeaderValue, body: impl Into<axum::body::Body>) -> Response {
    ([(header::CACHE_CONTROL, control)], json(body)).into_response()
}

/// An answer with prepared JSON.
fn json(body: impl Into<axum::body::Body>) -> Response {
    let content_type = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, content_type)], body.into()).into_response()
}
