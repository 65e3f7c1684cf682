//! What a route that changes something asks for: a route of the tests' own behind the guard.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{Method, Response};
use axum::routing::get;
use axum::{Extension, Router};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use pulso_runtime::config::Layers;
use pulso_runtime::server::Peer;
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};
use tokio_util::sync::CancellationToken;

use super::super::{Change, Route};
use super::accounts::Account;
use super::*;
use crate::caller::Role;

const BODY_BYTES_MAX: usize = 100;

const FAR: &str = "192.0.2.1:1";

struct Place {
    guard: Arc<Guard>,
    service: TowerToHyperService<Router>,
    /// The tokens of `reader` and `writer`.
    tokens: [String; 2],
    folder: TempDir,
}

impl Place {
    fn new(settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let tokens = [new_token(), new_token()];
        let accounts = folder.path().join("accounts");
        let lines: Vec<_> = [("reader", Role::Read), ("writer", Role::Write)]
            .into_iter()
            .zip(&tokens)
            .map(|((name, role), token)| line(&name.parse().unwrap(), role, &token_hash(token)))
            .collect();
        std::fs::write(&accounts, lines.join("\n")).unwrap();
        let audit = folder.path().join("audit.jsonl").display().to_string();
        let mut overrides = vec![("guard.audit_file".to_owned(), audit)];
        overrides.push(("guard.accounts_file".to_owned(), accounts.display().to_string()));
        overrides.extend(settings.iter().map(|(key, value)| ((*key).into(), (*value).into())));
        let config = Config::load(&Layers { overrides, ..Layers::default() }).unwrap();
        let guard = Arc::new(Guard::open(&config).unwrap());
        let who = async |Extension(caller): Extension<Caller>| caller.name;
        let change = async |Extension(caller): Extension<Caller>, body: Bytes| {
            let said = format!("{} wrote {} bytes", caller.name, body.len());
            (Extension(Change(said)), format!("{}", body.len()))
        };
        let route = Route::<()>::new("/thing", get(who).post(change));
        let route = route.changes("GET, HEAD and POST", BODY_BYTES_MAX);
        let router = Router::new().route("/thing", route.guarded(&guard));
        Self { guard, service: TowerToHyperService::new(router), tokens, folder }
    }

    fn open() -> Self {
        Self::new(&[("guard.accounts_file", "")])
    }

    async fn ask(&self, method: Method, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let mut request = Request::builder().method(method).uri("/thing");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer: SocketAddr = FAR.parse().unwrap();
        let request = request.extension(Peer(peer)).body(Body::from(body.to_owned())).unwrap();
        let response: Response<Body> = self.service.call(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn post(&self, headers: &[(&str, &str)], body: &str) -> u16 {
        let mut all = vec![("content-type", "application/json"), ("host", "localhost")];
        all.extend(headers);
        self.ask(Method::POST, &all, body).await.0
    }

    fn bearer(&self, of: usize) -> String {
        format!("Bearer {}", self.tokens[of])
    }

    fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("audit.jsonl"));
        let text = text.unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn only_who_may_write_changes_something() {
    let place = Place::new(&[]);
    assert_eq!(place.post(&[], "{}").await, 401);
    assert_eq!(place.post(&[("authorization", "Bearer pulso_0")], "{}").await, 401);
    let [reader, writer] = [0, 1].map(|of| place.bearer(of));
    assert_eq!(place.post(&[("authorization", &reader)], "{}").await, 403);
    assert_eq!(place.post(&[("authorization", &writer)], "{}").await, 200);
    let read = place.ask(Method::GET, &[("authorization", &reader)], "").await;
    assert_eq!(read, (200, "reader".to_owned()));
    assert_eq!(place.ask(Method::DELETE, &[("authorization", &writer)], "").await.0, 405);
}

#[tokio::test]
async fn a_token_that_is_taken_out_of_the_file_opens_nothing_any_more() {
    let place = Place::new(&[]);
    let [reader, writer] = [0, 1].map(|of| place.bearer(of));
    let new = new_token();
    let file = place.folder.path().join("accounts");
    let lines = std::fs::read_to_string(&file).unwrap();
    let of_reader = lines.lines().next().unwrap();
    let ask = async |bearer: &str| place.ask(Method::GET, &[("authorization", bearer)], "").await.0;
    let accounts = place.guard.accounts.as_ref().unwrap();
    let mut seen = None;
    assert!(!accounts.look(&mut seen).await.unwrap(), "as it was at the start");
    // Editors replace the file; `pulso-web account >>accounts` appends to it.
    let written = place.folder.path().join("new");
    let of_new = line(&"new".parse().unwrap(), Role::Read, &token_hash(&new));
    std::fs::write(&written, format!("{of_reader}\n{of_new}\n")).unwrap();
    std::fs::rename(&written, &file).unwrap();
    assert!(accounts.look(&mut seen).await.unwrap());
    assert_eq!(ask(&writer).await, 401);
    assert_eq!((ask(&reader).await, ask(&format!("Bearer {new}")).await), (200, 200));

    // A wrong file changes nothing, and is said once.
    let wrong = format!("{of_reader}\n{of_new}\nwriter write sha256:0\n");
    for (text, problem) in [
        (wrong.as_str(), "line 3 of"),
        ("# nobody\n", "there is no account in"),
        ("\n", "there is no account in"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = accounts.look(&mut seen).await.unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains("accounts`"), "{error}");
        assert!(!accounts.look(&mut seen).await.unwrap());
        assert_eq!((ask(&reader).await, ask(&writer).await), (200, 401));
    }
    std::fs::remove_file(&file).unwrap();
    let error = accounts.look(&mut seen).await.unwrap_err();
    assert!(matches!(error, ReadAccountsError::Read { .. }), "{error}");
    assert_eq!(ask(&reader).await, 200);
    std::fs::write(&file, lines).unwrap();
    assert!(accounts.look(&mut seen).await.unwrap());
    assert_eq!((ask(&writer).await, ask(&format!("Bearer {new}")).await), (200, 401));
}

#[tokio::test]
async fn changes_are_written_down_and_nothing_else_is() {
    let place = Place::new(&[]);
    let [reader, writer] = [0, 1].map(|of| place.bearer(of));
    place.post(&[("authorization", &reader)], "{}").await;
    place.ask(Method::GET, &[("authorization", &writer)], "").await;
    assert_eq!(place.audit(), Vec::<Value>::new());
    place.post(&[("authorization", &writer)], "{ }").await;
    let [line] = place.audit().try_into().unwrap();
    assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    for (key, value) in [
        ("what", "change"),
        ("who", "writer"),
        ("role", "write"),
        ("client", "192.0.2.1"),
        ("request", "POST /thing"),
        ("change", "writer wrote 3 bytes"),
    ] {
        assert_eq!(line[key], value, "{line}");
    }
    assert_eq!(line["status"], 200);
    let file = std::fs::metadata(place.folder.path().join("audit.jsonl")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_foreign_page_changes_nothing() {
    let place = Place::open();
    assert_eq!(place.post(&[], "{}").await, 200, "a program on this machine");
    assert_eq!(place.post(&[("sec-fetch-site", "same-origin")], "{}").await, 200);
    assert_eq!(place.post(&[("sec-fetch-site", "cross-site")], "{}").await, 403);
    assert_eq!(place.post(&[("origin", "http://evil.example")], "{}").await, 403);
    // What a form can send.
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
    {
        let headers = [("content-type", media_type), ("host", "localhost")];
        assert_eq!(place.ask(Method::POST, &headers, "{}").await.0, 415, "{media_type}");
    }
    // A page whose name was given the address of this machine.
    let own = [("host", "evil.example"), ("sec-fetch-site", "same-origin")];
    for method in [Method::GET, Method::POST] {
        assert_eq!(place.ask(method, &own, "").await.0, 421);
    }
    // A token is nothing that a browser adds by itself.
    let place = Place::new(&[]);
    let writer = place.bearer(1);
    let foreign = [("authorization", writer.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(place.post(&foreign, "{}").await, 200);
}

#[tokio::test]
async fn a_cookie_without_an_origin_changes_nothing() {
    let place = Place::new(&[]);
    let caller = Caller { name: "anna".into(), role: Role::Write };
    let anna = Account { caller, removed: CancellationToken::new() };
    let cookie = format!("other=1; pulso={}", place.guard.sessions.start(&anna).reveal());
    let with = |header: (&'static str, &'static str)| [("cookie", cookie.as_str()), header];
    assert_eq!(place.post(&[("cookie", &cookie)], "{}").await, 403);
    assert_eq!(place.post(&with(("origin", "http://localhost")), "{}").await, 200);
    assert_eq!(place.post(&with(("origin", "http://localhost:1")), "{}").await, 403);
    assert_eq!(place.post(&with(("sec-fetch-site", "same-site")), "{}").await, 403);
    assert_eq!(place.post(&with(("sec-fetch-site", "same-origin")), "{}").await, 200);
    assert_eq!(place.ask(Method::GET, &[("cookie", &cookie)], "").await, (200, "anna".into()));
}

#[tokio::test]
async fn a_body_is_as_long_as_it_may_be() {
    let place = Place::open();
    let post = async |length: usize| place.post(&[], &"x".repeat(length)).await;
    assert_eq!((post(0).await, post(BODY_BYTES_MAX).await), (200, 200));
    assert_eq!(post(BODY_BYTES_MAX + 1).await, 413);
    let chunks =
        futures::stream::iter(["x".repeat(60), "y".repeat(60)].map(Ok::<_, std::io::Error>));
    let request = Request::post("/thing").header("content-type", "application/json");
    let request = request.body(Body::from_stream(chunks)).unwrap();
    assert_eq!(place.service.call(request).await.unwrap().status(), 413);
    let headers = [("content-type", "application/json"), ("host", "localhost")];
    assert_eq!(place.ask(Method::GET, &headers, "{}").await.0, 413);
    assert_eq!(
        place.ask(Method::TRACE, &headers, "{}").await.0,
        405,
        "what is wrong with it first"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_comes_in_time() {
    let place = Place::open();
    let never = futures::stream::pending::<Result<Bytes, std::io::Error>>();
    let request = Request::post("/thing").header("content-type", "application/json");
    let request = request.body(Body::from_stream(never)).unwrap();
    let started = tokio::time::Instant::now();
    assert_eq!(place.service.call(request).await.unwrap().status(), 408);
    assert_eq!(started.elapsed(), std::time::Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_when_it_asks_too_much() {
    let few = [
        ("guard.accounts_file", ""),
        ("guard.requests_per_second", "1"),
        ("guard.requests_burst", "2"),
    ];
    let place = Place::new(&few);
    let ask = async |peer: &str| {
        let peer: SocketAddr = peer.parse().unwrap();
        let request = Request::get("/thing").extension(Peer(peer)).body(Body::empty()).unwrap();
        let response = place.service.call(request).await.unwrap();
        let wait =
            response.headers().get("retry-after").map(|wait| wait.to_str().unwrap().to_owned());
        (response.status().as_u16(), wait)
    };
    for _ in 0..2 {
        assert_eq!(ask(FAR).await, (200, None));
    }
    assert_eq!(ask(FAR).await, (429, Some("1".into())));
    assert_eq!(ask("192.0.2.2:1").await, (200, None), "another client");
    for _ in 0..10 {
        assert_eq!(ask("127.0.0.1:1").await, (200, None), "this machine");
    }
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(ask(FAR).await, (200, None));
}

#[test]
fn nobody_listens_beyond_this_machine_without_accounts() {
    let open = |settings: &[(&str, &str)]| {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let overrides = settings.iter().map(pair).collect();
        Guard::open(&Config::load(&Layers { overrides, ..Layers::default() }).unwrap())
    };
    for listen in ["127.0.0.1:8080", "127.9.9.9:1", "[::1]:8080", "[::ffff:127.0.0.1]:1"] {
        assert!(!open(&[("web.listen", listen)]).unwrap().asks(), "{listen}");
    }
    for listen in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80"] {
        let error = open(&[("web.listen", listen)]).unwrap_err();
        let text = "anybody could read and change everything at";
        assert_eq!(error.to_string(), format!("{text} `{listen}`, as there are no accounts"));
        let hint = error.hint().unwrap();
        for remedy in ["pulso-web account NAME", "`guard.accounts_file", "`guard.login = \"off\"`"]
        {
            assert!(hint.contains(remedy), "{hint}");
        }
        assert_eq!(error.exit(), Exit::Usage);
        assert!(!open(&[("web.listen", listen), ("guard.login", "off")]).unwrap().asks());
    }
    let mut file = NamedTempFile::new().unwrap();
    writeln!(file, "# nobody").unwrap();
    let path = file.path().display().to_string();
    let error = open(&[("guard.accounts_file", &path)]).unwrap_err();
    assert!(
        matches!(error, GuardError::ReadAccounts(ReadAccountsError::NoAccount { .. })),
        "{error}"
    );
    writeln!(file, "anna read {}", token_hash("a")).unwrap();
    let everywhere = [("web.listen", "0.0.0.0:80"), ("guard.accounts_file", path.as_str())];
    assert!(open(&everywhere).unwrap().asks());
    assert!(open(&everywhere[1..]).unwrap().asks(), "also for a proxy on this machine");
}
