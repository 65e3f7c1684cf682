//! Progress bars on standard error; nothing when that is no terminal.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pulso_acquisition::Recording;

const TICK: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(super) struct Bars {
    bars: MultiProgress,
}

impl Bars {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A bar of the bytes read of a file.
    pub(super) fn follow(&self, recording: &Recording) {
        let bar =
            self.bars.add(ProgressBar::new_spinner().with_message(recording.name.to_string()));
        bar.set_style(style("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}"));
        let mut progress = recording.progress.subscribe();
        tokio::spawn(async move {
            while progress.changed().await.is_ok() {
                let read = *progress.borrow_and_update();
                match read.bytes_total {
                    Some(total) => bar.set_length(total),
                    None => bar.unset_length(),
                }
                bar.set_position(read.bytes_read);
                tokio::time::sleep(TICK).await;
            }
            if !bar.is_finished() {
                bar.finish();
            }
        });
    }

    /// A bar for work whose size is known, with what is being done as its message.
    pub(super) fn steps(&self, what: &'static str, steps: u64) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new(steps).with_message(what));
        bar.set_style(style("{msg} {wide_bar} {pos}/{len}"));
        bar.enable_steady_tick(TICK);
        bar
    }

    /// Where log lines go: above the bars.
    pub(super) fn log_writer(&self) -> impl Fn() -> AboveBars + Send + Sync + 'static {
        let bars = self.bars.clone();
        move || AboveBars(bars.clone())
    }

    pub(super) fn clear(&self) {
        // Nothing depends on a bar.
        self.bars.clear().unwrap_or_default();
        // One that is dropped later would draw all of them again.
        self.bars.set_draw_target(ProgressDrawTarget::hidden());
    }
}

/// Bars must not be left on the terminal when an error comes after them.
impl Drop for Bars {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Standard error, with the bars out of the way.
#[derive(Debug)]
pub(super) struct AboveBars(MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are valid")
}
