//! Things that a stream should never send but sometimes does.

use tokio_tungstenite::tungstenite::Message;

use crate::random::{salted, unit};

/// A little more than a mebibyte, beyond which consumers refuse messages.
const OVERSIZE_BYTES: usize = (1 << 20) + 1024;

/// The garbage with this number. Four kinds alternate.
pub(super) fn frame(number: u64) -> Message {
    match number % 4 {
        0 => Message::binary(vec![0xff, 0x00, 0xfe, 0x7b, 0x22]),
        1 => Message::text("{\"venue\":{\"venue_name\":\"Blue Door"),
        2 => Message::text(oversize()),
        _ => Message::text("stream is being restarted, please hold the line"),
    }
}

/// Returns true for a share of all places in a connection's stream. The same seed gives the same
/// places.
pub(super) fn belongs_before(place: u64, share: f64, seed: u64) -> bool {
    unit(salted(seed, place)) < share
}

/// Valid JSON that is far too long.
fn oversize() -> String {
    let mut text = String::with_capacity(OVERSIZE_BYTES + 16);
    text.push_str("{\"padding\":\"");
    text.extend(std::iter::repeat_n('x', OVERSIZE_BYTES));
    text.push_str("\"}");
    text
}
