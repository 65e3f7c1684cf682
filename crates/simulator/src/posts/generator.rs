//! The synthetic network: an endless iterator of events that is a function of its configuration
//! alone.
//!
//! No IO or waiting happens here. With [`EventTime::Paced`] not even the clock is read, and the
//! same configuration gives the same bytes.

mod others;
mod record;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use super::config::PostsConfig;
use super::event::{Body, Commit, Damage, Event, Kind, REPLACEMENTS};
use super::world::{World, did, push_tid};
use crate::bursts::Plan;
use crate::clock::Clock;
use crate::config::EventTime;
use crate::random::{Random, salted};

/// Posts that others may answer, quote, change or delete.
const RECENT_MAX: usize = 4096;
/// Posts that may be sent again.
const SENT_MAX: usize = 256;
/// The number of the first event with [`EventTime::Paced`]; like the network's of 2026.
const FIRST_SEQ: u64 = 30_000_000_001;
/// Numbers for every millisecond of a live stream, so that one that is started again begins where
/// no earlier run can have been: more than the fastest stream uses, and still no number that
/// clients would take for a time.
const SEQS_PER_MS: u64 = 128;
/// Share of events of each kind of news of an account.
const ACCOUNT_SHARES: [(&str, f64); 3] = [("identity", 0.015), ("account", 0.01), ("sync", 0.003)];
/// Shares of commits of posts that change or delete one.
const UPDATE_SHARE: f64 = 0.01;
const DELETE_SHARE: f64 = 0.06;
/// Share of events slightly behind the newest one, and the largest delay: servers write their
/// events side by side.
const JITTER_SHARE: f64 = 0.05;
const JITTER_US_MAX: i64 = 1_500_000;
/// How far behind late events are.
const LATE_US_MIN: i64 = 3_000_000;
const LATE_US_MAX: i64 = 600_000_000;
/// How long after a commit it may come once more: within the usual horizon of echoes.
const REPEAT_US_MAX: i64 = 300_000_000;
/// How long one account goes on with its hashtag. At 50 posts a second and the usual share of spam
/// that makes over a thousand posts.
const SPAM_MS: i64 = 600_000;

/// An endless synthetic stream of events.
#[derive(Debug)]
pub struct Generator {
    config: PostsConfig,
    clock: Clock,
    world: World,
    bursts: Plan,
    random: Random,
    recent: VecDeque<Address>,
    sent: VecDeque<Event>,
    /// The number of events made so far.
    number: u64,
    first_seq: u64,
    /// The time of the newest event. No two events have the same.
    front_us: i64,
}

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    account: u64,
    rkey: String,
}

/// Who posts, in what language, and with which hashtags at least.
struct Author {
    account: u64,
    language: usize,
    hashtag: Option<usize>,
    kind: Kind,
}

impl Generator {
    /// Returns a stream for `config`. It reads `clock` only with [`EventTime::Live`].
    #[must_use]
    pub fn new(config: PostsConfig, clock: Clock) -> Self {
        let usual = || match config.event_time {
            EventTime::Live => clock.now_ms().unsigned_abs().saturating_mul(SEQS_PER_MS),
            EventTime::Paced { .. } => FIRST_SEQ,
        };
        let first_seq = config.first_seq.unwrap_or_else(usual);
        Self {
            world: World::new(config.hashtags, config.accounts),
            bursts: Plan::new(config.seed),
            random: Random::new(salted(config.seed, 3)),
            recent: VecDeque::with_capacity(RECENT_MAX),
            sent: VecDeque::with_capacity(SENT_MAX),
            number: 0,
            first_seq,
            front_us: i64::MIN,
            config,
            clock,
        }
    }

    /// The number of the first event.
    pub(crate) fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// Moves on to the time of the event being made.
    fn advance(&mut self) -> i64 {
        let now_us = match self.config.event_time {
            EventTime::Live => self.clock.now_ms().saturating_mul(1000),
            EventTime::Paced { start_ms, per_second } => {
                // Within the event's own slice of time, so that distances differ.
                let place = salted(self.config.seed, self.number) % 1000;
                let thousandths = u128::from(self.number) * 1000 + u128::from(place);
                let elapsed_us = thousandths * 1000 / u128::from(per_second.get());
                let start_us = start_ms.saturating_mul(1000);
                start_us.saturating_add(i64::try_from(elapsed_us).unwrap_or(i64::MAX))
            }
        };
        self.front_us = self.front_us.saturating_add(1).max(now_us);
        self.number += 1;
        self.front_us
    }

    /// The time that the server gives the event.
    fn server_time(&mut self, now_us: i64) -> i64 {
        let behind_us = if self.random.chance(self.config.late_share) {
            self.random.between(LATE_US_MIN, LATE_US_MAX)
        } else if self.random.chance(JITTER_SHARE) {
            self.random.between(0, JITTER_US_MAX)
        } else {
            0
        };
        now_us - behind_us
    }

    fn event(&mut self, now_us: i64, account: u64, kind: Kind, body: Body) -> Event {
        Event {
            seq: self.first_seq + self.number - 1,
            time_us: self.server_time(now_us),
            did: did(account),
            kind,
            body,
            damage: None,
        }
    }

    fn new_post(&mut self, now_us: i64) -> Event {
        let author = self.draw_author(now_us);
        let address = Address { account: author.account, rkey: self.key(now_us) };
        let record = record::Writer {
            random: &mut self.random,
            world: &self.world,
            recent: &self.recent,
            now_us,
        };
        let record = record.post(&author, self.config.odd_share);
        let rkey = address.rkey.clone();
        let commit = self.commit(now_us, "create", record::POST, rkey, Some(record));
        let mut event = self.event(now_us, author.account, author.kind, Body::Commit(commit));
        if self.random.chance(self.config.malformed_share) {
            event.kind = Kind::Malformed;
            event.damage = Some(draw_damage(&mut self.random));
            return event;
        }
        push_limited(&mut self.recent, address, RECENT_MAX);
        push_limited(&mut self.sent, event.clone(), SENT_MAX);
        event
    }

    fn draw_author(&mut self, now_us: i64) -> Author {
        let now_ms = now_us.div_euclid(1000);
        if self.random.chance(self.config.spam_share) {
            let key =
                salted(salted(self.config.seed, 5), now_ms.div_euclid(SPAM_MS).cast_unsigned());
            return Author {
                account: self.config.accounts + key % 1000,
                language: 0,
                hashtag: Some(self.world.rare_hashtag(salted(key, 1))),
                kind: Kind::Spam,
            };
        }
        let burst = self.bursts.of_slot(now_ms);
        let bursts = burst.is_on(now_ms) && self.random.chance(burst.share);
        Author {
            account: self.world.draw_account(&mut self.random),
            language: self.world.draw_language(&mut self.random),
            hashtag: bursts.then(|| self.world.rare_hashtag(burst.key)),
            kind: Kind::Post,
        }
    }

    /// A key that no other record has.
    fn key(&mut self, now_us: i64) -> String {
        let mut key = String::new();
        push_tid(&mut key, now_us, self.random.below(1024));
        key
    }

    fn commit(
        &mut self,
        now_us: i64,
        operation: &'static str,
        collection: &'static str,
        rkey: String,
        record: Option<String>,
    ) -> Commit {
        let record = record.map(|json| (json, super::world::cid(self.random.bits())));
        Commit { operation, collection, rkey, rev: self.key(now_us), record }
    }

    /// The commit of a post once more.
    fn repeat(&mut self, now_us: i64) -> Option<Event> {
        let sent = self.sent.get(self.random.index(self.sent.len()))?.clone();
        if sent.time_us < now_us - REPEAT_US_MAX {
            return None;
        }
        let seq = self.first_seq + self.number - 1;
        Some(Event { seq, time_us: now_us, kind: Kind::Repeat, ..sent })
    }
}

impl Iterator for Generator {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let now_us = self.advance();
        if self.random.chance(self.config.repeat_share)
            && let Some(event) = self.repeat(now_us)
        {
            return Some(event);
        }
        let mut roll = self.random.unit();
        for (name, share) in ACCOUNT_SHARES {
            roll -= share;
            if roll < 0.0 {
                return Some(self.account_news(now_us, name));
            }
        }
        if !self.random.chance(self.config.post_share) {
            return Some(self.other_record(now_us));
        }
        let roll = self.random.unit();
        Some(if roll < UPDATE_SHARE {
            self.changed_post(now_us, "update")
        } else if roll < UPDATE_SHARE + DELETE_SHARE {
            self.changed_post(now_us, "delete")
        } else {
            self.new_post(now_us)
        })
    }
}

fn draw_damage(random: &mut Random) -> Damage {
    match random.index(REPLACEMENTS.len() + 3) {
        0 => Damage::CutShort(100 + random.index(800)),
        1 => Damage::Twice,
        2 => Damage::NoJson,
        place => {
            let (piece, other) = REPLACEMENTS[place - 3];
            Damage::Replaced(piece, other)
        }
    }
}

fn push_limited<T>(queue: &mut VecDeque<T>, item: T, count_max: usize) {
    if queue.len() == count_max {
        queue.pop_front();
    }
    queue.push_back(item);
}
