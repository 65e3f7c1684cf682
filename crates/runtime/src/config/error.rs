//! What can be wrong with a configuration.

use std::fmt;
use std::path::PathBuf;

/// For a file that is not TOML.
const SYNTAX_HINT: &str =
    "write a section as `[window]` and a key below it as `size = \"5m\"` (https://toml.io)";

/// Something wrong with one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Dotted, as in `window.size`.
    pub key: String,
    /// The key, its value and what is wrong.
    pub message: String,
    pub hint: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that is not TOML. Line and column count from 1.
    #[error("failed to load config `{}`: line {line}, column {column}: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, column: usize, message: String },
    /// At least one problem, in the order of the keys in the reference.
    #[error("failed to load config{}", invalid(path.as_ref(), problems))]
    Invalid { path: Option<PathBuf>, problems: Vec<Problem> },
}

impl ConfigError {
    /// What the user can do. Several problems have their hints in the message, beside each.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Syntax { .. } => vec![SYNTAX_HINT.to_owned()],
            Self::Invalid { problems, .. } if problems.len() == 1 => vec![problems[0].hint.clone()],
            Self::Invalid { .. } => Vec::new(),
        }
    }
}

fn invalid(path: Option<&PathBuf>, problems: &[Problem]) -> impl fmt::Display {
    fmt::from_fn(move |formatter| {
        if let Some(path) = path {
            write!(formatter, " `{}`", path.display())?;
        }
        if let [problem] = problems {
            return write!(formatter, ": {}", problem.message);
        }
        write!(formatter, ": {} problems", problems.len())?;
        for Problem { message, hint, .. } in problems {
            write!(formatter, "\n  {message}\n    hint: {hint}")?;
        }
        Ok(())
    })
}
