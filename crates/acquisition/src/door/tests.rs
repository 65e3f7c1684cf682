//! What comes in, by filter and by sample, through every kind of source that remembers where it is.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::SinkExt;
use proptest::prelude::*;
use pulso_runtime::config::{Protocol, Source};
use pulso_streams::Streams;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::*;
use crate::Input;
use crate::testing::{Running, options, payload, source};

pub(crate) fn filter(condition: &str) -> Admission {
    let streams = Streams::brought();
    let condition = streams.get("rsvps").unwrap().condition("filter", condition).unwrap();
    Admission { filter: Some(condition), sample: None }
}

fn sample(share: f64) -> Admission {
    Admission { filter: None, sample: Share::new(share) }
}

fn judge(admission: Admission, payload: &[u8]) -> Verdict {
    Door::new(admission).judge(&pulso_testkit::decoder(), payload, WallTime(0))
}

fn response(member: i64, id: i64) -> Bytes {
    pulso_testkit::message::message(id, 1000).member(member).bytes()
}

#[test]
fn a_filter_keeps_what_it_holds_for_and_what_it_cannot_tell() {
    let even = filter("mod(int!(.rsvp_id), 2) == 0");
    assert_eq!(judge(even.clone(), b"{\"rsvp_id\":2}"), Verdict::Kept);
    assert_eq!(judge(even.clone(), b"{\"rsvp_id\":3}"), Verdict::Filtered);
    assert!(matches!(judge(even.clone(), b"{}"), Verdict::Undecided(_)));
    assert!(matches!(judge(even, b"broken"), Verdict::Undecided(_)));
    assert_eq!(judge(Admission::default(), b"broken"), Verdict::Kept);
}

/// All that an actor does comes in, or nothing, whatever else is in the message.
#[test]
fn an_actor_is_whole_or_absent() {
    let mut verdicts: BTreeMap<i64, Vec<Verdict>> = BTreeMap::new();
    for id in 0..3000 {
        let member = id % 300;
        let of_member = verdicts.entry(member).or_default();
        of_member.push(judge(sample(0.3), &response(member, id)));
    }
    assert!(verdicts.values().all(|all| all.iter().all(|one| *one == all[0])));
    let kept = verdicts.values().filter(|all| all[0] == Verdict::Kept).count();
    assert!((60..120).contains(&kept), "{kept} of 300 are three tenths");
}

#[test]
fn what_is_no_fact_is_in_every_sample() {
    for payload in ["broken", "[]", "{\"rsvp_id\":1}"] {
        assert_eq!(judge(sample(f64::MIN_POSITIVE), payload.as_bytes()), Verdict::Kept);
    }
}

/// Filter before sample: what is filtered counts as that.
#[test]
fn a_message_is_refused_once() {
    let both = Admission { sample: Share::new(f64::MIN_POSITIVE), ..filter("false") };
    assert_eq!(judge(both, &response(1, 1)), Verdict::Filtered);
    let both = Admission { sample: Share::new(f64::MIN_POSITIVE), ..filter("1 / .no == 1") };
    assert_eq!(judge(both, &response(1, 1)), Verdict::SampledOut);
}

/// The first bits of SHA-256 as `sha256sum` shows them: another program can take the same sample.
#[test]
fn where_an_actor_is_stays_for_ever() {
    let digit = |text: &str| (part(text) * 16.0).floor();
    // abc: ba7816bf…, the example of FIPS 180-4; the empty text: e3b0c442….
    assert_eq!((digit("abc"), digit("")), (11.0, 14.0));
    assert_eq!((part("abc") * f64::from(u32::MAX)).floor(), f64::from(0xba78_16be_u32));
}

#[test]
fn a_share_is_kept_of_actors_with_names_that_are_alike() {
    for share in [0.01, 0.1, 0.5, 0.9] {
        let kept = (0..20_000).filter(|n| part(&format!("user{n}")) < share).count();
        let (expected, spread) =
            (20_000.0 * share, 5.0 * (20_000.0 * share * (1.0 - share)).sqrt());
        assert!((kept as f64 - expected).abs() < spread, "{kept} of 20000 for {share}");
    }
}

proptest! {
    #[test]
    fn a_larger_sample_has_all_of_a_smaller_one(text in ".*", one in 0.0..1.0, other in 0.0..1.0) {
        let part = part(&text);
        prop_assert!((0.0..1.0).contains(&part));
        let (small, large) = if one < other { (one, other) } else { (other, one) };
        prop_assert!(part >= small || part < large);
    }
}

/// The cursor goes on over what does not come in: a reconnect does not ask for it again.
#[tokio::test(start_paused = true)]
async fn a_source_goes_on_behind_what_did_not_come_in() {
    let admission = filter("int!(.rsvp_id) < 2");
    let input = Input::Source(Source { admission, ..source("a") });
    let mut running = Running::start(vec![input], options());
    let mut socket = running.attempt().await.accept().await;
    for number in 1..5 {
        socket.send(Frame::text(payload(number))).await.unwrap();
    }
    assert_eq!(running.stored(1).await, [payload(1)]);
    socket.close(None).await.unwrap();
    drop(socket);
    let attempt = running.attempt().await;
    assert_eq!(attempt.url.query(), Some("x=y&since_mtime=3990"), "of the last, not of the stored");
    let mut socket = attempt.accept().await;
    socket.send(Frame::text(payload(0))).await.unwrap();
    assert_eq!(running.stored(1).await, [payload(0)]);
    let cursors: Vec<_> =
        running.log.messages().into_iter().map(|message| message.headers.cursor).collect();
    assert_eq!(cursors, [Some("1000".into()), Some("4000".into())]);
    running.stop(2).await;
}

#[tokio::test]
async fn a_file_whose_lines_are_all_filtered_is_read_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let lines: String = (1..=1000).map(|number| payload(number) + "\n").collect();
    std::fs::write(&path, lines).unwrap();
    let paths = vec![path.display().to_string()];
    let protocol = Protocol::File { paths, from: pulso_runtime::config::FilesFrom::Start };
    let admission = filter(".rsvp_id == 1000");
    let file = Source { urls: Vec::new(), protocol, admission, ..source("a") };
    let mut options = options();
    // Room is given back for what does not come in.
    (options.buffer_messages, options.batch_messages) = (10, 10);
    let mut running = Running::start(vec![Input::Source(file.clone())], options.clone());
    assert_eq!(running.stored(1).await, [payload(1000)]);
    let stored = running.log.messages();
    running.stop(1).await;
    // Its cursor is that of the last line, so that nothing is read again.
    let running = Running::start_after(stored, vec![Input::Source(file)], options);
    let more = std::fs::OpenOptions::new().append(true).open(&path);
    std::io::Write::write_all(&mut more.unwrap(), (payload(1000) + "\n").as_bytes()).unwrap();
    let mut running = running;
    assert_eq!(running.stored(1).await, [payload(1000)]);
    running.stop(1).await;
}
