//! What happened in one pane: counts by country and by topic.
//!
//! Mergeable in any order with the same result, and serialisable: one partition's part of a pane
//! today, one process's part later.

#[cfg(test)]
mod tests;

use indexmap::IndexMap;
use pulso_model::{Coordinate, CoordinateSum, Response, ResponseKind};
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use crate::pairs;

type Map<V> = IndexMap<Box<str>, V, FxBuildHasher>;

/// Sums over responses of one kind in one country.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    pub responses: u64,
    pub guests: u64,
    pub attendees: u64,
    pub location: CoordinateSum,
}

/// A country's activity by kind, with the kinds that occurred only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountryActivity<'a> {
    pub country: &'a str,
    pub kind: ResponseKind,
    pub activity: Activity,
}

/// The responses of one pane, added up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PaneAggregate {
    #[serde(with = "pairs")]
    countries: Map<[Activity; KINDS.len()]>,
    #[serde(with = "pairs")]
    topics: Map<TopicAggregate>,
}

const KINDS: [ResponseKind; 3] = [ResponseKind::No, ResponseKind::Waitlist, ResponseKind::Yes];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TopicAggregate {
    /// The smallest of the names seen.
    name: Box<str>,
    /// By index into `countries`; few for nearly every topic, so a list beats a map.
    countries: Vec<(usize, TopicCount)>,
}

/// Responses that carry a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TopicCount {
    pub(crate) count: u32,
    pub(crate) location: CoordinateSum,
}

impl PaneAggregate {
    /// Adds one response.
    pub fn add(&mut self, response: &Response<'_>) {
        let country = self.country(&response.group.country);
        let activity = &mut self.countries[country][response.kind as usize];
        activity.responses += 1;
        activity.guests += u64::from(response.guests);
        activity.attendees += u64::from(response.attendees());
        activity.location.add(response.group.coordinate);
        let count = one(response.group.coordinate);
        for topic in &response.topics {
            self.add_topic(&topic.key, &topic.name, [(country, count)]);
        }
    }

    /// Adds what another part of the same pane has.
    pub fn merge(&mut self, other: &Self) {
        let mut countries = Vec::with_capacity(other.countries.len());
        for (country, theirs) in &other.countries {
            let index = self.country(country);
            countries.push(index);
            for (ours, theirs) in self.countries[index].iter_mut().zip(theirs) {
                ours.responses += theirs.responses;
                ours.guests += theirs.guests;
                ours.attendees += theirs.attendees;
                ours.location.merge(&theirs.location);
            }
        }
        for (key, topic) in &other.topics {
            let counts = topic.countries.iter().map(|&(index, count)| (countries[index], count));
            self.add_topic(key, &topic.name, counts);
        }
    }

    /// What happened in each country, ordered by country and kind.
    pub fn activity(&self) -> Vec<CountryActivity<'_>> {
        let mut all = Vec::new();
        for (country, kinds) in &self.countries {
            for (kind, activity) in KINDS.into_iter().zip(*kinds) {
                if activity.responses > 0 {
                    all.push(CountryActivity { country, kind, activity });
                }
            }
        }
        all.sort_by_key(|entry| (entry.country, entry.kind));
        all
    }

    /// Each topic with its name and its counts by country, in no particular order.
    pub(crate) fn topics(
        &self,
    ) -> impl Iterator<Item = (&str, &str, impl Iterator<Item = (&str, TopicCount)>)> {
        self.topics.iter().map(|(key, topic)| {
            let counts = topic.countries.iter().map(|&(index, count)| {
                let (country, _) = self.countries.get_index(index).expect("indices stay valid");
                (&**country, count)
            });
            (&**key, &*topic.name, counts)
        })
    }

    fn country(&mut self, country: &str) -> usize {
        match self.countries.get_index_of(country) {
            Some(index) => index,
            None => self.countries.insert_full(country.into(), Default::default()).0,
        }
    }

    fn add_topic(
        &mut self,
        key: &str,
        name: &str,
        counts: impl IntoIterator<Item = (usize, TopicCount)>,
    ) {
        let topic = match self.topics.get_index_of(key) {
            Some(index) => &mut self.topics[index],
            None => {
                let new = TopicAggregate { name: name.into(), countries: Vec::new() };
                self.topics.entry(key.into()).or_insert(new)
            }
        };
        if *name < *topic.name {
            topic.name = name.into();
        }
        for (country, theirs) in counts {
            match topic.countries.iter_mut().find(|(index, _)| *index == country) {
                Some((_, ours)) => {
                    ours.count += theirs.count;
                    ours.location.merge(&theirs.location);
                }
                None => topic.countries.push((country, theirs)),
            }
        }
    }
}

fn one(coordinate: Option<Coordinate>) -> TopicCount {
    let mut location = CoordinateSum::default();
    location.add(coordinate);
    TopicCount { count: 1, location }
}
