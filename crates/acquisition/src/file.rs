//! Files that are written to as sources: their lines, through any rotation.
//!
//! Lines have no identity of their own, so each has to come exactly once. Every message says in its cursor how
//! far *all* files of the source are read, and the log keeps messages and the last cursor in one transaction:
//! a start goes on right behind the last stored line of each file
//! (see `docs/decisions/060-every-line-says-how-far-all-files-are-read.md`).

mod files;
mod followed;
mod opened;
mod place;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use pulso_pipeline::{Clock, SourceCursor};
use pulso_runtime::config::FilesFrom;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::warn;

use crate::Error;
use crate::follow::{Follow, Outlet, Positions};
use files::Files;
use place::Places;

/// How long it takes at most until a new line or a new file is noticed.
const PAUSE: Duration = Duration::from_millis(250);

/// Follows the files that these patterns match.
#[derive(Clone, Debug)]
pub(crate) struct FollowFiles {
    pub(crate) paths: Vec<String>,
    pub(crate) from: FilesFrom,
}

impl Follow for FollowFiles {
    async fn follow<C: Clock, L: Positions>(
        self,
        outlet: Outlet<C, L>,
    ) -> Result<(), Error<L::Error>> {
        let Outlet { buffer, options, stop, .. } = &outlet;
        let bytes_max = options.acquisition.message_bytes_max.as_usize();
        let position = stop.run_until_cancelled(outlet.position());
        let Some(position) = position.await.transpose()? else { return Ok(()) };
        let last = position.and_then(|position| places(&position, buffer.source()));
        let name = (buffer.stream(), Arc::clone(buffer.source()));
        let skips = self.from == FilesFrom::End;
        let mut files = Files::new(name, &self.paths, bytes_max, skips, last);
        loop {
            let step;
            (files, step) = spawn_blocking(move || {
                let step = files.step();
                (files, step)
            })
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            let (mut number, mut lines) = (step.number, step.lines.into_iter());
            loop {
                let part: Vec<_> = lines.by_ref().take(buffer.together_max()).collect();
                let Some(last) = part.last() else { break };
                let slots = stop.run_until_cancelled(buffer.slots(part.len())).await;
                let Some(slots) = slots else { return Ok(()) };
                number += part.len() as u64;
                let places = std::iter::once(last.place.clone()).chain(step.others.iter().cloned());
                // Of the last line; the step's is that of the first.
                let places = Places { number: number - 1, places: places.collect() };
                let payloads = part.into_iter().map(|line| {
                    if line.cut {
                        buffer.report_cut(bytes_max);
                    }
                    line.bytes
                });
                if buffer.put_together(slots, payloads, places.to_string().into()).await.is_err() {
                    return Ok(());
                }
            }
            // Even the shortest sleep takes a millisecond, in which much can be read.
            if step.idle {
                stop.run_until_cancelled(sleep(PAUSE)).await;
            }
            if stop.is_cancelled() {
                return Ok(());
            }
        }
    }
}

/// What the cursor of the last stored message says.
fn places(position: &SourceCursor, source: &str) -> Option<Places> {
    let places = position.cursor.parse().ok();
    if places.is_none() {
        warn!(source, "the last stored message of this source was not read from files");
    }
    places
}

/// Has a look at whether there is a file to read.
///
/// # Errors
/// When there is none, or one cannot be read.
pub(crate) fn check(paths: &[String]) -> anyhow::Result<()> {
    let mut found = false;
    for pattern in paths {
        for path in glob::glob(pattern)? {
            let path = path?;
            if path.is_file() {
                opened::Opened::open(&path)
                    .map_err(|error| anyhow!("failed to read `{}`: {error}", path.display()))?;
                found = true;
            }
        }
    }
    if found { Ok(()) } else { Err(anyhow!("no file matches `{}`", paths.join("`, `"))) }
}
