//! The stream's messages, wherever they come from.

use std::sync::Arc;

use crate::clicks;
use crate::clock::Clock;
use crate::config::Input;
use crate::error::SimulatorError;
use crate::payload::Payload;
use crate::posts;
use crate::requests;
use crate::rsvps::{Generated, Generator, Invitations, Kind, Playback, Recording};

/// A configured input.
#[derive(Debug)]
pub(crate) enum Source {
    Synthetic(Box<Generator>),
    Playback(Box<Playback>),
    Posts(Box<posts::Generator>),
    Requests(Box<requests::Generator>),
    Clicks(Box<clicks::Generator>),
}

/// A message that has been made.
#[derive(Debug)]
pub(crate) struct Made {
    /// Milliseconds since the epoch.
    pub(crate) mtime_ms: i64,
    /// Whether it is sent by its time, where a recording is played by time.
    pub(crate) paced: bool,
    pub(crate) payload: Payload,
}

impl Source {
    /// Reads the recordings or builds the synthetic world. Blocks until it is done.
    pub(crate) fn open(input: &Input, clock: Clock) -> Result<Self, SimulatorError> {
        match input {
            Input::Synthetic(synthetic) => {
                Ok(Self::Synthetic(Box::new(Generator::new(synthetic.clone(), clock))))
            }
            Input::Posts(posts) => {
                Ok(Self::Posts(Box::new(posts::Generator::new(posts.clone(), clock))))
            }
            Input::Requests(requests) => {
                Ok(Self::Requests(Box::new(requests::Generator::new(requests.clone(), clock))))
            }
            Input::Clicks(clicks) => {
                Ok(Self::Clicks(Box::new(clicks::Generator::new(clicks.clone(), clock))))
            }
            Input::Recordings(recordings) => {
                let recording = Recording::read(&recordings.files)?;
                let shift_to_now = recordings.shift_to_now.then_some(clock);
                Ok(Self::Playback(Box::new(Playback::new(
                    recording,
                    recordings.looped,
                    shift_to_now,
                ))))
            }
        }
    }

    /// Where members of a simulated stream are invited; `None` where there are none.
    pub(crate) fn invitations(&self) -> Option<Invitations> {
        match self {
            Self::Synthetic(generator) => Some(generator.invitations()),
            Self::Playback(_) | Self::Posts(_) | Self::Requests(_) | Self::Clicks(_) => None,
        }
    }

    /// The number of the first event, where events have numbers.
    pub(crate) fn first_seq(&self) -> u64 {
        match self {
            Self::Posts(generator) => generator.first_seq(),
            Self::Synthetic(_) | Self::Playback(_) | Self::Requests(_) | Self::Clicks(_) => 0,
        }
    }
}

impl Iterator for Source {
    type Item = Made;

    fn next(&mut self) -> Option<Made> {
        match self {
            Self::Synthetic(generator) => generator.next().map(Made::from),
            Self::Playback(playback) => playback.next().map(Made::from),
            Self::Posts(generator) => generator.next().map(Made::from),
            Self::Requests(generator) => generator.next().map(Made::from),
            Self::Clicks(generator) => generator.next().map(Made::from),
        }
    }
}

impl From<Generated> for Made {
    fn from(message: Generated) -> Self {
        let Generated { mtime_ms, payload, kind } = message;
        Self { mtime_ms, paced: kind != Kind::Malformed, payload: Payload::Text(payload.into()) }
    }
}

impl From<posts::Event> for Made {
    fn from(event: posts::Event) -> Self {
        let mtime_ms = event.time_us.div_euclid(1000);
        Self { mtime_ms, paced: true, payload: Payload::Event(Arc::new(event)) }
    }
}

impl From<requests::Request> for Made {
    fn from(request: requests::Request) -> Self {
        let requests::Request { time_ms, line } = request;
        Self { mtime_ms: time_ms, paced: true, payload: Payload::Text(line.into()) }
    }
}

impl From<clicks::Click> for Made {
    fn from(click: clicks::Click) -> Self {
        let clicks::Click { time_ms, line } = click;
        Self { mtime_ms: time_ms, paced: true, payload: Payload::Text(line.into()) }
    }
}
