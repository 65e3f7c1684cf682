//! `run`: adds signals, standard input and standard output to a simulator.

use std::io::{self, BufRead, Write};
use std::num::NonZeroU32;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::RunArguments;
use super::commands;
use crate::config::{Config, EventTime, Faults, Input, Pace, RecordingsConfig, Stall};
use crate::error::SimulatorError;
use crate::rsvps::SyntheticConfig;
use crate::server::Simulator;

/// Messages per second of a synthetic stream, unless told otherwise.
const RATE_DEFAULT: NonZeroU32 = NonZeroU32::new(100).expect("100 is not 0");

pub(super) fn run(arguments: &RunArguments) -> Result<(), SimulatorError> {
    let config = config(arguments)?;
    let runtime = Runtime::new().map_err(|source| SimulatorError::Runtime { source })?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), SimulatorError> {
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
    let simulator = Simulator::bind(config).await?;
    print_line(&format!("ws://{}/", simulator.local_addr()))?;
    let control = simulator.control();
    // A plain thread: the runtime would wait at its end for a read of standard input that may never return.
    std::thread::spawn(move || {
        let lines = io::stdin().lock().lines();
        commands::obey(lines.map_while(Result::ok), &control);
    });
    simulator.run(shutdown).await
}

fn print_line(line: &str) -> Result<(), SimulatorError> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(|source| SimulatorError::WriteOutput { output: "-".to_owned(), source })
}

/// The configuration that the arguments describe.
fn config(arguments: &RunArguments) -> Result<Config, SimulatorError> {
    let recorded = Pace::Recorded { gap_max: arguments.gap_max };
    let (input, pace_default) = if arguments.files.is_empty() {
        (Input::Synthetic(synthetic(arguments)), Pace::Rate(RATE_DEFAULT))
    } else {
        let recordings = RecordingsConfig {
            files: arguments.files.clone(),
            looped: arguments.looped,
            shift_to_now: arguments.shift_to_now,
        };
        (Input::Recordings(recordings), recorded)
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
        faults: Faults {
            drop_every: faults.drop_every,
            drop_after: faults.drop_after,
            stall: faults.stall_every.map(|every| Stall { every, length: faults.stall_for }),
            garbage_share: faults.garbage,
        },
        ..Config::new(input, pace)
    };
    config.validate()?;
    Ok(config)
}

fn synthetic(arguments: &RunArguments) -> SyntheticConfig {
    let per_second = arguments.rate_event_time;
    SyntheticConfig {
        seed: arguments.seed,
        event_time: arguments
            .start
            .map_or(EventTime::Live, |start_ms| EventTime::Paced { start_ms, per_second }),
        malformed_share: arguments.malformed,
        ..SyntheticConfig::default()
    }
}
