//! Identifiers as the network spells them.

use crate::random::salted;

/// The alphabet of `did:plc` and of content addresses.
const BASE_32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// The alphabet of record keys, whose order is that of time.
const SORTABLE: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";
/// Letters of a `did:plc` after its prefix.
const DID_LETTERS: u32 = 24;
/// Letters of a content address after its prefix.
const CID_LETTERS: u32 = 52;
/// Digits of base 32 in a record key.
const TID_DIGITS: u32 = 13;
/// Letters that one number of 64 bits gives.
const LETTERS_OF_NUMBER: u32 = 12;

/// The name of an account.
pub(crate) fn did(account: u64) -> String {
    let mut out = String::from("did:plc:");
    push_letters(&mut out, account, DID_LETTERS);
    out
}

/// The content address of the record with this key.
pub(crate) fn cid(key: u64) -> String {
    let mut out = String::from("bafyrei");
    push_letters(&mut out, key, CID_LETTERS);
    out
}

/// Appends a record key or revision: a time in microseconds and a number below 1024.
pub(crate) fn push_tid(out: &mut String, time_us: i64, clock: u64) {
    let number = (time_us.cast_unsigned() << 10 | clock & 0x3ff) & (u64::MAX >> 1);
    for place in (0..TID_DIGITS).rev() {
        out.push(letter(SORTABLE, number.checked_shr(5 * place).unwrap_or(0)));
    }
}

fn push_letters(out: &mut String, key: u64, count: u32) {
    for place in 0..count {
        let bits = salted(key, 100 + u64::from(place / LETTERS_OF_NUMBER));
        out.push(letter(BASE_32, bits >> (5 * (place % LETTERS_OF_NUMBER))));
    }
}

fn letter(alphabet: &[u8; 32], bits: u64) -> char {
    let place = usize::try_from(bits & 31).expect("five bits fit in a usize");
    char::from(alphabet[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_form_and_keys_the_order_of_time() {
        let tid = |time_us| {
            let mut out = String::new();
            push_tid(&mut out, time_us, 7);
            out
        };
        assert_eq!(did(1).len(), "did:plc:".len() + 24);
        assert_ne!(did(1), did(2));
        assert_eq!(cid(1).len(), 59);
        assert_eq!(tid(0).len(), 13);
        assert!(tid(1_767_225_600_000_000) < tid(1_767_225_600_000_001));
        // A key of 2026, in the server's own spelling.
        assert!(tid(1_779_719_009_157_119).starts_with("3mmo"), "{}", tid(1_779_719_009_157_119));
    }
}
