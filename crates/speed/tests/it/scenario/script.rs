//! Scenario files: settings, what happens, and what is then in the views.
//!
//! ```text
//! # What it shows.
//! [settings]
//! start = 2017-03-19T12:00:00Z      what `at` counts from, and where the clock begins
//! partitions = 1                    only so many, as late verdicts or positions depend on it
//! stream = visits                   that of `visits.rs`, or one that Pulso brings; else `rsvps`
//! shown = true                      also the documents of single facts
//! window.size = 30s                 any key of the configuration
//! [input]
//! {"id": 1, "at": 2.5}              a message of `rsvps`, see `message.rs`
//! raw {"rsvp_id":                   a payload as it is
//! hex 7b ff                         the same, for what is not text
//! clock +70s                        all is read, then so much time passes
//! end                               the input ends; what follows is another one
//! stop                              the program is stopped and started again
//! [expected]
//! ```

use std::time::Duration;

use bytes::Bytes;
use pulso_model::{EventTime, TimeLimits};
use pulso_runtime::Config;
use pulso_runtime::config::{self, Layers, parse_duration};
use pulso_speed::{Options, Status, StreamSettings};
use pulso_window::{Settings, Shape};
use tokio::sync::watch;

use super::message::messages;
use crate::visits;

#[derive(Debug)]
pub(super) struct Script {
    /// All of the file up to what is expected.
    pub(super) head: String,
    pub(super) expected: String,
    config: Config,
    pub(super) stream: StreamSettings,
    /// Milliseconds since the epoch.
    pub(super) start: i64,
    pub(super) partitions: Option<u32>,
    /// One for each run of the program.
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) sections: Vec<Section>,
    pub(super) ending: Ending,
}

/// Messages that are in the log at the same time.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// How much time passes before them, with nothing to read.
    pub(super) clock: Option<Duration>,
    pub(super) messages: Vec<Bytes>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    #[default]
    End,
    Stop,
}

const EXPECTED: &str = "[expected]\n";

impl Script {
    pub(super) fn parse(text: &str) -> Self {
        let (head, expected) = text.split_once(EXPECTED).unwrap_or((text, ""));
        let (settings, input) = head.split_once("[input]\n").expect("a scenario has an input");
        let mut script = Self {
            head: head.to_owned(),
            expected: expected.to_owned(),
            stream: StreamSettings::new(&Config::default()),
            config: Config::default(),
            start: 0,
            partitions: None,
            parts: Vec::new(),
        };
        script.settings(settings);
        script.input(input);
        script
    }

    /// The text of the file when this is expected.
    pub(super) fn with_expected(&self, expected: &str) -> String {
        format!("{}{EXPECTED}{expected}", self.head)
    }

    fn settings(&mut self, text: &str) {
        // The clock stands still while messages come.
        let mut overrides = vec![("time.ahead_max".to_owned(), "1h".to_owned())];
        let (mut stream, mut shown) = ("rsvps", None);
        for line in lines(text).filter(|line| *line != "[settings]") {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("`{line}`"));
            let (key, value) = (key.trim(), value.trim());
            match key {
                "start" => self.start = value.parse::<EventTime>().unwrap().0,
                "partitions" => self.partitions = Some(value.parse().unwrap()),
                "stream" => stream = value,
                "shown" => shown = Some(value.parse().unwrap()),
                _ => overrides.push((key.to_owned(), value.to_owned())),
            }
        }
        let layers = Layers { overrides, ..Layers::default() };
        self.config = Config::load(&layers).unwrap_or_else(|error| panic!("{error}"));
        if stream == "visits" {
            let config::Time { ahead_max, behind_max } = self.config.time;
            self.stream.decoder = visits::decoder(TimeLimits { ahead_max, behind_max });
        } else {
            self.config = self.config.of_stream(stream).unwrap();
            self.stream = StreamSettings::new(&self.config);
        }
        self.stream.shows_facts = shown.unwrap_or(self.stream.shows_facts);
    }

    /// How the program runs.
    pub(super) fn options(&self) -> Options {
        let options = Options::new(&self.config, watch::Sender::new(Status::default()));
        let shape = Shape::of(self.stream.decoder.stream());
        let settings = Settings { shape, ..options.settings };
        Options { stream: self.stream.clone(), settings, ..options }
    }

    fn input(&mut self, text: &str) {
        let mut part = Part::default();
        for line in lines(text) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let ending = match word {
                "clock" => {
                    let clock = parse_duration(rest.trim_start_matches('+'));
                    assert!(clock.is_some(), "`{line}`");
                    part.sections.push(Section { clock, messages: Vec::new() });
                    continue;
                }
                "raw" => {
                    part.newest().messages.push(Bytes::copy_from_slice(rest.as_bytes()));
                    continue;
                }
                "hex" => {
                    let byte = |pair| u8::from_str_radix(pair, 16).unwrap();
                    part.newest().messages.push(rest.split(' ').map(byte).collect());
                    continue;
                }
                "end" => Ending::End,
                "stop" => Ending::Stop,
                _ => {
                    part.newest().messages.extend(messages(line, self.start));
                    continue;
                }
            };
            self.parts.push(Part { ending, ..std::mem::take(&mut part) });
        }
        if !part.sections.is_empty() {
            self.parts.push(part);
        }
    }
}

impl Part {
    fn newest(&mut self) -> &mut Section {
        if self.sections.is_empty() {
            self.sections.push(Section::default());
        }
        self.sections.last_mut().expect("one was added where there was none")
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'))
}
