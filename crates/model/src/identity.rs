//! The identity of a fact: equal ones are the same fact.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A tuple of values, as bytes that are equal exactly when all values are.
///
/// Short ones are kept in place: most streams tell facts apart by a few numbers, and the speed layer
/// remembers millions of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(Bytes);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Bytes {
    /// The length and the bytes; zeros behind.
    Short(u8, [u8; SHORT_MAX]),
    Long(Box<[u8]>),
}

/// With its length and the tag of the other variant this makes 24 bytes.
const SHORT_MAX: usize = 22;

impl Identity {
    /// The tuple of some integers.
    pub fn of_integers(numbers: &[i64]) -> Self {
        let mut tuple = IdentityWriter::default();
        numbers.iter().for_each(|number| tuple.integer(*number));
        tuple.finish()
    }

    fn new(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT_MAX];
        Self(match (short.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(bytes);
                Bytes::Short(length, short)
            }
            _ => Bytes::Long(bytes.into()),
        })
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Short(length, bytes) => &bytes[..usize::from(*length)],
            Bytes::Long(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identity({})", self.bytes().escape_ascii())
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.bytes())
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Identity;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the bytes of an identity")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Identity, E> {
                Ok(Identity::new(bytes))
            }
        }

        deserializer.deserialize_bytes(Visitor)
    }
}

/// Writes a tuple. Every value says where it ends, so that no two tuples give the same bytes.
#[derive(Debug)]
pub(crate) struct IdentityWriter {
    bytes: Vec<u8>,
}

/// Room for most tuples of numbers.
const USUAL_BYTES: usize = 32;

impl Default for IdentityWriter {
    fn default() -> Self {
        Self { bytes: Vec::with_capacity(USUAL_BYTES) }
    }
}

impl IdentityWriter {
    pub(crate) fn null(&mut self) {
        self.bytes.push(0);
    }

    pub(crate) fn integer(&mut self, number: i64) {
        self.bytes.push(1);
        // Small numbers of either sign are short (zigzag, then base 128).
        self.length((number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
    }

    pub(crate) fn float(&mut self, number: f64) {
        self.bytes.push(2);
        // SQL knows one zero only.
        let bits = if number == 0.0 { 0 } else { number.to_bits() };
        self.bytes.extend(bits.to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes.push(3);
        self.length(text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    pub(crate) fn finish(&self) -> Identity {
        Identity::new(&self.bytes)
    }

    fn length(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push((number & 0x7f) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(write: impl Fn(&mut IdentityWriter)) -> Identity {
        let mut writer = IdentityWriter::default();
        write(&mut writer);
        writer.finish()
    }

    #[test]
    fn tuples_are_equal_exactly_when_their_values_are() {
        let all = [
            identity(|_| ()),
            identity(IdentityWriter::null),
            identity(|tuple| tuple.integer(0)),
            identity(|tuple| tuple.integer(-1)),
            identity(|tuple| tuple.integer(1)),
            identity(|tuple| tuple.integer(i64::MIN)),
            identity(|tuple| tuple.integer(i64::MAX)),
            identity(|tuple| tuple.float(0.0)),
            identity(|tuple| tuple.text("")),
            identity(|tuple| tuple.text("\u{0}")),
            identity(|tuple| ["a", "bc"].iter().for_each(|text| tuple.text(text))),
            identity(|tuple| ["ab", "c"].iter().for_each(|text| tuple.text(text))),
            identity(|tuple| tuple.text(&"x".repeat(SHORT_MAX))),
            identity(|tuple| tuple.text(&"x".repeat(300))),
        ];
        for (index, one) in all.iter().enumerate() {
            for (other_index, other) in all.iter().enumerate() {
                assert_eq!(one == other, index == other_index, "{one:?} {other:?}");
            }
            let bytes = serde_json::to_string(one.bytes()).unwrap();
            assert!(!bytes.is_empty());
        }
        assert_eq!(identity(|tuple| tuple.float(-0.0)), identity(|tuple| tuple.float(0.0)));
    }

    #[test]
    fn an_identity_is_small() {
        assert_eq!(size_of::<Identity>(), 24);
    }
}
