//! Exit codes, and errors that know theirs.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done, or stopped as asked |
//! | 1 | an error inside Pulso or its data, or `verify` found a difference |
//! | 2 | wrong usage or configuration |
//! | 3 | something Pulso depends on is not available |
//! | 4 | no input, or nothing of a layer for `verify` to compare |

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

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

/// An error with an exit code and hints for the user; made by [`FailureExt`].
///
/// It takes the place of the error it was made of: it shows the same text and has the same cause.
#[derive(Debug)]
pub struct Failure {
    error: anyhow::Error,
    exit: Option<Exit>,
    hints: Vec<String>,
}

impl Failure {
    fn of(error: anyhow::Error) -> Self {
        let new = |error| Self { error, exit: None, hints: Vec::new() };
        // `downcast` alone would also take a failure out from below its context.
        let outermost: &(dyn Error + 'static) = error.as_ref();
        if outermost.is::<Self>() { error.downcast().unwrap_or_else(new) } else { new(error) }
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

    /// The same for a hint that not every error has.
    ///
    /// # Errors
    /// The same as before, marked.
    fn hint_if_any(self, hint: Option<impl Into<String>>) -> anyhow::Result<T>;
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

    fn hint_if_any(self, hint: Option<impl Into<String>>) -> anyhow::Result<T> {
        match hint {
            Some(hint) => self.hint(hint),
            None => self.map_err(Into::into),
        }
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
    failures(error).find_map(|failure| failure.exit).unwrap_or(Exit::Internal)
}

fn failures(error: &anyhow::Error) -> impl Iterator<Item = &Failure> {
    error.chain().filter_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    fn broken() -> anyhow::Result<()> {
        let cause = std::io::Error::other("connection refused");
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

    #[test]
    fn a_hint_on_a_plain_error_keeps_its_text() {
        let error = Err(std::io::Error::other("disk full")).hint("make room");
        check(error, Exit::Internal, "error: disk full\nhint: make room\n");
    }
}
