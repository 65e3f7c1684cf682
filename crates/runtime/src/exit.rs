//! Exit codes, and errors that know theirs.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done, or stopped as asked |
//! | 1 | an error inside Pulso or its data, or `verify` found a difference |
//! | 2 | wrong usage or configuration |
//! | 3 | something Pulso depends on is not available |
//! | 4 | no input, nothing of a layer for `verify` to compare, or a view for `export` that no layer writes |

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind as Io};
use std::process::ExitCode;

use pulso_pipeline::{AdapterError, ErrorKind};

use crate::chain;

/// Why a program ends other than well; the number is its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Internal = 1,
    /// Also for configuration.
    Usage = 2,
    /// A server, file system or source that should be there is not; trying later may help.
    Unavailable = 3,
    /// There was nothing to read, or to compare.
    NoInput = 4,
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::Settings => Self::Usage,
            ErrorKind::NoInput => Self::NoInput,
            ErrorKind::Internal => Self::Internal,
        }
    }
}

/// An error that knows how a program ends because of it. Every error of an adapter does.
pub trait Explain: Error + Send + Sync + Sized + 'static {
    fn exit(&self) -> Exit;

    /// What the user can do about it.
    fn hint(&self) -> Option<String>;

    /// The error with its exit code and its hint, which [`report`] finds under any context.
    fn explained(self) -> anyhow::Error {
        Failure::from(self).into()
    }
}

impl<E: AdapterError> Explain for E {
    fn exit(&self) -> Exit {
        self.kind().into()
    }

    fn hint(&self) -> Option<String> {
        AdapterError::hint(self)
    }
}

/// Explains the error of a `Result`.
pub trait ExplainExt<T> {
    /// See [`Explain::explained`].
    ///
    /// # Errors
    /// The same as before, marked.
    fn explained(self) -> anyhow::Result<T>;
}

impl<T, E: Explain> ExplainExt<T> for Result<T, E> {
    fn explained(self) -> anyhow::Result<T> {
        self.map_err(E::explained)
    }
}

/// An error with an exit code and hints for the user; made by [`FailureExt`], or of an error that
/// [explains](Explain) itself.
///
/// It takes the place of the error it was made of: it shows the same text and has the same cause. An
/// error type that has it as its source needs no exit code of its own.
#[derive(Debug)]
pub struct Failure {
    error: anyhow::Error,
    exit: Option<Exit>,
    hints: Vec<String>,
}

impl Failure {
    /// What the user can do about it.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The error that it was made of.
    pub fn downcast_ref<E: Error + Send + Sync + 'static>(&self) -> Option<&E> {
        self.error.downcast_ref()
    }

    fn of(error: anyhow::Error) -> Self {
        let new = |error| Self { error, exit: None, hints: Vec::new() };
        // `downcast` alone would also take a failure out from below its context.
        let outermost: &(dyn Error + 'static) = error.as_ref();
        if outermost.is::<Self>() { error.downcast().unwrap_or_else(new) } else { new(error) }
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        let (exit, hint) = (error.exit(), error.hint());
        Self { error: error.into(), exit: Some(exit), hints: hint.into_iter().collect() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, formatter)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

/// Adds an exit code or a hint to the error of a `Result`.
pub trait FailureExt<T> {
    /// The program's exit code should the error end it. Of several the last one given counts.
    ///
    /// # Errors
    /// The same as before, marked.
    fn exit(self, exit: Exit) -> anyhow::Result<T>;

    /// What the user can do about the error; printed on a line of its own.
    ///
    /// # Errors
    /// The same as before, marked.
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> FailureExt<T> for Result<T, E> {
    fn exit(self, exit: Exit) -> anyhow::Result<T> {
        self.map_err(|error| Failure { exit: Some(exit), ..Failure::of(error.into()) }.into())
    }

    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| {
            let mut failure = Failure::of(error.into());
            failure.hints.push(hint.into());
            failure.into()
        })
    }
}

/// Prints the error, if any, to standard error, with its causes and hints, and tells the exit code.
pub fn report(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprint!("{}", describe(&error));
    ExitCode::from(exit_of(&error) as u8)
}

fn describe(error: &anyhow::Error) -> String {
    let mut text = format!("error: {}\n", chain(error.as_ref()));
    for hint in failures(error).flat_map(|failure| &failure.hints) {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

fn exit_of(error: &anyhow::Error) -> Exit {
    let marked = failures(error).find_map(|failure| failure.exit);
    marked.unwrap_or(if disk_refuses(error) { Exit::Unavailable } else { Exit::Internal })
}

/// Whether a disk is full, or does not let this user: nothing that Pulso could do better.
fn disk_refuses(error: &anyhow::Error) -> bool {
    let refusals =
        [Io::PermissionDenied, Io::QuotaExceeded, Io::ReadOnlyFilesystem, Io::StorageFull];
    let mut system = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    system.any(|error| refusals.contains(&error.kind()))
}

fn failures(error: &anyhow::Error) -> impl Iterator<Item = &Failure> {
    error.chain().filter_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use pulso_pipeline::Retry;

    use super::*;

    fn broken() -> anyhow::Result<()> {
        let cause = io::Error::other("connection refused");
        Err(cause).context("failed to ask the server")
    }

    #[track_caller]
    fn check(result: anyhow::Result<()>, exit: Exit, text: &str) {
        let error = result.unwrap_err();
        assert_eq!((exit_of(&error), describe(&error).as_str()), (exit, text));
    }

    #[test]
    fn an_unmarked_error_is_internal() {
        check(broken(), Exit::Internal, "error: failed to ask the server: connection refused\n");
    }

    #[test]
    fn marks_change_neither_text_nor_causes_and_are_found_below_context() {
        let error = broken().exit(Exit::Unavailable).hint("start it").hint("or do not");
        check(
            error.context("failed to start"),
            Exit::Unavailable,
            "error: failed to start: failed to ask the server: connection refused\n\
             hint: start it\nhint: or do not\n",
        );
    }

    #[test]
    fn the_outermost_exit_code_counts() {
        let error = broken().exit(Exit::Unavailable).context("failed to start").exit(Exit::Usage);
        let text = "error: failed to start: failed to ask the server: connection refused\n";
        check(error, Exit::Usage, text);
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the store has 3 partitions")]
    struct Refused;

    impl AdapterError for Refused {
        fn retry(&self) -> Retry {
            Retry::No
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Settings
        }

        fn hint(&self) -> Option<String> {
            Some("configure 3".to_owned())
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("failed to read the log")]
    struct ReadLog(#[source] Failure);

    #[test]
    fn an_error_of_an_adapter_explains_itself_under_context_and_inside_other_errors() {
        let text = "error: failed to read the log: the store has 3 partitions\nhint: configure 3\n";
        check(Err(Refused).explained().context("failed to read the log"), Exit::Usage, text);
        check(Err(ReadLog(Refused.into()).into()), Exit::Usage, text);
    }

    #[test]
    fn a_disk_that_refuses_is_unavailable() {
        let full = Err(io::Error::from(Io::StorageFull)).context("failed to spill");
        check(full, Exit::Unavailable, "error: failed to spill: no storage space\n");
    }

    #[test]
    fn a_hint_on_a_plain_error_keeps_its_text() {
        let error = Err(io::Error::other("disk full")).hint("make room");
        check(error, Exit::Internal, "error: disk full\nhint: make room\n");
    }
}
