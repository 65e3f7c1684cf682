//! Recordings through all layers, to the end.

mod progress;
mod summary;

use std::io::{self, IsTerminal};

use anyhow::anyhow;
use pulso_acquisition::{FileInput, Input, Pace, Recording};
use pulso_batch::{BatchError, Job, Selection};
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt, logs};
use pulso_speed::Status;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cli::{OutputFormat, ReplayArgs};
use crate::data::{DataFolder, load_one};
use crate::finite::Finite;
use crate::layers::{self, Stores};
use crate::output;
use progress::Bars;
use summary::{Seconds, Summary};

pub(crate) async fn replay(
    common: &CommonArgs,
    args: ReplayArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let config = load_one(common, &args.data)?;
    let bars = Bars::new();
    logs::install_to(&config.logs, bars.log_writer(), colored())?;
    args.files.iter().try_for_each(readable)?;
    let folder = DataFolder::create(&config.data.directory)?;
    let stores = layers::open(&config, &folder).await?;

    let begun = Instant::now();
    let (status, messages) =
        read_and_count(&config, &stores, args.files, args.rate, &bars, &shutdown).await?;
    let read = begun.elapsed();
    if shutdown.is_cancelled() {
        return stopped(&bars);
    }
    let mut batch = layers::batch(&config, &stores, &shutdown).await?;
    let new = stores.archived.messages_until(&status.next_offsets());
    let bar = bars.steps("archive", new);
    let archived = batch.archive(|rows| bar.set_position(rows)).await?;
    bar.finish();
    if shutdown.is_cancelled() {
        return stopped(&bars);
    }
    let archive = begun.elapsed() - read;
    let bar = bars.steps("jobs", batch.jobs().len() as u64);
    let mut jobs_begun = 0;
    let progress = |job: &Job| {
        bar.set_message(job.name());
        bar.set_position(jobs_begun);
        jobs_begun += 1;
    };
    let jobs = batch.run_jobs(&batch.jobs(), Selection::Everything, progress).await;
    if shutdown.is_cancelled() && jobs.as_ref().err().is_none_or(is_stop) {
        return stopped(&bars);
    }
    let jobs = jobs?;
    bar.finish();
    let seconds = Seconds::new(read, archive, begun.elapsed() - read - archive);
    bars.clear();

    let summary = Summary::new(&config, messages, &status, archived, jobs, seconds).await?;
    output::print(&match args.output {
        OutputFormat::Text => summary.text(),
        OutputFormat::Json => summary.json(),
    })
}

fn colored() -> bool {
    console::colors_enabled_stderr() && io::stderr().is_terminal()
}

fn is_stop(error: &anyhow::Error) -> bool {
    let stopped = |error: &BatchError| matches!(error, BatchError::Stopped);
    error.chain().any(|cause| cause.downcast_ref().is_some_and(stopped))
}

/// Before anything is written: one file that cannot be read must not leave half a replay behind.
fn readable(input: &FileInput) -> anyhow::Result<()> {
    input.check().explained()
}

/// Reads all files into the log, one after the other, while the speed layer follows to the end.
async fn read_and_count(
    config: &Config,
    stores: &Stores,
    inputs: Vec<FileInput>,
    pace: Pace,
    bars: &Bars,
    shutdown: &CancellationToken,
) -> anyhow::Result<(Status, u64)> {
    let (ends, end_offsets) = watch::channel(None);
    let log = &stores.log;
    let source = Finite::new(log.source(config.log.batch_records).explained()?, end_offsets);
    let (status, watched) = watch::channel(Status::default());
    let reading = async {
        let mut messages = 0;
        for input in inputs {
            let recording = Recording::new(input.to_string(), input, pace);
            bars.follow(&recording);
            let inputs = vec![Input::Recording(recording)];
            messages += layers::acquire(config, inputs, log.clone(), shutdown.clone()).await?;
        }
        ends.send_replace(Some(log.end_offsets().await.explained()?));
        Ok(messages)
    };
    // One layer that fails takes the other with it: dropping them loses nothing that was stored.
    let counting = layers::speed(config, stores, source, status, shutdown.clone());
    let (messages, ()) = tokio::try_join!(reading, counting)?;
    let status = watched.borrow().clone();
    if messages == 0 && !shutdown.is_cancelled() {
        return Err(anyhow!("the input contains no messages"))
            .exit(Exit::NoInput)
            .hint("each line must be one message, as JSON");
    }
    Ok((status, messages))
}

/// A stop is no error: what was read is stored, and the same command goes on.
fn stopped(bars: &Bars) -> anyhow::Result<()> {
    bars.clear();
    eprintln!(
        "stopped before the end; run the same command again to continue (what was read is stored \
         and counts once)"
    );
    Ok(())
}
