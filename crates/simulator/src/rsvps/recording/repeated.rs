//! Repeats a recording with fresh ids, and with event time that advances at a given rate.

use std::num::NonZeroU32;

use super::retime::Classes;
use super::{Line, Recording};
use crate::rsvps::generated::{Generated, Kind};

/// The messages of a recording, repeated without end; see [`Repeated::new`].
#[derive(Debug)]
pub struct Repeated {
    recording: Recording,
    classes: Classes,
    start_ms: i64,
    per_second: NonZeroU32,
    id_stride: i64,
    /// Messages made so far.
    number: u64,
    pass: i64,
    next_line: usize,
    /// The `mtime`s of the current pass, one for each line.
    times_ms: Vec<i64>,
}

impl Repeated {
    /// Event time starts at `start_ms` (by default the recording's own start) and advances by a
    /// second every `per_second` messages. Echoes stay echoes within a pass, and nothing else
    /// becomes one.
    #[must_use]
    pub fn new(recording: Recording, start_ms: Option<i64>, per_second: NonZeroU32) -> Self {
        let first_ms = recording.messages().next().map_or(0, |message| message.mtime_ms);
        Self {
            classes: Classes::new(&recording),
            start_ms: start_ms.unwrap_or(first_ms).div_euclid(1000) * 1000,
            per_second,
            id_stride: recording.id_stride(),
            number: 0,
            pass: -1,
            next_line: recording.len(),
            times_ms: Vec::new(),
            recording,
        }
    }
}

impl Iterator for Repeated {
    type Item = Generated;

    fn next(&mut self) -> Option<Generated> {
        if self.recording.is_empty() {
            return None;
        }
        if self.next_line == self.recording.len() {
            self.next_line = 0;
            self.pass += 1;
            let (start_ms, per_second, first) = (self.start_ms, self.per_second, self.number);
            self.times_ms =
                self.classes.retimed(|line| event_time(start_ms, per_second, first + line));
        }
        let line = &self.recording.lines[self.next_line];
        let mtime_ms = self.times_ms[self.next_line];
        self.next_line += 1;
        self.number += 1;
        let (payload, kind) = match line {
            Line::Message(message) => (
                message.rewritten(self.id_stride.saturating_mul(self.pass), mtime_ms),
                Kind::Recorded,
            ),
            Line::Opaque(text) => (text.clone(), Kind::Malformed),
        };
        Some(Generated { mtime_ms, payload, kind })
    }
}

fn event_time(start_ms: i64, per_second: NonZeroU32, number: u64) -> i64 {
    let elapsed_ms = u128::from(number) * 1000 / u128::from(per_second.get());
    start_ms.saturating_add(i64::try_from(elapsed_ms).unwrap_or(i64::MAX))
}
