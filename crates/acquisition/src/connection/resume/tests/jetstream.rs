//! Numbers, times and hosts.

use super::super::Mark;
use super::*;

const SECONDS: i64 = 1_780_000_000;

/// Two servers of one version.
fn servers(path: &str) -> Source {
    let url = |host: &str| format!("wss://{host}.example{path}").parse().unwrap();
    Source {
        name: "posts".into(),
        stream: "posts".into(),
        urls: vec![url("one"), url("two")],
        protocol: config::Protocol::Jetstream,
        admission: config::Admission::default(),
        resume_margin: Source::JETSTREAM_MARGIN,
    }
}

fn version_2() -> Source {
    servers(config::Protocol::JETSTREAM_2)
}

fn stored(cursor: &str) -> SourceCursor {
    SourceCursor { received_time: WallTime(0), cursor: cursor.into() }
}

/// The cursor of a message with a number of the first host, at so many seconds.
fn numbered(seconds: i64, seq: u64) -> SourceCursor {
    stored(&format!("{}000 {seq} one.example", SECONDS + seconds))
}

/// Host and cursor that are asked.
fn asked(resume: &mut Resume<'_>, last: Option<&SourceCursor>) -> String {
    let request = resume.request(last);
    let cursor = request.url.query().unwrap_or("live");
    format!("{} {cursor}", request.url.host().unwrap().trim_end_matches(".example"))
}

/// Receives a message of this second; gives its cursor and the length of the gap that it shows.
fn receive(resume: &mut Resume<'_>, seconds: i64, seq: Option<u64>) -> (String, Option<u64>) {
    let received_time = WallTime((SECONDS + 1_000) * 1000);
    let time = EventTime((SECONDS + seconds) * 1000);
    let times = Times { time: None, received_time };
    let (cursor, gap) = resume.received(Some(Mark { time, seq }), times, now());
    (cursor.unwrap().to_string(), gap.map(|gap| gap.length.as_secs()))
}

fn refused(status: u16) -> Lost {
    let status = http::StatusCode::from_u16(status).unwrap();
    Lost::Refused { status, answer: String::new() }
}

#[tokio::test(start_paused = true)]
async fn the_same_host_goes_on_by_number_and_another_by_time() {
    let source = version_2();
    let mut resume = Resume::new(&source);
    let last = numbered(50, 7);
    assert_eq!(asked(&mut resume, Some(&last)), "one cursor=7");
    resume.lost(&broken(), 0);
    assert_eq!(asked(&mut resume, Some(&last)), "two cursor=1780000040000000");
    assert_eq!(receive(&mut resume, 40, Some(900)).0, "1780000050000 900 two.example");
    let (cursor, gap) = receive(&mut resume, 51, Some(950));
    assert_eq!((&*cursor, gap), ("1780000051000 950 two.example", None));
    resume.lost(&broken(), 2);
    assert_eq!(asked(&mut resume, Some(&stored(&cursor))), "two cursor=950");
    // A start begins with the host that knows the number.
    assert_eq!(asked(&mut Resume::new(&source), Some(&stored(&cursor))), "two cursor=950");
    let elsewhere = stored("1780000051000 950 three.example");
    assert_eq!(asked(&mut Resume::new(&source), Some(&elsewhere)), "one cursor=1780000041000000");
    assert_eq!(asked(&mut Resume::new(&source), None), "one live");
}

#[tokio::test(start_paused = true)]
async fn a_number_that_the_host_does_not_have_is_followed_by_its_time() {
    let source = version_2();
    let last = numbered(50, 7);
    for lost in [refused(400), Lost::Idle { limit: MINUTE }] {
        let mut resume = Resume::new(&source);
        assert_eq!(asked(&mut resume, Some(&last)), "one cursor=7");
        assert!(!resume.may_be_silent(), "it sends that message at once");
        resume.lost(&lost, 0);
        assert_eq!(asked(&mut resume, Some(&last)), "one cursor=1780000040000000");
        assert!(resume.may_be_silent());
        let (_, gap) = receive(&mut resume, 90, Some(30));
        assert_eq!(gap, Some(40), "what lies between is gone");
    }
    let mut resume = Resume::new(&source);
    asked(&mut resume, Some(&last));
    resume.lost(&refused(503), 0);
    assert_eq!(asked(&mut resume, Some(&last)), "two cursor=1780000040000000");
    resume.lost(&refused(503), 0);
    assert_eq!(asked(&mut resume, Some(&last)), "one cursor=7", "it was only starting");
    assert_eq!(receive(&mut resume, 50, Some(7)).1, None);
    assert!(resume.may_be_silent());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_only_repeats_is_followed_by_one_that_goes_on() {
    let source = version_2();
    let mut resume = Resume::new(&source);
    let last = numbered(50, 7);
    asked(&mut resume, Some(&last));
    assert_eq!(receive(&mut resume, 50, Some(7)).1, None);
    resume.lost(&broken(), 1);
    assert_eq!(asked(&mut resume, Some(&last)), "one cursor=8");
    assert_eq!(resume.connected(now()), None, "nothing is left out");
    resume.lost(&unreceivable(), 1);
    assert_eq!(asked(&mut resume, Some(&last)), "one live");
    assert!(resume.connected(now()).is_some());
}

#[tokio::test(start_paused = true)]
async fn version_1_goes_back_by_time_and_shows_gaps() {
    let source = servers(config::Protocol::JETSTREAM_1);
    let mut resume = Resume::new(&source);
    assert_eq!(asked(&mut resume, None), "one live");
    assert_eq!(receive(&mut resume, 50, None).0, "1780000050000");
    assert_eq!(receive(&mut resume, 20, None).0, "1780000050000", "one that is late");
    resume.lost(&broken(), 2);
    let last = stored("1780000050000");
    assert_eq!(asked(&mut resume, Some(&last)), "one cursor=1780000040000000");
    assert_eq!(receive(&mut resume, 41, None).1, None);
    assert_eq!(receive(&mut resume, 99, None).1, None, "it did go back");
    resume.lost(&broken(), 2);
    asked(&mut resume, Some(&last));
    assert_eq!(receive(&mut resume, 60, None).1, Some(10), "it did not");
}

/// A time that may not come for years would make a source begin with what is live then, again and again.
#[tokio::test(start_paused = true)]
async fn a_time_far_ahead_is_no_cursor() {
    let source = servers(config::Protocol::JETSTREAM_1);
    let mut resume = Resume::new(&source);
    asked(&mut resume, None);
    receive(&mut resume, 50, None);
    assert_eq!(receive(&mut resume, 1_060, None).0, "1780001060000");
    assert_eq!(receive(&mut resume, 1_061, None).0, "1780001060000");
}
