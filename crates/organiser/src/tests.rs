//! The desk against a naive recount over plain lists of responses.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use pulso_model::{EventTime, Location};

use super::*;

const HOUR: i64 = 3_600_000;
const NOW: EventTime = EventTime(1_000 * HOUR);

fn at(lat: f64, lon: f64) -> Option<Location> {
    Some(Location { lat, lon })
}

fn group(id: i64) -> Group {
    let topics = match id {
        0 => vec!["rust".to_owned(), "wasm".to_owned()],
        1 => vec!["rust".to_owned(), "chess".to_owned()],
        2 => vec!["cpp".to_owned()],
        _ => vec!["yoga".to_owned()],
    };
    let urlname = Some(format!("group-{id}"));
    Group { id, name: None, urlname, city: None, topics }
}

/// Event `n` is of group `n % 4`; all are an hour to come, but for those of numbers over 7.
fn response(hour: i64, member: i64, event: i64, answer: Answer) -> Response {
    let group = group(event % 4);
    let place = at(50.0 + event as f64 / 100.0, 10.0);
    let time = Some(EventTime(NOW.0 + if event > 7 { -HOUR } else { HOUR }));
    let id = format!("e{event}");
    let event = Event { id, name: None, url: None, time, place, group: group.id };
    Response { time: EventTime(hour * HOUR), member, name: None, answer, event, group }
}

fn mine() -> Choice {
    Choice::Group("group-0".to_owned())
}

fn contact(hour: i64, member: i64, event: i64) -> Contact {
    let reasons = vec![format!("r{}", event % 3), "all".to_owned()];
    Contact {
        time: EventTime(hour * HOUR),
        member,
        event: format!("e{event}"),
        reasons,
        converted: None,
    }
}

fn history(responses: &[Response]) -> History {
    let mut history = History::default();
    for response in responses {
        history.add(response.clone());
    }
    history
}

fn past(responses: &[Response]) -> Past {
    let mut past = Past::default();
    for Response { member, event, time, answer, .. } in responses {
        past.add(*member, &event.id, *time, *answer);
    }
    past
}

fn find(responses: &[Response], contacts: &[Contact], cooling_hours: u64) -> Vec<Candidate> {
    let history = history(responses);
    let (mut similarity, choice) = (Similarity::default(), mine());
    similarity.insert("rust", "cpp", 0.25);
    let events = own_events(&history, &choice, NOW, EventTime(0));
    candidates(
        &history,
        contacts,
        &Search {
            choice: &choice,
            past: &past(responses),
            events: &events,
            relevant: &choice.topics(&history),
            similarity: &similarity,
            similarity_min: 0.1,
            distance_km: 50.0,
            recent: Duration::from_secs(24 * 3_600),
            cooling: Duration::from_secs(cooling_hours * 3_600),
            own_members: false,
            now: NOW,
            limit: 100,
        },
    )
}

fn members(found: &[Candidate]) -> Vec<i64> {
    found.iter().map(|candidate| candidate.member).collect()
}

fn some_responses() -> Vec<Response> {
    use Answer::{No, Yes};
    vec![
        response(900, 1, 0, Yes),
        response(999, 2, 1, Yes),
        response(998, 3, 2, Yes),
        response(999, 4, 3, Yes),
        response(900, 5, 1, Yes),
        response(998, 6, 1, Yes),
        response(999, 6, 1, No),
        response(999, 1, 1, Yes),
    ]
}

#[test]
fn candidates_said_yes_to_something_similar_nearby_and_not_to_mine() {
    let found = find(&some_responses(), &[], 0);
    // Not 1, who comes already; 4, who likes yoga; 5, long ago; 6, who took it back.
    assert_eq!(members(&found), [2, 3]);
    let topics: Vec<_> = found.iter().map(|one| one.reasons.topics[0].clone()).collect();
    let same = Match { topic: "rust".into(), wanted: "rust".into(), similarity: 1.0 };
    let similar = Match { topic: "cpp".into(), wanted: "rust".into(), similarity: 0.25 };
    assert_eq!(topics, [same, similar]);
    assert_eq!(found[0].reasons.relevance, 0.5, "one of two topics");
    assert_eq!(found[0].event, "e0");
    assert!((found[0].reasons.km - 1.112).abs() < 0.001, "{}", found[0].reasons.km);
    let labels = found[1].reasons.labels();
    assert_eq!(
        labels,
        [
            "topic: rust",
            "similar topics only",
            "within 5 km",
            "said yes 1 to 6 hours ago",
            "one yes lately",
            "too few yes to judge reliability"
        ]
    );
}

#[test]
fn a_contact_is_never_repeated_for_its_event_nor_within_the_cooling_time() {
    let mut responses = some_responses();
    let told = [contact(990, 2, 0)];
    assert_eq!(members(&find(&responses, &told, 0)), [3], "told of the only event");
    responses.push(response(999, 9, 4, Answer::Yes));
    let again = find(&responses, &told, 5);
    assert_eq!(again[0].event, "e4", "another event of mine, after the cooling time");
    assert_eq!(members(&again), [2, 3]);
    assert_eq!(members(&find(&responses, &told, 11)), [3], "but not before");
}

#[test]
fn a_conversion_counts_once_for_the_last_contact_and_is_undone_by_a_no() {
    use Answer::{No, Yes};
    let contacts = [contact(10, 2, 0), contact(20, 2, 4), contact(10, 3, 0)];
    let converted = |responses: &[Response]| {
        let found = conversions(&history(responses), &mine(), &contacts);
        found.into_iter().map(|one| (one.contact, one.event)).collect::<Vec<_>>()
    };
    assert_eq!(converted(&[response(15, 2, 0, Yes)]), [(0, "e0".into())]);
    // An event first seen later, and one more yes.
    let later = [response(30, 2, 8, Yes), response(25, 2, 0, Yes)];
    assert_eq!(converted(&later), [(1, "e0".into())]);
    assert_eq!(converted(&[response(25, 2, 0, Yes), response(26, 2, 0, No)]), []);
    // More guests are no new yes: the first was before the contact.
    assert_eq!(converted(&[response(5, 3, 0, Yes), response(15, 3, 0, Yes)]), []);
    assert_eq!(converted(&[response(15, 3, 1, Yes)]), [], "not mine");
    let twice = [response(15, 2, 0, Yes), response(25, 2, 4, Yes)];
    assert_eq!(converted(&twice), [(0, "e0".into()), (1, "e4".into())]);
}

#[test]
fn a_known_conversion_outlives_the_responses_that_made_it() {
    let yes = (EventTime(15 * HOUR), "e0".to_owned());
    let contacts = [Contact { converted: Some(yes.clone()), ..contact(10, 2, 0) }];
    let converted = |responses: &[Response]| {
        let found = conversions(&history(responses), &mine(), &contacts);
        found.into_iter().map(|one| (one.time, one.event)).collect::<Vec<_>>()
    };
    assert_eq!(converted(&[]), std::slice::from_ref(&yes));
    assert_eq!(converted(&[response(20, 2, 4, Answer::Yes)]), [yes]);
    assert_eq!(converted(&[response(20, 2, 0, Answer::No)]), [], "taken back since");
}

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![3 => Just(Answer::Yes), 1 => Just(Answer::No), 1 => Just(Answer::Waitlist)]
}

fn responses() -> impl Strategy<Value = Vec<Response>> {
    let one = (970_i64..1_000, 0_i64..6, 0_i64..12, answers());
    prop::collection::vec(
        one.prop_map(|(hour, who, event, how)| response(hour, who, event, how)),
        0..60,
    )
}

fn contacts() -> impl Strategy<Value = Vec<Contact>> {
    let one = (965_i64..1_000, 0_i64..6, 0_i64..3);
    let one = one.prop_map(|(hour, who, nth)| contact(hour, who, nth * 4));
    prop::collection::vec(one, 0..12)
}

/// The start of the last run of yes, from the plain list.
fn coming(responses: &[Response], member: i64, event: &str) -> Option<EventTime> {
    let of = |one: &&Response| one.member == member && one.event.id == event;
    let mut said: Vec<_> = responses.iter().filter(of).map(|one| (one.time, one.answer)).collect();
    said.sort();
    if said.last()?.1 != Answer::Yes {
        return None;
    }
    let other = said.iter().rposition(|(_, answer)| *answer != Answer::Yes);
    Some(said[other.map_or(0, |at| at + 1)].0)
}

proptest! {
    #[test]
    fn conversions_equal_a_naive_recount(
        responses in responses(),
        contacts in contacts(),
    ) {
        let found = conversions(&history(&responses), &mine(), &contacts);
        let mut naive = BTreeSet::new();
        let pairs: BTreeSet<_> = responses.iter()
            .filter(|one| one.group.id == 0)
            .map(|one| (one.member, one.event.id.clone()))
            .collect();
        for (member, event) in &pairs {
            let Some(time) = coming(&responses, *member, event) else { continue };
            let before = contacts.iter().enumerate()
                .filter(|(_, contact)| contact.member == *member && contact.time <= time);
            naive.extend(before.max_by_key(|(at, contact)| (contact.time, *at)).map(|(at, _)| at));
        }
        let at: BTreeSet<_> = found.iter().map(|one| one.contact).collect();
        prop_assert_eq!(at.len(), found.len(), "each contact once");
        prop_assert_eq!(&at, &naive);
        let rates = rates(&contacts, &found);
        if let Some(all) = rates.get("all") {
            prop_assert_eq!((all.contacts, all.conversions), (contacts.len(), found.len()));
        }
        let parts = rates.iter().filter(|(name, _)| *name != "all");
        let parts = parts.fold((0, 0), |sum, (_, r)| (sum.0 + r.contacts, sum.1 + r.conversions));
        prop_assert_eq!(parts, (contacts.len(), found.len()));
        // The chart holds each member who comes once, by whether a conversion says so.
        let bars = chart(&history(&responses), &mine(), &found, EventTime(0), HOUR, 1_001);
        let sum = bars.iter().fold((0, 0), |sum, b| (sum.0 + b.others, sum.1 + b.converted));
        let coming = pairs.iter().filter(|(who, event)| coming(&responses, *who, event).is_some());
        prop_assert_eq!(sum, (coming.count() - found.len(), found.len()));
    }

    #[test]
    fn candidates_equal_a_naive_recount(
        responses in responses(),
        contacts in contacts(),
        cooling in 0_u64..40,
    ) {
        let found = find(&responses, &contacts, cooling);
        let mut naive = BTreeSet::new();
        for member in 0..6_i64 {
            let told = || contacts.iter().filter(|contact| contact.member == member);
            let cools = told().any(|one| one.time.0 > NOW.0 - cooling.cast_signed() * HOUR);
            let of = |one: &&Response| one.member == member;
            if cools || responses.iter().filter(of).any(|one| one.group.id == 0) {
                continue;
            }
            let upcoming = |one: &&Response| one.group.id == 0 && one.event.time > Some(NOW);
            let open = responses.iter().filter(upcoming)
                .any(|own| !told().any(|contact| contact.event == own.event.id));
            // Without an own event nobody knows which topics are wanted, nor where.
            let fits = responses.iter().filter(of).any(|one| {
                [1, 2].contains(&one.group.id)
                    && coming(&responses, member, &one.event.id)
                        .is_some_and(|time| time.0 > NOW.0 - 24 * HOUR)
            });
            if fits && open {
                naive.insert(member);
            }
        }
        prop_assert_eq!(members(&found).into_iter().collect::<BTreeSet<_>>(), naive);
        for pair in found.windows(2) {
            prop_assert!(pair[0].score >= pair[1].score);
        }
        for one in &found {
            prop_assert!((0.0..=1.0).contains(&one.score));
            prop_assert!(one.reasons.km <= 50.0 && one.reasons.kept <= one.reasons.yes);
        }
    }

    #[test]
    fn the_order_of_responses_and_repetitions_do_not_matter(
        (responses, shuffled) in responses().prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle())),
        contacts in contacts(),
    ) {
        let twice: Vec<_> = shuffled.iter().chain(&responses).cloned().collect();
        prop_assert_eq!(history(&twice).responses(), history(&responses).responses());
        prop_assert_eq!(find(&responses, &contacts, 3), find(&twice, &contacts, 3));
        let of = |responses: &[Response]| conversions(&history(responses), &mine(), &contacts);
        prop_assert_eq!(of(&responses), of(&twice));
    }

    #[test]
    fn the_newest_answers_are_kept_and_those_of_mine(
        responses in responses(),
        max in 0_usize..40,
    ) {
        let all = history(&responses);
        let mut some = all.clone();
        let cut = some.keep_newest(max, |_, event, history| mine().owns(event, history));
        prop_assert_eq!(cut.is_some(), all.responses() > max);
        let cut = cut.unwrap_or(EventTime(0));
        let kept = |one: &&Response| one.time >= cut || one.group.id == 0;
        let kept: Vec<_> = responses.iter().filter(kept).cloned().collect();
        prop_assert_eq!(some.responses(), history(&kept).responses());
        let newer = responses.iter().filter(|one| one.time > cut).cloned().collect::<Vec<_>>();
        prop_assert!(max == 0 || history(&newer).responses() <= max);
        let of = |history: &History| own_events(history, &mine(), NOW, EventTime(0));
        prop_assert_eq!(of(&some), of(&all));
    }

    #[test]
    fn activity_and_reliability_equal_a_naive_recount_of_the_answers_that_are_known(
        (responses, shuffled) in responses().prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle())),
        max in 0_usize..40,
        hour in 965_i64..1_005,
    ) {
        let pairs = |responses: &[Response]| -> BTreeSet<_> {
            responses.iter().map(|one| (one.member, one.event.id.clone())).collect()
        };
        let last = |(member, event): &(i64, String)| {
            let of = |one: &&Response| one.member == *member && one.event.id == *event;
            responses.iter().filter(of).map(|one| (one.time, one.answer)).max().unwrap()
        };
        // By member: to how many events they said yes, and how many of these are still a yes.
        let naive = |from: EventTime| -> Vec<_> {
            let known = || pairs(&responses).into_iter().filter(|pair| last(pair).0 >= from);
            let said_yes = |pair: &(i64, String)| responses.iter()
                .any(|one| (one.member, &one.event.id, one.answer) == (pair.0, &pair.1, Answer::Yes));
            (0..6).map(|member| {
                let yes = known().filter(|pair| pair.0 == member && said_yes(pair));
                let yes: Vec<_> = yes.collect();
                let kept = yes.iter().filter(|pair| last(pair).1 == Answer::Yes).count();
                (yes.len(), kept)
            }).collect()
        };
        let told = |past: &Past| (0..6).map(|member| past.yes(member)).collect::<Vec<_>>();
        let twice: Vec<_> = shuffled.iter().chain(&responses).cloned().collect();
        let all = past(&twice);
        prop_assert_eq!(all.answers(), pairs(&responses).len());
        prop_assert_eq!(told(&all), naive(EventTime(0)));
        let mut some = all.clone();
        let cut = some.keep_newest(max);
        prop_assert_eq!(cut.is_some(), all.answers() > max);
        let cut = cut.unwrap_or(EventTime(0));
        prop_assert_eq!(told(&some), naive(cut));
        some.forget_before(EventTime(cut.0 + 1));
        prop_assert!(max == 0 || some.answers() <= max);
        let mut rest = all;
        rest.forget_before(EventTime(hour * HOUR));
        prop_assert_eq!(told(&rest), naive(EventTime(hour * HOUR)));
    }

    #[test]
    fn what_is_forgotten_leaves_what_would_have_been_without_it(
        responses in responses(),
        hour in 965_i64..1_005,
    ) {
        let mut all = history(&responses);
        all.forget_before(EventTime(hour * HOUR));
        let rest: Vec<_> =
            responses.iter().filter(|one| one.time.0 >= hour * HOUR).cloned().collect();
        let rest = history(&rest);
        prop_assert_eq!(all.responses(), rest.responses());
        let known = |history: &History| history.events().map(|e| e.id.clone()).collect::<Vec<_>>();
        prop_assert_eq!(known(&all), known(&rest));
        let of = |history: &History| own_events(history, &mine(), NOW, EventTime(0));
        prop_assert_eq!(of(&all), of(&rest));
        let id = |group: Option<&Group>| group.map(|group| group.id);
        prop_assert_eq!(id(busiest_group(&all, NOW)), id(busiest_group(&rest, NOW)));
    }
}
