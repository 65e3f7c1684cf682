//! The messages of a report: from files, or from the log of a data folder, which others may write meanwhile.

use anyhow::anyhow;
use pulso_file::{FileInput, FileReader, LineBatch};
use pulso_model::{Decoded, MAX_MESSAGE_BYTES, StoreOptions, TimeLimits, WallTime};
use pulso_pipeline::{Clock, Source, SystemClock};
use pulso_runtime::config::LogStore;
use pulso_runtime::stores::{LogReader, Reading};
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt};

use super::facts::TooMany;
use super::outcomes::Counting;

/// So many lines tell of which stream a file is.
const LINES_TRIED: usize = 100;

/// A longer line is cut off, and is too large all the same.
const LINE_BYTES_MAX: usize = MAX_MESSAGE_BYTES + 1;

/// The stream of files of which none was named: the only one that finds facts in their first lines.
pub(super) async fn stream_of_files(
    common: &CommonArgs,
    config: &Config,
    files: &mut Files,
) -> anyhow::Result<Option<&'static str>> {
    if !common.stream.is_empty() {
        return Ok(None);
    }
    let first = files.first_lines().await?;
    if first.lines.is_empty() {
        return Err(anyhow!("the input contains no messages")).exit(Exit::NoInput);
    }
    let streams = config.streams();
    let found = streams.iter().filter(|definition| {
        let decoder = definition.decoder(TimeLimits::NONE);
        let options = StoreOptions { anonymize_addresses: false, host: None };
        first.lines.iter().take(LINES_TRIED).any(|line| {
            let stored = decoder.stored(line, &options);
            let line = stored.as_deref().unwrap_or(line);
            matches!(decoder.decode(line, WallTime(0)), Ok(Decoded::Fact(_)))
        })
    });
    let found: Vec<_> = found.map(|definition| definition.stream.name).collect();
    match found.as_slice() {
        [one] => Ok(Some(one)),
        [] => Err(anyhow!("no stream knows the first lines of the input")).exit(Exit::Usage).hint(
            "name the stream with `--stream NAME`; `pulso streams` lists those that there are",
        ),
        several => {
            let message = format!("the first lines may be of {}", several.join(", "));
            Err(anyhow!(message)).exit(Exit::Usage).hint("name one with `--stream NAME`")
        }
    }
}

/// The stream of a data folder where none was named: the only one that has messages there.
pub(super) fn stream_of_folder(
    common: &CommonArgs,
    config: &Config,
) -> anyhow::Result<Option<&'static str>> {
    if !common.stream.is_empty() || config.log.store != LogStore::Embedded {
        return Ok(None);
    }
    let streams = config.streams();
    let names = streams.iter().map(|definition| definition.stream.name);
    let has_log = |name: &&str| config.of_stream(name).is_ok_and(|one| one.log_path().exists());
    let found: Vec<_> = names.filter(has_log).collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => {
            let message = format!("the data folder has {}", several.join(", "));
            Err(anyhow!(message)).exit(Exit::Usage).hint("name one with `--stream NAME`")
        }
    }
}

/// Lines of several files, one after the other.
pub(super) struct Files {
    inputs: std::vec::IntoIter<FileInput>,
    open: Option<(FileInput, FileReader)>,
    /// Read already, to find the stream.
    ahead: Option<(FileInput, LineBatch)>,
}

impl Files {
    /// # Errors
    /// When one of them cannot be read: that is told before any is.
    pub(super) fn new(inputs: Vec<FileInput>) -> anyhow::Result<Self> {
        inputs.iter().try_for_each(|input| input.check().explained())?;
        Ok(Self { inputs: inputs.into_iter(), open: None, ahead: None })
    }

    async fn first_lines(&mut self) -> anyhow::Result<LineBatch> {
        self.ahead = self.next().await?;
        Ok(self.ahead.as_ref().map_or_else(LineBatch::default, |(_, batch)| batch.clone()))
    }

    async fn next(&mut self) -> anyhow::Result<Option<(FileInput, LineBatch)>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        loop {
            if let Some((input, reader)) = &mut self.open {
                if let Some(batch) = reader.next_batch().await.explained()? {
                    return Ok(Some((input.clone(), batch)));
                }
                self.open = None;
            }
            let Some(input) = self.inputs.next() else { return Ok(None) };
            let reader = FileReader::open(input.clone(), LINE_BYTES_MAX).explained()?;
            self.open = Some((input, reader));
        }
    }
}

/// Counts the lines of files as if they came in now: what the log would not keep of them is not looked at.
pub(super) async fn from_files(
    config: &Config,
    mut files: Files,
    counting: &mut Counting,
) -> anyhow::Result<()> {
    let options = StoreOptions {
        anonymize_addresses: config.acquisition.anonymize_addresses,
        host: config.acquisition.host.clone(),
    };
    let now = SystemClock.now();
    let mut current: Option<(FileInput, u64)> = None;
    while let Some((input, batch)) = files.next().await? {
        let mut line = match current.take() {
            Some((before, line)) if before == input => line,
            _ => 0,
        };
        for payload in batch.lines {
            line += 1;
            let stored = counting.decoder().stored(&payload, &options);
            let payload = stored.as_deref().unwrap_or(&payload);
            let place = || format!("{}, line {line}", input.name());
            counting.count(payload, now, place).or_else(too_many)?;
        }
        current = Some((input, line));
    }
    Ok(())
}

/// Counts what the log has now. Returns how many older messages it had once and no longer has.
pub(super) async fn from_log(config: &Config, counting: &mut Counting) -> anyhow::Result<u64> {
    let mut log = LogReader::open(config, Reading::Shared).await.explained()?;
    log.acquire().await.explained()?;
    let first = log.first_offsets().await.explained()?;
    log.seek(&first).await.explained()?;
    let mut next = first.clone();
    let mut ends = None;
    loop {
        let batch = log.next_batch().await.explained()?;
        if batch.end_offsets.is_empty() {
            continue;
        }
        // What comes in from here on is for the next report.
        let ends = ends.get_or_insert_with(|| batch.end_offsets.clone());
        for record in &batch.records {
            let position = record.position();
            next.pass(position);
            if !ends.have_passed(position.partition, position.offset) {
                continue;
            }
            let place = || format!("partition {}, offset {}", position.partition, position.offset);
            counting.count(&record.payload, record.log_time, place).or_else(too_many)?;
        }
        if next.reach(ends) {
            return Ok(first.messages_before());
        }
    }
}

fn too_many(TooMany: TooMany) -> anyhow::Result<()> {
    Err(anyhow!("there are too many different facts for one report"))
        .exit(Exit::Usage)
        .hint("make it of a shorter time, with `--from TIME` and `--to TIME`")
}
