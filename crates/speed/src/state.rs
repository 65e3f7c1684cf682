//! The speed layer's part of a checkpoint.

use std::time::Duration;

use pulso_model::Offsets;
use pulso_pipeline::{Checkpoint, Progress};
use pulso_runtime::config::format_duration;
use pulso_runtime::{Exit, Explain};
use pulso_window::{Counts, Saved, SavedError, Settings, Windows, save};

use crate::health::Health;

/// A checkpoint that this program cannot go on from.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Saved(#[from] SavedError),
    #[error("the checkpoint has {found} partitions, the log has {log}")]
    Partitions { found: usize, log: u32 },
    /// The log was put back, or made anew: what it says from here on was never read.
    #[error(
        "the checkpoint has read partition {partition} up to offset {next_offset}, the log has only {end_offset} messages there"
    )]
    Ahead { partition: u32, next_offset: u64, end_offset: u64 },
    /// The stream's descriptor was changed: facets, kinds, statistics or sessions mean something else.
    #[error(
        "the stream's kinds, facets, statistics or sessions were changed since the checkpoint was made"
    )]
    Shape,
    /// The view would lack the facts that were read before, for good.
    #[error("single facts are shown, and were not when the checkpoint was made")]
    FactsHidden,
    #[error(transparent)]
    Settings(#[from] ChangedSettings),
}

/// Settings under which the panes in a checkpoint would mean something else (P3).
#[derive(Debug, thiserror::Error)]
#[error("`{key}` was changed from {before} to {now} since the checkpoint was made")]
pub struct ChangedSettings {
    key: &'static str,
    before: String,
    now: String,
}

impl Explain for RestoreError {
    fn exit(&self) -> Exit {
        match self {
            Self::Settings(_)
            | Self::Shape
            | Self::FactsHidden
            | Self::Partitions { .. }
            | Self::Ahead { .. } => Exit::Usage,
            Self::Saved(_) => Exit::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Settings(ChangedSettings { key, before, .. }) => {
                format!("set `{key}` back to \"{before}\"; {START_ANEW}")
            }
            Self::FactsHidden => {
                format!("set `facts` of the stream back to false; {START_ANEW}")
            }
            Self::Partitions { .. } | Self::Ahead { .. } => {
                format!("use the data folder of this log; {START_ANEW}")
            }
            Self::Saved(SavedError::Version { .. }) => {
                format!("use the version that made it; {START_ANEW}")
            }
            Self::Saved(SavedError::Damaged(_)) | Self::Shape => START_ANEW.to_owned(),
        })
    }
}

const START_ANEW: &str = "to start anew, stop, and move `views.db` out of the data folder (in Elasticsearch, delete the index \
     of checkpoints): the realtime views are then made again from the log";

/// Serialises the windows, and what has been told of it.
pub(crate) fn checkpoint(
    shows_facts: bool,
    windows: &Windows,
    health: &Health,
    progress: Vec<Progress>,
) -> Checkpoint {
    let health = postcard::to_stdvec(health).expect("numbers serialise into memory");
    let state = save(shows_facts, windows, &health);
    Checkpoint { progress, closed_until: windows.closed_until(), state }
}

pub(crate) fn progress(counts: Counts, first_offset: u64) -> Progress {
    let Counts { next_offset, counted, echoes, late, skipped, dead_letters } = counts;
    Progress { first_offset, next_offset, counted, echoes, late, skipped, dead_letters }
}

/// Brings windows back, and what has been told of it.
pub(crate) fn restore(
    checkpoint: &Checkpoint,
    shows_facts: bool,
    settings: &Settings,
    partitions: u32,
) -> Result<(Windows, Health), RestoreError> {
    let Saved { shows_facts: showed_facts, mut windows, rest } =
        Saved::from_bytes(&checkpoint.state)?;
    let health = postcard::from_bytes(rest).map_err(SavedError::Damaged)?;
    let found = windows.counts().len();
    if found != partitions as usize {
        return Err(RestoreError::Partitions { found, log: partitions });
    }
    if shows_facts && !showed_facts {
        return Err(RestoreError::FactsHidden);
    }
    unchanged(windows.settings(), settings)?;
    if windows.settings().shape != settings.shape {
        return Err(RestoreError::Shape);
    }
    windows.adopt(settings);
    for partition in 0..partitions {
        // Nothing is known of the time in between; idleness has to be seen again.
        windows.set_idle(partition, false);
    }
    Ok((windows, health))
}

/// What the panes of a checkpoint depend on. What is listed, and for how long echoes are remembered,
/// may change at any time.
fn unchanged(before: &Settings, now: &Settings) -> Result<(), ChangedSettings> {
    let millis = |millis: i64| Duration::from_millis(millis.unsigned_abs());
    let (window_before, window_now) = (before.window, now.window);
    let all = [
        ("window.size", millis(window_before.size()), millis(window_now.size())),
        ("window.slide", millis(window_before.slide()), millis(window_now.slide())),
        ("window.max_out_of_orderness", before.max_out_of_orderness, now.max_out_of_orderness),
        ("window.allowed_lateness", before.allowed_lateness, now.allowed_lateness),
        ("trends.baseline", before.trends.baseline, now.trends.baseline),
    ];
    match all.into_iter().find(|(_, before, now)| before != now) {
        None => Ok(()),
        Some((key, before, now)) => {
            Err(ChangedSettings { key, before: format_duration(before), now: format_duration(now) })
        }
    }
}

/// A log that ends before the checkpoint is not the one that was read.
pub(crate) fn fits_log(next_offsets: &Offsets, end_offsets: &Offsets) -> Result<(), RestoreError> {
    match next_offsets.zip(end_offsets).find(|(_, next_offset, end)| next_offset > end) {
        None => Ok(()),
        Some((partition, next_offset, end_offset)) => {
            Err(RestoreError::Ahead { partition, next_offset, end_offset })
        }
    }
}
