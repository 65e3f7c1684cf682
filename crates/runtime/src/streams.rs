//! The streams of a configuration.

#[cfg(test)]
mod tests;

use pulso_model::{Decoder, Stream, TimeLimits, View};
use pulso_streams::{Definition, Streams, UnknownStream};

use crate::{Config, config};

impl Config {
    /// All streams that there are.
    pub fn streams(&self) -> Streams {
        Streams::brought()
    }

    /// The views of all streams, and the journals.
    pub fn all_views(&self) -> Vec<View> {
        self.streams().views()
    }

    /// The stream that is meant.
    ///
    /// # Panics
    /// When there is none of that name; [`Config::of_stream`] refuses it.
    pub fn stream(&self) -> &'static Stream {
        self.definition().stream
    }

    /// What decodes its messages.
    ///
    /// # Panics
    /// As [`stream`](Self::stream).
    pub fn decoder(&self) -> Decoder {
        let config::Time { ahead_max, behind_max } = self.time;
        self.definition().decoder(TimeLimits { ahead_max, behind_max })
    }

    /// The configuration as it is for a stream.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn of_stream(&self, name: &str) -> Result<Self, UnknownStream> {
        self.streams().get(name)?;
        Ok(Self { stream: name.to_owned(), ..self.clone() })
    }

    fn definition(&self) -> Definition {
        let streams = self.streams();
        streams.get(&self.stream).expect("a configuration is of a stream that there is").clone()
    }
}
