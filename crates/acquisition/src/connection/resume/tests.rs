//! Rules one by one, and all of them against a server that does to the letter what Meetup documents.

mod jetstream;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures::SinkExt;
use pulso_model::{EventTime, WallTime};
use pulso_pipeline::SourceCursor;
use pulso_runtime::config::{self, Source};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::super::lost::Lost;
use super::{Gap, Resume};
use crate::Input;
use crate::buffer::Times;
use crate::testing::{Attempt, Running, Socket, options, source};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const NONE: [u64; 0] = [];

/// With a margin of a minute.
fn meetup() -> Source {
    Source { resume_margin: MINUTE, ..source("a") }
}

fn unresumed() -> Source {
    Source { protocol: config::Protocol::Websocket { resume_parameter: None }, ..meetup() }
}

/// The cursor of a message that has the newest `mtime` stored.
fn cursor(seconds: i64) -> SourceCursor {
    let cursor = (seconds * 1000).to_string().into();
    SourceCursor { received_time: WallTime(0), cursor }
}

fn broken() -> Lost {
    Lost::Broken { reason: "the cable was cut".to_owned() }
}

fn unreceivable() -> Lost {
    Lost::Unreceivable { reason: "it is too long".to_owned() }
}

/// What the source is asked when `seconds` is the newest `mtime` stored.
fn asked(resume: &mut Resume<'_>, seconds: i64) -> Option<i64> {
    let request = resume.request(Some(&cursor(seconds)));
    let since = request.url.query()?.strip_prefix("x=y&since_mtime=")?;
    Some(since.parse::<i64>().unwrap() / 1000)
}

/// The lengths of the gaps that these messages show, in seconds.
fn gaps(resume: &mut Resume<'_>, mtimes: &[i64]) -> Vec<u64> {
    let received = mtimes.iter().map(|mtime| {
        let time = Some(EventTime(mtime * 1000));
        resume.received(None, Times { time, received_time: WallTime(0) }, now())
    });
    received.filter_map(|(_, gap)| gap).map(|gap| gap.length.as_secs()).collect()
}

fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_source_is_asked_from_a_margin_before_its_position() {
    let source = meetup();
    let mut resume = Resume::new(&source);
    assert!(resume.needs_position());
    assert_eq!(resume.request(None).url, source.urls[0], "nothing is stored");
    assert_eq!(asked(&mut resume, 500), Some(440));
    assert_eq!(asked(&mut resume, 50), Some(0), "not from before 1970");
    assert_eq!(asked(&mut resume, -50), Some(-50), "unless it is there itself");
    let source = unresumed();
    let mut resume = Resume::new(&source);
    assert!(!resume.needs_position());
    assert_eq!(resume.request(None).url, source.urls[0]);
}

#[tokio::test(start_paused = true)]
async fn there_is_no_gap_when_the_newest_stored_message_comes_again() {
    let source = meetup();
    let mut resume = Resume::new(&source);
    resume.request(None);
    assert_eq!(gaps(&mut resume, &[1, 90, 2]), NONE, "nothing is stored to follow on");
    resume.lost(&broken(), 3);
    resume.request(Some(&cursor(500)));
    assert_eq!(resume.connected(now()), None);
    assert_eq!(gaps(&mut resume, &[450, 499, 501, 500, 510, 900]), NONE, "nearly in order");
    assert_eq!(resume.lost(&broken(), 6), None);
}

#[tokio::test(start_paused = true)]
async fn there_may_be_a_gap_when_a_newer_message_comes_first() {
    let source = meetup();
    let mut resume = Resume::new(&source);
    resume.request(Some(&cursor(500)));
    // Late ones say nothing, whenever they come.
    assert_eq!(gaps(&mut resume, &[460, 530, 470, 540, 541, 500]), [30], "reported once");
    resume.request(Some(&cursor(541)));
    assert_eq!(gaps(&mut resume, &[542]), NONE, "it may still come");
    let gap = resume.lost(&broken(), 1).unwrap();
    assert_eq!(gap.length, SECOND, "it did not");
}

#[tokio::test(start_paused = true)]
async fn what_a_source_is_not_asked_for_may_be_missing() {
    let source = unresumed();
    let mut resume = Resume::new(&source);
    assert_eq!(resume.connected(now()), None, "nothing came before");
    gaps(&mut resume, &[1]);
    tokio::time::advance(MINUTE).await;
    resume.lost(&broken(), 1);
    tokio::time::advance(SECOND).await;
    let Gap { length, reason } = resume.connected(now()).unwrap();
    assert_eq!(length, MINUTE + SECOND, "it may have been dead for as long as it was quiet");
    assert!(reason.contains("not connected"), "{reason}");
}

/// More is repeated than a connection lasts for, again and again.
#[tokio::test(start_paused = true)]
async fn a_connection_that_only_repeats_is_followed_by_one_that_goes_on() {
    let source = meetup();
    let mut resume = Resume::new(&source);
    for position in [500, 510] {
        assert_eq!(asked(&mut resume, position), Some(position - 60));
        resume.lost(&Lost::ConnectTimeout { limit: SECOND }, 0);
        assert_eq!(asked(&mut resume, position), Some(position - 60), "nothing was repeated");
        gaps(&mut resume, &[450]);
        assert_eq!(resume.lost(&broken(), 1), None);
        assert_eq!(asked(&mut resume, position), Some(position));
        assert_eq!(resume.connected(now()).is_some(), position > 500, "known since the first");
        assert_eq!(gaps(&mut resume, &[position + 9]), NONE, "it was not asked for the position");
        resume.lost(&broken(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_received_is_left_behind() {
    let source = meetup();
    let mut resume = Resume::new(&source);
    for expected in [Some(440), Some(500), None, Some(440)] {
        assert_eq!(asked(&mut resume, 500), expected);
        gaps(&mut resume, &[500]);
        resume.lost(&unreceivable(), 1);
    }
    assert_eq!(asked(&mut resume, 501), Some(441), "it went on");
}

/// A recorded message and what tells it from all others, echoes of it excepted.
struct Recorded {
    text: String,
    mtime: i64,
}

impl Recorded {
    /// An echo has its `mtime` rounded to the second, and nothing else is changed.
    fn identity(text: &str) -> String {
        let (before, rest) = text.split_once("\"mtime\":").unwrap();
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
        let (mtime, after) = rest.split_at(end);
        format!("{before}{}{after}", (mtime.parse::<i64>().unwrap() + 500) / 1000)
    }

    fn read(name: &str) -> Option<Vec<Self>> {
        let path = pulso_testkit::recordings()?.join("rsvps").join(name);
        let text = std::fs::read_to_string(path).unwrap();
        let decoder = pulso_testkit::decoder();
        let recorded = |text: &str| {
            let mtime = decoder.head(text.as_bytes()).time.unwrap().0;
            Self { text: text.to_owned(), mtime }
        };
        Some(text.lines().map(recorded).collect())
    }
}

/// Sends exactly those with a greater `mtime` than was asked for, over the whole of a connection.
struct Server<'a> {
    messages: &'a [Recorded],
    /// How many of the newest messages it keeps.
    kept: usize,
    /// How many have come in.
    arrived: usize,
}

impl Server<'_> {
    /// Serves what it has kept and `live` more, and cuts the connection. `away` more come in before
    /// the next one.
    async fn serve(&mut self, attempt: Attempt, live: usize, away: usize) {
        let since = attempt.url.query().unwrap().strip_prefix("x=y&since_mtime=");
        let since = since.map_or(i64::MIN, |since| since.parse().unwrap());
        let from = if since == i64::MIN { self.arrived } else { self.arrived - self.kept };
        let to = (self.arrived + live).min(self.messages.len());
        let mut socket: Socket = attempt.accept().await;
        for message in self.messages[from..to].iter().filter(|message| message.mtime > since) {
            socket.send(Message::text(message.text.clone())).await.unwrap();
        }
        self.arrived = (to + away).min(self.messages.len());
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    gaps: usize,
    /// How many responses came while there was no connection.
    in_gaps: usize,
    /// How many of these are not stored.
    lost_in_gaps: usize,
    /// How many of all responses are not stored.
    lost: usize,
}

/// Plays a recording with a gap of `AWAY` messages after every `LIVE`, beginning at `first`.
async fn play(messages: &[Recorded], margin: Duration, first: usize) -> Outcome {
    const LIVE: usize = 20;
    const AWAY: usize = 10;
    const KEPT: usize = 100;
    let source = Source { resume_margin: margin, ..source("a") };
    let mut running = Running::start(vec![Input::Source(source)], options());
    let mut server = Server { messages, kept: KEPT, arrived: 0 };
    let (mut outcome, mut away) = (Outcome::default(), BTreeSet::new());
    server.serve(running.attempt().await, KEPT + first, AWAY).await;
    while server.arrived < messages.len() {
        outcome.gaps += 1;
        let gap = &messages[server.arrived - AWAY..server.arrived];
        away.extend(gap.iter().map(|message| Recorded::identity(&message.text)));
        server.serve(running.attempt().await, LIVE, AWAY).await;
    }
    // The next attempt comes when all that was sent is stored.
    server.serve(running.attempt().await, 0, 0).await;
    running.attempt().await;
    let log = running.log.clone();
    running.shutdown.cancel();
    running.end().await.unwrap();
    let identity = |payload: &Bytes| Recorded::identity(std::str::from_utf8(payload).unwrap());
    let stored: BTreeSet<String> = log.stored("a").iter().map(identity).collect();
    let sent: BTreeSet<String> =
        messages.iter().map(|message| Recorded::identity(&message.text)).collect();
    outcome.in_gaps = away.len();
    outcome.lost_in_gaps = away.difference(&stored).count();
    outcome.lost = sent.difference(&stored).count();
    outcome
}

/// The sum over recordings that are cut at different places.
async fn play_often(messages: &[Recorded], margin: Duration) -> Outcome {
    let mut sum = Outcome::default();
    for first in (0..30).step_by(4) {
        let outcome = play(messages, margin, first).await;
        sum.gaps += outcome.gaps;
        sum.in_gaps += outcome.in_gaps;
        sum.lost_in_gaps += outcome.lost_in_gaps;
        sum.lost += outcome.lost;
    }
    sum
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_recording_is_lost_in_hundreds_of_gaps() {
    let Some(messages) = Recorded::read("wbaa-2017-03-19.jsonl") else { return };
    let outcome = play_often(&messages, Source::RESUME_MARGIN).await;
    assert!(outcome.gaps >= 285, "{outcome:?}");
    assert_eq!(outcome.lost, 0, "{outcome:?}");
    // Without a margin to speak of more than a hundredth is: the test can tell.
    let outcome = play_often(&messages, Duration::from_millis(1)).await;
    assert!(outcome.lost_in_gaps * 100 > outcome.in_gaps, "{outcome:?}");
}

#[test]
fn the_default_margin_spans_the_disorder_of_all_recordings() {
    let mut behind_max = 0;
    for name in ["wbaa-2017-03-19.jsonl", "linksim-2018-03-29.jsonl"] {
        let Some(messages) = Recorded::read(name) else { return };
        let mut newest = i64::MIN;
        for Recorded { mtime, .. } in messages {
            newest = newest.max(mtime);
            behind_max = behind_max.max(newest - mtime);
        }
    }
    // 74.7 days.
    assert_eq!(behind_max / 1000, 6_452_928);
    assert!(u128::try_from(behind_max).unwrap() < Source::RESUME_MARGIN.as_millis());
}
