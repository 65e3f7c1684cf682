//! The windows against a naive reading of the definitions: quadratic, obvious, and independent.

mod naive;
mod store;

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use pulso_model::{By, Coordinate, Fact, Identity, Number, NumberPlace, Term};

use super::*;
use crate::{FacetShape, ListMax, Shape, SlidingWindow, StatisticShape, Trend, TrendSettings};
use naive::{naive_activity, naive_statistics, naive_trends, naive_verdicts, without_late};
use store::Store;

const SIZE: i64 = 30_000;
const SLIDE: i64 = 10_000;
const BASELINE: i64 = 60_000;
const OUT_OF_ORDERNESS: i64 = 2_000;

/// Each way of counting, twice over the same terms.
const FACETS: [FacetShape; 4] = [
    FacetShape { counts: pulso_model::Counts::Facts, by_scope: true },
    FacetShape { counts: pulso_model::Counts::Actors, by_scope: true },
    FacetShape { counts: pulso_model::Counts::Actors, by_scope: false },
    FacetShape { counts: pulso_model::Counts::Facts, by_scope: false },
];

/// The number in each way that documents can be about it.
const STATISTICS: [StatisticShape; 3] = {
    let number = Number { place: NumberPlace::Sum(0), scale: 1 };
    [
        StatisticShape { number, by: By::Nothing },
        StatisticShape { number, by: By::Scope },
        StatisticShape { number, by: By::Kind },
    ]
};

fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

fn settings(lateness: i64) -> Settings {
    Settings {
        window: SlidingWindow::new(millis(SIZE), millis(SLIDE)).unwrap(),
        max_out_of_orderness: millis(OUT_OF_ORDERNESS),
        allowed_lateness: millis(lateness),
        trends: TrendSettings {
            count_above: 1,
            mute: BTreeSet::new(),
            unusual_from: 0.1,
            worldwide: ListMax { terms: 1, unusual: 2 },
            by_scope: ListMax { terms: 1, unusual: 1 },
            baseline: millis(BASELINE),
        },
        ..Settings::usual(Shape {
            kinds: 2,
            facets: FACETS.to_vec(),
            statistics: STATISTICS.to_vec(),
            ..Shape::default()
        })
    }
}

type Terms = BTreeMap<&'static str, &'static str>;

#[derive(Clone, Debug)]
struct Sent {
    partition: u32,
    time: i64,
    id: i64,
    /// Whether its stream tells facts apart.
    identified: bool,
    actor: Option<&'static str>,
    kind: u8,
    scope: &'static str,
    /// Of the first two facets, and of the others.
    terms: [Terms; 2],
    latitude: f64,
    sum: u32,
}

impl Sent {
    fn fact(&self) -> Fact<'static> {
        let term = |(&key, &name): (&&'static str, &&'static str)| Term {
            key: key.into(),
            name: name.into(),
        };
        let terms = |facet: usize| self.terms_of(facet).iter().map(term).collect();
        Fact {
            time: EventTime(self.time),
            scope: self.scope.into(),
            kind: self.kind,
            sums: [self.sum.into(), 1, 0, 0],
            place: self.place(),
            terms: std::array::from_fn(terms),
            columns: vec![],
        }
    }

    fn terms_of(&self, facet: usize) -> &Terms {
        &self.terms[facet / 2]
    }

    fn place(&self) -> Option<Coordinate> {
        Coordinate::new(self.latitude, 1.0)
    }

    /// Some are longer than what fits in place.
    fn identity(&self) -> Option<Identity> {
        let second = EventTime(self.time).nearest_second();
        let numbers = [self.id, second, self.kind.into(), i64::MAX, i64::MIN];
        let length = if self.id % 2 == 0 { 3 } else { 5 };
        self.identified.then(|| Identity::of_integers(&numbers[..length]))
    }

    fn pane(&self) -> i64 {
        self.time - self.time.rem_euclid(SLIDE)
    }

    fn pane_end(&self) -> i64 {
        self.pane() + SLIDE
    }
}

fn terms() -> impl Strategy<Value = Terms> {
    let key = prop::sample::select(vec!["a", "b", "c"]);
    prop::collection::btree_map(key, prop::sample::select(vec!["A", "Ä", "Z"]), 0..3)
}

/// A fact, how far the time moves, an earlier one, and whether that is sent again instead.
fn step() -> impl Strategy<Value = (Sent, i64, prop::sample::Index, bool)> {
    let actors = vec![None, Some("ann"), Some("bob"), Some("eve"), Some("joe")];
    let content = (prop::sample::select(actors), [terms(), terms()], -80_i32..80, 0_u32..9);
    let sent = (0_i64..6, 0_u8..2, prop::sample::select(vec!["DE", "US"]), content).prop_map(
        |(id, kind, scope, (actor, terms, latitude, sum))| Sent {
            partition: 0,
            time: 0,
            id,
            identified: true,
            actor,
            kind,
            scope,
            terms,
            latitude: f64::from(latitude),
            sum,
        },
    );
    let forward = prop_oneof![6 => 0_i64..4_000, 1 => -150_000_i64..0, 1 => 0_i64..400_000];
    (sent, forward, any::<prop::sample::Index>(), prop::bool::weighted(0.2))
}

/// Times come in three kinds: in order, an echo-like repeat of an earlier one, and far behind or
/// ahead, so that every verdict and every gap occurs. Now and then there is a crowd, beside which most
/// windows have few facts.
fn sent(partitions: u32) -> impl Strategy<Value = Vec<Sent>> {
    let crowd = prop::option::weighted(0.2, any::<prop::sample::Index>());
    let raw = (prop::collection::vec(step(), 0..60), prop::bool::weighted(0.8), crowd);
    raw.prop_map(move |(raw, identified, crowd)| {
        let mut now = -100_000;
        let mut all: Vec<Sent> = Vec::new();
        for (sent, step, earlier, echo) in raw {
            if echo && !all.is_empty() {
                let mut again = earlier.get(&all).clone();
                again.time = EventTime(again.time).nearest_second() * 1000;
                all.push(again);
                continue;
            }
            let time = now + step;
            now = if step > 0 { time } else { now };
            let partition = u32::try_from(sent.id).unwrap() % partitions;
            all.push(Sent { partition, time, identified, ..sent });
        }
        if let Some(crowd) = crowd.filter(|_| !all.is_empty()) {
            let at = crowd.index(all.len());
            let one = all[at].clone();
            let others = (10..160).map(|id| Sent { id, terms: Default::default(), ..one.clone() });
            all.splice(at..at, others);
        }
        all
    })
}

/// Feeds a fact as the next one of its partition.
fn feed(windows: &mut Windows, sent: &Sent) -> Verdict {
    let (fact, identity) = (sent.fact(), sent.identity());
    let observed = Observed { fact: &fact, identity: identity.as_ref(), actor: sent.actor };
    windows.fact(next(windows, sent.partition), observed)
}

fn next(windows: &Windows, partition: u32) -> Position {
    Position { partition, offset: windows.counts()[partition as usize].next_offset }
}

/// Before some of the facts there are messages that are none.
fn feed_others(windows: &mut Windows, index: usize, partition: u32) {
    if index % 5 == 2 {
        windows.skipped(next(windows, partition));
    }
    if index % 7 == 3 {
        windows.dead_letter(next(windows, partition));
    }
}

/// Runs the messages, with an advance after each place in `cuts` and a restart from the serialised
/// state there.
fn run(
    sent: &[Sent],
    partitions: u32,
    settings: &Settings,
    cuts: &[usize],
) -> (Vec<Verdict>, Store, Option<EventTime>) {
    let mut windows = Windows::new(settings.clone(), partitions);
    let mut store = Store::default();
    let mut verdicts = Vec::new();
    let mut watermark = None;
    for (index, sent) in sent.iter().enumerate() {
        feed_others(&mut windows, index, sent.partition);
        verdicts.push(feed(&mut windows, sent));
        if cuts.contains(&index) {
            store.apply(advance(&mut windows, 0));
            assert!(windows.watermark() >= watermark, "W2 the watermark never goes back");
            watermark = windows.watermark();
            let bytes = postcard::to_stdvec(&windows).unwrap();
            windows = postcard::from_bytes(&bytes).unwrap();
            windows.adopt(settings);
        }
    }
    store.apply(finish(&mut windows));
    assert_eq!(windows.open_panes(), 0, "the end of the input leaves nothing open");
    check_counts(&windows.counts(), &verdicts);
    (verdicts, store, windows.closed_until())
}

fn check_counts(partitions: &[Counts], verdicts: &[Verdict]) {
    for counts in partitions {
        let facts = counts.counted + counts.echoes + counts.late;
        let sum = facts + counts.skipped + counts.dead_letters;
        assert_eq!(sum, counts.next_offset, "W4 every offset is one of five");
    }
    let total = |of: fn(&Counts) -> u64| partitions.iter().map(of).sum::<u64>();
    let said = |asked| verdicts.iter().filter(|verdict| **verdict == asked).count() as u64;
    assert_eq!(total(|counts| counts.counted), said(Verdict::Counted), "W4");
    assert_eq!(total(|counts| counts.echoes), said(Verdict::Echo), "W4");
    assert_eq!(total(|counts| counts.late), said(Verdict::Late), "W4");
    let others = |every, first| (0..verdicts.len()).filter(|at| at % every == first).count() as u64;
    assert_eq!(total(|counts| counts.skipped), others(5, 2), "W4");
    assert_eq!(total(|counts| counts.dead_letters), others(7, 3), "W4");
}

fn counted<'a>(sent: &'a [Sent], verdicts: &[Verdict]) -> Vec<&'a Sent> {
    let all = sent.iter().zip(verdicts);
    all.filter(|(_, verdict)| **verdict == Verdict::Counted).map(|(sent, _)| sent).collect()
}

fn naive_store(counted: &[&Sent], settings: &Settings, closed_until: Option<EventTime>) -> Store {
    let (trends, mut ended) = naive_trends(counted, settings);
    ended.retain(|(end, ..), _| closed_until.is_some_and(|until| *end <= until.0));
    let statistics = naive_statistics(counted);
    Store { trends, ended, activity: naive_activity(counted), statistics }
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just((0..60).collect()), Just(vec![]), prop::collection::vec(0_usize..60, 0..8)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Counts of facts and of distinct actors, by scope and worldwide, with what is usual.
    #[test]
    fn p2_w2_w3_w4_windows_equal_a_naive_recount(
        (sent, partitions) in (1_u32..4).prop_flat_map(|p| (sent(p), Just(p))), cuts in cuts(),
        lateness in prop::sample::select(vec![0, 0, 15_000, 100_000]),
        baseline in prop::sample::select(vec![2 * BASELINE, BASELINE, SIZE, SLIDE]),
        muted in prop::option::of(prop::sample::select(vec!["a", "c"])),
    ) {
        let mut settings = settings(lateness);
        settings.trends.mute.extend(muted.map(str::to_owned));
        settings.trends.baseline = millis(baseline);
        let (verdicts, store, closed) = run(&sent, partitions, &settings, &cuts);
        let naive = naive_verdicts(&sent, lateness);
        for ((verdict, naive), sent) in verdicts.iter().zip(&naive).zip(&sent) {
            let same = verdict == naive || (*naive == Verdict::Echo && *verdict == Verdict::Late);
            prop_assert!(same, "{sent:?}: {verdict:?}, but by definition {naive:?}");
        }
        prop_assert_eq!(store, naive_store(&counted(&sent, &verdicts), &settings, closed));
    }

    /// Facts of one actor may be in any partition, and he counts once.
    #[test]
    fn p2_any_split_into_partitions_gives_the_same_without_late_facts(
        sent in sent(1), cuts in cuts(),
    ) {
        let settings = settings(0);
        let sent = without_late(sent);
        let (_, whole, _) = run(&sent, 1, &settings, &cuts);
        for partitions in 2..4 {
            let split: Vec<Sent> = sent.iter().cloned().map(|sent| Sent {
                partition: u32::try_from(sent.id).unwrap() % partitions, ..sent
            }).collect();
            let (verdicts, store, _) = run(&split, partitions, &settings, &cuts);
            prop_assume!(!verdicts.contains(&Verdict::Late));
            prop_assert_eq!(&store, &whole);
        }
    }
}

fn at(partition: u32, seconds: i64) -> Sent {
    Sent {
        partition,
        time: seconds * 1000,
        id: seconds * 10 + i64::from(partition),
        identified: true,
        actor: Some("ann"),
        kind: 1,
        scope: "DE",
        terms: [BTreeMap::from([("a", "A")]), BTreeMap::from([("b", "B")])],
        latitude: 1.0,
        sum: 1,
    }
}

fn advance(windows: &mut Windows, now: i64) -> Vec<Output> {
    windows.move_watermark(WallTime(now));
    windows.close()
}

fn finish(windows: &mut Windows) -> Vec<Output> {
    windows.finish();
    windows.close()
}

#[test]
fn w3_a_pane_closes_when_the_watermark_reaches_its_end() {
    let mut windows = Windows::new(settings(0), 1);
    feed(&mut windows, &at(0, 1));
    feed(&mut windows, &Sent { time: 11_999, ..at(0, 11) });
    assert!(advance(&mut windows, 0).is_empty());
    feed(&mut windows, &at(0, 12));
    let output = advance(&mut windows, 0);
    assert!(
        matches!(&output[..], [Output::Pane(pane)] if pane.start == EventTime(0)),
        "{output:?}"
    );
    assert_eq!(feed(&mut windows, &at(0, 9)), Verdict::Late);
    assert_eq!(windows.closed_until(), Some(EventTime(10_000)));
}

#[test]
fn an_unread_partition_holds_the_watermark_back_until_it_is_idle() {
    let mut windows = Windows::new(settings(0), 2);
    feed(&mut windows, &at(0, 1));
    feed(&mut windows, &at(0, 100));
    assert!(advance(&mut windows, 0).is_empty());
    assert_eq!(windows.watermark(), None);
    windows.set_idle(1, true);
    assert!(!advance(&mut windows, 0).is_empty());
    assert_eq!(windows.watermark(), Some(EventTime(98_000)));
    assert_eq!(feed(&mut windows, &at(1, 50)), Verdict::Late, "its pane was dropped already");
    assert_eq!(feed(&mut windows, &at(1, 95)), Verdict::Counted);
}

#[test]
fn the_clock_closes_the_last_windows_of_a_quiet_stream_only_when_all_are_idle() {
    let mut windows = Windows::new(settings(0), 2);
    feed(&mut windows, &at(0, 1));
    feed(&mut windows, &at(1, 2));
    windows.set_idle(0, true);
    assert!(advance(&mut windows, 1_000_000).is_empty());
    windows.set_idle(1, true);
    assert!(!advance(&mut windows, 1_000_000).is_empty());
    assert_eq!(windows.watermark(), Some(EventTime(998_000)));
    advance(&mut windows, 0);
    assert_eq!(windows.watermark(), Some(EventTime(998_000)), "W2");
}

#[test]
fn a_second_finite_input_goes_on_after_the_first() {
    let mut windows = Windows::new(settings(0), 1);
    feed(&mut windows, &at(0, 1));
    assert!(!finish(&mut windows).is_empty());
    assert!(finish(&mut windows).is_empty());
    assert_eq!(feed(&mut windows, &at(0, 1)), Verdict::Echo);
    assert_eq!(feed(&mut windows, &at(0, 2)), Verdict::Late);
    assert_eq!(feed(&mut windows, &at(0, 1_000_000)), Verdict::Counted);
    assert_eq!(finish(&mut windows).len(), 1);
}

/// The lists of the first window of some facts.
fn first_lists(sent: &[Sent]) -> Vec<Lists> {
    let mut windows = Windows::new(settings(0), 1);
    for sent in sent {
        assert_eq!(feed(&mut windows, sent), Verdict::Counted);
    }
    let output = finish(&mut windows);
    let fired = output.into_iter().find_map(|output| match output {
        Output::Window(firing) => Some(firing),
        Output::Pane(_) | Output::Session(_) => None,
    });
    fired.map(|firing| firing.lists).unwrap_or_default()
}

#[test]
fn facets_are_counted_and_listed_on_their_own() {
    let actors = [Some("ann"), Some("ann"), Some("bob"), None];
    let facts: Vec<_> =
        (1..).zip(actors).map(|(at_, actor)| Sent { actor, ..at(0, at_) }).collect();
    let lists = first_lists(&facts);
    assert_eq!(lists.len(), FACETS.len());
    let of = |trend: &Trend| (trend.term.to_string(), trend.count, trend.actors);
    let worldwide: Vec<_> = lists.iter().map(|lists| of(&lists.worldwide[0])).collect();
    let listed = |term: &str, actors| (term.to_owned(), 4, actors);
    assert_eq!(worldwide, [listed("a", 0), listed("a", 2), listed("b", 2), listed("b", 0)]);
    assert_eq!(of(&lists[0].by_scope["DE"][0]), listed("a", 0));
    assert_eq!(of(&lists[1].by_scope["DE"][0]), listed("a", 2));
    assert!(lists[2].by_scope.is_empty() && lists[3].by_scope.is_empty(), "without a scope");
}

#[test]
fn what_is_not_listed_for_its_actors_may_be_listed_for_its_facts() {
    let facts: Vec<_> = (1..4).map(|at_| at(0, at_)).collect();
    let listed: Vec<_> = first_lists(&facts).iter().map(|lists| !lists.is_empty()).collect();
    assert_eq!(listed, [true, false, false, true], "one actor is not more than one");
}

#[test]
fn without_an_identity_nothing_is_an_echo() {
    let mut windows = Windows::new(settings(0), 1);
    let sent = Sent { identified: false, ..at(0, 1) };
    for _ in 0..3 {
        assert_eq!(feed(&mut windows, &sent), Verdict::Counted);
    }
    assert_eq!(feed(&mut windows, &at(0, 1)), Verdict::Counted, "none of them is remembered");
    feed(&mut windows, &at(0, 50));
    assert_eq!(feed(&mut windows, &sent), Verdict::Late);
    let [counts] = windows.counts()[..] else { panic!("one partition") };
    assert_eq!((counts.counted, counts.echoes, counts.late), (5, 0, 1));
}

#[test]
fn w4_skipped_messages_are_read_and_move_no_watermark() {
    let mut windows = Windows::new(settings(0), 2);
    windows.begin_at(&[5, 0].into());
    feed(&mut windows, &at(0, 1));
    windows.skipped(Position { partition: 0, offset: 6 });
    windows.dead_letter(Position { partition: 0, offset: 7 });
    windows.skipped(Position { partition: 0, offset: 8 });
    let counts = windows.counts()[0];
    let expected =
        Counts { next_offset: 9, counted: 1, skipped: 2, dead_letters: 1, ..Counts::default() };
    assert_eq!(counts, expected);
    feed(&mut windows, &at(0, 100));
    windows.set_idle(1, true);
    windows.skipped(Position { partition: 1, offset: 0 });
    assert!(advance(&mut windows, 0).is_empty(), "a partition with messages is not idle");
    assert_eq!(windows.watermark(), None);
}
