use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(message: impl AsRef<[u8]>, expected: impl AsRef<[u8]>) {
    let (message, expected) = (message.as_ref(), expected.as_ref());
    let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
    assert_eq!(shown(content(message)), shown(expected), "{}", shown(message));
}

#[track_caller]
fn whole(message: impl AsRef<[u8]>) {
    check(message.as_ref(), message.as_ref());
}

/// RFC 5424, section 6.5.
#[test]
fn the_examples_of_rfc_5424_say_their_msg() {
    let bom = "\u{feff}";
    check(
        format!(
            "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - {bom}'su root' failed for lonvick on /dev/pts/8"
        ),
        "'su root' failed for lonvick on /dev/pts/8",
    );
    check(
        "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
        "%% It's time to make the do-nuts.",
    );
    let data = "exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"";
    check(
        format!(
            "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [{data}] {bom}An application event log entry..."
        ),
        "An application event log entry...",
    );
    whole(format!(
        "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [{data}][examplePriority@32473 class=\"high\"]"
    ));
}

#[test]
fn structured_data_may_quote_anything() {
    let head = "<13>1 - - - - - ";
    for data in [
        "-",
        "[a]",
        "[a b=\"\"]",
        r#"[a b="c ] d"]"#,
        r#"[a b="\"] x"]"#,
        r#"[a b="\\"][c d="\]"]"#,
        r#"[a b="[" c="\\\""]"#,
        "[timeQuality tzKnown=\"1\" isSynced=\"1\" syncAccuracy=\"331500\"]",
    ] {
        check(format!("{head}{data} said"), "said");
        check(format!("{head}{data}  - [x] "), " - [x] ");
        whole(format!("{head}{data}"));
        whole(format!("{head}{data} "));
    }
    // What is no header is still behind a priority.
    for broken in ["[a b=\"c] said", "[a", "[a]x said", "said", "- ", "-x", ""] {
        let rest = format!("1 - - - - - {broken}");
        let expected = if broken == "- " { format!("<13>{rest}") } else { rest.clone() };
        check(format!("<13>{rest}"), expected);
    }
    check("<13>1 - - - - - - \u{feff}\u{feff}x", "\u{feff}x");
    check(b"<13>1 - - - - - - \xff\0\xfe", b"\xff\0\xfe");
}

/// RFC 3164, section 5.4.
#[test]
fn the_examples_of_rfc_3164_say_their_content() {
    check(
        "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
        "'su root' failed for lonvick on /dev/pts/8",
    );
    whole("Use the BFG!");
    check(
        "<165>Aug 24 05:34:00 CST 1987 mymachine myproc[10]: %% It's time to make the do-nuts.",
        "CST 1987 mymachine myproc[10]: %% It's time to make the do-nuts.",
    );
    check(
        "<0>1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All Folks!",
        "1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All Folks!",
    );
    check("<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", "10.0.0.99 Use the BFG!");
}

/// As programs send them.
#[test]
fn what_programs_send_says_the_line_that_they_logged() {
    let line = r#"10.0.0.1 - - [27/Nov/2026:21:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8""#;
    let v6 = r#"2001:db8:: - - [27/Nov/2026:21:00:00 +0000] "GET /a: HTTP/1.1" 200 5"#;
    for head in [
        // nginx, with `nohostname` and with another tag.
        "<190>Nov 27 21:00:00 web-1 nginx: ",
        "<190>Nov 27 21:00:00 nginx: ",
        "<190>Nov  7 21:00:00 web-1.example.org site_1: ",
        // logger, HAProxy, Docker, Postfix.
        "<13>Nov 27 21:00:00 web-1 root: ",
        "<134>Nov 27 21:00:00 haproxy[1234]: ",
        "<30>Nov 27 21:00:00 web-1 docker/3ac9e1b4c0de[901]: ",
        "<22>Nov 27 21:00:00 mail postfix/smtpd[1]: ",
        "<78>Nov 27 21:00:00 web-1 (sd-pam)[12]: ",
        // rsyslog, and Go.
        "<13>2026-11-27T21:00:00.123456+00:00 web-1 nginx: ",
        "<13>2026-11-27T21:00:00Z web-1 nginx[7]: ",
        "<190>1 2026-11-27T21:00:00.123456+00:00 web-1 nginx - - - ",
        // Without a time, as Python sends it.
        "<14>",
        // From fe80::1 as the host.
        "<190>Nov 27 21:00:00 fe80::1 nginx: ",
        "<190>Nov 27 21:00:00.123 web-1 nginx: ",
    ] {
        for line in [line, v6, r#"{"a": 1}"#, "1 x", "a", " two  spaces "] {
            check(format!("{head}{line}"), line);
        }
    }
    check(format!("<190>Nov 27 21:00:00 {v6}"), v6);
}

#[test]
fn what_is_no_syslog_is_kept_whole() {
    for message in [
        "",
        "<",
        "<>",
        "<>x",
        "<1",
        "<13",
        "<192>x",
        "<999>x",
        "<1234>x",
        "<-1>x",
        "<+1>x",
        "<a>x",
        "< 1>x",
        "<html>x</html>",
        "{\"a\":1}",
        "10.0.0.1 - - [x]",
        "<13>",
        "<13>Nov 27 21:00:00",
        "<13>Nov 27 21:00:00 ",
        "<13>Nov 27 21:00:00 nginx:",
        "<13>Nov 27 21:00:00 web nginx: ",
    ] {
        whole(message);
    }
    for rest in [
        "Nov",
        "Nov 27",
        "Nov 27 21:00",
        "Nox 27 21:00:00 a: b",
        "Nov  21:00:00 a: b",
        "Nov 127 21:00:00 a: b",
        "Nov 27 21:00:00a: b",
        "2026-11-27 21:00:00 a: b",
        "2026-11-27T21:00:00 a: b",
        "0 - - - - - - x",
        "1000 - - - - - - x",
        "1 x - - - - - x",
        "1  - - - - - x",
        "nginx: x",
        "1",
    ] {
        check(format!("<13>{rest}"), rest);
    }
    // A word with a colon is no tag when it cannot be the name of a program.
    for rest in
        ["a:b: x", "\"a\": x", "{a: x", "[1]: x", "a[1: x", "a]: x", ": x", "a[1]] x", "h a : x"]
    {
        check(format!("<13>Nov 27 21:00:00 {rest}"), rest);
    }
}

proptest! {
    /// It never fails, and takes nothing from the end.
    #[test]
    fn any_bytes_have_a_content_at_their_end(message: Vec<u8>) {
        prop_assert!(message.ends_with(content(&message)));
        prop_assert_eq!(content(&message).is_empty(), message.is_empty());
    }

    #[test]
    fn a_message_is_not_changed_by_its_head(
        head in prop::sample::select(vec![
            "<13>1 - - - - - - ",
            "<190>1 2003-10-11T22:14:15.003Z a b c d [e f=\"g\\\"\\]\"] ",
            "<190>Oct 11 22:14:15 host nginx[1]: ",
            "<190>Oct  1 22:14:15 nginx: ",
        ]),
        said in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        prop_assume!(!said.starts_with(BOM));
        let message = [head.as_bytes(), &said].concat();
        prop_assert_eq!(content(&message), said.as_slice());
    }

    /// Of bytes that make up messages.
    #[test]
    fn what_resembles_a_message_never_fails(message in "<(13|190)>(1 )?(Oct 11 22:14:15 )?[-\\[\\]\"\\\\:a1 ]{0,30}") {
        prop_assert!(message.as_bytes().ends_with(content(message.as_bytes())));
    }
}
