//! Plays a recording as it is, once or for ever.
//!
//! In a loop, every pass gets fresh ids (all shifted by one constant) and later times (all shifted
//! by one constant number of whole seconds). Because both are constant within a pass, rounding to
//! seconds groups the messages as before: echoes stay echoes, and nothing else becomes one.

use super::{Line, Recording};
use crate::clock::Clock;
use crate::rsvps::generated::{Generated, Kind};

/// The median `mtime` of this many messages at the start tells when a recording begins: the very
/// first message may be a late one and months old.
const START_SAMPLE: usize = 100;

/// The messages of a recording, in order.
#[derive(Debug)]
pub struct Playback {
    recording: Recording,
    looped: bool,
    /// If set, each pass starts at the time of this clock.
    shift_to_now: Option<Clock>,
    pass: i64,
    next_line: usize,
    shift_ms: i64,
    id_stride: i64,
    start_ms: i64,
    /// Whole seconds from the start of a pass to the start of the next.
    length_ms: i64,
    front_ms: i64,
}

impl Playback {
    /// Plays `recording` once, or for ever when `looped`. With a clock in `shift_to_now`, each pass
    /// starts now, to the second; otherwise the first pass keeps its times and the others follow
    /// it.
    #[must_use]
    pub fn new(recording: Recording, looped: bool, shift_to_now: Option<Clock>) -> Self {
        let mut first: Vec<i64> =
            recording.messages().take(START_SAMPLE).map(|message| message.mtime_ms).collect();
        first.sort_unstable();
        let start_ms = first.get(first.len() / 2).copied().unwrap_or(0);
        let end_ms = recording.messages().map(|message| message.mtime_ms).max().unwrap_or(start_ms);
        Self {
            looped,
            shift_to_now,
            pass: 0,
            next_line: 0,
            shift_ms: 0,
            id_stride: recording.id_stride(),
            start_ms,
            length_ms: (end_ms - start_ms).div_euclid(1000).saturating_add(1) * 1000,
            front_ms: start_ms,
            recording,
        }
    }

    fn begin_pass(&mut self) {
        self.shift_ms = match &self.shift_to_now {
            Some(clock) => (clock.now_ms() - self.start_ms).div_euclid(1000) * 1000,
            None => self.length_ms.saturating_mul(self.pass),
        };
    }
}

impl Iterator for Playback {
    type Item = Generated;

    fn next(&mut self) -> Option<Generated> {
        if self.next_line == self.recording.len() {
            if !self.looped || self.recording.is_empty() {
                return None;
            }
            self.next_line = 0;
            self.pass += 1;
        }
        if self.next_line == 0 {
            self.begin_pass();
        }
        let line = &self.recording.lines[self.next_line];
        self.next_line += 1;
        let message = match line {
            Line::Message(message) => {
                let mtime_ms = message.mtime_ms.saturating_add(self.shift_ms);
                self.front_ms = self.front_ms.max(mtime_ms);
                let payload = message.rewritten(self.id_stride.saturating_mul(self.pass), mtime_ms);
                Generated { mtime_ms, payload, kind: Kind::Recorded }
            }
            Line::Opaque(text) => {
                Generated { mtime_ms: self.front_ms, payload: text.clone(), kind: Kind::Malformed }
            }
        };
        Some(message)
    }
}
