//! The fictional world of the RSVPs: topics, groups, venues.
//!
//! It is built once from the seed, with everything that stays the same from message to message
//! already written as JSON. Shares of odd values follow the recordings of the real stream; the
//! names are ours.

mod groups;
mod odd;
mod places;
mod topics;
mod words;

pub(crate) use groups::{Group, index_of};
pub(crate) use odd::decorated;
pub(crate) use topics::{TOPICS_MAX, Topic};
pub(crate) use words::OCCASIONS;

use crate::random::{Random, Weighted};

/// Mandelbrot's offset that gives the most common topic 2.5 % of all mentions, as in the recordings.
const TOPIC_OFFSET: f64 = 5.3;
/// A gentler law for groups: the busiest of 4,000 gets about half a percent of the messages.
const GROUP_OFFSET: f64 = 40.0;

/// Topics and groups, with the laws by which they are drawn.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) topics: Vec<Topic>,
    pub(crate) groups: Vec<Group>,
    group_law: Weighted,
    /// For each topic the groups that carry it, in ascending order.
    groups_of_topic: Vec<Vec<usize>>,
}

impl World {
    /// Builds the world of a seed.
    pub(crate) fn new(seed: u64, topic_count: usize, group_count: usize) -> Self {
        let mut random = Random::new(seed);
        let topics = topics::build(&mut random, topic_count);
        let topic_law = Weighted::zipf(topics.len(), TOPIC_OFFSET);
        let groups = groups::build(&mut random, group_count, &topics, &topic_law);
        let mut groups_of_topic = vec![Vec::new(); topics.len()];
        for (index, group) in groups.iter().enumerate() {
            for &topic in &group.topics {
                groups_of_topic[topic].push(index);
            }
        }
        Self {
            group_law: Weighted::zipf(groups.len(), GROUP_OFFSET),
            topics,
            groups,
            groups_of_topic,
        }
    }

    /// Draws a group in proportion to how busy it is.
    pub(crate) fn draw_group(&self, random: &mut Random) -> usize {
        self.group_law.draw(random)
    }

    /// The groups that carry a topic.
    pub(crate) fn groups_of(&self, topic: usize) -> &[usize] {
        &self.groups_of_topic[topic]
    }
}
