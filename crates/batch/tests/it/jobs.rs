//! Every job against the naive recount, over random messages with all that real ones have.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use pulso_batch::{Days, WindowSettings};
use pulso_model::{Day, EventTime, Layer, View, ViewDocument};
use pulso_pipeline::Record;
use pulso_testkit::message::message;
use pulso_testkit::{decoder, stream, view};
use serde_json::json;

use crate::naive::{self, Counted, Totals, Trends};
use crate::pairs;
use crate::support::{
    Bodies, TestLake, bodies, jobs, jobs_by_day, records, run, small_windows, written,
};

/// Each makes a lake on disk.
const CASES: u32 = 24;

/// 2017-03-19T00:00:00Z; messages lie around it.
const MIDNIGHT: i64 = 1_489_881_600_000;

const NAMES: [&str; 3] = ["Art", "ART", "art"];

#[derive(Clone, Debug)]
struct Sent {
    rsvp_id: i64,
    mtime: i64,
    response: &'static str,
    guests: u32,
    group: i64,
    topics: Vec<(&'static str, usize)>,
    place: (f64, f64),
    venue: Option<(f64, f64)>,
    /// Sent again so many messages later, with the time rounded or not.
    echo: Option<(usize, bool)>,
}

/// Some in the middle of seconds, some where rounding crosses a second, a pane and midnight.
fn mtime() -> impl Strategy<Value = i64> {
    let far = prop_oneof![18 => Just(0), 1 => Just(-40 * 86_400_000), 1 => Just(-3_600_000)];
    let time = prop_oneof![-200_000..200_000_i64, -3_000..3_000_i64];
    let millis = prop_oneof![Just(None), Just(Some(499)), Just(Some(500)), Just(Some(0))];
    (far, time, millis).prop_map(|(far, time, millis)| {
        let time = MIDNIGHT + far + time;
        millis.map_or(time, |millis| time.div_euclid(1000) * 1000 + millis)
    })
}

fn sent() -> impl Strategy<Value = Sent> {
    let response = prop_oneof![6 => Just("yes"), 3 => Just("no"), 1 => Just("waitlist")];
    let topic = (prop_oneof![Just("art"), Just("go"), Just("wine"), Just("rust")], 0..3_usize);
    let topics = vec(topic, 1..4);
    let degrees = || (-90.0..90.0_f64, -180.0..180.0_f64);
    let place = prop_oneof![3 => degrees(), 1 => Just((0.0, 0.0)), 1 => Just((91.0, 0.0))];
    let venue = proptest::option::of(prop_oneof![degrees(), Just((0.0, 0.0))]);
    let echo = proptest::option::weighted(0.3, (0..12_usize, any::<bool>()));
    (0..25_i64, mtime(), response, 0..3_u32, 0..4_i64, topics, place, venue, echo).prop_map(
        |(rsvp_id, mtime, response, guests, group, topics, place, venue, echo)| Sent {
            rsvp_id,
            mtime,
            response,
            guests,
            group,
            topics,
            place,
            venue,
            echo,
        },
    )
}

fn render(sent: &Sent, mtime: i64) -> Bytes {
    let topics = sent.topics.iter();
    let topics = topics.map(|&(key, name)| json!({"urlkey": key, "topic_name": NAMES[name]}));
    let message = message(sent.rsvp_id, mtime)
        .response(sent.response)
        .guests(sent.guests)
        .member(sent.rsvp_id % 11)
        .event(&format!("e{}/{}", sent.group, sent.rsvp_id % 2))
        .group(sent.group)
        .country(["de", "us"][usize::try_from(sent.group % 2).unwrap()])
        .coordinates(sent.place.0, sent.place.1)
        .set("/group/group_topics", topics.collect());
    let message = match sent.venue {
        Some((latitude, longitude)) => message.venue(sent.group, latitude, longitude),
        None => message,
    };
    message.bytes()
}

/// The log: echoes later than their originals, or (as `take` is arbitrary) before them.
fn messages(all: &[Sent]) -> Vec<Bytes> {
    let mut slots: BTreeMap<usize, Vec<Bytes>> = BTreeMap::new();
    for (index, sent) in all.iter().enumerate() {
        slots.entry(index).or_default().push(render(sent, sent.mtime));
        if let Some((later, rounded)) = sent.echo {
            let second = EventTime(sent.mtime).nearest_second() * 1000;
            let mtime = if rounded { second } else { sent.mtime };
            slots.entry(index + later).or_default().push(render(sent, mtime));
        }
    }
    let mut messages: Vec<_> = slots.into_values().flatten().collect();
    messages.push(Bytes::from_static(b"{not a message"));
    messages
}

fn days_of(records: &[Record]) -> Vec<Day> {
    let counted = naive::facts(&decoder(), records);
    let days = counted.iter().map(|counted| counted.fact.time.day());
    days.flat_map(|day| [day.previous(), day, day.next()]).collect()
}

fn expected(counted: &[Counted<'_>], view: View, windows: &WindowSettings, days: &Days) -> Bodies {
    let slide = i64::try_from(windows.slide.as_millis()).unwrap();
    let in_days = |documents: Vec<ViewDocument>| {
        let inside = |document: &ViewDocument| days.days.contains(&document.time.day());
        bodies(&documents.into_iter().filter(inside).collect::<Vec<_>>())
    };
    let by_day = |events| {
        let totals = |&day| naive::totals(counted, Totals { events, day: Some(day) });
        days.days.iter().flat_map(totals).collect()
    };
    let trends = |by_scope| Trends { stream: stream(), facet: 0, windows, by_scope };
    match view.name() {
        "responses" => in_days(naive::fact_documents(stream(), counted)),
        "country-activity" => in_days(naive::activity(stream(), counted, slide)),
        "trending-topics" => in_days(trends(false).documents(counted)),
        "trending-topics-by-country" => in_days(trends(true).documents(counted)),
        "topic-trends" => in_days(trends(false).ended(counted)),
        "topic-trends-by-country" => in_days(trends(true).ended(counted)),
        "groups" => naive::totals(counted, Totals { events: false, day: None }),
        "events" => naive::totals(counted, Totals { events: true, day: None }),
        "group-days" => by_day(false),
        "event-days" => by_day(true),
        "topic-pairs" => pairs::topic_pairs(counted),
        other => panic!("the stream has no view `{other}`"),
    }
}

/// All jobs over the days against the recount.
pub(crate) async fn check(records: &[Record], windows: WindowSettings, days: &Days) {
    let counted = naive::facts(&decoder(), records);
    let lake = TestLake::of(records).await;
    let engine = lake.engine(windows.clone()).await;
    let now: Vec<_> = jobs().into_iter().filter(|job| !job.by_day()).collect();
    for jobs in [jobs_by_day(), now] {
        let views = run(&engine, &jobs, days).await;
        for job in jobs {
            let documents = written(&views, job.view, Layer::Batch).await;
            let expected = expected(&counted, job.view, &windows, days);
            let (got, wanted) = (bodies(&documents), expected);
            assert_eq!(got, wanted, "{}", job.name());
        }
    }
}

#[test]
fn all_jobs_agree_with_a_naive_recount() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: CASES, ..Config::default() });
    let days = subsequence(vec![0, 1, 2, 3, 4, 5, 6, 7, 8], 1..6);
    let muted = select(vec![vec![], vec!["art"], vec!["it's", "rust"]]);
    let inputs = (vec(sent(), 1..60), 1..4_u32, days, muted);
    let result = runner.run(&inputs, |(sent, partitions, picked, muted)| {
        let mute = muted.into_iter().map(str::to_owned).collect();
        let windows = WindowSettings { mute, ..small_windows() };
        let records = records(&messages(&sent), partitions);
        let all = days_of(&records);
        let days = picked.into_iter().filter_map(|index| all.get(index).copied()).collect();
        runtime.block_on(check(&records, windows, &Days { days, complete_until: None }));
        Ok(())
    });
    result.unwrap();
}

/// Ever more for six minutes, over midnight: what both layers look back to is the end of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_trend_is_followed_for_two_baselines() {
    let start = MIDNIGHT - 240_000;
    let mut messages = Vec::new();
    for pane in 0..36 {
        for number in 0..3 * pane + 5 {
            let topics = if number < 5 { ["usual"] } else { ["hot"] };
            let id = i64::try_from(messages.len()).unwrap();
            messages.push(message(id, start + pane * 10_000 + number).topics(&topics).bytes());
        }
    }
    let records = records(&messages, 2);
    let days = Days { days: days_of(&records).into_iter().collect(), complete_until: None };
    check(&records, small_windows(), &days).await;

    let lake = TestLake::of(&records).await;
    let views = run(&lake.engine(small_windows()).await, &jobs_by_day(), &days).await;
    let ended = bodies(&written(&views, view("topic-trends"), Layer::Batch).await);
    let hot: Vec<_> = ended.values().filter(|trend| trend["term"] == "hot").collect();
    let lives = hot.iter().map(|trend| (&trend["began"], &trend["duration_seconds"]));
    let began = json!(EventTime(MIDNIGHT - 110_000).to_string());
    assert_eq!(lives.collect::<Vec<_>>(), [(&began, &json!(230.0))]);
}
