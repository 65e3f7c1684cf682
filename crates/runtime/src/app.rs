//! The frame of every program: the async runtime, signals and the exit code.

use std::future::Future;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::report;

/// How long threads that still block (a read from a terminal, say) may hold up the end. By then the
/// application has returned, so nothing of value is left with them.
const BLOCKED_THREADS_WAIT: Duration = Duration::from_millis(200);

/// Signals that come so soon after another are the same one: `timeout`, for instance, signals its child
/// and then the group that both are in.
const SIGNAL_ECHO: Duration = Duration::from_millis(500);

/// SIGXFSZ, of which the library knows only the number.
const FILE_TOO_LARGE: SignalKind = SignalKind::from_raw(25);

/// Runs an application on a multi-threaded runtime until it returns, and reports how it ended.
///
/// SIGINT or SIGTERM cancels the token given to the application, which then has all the time it
/// needs to stop in order; a second signal ends the program at once.
pub fn run_app<App, Running>(app: App) -> ExitCode
where
    App: FnOnce(CancellationToken) -> Running,
    Running: Future<Output = anyhow::Result<()>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime.context("failed to start the async runtime") {
        Ok(runtime) => runtime,
        Err(error) => return report(Err(error)),
    };
    let code = report(runtime.block_on(run_until_stopped(app)));
    runtime.shutdown_timeout(BLOCKED_THREADS_WAIT);
    code
}

async fn run_until_stopped<App, Running>(app: App) -> anyhow::Result<()>
where
    App: FnOnce(CancellationToken) -> Running,
    Running: Future<Output = anyhow::Result<()>>,
{
    let mut signals = Signals::new().context("failed to listen for signals")?;
    let shutdown = CancellationToken::new();
    let running = Box::pin(app(shutdown.clone()));
    tokio::select! {
        result = running => result,
        () = async {
            signals.next().await;
            info!("stopping; a second signal ends the program at once");
            shutdown.cancel();
            while tokio::time::timeout(SIGNAL_ECHO, signals.next()).await.is_ok() {}
            signals.next().await;
        } => Err(anyhow!("ended by a second signal before everything was written")),
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        // Listened to once, it no longer ends the program without a word: a write beyond the limit
        // of file sizes (`ulimit -f`) is an error then, as it is on a full disk.
        drop(signal(FILE_TOO_LARGE)?);
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exit, FailureExt};

    #[test]
    fn the_exit_code_is_that_of_the_application() {
        let code = |code: u8| format!("{:?}", ExitCode::from(code));
        let ended = run_app(async |_| Ok(()));
        assert_eq!(format!("{ended:?}"), code(0));
        let failed = run_app(async |_| Err(anyhow!("no such server")).exit(Exit::Unavailable));
        assert_eq!(format!("{failed:?}"), code(3));
    }
}
