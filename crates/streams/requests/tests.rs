mod recordings;
mod storing;

use proptest::prelude::*;
use pulso_model::{Column, Decoder, MAX_MESSAGE_BYTES, TimeLimits, WallTime};

use super::*;
use crate::Streams;

const NOW: WallTime = WallTime(1_800_000_000_000);
const TIME: EventTime = EventTime(1_431_857_103_000);
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:31.0) Gecko/20100101 Firefox/31.0";

fn decoder() -> Decoder {
    Streams::brought().get("requests").unwrap().decoder(TimeLimits::NONE)
}

fn fact(line: &str) -> Fact<'static> {
    let line: &'static str = Box::leak(line.into());
    match decoder().decode(line.as_bytes(), NOW) {
        Ok(Decoded::Fact(fact)) => fact,
        other => panic!("{other:?}: {line}"),
    }
}

fn outcome(line: &str) -> String {
    match decoder().decode(line.as_bytes(), NOW) {
        Ok(Decoded::Fact(fact)) => format!("fact {}", KINDS[usize::from(fact.kind)]),
        Ok(Decoded::Skipped(reason)) => format!("skipped {reason}"),
        Err(dead) => dead.to_string(),
    }
}

/// A column as text; `-` for nothing.
fn column(fact: &Fact<'_>, name: &str) -> String {
    let at = COLUMNS.iter().position(|column| *column == name).unwrap();
    match &fact.columns[at] {
        Value::Null => "-".to_owned(),
        Value::Text(text) => text.to_string(),
        Value::Integer(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

fn check(line: &str, expected: [&str; 9]) {
    let fact = fact(line);
    let names: [&str; 9] = *COLUMNS.first_chunk().unwrap();
    assert_eq!(names.map(|name| column(&fact, name)), expected, "{line}");
    assert_eq!(
        decoder().head(line.as_bytes()),
        Head { key: Some(Key::Text(expected[0].into())), time: Some(fact.time) }
    );
}

fn line(request: &str) -> String {
    format!(r#"83.149.9.216 - - [17/May/2015:10:05:03 +0000] "{request}" 200 7 "-" "{FIREFOX}""#)
}

#[test]
fn the_descriptor_has_these_columns_and_kinds() {
    let stream = decoder().stream();
    let names: Vec<_> = stream.columns.iter().map(|Column { name, .. }| *name).collect();
    assert_eq!((&names[..], &stream.kind.values[..]), (&COLUMNS[..], &KINDS[..]));
    assert!(stream.identity.is_empty());
}

#[test]
fn a_request_takes_as_long_as_the_server_says() {
    let caddy = |duration: &str| {
        format!(
            r#"{{"ts":1431857103.25,"request":{{"client_ip":"83.149.9.216"}},"duration":{duration},"status":200}}"#
        )
    };
    let traefik = r#"{"ClientHost":"83.149.9.216","DownstreamStatus":200,"Duration":69186,"StartUTC":"2015-05-17T10:05:03.25Z"}"#;
    let duration = |line: &str| column(&fact(line), "duration_us");
    assert_eq!(duration(&caddy("0.1000006")), "100001", "seconds");
    assert_eq!(duration(&caddy("0")), "0");
    assert_eq!(duration(traefik), "69", "nanoseconds");
    for none in ["-1", "1e300", "\"100ms\"", "null"] {
        assert_eq!(duration(&caddy(none)), "-", "{none}");
    }
    assert_eq!(duration(&line("GET /")), "-", "lines of text do not say");
}

#[test]
fn every_format_says_the_same() {
    let common = r#"[17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 404 203023"#;
    let combined = format!(r#"{common} "https://www.example.org/x" "{FIREFOX}""#);
    let caddy = format!(
        r#"{{"level":"info","ts":1431857103.25,"logger":"http.log.access.log0","msg":"handled request","request":{{"remote_ip":"10.0.0.1","remote_port":"41342","client_ip":"83.149.9.216","proto":"HTTP/1.1","method":"GET","host":"shop.example:8443","uri":"/a?b","headers":{{"User-Agent":["{FIREFOX}"],"Referer":["https://www.example.org/x"]}}}},"bytes_read":0,"user_id":"ann","duration":0.1,"size":203023,"status":404,"resp_headers":{{}}}}"#
    );
    let traefik = format!(
        r#"{{"ClientAddr":"83.149.9.216:50216","ClientHost":"83.149.9.216","ClientUsername":"ann","DownstreamContentSize":203023,"DownstreamStatus":404,"Duration":69186,"RequestHost":"shop.example","RequestMethod":"GET","RequestPath":"/a?b","RequestProtocol":"HTTP/1.1","StartUTC":"2015-05-17T10:05:03.25Z","request_Referer":"https://www.example.org/x","request_User-Agent":"{FIREFOX}","time":"2015-05-17T10:05:04Z"}}"#
    );
    let expected = |user, host, (referrer, agent)| {
        ["83.149.9.216", user, host, "GET", "/a?b", "1.1", "404", referrer, agent]
    };
    let all = ("https://www.example.org/x", FIREFOX);
    let none = ("-", "-");
    check(&format!("83.149.9.216 - - {common}"), expected("-", "-", none));
    check(&format!("83.149.9.216 - ann {combined}"), expected("ann", "-", all));
    check(
        &format!("shop.example:443 83.149.9.216 - ann {common}"),
        expected("ann", "shop.example", none),
    );
    check(
        &format!("shop.example:443 83.149.9.216 - ann {combined}"),
        expected("ann", "shop.example", all),
    );
    check(
        &format!("country:RU host:shop.example 83.149.9.216 - ann {combined}"),
        expected("ann", "shop.example", all),
    );
    check(&format!("83.149.9.216 - ann {combined} \"1.2.3.4\" 0.003"), expected("ann", "-", all));
    check(&caddy, expected("ann", "shop.example", all));
    check(&traefik, expected("ann", "shop.example", all));
    for (line, millis) in
        [(format!("83.149.9.216 - ann {combined}"), 0), (caddy, 250), (traefik, 250)]
    {
        let fact = fact(&line);
        assert_eq!(
            (fact.time.0, &*fact.scope, fact.sums),
            (TIME.0 + millis, "ZZ", [203_023, 0, 0, 0]),
            "{line}"
        );
        let terms = fact.terms.iter().flatten().map(|term| &*term.key).collect::<Vec<_>>();
        assert_eq!(terms, ["/a", "example.org", "Firefox"], "{line}");
        assert_eq!(
            ["browser", "os", "device"].map(|name| column(&fact, name)),
            ["Firefox", "Linux", "desktop"]
        );
    }
}

#[test]
fn clients_and_users_may_be_called_anything() {
    let rest = r#"[17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 -"#;
    let ends = |before: &str| {
        let fact = fact(&format!("{before} {rest}"));
        ["url_domain", "source_ip", "user_name"].map(|name| column(&fact, name))
    };
    assert_eq!(ends("unicomp6.unicomp.net - -"), ["-", "unicomp6.unicomp.net", "-"]);
    assert_eq!(ends("2001:db8::1 - -"), ["-", "2001:db8::1", "-"]);
    assert_eq!(ends("[2001:db8::1] - -"), ["-", "2001:db8::1", "-"]);
    assert_eq!(ends("[::1]:80 2001:db8::1 - -"), ["[::1]", "2001:db8::1", "-"]);
    assert_eq!(ends("10.0.0.1 - Ann Bee [x]"), ["-", "10.0.0.1", "Ann Bee [x]"]);
    assert_eq!(ends("10.0.0.1 ident ann"), ["-", "10.0.0.1", "ann"]);
    assert_eq!(ends("10.0.0.1"), ["-", "10.0.0.1", "-"]);
}

#[test]
fn a_request_may_be_none_of_http() {
    let parts = |request: &str| {
        let fact = fact(&line(request));
        let path = fact.terms[0].first().map_or("-".to_owned(), |term| term.key.to_string());
        let [method, url, version] =
            ["method", "url", "http_version"].map(|name| column(&fact, name));
        [method, url, version, path]
    };
    assert_eq!(parts("GET / HTTP/2.0"), ["GET", "/", "2.0", "/"]);
    assert_eq!(parts("GET /a b c HTTP/1.1"), ["GET", "/a b c", "1.1", "/a b c"]);
    assert_eq!(parts("GET /ksc.html"), ["GET", "/ksc.html", "-", "/ksc.html"]);
    assert_eq!(parts("OPTIONS * HTTP/1.1"), ["OPTIONS", "*", "1.1", "-"]);
    assert_eq!(
        parts("CONNECT example.org:443 HTTP/1.1"),
        ["CONNECT", "example.org:443", "1.1", "-"]
    );
    assert_eq!(parts("-"), ["-", "-", "-", "-"]);
    assert_eq!(parts(""), ["-", "-", "-", "-"]);
    assert_eq!(parts(r"\x16\x03\x01\xff"), ["-", r"\x16\x03\x01\xff", "-", "-"]);
    assert_eq!(parts(r#"GET /\"a\"\\\x22 HTTP/1.1"#), ["GET", r#"/"a"\""#, "1.1", r#"/"a"\""#]);
    assert_eq!(parts(r#"GET /"a" HTTP/1.1"#)[1], "/\"a\"");
    assert_eq!(parts(&format!("GET /{} HTTP/1.1", "a".repeat(PATH_BYTES_MAX)))[3], "-");
}

#[test]
fn a_servers_own_pages_are_no_referrers() {
    let hosts = |before: &str, referrer: &str| {
        let line = format!(
            r#"{before}10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 7 "{referrer}" "-""#
        );
        fact(&line).terms[1].iter().map(|term| term.key.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(hosts("", "http://www.example.org/a"), "example.org");
    assert_eq!(hosts("Example.org:80 ", "http://www.example.org/a"), "");
    assert_eq!(hosts("www.example.org:80 ", "https://example.org/a"), "");
    assert_eq!(hosts("country:ZZ host:example.org ", "https://example.org/a"), "");
    assert_eq!(hosts("shop.example.org:80 ", "https://example.org/a"), "example.org");
    assert_eq!(hosts("", "-") + &hosts("", "") + &hosts("", "android-app://x"), "");
}

#[test]
fn what_is_no_request_has_a_reason() {
    let start = "83.149.9.216 - - [17/May/2015:10:05:03 +0000]";
    for (line, expected) in [
        ("#Fields: date time".to_owned(), "skipped comment"),
        (format!(r#"{start} "GET / HTTP/1.1" 000 0"#), "skipped unanswered"),
        (
            r#"{"level":"info","ts":1,"msg":"serving initial configuration"}"#.to_owned(),
            "skipped other_message",
        ),
        (
            String::new(),
            "invalid_text: column 1: expected the client's address, and a space after it",
        ),
        (
            " - -".to_owned(),
            "invalid_text: column 1: expected the client's address, and a space after it",
        ),
        (
            "83.149.9.216".to_owned(),
            "invalid_text: column 1: expected the client's address, and a space after it",
        ),
        (
            "83.149.9.216 - - 17/May".to_owned(),
            "invalid_text: column 14: expected the time in brackets",
        ),
        (
            "country:DE 83.149.9.216 - - 17/May".to_owned(),
            "invalid_text: column 25: expected the time in brackets",
        ),
        (
            "83.149.9.216 - - [17/May/2015:10:05:03".to_owned(),
            "invalid_text: column 19: expected a time like `17/May/2015:10:05:03 +0000]`",
        ),
        (
            "83.149.9.216 - - [17/May/2015:10:05:03 CEST] \"".to_owned(),
            "invalid_text: column 19: expected a time like `17/May/2015:10:05:03 +0000]`",
        ),
        (
            format!("{start} GET /"),
            "invalid_text: column 46: expected a space and the request in quotes",
        ),
        (
            format!("{start} \"GET / HTTP/1.1"),
            "invalid_text: column 62: expected a quote that ends the request, and the status",
        ),
        (
            format!("{start} \"GET / HTTP/1.1\" 20 7"),
            "invalid_text: column 64: expected the status, three digits",
        ),
        (
            format!("{start} \"GET / HTTP/1.1\" 200"),
            "invalid_text: column 67: expected the number of bytes, or `-`",
        ),
        (
            format!("{start} \"GET / HTTP/1.1\" 200 12.5"),
            "invalid_text: column 70: expected the number of bytes, or `-`",
        ),
        (format!("{start} \"GET / HTTP/1.1\" 200 7 \"a"), "fact 2xx"),
        (
            format!("{start} \"GET / HTTP/1.1\" x"),
            "invalid_text: column 65: expected a quote that ends the request, and the status",
        ),
        (
            format!("{start} \"GET / HTTP/1.1\" 600 7"),
            "invalid_value: the status is 600, not 100 to 599",
        ),
    ] {
        assert_eq!(outcome(&line), expected, "{line}");
    }
}

#[test]
fn what_is_no_request_has_no_head() {
    assert_eq!(decoder().head(b"83.149.9.216 - - 17/May"), Head::default());
    assert!(outcome(&"x".repeat(MAX_MESSAGE_BYTES + 1)).starts_with("too_large"));
}

#[test]
fn json_that_is_no_request_has_a_reason() {
    for (line, expected) in [
        (r#"{"a":"#, "invalid_json: EOF while parsing a value at line 1 column 5"),
        (r#"{"request":{}}"#, "missing_field: `request.client_ip` is missing"),
        (r#"{"request":{"client_ip":"::1"}}"#, "missing_field: `ts` is missing"),
        (r#"{"request":{"client_ip":"::1"},"ts":1}"#, "missing_field: `status` is missing"),
        (
            r#"{"request":{"client_ip":"::1"},"ts":"x"}"#,
            "invalid_value: `ts` is not a time: seconds, or like `2017-03-19T12:00:00Z`",
        ),
        (
            r#"{"request":{"client_ip":"::1"},"ts":1,"status":-1}"#,
            "invalid_value: `status` is not a status: three digits",
        ),
        (
            r#"{"request":{"client_ip":"::1"},"ts":1,"status":200,"size":-1}"#,
            "invalid_value: `size` is not a number of bytes",
        ),
        (r#"{"RequestMethod":"GET"}"#, "missing_field: `StartUTC` is missing"),
    ] {
        assert_eq!(outcome(line), expected, "{line}");
    }
}

#[test]
fn user_agents_have_a_family_a_system_and_a_device() {
    let check = |text: &str, expected: [&str; 4]| {
        let agent = agent::of(text);
        let name = agent.term().map_or("-".to_owned(), |term| term.name.to_string());
        assert_eq!(
            [&*agent.family, &name, agent.os.unwrap_or("-"), agent.device.name()],
            expected,
            "{text}"
        );
        assert_eq!(agent, agent::of(text), "it is remembered as it was");
    };
    let chrome = "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.107 Safari/537.36";
    check(chrome, ["Chrome", "Chrome", "Windows 7", "desktop"]);
    check(FIREFOX, ["Firefox", "Firefox", "Linux", "desktop"]);
    let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 7_0_4 like Mac OS X) AppleWebKit/537.51.1 (KHTML, like Gecko) Version/7.0 Mobile/11B554a Safari/9537.53";
    check(iphone, ["Safari", "Safari", "iPhone", "mobile"]);
    check(&iphone.replace("iPhone", "iPad"), ["Safari", "Safari", "iPad", "tablet"]);
    let android = "Mozilla/5.0 (Linux; U; Android 4.1.2; en-us; SPH-L710 Build/JZO54K) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30";
    check(android, ["Android", "Android", "Android", "mobile"]);
    check(&android.replace("Mobile ", ""), ["Android", "Android", "Android", "tablet"]);
    check(
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        ["Googlebot", "Googlebot (crawler)", "-", "crawler"],
    );
    check(
        "Mozilla/5.0 (compatible; MJ12bot/v1.4.4; http://www.majestic12.co.uk/bot.php?+)",
        ["MJ12bot", "MJ12bot (crawler)", "-", "crawler"],
    );
    check(
        "FeedThing/1.0 (+http://feeds.example/robots.html)",
        ["FeedThing", "FeedThing (crawler)", "-", "crawler"],
    );
    for (text, name) in [
        (
            "(compatible; archive.org_bot +http://www.archive.org/details/archive.org_bot)",
            "archive.org_bot",
        ),
        (
            "(compatible; Linux x86_64; Mail.RU_Bot/2.0; +http://go.mail.ru/help/robots)",
            "Mail.RU_Bot",
        ),
        ("(compatible; YandexImages/3.0; +http://yandex.com/bots)", "YandexImages"),
        ("(X11; U; Linux x86_64; see http://spinn3r.com/robot) Gecko/2010040121", "Crawler"),
        ("(compatible; MSIE 6.0; Windows NT 5.1; http://feeds.example/bot.html)", "Crawler"),
        ("(X11; see www.bots.example)", "Crawler"),
    ] {
        let agent = agent::of(&format!("Mozilla/5.0 {text}"));
        assert_eq!((&*agent.family, agent.device.name()), (name, "crawler"), "{text}");
    }
    check("Tiny Tiny RSS/1.11 (http://tt-rss.org/)", ["RSSReader", "RSSReader", "-", "other"]);
    check("curl/7.35.0", ["HTTP Library", "HTTP Library", "-", "other"]);
    check("", ["Unknown", "-", "-", "other"]);
    check(&"x".repeat(5000), ["Unknown", "-", "-", "other"]);
}

fn request() -> impl Strategy<Value = (String, [String; 4], u16, u64)> {
    let field = "[a-zA-Z0-9 /?&=%.:;()\\[\\]é-]{1,30}";
    ([field, field, field, "[a-z]{1,8}"], 100_u16..600, 0..1_000_000_000_000_u64).prop_map(|(fields, status, bytes)| {
        let [target, referrer, agent, user] = &fields;
        let line = format!(
            "2001:db8::1 - {user} [17/May/2015:10:05:03 +0000] \"GET /{target} HTTP/1.1\" {status} {bytes} \"x{referrer}\" \"x{agent}\""
        );
        (line, fields, status, bytes)
    })
}

proptest! {
    #[test]
    fn what_a_server_writes_is_read_back((line, fields, status, bytes) in request()) {
        let fact = fact(&line);
        let [target, referrer, agent, user] = fields;
        prop_assert_eq!(fact.sums[0], bytes);
        let names = ["user_name", "url", "status", "referrer_url", "user_agent"];
        let expected = [user, format!("/{target}"), status.to_string(), format!("x{referrer}"), format!("x{agent}")];
        prop_assert_eq!(names.map(|name| column(&fact, name)), expected);
    }

    /// Wherever a line is cut, it is a request of another format, or the place is told.
    #[test]
    fn a_line_may_end_anywhere((line, ..) in request(), at in 0.0..1.0_f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a place in the line")]
        let cut = String::from_utf8_lossy(&line.as_bytes()[..(at * line.len() as f64) as usize]).into_owned();
        let outcome = outcome(&cut);
        prop_assert!(outcome.starts_with("fact") || outcome.starts_with("invalid_text: column"), "{}: {}", outcome, cut);
    }

    #[test]
    fn any_bytes_are_something(bytes in proptest::collection::vec(any::<u8>(), 0..80), start in 0..4_usize) {
        let starts = ["", "{\"request\":", "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"", "country:DE "];
        let line = [starts[start].as_bytes(), &bytes].concat();
        let head = Requests.head(&line);
        let is_fact = matches!(Requests.decode(&line), Ok(Decoded::Fact(_)));
        prop_assert!(!is_fact || head.key.is_some());
    }
}
