//! `generate` and `repeat`: write a stream as lines of a file, for tests and benchmarks.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};

use super::arguments::StreamName;
use super::shape::Shape;
use super::{GenerateArguments, RepeatArguments};
use crate::clicks;
use crate::clock::Clock;
use crate::config::EventTime;
use crate::error::SimulatorError;
use crate::posts;
use crate::requests;
use crate::rsvps::{Generator, Recording, Repeated};

/// Bytes written to the file at once.
const BUFFER_BYTES: usize = 1 << 20;

pub(super) fn generate(arguments: &GenerateArguments) -> Result<(), SimulatorError> {
    let per_second = arguments.rate_event_time;
    let shape = Shape {
        stream: arguments.stream,
        seed: arguments.seed,
        event_time: EventTime::Paced { start_ms: arguments.start, per_second },
        malformed: arguments.malformed,
        posts: &arguments.posts,
        requests: &arguments.requests,
        clock: &arguments.clock,
    };
    shape.check()?;
    let (clock, count, output) = (Clock::system(), arguments.messages, &arguments.output);
    match arguments.stream {
        StreamName::Rsvps => {
            let config = shape.rsvps();
            config.validate()?;
            let messages = Generator::new(config, clock);
            write_all(messages.map(|message| message.payload), count, output)
        }
        StreamName::Posts => {
            let config = shape.posts();
            config.validate()?;
            let protocol = arguments.protocol.into();
            let events = posts::Generator::new(config, clock);
            write_all(events.filter_map(|event| event.frame(protocol)), count, output)
        }
        StreamName::Clicks => {
            let config = shape.clicks();
            config.validate()?;
            let clicks = clicks::Generator::new(config, clock);
            write_all(clicks.map(|click| click.line), count, output)
        }
        StreamName::Requests => {
            let config = shape.requests();
            config.validate()?;
            let requests = requests::Generator::new(config, clock);
            write_all(requests.map(|request| request.line), count, output)
        }
    }
}

pub(super) fn repeat(arguments: &RepeatArguments) -> Result<(), SimulatorError> {
    let recording = Recording::read(&arguments.files)?;
    let messages = Repeated::new(recording, arguments.start, arguments.rate_event_time);
    write_all(messages.map(|message| message.payload), arguments.messages, &arguments.output)
}

fn write_all(
    messages: impl Iterator<Item = String>,
    count: u64,
    output: &str,
) -> Result<(), SimulatorError> {
    let result = open(output).and_then(|writer| {
        let mut writer = BufWriter::with_capacity(BUFFER_BYTES, writer);
        for (_, message) in (0..count).zip(messages) {
            writer.write_all(message.as_bytes())?;
            writer.write_all(b"\n")?;
        }
        writer.flush()
    });
    match result {
        // The reader of a pipe has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other
            .map_err(|source| SimulatorError::WriteOutput { output: output.to_owned(), source }),
    }
}

fn open(output: &str) -> io::Result<Box<dyn Write>> {
    if output == "-" {
        return Ok(Box::new(io::stdout().lock()));
    }
    Ok(Box::new(File::create(output)?))
}
