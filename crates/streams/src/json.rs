//! What decoders of JSON have in common.

use pulso_model::{DeadLetter, Reason};

/// How deep objects and lists may nest. The parsers recurse, and a message must not end the process by
/// exhausting its stack.
pub(crate) const MAX_DEPTH: usize = 1024;

/// Refuses a message that nests too deep. Looks only at messages long enough to close what they open
/// that deep: nearly none are.
///
/// # Errors
/// With [`Reason::InvalidJson`].
pub(crate) fn check_depth(payload: &[u8]) -> Result<(), DeadLetter> {
    if payload.len() <= 2 * MAX_DEPTH {
        return Ok(());
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for &byte in payload {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            let detail = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(DeadLetter::new(Reason::InvalidJson, detail));
        }
    }
    Ok(())
}

/// What the parser says of a text that is JSON: a field of a wrong type, or one given twice. Only the first
/// line of its words, as the rest draws the place in the text.
pub(crate) fn refused(error: &sonic_rs::Error) -> DeadLetter {
    let words = error.to_string();
    let line = words.lines().next().unwrap_or_default().to_owned();
    let reason =
        if line.contains("duplicate field") { Reason::InvalidValue } else { Reason::WrongType };
    DeadLetter::new(reason, line)
}
