//! Logins over a real socket: in, out, and what is told to whom meanwhile.

use std::io::Write;
use std::sync::Arc;

use pulso_pipeline::memory::MemoryViews;
use pulso_runtime::Config;
use pulso_runtime::config::Layers;
use pulso_web::{Facts, Guard, Messages, Options};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempDir};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

use crate::server::{Answer, Server, options};

const PASSWORD: &str = "correct horse battery";

/// A server with the accounts `reader` and `writer`, and what is written down about them.
struct Guarded {
    server: Server,
    audit: NamedTempFile,
    accounts: NamedTempFile,
}

/// A line as `pulso-web account` makes it, but for a cost that is fit for tests only.
fn account(name: &str, role: &str) -> String {
    use argon2::password_hash::{PasswordHasher, SaltString};
    let params = argon2::Params::new(8, 1, 1, None).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let salt = SaltString::encode_b64(&[7; 16]).unwrap();
    let hash = argon2.hash_password(PASSWORD.as_bytes(), &salt).unwrap();
    format!("{name} {role} {hash}")
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Guarded {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let (mut accounts, audit) = (NamedTempFile::new().unwrap(), NamedTempFile::new().unwrap());
        writeln!(accounts, "{}\n{}", account("reader", "read"), account("writer", "write"))
            .unwrap();
        let path = |file: &NamedTempFile| file.path().display().to_string();
        let mut overrides = vec![
            ("guard.accounts_file".to_owned(), path(&accounts)),
            ("guard.audit_file".to_owned(), path(&audit)),
        ];
        overrides.extend(settings.iter().map(|(key, value)| ((*key).into(), (*value).into())));
        let config = Config::load(&Layers { overrides, ..Layers::default() }).unwrap();
        let guard = Arc::new(Guard::open(&config).unwrap());
        let options = Options { guard, messages: Messages::from(&config), ..options() };
        let server = Server::start_as(MemoryViews::default(), Facts::default(), options).await;
        Self { server, audit, accounts }
    }

    async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let mut stream = TcpStream::connect(self.server.address).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: pulso.example\r\n{headers}content-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        crate::server::read(stream).await
    }

    async fn log_in_with(&self, name: &str, password: &str, headers: &str) -> Answer {
        let body = json!({ "name": name, "password": password }).to_string();
        let headers =
            format!("content-type: application/json\r\norigin: http://pulso.example\r\n{headers}");
        self.ask("POST", "/api/v1/session", &headers, &body).await
    }

    /// The cookie of a login that must succeed, as a header.
    async fn log_in(&self, name: &str) -> String {
        let answer = self.log_in_with(name, PASSWORD, "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        format!("cookie: {}\r\n", set_cookie(&answer).split(';').next().unwrap())
    }

    async fn get(&self, path: &str, headers: &str) -> Answer {
        self.ask("GET", path, headers, "").await
    }

    async fn log_out(&self, cookie: &str) -> Answer {
        let headers = format!("{cookie}sec-fetch-site: same-origin\r\n");
        self.ask("DELETE", "/api/v1/session", &headers, "").await
    }

    fn audit(&self) -> Vec<(String, Option<String>)> {
        let text = std::fs::read_to_string(self.audit.path()).unwrap();
        assert!(!text.contains(PASSWORD) && !text.contains("mistyped"), "{text}");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let text = |value: &Value| value.as_str().map(str::to_owned);
        lines.map(|line| (text(&line["what"]).unwrap(), text(&line["who"]))).collect()
    }
}

fn set_cookie(answer: &Answer) -> &str {
    let start = answer.head.find("set-cookie: ").unwrap_or_else(|| panic!("{}", answer.head));
    answer.head.get(start + "set-cookie: ".len()..).unwrap().lines().next().unwrap()
}

fn who(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn without_a_login_there_is_only_the_page_that_asks_for_it() {
    let guarded = Guarded::start(&[]).await;
    for path in ["/", "/trends", "/views/groups", "/app.js", "/app.css", "/icon.svg", "/world.json"]
    {
        assert_eq!(guarded.get(path, "").await.status, 200, "{path}");
    }
    for path in [
        "/api/v1/streams",
        "/api/v1/views",
        "/api/v1/layers",
        "/api/v1/series?view=groups",
        "/api/v1/top",
        "/api/v1/status",
        "/api/v1/openapi.json",
        "/api/v1/groups",
        "/api/v1/dead-letters",
        "/api/v1/streams/rsvps/live",
        "/api/v1/no-such-view",
        "/elsewhere",
    ] {
        for headers in [
            "",
            "cookie: pulso=0\r\n",
            "authorization: Bearer 0\r\n",
            "authorization: Basic YTpi\r\n",
        ] {
            let answer = guarded.get(path, headers).await;
            assert_eq!(answer.status, 401, "{path} {headers}");
            assert!(
                answer.head.contains("www-authenticate: bearer realm=\"pulso\"\r\n"),
                "{}",
                answer.head
            );
            assert!(answer.head.contains("cache-control: no-store\r\n"), "{}", answer.head);
            assert!(answer.body.contains("urn:pulso:not-logged-in"), "{}", answer.body);
        }
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(guarded.get(path, "").await.status, 200, "{path}");
    }
    let session = guarded.get("/api/v1/session", "").await;
    assert_eq!(who(&session), json!({ "login": true, "name": null, "role": null }));
}

#[tokio::test]
async fn probes_can_be_closed_too() {
    let guarded = Guarded::start(&[("guard.open_probes", "false")]).await;
    let cookie = guarded.log_in("reader").await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(guarded.get(path, "").await.status, 401, "{path}");
        assert_eq!(guarded.get(path, &cookie).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn somebody_logs_in_looks_and_logs_out() {
    let guarded = Guarded::start(&[]).await;
    let [first, other] = [guarded.log_in("writer").await, guarded.log_in("writer").await];
    assert_ne!(first, other);
    for cookie in [&first, &other] {
        assert_eq!(guarded.get("/api/v1/groups", cookie).await.status, 200);
        let session = guarded.get("/api/v1/session", cookie).await;
        assert_eq!(who(&session), json!({ "login": true, "name": "writer", "role": "write" }));
    }
    let out = guarded.log_out(&first).await;
    assert_eq!(
        (out.status, set_cookie(&out)),
        (200, "pulso=; path=/; max-age=0; httponly; samesite=strict")
    );
    assert!(out.head.contains("clear-site-data: \"cache\"\r\n"), "{}", out.head);
    assert_eq!(guarded.get("/api/v1/groups", &first).await.status, 401);
    assert_eq!(guarded.get("/api/v1/groups", &other).await.status, 200);
    let writer = Some("writer".to_owned());
    let line = |what: &str| (what.to_owned(), writer.clone());
    assert_eq!(guarded.audit(), [line("login"), line("login"), line("logout")]);
}

#[tokio::test]
async fn a_new_login_ends_the_one_before_in_the_same_browser() {
    let guarded = Guarded::start(&[]).await;
    let before = guarded.log_in("reader").await;
    let after = guarded.log_in_with("writer", PASSWORD, &before).await;
    assert_eq!(who(&after)["name"], "writer");
    assert_eq!(guarded.get("/api/v1/groups", &before).await.status, 401);
}

#[tokio::test]
async fn cookies_are_for_browsers_and_their_own_page_only() {
    let proxy = ("guard.trusted_proxies", "[\"127.0.0.1\"]");
    let guarded = Guarded::start(&[proxy]).await;
    let plain = guarded.log_in_with("reader", PASSWORD, "").await;
    let (name, rest) = set_cookie(&plain).split_once('=').unwrap();
    assert_eq!(name, "pulso");
    assert!(rest.ends_with("; path=/; max-age=604800; httponly; samesite=strict"), "{rest}");
    let https = "x-forwarded-proto: https\r\nx-forwarded-for: 192.0.2.7\r\n";
    let secure = guarded.log_in_with("reader", PASSWORD, https).await;
    let cookie = set_cookie(&secure);
    assert!(cookie.starts_with("__host-pulso="), "{cookie}");
    assert!(cookie.ends_with("; httponly; samesite=strict; secure"), "{cookie}");
    // A cookie that was taken over plain HTTP opens nothing over TLS.
    let taken = format!("cookie: pulso={}\r\n{https}", rest.split(';').next().unwrap());
    assert_eq!(guarded.get("/api/v1/groups", &taken).await.status, 401);
    // Without a proxy that is trusted, nobody can say that there is TLS.
    let alone = Guarded::start(&[]).await;
    let claimed = alone.log_in_with("reader", PASSWORD, https).await;
    assert!(set_cookie(&claimed).starts_with("pulso="), "{}", claimed.head);
}

#[tokio::test]
async fn a_foreign_page_neither_logs_in_nor_out() {
    let guarded = Guarded::start(&[]).await;
    let body = json!({ "name": "reader", "password": PASSWORD }).to_string();
    for headers in [
        "content-type: application/json\r\norigin: http://evil.example\r\n",
        "content-type: application/json\r\nsec-fetch-site: cross-site\r\n",
    ] {
        assert_eq!(guarded.ask("POST", "/api/v1/session", headers, &body).await.status, 403);
    }
    let headers = "content-type: text/plain\r\norigin: http://pulso.example\r\n";
    assert_eq!(guarded.ask("POST", "/api/v1/session", headers, &body).await.status, 415);
    let cookie = guarded.log_in("reader").await;
    assert_eq!(guarded.ask("DELETE", "/api/v1/session", &cookie, "").await.status, 403);
    assert_eq!(guarded.get("/api/v1/groups", &cookie).await.status, 200);
}

#[tokio::test]
async fn a_message_is_tried_by_whoever_may_look_on_our_own_page() {
    let guarded = Guarded::start(&[]).await;
    let body = json!({ "message": "{}" }).to_string();
    let json = "content-type: application/json\r\n";
    let own = "sec-fetch-site: same-origin\r\n";
    let tried = async |headers: &str| {
        guarded
            .ask("POST", "/api/v1/streams/rsvps/try", &format!("{json}{headers}"), &body)
            .await
            .status
    };
    assert_eq!(tried(own).await, 401);
    let reader = guarded.log_in("reader").await;
    assert_eq!(tried(&format!("{reader}{own}")).await, 200, "it changes nothing");
    let writer = guarded.log_in("writer").await;
    assert_eq!(tried(&format!("{writer}sec-fetch-site: cross-site\r\n")).await, 403);
    assert_eq!(tried(&format!("{writer}{own}")).await, 200);
    let logins = ["reader", "writer"].map(|name| ("login".to_owned(), Some(name.to_owned())));
    assert_eq!(guarded.audit(), logins, "nor is it written down");
    // There is nothing to look at, whatever is sent with the question.
    let looked = format!("{json}{writer}{own}");
    let answer = guarded.ask("GET", "/api/v1/streams/rsvps/try", &looked, &body).await;
    assert_eq!(answer.status, 405, "{}", answer.body);
    let message = "/api/v1/streams/rsvps/messages/0/0";
    assert_eq!(guarded.get(message, "").await.status, 401);
}

#[tokio::test]
async fn guessing_becomes_slow_and_is_written_down() {
    let guarded = Guarded::start(&[]).await;
    let mut answers = Vec::new();
    for name in ["writer", "mistyped password", "writer", "writer", "writer"] {
        answers.push(guarded.log_in_with(name, "wrong", "").await);
    }
    for answer in &answers {
        assert_eq!(answer.status, 401, "{}", answer.body);
        assert_eq!(answer.body, answers[0].body, "which of both is wrong is not said");
    }
    let refused = guarded.log_in_with("writer", PASSWORD, "").await;
    assert_eq!(refused.status, 429, "also with the right one");
    let wait = refused.head.split("retry-after: ").nth(1).unwrap().lines().next().unwrap();
    assert!((1..=10).contains(&wait.parse::<u64>().unwrap()), "{wait}");
    assert_eq!(guarded.log_in_with("mistyped password", "wrong", "").await.status, 429);
    let line = |what: &str, who: Option<&str>| (what.to_owned(), who.map(str::to_owned));
    let failed = |who| line("login_failed", who);
    let refused = |who| line("login_refused", who);
    let writer = Some("writer");
    let tried = [writer, None, writer, writer, writer].map(failed);
    assert_eq!(guarded.audit(), [&tried[..], &[refused(writer), refused(None)]].concat());
    assert_eq!(guarded.get("/healthz", "").await.status, 200);
}

#[tokio::test]
async fn a_login_is_an_object_with_two_texts() {
    let guarded = Guarded::start(&[]).await;
    let headers = "content-type: application/json\r\norigin: http://pulso.example\r\n";
    for body in ["", "{}", "[]", "{\"name\":\"a\"}", "{\"name\":1,\"password\":\"b\"}", "\u{0}"] {
        let answer = guarded.ask("POST", "/api/v1/session", headers, body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
    }
    let long = format!("{{\"name\":\"a\",\"password\":\"{}\"}}", "x".repeat(5_000));
    assert_eq!(guarded.ask("POST", "/api/v1/session", headers, &long).await.status, 413);
}

/// Live events, line by line.
struct Listening(Lines<BufReader<TcpStream>>);

impl Listening {
    async fn start(guarded: &Guarded, headers: &str) -> Self {
        Self::to("live", guarded, headers).await
    }

    async fn to(what: &str, guarded: &Guarded, headers: &str) -> Self {
        let mut stream = TcpStream::connect(guarded.server.address).await.unwrap();
        let path = format!("/api/v1/streams/rsvps/{what}");
        let request = format!("GET {path} HTTP/1.1\r\nhost: pulso.example\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Self(BufReader::new(stream).lines())
    }

    /// Reads to this line, which must come.
    async fn until(&mut self, wanted: &str) {
        let mut text = String::new();
        while let Some(line) = self.0.next_line().await.unwrap() {
            text.push_str(&line);
            text.push('\n');
            if line == wanted {
                return;
            }
        }
        panic!("no `{wanted}` in {text}");
    }

    async fn ends_logged_out(mut self) {
        self.until("event: logged_out").await;
        self.until("data: {\"detail\":\"the login has ended; log in again\"}").await;
        // The end of the body, whose last chunk is empty.
        self.until("0").await;
    }
}

#[tokio::test]
async fn who_listens_is_told_when_the_login_has_ended() {
    let guarded = Guarded::start(&[]).await;
    let cookie = guarded.log_in("reader").await;
    let mut listening = Listening::start(&guarded, &cookie).await;
    listening.until("event: state").await;
    guarded.log_out(&cookie).await;
    listening.ends_logged_out().await;
    assert_eq!(guarded.get("/api/v1/streams/rsvps/live", &cookie).await.status, 401);
}

#[tokio::test]
async fn who_follows_messages_is_told_when_the_login_has_ended() {
    // The log is that of another server, without a login.
    let folder = TempDir::new().unwrap();
    let _other = crate::messages::start(&folder, [1], true).await;
    let directory = folder.path().display().to_string();
    let guarded = Guarded::start(&[("data.directory", &directory)]).await;
    let cookie = guarded.log_in("reader").await;
    let mut following = Listening::to("messages", &guarded, &cookie).await;
    following.until("retry: 2000").await;
    guarded.log_out(&cookie).await;
    following.ends_logged_out().await;
}

/// Waits for the server to notice, which tells those who listen.
#[tokio::test]
async fn who_is_taken_out_of_the_file_is_logged_out() {
    let guarded = Guarded::start(&[]).await;
    let token = |digit: &str| format!("program{digit} read sha256:{}", sha256(digit));
    let bearer = |digit: &str| format!("authorization: Bearer {digit}\r\n");
    let [reader, writer] = [account("reader", "read"), account("writer", "write")];
    let all = [reader.clone(), writer, token("1"), token("2")].join("\n");
    std::fs::write(guarded.accounts.path(), all).unwrap();
    let writer = guarded.log_in("writer").await;
    let stays = guarded.log_in("reader").await;
    let mut session = Listening::start(&guarded, &writer).await;
    session.until("event: state").await;
    // Tokens that came later are good as soon as the file has been read again.
    while guarded.get("/api/v1/groups", &bearer("1")).await.status == 401 {
        tokio::task::yield_now().await;
    }
    let mut program = Listening::start(&guarded, &bearer("1")).await;
    program.until("event: state").await;

    std::fs::write(guarded.accounts.path(), [reader, token("2")].join("\n")).unwrap();
    session.ends_logged_out().await;
    program.ends_logged_out().await;
    for headers in [&writer, &bearer("1")] {
        assert_eq!(guarded.get("/api/v1/groups", headers).await.status, 401);
    }
    for headers in [&stays, &bearer("2")] {
        assert_eq!(guarded.get("/api/v1/groups", headers).await.status, 200);
    }
    assert_eq!(guarded.log_in_with("writer", PASSWORD, "").await.status, 401);
    guarded.log_in("reader").await;
}

#[tokio::test]
async fn where_nobody_logs_in_everybody_is_local() {
    let server = Server::empty().await;
    let session = server.json("/api/v1/session").await;
    assert_eq!(session, json!({ "login": false, "name": "local", "role": "write" }));
    let foreign = server.get_with("/api/v1/groups", "x: y").await;
    assert_eq!(foreign.status, 200);
    assert_eq!(server.get_as("evil.example", "/api/v1/groups").await.status, 421);
    assert_eq!(server.get_as("evil.example", "/metrics").await.status, 200);
    assert_eq!(server.get_as("[::1]:8080", "/api/v1/groups").await.status, 200);
}
