//! Inputs into the log of the configuration, for every program that acquires.

use std::sync::Arc;

use pulso_pipeline::{SystemClock, observe};
use pulso_runtime::health::{Health, Watched};
use pulso_runtime::stores::{self, LogWriter};
use pulso_runtime::{Config, ExplainExt, config};
use tokio_util::sync::CancellationToken;

use crate::run::exact;
use crate::{AtLimit, Input, Options, Spool, SpooledLog, run, run_spooled};

/// Stores what the inputs give until they end or `shutdown` is cancelled; returns how many messages
/// that were.
///
/// # Errors
/// As of [`run()`], and when the spool of a log on servers cannot be had.
pub async fn store(
    config: &Config,
    inputs: Vec<Input>,
    log: LogWriter,
    health: &Health,
    shutdown: CancellationToken,
) -> anyhow::Result<u64> {
    match log {
        LogWriter::Embedded(_) => straight(config, inputs, log, health, shutdown).await,
        LogWriter::Kafka(_) => spooled(config, inputs, log, health, shutdown).await,
    }
}

/// Into a log on this machine, which is not away.
async fn straight(
    config: &Config,
    inputs: Vec<Input>,
    log: LogWriter,
    health: &Health,
    shutdown: CancellationToken,
) -> anyhow::Result<u64> {
    let positions = log.clone();
    let last_stored = move |source: Arc<str>| {
        let log = positions.clone();
        async move { log.last_cursor(&source).await }
    };
    let log = Watched::new(log, "log", health);
    let options = Options::new(config, health);
    let running = run(inputs, log, last_stored, SystemClock, options, shutdown);
    Ok(running.await.explained()?.stored)
}

/// Into a log on servers, with a spool for the time that they are away.
async fn spooled(
    config: &Config,
    inputs: Vec<Input>,
    log: LogWriter,
    health: &Health,
    shutdown: CancellationToken,
) -> anyhow::Result<u64> {
    let stream = config.stream().name;
    stores::make(&config.spool_directory()).explained()?;
    let spool = Spool::open(&config.spool_path(), config.spool.bytes_max.0).explained()?;
    observe::spool_limit(stream, config.spool.bytes_max.0);
    let at_limit = match config.spool.at_limit {
        config::AtLimit::Wait => AtLimit::Wait,
        config::AtLimit::Drop => AtLimit::Drop,
    };
    let positions = log.clone();
    let log = SpooledLog::open(stream, Watched::new(log, "log", health), spool, at_limit).await;
    let log = log.explained()?.exact(exact(&inputs));
    let handle = log.handle();
    let last_stored = move |source: Arc<str>| {
        let (log, handle) = (positions.clone(), handle.clone());
        async move { handle.last_stored(&source, log.last_cursor(&source)).await }
    };
    let options = Options::new(config, health);
    let running = run_spooled(inputs, log, last_stored, SystemClock, options, shutdown);
    Ok(running.await.explained()?.stored)
}
