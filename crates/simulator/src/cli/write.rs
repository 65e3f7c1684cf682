//! `generate` and `repeat`: write a stream as lines of a file, for tests and benchmarks.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};

use super::{GenerateArguments, RepeatArguments};
use crate::clock::Clock;
use crate::config::EventTime;
use crate::error::SimulatorError;
use crate::rsvps::{Generated, Generator, Recording, Repeated, SyntheticConfig};

/// Bytes written to the file at once.
const BUFFER_BYTES: usize = 1 << 20;

pub(super) fn generate(arguments: &GenerateArguments) -> Result<(), SimulatorError> {
    let config = SyntheticConfig {
        seed: arguments.seed,
        event_time: EventTime::Paced {
            start_ms: arguments.start,
            per_second: arguments.rate_event_time,
        },
        malformed_share: arguments.malformed,
        ..SyntheticConfig::default()
    };
    config.validate()?;
    write_all(Generator::new(config, Clock::system()), arguments.messages, &arguments.output)
}

pub(super) fn repeat(arguments: &RepeatArguments) -> Result<(), SimulatorError> {
    let recording = Recording::read(&arguments.files)?;
    let messages = Repeated::new(recording, arguments.start, arguments.rate_event_time);
    write_all(messages, arguments.messages, &arguments.output)
}

fn write_all(
    messages: impl Iterator<Item = Generated>,
    count: u64,
    output: &str,
) -> Result<(), SimulatorError> {
    let result = open(output).and_then(|writer| {
        let mut writer = BufWriter::with_capacity(BUFFER_BYTES, writer);
        for (_, message) in (0..count).zip(messages) {
            writer.write_all(message.payload.as_bytes())?;
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
