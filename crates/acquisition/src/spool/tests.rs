use std::collections::BTreeSet;
use std::sync::Mutex as StdMutex;

use bytes::Bytes;
use pulso_model::{Key, WallTime};
use pulso_pipeline::{ErrorKind, Headers, SourceCursor};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::*;

const ROOMY: u64 = 1 << 30;

/// Small enough to be full after a few writes of large messages.
const NARROW: u64 = 512 * 1024;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Answers,
    Away,
    Refuses,
    /// Fails so many times in a hundred, sometimes after it has stored all, or a part.
    Shaky(u32),
}

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("the log says no")]
struct No(Retry);

impl AdapterError for No {
    fn retry(&self) -> Retry {
        self.0
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        None
    }
}

/// A log in the hands of the test; clones share it.
#[derive(Clone, Debug)]
struct Log {
    stored: Arc<StdMutex<Vec<Message>>>,
    mood: watch::Sender<Mood>,
    random: Arc<StdMutex<StdRng>>,
}

impl Log {
    fn new(mood: Mood) -> Self {
        let random = Arc::new(StdMutex::new(StdRng::seed_from_u64(7)));
        Self { stored: Arc::default(), mood: watch::Sender::new(mood), random }
    }

    fn ids(&self) -> Vec<i64> {
        let stored = self.stored.lock().unwrap();
        stored.iter().map(|message| pulso_testkit::rsvp_id(&message.payload).unwrap()).collect()
    }
}

impl Sink<Message> for Log {
    type Error = No;

    async fn write(&mut self, mut messages: Vec<Message>) -> Result<(), No> {
        tokio::task::yield_now().await;
        let outcome = match *self.mood.borrow() {
            Mood::Answers => Ok(()),
            Mood::Away => return Err(No(Retry::Backoff)),
            Mood::Refuses => return Err(No(Retry::No)),
            Mood::Shaky(percent) => {
                let mut random = self.random.lock().unwrap();
                if random.random_range(0..100) < percent {
                    messages.truncate(random.random_range(0..=messages.len()));
                    Err(No(Retry::Backoff))
                } else {
                    Ok(())
                }
            }
        };
        self.stored.lock().unwrap().extend(messages);
        outcome
    }
}

fn messages(ids: impl IntoIterator<Item = i64>) -> Vec<Message> {
    let message = |id: i64| {
        let SourceCursor { received_time, cursor } = cursor(id);
        let headers = Headers { source: "test".into(), received_time, cursor: Some(cursor) };
        Message { headers, key: Some(Key::Integer(id)), payload: valid(id) }
    };
    ids.into_iter().map(message).collect()
}

/// Where the source goes on after the message of an id.
fn cursor(id: i64) -> SourceCursor {
    let cursor = format!("after {id}").into();
    SourceCursor { received_time: WallTime(id * 1000 + 7), cursor }
}

/// With what a response must have.
fn valid(id: i64) -> Bytes {
    let time = id * 1000;
    format!(
        r#"{{"rsvp_id":{id},"mtime":{time},"response":"yes","guests":0,"member":{{"member_id":1}},
        "event":{{"event_id":"e"}},"group":{{"group_id":1,"group_country":"de","group_lat":1.5,
        "group_lon":2.5,"group_topics":[]}}}}"#
    )
    .into()
}

fn large(id: i64) -> Message {
    let mut message = messages([id]).remove(0);
    let padding = vec![b' '; 100 * 1024];
    message.payload = [&message.payload[..], &padding].concat().into();
    message
}

async fn open(folder: &TempDir, log: &Log, bytes_max: u64, at_limit: AtLimit) -> SpooledLog<Log> {
    let spool = Spool::open(&folder.path().join("spool.db"), bytes_max).unwrap();
    SpooledLog::open("rsvps", log.clone(), spool, at_limit).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_log_that_answers_gets_everything_itself() {
    let (folder, log) = (TempDir::new().unwrap(), Log::new(Mood::Answers));
    let mut spooled = open(&folder, &log, ROOMY, AtLimit::Wait).await;
    for id in 0..10 {
        spooled.write(messages([id])).await.unwrap();
        assert_eq!(log.ids().len(), usize::try_from(id + 1).unwrap());
    }
    assert_eq!(spooled.handle().level().borrow().messages, 0);
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_the_log_is_away_reaches_it_in_order_and_unchanged() {
    let (folder, log) = (TempDir::new().unwrap(), Log::new(Mood::Answers));
    let mut spooled = open(&folder, &log, ROOMY, AtLimit::Wait).await;
    let handle = spooled.handle();
    let write = async |spooled: &mut SpooledLog<Log>, ids: std::ops::Range<i64>| {
        for id in ids {
            spooled.write(messages([id])).await.unwrap();
        }
    };
    write(&mut spooled, 0..5).await;
    log.mood.send_replace(Mood::Away);
    write(&mut spooled, 5..50).await;
    assert_eq!(handle.level().borrow().messages, 45);
    assert_eq!(log.ids().len(), 5);
    log.mood.send_replace(Mood::Answers);
    // While it is drained, later messages queue up behind.
    write(&mut spooled, 50..80).await;
    handle.drained().await;
    write(&mut spooled, 80..90).await;
    assert_eq!(*log.stored.lock().unwrap(), messages(0..90), "with their headers, too");
    assert_eq!(handle.level().borrow().messages, 0);
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_left_comes_first() {
    let (folder, log) = (TempDir::new().unwrap(), Log::new(Mood::Away));
    let mut spooled = open(&folder, &log, ROOMY, AtLimit::Wait).await;
    spooled.write(messages(0..30)).await.unwrap();
    drop(spooled);
    let mut spooled = open(&folder, &log, ROOMY, AtLimit::Wait).await;
    assert_eq!(spooled.handle().level().borrow().messages, 30);
    spooled.write(messages(30..31)).await.unwrap();
    log.mood.send_replace(Mood::Answers);
    spooled.handle().drained().await;
    assert_eq!(log.ids(), (0..31).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_full_spool_makes_the_writer_wait_and_loses_nothing() {
    let (folder, log) = (TempDir::new().unwrap(), Log::new(Mood::Away));
    let mut spooled = open(&folder, &log, NARROW, AtLimit::Wait).await;
    let mut id = 0;
    let error = loop {
        match spooled.write(vec![large(id)]).await {
            Ok(()) => id += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SpoolError::Full) && error.retry() == Retry::Backoff);
    assert!((2..8).contains(&id), "{id} messages of 100 kB have room in 512 kB");
    let handle = spooled.handle();
    assert!(handle.level().borrow().bytes <= NARROW);
    log.mood.send_replace(Mood::Answers);
    while spooled.write(vec![large(id)]).await.is_err() {}
    handle.drained().await;
    assert_eq!(log.ids(), (0..=id).collect::<Vec<_>>(), "none is lost or doubled");
    assert_eq!(handle.dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_spool_drops_the_newest_where_that_is_configured_and_counts_them() {
    let (folder, log) = (TempDir::new().unwrap(), Log::new(Mood::Away));
    let mut spooled = open(&folder, &log, NARROW, AtLimit::Drop).await;
    for id in 0..20 {
        spooled.write(vec![large(id)]).await.unwrap();
    }
    let handle = spooled.handle();
    let kept = handle.level().borrow().messages;
    assert_eq!(kept + handle.dropped(), 20);
    assert!(handle.dropped() > 10, "{}", handle.dropped());
    log.mood.send_replace(Mood::Answers);
    handle.drained().await;
    assert_eq!(log.ids(), (0..i64::try_from(kept).unwrap()).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_log_that_refuses_for_good_ends_the_writer() {
    let (folder, log) = (TempDir::new().unwrap(), Log::new(Mood::Refuses));
    let mut spooled = open(&folder, &log, ROOMY, AtLimit::Wait).await;
    let error = spooled.write(messages(0..1)).await.unwrap_err();
    assert!(matches!(error, SpoolError::Log { source: No(Retry::No) }), "{error}");
    assert_eq!(spooled.handle().level().borrow().messages, 0, "it is not kept in vain");

    log.mood.send_replace(Mood::Away);
    spooled.write(messages(1..2)).await.unwrap();
    log.mood.send_replace(Mood::Refuses);
    let handle = spooled.handle();
    handle.drained().await;
    assert_eq!(handle.level().borrow().messages, 1, "it waits until the log is mended");
    let error = spooled.write(messages(2..3)).await.unwrap_err();
    assert_eq!(error.retry(), Retry::No, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_source_goes_on_where_the_log_or_the_spool_ends() {
    let (folder, log) = (TempDir::new().unwrap(), Log::new(Mood::Answers));
    let mut spooled = open(&folder, &log, ROOMY, AtLimit::Wait).await;
    let handle = spooled.handle();
    let ask = async |says: Result<Option<SourceCursor>, No>| {
        handle.last_stored("test", std::future::ready(says)).await
    };
    let away = || Err(No(Retry::Backoff));
    assert_eq!(ask(away()).await.unwrap(), None);
    assert_eq!(ask(Ok(Some(cursor(5)))).await.unwrap(), Some(cursor(5)));
    spooled.write(messages(0..4)).await.unwrap();
    assert_eq!(ask(away()).await.unwrap(), Some(cursor(3)), "as it was last noted");
    log.mood.send_replace(Mood::Away);
    spooled.write(messages(4..9)).await.unwrap();
    assert_eq!(ask(Ok(Some(cursor(3)))).await.unwrap(), Some(cursor(8)));
    assert_eq!(ask(Ok(Some(cursor(9)))).await.unwrap(), Some(cursor(9)));
    assert!(ask(Err(No(Retry::No))).await.is_err());
    let never = std::future::pending::<Result<_, No>>();
    assert_eq!(handle.last_stored("test", never).await.unwrap(), Some(cursor(8)));
}

/// The log may have a later message of a write that a crash has interrupted without an earlier one.
#[tokio::test(start_paused = true)]
async fn an_exact_source_goes_on_where_the_last_whole_write_ended() {
    let (folder, log) = (TempDir::new().unwrap(), Log::new(Mood::Answers));
    let spooled = open(&folder, &log, ROOMY, AtLimit::Wait).await;
    let mut spooled = spooled.exact(BTreeSet::from(["test".into()]));
    let handle = spooled.handle();
    let ask = async |says: Result<Option<SourceCursor>, No>| {
        handle.last_stored("test", std::future::ready(says)).await
    };
    assert_eq!(ask(Ok(Some(cursor(5)))).await.unwrap(), Some(cursor(5)), "nothing is noted");
    assert!(ask(Err(No(Retry::Backoff))).await.is_err(), "it waits for the log to answer");
    for id in 0..4 {
        spooled.write(messages([id])).await.unwrap();
        assert_eq!(ask(Ok(Some(cursor(9)))).await.unwrap(), Some(cursor(id)), "noted each time");
    }
    log.mood.send_replace(Mood::Away);
    spooled.write(messages(4..6)).await.unwrap();
    assert_eq!(ask(Err(No(Retry::Backoff))).await.unwrap(), Some(cursor(5)));
}

/// Failures of all kinds, restarts in between: whatever was acknowledged arrives, and nothing comes for
/// the first time before what was acknowledged earlier.
#[tokio::test(start_paused = true)]
async fn nothing_acknowledged_is_lost_or_overtaken_whatever_fails() {
    for seed in 0..20 {
        let mut random = StdRng::seed_from_u64(seed);
        let (folder, log) = (TempDir::new().unwrap(), Log::new(Mood::Shaky(40)));
        let mut id = 0;
        for _ in 0..5 {
            let mut spooled = open(&folder, &log, ROOMY, AtLimit::Wait).await;
            for _ in 0..random.random_range(1..15) {
                let count = random.random_range(1..8);
                spooled.write(messages(id..id + count)).await.unwrap();
                id += count;
                let mood = [Mood::Away, Mood::Shaky(20), Mood::Shaky(80), Mood::Answers];
                log.mood.send_replace(mood[random.random_range(0..4)]);
            }
        }
        log.mood.send_replace(Mood::Answers);
        open(&folder, &log, ROOMY, AtLimit::Wait).await.handle().drained().await;
        let mut seen = BTreeSet::new();
        let firsts: Vec<i64> = log.ids().into_iter().filter(|id| seen.insert(*id)).collect();
        assert_eq!(firsts, (0..id).collect::<Vec<_>>(), "seed {seed}");
    }
}
