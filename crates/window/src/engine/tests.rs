//! The engine against a naive reading of the definitions: quadratic, obvious, and independent.

use std::borrow::Cow;
use std::time::Duration;

use proptest::prelude::*;
use pulso_model::{Coordinate, EchoKey, Event, Group, Member, ResponseKind, Topic};

use super::*;
use crate::{SlidingWindow, TrendSettings};

const SIZE: i64 = 30_000;
const SLIDE: i64 = 10_000;
const BASELINE: i64 = 60_000;
const OUT_OF_ORDERNESS: i64 = 2_000;

fn settings(lateness_seconds: u64) -> Settings {
    let millis = |millis: i64| Duration::from_millis(millis.unsigned_abs());
    Settings {
        window: SlidingWindow::new(millis(SIZE), millis(SLIDE)).unwrap(),
        max_out_of_orderness: millis(OUT_OF_ORDERNESS),
        allowed_lateness: Duration::from_secs(lateness_seconds),
        trends: TrendSettings {
            count_above: 1,
            topics_max: 2,
            country_topics_max: 1,
            baseline: millis(BASELINE),
        },
        ..Settings::default()
    }
}

#[derive(Clone, Debug)]
struct Sent {
    partition: u32,
    time: i64,
    rsvp_id: i64,
    kind: ResponseKind,
    country: &'static str,
    topics: BTreeMap<&'static str, &'static str>,
    latitude: f64,
}

impl Sent {
    fn response(&self) -> Response<'static> {
        let topic = |(&key, &name): (&&'static str, &&'static str)| Topic {
            key: Cow::Borrowed(key),
            name: Cow::Borrowed(name),
        };
        Response {
            rsvp_id: self.rsvp_id,
            event_time: EventTime(self.time),
            kind: self.kind,
            guests: 0,
            member: Member { id: 1, name: None },
            event: Event { id: "e".into(), name: None, url: None, time: None },
            group: Group {
                id: 1,
                name: None,
                urlname: None,
                city: None,
                state: None,
                country: self.country.into(),
                coordinate: Coordinate::new(self.latitude, 1.0),
            },
            venue: None,
            topics: self.topics.iter().map(topic).collect(),
        }
    }

    fn pane_end(&self) -> i64 {
        self.time - self.time.rem_euclid(SLIDE) + SLIDE
    }
}

/// Times come in three kinds: in order, an echo-like repeat of an earlier one, and far behind or
/// ahead, so that every verdict and every gap occurs.
fn sent(partitions: u32) -> impl Strategy<Value = Vec<Sent>> {
    let one = (
        prop_oneof![6 => 0_i64..4_000, 1 => -150_000_i64..0, 1 => 0_i64..400_000],
        0_i64..6,
        any::<prop::sample::Index>(),
        prop::bool::weighted(0.2),
        prop::sample::select(vec![ResponseKind::Yes, ResponseKind::No]),
        prop::sample::select(vec!["DE", "US"]),
        prop::collection::btree_map(
            prop::sample::select(vec!["a", "b", "c"]),
            prop::sample::select(vec!["A", "Ä", "Z"]),
            0..3,
        ),
        -80_i32..80,
    );
    prop::collection::vec(one, 0..60).prop_map(move |raw| {
        let mut now = -100_000;
        let mut all: Vec<Sent> = Vec::new();
        for (step, rsvp_id, earlier, echo, kind, country, topics, latitude) in raw {
            if echo && !all.is_empty() {
                let mut again = earlier.get(&all).clone();
                again.time = EventTime(again.time).nearest_second() * 1000;
                all.push(again);
                continue;
            }
            let time = now + step;
            now = if step > 0 { time } else { now };
            let partition = u32::try_from(rsvp_id).unwrap() % partitions;
            let latitude = f64::from(latitude);
            all.push(Sent { partition, time, rsvp_id, kind, country, topics, latitude });
        }
        all
    })
}

/// What SPEC says of each message, read off its definition for one partition at a time.
fn naive_verdicts(sent: &[Sent], lateness: i64) -> Vec<Verdict> {
    let key = |sent: &Sent| -> EchoKey { sent.response().echo_key() };
    let verdict = |(index, this): (usize, &Sent)| {
        let before = || sent[..index].iter().filter(|other| other.partition == this.partition);
        let watermark = before().map(|other| other.time - OUT_OF_ORDERNESS).max();
        if watermark.is_some_and(|watermark| this.pane_end() + lateness <= watermark) {
            let echo = before().any(|other| key(other) == key(this));
            // Far behind, a forgotten echo and a late response look the same: both may be said.
            return if echo { Verdict::Echo } else { Verdict::Late };
        }
        if before().any(|other| key(other) == key(this)) { Verdict::Echo } else { Verdict::Counted }
    };
    sent.iter().enumerate().map(verdict).collect()
}

type Documents = BTreeMap<(i64, Option<String>, String), Trend>;

/// Every list of every window by brute force over the counted responses.
fn naive_trends(counted: &[&Sent], settings: &Settings) -> Documents {
    let mut documents = Documents::new();
    let Some(first) = counted.iter().map(|sent| sent.pane_end()).min() else { return documents };
    let last = counted.iter().map(|sent| sent.pane_end()).max().unwrap() + SIZE;
    let within = |end: i64| {
        counted.iter().copied().filter(move |sent| (end - SIZE..end).contains(&sent.time))
    };
    for end in (first..=last).step_by(usize::try_from(SLIDE).unwrap()) {
        for country in [None, Some("DE"), Some("US")] {
            let most = if country.is_none() { 2 } else { 1 };
            let carries = |sent: &Sent, topic| {
                country.is_none_or(|country| sent.country == country)
                    && sent.topics.contains_key(topic)
            };
            let mut list = Vec::new();
            for topic in ["a", "b", "c"] {
                let count = |end| within(end).filter(|sent| carries(sent, topic)).count() as u64;
                let history = (end - BASELINE..end).step_by(usize::try_from(SLIDE).unwrap());
                let history: Vec<u64> = history.filter(|&end| end >= first).map(count).collect();
                let now = count(end);
                if now <= u64::from(settings.trends.count_above) {
                    continue;
                }
                let mut location = pulso_model::CoordinateSum::default();
                for sent in within(end).filter(|sent| carries(sent, topic)) {
                    location.add(Coordinate::new(sent.latitude, 1.0));
                }
                list.push(Trend {
                    topic: topic.into(),
                    name: (*within(end).filter_map(|sent| sent.topics.get(topic)).min().unwrap())
                        .into(),
                    count: u32::try_from(now).unwrap(),
                    rank: 0,
                    score: naive_score(now, &history),
                    location: location.mean(),
                });
            }
            list.sort_by(|a, b| {
                (b.count.cmp(&a.count))
                    .then(b.score.total_cmp(&a.score))
                    .then(a.topic.cmp(&b.topic))
            });
            for (mut trend, rank) in list.into_iter().take(most).zip(1..) {
                trend.rank = rank;
                let key = (end, country.map(str::to_owned), trend.topic.to_string());
                documents.insert(key, trend);
            }
        }
    }
    documents
}

fn naive_score(count: u64, history: &[u64]) -> f64 {
    if history.is_empty() {
        return 0.0;
    }
    let n = history.len() as f64;
    let mean = history.iter().sum::<u64>() as f64 / n;
    let squares = history.iter().map(|count| count * count).sum::<u64>() as f64 / n;
    let score = (count as f64 - mean) / ((squares - mean * mean).max(0.0) + 1.0).sqrt();
    (score * 1000.0).round() / 1000.0
}

/// The documents after all output, later firings over earlier ones.
#[derive(Debug, Default, PartialEq)]
struct Store {
    trends: Documents,
    responses: BTreeMap<(i64, String, ResponseKind), u64>,
}

impl Store {
    fn apply(&mut self, output: Vec<Output>) {
        for output in output {
            match output {
                Output::Pane(ClosedPane { start, aggregate }) => {
                    for entry in aggregate.activity() {
                        let key = (start.0, entry.country.to_owned(), entry.kind);
                        self.responses.insert(key, entry.activity.responses);
                    }
                }
                Output::Window(firing) => self.apply_firing(firing),
            }
        }
    }

    fn apply_firing(&mut self, firing: Firing) {
        let end = firing.end.0;
        for (country, topic) in firing.unlisted {
            self.trends.remove(&(end, country.map(|c| c.to_string()), topic.to_string()));
        }
        for trend in firing.worldwide {
            self.trends.insert((end, None, trend.topic.to_string()), trend);
        }
        for (country, list) in firing.by_country {
            for trend in list {
                let key = (end, Some(country.to_string()), trend.topic.to_string());
                self.trends.insert(key, trend);
            }
        }
    }
}

fn naive_store(counted: &[&Sent], settings: &Settings) -> Store {
    let mut responses = BTreeMap::new();
    for sent in counted {
        let key = (sent.pane_end() - SLIDE, sent.country.to_owned(), sent.kind);
        *responses.entry(key).or_insert(0) += 1;
    }
    Store { trends: naive_trends(counted, settings), responses }
}

/// Runs the messages, with an advance after each place in `cuts` and a restart from the serialised
/// state there.
fn run(
    sent: &[Sent],
    partitions: u32,
    settings: &Settings,
    cuts: &[usize],
) -> (Vec<Verdict>, Store) {
    let mut engine = Engine::new(settings.clone(), partitions);
    let mut store = Store::default();
    let mut verdicts = Vec::new();
    let mut watermark = None;
    for (index, sent) in sent.iter().enumerate() {
        let offset = engine.counts()[sent.partition as usize].next_offset;
        verdicts.push(engine.response(sent.partition, offset, &sent.response()));
        if cuts.contains(&index) {
            store.apply(advance(&mut engine, 0));
            assert!(engine.watermark() >= watermark, "W2 the watermark never goes back");
            watermark = engine.watermark();
            let bytes = postcard::to_stdvec(&engine).unwrap();
            engine = postcard::from_bytes(&bytes).unwrap();
        }
    }
    store.apply(finish(&mut engine));
    assert_eq!(engine.open_panes(), 0, "the end of the input leaves nothing open");
    let counts = engine.counts();
    for counts in &counts {
        let sum = counts.counted + counts.echoes + counts.late + counts.dead_letters;
        assert_eq!(sum, counts.next_offset, "W4 every offset is one of four");
    }
    (verdicts, store)
}

fn counted<'a>(sent: &'a [Sent], verdicts: &[Verdict]) -> Vec<&'a Sent> {
    let all = sent.iter().zip(verdicts);
    all.filter(|(_, verdict)| **verdict == Verdict::Counted).map(|(sent, _)| sent).collect()
}

/// Leaving one out can make another late that was its echo, so until none is left.
fn without_late(mut sent: Vec<Sent>) -> Vec<Sent> {
    loop {
        let verdicts = naive_verdicts(&sent, 0);
        if !verdicts.contains(&Verdict::Late) {
            return sent;
        }
        let mut verdicts = verdicts.into_iter();
        sent.retain(|_| verdicts.next() != Some(Verdict::Late));
    }
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just((0..60).collect()), Just(vec![]), prop::collection::vec(0_usize..60, 0..8)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn p2_w2_w3_w4_windows_equal_a_naive_recount(
        (sent, partitions) in (1_u32..4).prop_flat_map(|p| (sent(p), Just(p))), cuts in cuts(),
        lateness in prop::sample::select(vec![0_u64, 0, 15, 100]),
    ) {
        let settings = settings(lateness);
        let (verdicts, store) = run(&sent, partitions, &settings, &cuts);
        let naive = naive_verdicts(&sent, i64::try_from(lateness).unwrap() * 1000);
        for ((verdict, naive), sent) in verdicts.iter().zip(&naive).zip(&sent) {
            let same = verdict == naive || (*naive == Verdict::Echo && *verdict == Verdict::Late);
            prop_assert!(same, "{sent:?}: {verdict:?}, but by definition {naive:?}");
        }
        prop_assert_eq!(store, naive_store(&counted(&sent, &verdicts), &settings));
    }

    #[test]
    fn p2_any_split_into_partitions_gives_the_same_without_late_responses(
        sent in sent(1), cuts in cuts(),
    ) {
        let settings = settings(0);
        let sent = without_late(sent);
        let (_, whole) = run(&sent, 1, &settings, &cuts);
        for partitions in 2..4 {
            let split: Vec<Sent> = sent.iter().cloned().map(|sent| Sent {
                partition: u32::try_from(sent.rsvp_id).unwrap() % partitions, ..sent
            }).collect();
            let (verdicts, store) = run(&split, partitions, &settings, &cuts);
            prop_assume!(!verdicts.contains(&Verdict::Late));
            prop_assert_eq!(&store, &whole);
        }
    }
}

fn at(partition: u32, seconds: i64) -> Sent {
    Sent {
        partition,
        time: seconds * 1000,
        rsvp_id: seconds * 10 + i64::from(partition),
        kind: ResponseKind::Yes,
        country: "DE",
        topics: BTreeMap::from([("a", "A")]),
        latitude: 1.0,
    }
}

fn advance(engine: &mut Engine, now: i64) -> Vec<Output> {
    engine.move_watermark(WallTime(now));
    engine.close()
}

fn finish(engine: &mut Engine) -> Vec<Output> {
    engine.finish();
    engine.close()
}

fn feed(engine: &mut Engine, sent: &Sent) -> Verdict {
    let offset = engine.counts()[sent.partition as usize].next_offset;
    engine.response(sent.partition, offset, &sent.response())
}

#[test]
fn w3_a_pane_closes_when_the_watermark_reaches_its_end() {
    let mut engine = Engine::new(settings(0), 1);
    feed(&mut engine, &at(0, 1));
    feed(&mut engine, &Sent { time: 11_999, ..at(0, 11) });
    assert!(advance(&mut engine, 0).is_empty());
    feed(&mut engine, &at(0, 12));
    let output = advance(&mut engine, 0);
    assert!(
        matches!(&output[..], [Output::Pane(pane)] if pane.start == EventTime(0)),
        "{output:?}"
    );
    assert_eq!(feed(&mut engine, &at(0, 9)), Verdict::Late);
    assert_eq!(engine.closed_until(), Some(EventTime(10_000)));
}

#[test]
fn an_unread_partition_holds_the_watermark_back_until_it_is_idle() {
    let mut engine = Engine::new(settings(0), 2);
    feed(&mut engine, &at(0, 1));
    feed(&mut engine, &at(0, 100));
    assert!(advance(&mut engine, 0).is_empty());
    assert_eq!(engine.watermark(), None);
    engine.set_idle(1, true);
    assert!(!advance(&mut engine, 0).is_empty());
    assert_eq!(engine.watermark(), Some(EventTime(98_000)));
    assert_eq!(feed(&mut engine, &at(1, 50)), Verdict::Late, "its pane was dropped already");
    assert_eq!(feed(&mut engine, &at(1, 95)), Verdict::Counted);
}

#[test]
fn the_clock_closes_the_last_windows_of_a_quiet_stream_only_when_all_are_idle() {
    let mut engine = Engine::new(settings(0), 2);
    feed(&mut engine, &at(0, 1));
    feed(&mut engine, &at(1, 2));
    engine.set_idle(0, true);
    assert!(advance(&mut engine, 1_000_000).is_empty());
    engine.set_idle(1, true);
    assert!(!advance(&mut engine, 1_000_000).is_empty());
    assert_eq!(engine.watermark(), Some(EventTime(998_000)));
    advance(&mut engine, 0);
    assert_eq!(engine.watermark(), Some(EventTime(998_000)), "W2");
}

#[test]
fn a_second_finite_input_goes_on_after_the_first() {
    let mut engine = Engine::new(settings(0), 1);
    feed(&mut engine, &at(0, 1));
    assert!(!finish(&mut engine).is_empty());
    assert!(finish(&mut engine).is_empty());
    assert_eq!(feed(&mut engine, &at(0, 1)), Verdict::Echo);
    assert_eq!(feed(&mut engine, &at(0, 2)), Verdict::Late);
    assert_eq!(feed(&mut engine, &at(0, 1_000_000)), Verdict::Counted);
    assert_eq!(finish(&mut engine).len(), 1);
}
