//! `run`: adds signals, standard input and standard output to a simulator.

use std::io::{self, BufRead, Write};
use std::num::NonZeroU32;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::arguments::StreamName;
use super::shape::Shape;
use super::{RunArguments, commands};
use crate::config::{Config, EventTime, Faults, Input, Pace, RecordingsConfig, Stall};
use crate::error::SimulatorError;
use crate::server::Simulator;

/// Messages per second of a synthetic stream, unless told otherwise.
const RATE_DEFAULT: NonZeroU32 = NonZeroU32::new(100).expect("100 is not 0");

pub(super) fn run(arguments: &RunArguments) -> Result<(), SimulatorError> {
    let config = config(arguments)?;
    let runtime = Runtime::new().map_err(|source| SimulatorError::Runtime { source })?;
    runtime.block_on(serve(config))
}

/// Is cancelled when the program is asked to end.
pub(super) fn until_signal() -> Result<CancellationToken, SimulatorError> {
    let shutdown = CancellationToken::new();
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(|source| SimulatorError::Signals { source })?;
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|source| SimulatorError::Signals { source })?;
    let on_signal = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => info!("interrupted"),
            _ = terminate.recv() => info!("terminated"),
        }
        on_signal.cancel();
    });
    Ok(shutdown)
}

async fn serve(config: Config) -> Result<(), SimulatorError> {
    let shutdown = until_signal()?;
    let scheme = if config.speaks_http() { "http" } else { "ws" };
    let simulator = Simulator::bind(config).await?;
    print_line(&format!("{scheme}://{}/", simulator.local_addr()))?;
    let control = simulator.control();
    // A plain thread: the runtime would wait at its end for a read of standard input that may never return.
    std::thread::spawn(move || {
        let lines = io::stdin().lock().lines();
        commands::obey(lines.map_while(Result::ok), &control);
    });
    simulator.run(shutdown).await
}

pub(super) fn print_line(line: &str) -> Result<(), SimulatorError> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(|source| SimulatorError::WriteOutput { output: "-".to_owned(), source })
}

/// The configuration that the arguments describe.
fn config(arguments: &RunArguments) -> Result<Config, SimulatorError> {
    let recorded = Pace::Recorded { gap_max: arguments.gap_max };
    let (input, pace_default) = match arguments.files.is_empty() {
        true => (synthetic(arguments)?, Pace::Rate(RATE_DEFAULT)),
        false => (recordings(arguments)?, recorded),
    };
    let pace = match arguments.rate {
        // The longest gap has an argument of its own.
        Some(Pace::Recorded { .. }) => recorded,
        Some(pace) => pace,
        None => pace_default,
    };
    let faults = &arguments.faults;
    let config = Config {
        listen: arguments.listen,
        wait_for_clients: arguments.wait_for_clients,
        messages_max: arguments.messages,
        exit_at_end: arguments.exit_at_end,
        resume_buffer: arguments.resume_buffer,
        keep_alive: arguments.keep_alive,
        faults: Faults {
            drop_every: faults.drop_every,
            cut_every: faults.cut_every,
            drop_after: faults.drop_after,
            stall: faults.stall_every.map(|every| Stall { every, length: faults.stall_for }),
            garbage_share: faults.garbage,
            too_slow_every: faults.too_slow_every,
            unavailable_first: faults.unavailable_first,
        },
        ..Config::new(input, pace)
    };
    config.validate()?;
    Ok(config)
}

fn synthetic(arguments: &RunArguments) -> Result<Input, SimulatorError> {
    let per_second = arguments.rate_event_time;
    let paced = |start_ms| EventTime::Paced { start_ms, per_second };
    let shape = Shape {
        stream: arguments.stream,
        seed: arguments.seed,
        event_time: arguments.start.map_or(EventTime::Live, paced),
        malformed: arguments.malformed,
        posts: &arguments.posts,
        requests: &arguments.requests,
        clock: &arguments.clock,
    };
    shape.input()
}

fn recordings(arguments: &RunArguments) -> Result<Input, SimulatorError> {
    arguments.posts.check_absent("recordings")?;
    arguments.requests.check_absent("recordings")?;
    arguments.clock.check_absent("recordings")?;
    if arguments.stream != StreamName::Rsvps {
        let problem = "recordings are of RSVPs only".to_owned();
        return Err(SimulatorError::Config { problem });
    }
    Ok(Input::Recordings(RecordingsConfig {
        files: arguments.files.clone(),
        looped: arguments.looped,
        shift_to_now: arguments.shift_to_now,
    }))
}
