//! How a source goes on after its last stored message, and whether anything may be missing then.
//!
//! The position of a source is the largest time stored. Messages do not always come in the order of their
//! times: one that came while there was no connection may be older than one that is stored. So the source is
//! asked from a margin before its position. What comes again is an echo. A source that numbers its messages is
//! asked by the number of the last one, as long as it is the same host.
//!
//! A source keeps only so much. One that still has everything after the newest stored message nearly
//! always has that message, too, and sends it again before anything newer. If it does not, those
//! between the two may be missing.
//!
//! | asked from | when | what may be missing |
//! | --- | --- | --- |
//! | the margin before the position | as a rule | what the source no longer has |
//! | the position | the last connection only repeated messages | what came out of order meanwhile |
//! | now | something there cannot be received, or nothing is stored | all that came meanwhile |
//!
//! A host that gives nothing is followed by the next one.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use pulso_model::EventTime;
use pulso_pipeline::SourceCursor;
use pulso_runtime::config::Source;
use tokio::time::Instant;

use super::lost::Lost;
use super::protocol::{Mark, Number, Place, Protocol, Request, Start, host};
use crate::buffer::Times;

/// Messages that came a little before the newest stored one may be newer: milliseconds are not quite
/// in order, echoes are rounded up by half a second, of a batch only the last few are asked, and another
/// host has another clock.
const NEARLY_ORDERED: Duration = Duration::from_secs(1);

/// How far a server's clock may be ahead of this machine's for its times to be cursors.
const CLOCKS_APART_MS: i64 = 60_000;

/// How far back the source is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Margin,
    Position,
    Now,
}

/// Whether what comes follows on what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joint {
    /// The newest stored message has not come again; the oldest of the newer ones has.
    Open { newer: Option<EventTime> },
    /// It has, or it was not asked for, or its absence has been reported.
    Settled,
}

/// A stretch of the source in which messages may be missing; nobody knows whether there were any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// At most.
    pub(super) length: Duration,
    pub(super) reason: &'static str,
}

/// Decides; does nothing itself.
#[derive(Debug)]
pub(super) struct Resume<'a> {
    source: &'a Source,
    protocol: Protocol,
    /// Which of the source's urls is asked.
    url: usize,
    /// What the source is, or was last, asked to go on from.
    position: Option<Place>,
    /// The place of the last message, stored or not yet.
    newest: Option<Place>,
    reach: Reach,
    joint: Joint,
    /// Whether the last request named a number, and nothing has come since.
    awaits_number: bool,
    /// Whether numbers are of use: the host has not just failed to give what was asked by one.
    trusts_numbers: bool,
    /// Whether this connection gave anything newer than the position.
    went_on: bool,
    /// When a message last came that was no repetition.
    followed_until: Option<Instant>,
    /// What the source calls the place behind the message that it gives.
    id: Option<Arc<str>>,
}

impl<'a> Resume<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self {
            source,
            protocol: Protocol::of(source),
            url: 0,
            position: None,
            newest: None,
            reach: Reach::Margin,
            joint: Joint::Settled,
            awaits_number: false,
            trusts_numbers: true,
            went_on: false,
            followed_until: None,
            id: None,
        }
    }

    pub(super) fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    /// Whether [`request`](Self::request) needs the position at all.
    pub(super) fn needs_position(&self) -> bool {
        self.protocol.resumes()
    }

    /// Whether a source that sends nothing of its own may be well. One that was asked for a message by
    /// its number has that, and sends it at once.
    pub(super) fn may_be_silent(&self) -> bool {
        self.protocol.may_be_silent() && !self.awaits_number
    }

    /// Asks the source to go on after the newest stored message.
    pub(super) fn request(&mut self, last: Option<&SourceCursor>) -> Request {
        let position = last.and_then(|last| self.protocol.place(&last.cursor));
        let position = position.map(|position| self.trusted(position));
        let position = position.filter(|position| self.protocol.knows(position));
        if self.newest.is_none() {
            self.go_to_host_of(position.as_ref());
        }
        if position != self.position {
            (self.position, self.reach) = (position, Reach::Margin);
        }
        // What a source repeats is older than what is stored, and must not move that back.
        if let Some(position) = &self.position
            && self.newest.as_ref().is_none_or(|newest| newest.time < position.time)
        {
            self.newest = Some(position.clone());
        }
        (self.joint, self.went_on) = (Joint::Settled, false);
        let start = match (&self.position, self.reach) {
            (Some(place), Reach::Margin) if self.protocol.goes_on_behind(place) => {
                // What comes is new, whatever its time.
                self.went_on = true;
                Start::After(place)
            }
            (Some(place), Reach::Margin) if self.needs_position() => {
                self.joint = Joint::Open { newer: None };
                Start::Before(place, self.source.resume_margin)
            }
            (Some(place), Reach::Position) => Start::After(place),
            _ => Start::Live,
        };
        let request = self.protocol.request(&self.source.urls[self.url], start);
        self.awaits_number = request.by_number && self.reach == Reach::Margin;
        request
    }

    /// A place without what the source has just failed to know.
    fn trusted(&self, place: Place) -> Place {
        if self.trusts_numbers { place } else { Place { number: None, id: None, ..place } }
    }

    /// Takes note of what the source calls the place behind the next message. A name that cannot be sent back
    /// is none.
    pub(super) fn named(&mut self, id: Option<Arc<str>>) {
        self.id = id.filter(|id| HeaderValue::from_str(id).is_ok());
    }

    /// Begins with the host that gave the last stored message: it knows its number.
    fn go_to_host_of(&mut self, position: Option<&Place>) {
        let Some(number) = position.and_then(|position| position.number.as_ref()) else { return };
        let of_host = self.source.urls.iter().position(|url| host(url) == &*number.host);
        self.url = of_host.unwrap_or(self.url);
    }

    /// Takes note of a connection, and tells what it was not asked for.
    pub(super) fn connected(&self, now: Instant) -> Option<Gap> {
        let length = now - self.followed_until?;
        let reason = match (&self.position, self.reach) {
            (Some(_), Reach::Margin) => return None,
            (Some(_), Reach::Position) if self.protocol.in_order() => return None,
            (Some(_), Reach::Position) => "it was not asked for messages that came out of order",
            _ => "it was not asked for what came while it was not connected",
        };
        Some(Gap { length, reason })
    }

    /// Takes note of a message. Tells where the source goes on after it, and when it does not follow on
    /// what is stored.
    pub(super) fn received(
        &mut self,
        mark: Option<Mark>,
        times: Times,
        now: Instant,
    ) -> (Option<Arc<str>>, Option<Gap>) {
        let ahead_max = times.received_time.0.saturating_add(CLOCKS_APART_MS);
        let time = match self.protocol {
            Protocol::Plain(_) => times.time,
            // One without a time of its own has the time at which it came.
            Protocol::Events(_) => times.time.or(Some(EventTime(times.received_time.0))),
            Protocol::Jetstream => mark.map(|mark| mark.time).filter(|time| time.0 <= ahead_max),
        };
        (self.awaits_number, self.trusts_numbers) = (false, true);
        let gap = self.follow(time, now);
        (self.cursor_after(time, mark.and_then(|mark| mark.seq)), gap)
    }

    fn cursor_after(&mut self, time: Option<EventTime>, seq: Option<u64>) -> Option<Arc<str>> {
        if !self.needs_position() {
            return None;
        }
        let newest = self.newest.as_ref().map(|newest| newest.time).max(time);
        if let Some(time) = newest {
            let number = seq.map(|seq| self.number(seq));
            let number = number.or_else(|| self.newest.take().and_then(|newest| newest.number));
            self.newest = Some(Place { time, number, id: self.id.clone() });
        }
        self.newest.as_ref().map(|newest| self.protocol.cursor(newest))
    }

    fn number(&self, seq: u64) -> Number {
        let of_last = self.newest.as_ref().and_then(|newest| newest.number.as_ref());
        let name = host(&self.source.urls[self.url]);
        let known = of_last.filter(|number| *number.host == *name);
        let host = known.map_or_else(|| name.into(), |number| Arc::clone(&number.host));
        Number { seq, host }
    }

    fn follow(&mut self, time: Option<EventTime>, now: Instant) -> Option<Gap> {
        let mut gap = None;
        if let (Some(position), Some(time)) = (&self.position, time) {
            let position = position.time;
            self.went_on |= time > position;
            if let Joint::Open { newer } = self.joint {
                let joins = match self.protocol.in_order() {
                    true => since(position, time) <= NEARLY_ORDERED,
                    false => time == position,
                };
                self.joint = if joins {
                    Joint::Settled
                } else if time > position {
                    Joint::Open { newer: Some(newer.map_or(time, |newer| newer.min(time))) }
                } else {
                    self.joint
                };
                if since(position, time) > NEARLY_ORDERED {
                    gap = self.settle();
                }
            }
        }
        if self.joint == Joint::Settled {
            self.followed_until = Some(now);
        }
        gap
    }

    /// Decides how far back, and which host, to ask after a connection that gave so many messages, or
    /// after none; it, too, may have shown that they did not follow.
    ///
    /// To ask for the same again, with something there that cannot be received, or with more to
    /// repeat than a connection lasts for, would go on for ever.
    pub(super) fn lost(&mut self, lost: &Lost, messages: u64) -> Option<Gap> {
        let unreceivable = matches!(lost, Lost::Unreceivable { .. });
        let repeated_only = messages > 0 && self.reach == Reach::Margin && !self.went_on;
        self.reach = match self.reach {
            Reach::Margin if unreceivable || repeated_only => Reach::Position,
            Reach::Position if unreceivable => Reach::Now,
            _ => Reach::Margin,
        };
        let idle = matches!(lost, Lost::Idle { .. }) && self.protocol.in_order();
        let in_vain = idle || lost.is_bad_request();
        if self.awaits_number && in_vain {
            self.trusts_numbers = false;
        } else if messages == 0 {
            self.url = (self.url + 1) % self.source.urls.len();
        }
        self.settle()
    }

    /// Takes note that a connection was closed on purpose; the next one asks as usual.
    pub(super) fn left(&mut self) -> Option<Gap> {
        self.reach = Reach::Margin;
        self.settle()
    }

    /// The gap between the newest stored message, when that has not come again, and what has.
    fn settle(&mut self) -> Option<Gap> {
        let Joint::Open { newer } = std::mem::replace(&mut self.joint, Joint::Settled) else {
            return None;
        };
        let length = since(self.position.as_ref()?.time, newer?);
        Some(Gap { length, reason: "it did not go back to the last stored one" })
    }
}

/// From one time to a later one.
fn since(earlier: EventTime, later: EventTime) -> Duration {
    Duration::from_millis(u64::try_from(later.0.saturating_sub(earlier.0)).unwrap_or(0))
}
