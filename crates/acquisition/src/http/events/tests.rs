use super::*;

fn read(text: &[u8], piece: usize, bytes_max: usize) -> Vec<Event> {
    let (mut events, mut found) = (Events::new(bytes_max), VecDeque::new());
    for piece in text.chunks(piece) {
        events.push(piece, &mut found);
        assert!(events.line.len() + events.data.len() <= 2 * (bytes_max + 10), "it is bounded");
    }
    found.into()
}

fn message(data: &str, id: Option<&str>) -> Event {
    let data = Bytes::copy_from_slice(data.as_bytes());
    Event::Message { data, id: id.map(Into::into), cut: false }
}

/// The same whatever the pieces are.
#[track_caller]
fn check(text: &str, expected: &[Event]) {
    for piece in 1..=text.len() {
        assert_eq!(read(text.as_bytes(), piece, 1000), expected, "in pieces of {piece}: {text:?}");
    }
}

/// The examples of the standard.
#[test]
fn the_examples_of_the_standard_are_read() {
    check("data: YHOO\ndata: +2\ndata: 10\n\n", &[message("YHOO\n+2\n10", None)]);
    check(
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
        &[message("first event", Some("1")), message("second event", None)],
    );
    check("data\n\ndata\ndata\n\ndata:", &[message("", None), message("\n", None)]);
    check("data:test\n\ndata: test\n\n", &[message("test", None), message("test", None)]);
}

#[test]
fn a_line_ends_in_any_of_three_ways() {
    let two = [message("a", None), message("b", None)];
    check("data:a\n\ndata:b\n\n", &two);
    check("data:a\r\rdata:b\r\r", &two);
    check("data:a\r\n\r\ndata:b\r\n\r\n", &two);
    check("data:a\n\r\ndata:b\r\n\r", &two);
}

#[test]
fn a_byte_order_mark_comes_first_only() {
    check("\u{feff}data:a\n\n", &[message("a", None)]);
    check("\u{feff}\ndata:a\n\n", &[message("a", None)]);
    check("\n\u{feff}data:a\n\n", &[]);
}

#[test]
fn an_id_holds_until_the_next_and_never_has_a_nul() {
    check(
        "id: 7\ndata: a\n\ndata: b\n\nid: 8\n\ndata: c\n\nid: 9\0\ndata: d\n\nid:\ndata: e\n\nid: x y",
        &[
            message("a", Some("7")),
            message("b", Some("7")),
            message("c", Some("8")),
            message("d", Some("8")),
            message("e", None),
        ],
    );
}

#[test]
fn a_time_to_wait_is_a_number() {
    let retry = |ms| Event::Retry(Duration::from_millis(ms));
    check("retry: 1500\nretry:x\nretry:-1\nretry:\nretry: 1.5\n", &[retry(1500)]);
    check("retry:99999999999999999999999\nRetry:1\n", &[]);
}

#[test]
fn what_is_no_field_is_left_out() {
    check(
        ":\n:data: x\nevent: edit\n data: x\ndatas: x\nData: x\n{}\n\ndata: 1\n\n",
        &[message("1", None)],
    );
}

#[test]
fn an_event_that_is_not_complete_is_none() {
    check("data: a\nid: 1\n", &[]);
    check("data: a\n\ndata: b", &[message("a", None)]);
}

#[test]
fn an_event_that_is_too_long_is_cut_off_and_the_next_is_whole() {
    let cut = |data: &'static str| {
        let data = Bytes::from_static(data.as_bytes());
        Event::Message { data, id: None, cut: true }
    };
    let text = "data: 12345678\n\ndata: 123456\n\ndata:123\ndata:456789\n\ndata:1\n\n:123456789012345678901\n\n";
    for piece in 1..=text.len() {
        let found = read(text.as_bytes(), piece, 6);
        let expected = [cut("123456"), message("123456", None), cut("123\n45"), message("1", None)];
        assert_eq!(found, expected, "in pieces of {piece}");
    }
}

#[test]
fn data_are_the_bytes_that_came() {
    let found = read(b"data: \xff\xfe\x00\n\n", 1, 100);
    let data = Bytes::from_static(b"\xff\xfe\x00");
    assert_eq!(found, [Event::Message { data, id: None, cut: false }]);
}
