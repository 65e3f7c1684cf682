//! How far files are read, and how a file is known again.
//!
//! Pure. A file is known by its device and inode, and by its content: the beginning, and what stands before the
//! place. So a copy of a file is known, too, and a file that was cut and written anew is not taken for the old
//! one.

use std::fmt;
use std::str::FromStr;

/// How much of the beginning of a file makes its fingerprint, in bytes.
pub(super) const HEAD_BYTES: usize = 1024;

/// How much before a place is part of the fingerprint, in bytes.
pub(super) const TAIL_BYTES: usize = 64;

/// How often a file was rotated, by its name: 0 for the one that is written to, 3 for `access.log.3.gz`. A date says
/// only that it was.
pub(super) fn rotation(name: &str) -> u32 {
    const DIGITS_MAX: usize = 4;
    let name = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let number = name.rsplit(['.', '-']).next().unwrap_or_default();
    match number.parse() {
        Ok(rotation) if number.len() <= DIGITS_MAX => rotation,
        Ok(_) => 1,
        Err(_) => 0,
    }
}

/// A place in a file, right behind a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) device: u64,
    pub(super) inode: u64,
    /// In bytes of the content, decompressed.
    pub(super) offset: u64,
    /// Of the content up to the place, but no more than [`HEAD_BYTES`].
    head: Hash,
    /// Of the last [`TAIL_BYTES`] before the place.
    tail: Hash,
    /// Whether the file is gone, and was read to its end before.
    pub(super) left: bool,
}

/// FNV-1a, 64 bits; goes on from where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hash(u64);

impl Hash {
    const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    fn and(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }
}

impl Place {
    /// The beginning of a file.
    pub(super) fn begin(device: u64, inode: u64) -> Self {
        Self { device, inode, offset: 0, head: Hash::EMPTY, tail: Hash::EMPTY, left: false }
    }

    /// How many bytes of the beginning are in the fingerprint.
    pub(super) fn head_len(&self) -> usize {
        usize::try_from(self.offset).unwrap_or(usize::MAX).min(HEAD_BYTES)
    }

    /// How many bytes before the place are in the fingerprint.
    pub(super) fn tail_len(&self) -> usize {
        usize::try_from(self.offset).unwrap_or(usize::MAX).min(TAIL_BYTES)
    }

    /// Whether a file with these bytes at its beginning and before the place has the same content up to there.
    pub(super) fn fits(&self, head: &[u8], tail: &[u8]) -> bool {
        self.fits_head(head) && self.fits_tail(tail)
    }

    pub(super) fn fits_head(&self, head: &[u8]) -> bool {
        head.len() == self.head_len() && Hash::EMPTY.and(head) == self.head
    }

    pub(super) fn fits_tail(&self, tail: &[u8]) -> bool {
        tail.len() == self.tail_len() && Hash::EMPTY.and(tail) == self.tail
    }

    /// Goes on by `passed`; `before` is as much of what stands before it as the fingerprint needs.
    pub(super) fn pass(&mut self, before: &[u8], passed: &[u8]) {
        let head = HEAD_BYTES.saturating_sub(self.head_len()).min(passed.len());
        self.head = self.head.and(&passed[..head]);
        let rest = TAIL_BYTES.saturating_sub(passed.len()).min(before.len());
        let own = &passed[passed.len().saturating_sub(TAIL_BYTES)..];
        self.tail = Hash::EMPTY.and(&before[before.len() - rest..]).and(own);
        self.offset += passed.len() as u64;
    }

    /// Goes on to a place of which only the fingerprint is known; the head must be full before.
    pub(super) fn jump(&mut self, offset: u64, tail: &[u8]) {
        (self.offset, self.tail) = (offset, Hash::EMPTY.and(tail));
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, inode, offset, head: Hash(head), tail: Hash(tail), left } = self;
        let left = u8::from(*left);
        write!(formatter, "{device:x}-{inode:x}-{offset:x}-{head:x}-{tail:x}-{left}")
    }
}

/// The text is no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ParsePlaceError;

impl FromStr for Place {
    type Err = ParsePlaceError;

    fn from_str(text: &str) -> Result<Self, ParsePlaceError> {
        let mut parts = text.split('-').map(|part| u64::from_str_radix(part, 16));
        let mut next = || parts.next().and_then(Result::ok).ok_or(ParsePlaceError);
        let (device, inode, offset) = (next()?, next()?, next()?);
        let (head, tail, left) = (Hash(next()?), Hash(next()?), next()? == 1);
        let place = Self { device, inode, offset, head, tail, left };
        parts.next().is_none().then_some(place).ok_or(ParsePlaceError)
    }
}

/// How far all files of a source are read: `NUMBER PLACE PLACE…`. The number counts lines, so that of two
/// cursors of one moment the later one is the greater text, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) number: u64,
    pub(super) places: Vec<Place>,
}

impl fmt::Display for Places {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.number)?;
        self.places.iter().try_for_each(|place| write!(formatter, " {place}"))
    }
}

impl FromStr for Places {
    type Err = ParsePlaceError;

    fn from_str(text: &str) -> Result<Self, ParsePlaceError> {
        let mut parts = text.split(' ');
        let number = parts.next().filter(|number| number.len() == 16);
        let number = number.and_then(|number| u64::from_str_radix(number, 16).ok());
        let places = parts.map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { number: number.ok_or(ParsePlaceError)?, places })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_fits_the_content_that_it_was_reached_in_however_that_was() {
        let content: Vec<u8> = (0..5000_u32).map(|number| (number * number % 251) as u8).collect();
        for step in [1, 7, 63, 64, 65, 1000, 1023, 1024, 1025, 5000] {
            let mut place = Place::begin(1, 2);
            for passed in content.chunks(step) {
                let begin = usize::try_from(place.offset).unwrap();
                place.pass(&content[..begin], passed);
                let end = begin + passed.len();
                let (head, tail) =
                    (&content[..end.min(1024)], &content[end.saturating_sub(64)..end]);
                assert!(place.fits(head, tail), "{step} {end}");
                assert!(!place.fits(&[b"x", &head[1..]].concat(), tail));
                assert!(!place.fits(head, &[&tail[1..], b"x"].concat()));
                assert!(!place.fits(&head[1..], tail), "another length");
            }
            assert_eq!(place.offset, 5000);
        }
    }

    #[test]
    fn names_tell_how_often_a_file_was_rotated() {
        let names = [
            ("access.log", 0),
            ("access.log.gz", 0),
            ("access.log.1", 1),
            ("access.log.12.gz", 12),
            ("access-3.log.7.zst", 7),
            ("access.log-20261127.gz", 1),
            ("2026-11-27.log", 0),
            ("", 0),
        ];
        for (name, rotated) in names {
            assert_eq!(rotation(name), rotated, "{name}");
        }
    }

    #[test]
    fn places_read_back_and_other_text_does_not() {
        let mut place = Place::begin(0xfd01, u64::MAX);
        place.pass(b"", b"some line\n");
        for places in [vec![], vec![place.clone()], vec![Place::begin(1, 2), place]] {
            let places = Places { number: 77, places };
            assert_eq!(places.to_string().parse(), Ok(places.clone()));
        }
        for wrong in ["", "77", "1500000000000", "000000000000004d 1-2-3-4-5", "000000000000004d "]
        {
            assert!(wrong.parse::<Places>().is_err(), "{wrong}");
        }
        let later = |number| Places { number, places: Vec::new() }.to_string();
        assert!(later(9) < later(10) && later(255) < later(256));
    }
}
