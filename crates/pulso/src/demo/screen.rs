//! The live terminal: redraws in place, or writes a plain line now and then when it is no terminal.

use std::time::Duration;

use console::Term;
use pulso_pipeline::{Clock, SystemClock, Views};
use pulso_speed::Status;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::board::Board;

const REDRAW: Duration = Duration::from_millis(500);

/// Between plain lines.
const LINE: Duration = Duration::from_secs(10);

/// Shows the board until `shutdown`.
pub(super) async fn show<V: Views>(
    status: watch::Receiver<Status>,
    views: V,
    window: Duration,
    shutdown: CancellationToken,
) {
    let term = Term::stdout();
    let live = term.is_term();
    let mut ticks = tokio::time::interval(if live { REDRAW } else { LINE });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut board = Board::default();
    let mut drawn = 0;
    let mut last = Instant::now();
    ticks.tick().await;
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        board.count(&status.borrow().clone(), last.elapsed());
        last = Instant::now();
        if let Err(error) = board.look(&views, window).await {
            debug!(%error, "failed to read views for the terminal");
        }
        let now = SystemClock.now();
        let lines = if live { board.lines(now) } else { vec![board.line(now)] };
        if live && term.clear_last_lines(drawn).is_err() {
            return;
        }
        drawn = lines.len();
        let width = usize::from(term.size().1);
        for line in lines {
            let line = if live { console::truncate_str(&line, width, "…") } else { line.into() };
            // Nobody is looking any more; the pipeline goes on.
            if term.write_line(&line).is_err() {
                return;
            }
        }
    }
}
