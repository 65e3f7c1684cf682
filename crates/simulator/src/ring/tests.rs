use super::*;

fn entry(mtime_ms: i64) -> Entry {
    Entry { mtime_ms, payload: Utf8Bytes::from(mtime_ms.to_string()) }
}

fn ring(capacity: usize, mtimes_ms: &[i64]) -> Ring {
    let mut ring = Ring::new(capacity);
    for &mtime_ms in mtimes_ms {
        ring.push(entry(mtime_ms)).unwrap();
    }
    ring
}

/// Reads everything there is for the client.
fn drain(ring: &mut Ring, client: ClientId) -> Vec<i64> {
    let Read { payloads, passed } = ring.read(client, usize::MAX);
    ring.advance(client, passed);
    payloads.iter().map(|payload| payload.parse().unwrap()).collect()
}

#[test]
fn what_was_sent_to_nobody_goes_to_the_first_client_and_new_messages_to_all() {
    let mut ring = ring(10, &[1, 2, 3]);
    let first = ring.attach(None);
    assert_eq!(drain(&mut ring, first), [1, 2, 3]);
    let second = ring.attach(None);
    assert!(ring.caught_up(second));
    ring.push(entry(4)).unwrap();
    assert!(!ring.caught_up(second));
    assert_eq!(drain(&mut ring, first), [4]);
    assert_eq!(drain(&mut ring, second), [4]);
    assert_eq!((ring.head(), ring.sent_to(), ring.clients()), (4, 4, 2));
}

#[test]
fn since_mtime_gives_exactly_the_messages_with_a_greater_mtime() {
    let mut ring = ring(20, &[10, 20, 5, 30, 7, 30, 40]);
    let first = ring.attach(None);
    drain(&mut ring, first);
    ring.detach(first);
    for (since, expected) in [
        (20, &[30, 30, 40][..]),
        (30, &[40]),
        (25, &[30, 30, 40]),
        (6, &[10, 20, 30, 7, 30, 40]),
        (99, &[]),
        (0, &[10, 20, 5, 30, 7, 30, 40]),
    ] {
        let client = ring.attach(Some(since));
        assert_eq!(drain(&mut ring, client), expected, "since {since}");
        assert!(ring.caught_up(client));
        ring.detach(client);
    }
}

#[test]
fn since_mtime_holds_for_the_messages_to_come_and_for_those_that_nobody_was_sent() {
    let mut ring = ring(20, &[10, 50, 20]);
    let client = ring.attach(Some(15));
    assert_eq!(drain(&mut ring, client), [50, 20]);
    for mtime_ms in [15, 60, 9] {
        ring.push(entry(mtime_ms)).unwrap();
    }
    assert_eq!(drain(&mut ring, client), [60]);
    assert_eq!((ring.head(), ring.sent_to()), (6, 6), "those not asked for hold nothing up");
}

#[test]
fn a_read_is_limited_by_what_it_gives() {
    let mut ring = ring(20, &[1, 9, 2, 8, 3, 7]);
    let client = ring.attach(Some(5));
    let Read { payloads, passed } = ring.read(client, 2);
    assert_eq!((payloads.len(), passed), (2, 4));
}

#[test]
fn the_stream_pauses_for_a_slow_client() {
    let mut ring = Ring::new(4);
    let slow = ring.attach(None);
    let fast = ring.attach(None);
    for mtime_ms in 0..4 {
        ring.push(entry(mtime_ms)).unwrap();
        drain(&mut ring, fast);
    }
    ring.push(entry(4)).unwrap_err();
    ring.advance(slow, 1);
    ring.push(entry(4)).unwrap();
    assert_eq!(drain(&mut ring, slow), [1, 2, 3, 4]);
}

#[test]
fn the_stream_pauses_when_half_of_the_ring_waits_for_somebody() {
    let mut ring = Ring::new(4);
    let client = ring.attach(None);
    for mtime_ms in 0..8 {
        ring.push(entry(mtime_ms)).unwrap();
        drain(&mut ring, client);
    }
    ring.detach(client);
    ring.push(entry(8)).unwrap();
    ring.push(entry(9)).unwrap();
    ring.push(entry(10)).unwrap_err();
    // The last two messages sent are still there for a client that did not get to store them.
    let returned = ring.attach(Some(5));
    assert_eq!(drain(&mut ring, returned), [6, 7, 8, 9]);
}

#[test]
fn a_client_may_wait_for_a_message_to_come() {
    let mut ring = ring(10, &[1, 2]);
    let client = ring.attach_at(3);
    assert!(ring.caught_up(client));
    ring.advance(client, 0);
    ring.push(entry(3)).unwrap();
    assert!(ring.caught_up(client));
    ring.push(entry(4)).unwrap();
    assert_eq!(drain(&mut ring, client), [4]);
    let again = ring.attach_at(1);
    assert_eq!(drain(&mut ring, again), [2, 3, 4]);
    assert_eq!(ring.find(|payload| payload.as_str() >= "3"), Some(2));
    assert_eq!(ring.find(|payload| payload.as_str() >= "9"), None);
}
