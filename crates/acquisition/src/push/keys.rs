//! Which POSTs with an `Idempotency-Key` are known, and how far each is stored.
//!
//! Pure. The cursor of every message says it all, so that a start knows what the log has: the POSTs before, and
//! how many messages are stored with this one of the POST that it is of. As many POSTs are named as may be
//! under way: after a crash only those are repeated that were not answered.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use sha2::{Digest, Sha256};

/// How many keys are remembered while the program runs.
const REMEMBERED_MAX: usize = 100_000;

/// How many keys the log remembers, with its last message: so many POSTs may be under way at once.
pub(super) const IN_CURSOR_MAX: usize = 64;

/// Bytes of a hash that are kept.
const HASH_BYTES: usize = 8;

/// Half of a SHA-256 is more than enough: a key that is taken for another is refused, as its body differs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Hash([u8; HASH_BYTES]);

impl Hash {
    fn of(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let mut hash = [0; HASH_BYTES];
        hash.copy_from_slice(&digest[..HASH_BYTES]);
        Self(hash)
    }
}

/// A POST with a key: that of its sender, and what it has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Keyed {
    key: Hash,
    body: Hash,
}

impl Keyed {
    pub(super) fn new(key: &[u8], body: &[u8]) -> Self {
        Self { key: Hash::of(key), body: Hash::of(body) }
    }

    /// In a cursor, when so many of its messages are stored, but not all.
    fn part(self, count: usize) -> String {
        format!("{self}:{count}")
    }

    fn read(text: &str) -> Option<Self> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut bytes = [0; 2 * HASH_BYTES];
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
        }
        let (key, body) = bytes.split_at(HASH_BYTES);
        Some(Self { key: Hash(key.try_into().ok()?), body: Hash(body.try_into().ok()?) })
    }
}

/// In a cursor: hexadecimal digits.
impl fmt::Display for Keyed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.key.0.iter().chain(&self.body.0);
        bytes.try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// So many of its messages are stored, and no more come by themselves.
    Broken(usize),
    /// It is being stored from there.
    Begun(usize),
    /// All messages are on their way into the log.
    HandedOver,
    Stored,
}

/// What to do with a POST that has a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// Store it, but for so many messages at its beginning, which are stored.
    Store { from: usize },
    /// All of it is stored.
    Stored,
    /// Another request with this key is not answered yet.
    Busy,
    /// The key was used with another body.
    OtherBody,
}

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: BTreeMap<Hash, (Hash, State)>,
    /// Those of which messages are on their way or stored, in the order of the log.
    order: VecDeque<Keyed>,
}

impl Keys {
    /// Knows what the cursor of the last stored message says; `None` where it is no such cursor.
    pub(super) fn after(cursor: &str) -> Option<Self> {
        let mut keys = Self::default();
        for text in cursor.split(' ').filter(|text| !text.is_empty()) {
            let (keyed, state) = match text.split_once(':') {
                Some((keyed, count)) => (keyed, State::Broken(count.parse().ok()?)),
                None => (text, State::Stored),
            };
            let keyed = Keyed::read(keyed)?;
            keys.known.insert(keyed.key, (keyed.body, state));
            keys.order.push_back(keyed);
        }
        Some(keys)
    }

    /// A POST comes.
    pub(super) fn begin(&mut self, keyed: Keyed) -> Turn {
        let from = match self.known.get(&keyed.key) {
            Some((body, _)) if *body != keyed.body => return Turn::OtherBody,
            Some((_, State::Begun(_) | State::HandedOver)) => return Turn::Busy,
            Some((_, State::Stored)) => return Turn::Stored,
            Some((_, State::Broken(count))) => *count,
            None => 0,
        };
        self.known.insert(keyed.key, (keyed.body, State::Begun(from)));
        Turn::Store { from }
    }

    /// All messages of a POST are on their way, behind those of the POSTs before.
    pub(super) fn handed_over(&mut self, keyed: Keyed) {
        if let Some((_, State::Begun(1..))) = self.known.get(&keyed.key) {
            self.order.retain(|other| other.key != keyed.key);
        }
        self.known.insert(keyed.key, (keyed.body, State::HandedOver));
        self.order.push_back(keyed);
        if self.order.len() > REMEMBERED_MAX {
            let oldest = self.order.pop_front();
            oldest.map(|oldest| self.known.remove(&oldest.key));
        }
    }

    /// All of a POST is stored.
    pub(super) fn stored(&mut self, keyed: Keyed) {
        if let Some((_, state)) = self.known.get_mut(&keyed.key) {
            *state = State::Stored;
        }
    }

    /// A POST is not stored, or not all of it: whoever repeats it is to have it stored.
    pub(super) fn lost(&mut self, keyed: Keyed) {
        self.known.remove(&keyed.key);
        self.order.retain(|other| other.key != keyed.key);
    }

    /// What the cursor of a message says that comes now: the POSTs before it.
    pub(super) fn before(&self) -> String {
        let newest = self.order.iter().rev().take(IN_CURSOR_MAX);
        let shown: Vec<_> = newest.rev().map(|keyed| self.show(*keyed)).collect();
        shown.join(" ")
    }

    fn show(&self, keyed: Keyed) -> String {
        match self.known.get(&keyed.key) {
            Some((_, State::Broken(count) | State::Begun(count))) => keyed.part(*count),
            _ => keyed.to_string(),
        }
    }
}

/// The cursor of a message of a POST with a key: `count` of `all` messages are stored with it.
pub(super) fn cursor(before: &str, keyed: Keyed, (count, all): (usize, usize)) -> String {
    if count == all {
        format!("{before} {keyed}")
    } else {
        format!("{before} {}", keyed.part(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(key: &str) -> Keyed {
        Keyed::new(key.as_bytes(), b"the body")
    }

    #[test]
    fn a_post_is_stored_once() {
        let mut keys = Keys::default();
        assert_eq!(keys.begin(keyed("a")), Turn::Store { from: 0 });
        assert_eq!(keys.begin(keyed("a")), Turn::Busy);
        assert_eq!(keys.begin(keyed("b")), Turn::Store { from: 0 });
        keys.handed_over(keyed("a"));
        assert_eq!(keys.begin(keyed("a")), Turn::Busy);
        keys.stored(keyed("a"));
        assert_eq!(keys.begin(keyed("a")), Turn::Stored);
        assert_eq!(keys.begin(Keyed::new(b"a", b"another")), Turn::OtherBody);
        keys.lost(keyed("b"));
        assert_eq!(keys.begin(keyed("b")), Turn::Store { from: 0 });
    }

    #[test]
    fn a_cursor_tells_how_far_each_post_is_stored() {
        let mut keys = Keys::default();
        for key in ["a", "b"] {
            keys.begin(keyed(key));
            keys.handed_over(keyed(key));
        }
        keys.begin(keyed("c"));
        let before = keys.before();
        let last = cursor(&before, keyed("c"), (2, 5));
        let mut keys = Keys::after(&last).unwrap();
        assert_eq!(keys.before(), last, "it says the same of what comes behind");
        assert_eq!(keys.begin(keyed("a")), Turn::Stored);
        assert_eq!(keys.begin(keyed("b")), Turn::Stored);
        assert_eq!(keys.begin(keyed("c")), Turn::Store { from: 2 });
        assert_eq!(keys.before(), last, "so it is until the rest is handed over");
        keys.handed_over(keyed("c"));
        let all = cursor(&before, keyed("c"), (5, 5));
        assert_eq!(keys.before(), all);
        assert_eq!(Keys::after(&all).unwrap().begin(keyed("c")), Turn::Stored);
        assert_eq!(Keys::after("").unwrap().before(), "");
    }

    #[test]
    fn old_keys_are_forgotten() {
        let mut keys = Keys::default();
        for number in 0..=REMEMBERED_MAX {
            let keyed = keyed(&number.to_string());
            keys.begin(keyed);
            keys.handed_over(keyed);
            keys.stored(keyed);
        }
        assert_eq!(keys.known.len(), REMEMBERED_MAX);
        assert_eq!(keys.begin(keyed("0")), Turn::Store { from: 0 });
        assert_eq!(keys.begin(keyed("1")), Turn::Stored);
        let after = Keys::after(&keys.before()).unwrap();
        assert_eq!(after.order.len(), IN_CURSOR_MAX);
        assert_eq!(after.order.back(), Some(&keyed(&REMEMBERED_MAX.to_string())));
    }

    #[test]
    fn a_cursor_of_another_kind_is_none() {
        for other in ["1467331200000", "x", "00ff", &format!("{}:x", keyed("a")), "ü"] {
            assert!(Keys::after(other).is_none(), "{other}");
        }
    }
}
