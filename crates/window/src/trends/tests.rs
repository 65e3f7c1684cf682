use std::borrow::Cow;
use std::time::Duration;

use pulso_model::{Event, EventTime, Group, Member, Response, ResponseKind, Topic};

use super::*;
use crate::{SlidingWindow, TrendSettings};

fn settings() -> Settings {
    Settings {
        window: SlidingWindow::new(Duration::from_secs(20), Duration::from_secs(10)).unwrap(),
        trends: TrendSettings {
            count_above: 0,
            topics_max: 1000,
            country_topics_max: 1000,
            baseline: Duration::from_secs(40),
        },
        ..Settings::default()
    }
}

/// A pane in which each topic occurs as often as said.
fn pane(counts: &[(&str, u32)]) -> PaneAggregate {
    let mut pane = PaneAggregate::default();
    for &(topic, count) in counts {
        for _ in 0..count {
            pane.add(&Response {
                rsvp_id: 1,
                event_time: EventTime(0),
                kind: ResponseKind::Yes,
                guests: 0,
                member: Member { id: 1, name: None },
                event: Event { id: "e".into(), name: None, url: None, time: None },
                group: Group {
                    id: 1,
                    name: None,
                    urlname: None,
                    city: None,
                    state: None,
                    country: "DE".into(),
                    coordinate: None,
                },
                venue: None,
                topics: vec![Topic { key: Cow::Borrowed(topic), name: Cow::Borrowed(topic) }],
            });
        }
    }
    pane
}

fn score_of(trends: &Trends, topic: &str) -> f64 {
    let lists = trends.lists(&settings());
    lists.worldwide.iter().find(|trend| &*trend.topic == topic).unwrap().score
}

#[test]
fn a_topic_that_jumps_scores_above_one_that_is_always_big() {
    let mut trends = Trends::new(EventTime(0));
    for _ in 0..6 {
        trends.step(Some(&pane(&[("big", 50), ("small", 2)])), &settings());
    }
    assert_eq!(score_of(&trends, "big"), 0.0, "100 in every window of the baseline");
    trends.step(Some(&pane(&[("big", 50), ("small", 20)])), &settings());
    assert_eq!(score_of(&trends, "big"), 0.0);
    assert_eq!(score_of(&trends, "small"), 18.0, "22 where 4 is usual");
}

#[test]
fn nothing_is_left_of_topics_that_are_gone() {
    let mut trends = Trends::new(EventTime(0));
    let names: Vec<String> = (0..3 * 4096).map(|number| format!("topic-{number}")).collect();
    for name in &names {
        trends.step(Some(&pane(&[(name, 1), ("stays", 1)])), &settings());
    }
    assert!(trends.tables.len() < 2 * 4096 + 10, "{} entries", trends.tables.len());
    assert_eq!(score_of(&trends, "stays"), 0.0);
    for _ in 0..10 {
        trends.step(None, &settings());
    }
    assert!(trends.is_empty());
    assert_eq!(trends.lists(&settings()), Lists::default());
}
