//! Passwords and keys: never shown, and read from their file only when they are used.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A secret of the configuration, or the file that holds it.
///
/// The file is read by the program that uses the secret, not when the configuration is loaded: one
/// configuration serves programs of which not all may read every secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    key: String,
    place: Place,
}

#[derive(Clone, PartialEq, Eq)]
enum Place {
    Here(String),
    File(PathBuf),
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("failed to read `{key}` (`{}`)", path.display())]
    Read { key: String, path: PathBuf, source: io::Error },
    #[error("`{key}` (`{}`) is an empty file", path.display())]
    Empty { key: String, path: PathBuf },
}

impl SecretError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        "name a file that holds nothing but the secret, and that this user may read"
    }
}

impl Secret {
    pub(super) fn here(key: &str, text: &str) -> Self {
        Self { key: key.to_owned(), place: Place::Here(text.to_owned()) }
    }

    /// A secret in a file that `key` names.
    pub fn file(key: &str, path: PathBuf) -> Self {
        Self { key: key.to_owned(), place: Place::File(path) }
    }

    /// The secret itself; of a file, without the newline at its end.
    ///
    /// # Errors
    /// When the file cannot be read, or is empty.
    pub fn reveal(&self) -> Result<String, SecretError> {
        let key = || self.key.clone();
        match &self.place {
            Place::Here(text) => Ok(text.clone()),
            Place::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| SecretError::Read {
                    key: key(),
                    path: path.clone(),
                    source,
                })?;
                match text.trim_end_matches(['\r', '\n']) {
                    "" => Err(SecretError::Empty { key: key(), path: path.clone() }),
                    secret => Ok(secret.to_owned()),
                }
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_secret_is_not_shown_and_a_file_may_end_in_a_newline() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let secret = Secret::file("kafka.password_file", file.path().to_owned());
        let empty = secret.reveal().unwrap_err().to_string();
        assert!(empty.contains("kafka.password_file") && empty.contains("empty"), "{empty}");
        file.write_all(b" a b \r\n").unwrap();
        assert_eq!(secret.reveal().unwrap(), " a b ");
        assert_eq!(format!("{secret:?} {:?}", Secret::here("k", "abc")), "*** ***");
        file.close().unwrap();
        assert!(matches!(secret.reveal(), Err(SecretError::Read { .. })));
    }
}
