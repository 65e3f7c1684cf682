//! Windows as bytes, for checkpoints.

use crate::Windows;

/// Raised whenever the serialised form changes, be it that of what stands behind the windows.
const VERSION: u32 = 9;

/// What a checkpoint says of windows.
#[derive(Debug)]
pub struct Saved<'s> {
    /// Whether single facts were shown when it was made.
    pub shows_facts: bool,
    pub windows: Windows,
    /// What the reader of the log adds, in a form of its own.
    pub rest: &'s [u8],
}

/// Bytes that are no state of this version.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    #[error(
        "the checkpoint was made by another version of pulso (its format is {found}, this one writes {VERSION})"
    )]
    Version { found: u32 },
    #[error("the checkpoint is damaged")]
    Damaged(#[source] postcard::Error),
}

impl<'s> Saved<'s> {
    /// # Errors
    /// When the bytes are of another version, or damaged.
    pub fn from_bytes(bytes: &'s [u8]) -> Result<Self, SavedError> {
        let damaged = SavedError::Damaged;
        let (found, rest) = postcard::take_from_bytes::<u32>(bytes).map_err(damaged)?;
        if found != VERSION {
            return Err(SavedError::Version { found });
        }
        let ((shows_facts, windows), rest) = postcard::take_from_bytes(rest).map_err(damaged)?;
        Ok(Self { shows_facts, windows, rest })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        save(self.shows_facts, &self.windows, self.rest)
    }
}

/// The bytes of windows, and of what the reader of the log adds.
pub fn save(shows_facts: bool, windows: &Windows, rest: &[u8]) -> Vec<u8> {
    let mut bytes = postcard::to_stdvec(&(VERSION, shows_facts, windows))
        .expect("windows serialise into memory");
    bytes.extend(rest);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, Shape};

    #[test]
    fn what_was_saved_reads_back_and_nothing_else_does() {
        let windows = Windows::new(Settings::usual(Shape::default()), 2);
        let bytes = save(true, &windows, b"rest");
        let saved = Saved::from_bytes(&bytes).unwrap();
        assert_eq!((saved.shows_facts, saved.rest), (true, &b"rest"[..]));
        assert_eq!(saved.to_bytes(), bytes);
        assert!(matches!(Saved::from_bytes(&[1, 0]), Err(SavedError::Version { found: 1 })));
        assert!(matches!(Saved::from_bytes(&bytes[..20]), Err(SavedError::Damaged(_))));
    }
}
