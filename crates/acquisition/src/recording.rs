//! Reads a recording into a buffer, at its pace.

use std::sync::Arc;

use pulso_pipeline::Clock;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use crate::follow::{Follow, Outlet, Positions};
use crate::pace::Pacer;
use crate::{Error, FileInput, FileReader, Pace};

/// How far a recording is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub messages: u64,
    /// Of the file as it is on disk.
    pub bytes_read: u64,
    /// `None` for what is not a regular file.
    pub bytes_total: Option<u64>,
}

/// Messages in a file or pipe, one per line.
#[derive(Debug)]
pub struct Recording {
    /// The name of the source, kept with every message.
    pub name: Arc<str>,
    pub input: FileInput,
    pub pace: Pace,
    /// Shows how far it is read; for progress bars.
    pub progress: watch::Sender<Progress>,
}

impl Recording {
    pub fn new(name: impl Into<Arc<str>>, input: FileInput, pace: Pace) -> Self {
        Self { name: name.into(), input, pace, progress: watch::Sender::default() }
    }
}

impl Follow for Recording {
    /// Reads to the end, until it is told to stop, or until nobody takes the messages.
    async fn follow<C: Clock, L: Positions>(
        self,
        outlet: Outlet<C, L>,
    ) -> Result<(), Error<L::Error>> {
        let Self { name, input, pace, progress } = self;
        let Outlet { buffer, options, stop, .. } = outlet;
        let line_bytes_max = options.acquisition.message_bytes_max.as_usize();
        let mut reader = FileReader::open(input.clone(), line_bytes_max)?;
        let mut state = Progress { bytes_total: reader.total_bytes(), ..Progress::default() };
        let mut pacer = Pacer::new(pace, options.decoder, Instant::now());
        while let Some(batch) = stop.run_until_cancelled(reader.next_batch()).await.transpose()? {
            let Some(batch) = batch else {
                info!(source = %name, %input, messages = state.messages, "read the recording to its end");
                break;
            };
            state.bytes_read = batch.bytes_read;
            for line in batch.lines {
                if let Some(due) = pacer.due(&line)
                    && stop.run_until_cancelled(sleep_until(due)).await.is_none()
                {
                    return Ok(());
                }
                let slot = stop.run_until_cancelled(buffer.slot()).await;
                let Some(slot) = slot else { return Ok(()) };
                if buffer.put(slot, line, |_| None).await.is_err() {
                    return Ok(());
                }
                state.messages += 1;
                progress.send_replace(state);
            }
        }
        progress.send_replace(state);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{Running, options, payload, payloads};
    use crate::{FileError, Input, Summary};

    fn recording(content: &[u8], pace: &str) -> (tempfile::NamedTempFile, Recording) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let input = FileInput::Path(file.path().into());
        let recording = Recording::new("recorded", input, pace.parse().unwrap());
        (file, recording)
    }

    fn lines(count: u64) -> String {
        (0..count).map(|number| payload(number) + "\n").collect()
    }

    #[tokio::test]
    async fn a_recording_ends_and_is_stored_in_order() {
        let mut options = options();
        (options.buffer_messages, options.batch_messages) = (100, 7);
        let (_file, recording) = recording(lines(5000).as_bytes(), "max");
        let progress = recording.progress.subscribe();
        let running = Running::start(vec![Input::Recording(recording)], options);
        let log = running.log.clone();
        assert_eq!(running.end().await.unwrap(), Summary { stored: 5000 });
        assert_eq!(log.stored("recorded"), payloads(0..5000));
        let progress = *progress.borrow();
        assert_eq!((progress.messages, Some(progress.bytes_read)), (5000, progress.bytes_total));
    }

    #[tokio::test]
    async fn an_unreadable_recording_is_an_error_after_what_was_readable() {
        let (_file, recording) = recording(b"\x28\xb5\x2f\xfdnot zstd", "max");
        let error = Running::start(vec![Input::Recording(recording)], options()).end().await;
        let error = error.unwrap_err();
        assert!(matches!(error, Error::File(FileError::Read { line: 0, .. })), "{error:?}");
    }

    #[tokio::test]
    async fn a_recording_in_real_time_can_be_stopped() {
        // The second message is due ten minutes after the first.
        let (_file, recording) = recording(b"{\"mtime\":0}\n{\"mtime\":99000000}\n", "realtime");
        let mut running = Running::start(vec![Input::Recording(recording)], options());
        assert_eq!(running.stored(1).await, ["{\"mtime\":0}"]);
        running.stop(1).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_recording_takes_its_time() {
        let (_file, recording) = recording(lines(101).as_bytes(), "10");
        let begin = Instant::now();
        let running = Running::start(vec![Input::Recording(recording)], options());
        running.end().await.unwrap();
        let second = Duration::from_secs(1);
        assert!((10 * second..11 * second).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    }
}
