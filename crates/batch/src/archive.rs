//! Brings the log into the lake: each offset exactly once.
//!
//! Starts where the lake's own offsets end, collects records until a segment is large or old enough,
//! and commits it. The lake refuses a segment that does not begin where it ends, so neither a crash
//! nor a second archiver can lose or double anything.
//!
//! While one segment is written as Parquet, the next is collected; there are never more than two.
//!
//! Every byte is written again a few times as files are made larger, so what was replaced goes by itself.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use pulso_lake::{Appended, Lake, SegmentBuilder, WrittenSegment};
use pulso_model::{Day, Offsets};
use pulso_pipeline::{Batch, Clock, Source, observe};
use pulso_runtime::ExplainExt;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// The name of this component in metrics.
const COMPONENT: &str = "archive";

/// How segments are cut and files are kept large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// A segment is committed when its rows take so many bytes of memory.
    pub batch_bytes: usize,
    /// A segment is committed when its first row is so old, however small it is.
    pub batch_delay: Duration,
    /// Files below half of this size are small.
    pub target_file_bytes: u64,
    /// A day with so many small files is compacted.
    pub compact_files_min: usize,
    /// Files that were replaced by larger ones stay for so long, for those who still read them.
    pub replaced_files_kept: Duration,
}

impl From<&pulso_runtime::config::Archive> for ArchiveOptions {
    fn from(archive: &pulso_runtime::config::Archive) -> Self {
        Self {
            batch_bytes: archive.batch_bytes.as_usize(),
            batch_delay: archive.batch_delay,
            target_file_bytes: archive.target_file_bytes.0,
            compact_files_min: archive.compact_files_min,
            replaced_files_kept: archive.replaced_files_kept,
        }
    }
}

/// When to stop. Asked to shut down, both stop at once; what has been read by then is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// At the end of the log as it is at the first read.
    EndOfLog,
    /// When asked to.
    Shutdown,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveSummary {
    pub rows: u64,
    pub dead_letters: u64,
    /// Days that got rows.
    pub days: BTreeSet<Day>,
    pub commits: u64,
}

/// Archives until the end; `progress` is told how many rows were committed by then.
///
/// # Errors
/// When the log or the lake fails. What was committed stays, and the next run goes on from there.
pub async fn archive(
    source: &mut impl Source,
    lake: &mut Lake,
    options: &ArchiveOptions,
    until: Until,
    clock: &impl Clock,
    shutdown: CancellationToken,
    mut progress: impl FnMut(u64),
) -> anyhow::Result<ArchiveSummary> {
    let stream = lake.stream().name;
    lake.refresh().await.explained()?;
    let next_offsets = lake.next_offsets(source.partitions()).await.explained()?;
    source.seek(&next_offsets).await.explained().context("failed to read the log")?;
    let mut archiver = Archiver::new(lake, options, clock, &next_offsets);
    let mut end_offsets = None;
    loop {
        let batch = tokio::select! {
            () = shutdown.cancelled() => break,
            batch = source.next_batch() => batch.explained().context("failed to read the log")?,
        };
        observe::received(COMPONENT, stream, batch.records.len() as u64);
        archiver.collect(&batch)?;
        archiver.commit_when_written(&mut progress).await?;
        if archiver.segment_is_due() {
            archiver.write_segment(&mut progress).await?;
        }
        let end_offsets = end_offsets.get_or_insert(batch.end_offsets);
        if batch.finished
            || (until == Until::EndOfLog && archiver.segment.next_offsets().reach(end_offsets))
        {
            break;
        }
    }
    archiver.finish(&mut progress).await
}

/// A run of [`archive`].
struct Archiver<'a, C> {
    lake: &'a mut Lake,
    options: &'a ArchiveOptions,
    clock: &'a C,
    /// What is being collected.
    segment: SegmentBuilder,
    /// When its first row came.
    begun: Option<Instant>,
    /// What is being written.
    writing: Option<JoinHandle<Result<WrittenSegment, pulso_lake::Error>>>,
    commits_since_compaction: usize,
    summary: ArchiveSummary,
}

impl<'a, C: Clock> Archiver<'a, C> {
    fn new(
        lake: &'a mut Lake,
        options: &'a ArchiveOptions,
        clock: &'a C,
        next_offsets: &Offsets,
    ) -> Self {
        let segment = lake.segment(next_offsets);
        Self {
            lake,
            options,
            clock,
            segment,
            begun: None,
            writing: None,
            commits_since_compaction: 0,
            summary: ArchiveSummary::default(),
        }
    }

    fn collect(&mut self, batch: &Batch) -> anyhow::Result<()> {
        for record in &batch.records {
            self.segment.push(record).explained()?;
        }
        self.segment.log_ends_at(&batch.end_offsets);
        if self.segment.rows() > 0 && self.begun.is_none() {
            self.begun = Some(Instant::now());
        }
        let stream = self.lake.stream().name;
        for (partition, lag) in self.segment.next_offsets().lags(&batch.end_offsets) {
            observe::lag(COMPONENT, stream, partition, lag);
        }
        Ok(())
    }

    fn segment_is_due(&self) -> bool {
        let old = |begun: Instant| begun.elapsed() >= self.options.batch_delay;
        self.segment.full(self.options.batch_bytes) || self.begun.is_some_and(old)
    }

    /// Has the collected segment written, and begins another one. Waits for the segment before it.
    async fn write_segment(&mut self, progress: &mut impl FnMut(u64)) -> anyhow::Result<()> {
        self.commit(progress).await?;
        let next = self.lake.segment(&self.segment.next_offsets());
        let segment = std::mem::replace(&mut self.segment, next).finish();
        self.begun = None;
        let writer = self.lake.writer();
        self.writing = Some(tokio::task::spawn_blocking(move || writer.write(segment)));
        Ok(())
    }

    async fn commit_when_written(&mut self, progress: &mut impl FnMut(u64)) -> anyhow::Result<()> {
        if self.writing.as_ref().is_some_and(JoinHandle::is_finished) {
            self.commit(progress).await?;
        }
        Ok(())
    }

    /// Waits for the segment that is being written, if any, and commits it.
    async fn commit(&mut self, progress: &mut impl FnMut(u64)) -> anyhow::Result<()> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        let written = writing.await.context("the writer of a segment ended early")?.explained()?;
        let (rows, dead_letters, days) = (written.rows(), written.dead_letters(), written.days());
        let missing = written.missing();
        let begun = Instant::now();
        if self.lake.commit(written).await.explained()? == Appended::AlreadyThere {
            debug!(rows, "another archiver committed the same messages");
            return Ok(());
        }
        let stream = self.lake.stream().name;
        observe::sink_write(COMPONENT, stream, begun.elapsed());
        observe::sent(COMPONENT, stream, rows);
        if missing > 0 {
            warn!(missing, "the log no longer had messages that were not archived yet");
        }
        self.summary.rows += rows;
        self.summary.dead_letters += dead_letters;
        self.summary.days.extend(days);
        self.summary.commits += 1;
        self.commits_since_compaction += 1;
        progress(self.summary.rows);
        if self.commits_since_compaction >= self.options.compact_files_min {
            self.compact().await?;
        }
        Ok(())
    }

    async fn compact(&mut self) -> anyhow::Result<()> {
        let ArchiveOptions { target_file_bytes, compact_files_min, replaced_files_kept, .. } =
            *self.options;
        let now = self.clock.now();
        let compaction =
            self.lake.compact(target_file_bytes, compact_files_min, now).await.explained()?;
        debug!(?compaction, "compacted");
        self.lake.vacuum_when_due(replaced_files_kept, now).await;
        self.commits_since_compaction = 0;
        Ok(())
    }

    async fn finish(mut self, progress: &mut impl FnMut(u64)) -> anyhow::Result<ArchiveSummary> {
        if self.segment.rows() > 0 {
            self.write_segment(progress).await?;
        }
        self.commit(progress).await?;
        self.compact().await?;
        let ArchiveSummary { rows, dead_letters, commits, .. } = self.summary;
        info!(rows, dead_letters, commits, "archived");
        Ok(self.summary)
    }
}
