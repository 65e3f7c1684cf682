//! An error with all its causes in one line, for log fields.

use std::error::Error;
use std::fmt;

/// Shows an error as `what: cause: cause`, as in `error = %chain(&error)`.
pub fn chain<'a>(error: &'a (dyn Error + 'a)) -> Chain<'a> {
    Chain(error)
}

/// See [`chain`].
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(&'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_shown_once() {
        let error =
            anyhow::anyhow!("disk full").context("failed to write").context("failed to stop");
        let error: &(dyn Error + 'static) = error.as_ref();
        assert_eq!(chain(error).to_string(), "failed to stop: failed to write: disk full");
    }
}
