//! The live view: a screen that is redrawn, or a plain line now and then when there is no terminal.

use std::time::Duration;

use pulso_model::Stream;
use pulso_pipeline::{Clock, SystemClock, Views};
use pulso_speed::Status;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::board::{Board, Frame};
use super::terminal::{Notices, Terminal};

const REDRAW: Duration = Duration::from_millis(500);

/// Between plain lines.
const LINE: Duration = Duration::from_secs(10);

/// What is shown, and above what.
pub(super) struct Screen<V> {
    pub(super) stream: &'static Stream,
    pub(super) status: watch::Receiver<Status>,
    pub(super) views: V,
    pub(super) window: Duration,
    pub(super) heading: String,
    /// Log lines to show, when a terminal is drawn on.
    pub(super) notices: Option<Notices>,
}

impl<V: Views> Screen<V> {
    /// Shows the board until `stop`; cancels it when the key `q` is pressed, or when nobody reads
    /// the lines any more.
    pub(super) async fn show(mut self, stop: CancellationToken) {
        let mut terminal = self.notices.as_ref().map(|_| Terminal::take(stop.clone()));
        let mut ticks = tokio::time::interval(if terminal.is_some() { REDRAW } else { LINE });
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut board = Board::new(self.stream);
        let mut last = Instant::now();
        if terminal.is_none() {
            ticks.tick().await;
            // The first rate is of what comes from now on, not of all that was there before.
            let known = tokio::time::timeout(REDRAW, self.status.changed());
            stop.run_until_cancelled(known).await;
            board.count(&self.status.borrow().clone(), Duration::ZERO);
        }
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.look(&mut board, last.elapsed()).await;
            last = Instant::now();
            let shown = match &mut terminal {
                Some(terminal) => terminal.draw(&self.frame(&board, terminal)),
                None => {
                    crate::output::write(format!("{}\n", board.line(SystemClock.now())).as_bytes())
                }
            };
            if shown.is_err_and(|error| crate::output::is_broken_pipe(&error)) {
                stop.cancel();
            }
        }
        if terminal.is_some() {
            drop(terminal);
            eprintln!("stopping");
        }
    }

    async fn look(&self, board: &mut Board, elapsed: Duration) {
        board.count(&self.status.borrow().clone(), elapsed);
        if let Err(error) = board.look(&self.views, self.window).await {
            debug!(%error, "failed to read views for the terminal");
        }
    }

    fn frame(&self, board: &Board, terminal: &Terminal) -> Vec<String> {
        let (rows, columns) = terminal.rows_and_columns();
        let notices = self.notices.as_ref().map(Notices::recent).unwrap_or_default();
        let heading = self.heading.clone();
        board.lines(SystemClock.now(), &Frame { rows, columns, heading, notices })
    }
}
