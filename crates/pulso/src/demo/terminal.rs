//! The terminal while the demo has it: a screen of its own, keys without echo, and everything as it
//! was afterwards.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use console::Term;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The alternate screen, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// To the upper left corner; what is right of the cursor; what is below it.
const HOME: &str = "\x1b[H";
const CLEAR_RIGHT: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// How long a log line is shown.
const NOTICE_SHOWN: Duration = Duration::from_secs(30);

/// How many log lines are kept for afterwards.
const NOTICES_MAX: usize = 100;

/// Whether the demo can draw: on a terminal that knows how to move its cursor.
pub(super) fn can_draw() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// The terminal until it is dropped.
pub(super) struct Terminal {
    term: Term,
    /// As standard input was.
    modes: Option<Termios>,
}

impl Terminal {
    /// Takes the terminal over; the key `q` cancels `stop`. Ctrl-C stays a signal.
    pub(super) fn take(stop: CancellationToken) -> Self {
        let term = Term::stdout();
        let modes = keys_without_echo();
        if modes.is_some() {
            // It ends with the process: nothing else can end a read from a terminal.
            std::thread::spawn(move || stop_on_q(&stop));
        }
        // Who does not see the screen loses nothing.
        term.write_str(ENTER).unwrap_or_default();
        Self { term, modes }
    }

    pub(super) fn rows_and_columns(&self) -> (usize, usize) {
        let (rows, columns) = self.term.size();
        (usize::from(rows), usize::from(columns))
    }

    /// Shows the lines in place of those before, cut to the size of the terminal. In the background
    /// the terminal belongs to others; back from there it is taken over again.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        if !in_foreground() {
            return Ok(());
        }
        if self.modes.is_some() && keys_echo() && keys_without_echo().is_some() {
            self.term.write_str(ENTER)?;
        }
        let (rows, columns) = self.rows_and_columns();
        let mut frame = HOME.to_owned();
        for (row, line) in lines.iter().take(rows).enumerate() {
            if row > 0 {
                frame.push_str("\r\n");
            }
            frame.push_str(&console::truncate_str(line, columns, "…"));
            frame.push_str(CLEAR_RIGHT);
        }
        frame.push_str(CLEAR_BELOW);
        self.term.write_str(&frame)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        self.term.write_str(LEAVE).unwrap_or_default();
        if let Some(modes) = &self.modes {
            tcsetattr(io::stdin(), OptionalActions::Flush, modes).unwrap_or_default();
        }
    }
}

fn keys_echo() -> bool {
    tcgetattr(io::stdin()).is_ok_and(|modes| modes.local_modes.contains(LocalModes::ECHO))
}

/// Makes keys come at once and unseen; returns how the terminal was before.
fn keys_without_echo() -> Option<Termios> {
    if !io::stdin().is_terminal() || !in_foreground() {
        return None;
    }
    let before = tcgetattr(io::stdin()).ok()?;
    let mut modes = before.clone();
    modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    tcsetattr(io::stdin(), OptionalActions::Now, &modes).ok()?;
    Some(before)
}

/// A program in the background that touches the terminal would be suspended. Where the system does
/// not tell, it is taken to be in the foreground.
fn in_foreground() -> bool {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return true };
    // After the name in parentheses: the third field is this process group, the sixth the one in
    // the foreground.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    fields.get(2) == fields.get(5)
}

fn stop_on_q(stop: &CancellationToken) {
    for key in io::stdin().lock().bytes() {
        match key {
            Ok(b'q' | b'Q') => return stop.cancel(),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// Log lines that wait to be shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Notices(Arc<Mutex<VecDeque<(Instant, String)>>>);

impl Notices {
    /// The lines of the last half minute, the oldest first.
    pub(super) fn recent(&self) -> Vec<String> {
        let is_recent = |(time, _): &&(Instant, String)| time.elapsed() < NOTICE_SHOWN;
        self.lines().iter().filter(is_recent).map(|(_, line)| without_time(line)).collect()
    }

    /// All lines, as they were logged.
    pub(super) fn take(&self) -> Vec<String> {
        self.lines().drain(..).map(|(_, line)| line).collect()
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, VecDeque<(Instant, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line is written as a whole.
impl Write for Notices {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes).trim_end().to_owned();
        let mut lines = self.lines();
        lines.push_back((Instant::now(), line));
        if lines.len() > NOTICES_MAX {
            lines.pop_front();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn without_time(line: &str) -> String {
    let dated = line.starts_with(|first: char| first.is_ascii_digit());
    let rest = line.split_once(' ').filter(|_| dated).map_or(line, |(_, rest)| rest);
    rest.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_shown_without_the_time_and_kept_with_it() {
        let mut notices = Notices::default();
        notices.write_all(b"2026-01-05T00:00:00.1Z  WARN pulso: connecting anew\n").unwrap();
        assert_eq!(notices.recent(), ["WARN pulso: connecting anew"]);
        assert_eq!(notices.take(), ["2026-01-05T00:00:00.1Z  WARN pulso: connecting anew"]);
        for number in 0..2 * NOTICES_MAX {
            notices.write_all(format!("{number}").as_bytes()).unwrap();
        }
        assert_eq!(notices.take().len(), NOTICES_MAX);
    }
}
