//! Guesses a stream from a sample of its messages: what a newcomer then corrects.
//!
//! A field is what it is in all messages of the sample, and is called as it says: times, an id, fields
//! with few values, lists, places. Whether the guess holds is not left to luck: the stream is loaded as
//! any other, and decodes the sample, before anybody sees it.

mod choices;
mod countries;
mod facets;
mod fields;
mod names;
mod notes;
mod place;
mod roles;
mod sample;
mod snippet;
#[cfg(test)]
mod tests;
mod times;
mod write;

use std::collections::BTreeMap;

use pulso_model::Decoded;
use vrl::value::Value;

use crate::folder::{self, PROGRAM};
use crate::program::Program;
use crate::{Definition, Streams, descriptor};
use names::Names;
use roles::Roles;
pub use sample::SAMPLE_BYTES_MAX;
use sample::Sample;
use write::Named;

/// A stream as far as a sample shows it.
#[derive(Clone, Debug)]
pub struct Guess {
    /// The text of `stream.toml`.
    pub descriptor: String,
    /// The text of `decode.vrl`.
    pub program: String,
    /// What was found in the sample, a line each.
    pub found: Vec<String>,
    /// What a person should look at, a line each.
    pub questions: Vec<String>,
}

/// Why a sample gives no stream.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GuessError {
    #[error("{0}")]
    Name(String),
    #[error("there is a stream `{0}` already")]
    Exists(String),
    #[error("the sample has no messages")]
    Empty,
    #[error(
        "most lines are neither JSON objects nor lines of a known log; the first begins with `{line}`"
    )]
    Unreadable { line: String },
    #[error("no field of most messages is a time; there are {}", list(fields))]
    NoTime { fields: Vec<String> },
    #[error("the guess is no stream: {0}")]
    Wrong(String),
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl GuessError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Name(_) | Self::Exists(_) => "choose another name",
            Self::Empty => "give a file with one message a line",
            Self::Unreadable { .. } => {
                "give one JSON object a line, an access log, or lines that begin with a time; else write \
                 `stream.toml` and `decode.vrl` by hand"
            }
            Self::NoTime { .. } => {
                "every fact has a time: write `stream.toml` and `decode.vrl` by hand and make `.time` of \
                 what there is"
            }
            Self::Wrong(_) => "write `stream.toml` and `decode.vrl` by hand",
        }
    }
}

/// Guesses the stream `name` from a sample, of which no more than [`SAMPLE_BYTES_MAX`] should be given.
/// `known` are the streams whose names and views are taken.
///
/// # Errors
/// When the name cannot be one, or the sample does not show what every stream has.
pub fn guess(name: &str, sample: &[u8], known: &Streams) -> Result<Guess, GuessError> {
    if let Some(problem) = descriptor::problem_of_stream_name(name) {
        return Err(GuessError::Name(problem));
    }
    if known.get(name).is_ok() {
        return Err(GuessError::Exists(name.to_owned()));
    }
    let read = Sample::read(sample)?;
    let copied = fields::need_copy(&read.messages);
    let all = fields::fields(read.messages.iter(), copied);
    let Some(time) = times::event_time(&all, &read.messages) else {
        let fields = all.iter().map(|field| format!("`{}`", field.path)).take(20);
        return Err(GuessError::NoTime { fields: fields.collect() });
    };
    let of_time = all.iter().find(|field| field.path == time.path);
    let skips = of_time.is_some_and(|field| field.present < read.messages.len());
    let timed = snippet::Snippet::compile(&format!("{} != null", time.path));
    let has_time = |message: &&Value| timed.run(message) == Some(Value::Boolean(true));
    let messages: Vec<_> = read.messages.iter().filter(has_time).collect();
    let fields = fields::fields(messages.iter().copied(), copied);
    let roles = Roles::guess(time, &fields, &messages, read.preamble.is_some());
    let views = known.views().into_iter().map(|view| view.name().to_owned());
    let named = Named::new(name, &read, &roles, Names::new(views), (copied, skips));
    let (descriptor, program) = (named.descriptor(), named.program());
    let outcomes = outcomes(&load(&descriptor, &program)?, sample);
    let found = notes::found(&read, &roles, &named, &outcomes);
    let questions = notes::questions(&roles, &named);
    Ok(Guess { descriptor, program, found, questions })
}

/// Loads what was written as any other stream.
fn load(descriptor: &str, program: &str) -> Result<Definition, GuessError> {
    let file = |name: &str| (name == PROGRAM).then(|| program.to_owned());
    folder::declared(descriptor, &file, Program::compile).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        GuessError::Wrong(problems.join("\n"))
    })
}

/// What became of the lines of the sample, by outcome.
fn outcomes(stream: &Definition, sample: &[u8]) -> BTreeMap<String, usize> {
    let mut outcomes = BTreeMap::new();
    let Some(program) = stream.program() else { return outcomes };
    let lines = sample.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    for line in lines.take(sample::MESSAGES_MAX) {
        *outcomes.entry(outcome(program, line)).or_default() += 1;
    }
    outcomes
}

fn outcome(program: &Program, line: &[u8]) -> String {
    match program.run(line) {
        Ok(outcome) => match outcome.decoded {
            Decoded::Fact(_) => "facts".to_owned(),
            Decoded::Skipped(reason) => format!("skipped as `{reason}`"),
        },
        Err(failure) => format!("dead letters: {}", failure.dead_letter),
    }
}
