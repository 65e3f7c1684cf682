//! The synthetic stream: an endless iterator of messages that depends only on its configuration.
//!
//! It does no IO and never waits. With [`EventTime::Paced`] it does not even read the clock, and
//! the same configuration gives the same bytes. A message is kept as a [`Response`] of a few dozen
//! bytes and written out only when its turn comes, so millions of echoes and changes can be pending
//! without holding their texts.

mod bursts;
mod delays;
mod malformed;
mod render;
mod response;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::clock::Clock;
use crate::config::EventTime;
use crate::random::{Random, salted, unit};
use crate::rsvps::config::SyntheticConfig;
use crate::rsvps::generated::{Generated, Kind, rounded_second};
use crate::rsvps::invitations::Invitations;
use crate::rsvps::world::{World, index_of};
use bursts::Bursts;
use response::{Response, WEEK_MS};

/// The most echoes, repeats and changes that may be pending; beyond it no new ones are planned. At
/// 100,000 messages a second about half of this is used.
const PENDING_MAX: usize = 1_000_000;
/// Few messages are longer than this; one that is makes the buffer grow once.
const SCRATCH_BYTES: usize = 4096;
/// Share of changes of mind that are followed by another one.
const CHANGE_AGAIN_SHARE: f64 = 0.2;
/// Share of invited members who say yes, and when: more than in life, so that there is something to see.
const ACCEPTED_SHARE: f64 = 0.3;
const ACCEPTED_MS: (i64, i64) = (5_000, 60_000);
/// Share of these who change their mind.
const REGRETTED_SHARE: f64 = 0.1;
/// Share of messages slightly behind the newest one, and how far behind they are at most.
const JITTER_SHARE: f64 = 0.013;
const JITTER_MS_MAX: i64 = 135;

/// An endless synthetic stream.
#[derive(Debug)]
pub struct Generator {
    config: SyntheticConfig,
    clock: Clock,
    world: World,
    bursts: Bursts,
    random: Random,
    pending: BinaryHeap<Reverse<Pending>>,
    /// The text being written.
    scratch: String,
    /// Messages made so far.
    number: u64,
    next_rsvp_id: i64,
    invitations: Invitations,
    /// The event time of the newest message; never goes back.
    front_ms: i64,
}

/// Something to send when event time reaches `due_ms`. `number` keeps equal times in a fixed order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pending {
    due_ms: i64,
    number: u64,
    kind: Kind,
    response: Response,
}

impl Generator {
    /// Creates a stream for `config`. `clock` is read only with [`EventTime::Live`].
    #[must_use]
    pub fn new(config: SyntheticConfig, clock: Clock) -> Self {
        let world = World::new(config.seed, config.topics, config.groups);
        Self {
            bursts: Bursts::new(config.seed, &world),
            random: Random::new(salted(config.seed, 1)),
            pending: BinaryHeap::new(),
            scratch: String::with_capacity(SCRATCH_BYTES),
            number: 0,
            next_rsvp_id: first_rsvp_id(&config.event_time, &clock),
            invitations: Invitations::default(),
            front_ms: i64::MIN,
            config,
            clock,
            world,
        }
    }

    /// The event time of the message being made.
    fn advance(&mut self) -> i64 {
        let now_ms = match self.config.event_time {
            EventTime::Live => self.clock.now_ms(),
            EventTime::Paced { start_ms, per_second } => {
                // A place inside the message's own slice of time: otherwise one message a second would always fall on
                // a whole second, and no echo would differ from its original.
                let place = salted(self.config.seed, self.number) % 1000;
                let thousandths = u128::from(self.number) * 1000 + u128::from(place);
                let elapsed_ms = thousandths / u128::from(per_second.get());
                start_ms.saturating_add(i64::try_from(elapsed_ms).unwrap_or(i64::MAX))
            }
        };
        self.front_ms = self.front_ms.max(now_ms);
        self.number += 1;
        self.front_ms
    }

    /// Where members are invited. The stream depends on nothing else as long as nobody is.
    pub(crate) fn invitations(&self) -> Invitations {
        self.invitations.clone()
    }

    /// Lets some of those who were invited say yes a moment later.
    fn hear_invitations(&mut self, now_ms: i64) {
        for invitation in self.invitations.take() {
            let group = index_of(invitation.group_id);
            let group = group.filter(|group| *group < self.world.groups.len());
            let (Some(group), true) = (group, self.random.chance(ACCEPTED_SHARE)) else { continue };
            let due_ms = now_ms + self.random.between(ACCEPTED_MS.0, ACCEPTED_MS.1);
            let mut response = Response::new(&mut self.random, self.next_rsvp_id, group, due_ms);
            response.event_week = invitation.event_time_ms.div_euclid(WEEK_MS);
            response.member = invitation.member_id - render::FIRST_MEMBER_ID;
            (response.yes, response.guests) = (true, 0);
            self.next_rsvp_id += 1;
            self.plan(due_ms, Kind::Fresh, &response);
            if self.random.chance(REGRETTED_SHARE) {
                let due_ms = due_ms + delays::change_ms(&mut self.random);
                self.plan(due_ms, Kind::Change, &response);
            }
        }
    }

    fn next_due(&mut self, now_ms: i64) -> Option<Pending> {
        let Reverse(first) = self.pending.peek()?;
        if first.due_ms > now_ms {
            return None;
        }
        self.pending.pop().map(|Reverse(pending)| pending)
    }

    fn resend(&mut self, pending: Pending, now_ms: i64) -> Generated {
        let Pending { kind, mut response, .. } = pending;
        match kind {
            Kind::Echo => response.mtime_ms = rounded_second(response.mtime_ms) * 1000,
            Kind::Change => {
                response.change(&mut self.random);
                response.mtime_ms = now_ms;
                self.plan_copies(&response, now_ms);
                if self.random.chance(CHANGE_AGAIN_SHARE) {
                    let due_ms = now_ms + delays::change_ms(&mut self.random);
                    self.plan(due_ms, Kind::Change, &response);
                }
            }
            Kind::Fresh | Kind::Repeat | Kind::Late | Kind::Malformed | Kind::Recorded => {}
        }
        self.written(&response, kind)
    }

    fn fresh(&mut self, now_ms: i64) -> Generated {
        let late = self.random.chance(self.config.late_share);
        let mtime_ms = if late {
            delays::late_mtime(&mut self.random, now_ms)
        } else if self.random.chance(JITTER_SHARE) {
            now_ms - self.random.between(0, JITTER_MS_MAX)
        } else {
            now_ms
        };
        let burst_group = self.bursts.draw_group(&mut self.random, &self.world, now_ms);
        let group = burst_group.unwrap_or_else(|| self.world.draw_group(&mut self.random));
        let response = Response::new(&mut self.random, self.next_rsvp_id, group, mtime_ms);
        self.next_rsvp_id += 1;
        if self.random.chance(self.config.malformed_share) {
            let mut message = self.written(&response, Kind::Malformed);
            message.payload = malformed::broken(&mut self.random, &message.payload);
            message.mtime_ms = now_ms;
            return message;
        }
        if late {
            // Already on a whole second: its echo would be a plain repeat and blur both shares.
            return self.written(&response, Kind::Late);
        }
        self.plan_copies(&response, now_ms);
        if self.random.chance(self.config.change_share) {
            let due_ms = now_ms + delays::change_ms(&mut self.random);
            self.plan(due_ms, Kind::Change, &response);
        }
        self.written(&response, Kind::Fresh)
    }

    fn plan_copies(&mut self, response: &Response, now_ms: i64) {
        // The configured shares are of all messages, copies included.
        let originals = 1.0 - self.config.echo_share - self.config.repeat_share;
        let roll = self.random.unit() * originals;
        if roll < self.config.echo_share {
            let due_ms = now_ms + delays::echo_ms(&mut self.random);
            self.plan(due_ms, Kind::Echo, response);
        } else if roll < self.config.echo_share + self.config.repeat_share {
            let due_ms = now_ms + delays::repeat_ms(&mut self.random);
            self.plan(due_ms, Kind::Repeat, response);
        }
    }

    fn plan(&mut self, due_ms: i64, kind: Kind, response: &Response) {
        if self.pending.len() < PENDING_MAX {
            let pending = Pending { due_ms, number: self.number, kind, response: response.clone() };
            self.pending.push(Reverse(pending));
        }
    }

    fn written(&mut self, response: &Response, kind: Kind) -> Generated {
        self.scratch.clear();
        render::push_message(&mut self.scratch, &self.world, response);
        // A copy of exactly its size: a server keeps many messages, and should keep no spare capacity with them.
        Generated { mtime_ms: response.mtime_ms, payload: self.scratch.as_str().to_owned(), kind }
    }
}

impl Iterator for Generator {
    type Item = Generated;

    fn next(&mut self) -> Option<Generated> {
        let now_ms = self.advance();
        self.hear_invitations(now_ms);
        let message = match self.next_due(now_ms) {
            Some(pending) => self.resend(pending, now_ms),
            None => self.fresh(now_ms),
        };
        Some(message)
    }
}

/// The first id of the stream. With a given event time it has ten digits like the real ones.
///
/// A live stream may be restarted while a consumer still knows the RSVPs of the last run, so its
/// ids begin where no earlier run can have arrived: 128 ids per millisecond are more than the
/// fastest stream uses.
fn first_rsvp_id(event_time: &EventTime, clock: &Clock) -> i64 {
    match event_time {
        EventTime::Live => clock.now_ms().saturating_mul(128),
        EventTime::Paced { .. } => 1_600_000_000,
    }
}

/// Returns true for a share of all keys. A function of its arguments.
fn chance_of(key: u64, salt: u64, share: f64) -> bool {
    unit(salted(key, salt)) < share
}
