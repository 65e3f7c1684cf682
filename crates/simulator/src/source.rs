//! The messages of the stream, whatever their origin.

use crate::config::{Config, Input};
use crate::error::SimulatorError;
use crate::rsvps::{Generated, Generator, Playback, Recording};

/// A configured input.
#[derive(Debug)]
pub(crate) enum Source {
    Synthetic(Box<Generator>),
    Playback(Box<Playback>),
}

impl Source {
    /// Reads the recordings or builds the synthetic world; blocks for as long as that takes.
    pub(crate) fn open(config: &Config) -> Result<Self, SimulatorError> {
        match &config.input {
            Input::Synthetic(synthetic) => {
                let generator = Generator::new(synthetic.clone(), config.clock.clone());
                Ok(Self::Synthetic(Box::new(generator)))
            }
            Input::Recordings(recordings) => {
                let recording = Recording::read(&recordings.files)?;
                let shift_to_now = recordings.shift_to_now.then(|| config.clock.clone());
                Ok(Self::Playback(Box::new(Playback::new(
                    recording,
                    recordings.looped,
                    shift_to_now,
                ))))
            }
        }
    }
}

impl Iterator for Source {
    type Item = Generated;

    fn next(&mut self) -> Option<Generated> {
        match self {
            Self::Synthetic(generator) => generator.next(),
            Self::Playback(playback) => playback.next(),
        }
    }
}
