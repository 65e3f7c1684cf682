//! A quick look at every byte of a text.

/// Whether a byte of the text is as asked. Looks at blocks, which vector registers hold, as nearly
/// every text of a message is looked at, and nearly none has such a byte.
#[inline]
pub fn any_byte(text: &str, asked: impl Fn(u8) -> bool) -> bool {
    let text = text.as_bytes();
    if let Some(last) = text.last_chunk::<16>() {
        return text.as_chunks().0.iter().any(|block: &[u8; 16]| in_block(block, &asked))
            || in_block(last, &asked);
    }
    match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => in_block(first, &asked) | in_block(last, &asked),
        _ => text.iter().any(|&byte| asked(byte)),
    }
}

#[inline]
fn in_block<const N: usize>(block: &[u8; N], asked: &impl Fn(u8) -> bool) -> bool {
    block.iter().fold(false, |any, &byte| any | asked(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_is() {
        for length in 0..50 {
            let plain = "x".repeat(length);
            assert!(!any_byte(&plain, |byte| byte == b'!'));
            for place in 0..length {
                let mut odd = plain.clone();
                odd.replace_range(place..=place, "!");
                assert!(any_byte(&odd, |byte| byte == b'!'), "{place} of {length}");
            }
        }
    }
}
