//! A file to which lines are appended, and which is rotated as `logrotate` does.
//!
//! The newest rotated file is `PATH.1`; the older ones move on to `PATH.2`, `PATH.3`, and so on, and are compressed there
//! if that is asked for (`delaycompress`): the newest one may still be written to.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::time::{Instant, sleep};

use super::{Fault, Sent, halves};
use crate::error::SimulatorError;

/// How a file is rotated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rotate {
    /// It is renamed, and another one is created in its place.
    #[default]
    Rename,
    /// It is copied, and then cut to nothing.
    CopyTruncate,
}

/// When and how a file is rotated; never by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotation {
    pub how: Rotate,
    /// After this many lines.
    pub lines: Option<u64>,
    /// After this time.
    pub every: Option<Duration>,
    /// In the middle of a line, whose rest is still written to the renamed file.
    pub inside_line: bool,
    /// Compresses with gzip what was rotated, but for the newest file.
    pub compress: bool,
    /// How many rotated files stay; all of them by default.
    pub keep: Option<u64>,
}

impl Rotation {
    /// # Errors
    /// The first problem found, as [`SimulatorError::Config`].
    pub(super) fn validate(&self) -> Result<(), SimulatorError> {
        let unused = *self != Self::default() && self.lines.is_none() && self.every.is_none();
        let problem = if self.lines == Some(0) {
            "`rotate-lines` is 0"
        } else if self.every == Some(Duration::ZERO) {
            "`rotate-every` is 0"
        } else if self.inside_line && self.how == Rotate::CopyTruncate {
            "`rotate-inside-line` is for `--rotate rename`: a copy would tear the line apart"
        } else if unused {
            "there is no rotation without `rotate-lines` or `rotate-every`"
        } else {
            return Ok(());
        };
        Err(SimulatorError::Config { problem: problem.to_owned() })
    }
}

pub(super) struct LogFile {
    path: PathBuf,
    rotation: Rotation,
    file: File,
    /// What is still to be written of a line that has begun.
    rest: Vec<u8>,
    /// Lines since the last rotation, and when that was.
    lines: u64,
    rotated: Instant,
}

impl LogFile {
    pub(super) fn open(path: PathBuf, rotation: Rotation) -> Result<Self, SimulatorError> {
        let file = append_to(&path).map_err(|source| failed(&path, source))?;
        Ok(Self { path, rotation, file, rest: Vec::new(), lines: 0, rotated: Instant::now() })
    }

    pub(super) async fn write(
        &mut self,
        text: &str,
        fault: Fault,
        sent: &mut Sent,
    ) -> Result<(), SimulatorError> {
        let line = format!("{text}\n").into_bytes();
        sent.bytes += line.len() as u64;
        self.write_line(&line, fault, sent).await.map_err(|source| failed(&self.path, source))
    }

    async fn write_line(&mut self, line: &[u8], fault: Fault, sent: &mut Sent) -> io::Result<()> {
        let inside = self.rotation.inside_line;
        let due = self.is_due();
        if due && !inside {
            self.rotate(&[])?;
            sent.rotations += 1;
        }
        let (begin, end) = halves(line);
        match fault {
            Fault::Stall(length) => {
                self.file.write_all(begin)?;
                self.rest = end.to_vec();
                sleep(length).await;
                self.rest.clear();
            }
            Fault::None | Fault::Cut if due && inside => self.file.write_all(begin)?,
            Fault::None | Fault::Cut => {
                self.lines += 1;
                return self.file.write_all(line);
            }
        }
        if due && inside {
            sent.rotations += 1;
            return self.rotate(end);
        }
        self.lines += 1;
        self.file.write_all(end)
    }

    /// Ends a line that has begun, when the program is stopped.
    pub(super) fn end(mut self, sent: &mut Sent) -> Result<(), SimulatorError> {
        sent.messages += u64::from(!self.rest.is_empty());
        self.file.write_all(&self.rest).map_err(|source| failed(&self.path, source))
    }

    fn is_due(&self) -> bool {
        let Rotation { lines, every, .. } = self.rotation;
        lines.is_some_and(|lines| self.lines >= lines)
            || every.is_some_and(|every| self.rotated.elapsed() >= every)
    }

    /// Rotates; the rest of a line goes where its beginning is.
    fn rotate(&mut self, rest: &[u8]) -> io::Result<()> {
        self.move_on()?;
        match self.rotation.how {
            Rotate::Rename => {
                fs::rename(&self.path, self.numbered(1, ""))?;
                let new = append_to(&self.path)?;
                // As a server does that has not been told yet.
                self.file.write_all(rest)?;
                self.file = new;
            }
            Rotate::CopyTruncate => {
                fs::copy(&self.path, self.numbered(1, ""))?;
                self.file.set_len(0)?;
            }
        }
        (self.lines, self.rotated) = (0, Instant::now());
        self.compress()
    }

    /// Gives each rotated file the next number.
    fn move_on(&self) -> io::Result<()> {
        let mut last = 0;
        while self.rotated_file(last + 1).is_some() {
            last += 1;
        }
        for number in (1..=last).rev() {
            let Some((path, ending)) = self.rotated_file(number) else { continue };
            match self.rotation.keep {
                Some(keep) if number >= keep => fs::remove_file(path)?,
                _ => fs::rename(path, self.numbered(number + 1, ending))?,
            }
        }
        Ok(())
    }

    fn compress(&self) -> io::Result<()> {
        let path = self.numbered(2, "");
        if !self.rotation.compress || !path.exists() {
            return Ok(());
        }
        let compressed = File::create(self.numbered(2, ".gz"))?;
        let mut encoder = GzEncoder::new(compressed, Compression::default());
        let mut plain = File::open(&path)?;
        io::copy(&mut plain, &mut encoder)?;
        // As gzip does, so that files stay in the order of their times.
        encoder.finish()?.set_modified(plain.metadata()?.modified()?)?;
        fs::remove_file(path)
    }

    fn rotated_file(&self, number: u64) -> Option<(PathBuf, &'static str)> {
        let found = |ending| Some((self.numbered(number, ending), ending));
        ["", ".gz"].into_iter().filter_map(found).find(|(path, _)| path.exists())
    }

    fn numbered(&self, number: u64, ending: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}{ending}"));
        name.into()
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).open(path)
}

fn failed(path: &Path, source: io::Error) -> SimulatorError {
    SimulatorError::WriteOutput { output: path.display().to_string(), source }
}
