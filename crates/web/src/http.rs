//! The routes, and what all answers have in common: a time limit, security headers, problem details
//! that name the request, and metrics.

mod cache;
mod documents;
mod error;
mod feed;
mod guard;
mod live;
mod measures;
mod messages;
mod numbers;
mod openapi;
mod organiser;
mod page;
mod parameters;
mod reach;
mod recent;
mod session;
mod sources;
mod status;
mod streams;
mod views;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
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
use guard::{Access, Effect, Rules};
pub use guard::{Guard, GuardError, ReadAccountsError};
pub(crate) use guard::{Name, hash_password, line, new_token, token_hash};
pub use status::{Facts, Progress, Windows};
pub(crate) use streams::described;

use crate::Organiser;
use crate::people::Hidden;

/// Where the API begins.
const API: &str = "/api/v1";

/// How long a request may take.
pub(crate) const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);

/// The most concurrent queries at the view store; further requests wait for their turn.
pub(crate) const QUERIES_MAX: usize = 16;

/// The name of requests that match no route, in metrics.
const NO_ROUTE: &str = "none";

/// Sent with every answer. They forbid browsers to load anything from elsewhere, to embed the page or what it
/// loads, to make scripts or elements of text, and to guess types.
const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
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
    /// Who may ask.
    pub guard: Arc<Guard>,
    pub organiser: Organiser,
    pub messages: Messages,
}

/// Where the messages of streams are, and what decodes them.
#[derive(Clone, Debug)]
pub struct Messages(Arc<Config>);

impl From<&Config> for Messages {
    fn from(config: &Config) -> Self {
        Self(Arc::new(config.clone()))
    }
}

/// What a handler says that it has changed, as an extension of its response; it goes into the audit log.
#[derive(Clone, Debug)]
pub(crate) struct Change(pub(crate) String);

/// A stream as it is configured.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    pub stream: &'static Stream,
    /// How it is divided into windows; only shown.
    pub windows: Windows,
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
    /// As configured, for a server that is about to listen on `web.listen`.
    ///
    /// # Errors
    /// When the server would be open to those who must not use it.
    pub fn open(config: &Config) -> Result<Self, GuardError> {
        Ok(Self {
            page_limit_default: config.web.page_limit_default,
            page_limit_max: config.web.page_limit_max,
            streams: config.shown_streams().iter().map(Served::from).collect(),
            guard: Arc::new(Guard::open(config)?),
            organiser: Organiser::from(config),
            messages: Messages::from(config),
        })
    }

    /// All views that are served.
    fn views(&self) -> Vec<View> {
        let own = self.streams.iter().flat_map(|served| served.stream.views());
        // Contacts are about people: the organiser's desk shows them, as far as privacy allows.
        let journals = View::JOURNALS.into_iter().filter(|view| *view != View::CONTACTS);
        own.chain(journals).collect()
    }

    /// The stream of a view; `None` for a journal.
    fn stream_of(&self, view: View) -> Option<&'static Stream> {
        let mut streams = self.streams.iter().map(|served| served.stream);
        streams.find(|stream| Some(stream.name) == view.stream())
    }

    /// Whether answers may say who people are.
    fn shows_members(&self) -> bool {
        self.organiser.people.shown()
    }

    /// What answers about a view must not say.
    fn hidden(&self, view: View) -> Hidden {
        self.organiser.people.hidden(view, self.stream_of(view))
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
    numbers: numbers::Answers,
    live: live::Live,
    /// Places for clients that are given messages.
    feeds: Arc<Semaphore>,
}

impl<V> fmt::Debug for App<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("App").field("options", &self.options).finish_non_exhaustive()
    }
}

type Shared<V> = State<Arc<App<V>>>;

impl<V> App<V> {
    /// Does what takes long when it is this request's turn.
    async fn in_turn<T>(&self, work: impl Future<Output = T>) -> T {
        let _turn = self.queries.acquire().await.expect("nobody closes the semaphore");
        work.await
    }
}

impl<V: Views> App<V> {
    /// Queries the view store when it is this request's turn.
    async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, V::Error>>,
    ) -> Result<T, Error> {
        self.in_turn(question).await.map_err(|cause| {
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
    let (known, numbers) = (reach::Known::default(), numbers::Answers::default());
    let streams = options.streams.iter().map(|served| served.stream.name);
    let live = live::Live::new(streams, shutdown);
    let feeds = Arc::new(Semaphore::new(feed::CLIENTS_MAX));
    let app = Arc::new(App {
        views,
        status,
        metrics,
        options,
        openapi,
        queries,
        known,
        numbers,
        live,
        feeds,
    });
    // `any`, as the fallback of a router of methods names those that are allowed: none.
    let listed = views_served.clone();
    let unknown = any(move |uri: Uri| async move { error::no_route(&uri, &listed) });
    let guard = &app.options.guard;
    let unknown = Route::new(NO_ROUTE, unknown).guarded(guard).with_state(());
    let mut router = Router::new().fallback_service(unknown);
    for route in routes::<V>(&views_served).into_iter().chain(page::routes()) {
        let path = route.path.clone();
        router = router.route(&path, route.guarded(guard));
    }
    router.with_state(app)
}

/// A path, what answers there, and what is asked of those who come.
struct Route<S> {
    path: String,
    methods: MethodRouter<S>,
    rules: Rules,
    /// The methods, for those who try others.
    allowed: &'static str,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// A route that changes nothing, for those who are logged in.
    fn new(path: impl Into<String>, methods: MethodRouter<S>) -> Self {
        let rules =
            Rules { access: Access::Login, effect: Effect::None, reads: true, body_bytes_max: 0 };
        Self { path: path.into(), methods, rules, allowed: "GET and HEAD" }
    }

    fn access(mut self, access: Access) -> Self {
        self.rules.access = access;
        self
    }

    /// Also has methods that change something, with bodies of JSON up to this size. Who uses them must be
    /// allowed to write, and on a page of ours if in a browser; and it is written down.
    fn changes(self, allowed: &'static str, body_bytes_max: usize) -> Self {
        self.with_bodies(Effect::Change, allowed, body_bytes_max)
    }

    /// The same for methods that change nothing: who may look may use them.
    fn tries(self, allowed: &'static str, body_bytes_max: usize) -> Self {
        self.with_bodies(Effect::Trial, allowed, body_bytes_max)
    }

    fn with_bodies(mut self, effect: Effect, allowed: &'static str, bytes_max: usize) -> Self {
        (self.rules.effect, self.rules.body_bytes_max) = (effect, bytes_max);
        self.rules.reads = allowed.starts_with("GET");
        self.allowed = allowed;
        self
    }

    /// Wraps the route in [`answer`].
    fn guarded(self, guard: &Arc<Guard>) -> MethodRouter<S> {
        let Self { path, methods, rules, allowed } = self;
        let methods = match &*path {
            NO_ROUTE => methods,
            _ => methods.fallback(async move || Error::MethodNotAllowed { allowed }),
        };
        let (path, guard) = (Arc::<str>::from(path), Arc::clone(guard));
        methods.layer(middleware::from_fn(move |request: Request, next: Next| {
            answer(Arc::clone(&guard), rules, Arc::clone(&path), request, next)
        }))
    }
}

/// All routes except those of the page.
fn routes<V: Views>(views_served: &[View]) -> Vec<Route<Arc<App<V>>>> {
    let read = |path: &str, methods| Route::new(format!("{API}/{path}"), methods);
    let probe = |path: &str, methods| Route::new(path, methods).access(Access::Probe);
    let session = get(session::show::<V>).post(session::log_in::<V>).delete(session::log_out::<V>);
    let mut routes = vec![
        read("streams", get(streams::list::<V>)),
        read("streams/{stream}/live", get(live::listen::<V>)),
        read("views", get(views::list::<V>)),
        read("layers", get(views::layers::<V>)),
        read("series", get(numbers::series::<V>)),
        read("top", get(numbers::top::<V>)),
        read("status", get(status::show::<V>)),
        read("openapi.json", get(openapi::show::<V>)),
        read("session", session)
            .access(Access::Open)
            .changes("GET, HEAD, POST and DELETE", session::LOGIN_BYTES_MAX),
        probe("/healthz", get(status::alive)),
        probe("/readyz", get(status::ready::<V>)),
        probe("/metrics", get(status::metrics::<V>)),
    ];
    routes.extend(organiser::routes::<V>());
    routes.extend(messages::routes::<V>());
    routes.extend(sources::routes::<V>());
    routes.extend(views_served.iter().map(|&view| {
        let list =
            async move |State(app): Shared<V>, uri: Uri| documents::list(&app, view, &uri).await;
        read(view.name(), get(list))
    }));
    routes
}

async fn answer(
    guard: Arc<Guard>,
    rules: Rules,
    route: Arc<str>,
    request: Request,
    next: Next,
) -> Response {
    let (started, uri, headers) =
        (Instant::now(), request.uri().clone(), request.headers().clone());
    let answered = async {
        let admitted = match guard.admit(&rules, request).await {
            Ok(admitted) => admitted,
            Err(error) => return error.into_response(),
        };
        let limited = tokio::time::timeout(REQUEST_TIME_MAX, next.run(admitted.request)).await;
        let mut response = limited.unwrap_or_else(|_| {
            warn!(%route, limit = ?REQUEST_TIME_MAX, "gave up on a request");
            Error::TooSlow.into_response()
        });
        guard.answered(admitted.change, &mut response).await;
        response
    };
    let mut response = error::with_instance(answered.await, &uri);
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
