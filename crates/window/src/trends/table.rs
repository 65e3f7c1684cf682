//! Running counts of every topic alive, worldwide and by country.

use std::sync::Arc;

use indexmap::IndexMap;
use pulso_model::CoordinateSum;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use crate::{PaneAggregate, columns, pairs};

/// Compaction is worth its cost when this many entries could be dead.
const COMPACT_MIN: usize = 4096;

/// A number that says what is usual: counts of the window one baseline ago and sums in between.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Running {
    /// In the current window.
    count: u32,
    /// In the window that leaves the baseline next.
    old: u32,
    /// Over the windows of the baseline.
    sum: u64,
    sum_of_squares: u64,
    /// Panes of the history that name this entry.
    panes: u32,
}

impl Running {
    fn slide_baseline(&mut self) {
        let (count, old) = (u64::from(self.count), u64::from(self.old));
        self.sum = self.sum + count - old;
        self.sum_of_squares = self.sum_of_squares + count * count - old * old;
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Topic {
    running: Running,
    location: CoordinateSum,
    /// The names in the window and in how many of its panes each is; nearly always one.
    names: Vec<(Arc<str>, u32)>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct CountryTopic {
    running: Running,
    location: CoordinateSum,
}

type Map<K, V> = IndexMap<K, V, FxBuildHasher>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tables {
    #[serde(with = "pairs")]
    topics: Map<Arc<str>, Topic>,
    #[serde(with = "pairs")]
    countries: Map<Arc<str>, ()>,
    /// By index of country and of topic.
    #[serde(with = "pairs")]
    country_topics: Map<(u32, u32), CountryTopic>,
}

/// What one pane added, by index into the tables.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct PaneCounts {
    #[serde(with = "columns")]
    topics: Vec<(u32, u32)>,
    #[serde(with = "columns")]
    country_topics: Vec<(u32, u32)>,
    /// Beside `topics` and `country_topics`; empty once the pane has left the window.
    names: Vec<Arc<str>>,
    locations: Vec<CoordinateSum>,
}

/// The counts of one topic, worldwide or in one country.
pub(super) struct Counted<'a> {
    pub(super) key: &'a Arc<str>,
    pub(super) name: &'a Arc<str>,
    pub(super) count: u32,
    pub(super) sum: u64,
    pub(super) sum_of_squares: u64,
    pub(super) location: CoordinateSum,
}

impl Tables {
    /// Entries alive or not yet dropped.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.topics.len().max(self.country_topics.len())
    }

    /// The current window becomes the newest of the baseline, and the oldest leaves it.
    pub(super) fn slide_baseline(&mut self) {
        for topic in self.topics.values_mut() {
            topic.running.slide_baseline();
        }
        for entry in self.country_topics.values_mut() {
            entry.running.slide_baseline();
        }
    }

    /// Adds a pane to the window.
    pub(super) fn enter(&mut self, pane: &PaneAggregate) -> PaneCounts {
        let mut counts = PaneCounts::default();
        for (key, name, by_country) in pane.topics() {
            let topic_index = index_of(&mut self.topics, key);
            let mut total = 0;
            for (country, added) in by_country {
                let country = self.country(country);
                let place = (index_u32(country), index_u32(topic_index));
                let entry = self.country_topics.entry(place);
                let index = entry.index();
                let entry = entry.or_default();
                entry.running.count += added.count;
                entry.running.panes += 1;
                entry.location.merge(&added.location);
                counts.country_topics.push((index_u32(index), added.count));
                counts.locations.push(added.location);
                self.topics[topic_index].location.merge(&added.location);
                total += added.count;
            }
            let topic = &mut self.topics[topic_index];
            topic.running.count += total;
            topic.running.panes += 1;
            counts.topics.push((index_u32(topic_index), total));
            counts.names.push(topic.add_name(name));
        }
        counts
    }

    /// Takes a pane away from the window.
    pub(super) fn leave(&mut self, pane: &mut PaneCounts) {
        for (&(index, count), name) in pane.topics.iter().zip(&pane.names) {
            let topic = &mut self.topics[index as usize];
            topic.running.count -= count;
            topic.remove_name(name);
        }
        for (&(index, count), location) in pane.country_topics.iter().zip(&pane.locations) {
            let (place, entry) =
                self.country_topics.get_index_mut(index as usize).expect("the pane entered it");
            entry.running.count -= count;
            entry.location.remove(location);
            self.topics[place.1 as usize].location.remove(location);
        }
        pane.names = Vec::new();
        pane.locations = Vec::new();
        // From now on their order means nothing, and in this one they are stored in half the room.
        pane.topics.sort_unstable();
        pane.country_topics.sort_unstable();
    }

    /// Adds a pane to the window that leaves the baseline next.
    pub(super) fn enter_old(&mut self, pane: &PaneCounts) {
        self.each(pane, |running, count| running.old += count);
    }

    /// Takes a pane away for good.
    pub(super) fn leave_old(&mut self, pane: &PaneCounts) {
        self.each(pane, |running, count| {
            running.old -= count;
            running.panes -= 1;
        });
    }

    fn each(&mut self, pane: &PaneCounts, change: impl Fn(&mut Running, u32)) {
        for &(index, count) in &pane.topics {
            change(&mut self.topics[index as usize].running, count);
        }
        for &(index, count) in &pane.country_topics {
            change(&mut self.country_topics[index as usize].running, count);
        }
    }

    /// Drops entries that no pane names any more, so that nothing grows with the log.
    pub(super) fn compact<'a>(&mut self, panes: impl Iterator<Item = &'a mut PaneCounts>) {
        let dead = |running: &Running| running.panes == 0;
        let dead_topics = self.topics.values().filter(|topic| dead(&topic.running)).count();
        let dead_pairs = self.country_topics.values().filter(|entry| dead(&entry.running)).count();
        let worth = |dead: usize, all: usize| dead >= COMPACT_MIN && dead * 2 > all;
        if !worth(dead_topics, self.topics.len()) && !worth(dead_pairs, self.country_topics.len()) {
            return;
        }
        let old = std::mem::take(self);
        let mut topics = Vec::with_capacity(old.topics.len());
        for (key, topic) in old.topics {
            topics.push(if dead(&topic.running) {
                None
            } else {
                Some(index_u32(self.topics.insert_full(key, topic).0))
            });
        }
        let mut pairs = Vec::with_capacity(old.country_topics.len());
        for ((country, topic), entry) in old.country_topics {
            pairs.push(if dead(&entry.running) {
                None
            } else {
                let country = self.country(country_name(&old.countries, country));
                let topic = topics[topic as usize].expect("a topic outlives its countries");
                let place = (index_u32(country), topic);
                Some(index_u32(self.country_topics.insert_full(place, entry).0))
            });
        }
        for pane in panes {
            for (index, _) in &mut pane.topics {
                *index = topics[*index as usize].expect("a named topic is alive");
            }
            for (index, _) in &mut pane.country_topics {
                *index = pairs[*index as usize].expect("a named country and topic are alive");
            }
        }
    }

    /// Topics with more than `above` responses in the window.
    pub(super) fn topics(&self, above: u32) -> impl Iterator<Item = Counted<'_>> {
        let all = self.topics.iter().filter(move |(_, topic)| topic.running.count > above);
        all.map(|(key, topic)| counted(key, topic.name(), &topic.running, topic.location))
    }

    /// The same for each country.
    pub(super) fn country_topics(
        &self,
        above: u32,
    ) -> impl Iterator<Item = (&Arc<str>, Counted<'_>)> {
        let all = self.country_topics.iter().filter(move |(_, e)| e.running.count > above);
        all.map(|(&(country, topic), entry)| {
            let (key, topic) =
                self.topics.get_index(topic as usize).expect("a topic outlives its countries");
            let counted = counted(key, topic.name(), &entry.running, entry.location);
            (country_name(&self.countries, country), counted)
        })
    }

    fn country(&mut self, country: &str) -> usize {
        match self.countries.get_index_of(country) {
            Some(index) => index,
            None => self.countries.insert_full(country.into(), ()).0,
        }
    }
}

impl Topic {
    fn add_name(&mut self, name: &str) -> Arc<str> {
        if let Some((known, panes)) = self.names.iter_mut().find(|(known, _)| &**known == name) {
            *panes += 1;
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.names.push((Arc::clone(&name), 1));
        name
    }

    fn remove_name(&mut self, name: &Arc<str>) {
        let place = self.names.iter().position(|(known, _)| known == name);
        let place = place.expect("the pane brought the name");
        self.names[place].1 -= 1;
        if self.names[place].1 == 0 {
            self.names.swap_remove(place);
        }
    }

    fn name(&self) -> &Arc<str> {
        let names = self.names.iter().map(|(name, _)| name);
        names.min().expect("a topic with responses in the window has a name")
    }
}

fn counted<'a>(
    key: &'a Arc<str>,
    name: &'a Arc<str>,
    running: &Running,
    location: CoordinateSum,
) -> Counted<'a> {
    let Running { count, sum, sum_of_squares, .. } = *running;
    Counted { key, name, count, sum, sum_of_squares, location }
}

fn index_of(topics: &mut Map<Arc<str>, Topic>, key: &str) -> usize {
    match topics.get_index_of(key) {
        Some(index) => index,
        None => topics.insert_full(key.into(), Topic::default()).0,
    }
}

fn country_name(countries: &Map<Arc<str>, ()>, index: u32) -> &Arc<str> {
    countries.get_index(index as usize).expect("a country stays as long as its topics").0
}

fn index_u32(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 topics are alive")
}
