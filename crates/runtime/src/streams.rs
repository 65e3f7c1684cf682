//! The streams of a configuration.

#[cfg(test)]
mod tests;

use pulso_model::{Decoder, Stream, TimeLimits, View};
use pulso_streams::{Definition, Streams, UnknownStream};

use crate::config::sections::{self, OfStream};
use crate::{Config, config};

/// Several streams are served where one has to be meant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{}` are served, and one stream is needed", served.join("`, `"))]
pub struct SeveralStreams {
    served: Vec<String>,
}

impl Config {
    /// All streams that there are: those that Pulso brings, then those of `streams.directory`.
    pub fn streams(&self) -> Streams {
        self.declared.streams.clone()
    }

    /// The views of all streams, and the journals.
    pub fn all_views(&self) -> Vec<View> {
        self.streams().views()
    }

    /// The views of the streams that are shown, and the journals.
    pub fn shown_views(&self) -> Vec<View> {
        let own = self.shown_streams().into_iter().flat_map(|config| config.stream().views());
        own.chain(View::JOURNALS).collect()
    }

    /// The stream that is meant, with the view of single facts if the configuration has it.
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

    /// The configuration as it is for a stream, whether that is served or not.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn of_stream(&self, name: &str) -> Result<Self, UnknownStream> {
        self.streams().get(name)?;
        let mut config = Self { stream: name.to_owned(), ..self.clone() };
        let own = self.streams.of(name).clone();
        config.facts = own.facts;
        config.show_sessions = own.show_sessions;
        config.honour_deletions = own.honour_deletions;
        config.time = own.time;
        config.window = own.window;
        config.echo = own.echo;
        config.sessions = own.sessions;
        config.trends = own.trends;
        config.retention = own.retention;
        Ok(config)
    }

    /// The configuration for each stream that is served.
    pub fn each_stream(&self) -> Vec<Self> {
        let of_stream =
            |name: &String| self.of_stream(name).expect("a configuration serves what there is");
        self.streams.served.iter().map(of_stream).collect()
    }

    /// The configuration for each stream that readers see: those that are served where the configuration
    /// or the command line says which, and otherwise all that there are.
    pub fn shown_streams(&self) -> Vec<Self> {
        if self.streams.chosen { self.each_stream() } else { self.every_stream() }
    }

    /// The configuration for each stream that there is, served or not.
    pub fn every_stream(&self) -> Vec<Self> {
        let streams = self.streams();
        let names = streams.iter().map(|definition| definition.stream.name);
        let of_stream = |name| self.of_stream(name).expect("there is a stream of this name");
        names.map(of_stream).collect()
    }

    /// The configuration for the stream that a command is about which takes one: the only one that is
    /// served, or the usual one if it is among them.
    ///
    /// # Errors
    /// When none of the streams that are served is meant more than others.
    pub fn one_stream(&self) -> Result<Self, SeveralStreams> {
        match usual(&self.streams.served) {
            Some(name) => Ok(self.of_stream(name).expect("a configuration serves what there is")),
            None => Err(SeveralStreams { served: self.streams.served.clone() }),
        }
    }

    /// The same configuration, serving these streams alone; all that it does if none is named.
    ///
    /// # Errors
    /// When one of them is not there.
    pub fn serving(mut self, names: &[String]) -> Result<Self, UnknownStream> {
        if names.is_empty() {
            return Ok(self);
        }
        for name in names {
            self.streams().get(name)?;
        }
        self.streams.served = names.to_vec();
        self.streams.served.sort();
        self.streams.served.dedup();
        self.streams.chosen = true;
        self.of_stream(&self.streams.served[0])
    }

    /// The stream that is meant, with what decodes its messages.
    ///
    /// # Panics
    /// As [`stream`](Self::stream).
    pub fn definition(&self) -> Definition {
        let streams = self.streams();
        let definition = streams.get(&self.stream);
        let definition = definition.expect("a configuration is of a stream that there is").clone();
        definition.showing(self.facts, self.show_sessions)
    }
}

/// The stream that is meant where none is named, if there is one: the usual one, or the only one.
pub(crate) fn usual(served: &[String]) -> Option<&str> {
    let usual = served.iter().find(|name| *name == Config::STREAM);
    let only = served.first().filter(|_| served.len() == 1);
    usual.or(only).map(String::as_str)
}

impl sections::Streams {
    /// What a stream has, served or not.
    pub(crate) fn of(&self, name: &str) -> &OfStream {
        self.tables.get(name).unwrap_or(&self.others)
    }
}
