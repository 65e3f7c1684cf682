use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use pulso_model::{EventTime, FACETS_MAX, Number, NumberPlace, SUM_MAX};

use super::*;
use crate::StatisticShape;

/// Scope, latitude, kind, who, and terms with names.
type Sent = (&'static str, i32, u8, Option<&'static str>, Vec<(&'static str, &'static str)>);

/// The same terms in three facets, counted in three ways, and the same numbers in three statistics.
fn shape() -> Shape {
    let facet = |counts, by_scope| FacetShape { counts, by_scope };
    let facets =
        vec![facet(Counts::Facts, true), facet(Counts::Actors, true), facet(Counts::Actors, false)];
    let number = Number { place: NumberPlace::Sum(2), scale: 1 };
    let statistics = [By::Nothing, By::Scope, By::Kind].map(|by| StatisticShape { number, by });
    Shape { kinds: 3, facets, statistics: statistics.into(), ..Shape::default() }
}

fn aggregate(sent: &[Sent]) -> PaneAggregate {
    let shape = shape();
    let mut pane = PaneAggregate::new(&shape);
    for (scope, latitude, kind, actor, terms) in sent {
        let term = |&(key, name): &(&'static str, &'static str)| Term {
            key: key.into(),
            name: name.into(),
        };
        let mut all: [Vec<Term<'_>>; FACETS_MAX] = Default::default();
        for facet in &mut all[..shape.facets.len()] {
            *facet = terms.iter().map(term).collect();
            Term::distinct(facet);
        }
        let fact = Fact {
            time: EventTime(0),
            scope: (*scope).into(),
            kind: *kind,
            sums: [1, SUM_MAX, u64::from(latitude.unsigned_abs()), 0],
            place: Coordinate::new(f64::from(*latitude), 1.0),
            terms: all,
            columns: vec![],
        };
        pane.add(&fact, *actor, &shape);
    }
    pane
}

type Activities = Vec<(String, usize, Activity)>;

/// By facet, term and scope: the name, facts and their location, and who made them.
type Terms = BTreeMap<(usize, String, String), (String, u32, CoordinateSum, BTreeSet<String>)>;

/// By statistic.
type AllStatistics = Vec<Vec<(String, Statistics)>>;

/// Everything in an aggregate, in one order.
fn contents(pane: &PaneAggregate) -> (Activities, Terms, AllStatistics) {
    let activity = pane.activity();
    let activity = activity.iter().map(|a| (a.scope.to_owned(), a.kind, a.activity)).collect();
    let mut terms = BTreeMap::new();
    for (facet, shape) in shape().facets.iter().enumerate() {
        for (term, name, scopes) in pane.terms(facet) {
            let scopes: Vec<_> = scopes.collect();
            assert!(shape.by_scope || scopes.len() == 1, "one entry for all scopes");
            for (scope, count) in scopes {
                let scope = if shape.by_scope { scope } else { "" };
                let actors: BTreeSet<_> =
                    count.actors.iter().map(|actor| pane.actor(*actor).to_owned()).collect();
                assert_eq!(actors.len(), count.actors.len(), "each actor once");
                assert!(count.actors.is_sorted());
                let value = (name.to_owned(), count.count, count.location, actors);
                let key = (facet, term.to_owned(), scope.to_owned());
                assert_eq!(terms.insert(key, value), None, "each scope once");
            }
        }
    }
    let named =
        |(group, numbers): (Group<'_>, &Statistics)| (format!("{group:?}"), numbers.clone());
    let statistics = (0..shape().statistics.len())
        .map(|at| pane.statistics(at).into_iter().map(named).collect())
        .collect();
    (activity, terms, statistics)
}

#[test]
fn scopes_and_terms_are_counted() {
    let (activity, terms, statistics) = contents(&aggregate(&[
        ("DE", 10, 2, Some("ann"), vec![("a", "Z"), ("b", "B")]),
        ("DE", 20, 2, Some("ann"), vec![("a", "A")]),
        ("US", 0, 1, Some("bob"), vec![("a", "X")]),
        ("US", 0, 1, None, vec![("a", "X")]),
        ("??", 0, 0, Some("eve"), vec![]),
    ]));
    assert_eq!(activity.len(), 3);
    let (scope, kind, sums) = &activity[1];
    assert_eq!((scope.as_str(), *kind, sums.facts), ("DE", 2, 2));
    assert_eq!(sums.sums, [2, 2 * SUM_MAX, 30, 0]);
    assert_eq!(sums.location.mean().unwrap().lat, 15.0);
    let term = |facet, key: &str, scope: &str| {
        let (name, count, _, actors) = &terms[&(facet, key.to_owned(), scope.to_owned())];
        let actors: Vec<_> = actors.iter().map(String::as_str).collect();
        (name.as_str(), *count, actors)
    };
    assert_eq!(term(0, "a", "DE"), ("A", 2, vec![]), "nobody is asked who made facts");
    assert_eq!(term(1, "a", "DE"), ("A", 2, vec!["ann"]));
    assert_eq!(term(1, "a", "US"), ("A", 2, vec!["bob"]), "the name is that of all scopes");
    assert_eq!(term(2, "a", ""), ("A", 4, vec!["ann", "bob"]));
    assert_eq!(term(2, "b", ""), ("B", 1, vec!["ann"]));
    let told = |(group, numbers): &(String, Statistics)| {
        let summary = numbers.summary(1).unwrap();
        format!("{group}: {} {}", summary.count, summary.sum)
    };
    let told: Vec<Vec<_>> = statistics.iter().map(|one| one.iter().map(told).collect()).collect();
    assert_eq!(told[0], ["All: 5 30"]);
    assert_eq!(told[1], ["Scope(\"??\"): 1 0", "Scope(\"DE\"): 2 30", "Scope(\"US\"): 2 0"]);
    assert_eq!(told[2], ["Kind(0): 1 0", "Kind(1): 2 0", "Kind(2): 2 30"]);
}

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let scope = prop::sample::select(vec!["DE", "US", "GB"]);
    let actor = prop::sample::select(vec![None, Some("ann"), Some("bob"), Some("eve")]);
    let key = prop::sample::select(vec!["a", "b", "c", "d"]);
    let name = prop::sample::select(vec!["A", "B", "Z"]);
    let terms = prop::collection::vec((key, name), 0..4);
    prop::collection::vec((scope, -90..90, 0_u8..3, actor, terms), 0..20)
}

proptest! {
    #[test]
    fn p2_merging_parts_in_any_order_is_adding_one_by_one(
        sent in sent(), cut in any::<prop::sample::Index>(),
    ) {
        let (first, second) = sent.split_at(cut.index(sent.len() + 1));
        let whole = contents(&aggregate(&sent));
        let mut merged = aggregate(first);
        merged.merge(&aggregate(second));
        prop_assert_eq!(contents(&merged), whole.clone());
        let mut swapped = aggregate(second);
        swapped.merge(&aggregate(first));
        let bytes = postcard::to_stdvec(&swapped).unwrap();
        let restored: PaneAggregate = postcard::from_bytes(&bytes).unwrap();
        prop_assert_eq!(contents(&restored), whole);
    }
}
