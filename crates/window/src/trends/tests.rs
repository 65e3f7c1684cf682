use std::collections::BTreeSet;
use std::time::Duration;

use pulso_model::{Counts, Fact, Term};

use super::life::Sighting;
use super::*;
use crate::{FacetShape, ListMax, Shape, SlidingWindow, TrendSettings};

fn settings(counts: Counts) -> Settings {
    let facets = vec![FacetShape { counts, by_scope: true }];
    Settings {
        window: SlidingWindow::new(Duration::from_secs(20), Duration::from_secs(10)).unwrap(),
        trends: TrendSettings {
            count_above: 0,
            mute: BTreeSet::new(),
            unusual_from: 4.4,
            worldwide: ListMax { terms: 1000, unusual: 10 },
            by_scope: ListMax { terms: 1000, unusual: 10 },
            baseline: Duration::from_secs(40),
        },
        ..Settings::usual(Shape { kinds: 1, facets, ..Shape::default() })
    }
}

/// A pane in which each term occurs as often as said, each time by another of so many actors.
fn pane(counts: &[(&str, u32)], actors: u32, settings: &Settings) -> PaneAggregate {
    let mut pane = PaneAggregate::new(&settings.shape);
    for &(term, count) in counts {
        for number in 0..count {
            let term = Term { key: term.into(), name: term.into() };
            let fact = Fact {
                time: EventTime(0),
                scope: "DE".into(),
                kind: 0,
                sums: [0; 4],
                place: None,
                terms: [vec![term], vec![], vec![], vec![]],
                columns: vec![],
            };
            pane.add(&fact, Some(&format!("actor-{}", number % actors)), &settings.shape);
        }
    }
    pane
}

/// The lists of the one facet in the next window.
fn step(trends: &mut Trends, pane: Option<&PaneAggregate>, settings: &Settings) -> Lists {
    trends.step(pane, settings).remove(0)
}

fn trend_of(lists: &Lists, term: &str) -> Trend {
    let lists = lists.clone();
    lists.worldwide.into_iter().find(|trend| &*trend.term == term).unwrap()
}

#[test]
fn a_term_that_jumps_scores_above_one_that_is_always_big() {
    let settings = settings(Counts::Facts);
    let mut trends = Trends::new(EventTime(0), &settings);
    let usual = pane(&[("big", 50), ("small", 2)], 1, &settings);
    let mut lists = Lists::default();
    for _ in 0..6 {
        lists = step(&mut trends, Some(&usual), &settings);
    }
    let big = trend_of(&lists, "big");
    assert_eq!((big.score, big.rank, big.unusual_rank), (Some(0.0), 1, None));
    let jump = pane(&[("big", 50), ("small", 20)], 1, &settings);
    let lists = step(&mut trends, Some(&jump), &settings);
    let big = trend_of(&lists, "big");
    assert!(big.score.unwrap() < 0.0, "there is more of all else");
    let small = trend_of(&lists, "small");
    // 4 are usual, 22 are there, and 40 there will be: (40 - 4) / sqrt(3 * 4 + 0.04 * 16 + 3).
    assert_eq!((small.score, small.rank, small.unusual_rank), (Some(9.103), 2, Some(1)));
}

#[test]
fn what_is_unusual_is_listed_however_small_it_is() {
    let mut settings = settings(Counts::Facts);
    let most = ListMax { terms: 2, unusual: 1 };
    settings.trends = TrendSettings { worldwide: most, by_scope: most, ..settings.trends.clone() };
    let usual = [("one", 50), ("two", 40), ("three", 30)];
    let mut trends = Trends::new(EventTime(0), &settings);
    for _ in 0..6 {
        trends.step(Some(&pane(&usual, 1, &settings)), &settings);
    }
    let all = [&usual[..], &[("rare", 9), ("rarer", 8)]].concat();
    let lists = step(&mut trends, Some(&pane(&all, 1, &settings)), &settings);
    for list in [&lists.worldwide, &lists.by_scope["DE"]] {
        let listed = list.iter().map(|trend| (&*trend.term, trend.rank, trend.unusual_rank));
        let expected = [("one", 1, None), ("two", 2, None), ("rare", 4, Some(1))];
        assert_eq!(listed.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_muted_term_is_counted_but_never_listed() {
    let mut settings = settings(Counts::Facts);
    let mut trends = Trends::new(EventTime(0), &settings);
    let usual = pane(&[("big", 50), ("hot", 2)], 1, &settings);
    for _ in 0..6 {
        trends.step(Some(&usual), &settings);
    }
    let lists =
        step(&mut trends, Some(&pane(&[("big", 50), ("hot", 20)], 1, &settings)), &settings);
    assert_eq!(trend_of(&lists, "hot").unusual_rank, Some(1));
    let big = trend_of(&lists, "big");

    settings.trends.mute.insert("hot".to_owned());
    let mut lists = trends.lists(&settings).remove(0);
    assert_eq!(
        lists.worldwide,
        [Trend { unusual_rank: None, ..big }],
        "its score knows of the other"
    );
    assert_eq!(lists.by_scope["DE"].len(), 1);
    let mut ended = Vec::new();
    for _ in 0..6 {
        lists = step(&mut trends, Some(&usual), &settings);
        ended.extend(lists.ended);
    }
    assert_eq!(ended, [], "it was unusual before it was muted");
}

#[test]
fn there_is_no_score_before_a_third_of_the_past_is_there() {
    let settings = settings(Counts::Facts);
    let mut trends = Trends::new(EventTime(0), &settings);
    let pane = pane(&[("big", 50)], 1, &settings);
    // The past has the windows that ended two to four slides ago: three in the end.
    let scored = (0..6).map(|_| {
        let trend = trend_of(&step(&mut trends, Some(&pane), &settings), "big");
        assert_eq!((trend.rank, trend.unusual_rank), (1, None));
        trend.score.is_some()
    });
    assert_eq!(scored.collect::<Vec<_>>(), [false, false, true, true, true, true]);
}

#[test]
fn one_who_repeats_himself_makes_no_trend() {
    let settings = settings(Counts::Actors);
    let mut trends = Trends::new(EventTime(0), &settings);
    for _ in 0..6 {
        trends.step(Some(&pane(&[("loud", 3), ("liked", 3)], 3, &settings)), &settings);
    }
    let repeats = pane(&[("loud", 500)], 3, &settings);
    let mut whole = pane(&[("liked", 9)], 9, &settings);
    whole.merge(&repeats);
    let lists = step(&mut trends, Some(&whole), &settings);
    let loud = trend_of(&lists, "loud");
    assert_eq!((loud.rank, loud.count, loud.actors), (2, 503, 3));
    assert!(loud.score.unwrap() < 0.0, "3 actors as always, while there is more of all else");
    let liked = trend_of(&lists, "liked");
    assert_eq!((liked.rank, liked.count, liked.actors, liked.score), (1, 12, 9, Some(3.413)));
}

#[test]
fn nothing_is_left_of_terms_that_are_gone() {
    for counts in [Counts::Facts, Counts::Actors] {
        let settings = settings(counts);
        let mut trends = Trends::new(EventTime(0), &settings);
        let names: Vec<String> = (0..3 * 4096).map(|number| format!("term-{number}")).collect();
        let mut lists = Lists::default();
        for name in &names {
            let pane = pane(&[(name, 1), ("stays", 1)], 1, &settings);
            lists = step(&mut trends, Some(&pane), &settings);
        }
        let entries = trends.tables[0].len();
        assert!(entries < 2 * 4096 + 10, "{entries} entries");
        let stays = trend_of(&lists, "stays");
        assert_eq!((stays.count, stays.score), (2, Some(0.0)));
        for _ in 0..10 {
            lists = step(&mut trends, None, &settings);
        }
        assert!(trends.is_empty());
        assert_eq!(lists, Lists::default());
    }
}

#[test]
fn nothing_is_left_of_actors_that_are_gone() {
    let settings = settings(Counts::Actors);
    let mut trends = Trends::new(EventTime(0), &settings);
    for number in 0..100 {
        let term = format!("term-{}", number % 7);
        let mut pane = pane(&[(&term, 3)], 3, &settings);
        let other = self::pane(&[(&format!("other-{number}"), number)], number.max(1), &settings);
        pane.merge(&other);
        trends.step(Some(&pane), &settings);
        let named = trends.tables[0].actors();
        let window = number.max(3);
        assert_eq!(named, window as usize, "those of the window");
        // A restart forgets nobody, and names nobody anew.
        let bytes = postcard::to_stdvec(&trends).unwrap();
        trends = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(trends.tables[0].actors(), named);
    }
    for _ in 0..2 {
        trends.step(None, &settings);
    }
    assert_eq!(trends.tables[0].actors(), 0);
}

/// The ends of windows, in seconds.
fn seconds(time: EventTime) -> i64 {
    time.0 / 1000
}

#[test]
fn a_trend_is_followed_from_its_first_window_to_its_last() {
    let settings = settings(Counts::Facts);
    let mut trends = Trends::new(EventTime(0), &settings);
    let usual = pane(&[("big", 50), ("hot", 2)], 1, &settings);
    for _ in 0..8 {
        assert_eq!(step(&mut trends, Some(&usual), &settings).ended, []);
    }
    // Windows of 20 s, one every 10: those that end at 90, 100, 110 and 120 s hold panes with many.
    for (number, end, since) in [(12, 90, 90), (20, 100, 90), (12, 110, 90)] {
        let busy = pane(&[("big", 50), ("hot", number)], 1, &settings);
        let lists = step(&mut trends, Some(&busy), &settings);
        let hot = trend_of(&lists, "hot");
        assert_eq!((seconds(trends.end()), hot.unusual_rank), (end, Some(1)));
        assert_eq!(hot.since.map(seconds), Some(since));
    }
    let after: Vec<Lists> = (0..5).map(|_| step(&mut trends, Some(&usual), &settings)).collect();
    let listed = after.iter().map(|lists| trend_of(lists, "hot").since.map(seconds));
    let unusual_until = 110 + 10 * i64::try_from(listed.flatten().count()).unwrap();
    let ended: Vec<_> = after.iter().flat_map(|lists| &lists.ended).collect();
    for (trend, scope) in ended.iter().zip([None, Some("DE")]) {
        assert_eq!((trend.scope.as_deref(), &*trend.term), (scope, "hot"));
        let times = [trend.began, trend.peak, trend.ended].map(seconds);
        assert_eq!(times, [90, 100, unusual_until]);
        // The pane before the first many is in the first window.
        assert_eq!(trend.count, 2 + 12 + 20 + 12 + 2 * u64::from(unusual_until == 120));
    }
    assert_eq!(ended.len(), 2);
    // Told once no window of the size of one has shown it again.
    let told = after.iter().position(|lists| !lists.ended.is_empty()).unwrap();
    assert_eq!(120 + 10 * i64::try_from(told).unwrap(), unusual_until + 20);
}

#[test]
fn what_is_unusual_again_within_a_window_is_the_same_trend() {
    let (term, name): (Arc<str>, Arc<str>) = ("hot".into(), "Hot".into());
    let mut lives = Lives::default();
    let (mut since, mut ended) = (Vec::new(), Vec::new());
    let scores = [(10, 5.0), (30, 7.0), (40, 7.0), (70, 4.5), (90, 6.0), (110, 5.0), (130, 5.0)];
    for end in (1..=16).map(|number| number * 10) {
        lives.add(|_, _| 1);
        for &(_, score) in scores.iter().filter(|(at, _)| *at == end) {
            let (scope, facts, actors) = (None, 2, 1);
            let seen = Sighting { scope, term: &term, name: &name, facts, actors, score };
            since.push(seconds(lives.see(seen, EventTime(end * 1000), 50_000)));
        }
        ended.extend(lives.end(EventTime(end * 1000), 20_000));
    }
    // From 40 to 70 s there is more than a window; from 130 back to 70 s there is more than is followed.
    assert_eq!(since, [10, 10, 10, 70, 70, 70, 90]);
    let lives = ended.iter().map(|trend| {
        let times = [trend.began, trend.peak, trend.ended].map(seconds);
        (times, trend.peak_score, trend.count)
    });
    assert_eq!(lives.collect::<Vec<_>>(), [([10, 30, 40], 7.0, 5), ([90, 90, 130], 6.0, 6)]);
}
