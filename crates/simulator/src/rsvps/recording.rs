//! Recordings: files with one message per line, in the order in which the messages arrived.
//!
//! A recording is played as it is. Only two numbers of a message are ever replaced, its `rsvp_id`
//! and its `mtime`; everything else keeps its bytes. A line without these numbers is not a message
//! for the simulator, and is passed on unchanged.

mod playback;
mod repeated;
mod retime;
mod scan;

#[cfg(test)]
mod tests;

pub use playback::Playback;
pub use repeated::Repeated;

use std::fs;
use std::path::PathBuf;

use crate::error::SimulatorError;

/// All lines of one or more files.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
enum Line {
    /// A line with an `rsvp_id` and everything else that determines echoes.
    Message(Message),
    /// A line that is passed on as it is.
    Opaque(String),
}

/// A message, cut at the two numbers that may be replaced.
#[derive(Debug, Clone)]
struct Message {
    before: String,
    between: String,
    after: String,
    /// Whether `rsvp_id` comes first in the text.
    rsvp_id_first: bool,
    identity: Identity,
    /// Milliseconds since the epoch.
    mtime_ms: i64,
}

/// Who answers, and how. Only messages with equal identities can be echoes of each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    rsvp_id: i64,
    response: String,
    guests: i64,
}

impl Recording {
    /// Reads files and skips empty lines. Blocks.
    ///
    /// # Errors
    /// A file cannot be read, or none of them has a line.
    pub fn read(files: &[PathBuf]) -> Result<Self, SimulatorError> {
        let mut recording = Self::default();
        for path in files {
            let read = |source| SimulatorError::ReadRecording { path: path.clone(), source };
            let bytes = fs::read(path).map_err(read)?;
            recording.append(&String::from_utf8_lossy(&bytes));
        }
        if recording.lines.is_empty() {
            return Err(SimulatorError::NoMessages { files: files.len() });
        }
        Ok(recording)
    }

    /// Adds the lines of `text`; empty lines are skipped.
    pub fn append(&mut self, text: &str) {
        self.lines.extend(text.lines().filter(|line| !line.trim().is_empty()).map(Line::parse));
    }

    /// The number of lines, including those that are not messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True when there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn messages(&self) -> impl Iterator<Item = &Message> {
        self.lines.iter().filter_map(|line| match line {
            Line::Message(message) => Some(message),
            Line::Opaque(_) => None,
        })
    }

    /// The amount by which ids must be shifted so that two passes share none.
    fn id_stride(&self) -> i64 {
        let ids = || self.messages().map(|message| message.identity.rsvp_id);
        match (ids().min(), ids().max()) {
            (Some(min), Some(max)) => max.saturating_sub(min).saturating_add(1),
            _ => 0,
        }
    }
}

impl Line {
    fn parse(text: &str) -> Self {
        Message::parse(text).map_or_else(|| Self::Opaque(text.to_owned()), Self::Message)
    }
}

impl Message {
    fn parse(text: &str) -> Option<Self> {
        let fields = scan::top_level(text)?;
        let find = |key: &str| fields.iter().find(|field| field.key == key);
        let integer = |key: &str| find(key)?.value.parse::<i64>().ok();
        let (rsvp_id, mtime) = (find("rsvp_id")?, find("mtime")?);
        let rsvp_id_first = rsvp_id.start < mtime.start;
        let (first, second) = if rsvp_id_first { (rsvp_id, mtime) } else { (mtime, rsvp_id) };
        Some(Self {
            before: text.get(..first.start)?.to_owned(),
            between: text.get(first.start + first.value.len()..second.start)?.to_owned(),
            after: text.get(second.start + second.value.len()..)?.to_owned(),
            rsvp_id_first,
            identity: Identity {
                rsvp_id: integer("rsvp_id")?,
                response: find("response")?.value.to_owned(),
                guests: integer("guests")?,
            },
            mtime_ms: integer("mtime")?,
        })
    }

    /// The text with its `rsvp_id` increased by `id_shift` and with the given `mtime`.
    fn rewritten(&self, id_shift: i64, mtime_ms: i64) -> String {
        let rsvp_id = self.identity.rsvp_id.saturating_add(id_shift);
        let (first, second) =
            if self.rsvp_id_first { (rsvp_id, mtime_ms) } else { (mtime_ms, rsvp_id) };
        format!("{}{first}{}{second}{}", self.before, self.between, self.after)
    }
}
