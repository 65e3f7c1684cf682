//! Where log lines go: standard error, as text for people or as JSON for machines.

use std::io::{self, IsTerminal};

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{LogFormat, Logs};

/// Makes this process log to standard error. Call it once, before anything logs.
///
/// Text is coloured only on a terminal, and never when `NO_COLOR` is set (<https://no-color.org>).
///
/// # Errors
/// When the filter is not one, or another subscriber was installed before.
pub fn install(logs: &Logs) -> anyhow::Result<()> {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    install_to(logs, io::stderr, io::stderr().is_terminal() && !no_color)
}

/// The same, to another place: one that draws progress bars below the lines, say.
///
/// # Errors
/// As [`install`].
pub fn install_to<W>(logs: &Logs, writer: W, colored: bool) -> anyhow::Result<()>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&logs.filter)
        .with_context(|| format!("failed to understand the log filter `{}`", logs.filter))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let installed = match logs.format {
        LogFormat::Text => builder.with_ansi(colored).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    installed.map_err(|error| anyhow::anyhow!(error)).context("failed to install the log output")
}
